/* Verified tokens, remembered so that a signature is checked once and not with every request. */
#include <pthread.h>
#include <stdlib.h>

#include "auth/internal.h"

#define WAYS 4
#define SETS (AUTH_CACHE_MAX / WAYS)
#define LOCKS 16

/* A set's oldest entry makes room: memory stays as it is, whatever is sent. */
struct auth_cache {
	pthread_mutex_t locks[LOCKS];
	struct entry {
		unsigned char digest[AUTH_DIGEST_BYTES];
		uint64_t generation; /* 0: empty */
		struct auth_identity who;
	} sets[SETS][WAYS];
	unsigned char next[SETS];
};

bool auth_digest(struct span token, unsigned char out[AUTH_DIGEST_BYTES])
{
	unsigned n = 0;
	return EVP_Digest(token.p, token.n, out, &n, EVP_sha256(), NULL) == 1 && n == AUTH_DIGEST_BYTES;
}

struct auth_cache *auth_cache_new(void)
{
	struct auth_cache *c = calloc(1, sizeof *c);
	if (!c)
		abort();
	for (size_t i = 0; i < LOCKS; i++)
		pthread_mutex_init(&c->locks[i], NULL);
	return c;
}

void auth_cache_free(struct auth_cache *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < LOCKS; i++)
		pthread_mutex_destroy(&c->locks[i]);
	free(c);
}

static size_t set_of(const unsigned char *digest)
{
	return (digest[0] | (size_t)digest[1] << 8) % SETS;
}

bool auth_cache_get(struct auth_cache *c, const unsigned char digest[AUTH_DIGEST_BYTES], uint64_t generation,
                    int64_t now_ms, struct auth_identity *ret)
{
	size_t at = set_of(digest);
	bool found = false;
	pthread_mutex_lock(&c->locks[at % LOCKS]);
	for (size_t i = 0; i < WAYS && !found; i++) {
		struct entry *e = &c->sets[at][i];
		if (e->generation != generation || memcmp(e->digest, digest, AUTH_DIGEST_BYTES) != 0)
			continue;
		if (now_ms >= e->who.expires_ms) {
			e->generation = 0;
			break;
		}
		*ret = e->who;
		found = true;
	}
	pthread_mutex_unlock(&c->locks[at % LOCKS]);
	return found;
}

void auth_cache_put(struct auth_cache *c, const unsigned char digest[AUTH_DIGEST_BYTES], uint64_t generation,
                    const struct auth_identity *who)
{
	size_t at = set_of(digest);
	pthread_mutex_lock(&c->locks[at % LOCKS]);
	struct entry *e = &c->sets[at][c->next[at]++ % WAYS];
	memcpy(e->digest, digest, AUTH_DIGEST_BYTES);
	e->generation = generation;
	e->who = *who;
	pthread_mutex_unlock(&c->locks[at % LOCKS]);
}
