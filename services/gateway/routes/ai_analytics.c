/* /api/v1/ai-analytics: usage, costs and performance of a tenant. */
#include "contract/analytics.h"
#include "services/gateway/route.h"

#define REPORT_TIMEOUT_MS 20000

static const char *const as_json[] = {"format", "", NULL}; /* an answer is JSON */

static const struct route rows[] = {
    {"GET", "/api/v1/ai-analytics/usage/", "getUsage", "Jobs and tokens by any dimension and time",
     "group_by takes names with commas between them. Role user sees its own usage only.", .roles = roles_everyone,
     .scope = SCOPE_FILTER, .verb = "analytics.usage", .request = &analytics_query_table, .fixed = as_json,
     .reply = "analytics.report.reply", .success = 200, .timeout_ms = REPORT_TIMEOUT_MS},
    {"GET", "/api/v1/ai-analytics/costs/", "getCosts", "Money spent and saved, and what a job costs",
     "Role user sees its own costs only.", .roles = roles_everyone, .scope = SCOPE_FILTER, .verb = "analytics.costs",
     .request = &analytics_query_table, .fixed = as_json, .reply = "analytics.report.reply", .success = 200,
     .timeout_ms = REPORT_TIMEOUT_MS},
    {"GET", "/api/v1/ai-analytics/performance/", "getPerformance", "Times, error and retry rates, speed",
     "Role user sees its own jobs only.", .roles = roles_everyone, .scope = SCOPE_FILTER, .verb = "analytics.performance",
     .request = &analytics_query_table, .fixed = as_json, .reply = "analytics.report.reply", .success = 200,
     .timeout_ms = REPORT_TIMEOUT_MS},
    {"GET", "/api/v1/ai-analytics/feedback/", "getFeedback", "How outputs are rated, by template and model", NULL,
     .roles = roles_leading, .verb = "analytics.feedback", .request = &analytics_feedback_query_table,
     .reply = "analytics.feedback.reply", .success = 200, .timeout_ms = REPORT_TIMEOUT_MS},
    {"GET", "/api/v1/ai-analytics/budget/", "getBudget", "The month's spend and what is left of the budget", NULL,
     .roles = roles_leading, .verb = "analytics.budget", .request = &analytics_budget_query_table,
     .reply = "analytics.budget.reply", .success = 200},
    {"GET", "/api/v1/ai-analytics/forecast/", "getForecast", "What the month will come to", NULL, .roles = roles_leading,
     .verb = "analytics.forecast", .request = &analytics_forecast_query_table, .reply = "analytics.forecast.reply",
     .success = 200},
};

const struct route_area route_area_ai_analytics = {"AI analytics", "What was used, spent and achieved.", rows,
                                                   countof(rows)};
