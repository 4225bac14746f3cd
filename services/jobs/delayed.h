/* One job of the schedule store: moving it into the queue. */
#ifndef GANNET_JOBS_DELAYED_H
#define GANNET_JOBS_DELAYED_H

#include "bus/store.h"

/* gannet.<tenant>.jobs.delayed.<kind>.<priority>.<due_wall_ms>.<job_id> */
struct delayed_subject {
	struct span tenant, kind, priority, job_id;
	int64_t due_ms;
};
bool delayed_subject_parse(struct span subject, struct delayed_subject *ret);

/*
 * Stores the message with this sequence into JOBS, under an id that lets the broker keep one of several such stores;
 * `fn` hears of it. NOT_FOUND when it was moved already, INVALID when its subject is none of ours. The caller deletes
 * it once it is stored.
 */
enum status delayed_release(struct bus *b, int64_t stream_created_ms, uint64_t sequence, bus_stored_fn fn, void *arg,
                            struct err *err) must_check;
/* Makes a job that waits there due at once; NOT_FOUND when it does not. */
enum status delayed_release_job(struct bus *b, int64_t stream_created_ms, struct span tenant, struct span job_id,
                                struct err *err) must_check;

#endif
