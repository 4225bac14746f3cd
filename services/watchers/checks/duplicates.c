/* Values that come twice where names and all the other values say that they are meant to be unique. */
#include <strings.h>

#include "services/watchers/scan.h"

#define ROWS_MIN 20
#define DISTINCT_SHARE 0.99 /* of values that come once, in a column that is meant to be unique */

static bool ends_with(struct span name, const char *end)
{
	size_t n = strlen(end);
	return name.n >= n && strncasecmp(name.p + name.n - n, end, n) == 0;
}

static bool identifies(const struct scan_column *c)
{
	static const char *const names[] = {"email",  "e_mail",  "username", "user_name", "login", "slug",
	                                    "sku",    "isbn",    "iban",     "uuid",      "guid",  "external_id",
	                                    "serial", "barcode", "ean",      "handle"};
	static const char *const ends[] = {"_email", "_number", "_uuid", "_slug", "_sku", "_no"};
	for (size_t i = 0; i < countof(names); i++)
		if (c->name.n == strlen(names[i]) && ends_with(c->name, names[i]))
			return true;
	for (size_t i = 0; i < countof(ends); i++)
		if (ends_with(c->name, ends[i]))
			return true;
	return false;
}

static void report(struct scan *s, const struct scan_table *t, struct span columns, struct span list, int64_t rows)
{
	scan_defect(s, &(struct defect){
	                   .type = "duplicate_values",
	                   .severity = SEVERITY_MEDIUM,
	                   .where = scan_text(s, "%.*s.%.*s", SPAN_ARG(t->full), SPAN_ARG(columns)),
	                   .table = t->full,
	                   .title = scan_text(s, "%lld rows of %.*s repeat a value of %.*s", (long long)rows,
	                                      SPAN_ARG(t->full), SPAN_ARG(columns)),
	                   .description =
	                       SPAN("No unique index says so, but name and values show that each is meant to come once."),
	                   .recommendation = SPAN("Merge the rows, then add a unique index."),
	                   .rows = rows,
	                   .sql = scan_text(s, "SELECT %.*s, count(*) FROM %.*s GROUP BY %.*s HAVING count(*) > 1",
	                                    SPAN_ARG(list), SPAN_ARG(t->quoted), SPAN_ARG(list)),
	               });
}

/* Rows that are one too many, of all: by groups of equal values. */
static bool count_repeated(struct scan *s, const struct scan_table *t, struct span columns, struct span list,
                           int64_t *ret_rows, int64_t *ret_repeated)
{
	scoped_result r = {0};
	struct span sql = scan_text(s,
	                            "SELECT coalesce(sum(n), 0)::bigint, coalesce(sum(n - 1), 0)::bigint FROM (SELECT "
	                            "count(*) AS n FROM %.*s WHERE (%.*s) "
	                            "IS NOT NULL GROUP BY %.*s) a",
	                            SPAN_ARG(t->quoted), SPAN_ARG(list), SPAN_ARG(list));
	s->rows_read += (int64_t)t->rows;
	return scan_ask(s, scan_text(s, "%.*s.%.*s", SPAN_ARG(t->full), SPAN_ARG(columns)), sql.p, &r) &&
	       span_i64(store_value(&r, 0, 0), ret_rows) && span_i64(store_value(&r, 0, 1), ret_repeated);
}

static bool is_too_large(struct scan *s, const struct scan_table *t, struct span columns)
{
	if (!scan_is_sampled(s, t))
		return false;
	scan_skip(s, scan_text(s, "%.*s.%.*s", SPAN_ARG(t->full), SPAN_ARG(columns)),
	          "the table has more than max_rows rows, and a sample does not show duplicates");
	return true;
}

static void check_column(struct scan *s, const struct scan_table *t, const struct scan_column *c)
{
	int64_t rows, repeated;
	if (is_too_large(s, t, c->name) || !count_repeated(s, t, c->name, c->quoted, &rows, &repeated))
		return;
	if (repeated && rows >= ROWS_MIN && (double)repeated <= (1 - DISTINCT_SHARE) * (double)rows)
		report(s, t, c->name, c->quoted, repeated);
}

/* A table of two references and little else holds each pair once. */
static void check_pairs(struct scan *s, const struct scan_table *t)
{
	const struct scan_column *pair[2];
	size_t n = 0, keys = 0;
	int64_t rows, repeated;
	for (size_t i = 0; i < s->keys_n; i++)
		keys += s->keys[i].child == t;
	for (size_t i = 0; i < t->columns_n; i++)
		if (t->columns[i].references && n++ < 2)
			pair[n - 1] = &t->columns[i];
	if (n != 2 || keys != 2 || t->columns_n > 4 || pair[0]->unique || pair[1]->unique)
		return;
	struct span columns = scan_text(s, "%.*s, %.*s", SPAN_ARG(pair[0]->name), SPAN_ARG(pair[1]->name));
	struct span list = scan_text(s, "%.*s, %.*s", SPAN_ARG(pair[0]->quoted), SPAN_ARG(pair[1]->quoted));
	if (is_too_large(s, t, columns) || !count_repeated(s, t, columns, list, &rows, &repeated))
		return;
	if (repeated && rows >= ROWS_MIN && (double)repeated <= (1 - DISTINCT_SHARE) * (double)rows)
		report(s, t, columns, list, repeated);
}

static void run(struct scan *s)
{
	for (size_t i = 0; i < s->tables_n && !s->over; i++) {
		const struct scan_table *t = &s->tables[i];
		if (!t->readable || t->rows < 1)
			continue;
		for (size_t k = 0; k < t->columns_n && !s->over; k++)
			if (!t->columns[k].unique && !t->columns[k].references && identifies(&t->columns[k]))
				check_column(s, t, &t->columns[k]);
		if (!s->over)
			check_pairs(s, t);
	}
}

const struct integrity_check integrity_check_duplicates = {
    .name = "duplicates", .summary = "repeated values where each is meant to come once", .run = run};
