/* A snapshot: what a system is like at one moment, gathered by the collector from all of its sources. */
#ifndef GANNET_CONTRACT_SNAPSHOT_H
#define GANNET_CONTRACT_SNAPSHOT_H

#include "core/id.h"
#include "json/table.h"

#define SNAPSHOT_EVENTS_MAX 50       /* of recent_events, newest first */
#define SNAPSHOT_NAME_MAX 64         /* bytes of a metric's name, of a platform, of a rule */
#define SNAPSHOT_PART_MAX 65536      /* bytes of each object below as written */
#define SNAPSHOT_EVENTS_BYTES 262144 /* bytes of recent_events as written */

/* What is known of a metric, by `metrics`. */
enum metric_status {
	METRIC_OK,    /* read for this snapshot; without a value the source says that there is none */
	METRIC_STALE, /* read for an earlier snapshot by a source that is asked less often; see its age */
	METRIC_ERROR, /* its source failed: no value; additional_metrics has <source>_error */
};
extern const char *const metric_status_names[];

/*
 * gannet.<tenant>.snapshot.taken, proto/snapshot.json; the answer to snapshot.get and snapshot.take; the last one is
 * the value of <tenant>.snapshot in the bucket `latest`. A member that no source provides, or whose source failed, is
 * left out: nothing is ever made up.
 */
struct snapshot {
	struct span snapshot_id, tenant;
	struct json_time timestamp;
	struct opt_i64 queue_pending, queue_processing, queue_failed, queue_success;
	struct opt_i64 scheduler_pending, scheduler_due_soon;
	struct opt_bool orchestrator_running;
	struct json_time orchestrator_last_run;
	struct opt_i64 orchestrator_actions_last_24h;
	struct opt_f64 publish_success_rate; /* 0..1 */
	struct opt_i64 publish_total_24h, publish_failed_24h;
	struct opt_i64 clips_ready, clips_pending_analysis;
	struct opt_i64 jobs_pending, jobs_failed;
	struct opt_i64 campaigns_active, campaigns_draft;
	struct opt_i64 alerts_critical, alerts_warning;
	struct json platform_stats;     /* {platform: {figure: number …}} */
	struct json best_clips;         /* {platform: the clip} */
	struct json rule_weights;       /* {rule: number} */
	struct json recent_events;      /* [{type, timestamp …}], newest first */
	struct json worker_load;        /* {kind: {workers, capacity, in_flight, waiting, load}} */
	struct json telemetry;          /* {figure: number} */
	struct json additional_metrics; /* {name: number, <source>_error: text} */
	struct json metrics;            /* {metric: {status, age_ms, source}}; see snapshot_metric() */
	struct opt_i64 collection_time_ms;
};
extern const struct json_table snapshot_table, snapshot_get_request_table, snapshot_take_request_table;

struct snapshot_metric {
	enum metric_status status;
	int64_t age_ms; /* of the value when the snapshot was taken; -1: there never was one */
	struct span source;
};
/* What `metrics` says of a member or of a name in additional_metrics; false when no source provides it. */
bool snapshot_metric(const struct snapshot *s, const char *name, struct snapshot_metric *ret);

#define SNAPSHOT_KEY_BYTES (TENANT_ID_MAX + 10)
/* "<tenant>.snapshot", the key in the bucket `latest`. */
void snapshot_key(struct span tenant, char out[SNAPSHOT_KEY_BYTES]);
#define SNAPSHOT_SUBJECT_BYTES (TENANT_ID_MAX + 24)
/* "gannet.<tenant>.snapshot.taken" */
void snapshot_subject(struct span tenant, char out[SNAPSHOT_SUBJECT_BYTES]);

#endif
