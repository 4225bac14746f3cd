/* Field tables of the notifier's file, records and requests. */
#include "contract/notifier.h"

#include "contract/check.h"
#include "contract/job.h"

const char *const notified_state_names[] = {"pending", "open", "closed", NULL};

#define REQUIRED .required = true
#define NAME .min = 1, .max = NOTIFIER_NAME_MAX, .check = check_kind
#define GLOB .min = 1, .max = JOB_NAME_MAX
#define URL .min = 8, .max = 1024
#define STRINGS .raw_types = JSON_ALLOW(JSON_ARRAY), .check_raw = check_strings
#define ARRAY .raw_types = JSON_ALLOW(JSON_ARRAY)
#define OBJECT .raw_types = JSON_ALLOW(JSON_OBJECT)
#define FINGERPRINT .min = 1, .max = FINDING_FINGERPRINT_MAX, .check = check_job_id
#define REASON .min = 1, .max = SILENCE_REASON_MAX
#define TABLE(title, type, fields)                                                                                     \
	{                                                                                                                  \
		title, sizeof(type), fields, countof(fields)                                                                   \
	}

#define F(member, ...) JSON_FIELD(struct notifier_target, member, __VA_ARGS__)
static const struct json_field target_fields[] = {
    F(name, NAME, REQUIRED),
    F(kind, NAME, REQUIRED),
    F(repository, .min = 3, .max = JOB_NAME_MAX),
    F(api_url, URL),
    F(category, GLOB),
    F(url, URL),
    F(secret, .min = 1, .max = JOB_NAME_MAX),
    F(labels, STRINGS, .max = 1024),
    F(group_by, STRINGS, .max = 1024),
    F(max_per_hour, .min = 1, .max = NOTIFIER_RATE_MAX),
    F(weekly_summary),
};
const struct json_table notifier_target_table = TABLE("notifier.target", struct notifier_target, target_fields);
#undef F

#define F(member, ...) JSON_FIELD(struct notifier_route, member, __VA_ARGS__)
static const struct json_field route_fields[] = {
    F(target, NAME, REQUIRED),
    F(tenant, GLOB),
    F(sources, STRINGS, .max = 4096),
    F(types, STRINGS, .max = 4096),
    F(min_severity, .names = severity_names),
    F(min_occurrences, .min = 1, .max = JOB_COUNT_MAX),
};
const struct json_table notifier_route_table = TABLE("notifier.route", struct notifier_route, route_fields);
#undef F

#define F(member, ...) JSON_FIELD(struct notifier_window, member, __VA_ARGS__)
static const struct json_field window_fields[] = {
    F(from, REQUIRED), F(until, REQUIRED), F(tenant, GLOB), F(sources, STRINGS, .max = 4096), F(reason, REASON),
};
const struct json_table notifier_window_table = TABLE("notifier.window", struct notifier_window, window_fields);
#undef F

#define F(member, ...) JSON_FIELD(struct notifier_file, member, __VA_ARGS__)
static const struct json_field file_fields[] = {F(targets, ARRAY), F(routes, ARRAY), F(maintenance, ARRAY)};
const struct json_table notifier_file_table = TABLE("notifier", struct notifier_file, file_fields);
#undef F

#define F(member, ...) JSON_FIELD(struct notified, member, __VA_ARGS__)
static const struct json_field notified_fields[] = {
    F(entry, FINGERPRINT, REQUIRED),
    F(target, NAME, REQUIRED),
    F(state, .names = notified_state_names, REQUIRED),
    F(reference, .max = JOB_NAME_MAX),
    F(url, .max = 1024),
    F(revision, .max = FINDING_FINGERPRINT_MAX),
    F(severity, .names = severity_names),
    F(opened_at),
    F(updated_at),
};
const struct json_table notified_table = TABLE("notified", struct notified, notified_fields);
#undef F

#define F(member, ...) JSON_FIELD(struct silence, member, __VA_ARGS__)
static const struct json_field silence_fields[] = {
    F(fingerprint, FINGERPRINT, REQUIRED),
    F(from),
    F(until, REQUIRED),
    F(at),
    F(sources, STRINGS, .max = 4096),
    F(reason, REASON),
    F(by, GLOB),
};
const struct json_table silence_table = TABLE("silence", struct silence, silence_fields);
#undef F

/* ---- requests */

#define F(member, ...) JSON_FIELD(struct findings_request, member, __VA_ARGS__)
static const struct json_field list_request_fields[] = {
    F(source, NAME),
    F(type, NAME),
    F(min_severity, .names = severity_names),
    F(limit, .min = 1, .max = FINDINGS_LIMIT_MAX),
};
static const struct json_field get_request_fields[] = {F(fingerprint, FINGERPRINT, REQUIRED)};
static const struct json_field silence_request_fields[] = {
    F(fingerprint, FINGERPRINT, REQUIRED),
    F(until, REQUIRED),
    F(reason, REASON),
    F(by, GLOB),
};
static const struct json_field maintain_request_fields[] = {
    F(from), F(until, REQUIRED), F(sources, STRINGS, .max = 4096), F(reason, REASON), F(by, GLOB),
};
#undef F
const struct json_table findings_list_request_table =
    TABLE("findings.list.request", struct findings_request, list_request_fields);
const struct json_table findings_get_request_table =
    TABLE("findings.get.request", struct findings_request, get_request_fields);
const struct json_table findings_silence_request_table =
    TABLE("findings.silence.request", struct findings_request, silence_request_fields);
const struct json_table findings_unsilence_request_table =
    TABLE("findings.unsilence.request", struct findings_request, get_request_fields);
const struct json_table findings_maintain_request_table =
    TABLE("findings.maintain.request", struct findings_request, maintain_request_fields);
const struct json_table findings_maintenance_request_table = {"findings.maintenance.request",
                                                              sizeof(struct findings_request), NULL, 0};

#define F(member, ...) JSON_FIELD(struct findings_reply, member, __VA_ARGS__)
static const struct json_field list_reply_fields[] = {
    F(findings, ARRAY, REQUIRED),
    F(total, .min = 0, .max = JOB_COUNT_MAX, REQUIRED),
};
static const struct json_field get_reply_fields[] = {
    F(finding, OBJECT, REQUIRED),
    F(silenced_until),
    F(held_back),
    F(notified, ARRAY, REQUIRED),
};
static const struct json_field silence_reply_fields[] = {F(fingerprint, FINGERPRINT, REQUIRED), F(silenced_until, REQUIRED)};
static const struct json_field unsilence_reply_fields[] = {F(fingerprint, FINGERPRINT, REQUIRED)};
static const struct json_field maintain_reply_fields[] = {
    F(fingerprint, FINGERPRINT, REQUIRED), F(from, REQUIRED), F(until, REQUIRED)};
static const struct json_field maintenance_reply_fields[] = {F(windows, ARRAY, REQUIRED)};
#undef F
const struct json_table findings_list_reply_table =
    TABLE("findings.list.reply", struct findings_reply, list_reply_fields);
const struct json_table findings_get_reply_table = TABLE("findings.get.reply", struct findings_reply, get_reply_fields);
const struct json_table findings_silence_reply_table =
    TABLE("findings.silence.reply", struct findings_reply, silence_reply_fields);
const struct json_table findings_unsilence_reply_table =
    TABLE("findings.unsilence.reply", struct findings_reply, unsilence_reply_fields);
const struct json_table findings_maintain_reply_table =
    TABLE("findings.maintain.reply", struct findings_reply, maintain_reply_fields);
const struct json_table findings_maintenance_reply_table =
    TABLE("findings.maintenance.reply", struct findings_reply, maintenance_reply_fields);
