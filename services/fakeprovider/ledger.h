/* What the provider did: its own account of requests, answers and tokens, to hold a client's books against. */
#ifndef GANNET_FAKE_LEDGER_H
#define GANNET_FAKE_LEDGER_H

#include <pthread.h>

#include "core/buf.h"
#include "core/map.h"

#define LEDGER_NAME_MAX 128 /* bytes kept of a model's name and of a key */
#define LEDGER_BODY_MAX ((size_t)64 << 10)
#define LEDGER_MODELS_MAX 256 /* further ones are summed up as "other" */
#define LEDGER_KEYS_MAX 65536

enum outcome { OUTCOME_RUNNING, OUTCOME_ANSWERED, OUTCOME_CUT, OUTCOME_GONE, OUTCOME_COUNT };
extern const char *const outcome_names[];

/* Token counts are disjoint, and those that the provider charges for: all 0 for an error. */
struct tokens {
	int64_t input, cached, cache_write, output, reasoning; /* reasoning is part of output */
};

struct ledger_entry {
	int64_t sequence; /* from 1 */
	int64_t at_wall_ms, latency_ms, took_us, nth;
	const char *face, *operation, *fault; /* static texts */
	char model[LEDGER_NAME_MAX], suffix[LEDGER_NAME_MAX], key[LEDGER_NAME_MAX];
	enum outcome outcome;
	int http_status;
	bool stream, authorized;
	struct tokens tokens;
	int64_t request_bytes, answer_bytes;
	uint64_t prompt_hash;
};

/* Thread-safe. A fixed number of entries and of request bodies is kept; the sums go on. */
struct ledger;

struct ledger *ledger_new(size_t entries, size_t bodies);
void ledger_free(struct ledger *l);
/* Forgets everything but what is running. Sequence numbers go on. */
void ledger_reset(struct ledger *l);
/* Takes the request in; returns its sequence number. `e` need not have one. */
int64_t ledger_begin(struct ledger *l, const struct ledger_entry *e, struct span body);
/* `tokens` are what is charged in the end. */
void ledger_end(struct ledger *l, int64_t sequence, enum outcome outcome, const struct tokens *tokens,
                int64_t answer_bytes, int64_t took_us);
/* How many requests with this key came before, and counts one more. -1 when LEDGER_KEYS_MAX keys are known and this is
 * none. */
int64_t ledger_count(struct ledger *l, struct span key);

struct ledger_query {
	int64_t after, limit;
	struct span model, key; /* absent: any */
	bool bodies;
};
void ledger_write_log(struct ledger *l, const struct ledger_query *q, struct buf *out);
void ledger_write_stats(struct ledger *l, struct buf *out);

#endif
