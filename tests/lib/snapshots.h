/* Snapshots for tests: a healthy example platform, and the same with some members changed. */
#ifndef GANNET_TESTS_SNAPSHOTS_H
#define GANNET_TESTS_SNAPSHOTS_H

#include <stdarg.h>
#include <stdio.h>

#include "contract/snapshot.h"
#include "tests/lib/test.h"

#define SNAPSHOT_AT 1767323070000 /* 2026-01-02T03:04:30Z */

static inline struct snapshot healthy_snapshot(void)
{
#define N(v)                                                                                                           \
	{                                                                                                                  \
		true, v                                                                                                        \
	}
	return (struct snapshot){
	    .snapshot_id = SPAN("s-1"),
	    .tenant = SPAN("acme"),
	    .timestamp = {SNAPSHOT_AT},
	    .queue_pending = N(12),
	    .queue_processing = N(3),
	    .queue_failed = N(10),
	    .queue_success = N(940),
	    .scheduler_pending = N(24),
	    .scheduler_due_soon = N(2),
	    .orchestrator_running = N(true),
	    .orchestrator_last_run = {SNAPSHOT_AT - 139000},
	    .orchestrator_actions_last_24h = N(61),
	    .publish_success_rate = N(0.965),
	    .publish_total_24h = N(40),
	    .publish_failed_24h = N(1),
	    .clips_ready = N(64),
	    .clips_pending_analysis = N(6),
	    .jobs_pending = N(4),
	    .jobs_failed = N(1),
	    .campaigns_active = N(3),
	    .campaigns_draft = N(1),
	    .alerts_critical = N(0),
	    .alerts_warning = N(2),
	    .platform_stats = {SPAN("{\"instagram\":{\"published_24h\":30,\"failed_24h\":1},\"tiktok\":{\"published_24h\":9,"
	                            "\"failed_24h\":0}}"),
	                       JSON_OBJECT},
	    .recent_events = {SPAN("[{\"type\":\"publication_succeeded\",\"timestamp\":\"2026-01-02T03:04:12Z\"}]"), JSON_ARRAY},
	    .worker_load = {SPAN("{\"llm\":{\"workers\":1,\"capacity\":256,\"in_flight\":12,\"waiting\":3,\"load\":0.05}}"),
	                    JSON_OBJECT},
	    .additional_metrics = {SPAN("{}"), JSON_OBJECT},
	    .metrics = {SPAN("{}"), JSON_OBJECT},
	};
#undef N
}

/* Written as it would be published, in `a`. */
static inline struct json snapshot_json(const struct snapshot *s, struct arena *a)
{
	scoped_buf out = {0};
	json_encode(&snapshot_table, s, &(struct json_writer){.out = &out});
	return (struct json){arena_dup(a, buf_span(&out)), JSON_OBJECT};
}

#endif
