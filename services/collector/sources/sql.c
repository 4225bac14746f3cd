/* SQL on any PostgreSQL: one read-only statement, whose rows the server turns into JSON and whose size it limits. */
#include <stdio.h>

#include "services/collector/source.h"
#include "store/store.h"

#define QUERY_MAX 16384
#define ROWS_MAX 1000
#define STATEMENT "snapshot"

struct sql_row {
	struct source_row common;
	struct span url, query, into;
};
#define F(member, ...) JSON_FIELD(struct sql_row, member, __VA_ARGS__)
static const struct json_field fields[] = {
    SOURCE_ROW(struct sql_row),
    F(url, .min = 1, .max = SOURCE_URL_MAX, .required = true),
    F(query, .min = 1, .max = QUERY_MAX, .required = true),
    F(into, .min = 1, .max = SNAPSHOT_NAME_MAX),
};
static const struct json_table table = {"collector.sources", sizeof(struct sql_row), fields, countof(fields)};

struct sql {
	struct store *store; /* one connection, kept */
	const char *statement;
	bool into; /* all rows make one metric; otherwise the columns of the one row are metrics */
};

static struct span row_metric(const void *row)
{
	const struct sql_row *r = row;
	return r->into;
}

/*
 * The server makes the JSON, because it knows the types of the columns, and says how large it is before it sends it.
 * json, not jsonb: the columns keep their order. The query stands alone on its lines so that a comment at its end ends.
 */
static const char *statement_of(struct span query, struct arena *a)
{
	while (query.n && strchr("; \t\r\n", query.p[query.n - 1]))
		query.n--;
	return arena_printf(a,
	                    "SELECT octet_length(j), CASE WHEN octet_length(j) <= %zu THEN j END FROM (SELECT "
	                    "coalesce(json_agg(r), '[]')::text AS j FROM (SELECT * FROM (\n%.*s\n) AS q LIMIT %d) AS r) AS s",
	                    SOURCE_ANSWER_MAX, SPAN_ARG(query), ROWS_MAX)
	    .p;
}

static enum status check_into(struct span into, struct err *err)
{
	const struct json_field *f = metric_known(into);
	if (f && f->kind == JSON_KIND_RAW)
		return STATUS_OK;
	return err_field(err, STATUS_INVALID, "into",
	                 "into: \"%.*s\" is none of platform_stats, best_clips, rule_weights, recent_events, worker_load, "
	                 "telemetry",
	                 SPAN_ARG(into));
}

static enum status open_sql(struct source *s, const void *row, struct arena *a, struct err *err)
{
	const struct sql_row *r = row;
	struct sql *q = arena_new(a, struct sql);
	struct store_options o = {
	    .application = "gannet-collector",
	    .connect_timeout_ms = s->deadline_ms,
	    .statement_timeout_ms = s->deadline_ms,
	    .read_only = true,
	    .session_sql = "SET timezone = 'UTC'; SET datestyle = 'ISO'; SET client_min_messages = 'error'",
	};
	if (r->into.p && check_into(r->into, err) != STATUS_OK)
		return err->status;
	if (memchr(r->query.p, 0, r->query.n))
		return err_field(err, STATUS_INVALID, "query", "query: holds a NUL byte");
	if (source_expand("url", r->url, a, &o.url, err) != STATUS_OK)
		return err->status;
	if (store_new(&o, &q->store, err) != STATUS_OK)
		return err_field(err, STATUS_INVALID, "url", "url: not a postgresql:// URL or keyword string");
	q->into = r->into.p != NULL;
	q->statement = statement_of(r->query, a);
	s->state = q;
	return STATUS_OK;
}

/* ---- from rows to metrics */

static void add_member(struct buf *out, struct json key, struct json value)
{
	if (out->data[out->len - 1] != '{')
		buf_addc(out, ',');
	buf_addspan(out, key.text);
	buf_addc(out, ':');
	buf_addspan(out, value.text);
}

/* The first column names the member; of two columns the second is its value, of more the others make an object. */
static bool add_row(struct buf *out, struct json row)
{
	scoped_buf rest = {0};
	struct json key, name, column, value = {0};
	struct json_iter it = json_iter(row);
	if (json_count(row) < 2 || !json_next(&it, &key, &name) || name.type != JSON_STRING)
		return false;
	buf_addc(&rest, '{');
	while (json_next(&it, &column, &value))
		add_member(&rest, column, value);
	buf_addc(&rest, '}');
	if (json_count(row) > 2)
		value = (struct json){buf_span(&rest), JSON_OBJECT};
	add_member(out, name, value);
	return true;
}

/* Parsed again, because two rows may have the same name. */
static void put_object(struct reading *r, struct json rows)
{
	scoped_buf text = {0};
	struct json key, row, v;
	struct err ignored;
	buf_addc(&text, '{');
	for (struct json_iter it = json_iter(rows); json_next(&it, &key, &row);) {
		if (!add_row(&text, row)) {
			reading_bad(r, 0, "a row does not begin with a text, followed by at least one more column");
			return;
		}
	}
	buf_addc(&text, '}');
	if (json_parse(buf_span(&text), &v, &ignored) != STATUS_OK)
		reading_bad(r, 0, "two rows begin with the same text");
	else
		reading_put(r, 0, v);
}

static void put_columns(const struct source *s, struct reading *r, struct json rows)
{
	struct json key, row, v;
	struct json_iter it = json_iter(rows);
	if (json_count(rows) != 1 || !json_next(&it, &key, &row)) {
		reading_fail(r, "%zu rows where one is wanted", json_count(rows));
		return;
	}
	for (size_t i = 0; i < s->fields_n; i++) {
		json_member(row, span_from(s->fields[i].selector), &v);
		reading_put(r, i, v);
	}
}

static void put_rows(const struct source *s, struct reading *r, struct json rows)
{
	const struct sql *q = s->state;
	if (!q->into)
		put_columns(s, r, rows);
	else if (s->fields[0].known->raw_types == JSON_ALLOW(JSON_ARRAY))
		reading_put(r, 0, rows);
	else
		put_object(r, rows);
}

/* ---- reading */

/* The server's words may quote the statement or its data; the five characters of its SQLSTATE cannot. */
static void note_failure(struct reading *r, const struct err *err)
{
	const char *state = strstr(err->msg, "(SQLSTATE ");
	if (state && err->status != STATUS_TIMEOUT)
		reading_fail(r, "PostgreSQL refuses the query (SQLSTATE %.5s)", state + 10);
	else if (err->status == STATUS_UNAVAILABLE)
		reading_fail(r, "PostgreSQL is away or refuses the connection");
}

static enum status read_answer(const struct source *s, const struct store_result *result, struct reading *r,
                               struct err *err)
{
	struct json rows;
	struct span text = store_value(result, 0, 1);
	if (!text.p) {
		reading_fail(r, "answers more than %zu bytes", SOURCE_ANSWER_MAX);
		return err_set(err, STATUS_TOO_LARGE, "the rows have %.*s bytes as JSON, at most %zu are allowed",
		               SPAN_ARG(store_value(result, 0, 0)), SOURCE_ANSWER_MAX);
	}
	if (json_parse(text, &rows, err) != STATUS_OK) {
		reading_fail(r, "answers text that is no valid JSON or UTF-8, or two columns of one name");
		return err->status;
	}
	put_rows(s, r, rows);
	return STATUS_OK;
}

static enum status read_sql(const struct source *s, struct reading *r, struct err *err)
{
	const struct sql *q = s->state;
	scoped_result result = {0};
	if (store_query_prepared(q->store, STATEMENT, q->statement, NULL, 0, &result, err) != STATUS_OK) {
		note_failure(r, err);
		return err->status;
	}
	return read_answer(s, &result, r, err);
}

static void close_sql(struct source *s)
{
	const struct sql *q = s->state;
	store_free(q->store);
}

const struct source_kind source_kind_sql = {
    .name = "sql", .table = &table, .open = open_sql, .read = read_sql, .close = close_sql, .row_metric = row_metric};
