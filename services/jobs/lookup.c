/* Records as PostgreSQL has them become records as replies show them. */
#include "lookup.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define MISS_WAIT_MS 100
#define MS(column) "(extract(epoch FROM " #column ") * 1000)::bigint AS " #column
/* Names are those of struct job_record. */
#define SHORT_COLUMNS                                                                                                  \
	"job_id, tenant, kind, priority, job_type, status, pipeline, record_id, field_name, ai_provider, model_name, "     \
	"result_model, "                                                                                                   \
	"prompt_template, left(prompt_template, 80) AS template_name, ai_config, input_data, format, feedback, "           \
	"tokens_used, usage, "                                                                                             \
	"cost_nanousd, processing_time_ms, error_code, error_message, error_field, retry_count, run, user_id, agent_id, "  \
	"simulated, "                                                                                                      \
	"metadata, " MS(created_at) ", " MS(started_at) ", " MS(completed_at) ", " MS(updated_at) ", " MS(retry_at)
#define LONG_COLUMNS                                                                                                   \
	SHORT_COLUMNS ", coalesce(output_data, parsed_output) AS output_data, context, prompt, raw_response, "             \
	              "parsed_output"

/* ---- rows */

static enum json_type type_of(struct span text)
{
	switch (text.n ? text.p[0] : 0) {
	case '{':
		return JSON_OBJECT;
	case '[':
		return JSON_ARRAY;
	case '"':
		return JSON_STRING;
	case 't':
	case 'f':
		return JSON_BOOL;
	case 'n':
		return JSON_NULL;
	default:
		return text.n ? JSON_NUMBER : JSON_ABSENT;
	}
}

static void fill_field(const struct json_field *f, struct span value, void *at)
{
	int64_t number = 0;
	switch (f->kind) {
	case JSON_KIND_RAW:
		*(struct json *)at = (struct json){value, type_of(value)};
		break;
	case JSON_KIND_OPT_BOOL:
		*(struct opt_bool *)at = (struct opt_bool){true, span_is(value, "t")};
		break;
	case JSON_KIND_OPT_I64:
		((struct opt_i64 *)at)->set = span_i64(value, &((struct opt_i64 *)at)->v);
		break;
	case JSON_KIND_I64:
	case JSON_KIND_TIME: /* milliseconds, by MS() */
		if (span_i64(value, &number))
			memcpy(at, &number, sizeof number);
		break;
	default:
		*(struct span *)at = value;
	}
}

static const struct json_field *field_named(const char *name)
{
	for (size_t i = 0; i < get_reply_table.n; i++)
		if (strcmp(get_reply_table.fields[i].name, name) == 0)
			return &get_reply_table.fields[i];
	return NULL;
}

void lookup_fill(const struct store_result *r, int row, struct arena *a, struct job_record *ret)
{
	*ret = (struct job_record){0};
	for (int c = 0; c < r->columns; c++) {
		const struct json_field *f = field_named(store_column_name(r, c));
		struct span value = store_value(r, row, c);
		if (f && value.p)
			fill_field(f, arena_dup(a, value), (char *)ret + f->offset);
	}
	char output_id[OUTPUT_ID_BYTES];
	output_id_from_job(ret->job_id, output_id);
	ret->output_id = arena_dup(a, span_from(output_id));
	if (ret->cost_nanousd.set)
		ret->cost_cents = (struct opt_f64){true, (double)ret->cost_nanousd.v / 1e7};
}

/* ---- one */

static enum status find(struct jobs *j, struct span tenant, struct span job_id, struct arena *a, struct job_record *ret,
                        struct err *err)
{
	struct store *s;
	enum status status = db_take(j->db, &s, err);
	if (status != STATUS_OK)
		return status;
	const struct span params[] = {tenant, job_id};
	scoped_result r = {0};
	status = store_query_prepared(s, "find", "SELECT " LONG_COLUMNS " FROM ai_jobs WHERE tenant = $1 AND job_id = $2",
	                              params, countof(params), &r, err);
	db_give(j->db, s);
	if (status == STATUS_OK && r.rows)
		lookup_fill(&r, 0, a, ret);
	else if (status == STATUS_OK)
		status = err_field(err, STATUS_NOT_FOUND, "job_id", "job_id: there is no job %.*s", SPAN_ARG(job_id));
	return status;
}

enum status lookup(struct jobs *j, struct span tenant, struct span job_id, struct arena *a, struct job_record *ret,
                   struct err *err)
{
	/* One at a time may wait, so that many questions for jobs that never were do not hold up the others. */
	static atomic_flag waiting = ATOMIC_FLAG_INIT;
	enum status status = find(j, tenant, job_id, a, ret, err);
	if (status != STATUS_NOT_FOUND || atomic_flag_test_and_set(&waiting))
		return status;
	int64_t until_ms = clock_mono_ms(j->clock) + MISS_WAIT_MS, left_ms = MISS_WAIT_MS;
	while (status == STATUS_NOT_FOUND && left_ms > 0 && projection_wait(j->projection, left_ms)) {
		status = find(j, tenant, job_id, a, ret, err);
		left_ms = until_ms - clock_mono_ms(j->clock);
	}
	atomic_flag_clear(&waiting);
	return status;
}

/* ---- pages */

/*
 * Never prepared: planned with its parameters' values, so that the planner drops the conditions that are not asked for
 * and takes the index that serves the others.
 */
#define PAGE_SQL                                                                                                       \
	"SELECT " SHORT_COLUMNS " FROM ai_jobs WHERE tenant = $1 AND ($2::text IS NULL OR status = $2) AND ($3::text IS "  \
	"NULL OR kind = $3) AND ($4::text IS NULL OR model_name = $4) "                                                    \
	"AND ($5::text IS NULL OR user_id = $5) AND ($6::text IS NULL OR prompt_template = $6 OR left(prompt_template, "   \
	"80) = $6) "                                                                                                       \
	"AND ($7::bigint IS NULL OR created_at > to_timestamp($7::bigint / 1000.0)) "                                      \
	"AND ($8::bigint IS NULL OR created_at < to_timestamp($8::bigint / 1000.0)) "                                      \
	"AND ($9::bigint IS NULL OR (created_at, job_id) < (to_timestamp($9::bigint / 1000.0), $10)) "                     \
	"ORDER BY created_at DESC, job_id DESC LIMIT $11::int"

struct text_number {
	char text[24];
};

static struct span number_or_null(int64_t v, struct text_number *out)
{
	if (!v)
		return (struct span){0};
	return span_of(out->text, (size_t)snprintf(out->text, sizeof out->text, "%" PRId64, v));
}

/* "<created_at, milliseconds>.<job_id>": opaque to clients, harmless when forged. */
void lookup_cursor(const struct job_record *last, char out[CURSOR_MAX + 1])
{
	snprintf(out, CURSOR_MAX + 1, "%" PRId64 ".%.*s", last->created_at.ms, SPAN_ARG(last->job_id));
}

static enum status parse_cursor(struct span cursor, int64_t *ret_ms, struct span *ret_job_id, struct err *err)
{
	struct span rest = cursor;
	if (!cursor.p)
		return STATUS_OK;
	if (!span_i64(span_cut(&rest, '.'), ret_ms) || *ret_ms <= 0 || !rest.p || !id_is_job(rest))
		return err_field(err, STATUS_INVALID, "cursor", "cursor: not a next_cursor of an earlier answer");
	*ret_job_id = rest;
	return STATUS_OK;
}

static enum status query_page(struct jobs *j, const struct span *params, size_t params_n, struct store_result *ret,
                              struct err *err)
{
	struct store *s;
	enum status status = db_take(j->db, &s, err);
	if (status != STATUS_OK)
		return status;
	status = store_query(s, PAGE_SQL, params, params_n, ret, err);
	db_give(j->db, s);
	return status;
}

enum status lookup_page(struct jobs *j, struct span tenant, const struct filter_request *f, const char *wanted_status,
                        int64_t limit, struct arena *a, struct lookup_page *ret, struct err *err)
{
	struct text_number after, before, cursor, count;
	int64_t cursor_ms = 0;
	struct span cursor_id = {0};
	enum status status = parse_cursor(f->cursor, &cursor_ms, &cursor_id, err);
	if (status != STATUS_OK)
		return status;
	const struct span params[] = {
	    tenant,
	    span_from(wanted_status),
	    f->kind,
	    f->model,
	    f->user_id,
	    f->template,
	    number_or_null(f->created_after.ms, &after),
	    number_or_null(f->created_before.ms, &before),
	    number_or_null(cursor_ms, &cursor),
	    cursor_id,
	    number_or_null(limit + 1, &count), /* one more tells whether there is a next page */
	};
	scoped_result r = {0};
	status = query_page(j, params, countof(params), &r, err);
	if (status != STATUS_OK)
		return status;
	ret->more = r.rows > limit;
	ret->n = (size_t)(ret->more ? limit : r.rows);
	ret->records = arena_alloc(a, ret->n * sizeof *ret->records);
	for (size_t i = 0; i < ret->n; i++)
		lookup_fill(&r, (int)i, a, &ret->records[i]);
	return STATUS_OK;
}
