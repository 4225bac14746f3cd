/* The streams, consumers and buckets of the suite: one table, created once and then only verified. */
#ifndef GANNET_BUS_TOPOLOGY_H
#define GANNET_BUS_TOPOLOGY_H

#include "bus/bus.h"
#include "json/json.h"

/* Names as constants, so that a misspelt stream does not compile. */
#define STREAM_JOBS "JOBS"
#define STREAM_EVENTS "EVENTS"
#define STREAM_DELAYED "DELAYED"
#define STREAM_TICKS "TICKS"
#define STREAM_STATE "STATE"       /* snapshots, reasonings, outcomes of actions */
#define STREAM_FINDINGS "FINDINGS" /* what watchers found */
#define STREAM_ACTIONS "ACTIONS"   /* approved steps of plans, a work queue */
#define STREAM_SIGNALS "SIGNALS"   /* what applications tell of themselves */
#define BUCKET_CANCELLED "cancelled"
#define BUCKET_WORKERS "workers"
#define BUCKET_LATEST "latest"
#define BUCKET_FINDINGS "findings" /* what is open, and for a while what was resolved */
#define BUCKET_WATCHES "watches"               /* runs of watches */
#define BUCKET_WATCH_PROFILES "watch_profiles" /* what tables were like in earlier runs */
#define BUCKET_PLANS "plans"       /* action plans of the last day */
#define BUCKET_ACTIONS "actions"   /* approved steps, and what became of them */
#define BUCKET_PAUSED "paused"     /* queues that no worker takes jobs of */
#define BUCKET_NOTIFIED "notified" /* what targets were told */
#define BUCKET_SILENCES "silences"
#define BUCKET_KEYS "keys" /* see private_id.h */
#define CONSUMER_TICKS_JOBS "ticks-jobs" /* gannet.tick.jobs; the others likewise */
#define CONSUMER_TICKS_COLLECTOR "ticks-collector"
#define CONSUMER_TICKS_ANALYTICS "ticks-analytics"
#define CONSUMER_TICKS_WATCHERS "ticks-watchers"
#define CONSUMER_STATE_REASONING "reasoning"   /* snapshots */
/* gannet.*.actions.run.<type>, one consumer for each type that Gannet runs itself */
#define CONSUMER_ACTIONS_RETRY "actions-retry_failed_jobs"
#define CONSUMER_ACTIONS_PAUSE "actions-pause_queue"
#define CONSUMER_ACTIONS_RESUME "actions-resume_queue"
#define CONSUMER_ACTIONS_SNAPSHOT "actions-take_snapshot"
#define CONSUMER_FINDINGS_NOTIFIER "notifier" /* one at a time */

/*
 * The window in which a Nats-Msg-Id, and so a job id published twice, is recognised by the broker: the de-duplication
 * horizon.
 */
#define BUS_DUPLICATE_WINDOW_S 120
#define BUS_OVERFLOW_LANES 4 /* consumers that share the jobs of tenants with long backlogs, by hash */
#define JOBS_MAX_ACK_PENDING 65536

struct bus_limits {
	int replicas;             /* 1 or 3; GANNET_REPLICAS */
	int64_t jobs_max_bytes;   /* JOBS refuses new messages past it (discard new); -1 unlimited */
	int64_t events_max_age_s; /* EVENTS forgets after it */
	int64_t events_max_bytes;
	int64_t lease_ms; /* ack_wait of the job consumers: a dead worker's jobs are taken over after it */
};
extern const struct bus_limits bus_limits_default;

/*
 * Makes sure that the named stream or bucket exists as the table says, with the consumers the table lists for it. What
 * is missing is created (several services may do so at once); what exists and differs in a field that matters is
 * CONFLICT with a message naming object, field, found and wanted value: nothing is ever changed behind an operator's
 * back.
 */
enum status bus_topology_ensure(struct bus *b, const char *name, const struct bus_limits *limits,
                                struct err *err) must_check;
/*
 * The same objects without a broker, for tools that create them: the streams, those of buckets (KV_…) among them, then
 * all consumers, with those of `kinds` (NULL-terminated, or NULL). `config` is an object as the JetStream
 * API takes it. Valid in the call.
 */
struct bus_object {
	const char *name;
	const char *stream; /* of a consumer; NULL: it is a stream itself */
	struct json config;
};
void bus_topology_describe(const struct bus_limits *limits, const char *const *kinds,
                           void (*fn)(void *arg, const struct bus_object *o), void *arg);
/* The durable consumer of a job kind and priority on JOBS, "<kind>_<priority>". */
enum status bus_topology_ensure_kind(struct bus *b, const char *kind, const struct bus_limits *limits,
                                     struct err *err) must_check;
void bus_kind_consumer(const char *kind, const char *priority, char out[72]);
/* "<kind>_overflow_<lane>", on gannet.*.jobs.overflow.<kind>.*.<lane>. */
void bus_overflow_consumer(const char *kind, unsigned lane, char out[72]);
/* Names in the table, NULL-terminated; for tests and for documentation. */
extern const char *const bus_topology_names[];
bool bus_topology_is_bucket(const char *name);

/* Facts about a stream and a consumer, for health, estimates and metrics; a request each, so not on a hot path. */
struct bus_stream_state {
	int64_t created_ms; /* the stream's birth; part of derived job ids */
	int64_t first_ms;   /* when the oldest message was stored; 0: there is none */
	uint64_t messages, bytes, first_sequence, last_sequence;
};
enum status bus_stream_state(struct bus *b, const char *stream, struct bus_stream_state *ret,
                             struct err *err) must_check;
struct bus_consumer_state {
	uint64_t waiting;     /* num_pending: not yet delivered */
	uint64_t ack_pending; /* delivered, not acknowledged */
	uint64_t redelivered;
	uint64_t acknowledged; /* everything in the stream up to this sequence is */
};
enum status bus_consumer_state(struct bus *b, const char *stream, const char *consumer, struct bus_consumer_state *ret,
                               struct err *err) must_check;
/* OK also when there is none. */
enum status bus_consumer_delete(struct bus *b, const char *stream, const char *consumer, struct err *err) must_check;
/* Every durable consumer of a stream: what it takes, and up to where that was handed out. Texts are valid in the call. */
struct bus_consumer_place {
	const char *filter;
	uint64_t delivered; /* sequence in the stream */
};
enum status bus_stream_consumers(struct bus *b, const char *stream, void (*fn)(void *arg, const struct bus_consumer_place *c), void *arg,
                                 struct err *err) must_check;
/* Messages per subject of a stream under a filter; calls `fn` for each. */
enum status bus_stream_subjects(struct bus *b, const char *stream, const char *filter,
                                void (*fn)(void *arg, struct span subject, uint64_t messages), void *arg,
                                struct err *err) must_check;

#endif
