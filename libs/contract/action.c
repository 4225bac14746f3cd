/* The field tables of actions, and their names on the bus. */
#include "contract/action.h"

#include <inttypes.h>
#include <stdio.h>

#include "contract/check.h"
#include "contract/requests.h"

const char *const action_status_names[] = {"approved", "succeeded", "failed", NULL};
const char *const action_outcome_names[] = {"succeeded", "failed", NULL};
const char *const action_list_status_names[] = {"any", "approved", "succeeded", "failed", NULL};

#define REQUIRED .required = true
#define ID .min = 1, .max = JOB_ID_MAX, .check = check_job_id
#define TYPE .min = 1, .max = 32, .check = check_kind
#define TEXT .min = 1, .max = REASONING_TEXT_MAX
#define NAME .min = 1, .max = JOB_NAME_MAX
#define STEP .min = 1, .max = REASONING_STEPS_MAX
#define PAYLOAD .raw_types = JSON_ALLOW(JSON_OBJECT), .max = REASONING_PAYLOAD_MAX
#define OUTPUT .raw_types = JSON_ALLOW(JSON_OBJECT), .max = ACTION_OUTPUT_MAX
#define TABLE(title, type, fields)                                                                                     \
	{                                                                                                                  \
		title, sizeof(type), fields, countof(fields)                                                                   \
	}

#define F(member, ...) JSON_FIELD(struct approve_request, member, __VA_ARGS__)
static const struct json_field approve_fields[] = {
    F(plan_id, ID, REQUIRED),
    F(step, STEP, REQUIRED),
    F(by, NAME, REQUIRED),
};
#undef F
const struct json_table approve_request_table = TABLE("actions.approve.request", struct approve_request, approve_fields);

#define WHAT                                                                                                           \
	F(action_id, ID, REQUIRED), F(plan_id, ID, REQUIRED), F(reasoning_id, ID, REQUIRED), F(step, STEP, REQUIRED),      \
	    F(action_type, TYPE, REQUIRED), F(description, TEXT), F(action_payload, PAYLOAD, REQUIRED),                    \
	    F(approved_by, NAME, REQUIRED), F(approved_at, REQUIRED)
#define F(member, ...) JSON_FIELD(struct action_run, member, __VA_ARGS__)
static const struct json_field run_fields[] = {WHAT};
#undef F
const struct json_table action_run_table = TABLE("action.run", struct action_run, run_fields);

#define F(member, ...) JSON_FIELD(struct action_record, member, __VA_ARGS__)
static const struct json_field record_fields[] = {
    WHAT,
    F(status, .names = action_status_names, REQUIRED),
    F(completed_at),
    F(message, .min = 1, .max = ACTION_MESSAGE_MAX),
    F(output, OUTPUT),
    F(already),
};
#undef F
const struct json_table action_record_table = TABLE("action", struct action_record, record_fields);

#define F(member, ...) JSON_FIELD(struct report_request, member, __VA_ARGS__)
static const struct json_field report_fields[] = {
    F(action_id, ID, REQUIRED),
    F(status, .names = action_outcome_names, REQUIRED),
    F(message, .min = 1, .max = ACTION_MESSAGE_MAX),
    F(output, OUTPUT),
};
#undef F
const struct json_table report_request_table = TABLE("actions.report.request", struct report_request, report_fields);

static const struct json_field get_fields[] = {JSON_FIELD(struct action_get_request, action_id, ID, REQUIRED)};
const struct json_table action_get_request_table =
    TABLE("actions.get.request", struct action_get_request, get_fields);

static const struct json_field list_fields[] = {
    JSON_FIELD(struct action_list_request, status, .names = action_list_status_names),
    JSON_FIELD(struct action_list_request, limit, .min = 1, .max = ACTION_LIST_MAX),
};
const struct json_table action_list_request_table =
    TABLE("actions.list.request", struct action_list_request, list_fields);
static const struct json_field list_reply_fields[] = {
    JSON_FIELD(struct action_list_reply, actions, .raw_types = JSON_ALLOW(JSON_ARRAY), REQUIRED),
};
const struct json_table action_list_reply_table =
    TABLE("actions.list.reply", struct action_list_reply, list_reply_fields);

#define F(member, ...) JSON_FIELD(struct queue_pause, member, __VA_ARGS__)
static const struct json_field pause_fields[] = {
    F(by, NAME),
    F(reason, .min = 1, .max = REASONING_LINE_MAX),
    F(at, REQUIRED),
};
#undef F
const struct json_table queue_pause_table = TABLE("queue.pause", struct queue_pause, pause_fields);

bool action_id(struct span plan_id, int64_t step, char out[ACTION_ID_BYTES])
{
	int n = snprintf(out, ACTION_ID_BYTES, "%.*s-%" PRId64, SPAN_ARG(plan_id), step);
	return n > 0 && n < ACTION_ID_BYTES;
}

void action_run_subject(struct span tenant, struct span action_type, char out[ACTION_SUBJECT_BYTES])
{
	snprintf(out, ACTION_SUBJECT_BYTES, "gannet.%.*s.actions.run.%.*s", SPAN_ARG(tenant), SPAN_ARG(action_type));
}

void action_key(struct span tenant, struct span id, char out[ACTION_KEY_BYTES])
{
	snprintf(out, ACTION_KEY_BYTES, "%.*s.%.*s", SPAN_ARG(tenant), SPAN_ARG(id));
}
