/* The field tables of watches. */
#include "contract/watch.h"

#include "contract/check.h"
#include "contract/job.h"

const char *const watch_trigger_names[] = {"schedule", "hand", NULL};
const char *const watch_status_names[] = {"queued", "running", "completed", "failed", NULL};
static const char *const diagnosis_names[] = {"healthy", "warning", "critical", NULL};

const char *check_watch_name(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!(s.p[i] >= 'a' && s.p[i] <= 'z') && !(s.p[i] >= '0' && s.p[i] <= '9') && s.p[i] != '_' && s.p[i] != '-')
			return "1 to 40 of a-z 0-9 _ -";
	return s.n && s.n <= WATCH_NAME_MAX ? NULL : "1 to 40 of a-z 0-9 _ -";
}

#define F(member, ...) JSON_FIELD(struct watch_record, member, __VA_ARGS__)
static const struct json_field watch_record_fields[] = {
    F(run_id, .min = 1, .max = 64, .check = check_job_id, .required = true),
    F(watch, .min = 1, .max = 40, .check = check_watch_name, .required = true),
    F(watcher, .min = 1, .max = 32, .check = check_kind, .required = true),
    F(trigger, .names = watch_trigger_names, .required = true),
    F(status, .names = watch_status_names, .required = true),
    F(turn_at, .required = true),
    F(started_at),
    F(finished_at),
    F(duration_ms, .min = 0, .max = JOB_COUNT_MAX),
    F(instance, .max = 128),
    F(delivery, .min = 1, .max = JOB_COUNT_MAX),
    F(percent, .min = 0, .max = 100),
    F(step, .max = 200),
    F(opened, .min = 0, .max = JOB_COUNT_MAX),
    F(changed, .min = 0, .max = JOB_COUNT_MAX),
    F(resolved, .min = 0, .max = JOB_COUNT_MAX),
    F(open, .min = 0, .max = JOB_COUNT_MAX),
    F(summary, .max = 500),
    F(error, .max = 500),
    F(result, .raw_types = JSON_ALLOW(JSON_OBJECT), .max = 262144),
};
const struct json_table watch_record_table = {"watch.record", sizeof(struct watch_record), watch_record_fields,
                                              countof(watch_record_fields)};
#undef F

#define F(member, ...) JSON_FIELD(struct watch_record, member, __VA_ARGS__)
static const struct json_field watch_get_reply_fields[] = {
    F(run_id, .min = 1, .max = 64, .check = check_job_id, .required = true),
    F(watch, .min = 1, .max = 40, .check = check_watch_name, .required = true),
    F(watcher, .min = 1, .max = 32, .check = check_kind, .required = true),
    F(trigger, .names = watch_trigger_names, .required = true),
    F(status, .names = watch_status_names, .required = true),
    F(turn_at, .required = true),
    F(started_at),
    F(finished_at),
    F(duration_ms, .min = 0, .max = JOB_COUNT_MAX),
    F(instance, .max = 128),
    F(delivery, .min = 1, .max = JOB_COUNT_MAX),
    F(percent, .min = 0, .max = 100),
    F(step, .max = 200),
    F(opened, .min = 0, .max = JOB_COUNT_MAX),
    F(changed, .min = 0, .max = JOB_COUNT_MAX),
    F(resolved, .min = 0, .max = JOB_COUNT_MAX),
    F(open, .min = 0, .max = JOB_COUNT_MAX),
    F(summary, .max = 500),
    F(error, .max = 500),
    F(result, .raw_types = JSON_ALLOW(JSON_OBJECT), .max = 262144),
};
const struct json_table watch_get_reply_table = {"watch.get.reply", sizeof(struct watch_record), watch_get_reply_fields,
                                                 countof(watch_get_reply_fields)};
#undef F

#define F(member, ...) JSON_FIELD(struct watch_run_request, member, __VA_ARGS__)
static const struct json_field watch_run_request_fields[] = {
    F(name, .min = 1, .max = 40, .check = check_watch_name, .required = true),
};
const struct json_table watch_run_request_table = {"watch.run.request", sizeof(struct watch_run_request),
                                                   watch_run_request_fields, countof(watch_run_request_fields)};
#undef F

#define F(member, ...) JSON_FIELD(struct watch_run_reply, member, __VA_ARGS__)
static const struct json_field watch_run_reply_fields[] = {
    F(run_id, .min = 1, .max = 64, .check = check_job_id, .required = true),
    F(watch, .min = 1, .max = 40, .check = check_watch_name, .required = true),
    F(status, .min = 1, .max = 32, .check = check_kind, .required = true),
};
const struct json_table watch_run_reply_table = {"watch.run.reply", sizeof(struct watch_run_reply),
                                                 watch_run_reply_fields, countof(watch_run_reply_fields)};
#undef F

#define F(member, ...) JSON_FIELD(struct watch_get_request, member, __VA_ARGS__)
static const struct json_field watch_get_request_fields[] = {
    F(run_id, .min = 1, .max = 64, .check = check_job_id, .required = true),
};
const struct json_table watch_get_request_table = {"watch.get.request", sizeof(struct watch_get_request),
                                                   watch_get_request_fields, countof(watch_get_request_fields)};
#undef F

const struct json_table watch_list_request_table = {"watch.list.request", sizeof(struct watch_list_request), NULL, 0};

#define F(member, ...) JSON_FIELD(struct watch_list_reply, member, __VA_ARGS__)
static const struct json_field watch_list_reply_fields[] = {
    F(configured, .required = true),
    F(message, .max = 500),
    F(watches, .raw_types = JSON_ALLOW(JSON_ARRAY), .required = true),
};
const struct json_table watch_list_reply_table = {"watch.list.reply", sizeof(struct watch_list_reply),
                                                  watch_list_reply_fields, countof(watch_list_reply_fields)};
#undef F

#define F(member, ...) JSON_FIELD(struct watch_history_request, member, __VA_ARGS__)
static const struct json_field watch_history_request_fields[] = {
    F(name, .min = 1, .max = 40, .check = check_watch_name),
    F(limit, .min = 1, .max = 500),
};
const struct json_table watch_history_request_table = {"watch.history.request", sizeof(struct watch_history_request),
                                                       watch_history_request_fields,
                                                       countof(watch_history_request_fields)};
#undef F

#define F(member, ...) JSON_FIELD(struct watch_history_reply, member, __VA_ARGS__)
static const struct json_field watch_history_reply_fields[] = {
    F(runs, .raw_types = JSON_ALLOW(JSON_ARRAY), .required = true),
};
const struct json_table watch_history_reply_table = {"watch.history.reply", sizeof(struct watch_history_reply),
                                                     watch_history_reply_fields, countof(watch_history_reply_fields)};
#undef F

#define F(member, ...) JSON_FIELD(struct watch_progress, member, __VA_ARGS__)
static const struct json_field watch_progress_fields[] = {
    F(run_id, .min = 1, .max = 64, .check = check_job_id, .required = true),
    F(watch, .min = 1, .max = 40, .check = check_watch_name, .required = true),
    F(percent, .min = 0, .max = 100, .required = true),
    F(step, .max = 200),
    F(timestamp, .required = true),
};
const struct json_table watch_progress_table = {"watch.progress", sizeof(struct watch_progress), watch_progress_fields,
                                                countof(watch_progress_fields)};
#undef F

#define F(member, ...) JSON_FIELD(struct watch_profile, member, __VA_ARGS__)
static const struct json_field watch_profile_fields[] = {
    F(watch, .min = 1, .max = 40, .check = check_watch_name, .required = true),
    F(table, .min = 1, .max = 256, .required = true),
    F(history, .raw_types = JSON_ALLOW(JSON_ARRAY), .required = true),
};
const struct json_table watch_profile_table = {"watch.profile", sizeof(struct watch_profile), watch_profile_fields,
                                               countof(watch_profile_fields)};
#undef F

#define F(member, ...) JSON_FIELD(struct diagnosis_result, member, __VA_ARGS__)
static const struct json_field diagnosis_fields[] = {
    F(status, .names = diagnosis_names, .required = true),
    F(metrics, .raw_types = JSON_ALLOW(JSON_ARRAY), .required = true),
    F(patterns, .raw_types = JSON_ALLOW(JSON_ARRAY), .required = true),
    F(actions, .raw_types = JSON_ALLOW(JSON_ARRAY), .required = true),
};
const struct json_table diagnosis_table = {"diagnosis", sizeof(struct diagnosis_result), diagnosis_fields,
                                           countof(diagnosis_fields)};
#undef F
