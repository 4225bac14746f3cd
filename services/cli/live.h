/* What the events of a tenant's jobs say about the last minutes: rates, times, failures. */
#ifndef GANNET_CLI_LIVE_H
#define GANNET_CLI_LIVE_H

#include <pthread.h>

#include "contract/job.h"
#include "services/cli/command.h"

#define LIVE_SECONDS 120     /* of history */
#define LIVE_SAMPLES 2048    /* completed jobs whose times are kept */
#define LIVE_DECODED_MAX 256 /* events read in full per second; the others are only counted */
#define LIVE_FAILURES 16

struct live_failure {
	int64_t at_ms;
	char job_id[JOB_ID_BYTES], model[64], error[200];
};

/* Filled on a client thread; look at it between live_lock() and live_unlock(). */
struct live {
	pthread_mutex_t lock;
	struct bus_sub *sub;
	struct arena arena;
	int64_t first_second, second; /* when counting began, and the one that is being counted: Unix time */
	int64_t decoded;
	/* Rings: of second s at [s % LIVE_SECONDS], of sample i at [i % LIVE_SAMPLES], … */
	uint32_t ended[LIVE_SECONDS], failed[LIVE_SECONDS], retrying[LIVE_SECONDS];
	int64_t processing_ms[LIVE_SAMPLES], queue_ms[LIVE_SAMPLES];
	size_t samples;
	struct live_failure failures[LIVE_FAILURES];
	size_t failures_n;
};

enum status live_open(struct live *l, struct cli *c, struct err *err) must_check;
void live_close(struct live *l);
void live_lock(struct live *l); /* also brings the rings up to the present second */
void live_unlock(struct live *l);

/* Per second, averaged over the last `seconds` whole ones, or as many as there were. */
double live_rate(const struct live *l, const uint32_t *ring, size_t seconds);
/* The last `columns` whole seconds as "▁▂▅█", the highest filling the line. */
void live_sparkline(const struct live *l, const uint32_t *ring, size_t columns, struct buf *out);
/* percents[i] of the kept samples into ret[i]; false when there are none. */
bool live_percentiles(const struct live *l, const int64_t *samples, const int *percents, size_t n, int64_t *ret);

#endif
