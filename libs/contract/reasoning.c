/* The field tables of what the reasoning service says. */
#include "contract/reasoning.h"

#include <stdio.h>

#include "contract/check.h"
#include "contract/requests.h"

const char *const health_names[] = {"excellent", "good", "warning", "critical", NULL};
const char *const urgency_names[] = {"critical", "high", "medium", "low", NULL};
const char *const category_names[] = {"performance", "content", "campaigns", "system", NULL};
const char *const level_names[] = {"low", "medium", "high", NULL};
const char *const engine_names[] = {"rules", "llm", NULL};

#define REQUIRED .required = true
#define ID .min = 1, .max = JOB_ID_MAX, .check = check_job_id
#define LINE .min = 1, .max = REASONING_LINE_MAX
#define TEXT .min = 1, .max = REASONING_TEXT_MAX
#define PAYLOAD .raw_types = JSON_ALLOW(JSON_OBJECT), .max = REASONING_PAYLOAD_MAX
#define LIST .raw_types = JSON_ALLOW(JSON_ARRAY)
#define COUNT .min = 0, .max = JOB_COUNT_MAX
#define TABLE(title, type, fields)                                                                                     \
	{                                                                                                                  \
		title, sizeof(type), fields, countof(fields)                                                                   \
	}

static const char *check_lines(struct json v)
{
	return check_strings(v) || json_count(v) > REASONING_LIST_MAX ? "an array of at most 32 strings" : NULL;
}

static const char *check_insights(struct json v)
{
	size_t n = json_count(v);
	bool fits = n >= REASONING_INSIGHTS_MIN && n <= REASONING_INSIGHTS_MAX && !check_strings(v);
	return fits ? NULL : "an array of 3 to 5 strings";
}

#define F(member, ...) JSON_FIELD(struct reasoning_summary, member, __VA_ARGS__)
static const struct json_field summary_fields[] = {
    F(overall_health, .names = health_names, REQUIRED),
    F(health_score, .fmin = 0, .fmax = 100, REQUIRED),
    F(key_insights, LIST, .check_raw = check_insights, REQUIRED),
    F(concerns, LIST, .check_raw = check_lines, REQUIRED),
    F(positives, LIST, .check_raw = check_lines, REQUIRED),
    F(confidence, .fmin = 0, .fmax = 1, REQUIRED),
    F(generated_at, REQUIRED),
};
#undef F
const struct json_table reasoning_summary_table =
    TABLE("reasoning.summary", struct reasoning_summary, summary_fields);

#define F(member, ...) JSON_FIELD(struct recommendation, member, __VA_ARGS__)
static const struct json_field recommendation_fields[] = {
    F(id, ID, REQUIRED),
    F(priority, .names = urgency_names, REQUIRED),
    F(category, .names = category_names, REQUIRED),
    F(title, LINE, REQUIRED),
    F(description, TEXT, REQUIRED),
    F(impact, TEXT, REQUIRED),
    F(effort, .names = level_names, REQUIRED),
    F(action_type, .min = 1, .max = 32, .check = check_kind),
    F(action_payload, PAYLOAD),
};
#undef F
const struct json_table recommendation_table =
    TABLE("reasoning.recommendation", struct recommendation, recommendation_fields);

#define F(member, ...) JSON_FIELD(struct plan_step, member, __VA_ARGS__)
static const struct json_field step_fields[] = {
    F(step, .min = 1, .max = REASONING_STEPS_MAX, REQUIRED),
    F(action, .min = 1, .max = 32, .check = check_kind, REQUIRED),
    F(description, TEXT, REQUIRED),
    F(automated, REQUIRED),
    F(estimated_duration, LINE, REQUIRED),
    F(action_payload, PAYLOAD),
};
#undef F
const struct json_table plan_step_table = TABLE("reasoning.step", struct plan_step, step_fields);

#define F(member, ...) JSON_FIELD(struct action_plan, member, __VA_ARGS__)
static const struct json_field plan_fields[] = {
    F(plan_id, ID, REQUIRED),
    F(title, LINE, REQUIRED),
    F(objective, TEXT, REQUIRED),
    F(steps, LIST, REQUIRED),
    F(estimated_duration, LINE, REQUIRED),
    F(risk_level, .names = level_names, REQUIRED),
    F(automated, REQUIRED),
    F(expires_at, REQUIRED),
};
#undef F
const struct json_table action_plan_table = TABLE("reasoning.action_plan", struct action_plan, plan_fields);

#define F(member, ...) JSON_FIELD(struct contribution, member, __VA_ARGS__)
static const struct json_field contribution_fields[] = {
    F(rule, .min = 1, .max = 32, .check = check_kind, REQUIRED),
    F(category, .names = category_names, REQUIRED),
    F(points, .fmin = -100, .fmax = 100, REQUIRED),
    F(detail, LINE, REQUIRED),
};
#undef F
const struct json_table contribution_table = TABLE("reasoning.contribution", struct contribution, contribution_fields);

#define F(member, ...) JSON_FIELD(struct reasoning, member, __VA_ARGS__)
static const struct json_field reasoning_fields[] = {
    F(reasoning_id, ID, REQUIRED),
    F(timestamp, REQUIRED),
    F(snapshot, .raw_types = JSON_ALLOW(JSON_OBJECT), .max = REASONING_SNAPSHOT_MAX, REQUIRED),
    F(summary, .table = &reasoning_summary_table, REQUIRED),
    F(recommendations, LIST, REQUIRED),
    F(action_plan, .table = &action_plan_table, REQUIRED),
    F(execution_time_ms, COUNT, REQUIRED),
    F(execution_time_us, COUNT, REQUIRED),
    F(engine, .names = engine_names, REQUIRED),
    F(fallback_reason, TEXT),
    F(score_explanation, LIST, REQUIRED),
    F(fingerprint, ID, REQUIRED),
    F(refines, ID),
    F(model, .min = 1, .max = JOB_NAME_MAX),
    F(job_id, ID),
    F(cached),
    F(usage, .table = &usage_table),
    F(cost_nanousd, COUNT),
};
#undef F
const struct json_table reasoning_table = TABLE("reasoning", struct reasoning, reasoning_fields);

/* ---- requests */

const struct json_table reasoning_request_table = {"reasoning.request", sizeof(struct empty_request), NULL, 0};

#define F(member, ...) JSON_FIELD(struct recommendations_reply, member, __VA_ARGS__)
static const struct json_field recommendations_fields[] = {
    F(reasoning_id, ID, REQUIRED),
    F(timestamp, REQUIRED),
    F(recommendations, LIST, REQUIRED),
};
#undef F
const struct json_table recommendations_reply_table =
    TABLE("reasoning.recommendations.reply", struct recommendations_reply, recommendations_fields);

#define F(member, ...) JSON_FIELD(struct history_request, member, __VA_ARGS__)
static const struct json_field history_request_fields[] = {
    F(limit, .min = 1, .max = REASONING_HISTORY_MAX),
    F(cursor, .min = 1, .max = CURSOR_MAX),
    F(full),
};
#undef F
const struct json_table history_request_table =
    TABLE("reasoning.history.request", struct history_request, history_request_fields);

#define F(member, ...) JSON_FIELD(struct history_reply, member, __VA_ARGS__)
static const struct json_field history_reply_fields[] = {
    F(reasonings, LIST, REQUIRED),
    F(next_cursor, .max = CURSOR_MAX),
};
#undef F
const struct json_table history_reply_table =
    TABLE("reasoning.history.reply", struct history_reply, history_reply_fields);

void reasoning_key(struct span tenant, char out[REASONING_KEY_BYTES])
{
	snprintf(out, REASONING_KEY_BYTES, "%.*s.reasoning", SPAN_ARG(tenant));
}

void reasoning_subject(struct span tenant, char out[REASONING_SUBJECT_BYTES])
{
	snprintf(out, REASONING_SUBJECT_BYTES, "gannet.%.*s.reasoning.completed", SPAN_ARG(tenant));
}
