/* feedback_report: how outputs were rated, by template and model (L4). */
#include <stdio.h>

#include "contract/analytics.h"
#include "requests.h"

#define DEFAULT_SPAN_MS (30ll * 24 * 3600 * 1000)
#define ROWS_DEFAULT "100"

/*
 * quality is the lower end of Wilson's 95 % interval of the share of thumbs up, so that many ratings count for more than
 * one: a single thumb up is worth 0.21, ten of ten 0.72.
 */
#define REPORT_SQL                                                                                                     \
	"SELECT template, model, outputs, up, down, CASE WHEN up + down > 0 THEN round(up::numeric / (up + down), 4) END," \
	" CASE WHEN up + down > 0 THEN round(((up + 1.9208) / n - 1.96 * sqrt(up * down / n + 0.9604) / n) / (1 + 3.8416 " \
	"/ n), 4) END FROM (SELECT *, (up + down)::numeric AS n FROM (SELECT left(prompt_template, 80) AS template, "      \
	"coalesce(result_model, model_name) AS model, count(*) AS outputs, count(*) FILTER (WHERE feedback = "             \
	"'thumbs_up') AS up, count(*) FILTER (WHERE feedback = 'thumbs_down') AS down FROM ai_jobs WHERE tenant = $1 AND " \
	"created_at >= $2::timestamptz AND created_at < $3::timestamptz AND kind = 'llm' AND status = 'completed' AND "    \
	"($4::text IS NULL OR coalesce(result_model, model_name) = $4) AND ($5::text IS NULL OR prompt_template = $5 OR "  \
	"left(prompt_template, 80) = $5) GROUP BY 1, 2) AS counted) AS rated ORDER BY up + down DESC, outputs DESC, 1, 2 " \
	"LIMIT $6::int"

static void put_row(struct json_writer *w, const struct store_result *r, int row)
{
	static const char *const texts[] = {"template_name", "model_name"};
	static const char *const numbers[] = {"outputs", "thumbs_up", "thumbs_down", "approval", "quality"};
	json_begin_object(w);
	for (int i = 0; i < 2; i++)
		if (store_value(r, row, i).p)
			json_kv_text(w, texts[i], store_value(r, row, i));
	for (int i = 0; i < 5; i++)
		if (store_value(r, row, 2 + i).p)
			json_kv(w, numbers[i], (struct json){store_value(r, row, 2 + i), JSON_NUMBER});
	json_end_object(w);
}

enum status handle_feedback_report(void *arg, const struct micro_request *r, struct buf *reply, struct err *err)
{
	struct jobs *j = arg;
	struct analytics_feedback_query asked;
	struct store *s;
	char from[RFC3339_BYTES], to[RFC3339_BYTES], limit[24] = ROWS_DEFAULT;
	enum status status = micro_decode(r, &analytics_feedback_query_table, &asked, err);
	if (status == STATUS_OK)
		status = db_take(j->db, &s, err);
	if (status != STATUS_OK)
		return status;
	int64_t to_ms = asked.to.ms ? asked.to.ms : clock_wall_ms(j->clock);
	if (asked.limit.set)
		snprintf(limit, sizeof limit, "%lld", (long long)asked.limit.v);
	const struct span params[] = {r->tenant,
	                              span_from(rfc3339_format(asked.from.ms ? asked.from.ms : to_ms - DEFAULT_SPAN_MS, from)),
	                              span_from(rfc3339_format(to_ms, to)),
	                              asked.model,
	                              asked.template,
	                              span_from(limit)};
	scoped_result found = {0};
	status = store_query_prepared(s, "feedback_report", REPORT_SQL, params, countof(params), &found, err);
	db_give(j->db, s);
	if (status != STATUS_OK)
		return status;
	scoped_buf rows = {0};
	struct json_writer w = {&rows, false};
	json_begin_array(&w);
	for (int row = 0; row < found.rows; row++)
		put_row(&w, &found, row);
	json_end_array(&w);
	const struct analytics_feedback answer = {{buf_span(&rows), JSON_ARRAY}};
	return request_reply(&analytics_feedback_table, &answer, reply);
}
