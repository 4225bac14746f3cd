/* How long to wait before a job is tried again. */
#ifndef GANNET_WORKER_BACKOFF_H
#define GANNET_WORKER_BACKOFF_H

#include "core/span.h"

#define BACKOFF_BASE_MS 5000
#define BACKOFF_MAX_MS 300000

/*
 * min(base·2ⁿ·jitter, 300 s), jitter in [0.5, 1.5) (L6). `failed_before` counts the tries that failed earlier, so 0
 * after the first. The jitter is derived from the job's id and n: jobs that fail together come back apart, and a test
 * knows when.
 */
int64_t backoff_delay_ms(int64_t base_ms, int64_t failed_before, struct span job_id);

/* 0..max_ms, from the job's id: keeps jobs apart that wait for the same moment. */
int64_t backoff_spread_ms(struct span job_id, int64_t max_ms);

#endif
