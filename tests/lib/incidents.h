/* Generated series of requests with known incidents, for tests and benches of diagnosis. */
#ifndef GANNET_TESTS_INCIDENTS_H
#define GANNET_TESTS_INCIDENTS_H

#include <math.h>
#include <stdint.h>

#define SERIES_SLICE_MS 300000ll

struct series_random {
	uint64_t state;
};

static inline double series_uniform(struct series_random *r)
{
	r->state ^= r->state << 13;
	r->state ^= r->state >> 7;
	r->state ^= r->state << 17;
	return (double)(r->state >> 11) / 9007199254740992.0;
}

static inline double series_normal(struct series_random *r)
{
	return sqrt(-2 * log(series_uniform(r) + 1e-18)) * cos(6.283185307179586 * series_uniform(r));
}

/* What is wrong between two moments: times are multiplied, and so many requests fail more. */
struct incident {
	int64_t from_ms, to_ms;
	double times, failing;
};

/* A place's ordinary life: a daily course, wide-tailed times, single wild slices, a rate of failures. */
struct life {
	double base_ms, daily, spread, failing, requests; /* requests: a slice */
};

static inline struct life random_life(struct series_random *r)
{
	return (struct life){20 + 200 * series_uniform(r), 0.15 * series_uniform(r), 0.15 + 0.35 * series_uniform(r),
	                     0.01 * series_uniform(r), 10 + 40 * series_uniform(r)};
}

/* One slice: calls `add` for each request. */
static inline void live_slice(const struct life *l, int64_t at_ms, const struct incident *i, struct series_random *r,
                              void (*add)(void *arg, int64_t at_ms, double ms, int failed), void *arg)
{
	double of_day = (double)(at_ms % 86400000) / 86400000.0,
	       center = l->base_ms * (1 + l->daily * sin(6.2831853 * of_day));
	double rate = l->failing, wild = series_uniform(r) < 0.01 ? 2 + 3 * series_uniform(r) : 1;
	if (i && at_ms >= i->from_ms && at_ms < i->to_ms) {
		center *= i->times;
		rate += i->failing;
	}
	int n = (int)(l->requests * (0.5 + series_uniform(r)));
	for (int k = 0; k < n; k++) {
		double ms = center * wild * exp(l->spread * series_normal(r));
		add(arg, at_ms + k * SERIES_SLICE_MS / (n + 1), ms, series_uniform(r) < rate);
	}
}

#endif
