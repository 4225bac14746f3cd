/* Two batches: the client's thread decodes into one while the other is being written. */
#include "reader.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "bus/kv.h"
#include "bus/topology.h"
#include "core/log.h"
#include "core/wait.h"

/* All events of workers; what the broker republishes from JOBS as "queued" has a token more. */
#define FILTER "gannet.*.jobs.event.*.*"

struct reader {
	const struct price_table *prices;
	int64_t stream_id;
	struct bus_follow *follow;
	struct arena scratch; /* the client's thread */

	pthread_mutex_t lock;
	pthread_cond_t came, went;
	struct usage_batch *filling, *taken;
	bool interrupted, closing;
};

/* Said without its values: an event may hold what must not be logged. */
static void refuse(struct usage_batch *b, const struct bus_in *m, uint64_t sequence, const struct err *why)
{
	b->poison++;
	log_fields(LOG_ERROR, "event cannot be entered into the ledger", LOG_S("subject", m->subject),
	           LOG_I("sequence", (int64_t)sequence), LOG_I("bytes", (int64_t)m->data.n),
	           LOG_C("error", why->field[0] ? why->field : why->msg));
}

static void take_in(struct reader *r, const struct bus_in *m, uint64_t sequence, int64_t stored_ms)
{
	struct usage_batch *b = r->filling;
	struct usage_subject subject;
	struct err err = {0};
	if (!usage_subject_parse(m->subject, &subject))
		return;
	struct usage_row *row = &b->rows[b->n];
	arena_reset(&r->scratch);
	if (usage_decode(&subject, m->data, stored_ms, r->prices, &r->scratch, &b->memory, row, &err) != STATUS_OK) {
		refuse(b, m, sequence, &err);
		return;
	}
	row->event_seq = (int64_t)sequence;
	row->stream_id = r->stream_id;
	b->last_stored_ms = stored_ms;
	b->n++;
}

/* Waits while the batch is full: the broker stops sending until what it sent was dealt with. */
static void on_message(void *arg, const struct bus_in *m, uint64_t sequence, int64_t stored_ms)
{
	struct reader *r = arg;
	pthread_mutex_lock(&r->lock);
	while ((r->filling->n == BATCH_ROWS || r->filling->seen == BATCH_SEEN_MAX) && !r->closing)
		pthread_cond_wait(&r->went, &r->lock);
	if (!r->closing) {
		bool first = !r->filling->n;
		take_in(r, m, sequence, stored_ms);
		r->filling->seen++;
		r->filling->last_sequence = sequence;
		if ((first && r->filling->n) || r->filling->n == BATCH_ROWS || r->filling->seen == BATCH_SEEN_MAX)
			pthread_cond_signal(&r->came);
	}
	pthread_mutex_unlock(&r->lock);
}

static void batch_reset(struct usage_batch *b)
{
	arena_reset(&b->memory);
	b->n = b->seen = b->poison = 0;
	b->last_sequence = 0;
	b->last_stored_ms = 0;
}

void reader_take(struct reader *r, int64_t wait_ms, struct usage_batch **ret)
{
	struct timespec until = wait_until(wait_ms);
	batch_reset(r->taken);
	pthread_mutex_lock(&r->lock);
	while (!r->filling->n && r->filling->seen < BATCH_SEEN_MAX && !r->interrupted &&
	       pthread_cond_timedwait(&r->came, &r->lock, &until) == 0)
		;
	r->interrupted = false;
	struct usage_batch *full = r->filling;
	r->filling = r->taken;
	r->taken = full;
	pthread_cond_signal(&r->went);
	pthread_mutex_unlock(&r->lock);
	*ret = full;
}

void reader_interrupt(struct reader *r)
{
	pthread_mutex_lock(&r->lock);
	r->interrupted = true;
	pthread_cond_signal(&r->came);
	pthread_mutex_unlock(&r->lock);
}

void reader_close(struct reader *r)
{
	pthread_mutex_lock(&r->lock);
	r->closing = true;
	pthread_cond_broadcast(&r->went);
	pthread_mutex_unlock(&r->lock);
	if (r->follow)
		bus_follow_close(r->follow);
	struct usage_batch *both[] = {r->filling, r->taken};
	for (size_t i = 0; i < countof(both); i++) {
		arena_free(&both[i]->memory);
		free(both[i]);
	}
	arena_free(&r->scratch);
	pthread_cond_destroy(&r->came);
	pthread_cond_destroy(&r->went);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

enum status reader_open(struct bus *b, const struct price_table *prices, int64_t stream_id, uint64_t after_sequence,
                        struct reader **ret, struct err *err)
{
	struct reader *r = calloc(1, sizeof *r);
	if (!r || !(r->filling = calloc(1, sizeof *r->filling)) || !(r->taken = calloc(1, sizeof *r->taken)))
		abort();
	r->prices = prices;
	r->stream_id = stream_id;
	pthread_mutex_init(&r->lock, NULL);
	wait_cond_init(&r->came);
	wait_cond_init(&r->went);
	const struct bus_follow_options o = {.stream = STREAM_EVENTS,
	                                     .filter = FILTER,
	                                     .after = after_sequence,
	                                     .message = on_message,
	                                     .arg = r};
	enum status status = bus_follow_open(b, &o, &r->follow, err);
	if (status != STATUS_OK) {
		reader_close(r);
		return status;
	}
	*ret = r;
	return STATUS_OK;
}
