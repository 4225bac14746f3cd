/* Field tables of the jobs service's requests and replies. */
#include "contract/requests.h"

#include "contract/check.h"

const char *const feedback_names[] = {"none", "thumbs_up", "thumbs_down", NULL};
const char *const list_status_names[] = {"any", "pending", "processing", "completed", "failed", "cancelled", NULL};
const char *const retry_status_names[] = {"failed", "cancelled", NULL};

static const char *check_priority(struct span s)
{
	for (size_t i = 0; priority_names[i]; i++)
		if (span_is(s, priority_names[i]))
			return NULL;
	return "high, default or low";
}

#define REQUIRED .required = true
#define NAME .min = 1, .max = JOB_NAME_MAX
#define JOB_ID .min = 1, .max = JOB_ID_MAX, .check = check_job_id
#define OUTPUT_ID .min = 5, .max = OUTPUT_ID_BYTES - 1, .check = check_output_id
#define KIND .min = 1, .max = 32, .check = check_kind
#define OBJECT .raw_types = JSON_ALLOW(JSON_OBJECT)
#define ARRAY .raw_types = JSON_ALLOW(JSON_ARRAY)
#define COUNT .min = 0, .max = JOB_COUNT_MAX
#define TABLE(title, type, fields)                                                                                     \
	{                                                                                                                  \
		title, sizeof(type), fields, countof(fields)                                                                   \
	}

/* ---- create: what any kind may have, taken from the kinds' own tables */

#define CREATE_FIELDS_MAX 40
static struct json_field create_fields[CREATE_FIELDS_MAX] = {
    JSON_FIELD(struct create_request, kind, KIND),
    JSON_FIELD(struct create_request, priority, .min = 1, .max = 7, .check = check_priority),
};
struct json_table create_request_table = {"jobs.create.request", sizeof(struct create_request), create_fields, 2};

static bool has_field(const struct json_table *t, const char *name)
{
	for (size_t i = 0; i < t->n; i++)
		if (strcmp(t->fields[i].name, name) == 0)
			return true;
	return false;
}

static void add_fields(const struct json_table *from)
{
	_Static_assert(offsetof(struct create_request, job) == 0, "members of the job keep their offsets");
	for (size_t i = 0; i < from->n && create_request_table.n < CREATE_FIELDS_MAX; i++) {
		if (has_field(&create_request_table, from->fields[i].name))
			continue;
		create_fields[create_request_table.n] = from->fields[i];
		create_fields[create_request_table.n++].required = false;
	}
}

__attribute__((constructor)) static void fill_create_request(void)
{
	add_fields(&llm_job_table);
	add_fields(&task_table);
}

#define F(member, ...) JSON_FIELD(struct created_reply, member, __VA_ARGS__)
#define CREATED                                                                                                        \
	F(job_id, JOB_ID, REQUIRED), F(output_id, OUTPUT_ID, REQUIRED), F(status, REQUIRED),                               \
	    F(estimated_completion, REQUIRED)
static const struct json_field create_reply_fields[] = {CREATED};
static const struct json_field rerun_reply_fields[] = {CREATED, F(rerun_of, JOB_ID, REQUIRED)};
#undef F
const struct json_table create_reply_table = TABLE("jobs.create.reply", struct created_reply, create_reply_fields);
const struct json_table rerun_reply_table = TABLE("jobs.rerun.reply", struct created_reply, rerun_reply_fields);
const struct json_table regenerate_reply_table =
    TABLE("jobs.regenerate.reply", struct created_reply, rerun_reply_fields);

/* ---- requests about one job */

#define F(member, ...) JSON_FIELD(struct job_request, member, __VA_ARGS__)
static const struct json_field get_request_fields[] = {F(job_id, JOB_ID), F(output_id, OUTPUT_ID)};
static const struct json_field one_job_fields[] = {F(job_id, JOB_ID, REQUIRED)};
static const struct json_field cancel_request_fields[] = {F(job_id, JOB_ID, REQUIRED),
                                                          F(reason, .max = CANCEL_REASON_MAX)};
static const struct json_field regenerate_request_fields[] = {F(job_id, JOB_ID, REQUIRED), F(context, OBJECT),
                                                              F(model, NAME)};
static const struct json_field feedback_request_fields[] = {
    F(job_id, JOB_ID, REQUIRED),
    F(feedback, .names = feedback_names, REQUIRED),
    F(user_id, NAME),
    F(comment, .max = FEEDBACK_COMMENT_MAX),
};
#undef F
const struct json_table get_request_table = TABLE("jobs.get.request", struct job_request, get_request_fields);
const struct json_table cancel_request_table = TABLE("jobs.cancel.request", struct job_request, cancel_request_fields);
const struct json_table retry_request_table = TABLE("jobs.retry.request", struct job_request, one_job_fields);
const struct json_table rerun_request_table = TABLE("jobs.rerun.request", struct job_request, one_job_fields);
const struct json_table regenerate_request_table =
    TABLE("jobs.regenerate.request", struct job_request, regenerate_request_fields);
const struct json_table feedback_request_table =
    TABLE("jobs.feedback.request", struct job_request, feedback_request_fields);

#define F(member, ...) JSON_FIELD(struct job_reply, member, __VA_ARGS__)
static const struct json_field cancel_reply_fields[] = {F(job_id, JOB_ID, REQUIRED), F(status, REQUIRED)};
static const struct json_field retry_reply_fields[] = {
    F(job_id, JOB_ID, REQUIRED),
    F(output_id, OUTPUT_ID, REQUIRED),
    F(status, REQUIRED),
    F(run, .min = 1, .max = JOB_COUNT_MAX, REQUIRED),
};
static const struct json_field feedback_reply_fields[] = {
    F(job_id, JOB_ID, REQUIRED),
    F(output_id, OUTPUT_ID, REQUIRED),
    F(feedback, REQUIRED),
};
#undef F
const struct json_table cancel_reply_table = TABLE("jobs.cancel.reply", struct job_reply, cancel_reply_fields);
const struct json_table retry_reply_table = TABLE("jobs.retry.reply", struct job_reply, retry_reply_fields);
const struct json_table feedback_reply_table = TABLE("jobs.feedback.reply", struct job_reply, feedback_reply_fields);

/* ---- requests about many */

#define F(member, ...) JSON_FIELD(struct filter_request, member, __VA_ARGS__)
#define FILTERS                                                                                                        \
	F(model, NAME), F(user_id, NAME), F(template, .max = JOB_TEMPLATE_MAX), F(kind, KIND), F(created_after),           \
	    F(created_before)
static const struct json_field list_request_fields[] = {
    F(status, .names = list_status_names),
    FILTERS,
    F(limit, .min = 1, .max = LIST_LIMIT_MAX),
    F(cursor, .min = 1, .max = CURSOR_MAX),
};
static const struct json_field bulk_retry_request_fields[] = {
    F(status, .names = retry_status_names),
    FILTERS,
    F(limit, .min = 1, .max = BULK_LIMIT_MAX),
};
static const struct json_field queue_pending_request_fields[] = {
    FILTERS,
    F(limit, .min = 1, .max = BULK_LIMIT_MAX),
};
#undef F
const struct json_table list_request_table = TABLE("jobs.list.request", struct filter_request, list_request_fields);
const struct json_table bulk_retry_request_table =
    TABLE("jobs.bulk_retry.request", struct filter_request, bulk_retry_request_fields);
const struct json_table queue_pending_request_table =
    TABLE("jobs.queue_pending.request", struct filter_request, queue_pending_request_fields);

static const struct json_field list_reply_fields[] = {
    JSON_FIELD(struct list_reply, jobs, ARRAY, REQUIRED),
    JSON_FIELD(struct list_reply, next_cursor, .max = CURSOR_MAX),
};
const struct json_table list_reply_table = TABLE("jobs.list.reply", struct list_reply, list_reply_fields);

static const struct json_field retried_reply_fields[] = {
    JSON_FIELD(struct retried_reply, retried, COUNT, REQUIRED),
    JSON_FIELD(struct retried_reply, job_ids, ARRAY, REQUIRED),
};
const struct json_table bulk_retry_reply_table =
    TABLE("jobs.bulk_retry.reply", struct retried_reply, retried_reply_fields);
const struct json_table retry_failed_reply_table =
    TABLE("jobs.retry_failed.reply", struct retried_reply, retried_reply_fields);

static const struct json_field queued_reply_fields[] = {
    JSON_FIELD(struct queued_reply, queued, COUNT, REQUIRED),
    JSON_FIELD(struct queued_reply, job_ids, ARRAY, REQUIRED),
    JSON_FIELD(struct queued_reply, waiting, COUNT, REQUIRED),
};
const struct json_table queue_pending_reply_table =
    TABLE("jobs.queue_pending.reply", struct queued_reply, queued_reply_fields);

static const struct json_field cleanup_request_fields[] = {
    JSON_FIELD(struct cleanup_request, days, .min = 1, .max = CLEANUP_DAYS_MAX, REQUIRED),
};
const struct json_table cleanup_request_table =
    TABLE("jobs.cleanup.request", struct cleanup_request, cleanup_request_fields);
static const struct json_field cleanup_reply_fields[] = {JSON_FIELD(struct cleanup_reply, deleted, COUNT, REQUIRED)};
const struct json_table cleanup_reply_table = TABLE("jobs.cleanup.reply", struct cleanup_reply, cleanup_reply_fields);

const struct json_table stats_request_table = {"jobs.stats.request", sizeof(struct empty_request), NULL, 0};
const struct json_table retry_failed_request_table = {"jobs.retry_failed.request", sizeof(struct empty_request), NULL,
                                                      0};

#define F(member, ...) JSON_FIELD(struct stats_reply, member, __VA_ARGS__)
static const struct json_field stats_reply_fields[] = {
    F(pending, COUNT, REQUIRED), F(processing, COUNT, REQUIRED), F(completed, COUNT, REQUIRED),
    F(failed, COUNT, REQUIRED),  F(cancelled, COUNT, REQUIRED),  F(total, COUNT, REQUIRED),
    F(queues, ARRAY, REQUIRED),  F(delayed, COUNT, REQUIRED),    F(throughput_per_s, .fmin = 0, .fmax = 1e12, REQUIRED),
    F(p50_processing_ms, COUNT), F(p95_processing_ms, COUNT),    F(workers, ARRAY, REQUIRED),
};
#undef F
const struct json_table stats_reply_table = TABLE("jobs.stats.reply", struct stats_reply, stats_reply_fields);

static const struct json_field tick_fields[] = {
    JSON_FIELD(struct tick, schedule, .min = 1, .max = 64, REQUIRED),
    JSON_FIELD(struct tick, at, REQUIRED),
};
const struct json_table tick_table = TABLE("tick", struct tick, tick_fields);

/* ---- the record */

#define F(member, ...) JSON_FIELD(struct job_record, member, __VA_ARGS__)
static const struct json_field record_fields[] = {
    F(job_id, JOB_ID, REQUIRED),
    F(output_id, OUTPUT_ID, REQUIRED),
    F(tenant, .min = 1, .max = TENANT_ID_MAX, REQUIRED),
    F(kind, REQUIRED),
    F(priority, REQUIRED),
    F(job_type),
    F(status, REQUIRED),
    F(pipeline),
    F(record_id),
    F(field_name),
    F(ai_provider),
    F(model_name),
    F(result_model),
    F(prompt_template),
    F(template_name),
    F(ai_config),
    F(input_data),
    F(output_data),
    F(context),
    F(format),
    F(prompt),
    F(raw_response),
    F(parsed_output),
    F(feedback, REQUIRED),
    F(tokens_used, COUNT),
    F(usage),
    F(cost_cents, .fmin = 0, .fmax = 1e15),
    F(cost_nanousd, COUNT),
    F(processing_time_ms, COUNT),
    F(error_code),
    F(error_message),
    F(error_field),
    F(retry_count, COUNT, REQUIRED),
    F(run, .min = 1, .max = JOB_COUNT_MAX, REQUIRED),
    F(user_id),
    F(agent_id),
    F(simulated),
    F(metadata),
    F(created_at, REQUIRED),
    F(started_at),
    F(completed_at),
    F(updated_at, REQUIRED),
    F(retry_at),
};
#undef F
const struct json_table get_reply_table = TABLE("jobs.get.reply", struct job_record, record_fields);
