/* The field table of snapshots, and what is known of each metric in one. */
#include "contract/snapshot.h"

#include <stdio.h>

#include "contract/check.h"
#include "contract/job.h"
#include "contract/requests.h"

const char *const metric_status_names[] = {"ok", "stale", "error", NULL};

#define F(member, ...) JSON_FIELD(struct snapshot, member, __VA_ARGS__)
#define COUNT .min = 0, .max = JOB_COUNT_MAX
#define PART .raw_types = JSON_ALLOW(JSON_OBJECT), .max = SNAPSHOT_PART_MAX
static const struct json_field snapshot_fields[] = {
    F(snapshot_id, .min = 1, .max = JOB_ID_MAX, .check = check_job_id, .required = true),
    F(tenant, .min = 1, .max = TENANT_ID_MAX, .check = check_kind, .required = true),
    F(timestamp, .required = true),
    F(queue_pending, COUNT),
    F(queue_processing, COUNT),
    F(queue_failed, COUNT),
    F(queue_success, COUNT),
    F(scheduler_pending, COUNT),
    F(scheduler_due_soon, COUNT),
    F(orchestrator_running),
    F(orchestrator_last_run),
    F(orchestrator_actions_last_24h, COUNT),
    F(publish_success_rate, .fmin = 0, .fmax = 1),
    F(publish_total_24h, COUNT),
    F(publish_failed_24h, COUNT),
    F(clips_ready, COUNT),
    F(clips_pending_analysis, COUNT),
    F(jobs_pending, COUNT),
    F(jobs_failed, COUNT),
    F(campaigns_active, COUNT),
    F(campaigns_draft, COUNT),
    F(alerts_critical, COUNT),
    F(alerts_warning, COUNT),
    F(platform_stats, PART),
    F(best_clips, PART),
    F(rule_weights, PART),
    F(recent_events, .raw_types = JSON_ALLOW(JSON_ARRAY), .max = SNAPSHOT_EVENTS_BYTES),
    F(worker_load, PART),
    F(telemetry, PART),
    F(additional_metrics, PART, .required = true),
    F(metrics, PART, .required = true),
    F(collection_time_ms, COUNT),
};
const struct json_table snapshot_table = {"snapshot", sizeof(struct snapshot), snapshot_fields,
                                          countof(snapshot_fields)};
const struct json_table snapshot_get_request_table = {"snapshot.get.request", sizeof(struct empty_request), NULL, 0};
const struct json_table snapshot_take_request_table = {"snapshot.take.request", sizeof(struct empty_request), NULL, 0};

bool snapshot_metric(const struct snapshot *s, const char *name, struct snapshot_metric *ret)
{
	struct json row, v;
	if (!json_member(s->metrics, span_from(name), &row) || row.type != JSON_OBJECT)
		return false;
	*ret = (struct snapshot_metric){.status = METRIC_ERROR, .age_ms = -1};
	json_member(row, SPAN("status"), &v);
	for (unsigned i = 0; metric_status_names[i]; i++)
		if (json_text_is(v, span_from(metric_status_names[i])))
			ret->status = i;
	if (json_member(row, SPAN("age_ms"), &v) && !json_i64(v, &ret->age_ms))
		ret->age_ms = -1;
	/* Names of sources need no escaping, so that the text lies between the quotes. */
	if (json_member(row, SPAN("source"), &v) && v.type == JSON_STRING)
		ret->source = span_of(v.text.p + 1, v.text.n - 2);
	return true;
}

void snapshot_key(struct span tenant, char out[SNAPSHOT_KEY_BYTES])
{
	snprintf(out, SNAPSHOT_KEY_BYTES, "%.*s.snapshot", SPAN_ARG(tenant));
}

void snapshot_subject(struct span tenant, char out[SNAPSHOT_SUBJECT_BYTES])
{
	snprintf(out, SNAPSHOT_SUBJECT_BYTES, "gannet.%.*s.snapshot.taken", SPAN_ARG(tenant));
}
