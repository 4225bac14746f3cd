/* The field tables of signals. */
#include "contract/signal.h"

#include "core/status.h"

const char *const deploy_status_names[] = {"started", "succeeded", "failed", "rolled_back", "cancelled", NULL};
const char *const ci_status_names[] = {"queued", "in_progress", "completed", NULL};
const char *const ci_conclusion_names[] = {"none",    "success", "failure",         "cancelled",       "timed_out",
                                           "skipped", "neutral", "action_required", "startup_failure", "stale",
                                           NULL};

#define F(member, ...) JSON_FIELD(struct signal_deploy, member, __VA_ARGS__)
static const struct json_field signal_deploy_fields[] = {
    F(service, .min = 1, .max = 128, .required = true),
    F(environment, .max = 64),
    F(status, .names = deploy_status_names, .required = true),
    F(version, .max = 128),
    F(commit, .max = 64),
    F(error, .max = 4096),
    F(url, .max = 2048),
    F(started_at),
    F(finished_at),
    F(timestamp),
};
const struct json_table signal_deploy_table = {"signal.deploy", sizeof(struct signal_deploy), signal_deploy_fields,
                                               countof(signal_deploy_fields)};
#undef F

#define F(member, ...) JSON_FIELD(struct signal_ci_run, member, __VA_ARGS__)
static const struct json_field signal_ci_run_fields[] = {
    F(repository, .min = 1, .max = 200, .required = true),
    F(workflow, .min = 1, .max = 128, .required = true),
    F(branch, .max = 255),
    F(commit, .max = 64),
    F(status, .names = ci_status_names, .required = true),
    F(conclusion, .names = ci_conclusion_names),
    F(run_id, .max = 64),
    F(attempt, .min = 1, .max = 1000),
    F(error, .max = 4096),
    F(url, .max = 2048),
    F(started_at),
    F(finished_at),
    F(timestamp),
};
const struct json_table signal_ci_run_table = {"signal.ci_run", sizeof(struct signal_ci_run), signal_ci_run_fields,
                                               countof(signal_ci_run_fields)};
#undef F

#define F(member, ...) JSON_FIELD(struct signal_latency, member, __VA_ARGS__)
static const struct json_field signal_latency_fields[] = {
    F(service, .min = 1, .max = 128, .required = true),
    F(endpoint, .max = 128),
    F(duration_ms, .fmin = 0, .fmax = 8.64e+07),
    F(p50_ms, .fmin = 0, .fmax = 8.64e+07),
    F(count, .min = 1, .max = 1000000000),
    F(failed, .min = 0, .max = 1000000000),
    F(status, .min = 100, .max = 599),
    F(timestamp),
};
const struct json_table signal_latency_table = {"signal.latency", sizeof(struct signal_latency), signal_latency_fields,
                                                countof(signal_latency_fields)};
#undef F

#define F(member, ...) JSON_FIELD(struct signal_error, member, __VA_ARGS__)
static const struct json_field signal_error_fields[] = {
    F(service, .min = 1, .max = 128, .required = true),
    F(endpoint, .max = 128),
    F(message, .max = 4096),
    F(code, .max = 64),
    F(count, .min = 1, .max = 1000000000),
    F(requests, .min = 0, .max = 1000000000),
    F(timestamp),
};
const struct json_table signal_error_table = {"signal.error", sizeof(struct signal_error), signal_error_fields,
                                              countof(signal_error_fields)};
#undef F
