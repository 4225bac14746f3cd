/* How long things take: a histogram that forgets. */
#ifndef GANNET_JOBS_TIMES_H
#define GANNET_JOBS_TIMES_H

#include <stdint.h>

#define TIMES_BUCKETS 128 /* four to each doubling: 1 ms to 2^32 ms, within an eighth */

/* Empty when zeroed. */
struct times {
	uint32_t counts[TIMES_BUCKETS], total;
};

void times_add(struct times *t, int64_t ms);
/* Not to be asked of an empty one. */
int64_t times_median(const struct times *t);

#endif
