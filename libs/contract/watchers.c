/* The field tables of the watchers' configuration. */
#include "contract/watchers.h"

#include "contract/check.h"
#include "contract/finding.h"
#include "contract/job.h"

const char *const source_type_names[] = {"github", "prometheus", "logs", NULL};

static const char *check_booleans(struct json v)
{
	struct json key, value;
	for (struct json_iter it = json_iter(v); json_next(&it, &key, &value);)
		if (value.type != JSON_BOOL)
			return "an object of booleans";
	return NULL;
}

static const char *check_variable(struct span s)
{
	static const char allowed[] = "a name of A-Z 0-9 _, not beginning with a digit";
	if (!s.n || s.n > 64 || (s.p[0] >= '0' && s.p[0] <= '9'))
		return allowed;
	for (size_t i = 0; i < s.n; i++)
		if (!(s.p[i] >= 'A' && s.p[i] <= 'Z') && !(s.p[i] >= '0' && s.p[i] <= '9') && s.p[i] != '_')
			return allowed;
	return NULL;
}

#define F(member, ...) JSON_FIELD(struct watchers_thresholds, member, __VA_ARGS__)
static const struct json_field watchers_thresholds_fields[] = {
    F(deploy_failures, .min = 1, .max = 1000),       F(latency_spike_percent, .fmin = 1, .fmax = 10000),
    F(error_rate_percent, .fmin = 0.1, .fmax = 100), F(recurring_patterns, .min = 2, .max = 100000),
    F(requests_min, .min = 5, .max = 1000000),
};
const struct json_table watchers_thresholds_table = {"watchers.thresholds", sizeof(struct watchers_thresholds),
                                                     watchers_thresholds_fields, countof(watchers_thresholds_fields)};
#undef F

#define F(member, ...) JSON_FIELD(struct watchers_schedule, member, __VA_ARGS__)
static const struct json_field watchers_schedule_fields[] = {
    F(name, .min = 1, .max = 40, .check = check_watch_name, .required = true),
    F(cron, .min = 1, .max = 128, .required = true),
    F(zone, .min = 1, .max = 64),
};
const struct json_table watchers_schedule_table = {"watchers.schedule", sizeof(struct watchers_schedule),
                                                   watchers_schedule_fields, countof(watchers_schedule_fields)};
#undef F

#define F(member, ...) JSON_FIELD(struct watchers_watch, member, __VA_ARGS__)
static const struct json_field watchers_watch_fields[] = {
    F(name, .min = 1, .max = 40, .check = check_watch_name, .required = true),
    F(watcher, .min = 1, .max = 32, .check = check_kind, .required = true),
    F(schedule, .min = 1, .max = 40, .check = check_watch_name),
    F(enabled),
    F(tenant, .min = 1, .max = 32, .check = check_kind),
    F(options, .raw_types = JSON_ALLOW(JSON_OBJECT)),
};
const struct json_table watchers_watch_table = {"watchers.watch", sizeof(struct watchers_watch), watchers_watch_fields,
                                                countof(watchers_watch_fields)};
#undef F

#define F(member, ...) JSON_FIELD(struct watchers_config_file, member, __VA_ARGS__)
static const struct json_field watchers_config_fields[] = {
    F(project_ref, .max = 128),
    F(tenant, .min = 1, .max = 32, .check = check_kind),
    F(models, .raw_types = JSON_ALLOW(JSON_OBJECT), .check_raw = check_strings),
    F(thresholds, .table = &watchers_thresholds_table),
    F(features, .raw_types = JSON_ALLOW(JSON_OBJECT), .check_raw = check_booleans),
    F(schedules, .raw_types = JSON_ALLOW(JSON_ARRAY)),
    F(watches, .raw_types = JSON_ALLOW(JSON_ARRAY)),
};
const struct json_table watchers_config_table = {"watchers.config", sizeof(struct watchers_config_file),
                                                 watchers_config_fields, countof(watchers_config_fields)};
#undef F

#define F(member, ...) JSON_FIELD(struct integrity_options, member, __VA_ARGS__)
static const struct json_field watchers_integrity_fields[] = {
    F(dsn, .max = 1024),
    F(dsn_env, .min = 1, .max = 64, .check = check_variable),
    F(schemas, .raw_types = JSON_ALLOW(JSON_ARRAY), .check_raw = check_strings),
    F(exclude, .raw_types = JSON_ALLOW(JSON_ARRAY), .check_raw = check_strings),
    F(checks, .raw_types = JSON_ALLOW(JSON_ARRAY), .check_raw = check_strings),
    F(skip, .raw_types = JSON_ALLOW(JSON_ARRAY), .check_raw = check_strings),
    F(max_rows, .min = 1000, .max = 100000000),
    F(statement_timeout_ms, .min = 100, .max = 600000),
    F(load_percent, .min = 1, .max = 100),
    F(sequence_percent, .min = 1, .max = 100),
    F(wraparound_percent, .min = 1, .max = 100),
    F(unused_index_min_bytes, .min = 0, .max = JOB_COUNT_MAX),
    F(unused_index_min_days, .min = 0, .max = 3650),
    F(undeclared_references),
    F(rules, .raw_types = JSON_ALLOW(JSON_ARRAY)),
    F(rules_file, .max = 1024),
};
const struct json_table watchers_integrity_table = {"watchers.integrity", sizeof(struct integrity_options),
                                                    watchers_integrity_fields, countof(watchers_integrity_fields)};
#undef F

#define F(member, ...) JSON_FIELD(struct integrity_rule, member, __VA_ARGS__)
static const struct json_field watchers_rule_fields[] = {
    F(name, .min = 1, .max = 40, .check = check_watch_name, .required = true),
    F(description, .max = 500),
    F(severity, .names = severity_names),
    F(sql, .max = 16384),
    F(table, .max = 256),
    F(column, .max = 128),
    F(not_null),
    F(unique),
    F(min, .fmin = -1e15, .fmax = 1e15),
    F(max, .fmin = -1e15, .fmax = 1e15),
    F(matches, .max = 1024),
    F(values, .raw_types = JSON_ALLOW(JSON_ARRAY), .check_raw = check_strings),
    F(references, .max = 384),
};
const struct json_table watchers_rule_table = {"watchers.rule", sizeof(struct integrity_rule), watchers_rule_fields,
                                               countof(watchers_rule_fields)};
#undef F

#define F(member, ...) JSON_FIELD(struct diagnosis_settings, member, __VA_ARGS__)
static const struct json_field watchers_diagnosis_fields[] = {
    F(window_minutes, .min = 5, .max = 1440),
    F(slice_minutes, .min = 1, .max = 60),
    F(baseline_hours, .min = 2, .max = 336),
    F(deploy_window_hours, .min = 1, .max = 336),
    F(signals),
    F(sources, .raw_types = JSON_ALLOW(JSON_ARRAY)),
};
const struct json_table watchers_diagnosis_table = {"watchers.diagnosis", sizeof(struct diagnosis_settings),
                                                    watchers_diagnosis_fields, countof(watchers_diagnosis_fields)};
#undef F

#define F(member, ...) JSON_FIELD(struct diagnosis_source, member, __VA_ARGS__)
static const struct json_field watchers_source_fields[] = {
    F(type, .names = source_type_names, .required = true),
    F(url, .max = 1024),
    F(token_env, .min = 1, .max = 64, .check = check_variable),
    F(repository, .max = 200),
    F(branch, .max = 255),
    F(service, .max = 128),
    F(endpoint, .max = 128),
    F(latency_query, .max = 4096),
    F(requests_query, .max = 4096),
    F(errors_query, .max = 4096),
    F(paths, .raw_types = JSON_ALLOW(JSON_ARRAY), .check_raw = check_strings),
    F(max_bytes, .min = 1024, .max = 1073741824),
};
const struct json_table watchers_source_table = {"watchers.source", sizeof(struct diagnosis_source),
                                                 watchers_source_fields, countof(watchers_source_fields)};
#undef F
