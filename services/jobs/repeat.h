/* Running jobs again. */
#ifndef GANNET_JOBS_REPEAT_H
#define GANNET_JOBS_REPEAT_H

#include "jobs.h"

/* Queues a failed or cancelled job as its next run; CONFLICT for any other, UNPROCESSABLE when its submission is not
 * known. */
enum status retry_record(struct jobs *j, const struct job_record *r, struct span traceparent,
                         struct err *err) must_check;
/* The same without looking at the state: for jobs that are known to be nowhere. */
enum status queue_next_run(struct jobs *j, const struct job_record *r, struct span traceparent, struct err *err) must_check;
/* The first one by id. */
enum status retry_if_ended(struct jobs *j, struct span tenant, struct span job_id, struct err *err) must_check;

#endif
