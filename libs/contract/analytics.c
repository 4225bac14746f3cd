/* Field tables of the analytics service's requests and replies. */
#include "contract/analytics.h"

#include "contract/check.h"

const char *const analytics_status_names[] = {"any", "completed", "failed", "cancelled", "rejected", NULL};
const char *const analytics_format_names[] = {"json", "csv", NULL};
const char *const analytics_export_names[] = {"auto", "openai", "anthropic", NULL};

static const char *check_zone(struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
		if (!letter && !(c >= '0' && c <= '9') && c != '/' && c != '_' && c != '-' && c != '+')
			return "the name of a time zone such as Europe/Berlin";
	}
	return NULL;
}

static const char *check_dollars(struct span s)
{
	struct span fraction = s, whole = span_cut(&fraction, '.');
	if (!s.n)
		return NULL;
	if (!whole.n || whole.n > 9 || (fraction.p && (!fraction.n || fraction.n > 9)))
		return "dollars with up to 9 digits before and after the point, or nothing";
	for (size_t i = 0; i < s.n; i++)
		if ((s.p[i] < '0' || s.p[i] > '9') && s.p[i] != '.')
			return "dollars with up to 9 digits before and after the point, or nothing";
	return NULL;
}

#define REQUIRED .required = true
#define NAME .min = 1, .max = JOB_NAME_MAX
#define ZONE .min = 1, .max = ANALYTICS_ZONE_MAX, .check = check_zone
#define OBJECT .raw_types = JSON_ALLOW(JSON_OBJECT)
#define ARRAY .raw_types = JSON_ALLOW(JSON_ARRAY)
#define COUNT .min = 0, .max = JOB_COUNT_MAX
#define MONEY .min = -JOB_COUNT_MAX, .max = JOB_COUNT_MAX
#define DOLLARS .fmin = 0, .fmax = 1e15
#define TABLE(title, type, fields)                                                                                     \
	{                                                                                                                  \
		title, sizeof(type), fields, countof(fields)                                                                   \
	}

#define F(member, ...) JSON_FIELD(struct analytics_query, member, __VA_ARGS__)
static const struct json_field query_fields[] = {
    F(from),
    F(to),
    F(group_by, .min = 1, .max = 128),
    F(time_zone, ZONE),
    F(model, NAME),
    F(provider, NAME),
    F(user_id, NAME),
    F(operation, NAME),
    F(pipeline, NAME),
    F(field_name, NAME),
    F(status, .names = analytics_status_names),
    F(format, .names = analytics_format_names),
    F(limit, .min = 1, .max = ANALYTICS_ROWS_MAX),
};
#undef F
const struct json_table analytics_query_table = TABLE("analytics.query.request", struct analytics_query, query_fields);

#define F(member, ...) JSON_FIELD(struct analytics_report, member, __VA_ARGS__)
static const struct json_field report_fields[] = {
    F(from, REQUIRED), F(to, REQUIRED), F(time_zone, ZONE, REQUIRED), F(source, REQUIRED),
    F(rows, ARRAY),    F(totals, OBJECT), F(csv),                     F(truncated),
};
#undef F
const struct json_table analytics_report_table =
    TABLE("analytics.report.reply", struct analytics_report, report_fields);

#define F(member, ...) JSON_FIELD(struct analytics_feedback_query, member, __VA_ARGS__)
static const struct json_field feedback_query_fields[] = {
    F(from),
    F(to),
    F(model, NAME),
    F(template, .min = 1, .max = JOB_TEMPLATE_MAX),
    F(limit, .min = 1, .max = ANALYTICS_ROWS_MAX),
};
#undef F
const struct json_table analytics_feedback_query_table =
    TABLE("analytics.feedback.request", struct analytics_feedback_query, feedback_query_fields);
static const struct json_field feedback_fields[] = {JSON_FIELD(struct analytics_feedback, rows, ARRAY, REQUIRED)};
const struct json_table analytics_feedback_table =
    TABLE("analytics.feedback.reply", struct analytics_feedback, feedback_fields);

static const struct json_field month_fields[] = {JSON_FIELD(struct analytics_month_query, time_zone, ZONE)};
const struct json_table analytics_budget_query_table =
    TABLE("analytics.budget.request", struct analytics_month_query, month_fields);
const struct json_table analytics_forecast_query_table =
    TABLE("analytics.forecast.request", struct analytics_month_query, month_fields);

#define F(member, ...) JSON_FIELD(struct analytics_budget, member, __VA_ARGS__)
static const struct json_field budget_fields[] = {
    F(month, REQUIRED),       F(time_zone, ZONE, REQUIRED),    F(month_start, REQUIRED),
    F(month_end, REQUIRED),   F(spent_nanousd, COUNT, REQUIRED), F(budget_nanousd, COUNT),
    F(remaining_nanousd, MONEY), F(used_percent, .fmin = 0, .fmax = 1e15),
};
#undef F
const struct json_table analytics_budget_table = TABLE("analytics.budget.reply", struct analytics_budget, budget_fields);

#define F(member, ...) JSON_FIELD(struct cost_prediction, member, __VA_ARGS__)
static const struct json_field prediction_fields[] = {
    F(current_spend, DOLLARS, REQUIRED),
    F(projected_monthly, DOLLARS, REQUIRED),
    F(budget, DOLLARS),
    F(deviation_percent, .fmin = -100, .fmax = 1e15),
    F(trend, REQUIRED),
    F(recommendation, REQUIRED),
};
#undef F
const struct json_table cost_prediction_table = TABLE("cost.prediction", struct cost_prediction, prediction_fields);

#define F(member, ...) JSON_FIELD(struct analytics_forecast, member, __VA_ARGS__)
static const struct json_field forecast_fields[] = {
    F(prediction, .table = &cost_prediction_table, REQUIRED),
    F(actions, ARRAY, REQUIRED),
    F(month, REQUIRED),
    F(time_zone, ZONE, REQUIRED),
    F(method, REQUIRED),
    F(low, DOLLARS, REQUIRED),
    F(high, DOLLARS, REQUIRED),
    F(services, ARRAY, REQUIRED),
    F(at, REQUIRED),
};
#undef F
const struct json_table analytics_forecast_table =
    TABLE("analytics.forecast.reply", struct analytics_forecast, forecast_fields);

#define F(member, ...) JSON_FIELD(struct analytics_settings, member, __VA_ARGS__)
static const struct json_field settings_request_fields[] = {
    F(time_zone, ZONE),
    F(monthly_budget_usd, .max = 19, .check = check_dollars),
    F(ledger_days, .min = 0, .max = ANALYTICS_LEDGER_DAYS_MAX),
};
static const struct json_field settings_reply_fields[] = {
    F(time_zone, ZONE, REQUIRED),
    F(monthly_budget_usd, .max = 19, .check = check_dollars),
    F(ledger_days, .min = 0, .max = ANALYTICS_LEDGER_DAYS_MAX),
};
#undef F
const struct json_table analytics_settings_request_table =
    TABLE("analytics.settings.request", struct analytics_settings, settings_request_fields);
const struct json_table analytics_settings_reply_table =
    TABLE("analytics.settings.reply", struct analytics_settings, settings_reply_fields);

static const struct json_field rebuild_fields[] = {
    JSON_FIELD(struct analytics_rebuild, from, REQUIRED),
    JSON_FIELD(struct analytics_rebuild, to, REQUIRED),
};
const struct json_table analytics_rebuild_request_table =
    TABLE("analytics.rebuild.request", struct analytics_rebuild, rebuild_fields);
static const struct json_field rebuilt_fields[] = {JSON_FIELD(struct analytics_rebuilt, days, COUNT, REQUIRED)};
const struct json_table analytics_rebuild_reply_table =
    TABLE("analytics.rebuild.reply", struct analytics_rebuilt, rebuilt_fields);

static const struct json_field reconcile_fields[] = {
    JSON_FIELD(struct analytics_reconcile, provider, .names = analytics_export_names),
    JSON_FIELD(struct analytics_reconcile, export, OBJECT, .max = ANALYTICS_EXPORT_MAX, REQUIRED),
};
const struct json_table analytics_reconcile_request_table =
    TABLE("analytics.reconcile.request", struct analytics_reconcile, reconcile_fields);
#define F(member, ...) JSON_FIELD(struct analytics_reconciled, member, __VA_ARGS__)
static const struct json_field reconciled_fields[] = {
    F(provider, REQUIRED),
    F(kind, REQUIRED),
    F(rows, ARRAY, REQUIRED),
    F(totals, OBJECT, REQUIRED),
};
#undef F
const struct json_table analytics_reconcile_reply_table =
    TABLE("analytics.reconcile.reply", struct analytics_reconciled, reconciled_fields);
