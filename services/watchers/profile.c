/* Measures what tables are like, and keeps it for later runs to compare with. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "bus/kv.h"
#include "bus/topology.h"
#include "core/hash.h"
#include "services/watchers/scan.h"

#define COLUMNS_AT_ONCE 30
#define FORM_SAMPLE 2000
#define FORM_LEAST 50
#define FORM_SHARE 0.99

const char *const form_names[] = {"none", "uuid", "email", "url", "date", "digits", "upper", "slug", NULL};

const char *form_pattern(enum form f)
{
	static const char *const patterns[FORM_COUNT] = {
	    "",
	    "^[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$",
	    "^[^@[:space:]]+@[^@[:space:]]+[.][^@[:space:]]+$",
	    "^https?://[^[:space:]]+$",
	    "^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ].*)?$",
	    "^[0-9]+$",
	    "^[A-Z][A-Z0-9_-]*$",
	    "^[a-z0-9]+([-_][a-z0-9]+)*$",
	};
	return patterns[f];
}

/* ---- earlier runs */

static void key_of(const struct scan *s, const struct scan_table *t, char out[128])
{
	uint64_t h[2];
	hash128(t->full, h);
	snprintf(out, 128, "%.*s.%.*s.%016" PRIx64, SPAN_ARG(s->run->watch->tenant), SPAN_ARG(s->run->watch->name), h[0]);
}

static enum form form_named(struct json v)
{
	for (unsigned i = 1; i < FORM_COUNT; i++)
		if (json_text_is(v, span_from(form_names[i])))
			return i;
	return FORM_NONE;
}

static struct column_profile read_column(struct json v)
{
	struct column_profile c = {0};
	struct json m;
	json_member(v, SPAN("rows"), &m);
	json_i64(m, &c.rows);
	json_member(v, SPAN("nulls"), &m);
	json_i64(m, &c.nulls);
	json_member(v, SPAN("misses"), &m);
	json_i64(m, &c.misses);
	json_member(v, SPAN("form"), &m);
	c.form = form_named(m);
	c.ranged = json_member(v, SPAN("low"), &m) && json_f64(m, &c.low) && json_member(v, SPAN("high"), &m) &&
	           json_f64(m, &c.high);
	return c;
}

static void read_run(struct scan *s, const struct scan_table *t, struct json run, struct profile *p)
{
	struct json m, columns, column;
	size_t at = p->past_n++;
	json_member(run, SPAN("rows"), &m);
	json_i64(m, &p->past_rows[at]);
	p->past[at] = arena_zalloc(s->arena, (t->columns_n + 1) * sizeof *p->past[at]);
	json_member(run, SPAN("columns"), &columns);
	for (size_t i = 0; i < t->columns_n; i++)
		if (json_member(columns, t->columns[i].name, &column))
			p->past[at][i] = read_column(column);
}

static void read_past(struct scan *s, const struct scan_table *t, struct profile *p)
{
	scoped_buf text = {0};
	char key[128];
	uint64_t revision;
	struct err ignored;
	struct json v, item, k;
	struct watch_profile kept;
	key_of(s, t, key);
	if (bus_kv_get(s->run->w->bus, BUCKET_WATCH_PROFILES, key, &text, &revision, &ignored) != STATUS_OK ||
	    json_parse(buf_span(&text), &v, &ignored) != STATUS_OK ||
	    json_decode(&watch_profile_table, v, JSON_LENIENT, s->arena, &kept, &ignored) != STATUS_OK ||
	    !span_eq(kept.table, t->full))
		return;
	for (struct json_iter it = json_iter(kept.history); p->past_n < PROFILE_HISTORY && json_next(&it, &k, &item);)
		read_run(s, t, item, p);
}

/* ---- measuring */

static bool is_ranged(const struct scan_column *c)
{
	return (c->category == 'N' || c->category == 'D') && !span_is(c->type, "time without time zone") &&
	       !span_is(c->type, "time with time zone") && !span_is(c->type, "money") && !span_is(c->type, "oid");
}

static enum form past_form(const struct profile *p, size_t column)
{
	for (size_t i = 0; i < p->past_n; i++)
		if (p->past[i][column].form)
			return p->past[i][column].form;
	return FORM_NONE;
}

/* The first form that nearly all values of a sample have. */
static enum form learn_form(struct scan *s, const struct scan_table *t, const struct scan_column *c)
{
	scoped_buf sql = {0};
	scoped_result r = {0};
	int64_t all, of_form;
	double scale;
	struct span from = scan_from(s, t, &scale);
	buf_adds(&sql, "SELECT count(*)");
	for (unsigned f = 1; f < FORM_COUNT; f++)
		buf_printf(&sql, ", count(*) FILTER (WHERE v ~ '%s')", form_pattern(f));
	buf_printf(&sql, " FROM (SELECT %.*s::text AS v FROM %.*s WHERE %.*s IS NOT NULL LIMIT %d) a", SPAN_ARG(c->quoted),
	           SPAN_ARG(from), SPAN_ARG(c->quoted), FORM_SAMPLE);
	if (!scan_ask(s, t->full, sql.data, &r) || !span_i64(store_value(&r, 0, 0), &all) || all < FORM_LEAST)
		return FORM_NONE;
	for (unsigned f = 1; f < FORM_COUNT; f++)
		if (span_i64(store_value(&r, 0, (int)f), &of_form) && (double)of_form >= FORM_SHARE * (double)all)
			return f;
	return FORM_NONE;
}

static void add_column(struct buf *sql, const struct scan_column *c, enum form f)
{
	buf_printf(sql, ", count(*) - count(%.*s)", SPAN_ARG(c->quoted));
	if (!is_ranged(c)) {
		buf_adds(sql, ", NULL, NULL");
	} else if (c->category == 'D') {
		/* Infinite dates have no number of seconds. */
		buf_printf(sql,
		           ", extract(epoch FROM min(%.*s) FILTER (WHERE isfinite(%.*s))), extract(epoch FROM max(%.*s) FILTER "
		           "(WHERE isfinite(%.*s)))",
		           SPAN_ARG(c->quoted), SPAN_ARG(c->quoted), SPAN_ARG(c->quoted), SPAN_ARG(c->quoted));
	} else {
		buf_printf(sql, ", min(%.*s)::float8, max(%.*s)::float8", SPAN_ARG(c->quoted), SPAN_ARG(c->quoted));
	}
	if (f)
		buf_printf(sql, ", count(*) FILTER (WHERE %.*s::text !~ '%s')", SPAN_ARG(c->quoted), form_pattern(f));
	else
		buf_adds(sql, ", 0");
}

static bool number(struct span text, double *ret)
{
	char copy[64];
	if (!text.n || !span_copy(text, copy, sizeof copy))
		return false;
	*ret = strtod(copy, NULL);
	return isfinite(*ret);
}

/* Some columns in one pass over the table. */
static bool measure_some(struct scan *s, struct scan_table *t, struct profile *p, size_t first, size_t n)
{
	scoped_buf sql = {0};
	scoped_result r = {0};
	double scale;
	struct span from = scan_from(s, t, &scale);
	buf_adds(&sql, "SELECT count(*)");
	for (size_t i = first; i < first + n; i++)
		add_column(&sql, &t->columns[i], p->now[i].form);
	buf_printf(&sql, " FROM %.*s", SPAN_ARG(from));
	if (!scan_ask(s, t->full, sql.data, &r))
		return false;
	int64_t rows = 0;
	span_i64(store_value(&r, 0, 0), &rows);
	p->rows = scale > 1 ? (int64_t)t->rows : rows;
	for (size_t i = first; i < first + n; i++) {
		struct column_profile *c = &p->now[i];
		int at = 1 + 4 * (int)(i - first);
		c->rows = rows;
		span_i64(store_value(&r, 0, at), &c->nulls);
		c->ranged = number(store_value(&r, 0, at + 1), &c->low) && number(store_value(&r, 0, at + 2), &c->high);
		span_i64(store_value(&r, 0, at + 3), &c->misses);
	}
	return true;
}

static bool measure(struct scan *s, struct scan_table *t, struct profile *p)
{
	p->now = arena_zalloc(s->arena, (t->columns_n + 1) * sizeof *p->now);
	for (size_t i = 0; i < t->columns_n && !s->over; i++) {
		if (t->columns[i].category != 'S')
			continue;
		p->now[i].form = past_form(p, i);
		if (!p->now[i].form)
			p->now[i].form = learn_form(s, t, &t->columns[i]);
	}
	for (size_t i = 0; i < t->columns_n || i == 0; i += COLUMNS_AT_ONCE) {
		size_t left = t->columns_n - i;
		if (!measure_some(s, t, p, i, left < COLUMNS_AT_ONCE ? left : COLUMNS_AT_ONCE))
			return false;
	}
	return true;
}

const struct profile *scan_profile(struct scan *s, struct scan_table *t)
{
	if (s->over || !t->readable)
		return NULL;
	if (!t->profile) {
		t->profile = arena_new(s->arena, struct profile);
		read_past(s, t, t->profile);
		t->profile->measured = measure(s, t, t->profile);
	}
	if (!t->profile->measured) {
		/* Said once already; each check that relies on it must know. */
		run_unsure(s->run, scan_text(s, "%s %.*s", s->check->name, SPAN_ARG(t->full)));
		return NULL;
	}
	return t->profile;
}

/* ---- keeping */

static void write_run(const struct scan_table *t, const struct column_profile *columns, int64_t rows,
                      struct json_writer *w)
{
	json_begin_object(w);
	json_kv_i64(w, "rows", rows);
	json_key(w, SPAN("columns"));
	json_begin_object(w);
	for (size_t i = 0; i < t->columns_n; i++) {
		const struct column_profile *c = &columns[i];
		if (!c->rows && rows)
			continue;
		json_key(w, t->columns[i].name);
		json_begin_object(w);
		json_kv_i64(w, "rows", c->rows);
		json_kv_i64(w, "nulls", c->nulls);
		if (c->ranged) {
			json_kv_f64(w, "low", c->low);
			json_kv_f64(w, "high", c->high);
		}
		if (c->form) {
			json_kv_cstr(w, "form", form_names[c->form]);
			json_kv_i64(w, "misses", c->misses);
		}
		json_end_object(w);
	}
	json_end_object(w);
	json_end_object(w);
}

static void keep_one(struct scan *s, const struct scan_table *t)
{
	scoped_buf history = {0}, text = {0};
	struct json_writer w = {.out = &history};
	char key[128];
	uint64_t revision;
	struct err err;
	json_begin_array(&w);
	write_run(t, t->profile->now, t->profile->rows, &w);
	for (size_t i = 0; i < t->profile->past_n && i + 1 < PROFILE_HISTORY; i++)
		write_run(t, t->profile->past[i], t->profile->past_rows[i], &w);
	json_end_array(&w);
	const struct watch_profile p = {s->run->watch->name, t->full, {buf_span(&history), JSON_ARRAY}};
	json_encode(&watch_profile_table, &p, &(struct json_writer){.out = &text});
	key_of(s, t, key);
	if (bus_kv_put(s->run->w->bus, BUCKET_WATCH_PROFILES, key, buf_span(&text), &revision, &err) != STATUS_OK)
		log_error("the profile of a table could not be kept", &err);
}

void scan_keep_profiles(struct scan *s)
{
	for (size_t i = 0; i < s->tables_n; i++) {
		if (run_pause(s->run))
			return;
		if (s->tables[i].profile && s->tables[i].profile->measured)
			keep_one(s, &s->tables[i]);
	}
}
