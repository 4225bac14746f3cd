/* Cleaning up old records, and trying failed jobs again: by ticks and by hand. */
#ifndef GANNET_JOBS_UPKEEP_H
#define GANNET_JOBS_UPKEEP_H

#include "jobs.h"

/* Error codes of failures that may pass by themselves, and how often a job is tried again because of them. */
#define RETRY_FAILED_RUNS_MAX 3
#define RETRY_FAILED_JOBS_MAX 1000 /* a turn and tenant */

/* Deletes a tenant's finished jobs that were created and ended more than `days` ago. Stops early when `stop` becomes
 * true (or NULL). */
enum status cleanup_old_jobs(struct jobs *j, struct span tenant, int64_t days, bool (*stop)(void *arg), void *arg,
                             int64_t *ret_deleted, struct err *err) must_check;
/* Queues a tenant's jobs again that failed for a passing reason. `job_ids` (a JSON array in the making) may be NULL. */
enum status retry_failed_jobs(struct jobs *j, struct span tenant, struct json_writer *job_ids, int64_t *ret_retried,
                              struct err *err) must_check;

#endif
