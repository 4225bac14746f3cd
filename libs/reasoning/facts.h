/* What the rules look at: the figures of a snapshot and of the hour before it, each known or not. */
#ifndef GANNET_REASONING_FACTS_H
#define GANNET_REASONING_FACTS_H

#include "contract/snapshot.h"
#include "reasoning/memory.h"

enum unit { UNIT_COUNT, UNIT_SHARE, UNIT_MINUTES, UNIT_FACTOR };

/*
 * Name in texts, unit, and the snapshot's member that says whether it is known (NULL: made of others, known when they
 * are). Members of the snapshot first, as they are; then what is made of them.
 */
#define FACT_LIST(X)                                                                                                   \
	X(QUEUE_PENDING, queue_pending, COUNT)                                                                             \
	X(QUEUE_PROCESSING, queue_processing, COUNT)                                                                       \
	X(QUEUE_FAILED, queue_failed, COUNT)                                                                               \
	X(QUEUE_SUCCESS, queue_success, COUNT)                                                                             \
	X(SCHEDULER_PENDING, scheduler_pending, COUNT)                                                                     \
	X(SCHEDULER_DUE_SOON, scheduler_due_soon, COUNT)                                                                   \
	X(ORCHESTRATOR_ACTIONS, orchestrator_actions_last_24h, COUNT)                                                      \
	X(PUBLISH_SUCCESS_RATE, publish_success_rate, SHARE)                                                               \
	X(PUBLISH_TOTAL, publish_total_24h, COUNT)                                                                         \
	X(PUBLISH_FAILED, publish_failed_24h, COUNT)                                                                       \
	X(CLIPS_READY, clips_ready, COUNT)                                                                                 \
	X(CLIPS_PENDING, clips_pending_analysis, COUNT)                                                                    \
	X(JOBS_PENDING, jobs_pending, COUNT)                                                                               \
	X(JOBS_FAILED, jobs_failed, COUNT)                                                                                 \
	X(CAMPAIGNS_ACTIVE, campaigns_active, COUNT)                                                                       \
	X(CAMPAIGNS_DRAFT, campaigns_draft, COUNT)                                                                         \
	X(ALERTS_CRITICAL, alerts_critical, COUNT)                                                                         \
	X(ALERTS_WARNING, alerts_warning, COUNT)                                                                           \
	/* made of them */                                                                                                 \
	X(ORCHESTRATOR_DOWN, orchestrator_running, COUNT)                                                                  \
	X(ORCHESTRATOR_IDLE, orchestrator_last_run, MINUTES)                                                               \
	X(QUEUE_FAILURE_SHARE, queue_failure_share, SHARE)                                                                 \
	X(QUEUE_ENDED, queue_ended, COUNT)                                                                                 \
	X(QUEUE_GROWTH, queue_growth, FACTOR)                                                                              \
	X(QUEUE_STALLED, queue_stalled, MINUTES)                                                                           \
	X(JOBS_FAILED_GROWTH, jobs_failed_growth, COUNT)                                                                   \
	X(NOTHING_PUBLISHED, nothing_published, COUNT)                                                                     \
	X(PLATFORM_FAILURE_SHARE, platform_failure_share, SHARE)                                                           \
	X(EVENT_FAILURE_SHARE, event_failure_share, SHARE)                                                                 \
	X(EVENTS, events, COUNT)                                                                                           \
	X(CLIP_DAYS, clip_days, FACTOR)                                                                                    \
	X(CLIPS_SHORT, clips_short, COUNT)                                                                                 \
	X(NOTHING_SCHEDULED, nothing_scheduled, COUNT)                                                                     \
	X(WORKER_LOAD, worker_load, SHARE)                                                                                 \
	X(WORKERS_MISSING, workers_missing, COUNT)                                                                         \
	X(JOBS_WITHOUT_WORKERS, jobs_without_workers, COUNT)                                                               \
	X(PAUSED, paused_queues, MINUTES)                                                                                  \
	X(UNKNOWN_SHARE, unknown_share, SHARE)                                                                             \
	X(STALE_AGE, stale_age, MINUTES)

enum fact_id {
#define X(id, name, unit) FACT_##id,
	FACT_LIST(X)
#undef X
	    FACT_COUNT
};
extern const char *const fact_names[];
extern const enum unit fact_units[];

enum knowledge {
	FACT_ABSENT,  /* no source provides it, or there is no such thing here: rules about it do not apply */
	FACT_UNKNOWN, /* a source provides it and failed */
	FACT_KNOWN,
};

struct fact {
	enum knowledge knowledge;
	double value;
	double confidence; /* of a known one: 1 fresh, less the older it is */
};

/* A queue that somebody paused. */
struct paused_queue {
	char kind[33];
	const char *priority;
	int64_t since_ms;
};

/* What else is known at the time, besides the snapshot. */
struct surroundings {
	const struct paused_queue *paused; /* longest first */
	size_t paused_n;
};

/* Names that texts and payloads mention; absent when there is none. */
#define LABEL_LIST(X) X(PLATFORM, platform) X(KIND, kind) X(IDLE_KIND, idle_kind) X(PAUSED_KIND, paused_kind)          \
	X(PAUSED_PRIORITY, paused_priority) X(SOURCES, sources) X(STALE_SOURCE, stale_source)
enum label_id {
#define X(id, name) LABEL_##id,
	LABEL_LIST(X)
#undef X
	    LABEL_COUNT
};
extern const char *const label_names[];

struct facts {
	struct fact all[FACT_COUNT];
	struct span labels[LABEL_COUNT];
};

/* Pure. Labels point into the snapshot, `s` or `a`. */
void facts_read(const struct snapshot *snapshot, const struct memory *memory, const struct surroundings *s,
                struct arena *a, struct facts *ret);
/* What the memory keeps of a snapshot for the facts of later ones. */
void facts_sample(const struct facts *f, int64_t at_ms, struct sample *ret);

#endif
