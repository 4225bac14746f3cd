/* Exponential backoff with a reproducible jitter. */
#include "worker/backoff.h"

#include "core/hash.h"

/* A fraction in [0, 1) that depends on the job and on `n` only; the steps are those of SplitMix64 (S. Vigna, public
 * domain). */
static double fraction(struct span job_id, int64_t n)
{
	uint64_t h = hash64(job_id) + (uint64_t)n * UINT64_C(0x9e3779b97f4a7c15);
	h = (h ^ h >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	h = (h ^ h >> 27) * UINT64_C(0x94d049bb133111eb);
	h ^= h >> 31;
	return (double)(h >> 11) * 0x1.0p-53;
}

int64_t backoff_delay_ms(int64_t base_ms, int64_t failed_before, struct span job_id)
{
	int64_t n = failed_before < 0 ? 0 : failed_before > 30 ? 30 : failed_before; /* 2³⁰ passes every ceiling */
	double jitter = 0.5 + fraction(job_id, n);
	double delay = (double)base_ms * (double)(INT64_C(1) << n) * jitter;
	return delay < BACKOFF_MAX_MS ? (int64_t)delay : BACKOFF_MAX_MS;
}

int64_t backoff_spread_ms(struct span job_id, int64_t max_ms)
{
	return (int64_t)(fraction(job_id, -1) * (double)max_ms);
}
