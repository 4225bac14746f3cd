/* How often one may ask: a token bucket for each address, user and tenant, in memory that never grows. */
#include <pthread.h>
#include <stdlib.h>

#include "core/hash.h"
#include "gateway.h"

#define WAYS 4
#define SETS 16384
#define LOCKS 64
#define BURST_S 10 /* a bucket holds what comes in so many seconds, one token at least */

const char *const limit_names[] = {"ip", "user", "tenant", "create"};

/*
 * Buckets are found by a hash that is seeded anew in every process. Where a set is full the one that was idle longest
 * gives way: it is the fullest, and being forgotten makes it full.
 */
struct limits {
	const struct clock *clock;
	int64_t per_minute[LIMIT_KINDS];
	char seed[ID_BYTES];
	pthread_mutex_t locks[LOCKS];
	struct bucket {
		uint64_t hash; /* 0: free */
		int64_t at_ms;
		double tokens;
	} sets[SETS][WAYS];
};

struct limits *limits_new(const int64_t per_minute[LIMIT_KINDS], const struct clock *clock)
{
	struct limits *l = calloc(1, sizeof *l);
	if (!l)
		abort();
	l->clock = clock;
	memcpy(l->per_minute, per_minute, sizeof l->per_minute);
	id_random(l->seed);
	for (size_t i = 0; i < LOCKS; i++)
		pthread_mutex_init(&l->locks[i], NULL);
	return l;
}

void limits_free(struct limits *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < LOCKS; i++)
		pthread_mutex_destroy(&l->locks[i]);
	free(l);
}

/* Under the set's lock. */
static struct bucket *find(struct bucket set[WAYS], uint64_t hash, double full, int64_t now_ms)
{
	struct bucket *oldest = &set[0];
	for (size_t i = 0; i < WAYS; i++) {
		if (set[i].hash == hash)
			return &set[i];
		if (oldest->hash && (!set[i].hash || set[i].at_ms < oldest->at_ms))
			oldest = &set[i];
	}
	*oldest = (struct bucket){hash, now_ms, full};
	return oldest;
}

bool limits_take(struct limits *l, enum limit_kind kind, struct span key, int64_t *ret_wait_s)
{
	int64_t rate = l->per_minute[kind];
	if (rate <= 0)
		return true;
	char text[ID_BYTES + 2 + AUTH_USER_MAX + AUTH_TENANT_MAX + 4];
	size_t n = key.n < sizeof text - ID_BYTES - 1 ? key.n : sizeof text - ID_BYTES - 1;
	memcpy(text, l->seed, ID_BYTES);
	text[ID_BYTES] = (char)('0' + kind);
	memcpy(text + ID_BYTES + 1, key.p, n);
	uint64_t hash = hash64(span_of(text, ID_BYTES + 1 + n)) | 1;
	double per_ms = (double)rate / 60000, full = per_ms * BURST_S * 1000;
	full = full < 1 ? 1 : full;
	int64_t now_ms = clock_mono_ms(l->clock);
	size_t at = (size_t)(hash >> 8) % SETS;
	pthread_mutex_lock(&l->locks[at % LOCKS]);
	struct bucket *b = find(l->sets[at], hash, full, now_ms);
	b->tokens += (double)(now_ms - b->at_ms) * per_ms;
	b->tokens = b->tokens > full ? full : b->tokens;
	b->at_ms = now_ms;
	bool taken = b->tokens >= 1;
	b->tokens -= taken ? 1 : 0;
	double missing = 1 - b->tokens;
	pthread_mutex_unlock(&l->locks[at % LOCKS]);
	if (!taken)
		*ret_wait_s = (int64_t)(missing / per_ms / 1000) + 1;
	return taken;
}
