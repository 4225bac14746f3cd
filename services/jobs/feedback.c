/* feedback: what a user thinks of an output, kept in the record and in a list that only grows. */
#include "core/utf8.h"
#include "lookup.h"
#include "requests.h"

#define LOGGED_TEMPLATE_BYTES 80

#define FEEDBACK_SQL                                                                                                   \
	"WITH rated AS (UPDATE ai_jobs SET feedback = $3, updated_at = greatest(updated_at, now()) WHERE tenant = $1 AND " \
	"job_id = $2 "                                                                                                     \
	"RETURNING job_id, prompt_template, model_name, octet_length(raw_response) AS response_length), "                  \
	"listed AS (INSERT INTO llm_feedback (tenant, job_id, feedback, user_id, comment) SELECT $1, job_id, $3, $4, $5 "  \
	"FROM rated) "                                                                                                     \
	"SELECT left(prompt_template, 80), model_name, response_length FROM rated"

/* L4, L10: feedback is for analysis too. */
static void log_feedback(const struct job_reply *a, struct span user_id, const struct store_result *r)
{
	int64_t response_length = 0;
	struct span length = store_value(r, 0, 2);
	if (length.p && !span_i64(length, &response_length))
		response_length = 0;
	log_fields(LOG_INFO, "feedback", LOG_S("job_id", a->job_id), LOG_S("output_id", a->output_id),
	           LOG_S("template", utf8_cut(store_value(r, 0, 0), LOGGED_TEMPLATE_BYTES)),
	           LOG_S("model", store_value(r, 0, 1)), LOG_S("user_id", user_id),
	           LOG_I("response_length", response_length), LOG_S("feedback", a->feedback));
}

enum status handle_feedback(void *arg, const struct micro_request *r, struct buf *reply, struct err *err)
{
	struct jobs *j = arg;
	struct job_request request;
	struct job_record record;
	struct store *s;
	enum status status = micro_decode(r, &feedback_request_table, &request, err);
	if (status == STATUS_OK)
		status = lookup(j, r->tenant, request.job_id, r->arena, &record, err);
	if (status == STATUS_OK)
		status = db_take(j->db, &s, err);
	if (status != STATUS_OK)
		return status;
	const struct job_reply answer = {.job_id = record.job_id,
	                                 .output_id = record.output_id,
	                                 .feedback = span_from(feedback_names[request.feedback])};
	const struct span params[] = {r->tenant, request.job_id, answer.feedback, request.user_id, request.comment};
	scoped_result rated = {0};
	status = store_query_prepared(s, "feedback", FEEDBACK_SQL, params, countof(params), &rated, err);
	db_give(j->db, s);
	if (status != STATUS_OK)
		return status;
	if (!rated.rows)
		return err_field(err, STATUS_NOT_FOUND, "job_id", "job_id: job %.*s was deleted", SPAN_ARG(request.job_id));
	log_feedback(&answer, request.user_id, &rated);
	return request_reply(&feedback_reply_table, &answer, reply);
}
