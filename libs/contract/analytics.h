/* The requests that the analytics service answers on gannet.<tenant>.analytics.<verb>: what is asked, what is replied. */
#ifndef GANNET_CONTRACT_ANALYTICS_H
#define GANNET_CONTRACT_ANALYTICS_H

#include "contract/job.h"

#define ANALYTICS_ROWS_DEFAULT 1000
#define ANALYTICS_ROWS_MAX 5000
#define ANALYTICS_BUCKETS_MAX 10000 /* minutes, hours, days … of one answer */
#define ANALYTICS_ZONE_MAX 64       /* bytes of a time zone's name */
#define ANALYTICS_EXPORT_MAX 900000 /* bytes of a provider's export in one request */
#define ANALYTICS_LEDGER_DAYS_MAX 36500
#define ANALYTICS_REBUILD_DAYS_MAX 31 /* of one request, which takes up to a second a day */

extern const char *const analytics_status_names[];  /* any, then the final states */
extern const char *const analytics_format_names[];  /* json, csv */
extern const char *const analytics_export_names[];  /* auto, openai, anthropic */

/* usage, costs, performance. Moments are rounded down to whole minutes; `to` is exclusive. */
struct analytics_query {
	struct json_time from, to; /* the last 30 days when left out */
	struct span group_by;      /* "model,day": any of model, provider, user_id, operation, pipeline, field_name, status
	                              and one of minute, hour, day, week, month */
	struct span time_zone;     /* IANA name; the tenant's when left out */
	struct span model, provider, user_id, operation, pipeline, field_name;
	unsigned status, format;
	struct opt_i64 limit;
};
extern const struct json_table analytics_query_table;

struct analytics_report {
	struct json_time from, to;
	struct span time_zone;
	struct span source;        /* rollup, ledger or both: what it was added up from */
	struct json rows, totals;  /* absent with csv */
	struct span csv;
	struct opt_bool truncated; /* there are more groups than `limit` */
};
extern const struct json_table analytics_report_table;

/* feedback: outputs and how they were rated, by template and model. */
struct analytics_feedback_query {
	struct json_time from, to;
	struct span model, template;
	struct opt_i64 limit;
};
struct analytics_feedback {
	struct json rows;
};
extern const struct json_table analytics_feedback_query_table, analytics_feedback_table;

/* budget, forecast */
struct analytics_month_query {
	struct span time_zone;
};
extern const struct json_table analytics_budget_query_table, analytics_forecast_query_table;

struct analytics_budget {
	struct span month, time_zone; /* "2026-11" */
	struct json_time month_start, month_end;
	int64_t spent_nanousd;
	struct opt_i64 budget_nanousd, remaining_nanousd; /* without a budget both are left out */
	struct opt_f64 used_percent;
};
extern const struct json_table analytics_budget_table;

/* A3, in dollars. */
struct cost_prediction {
	double current_spend, projected_monthly;
	struct opt_f64 budget, deviation_percent;
	struct span trend, recommendation;
};
extern const struct json_table cost_prediction_table;
struct analytics_forecast {
	const struct cost_prediction *prediction;
	struct json actions; /* [{type, service, reason}] */
	struct span month, time_zone, method;
	double low, high;     /* the interval of projected_monthly, 95 % */
	struct json services; /* [{service, current_spend, share_percent}] */
	struct json_time at;
};
extern const struct json_table analytics_forecast_table;

/* settings: what is given is set, and all of it answered. */
struct analytics_settings {
	struct span time_zone;
	struct span monthly_budget_usd; /* decimal; "" takes it away */
	struct opt_i64 ledger_days;     /* 0: for ever */
};
extern const struct json_table analytics_settings_request_table, analytics_settings_reply_table;

/* rebuild: makes sums again from the ledger, for whole days (UTC). */
struct analytics_rebuild {
	struct json_time from, to;
};
struct analytics_rebuilt {
	int64_t days;
};
extern const struct json_table analytics_rebuild_request_table, analytics_rebuild_reply_table;

/* reconcile: a provider's own usage or cost export against the ledger, by day (UTC) and model. */
struct analytics_reconcile {
	unsigned provider; /* index of analytics_export_names */
	struct json export;
};
struct analytics_reconciled {
	struct span provider, kind; /* kind: costs or usage */
	struct json rows, totals;
};
extern const struct json_table analytics_reconcile_request_table, analytics_reconcile_reply_table;

#endif
