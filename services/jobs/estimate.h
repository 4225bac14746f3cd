/* What is known of the load: queue depths, throughput, processing times and workers; and when a new job will be done.
 */
#ifndef GANNET_JOBS_ESTIMATE_H
#define GANNET_JOBS_ESTIMATE_H

#include "bus/bus.h"
#include "contract/job.h"
#include "events.h"

/* Thread-safe. Asks the broker for the state of its queues once a second, on a thread of its own; answers never ask. */
struct estimate;

enum status estimate_start(struct bus *b, const struct clock *clock, struct estimate **ret, struct err *err) must_check;
void estimate_stop(struct estimate *e); /* NULL is fine */
/* A job ended: counts for throughput, and for processing times by model when it completed. */
void estimate_note(struct estimate *e, const struct record *r, const struct event_facts *facts);
/* When a job that is queued now (or at `not_before_ms`, if later) should have its result; UTC milliseconds. */
int64_t estimate_completion(struct estimate *e, struct span kind, enum priority priority, struct span model,
                            int64_t not_before_ms);

/* For stats: JSON arrays of queues and of workers, written into `a`. */
struct estimate_view {
	struct json queues, workers;
	double throughput_per_s;
	int64_t delayed;
};
void estimate_look(struct estimate *e, struct arena *a, struct estimate_view *ret);

#endif
