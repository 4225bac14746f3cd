/* The framework every executor stands on: it pulls jobs, keeps their leases, runs them fairly and settles them exactly
 * once. */
#ifndef GANNET_WORKER_WORKER_H
#define GANNET_WORKER_WORKER_H

#include "bus/pull.h"
#include "contract/job.h"
#include "loop/loop.h"
#include "service/service.h"

/*
 * The life of a job here: delivered → decoded → (rejected | delayed | cancelled) → waiting → running → settled.
 * Settling stores the event first and acknowledges the job only when the server has it. All of it happens in settle.c,
 * nowhere else.
 *
 * Threads: `process`, `cancel` and `loop` callbacks run on the worker's loop thread. With `threads` > 0, `process` runs
 * on one of that many threads instead, may block, and `cancel` sets job->cancelled for it to poll.
 */
struct worker;

struct worker_job {
	struct worker *worker;
	struct span tenant, kind;
	enum priority priority;
	struct span id;     /* NUL-terminated */
	struct job job;     /* decoded; text lives in `arena` or in the message */
	struct arena arena; /* the job's memory, gone when it is settled */
	int64_t attempt;    /* 1-based */
	int64_t run;
	int64_t max_retries;
	int64_t timeout_ms;
	int64_t submitted_ms; /* wall */
	int64_t started_ms, started_mono_ns;
	struct trace_context trace; /* of this attempt; parent is the submission's */
	_Atomic bool cancelled;
	void *state;                /* the kind's own */
	struct worker_entry *entry; /* the framework's */
};

enum outcome { OUTCOME_COMPLETED, OUTCOME_FAILED, OUTCOME_RETRY, OUTCOME_WAIT, OUTCOME_CANCELLED };

/* What became of an attempt. Everything is copied or encoded before worker_settle() returns. */
struct worker_result {
	enum outcome outcome;
	const struct llm_result *llm; /* COMPLETED, kind llm */
	struct json output_data;      /* COMPLETED, other kinds */
	struct err err;               /* FAILED, RETRY, WAIT */
	/* RETRY: 0 = the policy's backoff. Uses up a try; the last one becomes FAILED. WAIT: how long; uses up none (429,
	 * circuit open). */
	int64_t delay_ms;
};

/* A kind of work; one static row per executor. */
struct worker_kind {
	const char *kind;                /* MUST: "llm" */
	const char *const *capabilities; /* MUST: NULL-terminated, for the registry */
	const struct json_table *table;  /* MUST: how a submission is decoded */
	int64_t max_retries;             /* MUST: default; a job's own max_retries wins */
	int64_t retry_base_ms;           /* 0: 5000 */
	int64_t timeout_ms;              /* 0: JOB_TIMEOUT_DEFAULT_MS; a job's own timeout_ms wins */
	size_t concurrency;              /* MUST: jobs running at once (MAX_CONCURRENT_TASKS) */
	size_t threads;                  /* 0: process() must not block */
	/* MAY: checks a decoded job before anything runs; failure is a rejected job. */
	enum status (*validate)(void *arg, const struct worker_job *j, struct err *err);
	/* MUST: begins the work; it ends, now or later, with exactly one worker_settle(). */
	void (*process)(void *arg, struct worker_job *j);
	/* MAY: writes the array that worker_info.providers holds; called by a thread of the framework's own. */
	void (*providers)(void *arg, struct json_writer *w);
	/* MAY: the running job is to be given up (cancelled or timed out): make it settle soon. */
	void (*cancel)(void *arg, struct worker_job *j);
	void *arg;
};

struct worker_options {
	struct bus *bus;
	struct loop *loop;
	const struct clock *clock;
	const char *worker_id, *version;
	struct bus_limits limits; /* for the consumers of the kind; its lease_ms is renewed three times while it lasts */
	int64_t started_after_ms; /* a job that runs longer gets a `started` event; 0: WORKER_STARTED_AFTER_MS; shorter ones
	                             carry started_at */
	int64_t nak_max_ms; /* 0: WORKER_NAK_MAX_MS; waits up to it use NAK with delay, longer ones the schedule store */
	int64_t poison_deliveries;   /* 0: WORKER_POISON_DELIVERIES */
	void (*progress)(void *arg); /* called by the loop at least once a second, for the watchdog */
	void *arg;
};
#define WORKER_STARTED_AFTER_MS 10
#define WORKER_NAK_MAX_MS 1000
#define WORKER_POISON_DELIVERIES                                                                                       \
	5 /* deliveries that ended without any outcome (crashes) before a job fails as poison */
#define WORKER_PREFETCH_MAX 2048

/* Registers, watches cancellations (fully read before the first job), and begins to pull. Topology must be ensured. */
enum status worker_start(const struct worker_kind *k, const struct worker_options *o, struct worker **ret,
                         struct err *err) must_check;
/*
 * Drains: stops pulling, hands back what has not begun, gives running jobs until `deadline_mono_ms`, hands those back
 * too, waits for stored events and acknowledgements, unregisters. Not on the loop thread: the loop must be running.
 */
void worker_stop(struct worker *w, int64_t deadline_mono_ms);

/* Ends the attempt; any thread, exactly once per process() call. `j` must not be touched afterwards. */
void worker_settle(struct worker_job *j, const struct worker_result *r);
/* Reports progress 0..1; at most a few per second are published. Any thread. */
void worker_progress(struct worker_job *j, double progress);
/* Publishes partial output. */
void worker_stream(struct worker_job *j, struct span delta, bool restart);

#endif
