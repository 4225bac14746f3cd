/* What the files that read and compose share. */
#ifndef GANNET_COLLECTOR_READERS_INTERNAL_H
#define GANNET_COLLECTOR_READERS_INTERNAL_H

#include <pthread.h>

#include "core/metrics.h"
#include "services/collector/readers.h"

struct reader {
	const struct source *source;
	struct readers *all;
	pthread_t thread;
	bool running;
	pthread_cond_t asked;
	struct metric_series *seconds, *errors;

	/* Guarded by all->lock. */
	bool wanted, busy;
	bool failing; /* what was logged last */
	uint64_t finished; /* readings so far */
	struct reading last; /* zeroed before the first */
	int64_t *ok_mono_ms; /* by field: when it had a value last; 0 never */
};

struct readers {
	const struct config *config;
	struct reader all[SOURCES_MAX];
	size_t n;
	pthread_mutex_t lock;
	pthread_cond_t finished;
	bool stopping;
};

static inline int64_t reader_now_ms(const struct reader *r)
{
	return clock_mono_ms(r->source->clock);
}

#endif
