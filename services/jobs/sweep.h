/* Takes out of the queue what has ended and should not be there any more. */
#ifndef GANNET_JOBS_SWEEP_H
#define GANNET_JOBS_SWEEP_H

#include "bus/kv.h"
#include "contract/job.h"
#include "jobs.h"

/*
 * A broker that was killed may find acknowledged jobs in its files again, while its consumers remember that they handed
 * them out: nobody ever gets them. Those stored before `before_wall_ms`, handed out and with a final event are removed;
 * any other one is left alone. Stops early when `stop` becomes true.
 */
enum status sweep_queue(struct bus *b, int64_t before_wall_ms, bool (*stop)(void *arg), void *arg, int64_t *ret_removed,
                        struct err *err) must_check;


#define SUBMIT_SUBJECT_BYTES 256
/*
 * Stores a `rejected` event for submissions under a priority or kind that is none (no worker's consumer can match them), and
 * removes them.
 */
enum status sweep_unreachable(struct bus *b, const struct clock *clock, int64_t *ret_rejected, struct err *err) must_check;

/* Whether a final event of this run, or of a later one, is stored. */
bool sweep_has_final(struct bus *b, struct span tenant, const char *job_id, int64_t run, struct arena *a);
/* The id a worker gave the job, or would have given. */
void sweep_name_job(const struct bus_stored_message *m, int64_t jobs_created_ms, struct arena *a, char out[JOB_ID_BYTES]);

#endif
