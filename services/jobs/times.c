/* Buckets by powers of 2^(1/4), halved now and then so that old times fade. */
#include "times.h"

#include <stddef.h>

#define HALVE_AT 4096

static size_t bucket_of(int64_t ms)
{
	if (ms < 1)
		return 0;
	int log2 = 63 - __builtin_clzll((unsigned long long)ms);
	size_t quarter = (log2 >= 2 ? (size_t)ms >> (log2 - 2) : (size_t)ms << (2 - log2)) & 3;
	size_t i = (size_t)log2 * 4 + quarter;
	return i < TIMES_BUCKETS ? i : TIMES_BUCKETS - 1;
}

/* The middle of a bucket. */
static int64_t value_of(size_t bucket)
{
	int64_t base = (int64_t)1 << (bucket / 4);
	return base + base * (int64_t)(bucket % 4) / 4 + base / 8;
}

void times_add(struct times *t, int64_t ms)
{
	if (t->total >= HALVE_AT) {
		t->total = 0;
		for (size_t i = 0; i < TIMES_BUCKETS; i++)
			t->total += t->counts[i] /= 2;
	}
	t->counts[bucket_of(ms)]++;
	t->total++;
}

int64_t times_median(const struct times *t)
{
	uint32_t seen = 0;
	size_t i = 0;
	while (i < TIMES_BUCKETS - 1 && (seen += t->counts[i]) * 2 < t->total)
		i++;
	return value_of(i);
}
