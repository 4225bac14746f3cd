/* The inbox between a followed stream and the thread that reads it in batches. */
#include "bus/reader.h"

#include <stdlib.h>

#include "bus/internal.h"
#include "bus/kv.h"
#include "core/wait.h"

#define OVERHEAD_BYTES 512 /* what a waiting message costs beside its payload */

struct bus_reader {
	struct bus_follow *follow;
	size_t messages_max, bytes_max;

	pthread_mutex_t mu; /* guards all below */
	pthread_cond_t came, room;
	struct bus_delivery *inbox; /* messages_max places, ring */
	size_t head, waiting, bytes;
	size_t wanted; /* by bus_reader_wait(); 0: nobody waits */
	bool blocked;  /* the client's thread waits for room */
	bool woken, closing;
};

static size_t cost(const struct bus_delivery *d)
{
	return d->in.data.n + OVERHEAD_BYTES;
}

/* Under the lock. */
static bool is_full(const struct bus_reader *r)
{
	return r->waiting == r->messages_max || r->bytes >= r->bytes_max;
}

/* On the client's thread. Signalled at the wanted number only: waking somebody for each message costs more than the rest. */
static void on_message(void *arg, natsMsg *m, const struct bus_in *in, const struct bus_place *place)
{
	struct bus_reader *r = arg;
	struct bus_delivery d = {.in = *in,
	                         .stream_sequence = place->stream_sequence,
	                         .consumer_sequence = place->consumer_sequence,
	                         .delivered = place->delivered,
	                         .stored_ms = place->stored_ns / 1000000,
	                         .pending = place->pending};
	pthread_mutex_lock(&r->mu);
	while (is_full(r) && !r->closing) {
		r->blocked = true;
		pthread_cond_wait(&r->room, &r->mu);
	}
	r->blocked = false;
	bool closing = r->closing;
	if (!closing) {
		r->inbox[(r->head + r->waiting++) % r->messages_max] = d;
		r->bytes += cost(&d);
		if (r->wanted && (r->waiting == r->wanted || is_full(r)))
			pthread_cond_signal(&r->came);
	}
	pthread_mutex_unlock(&r->mu);
	if (closing)
		natsMsg_Destroy(m);
}

size_t bus_reader_wait(struct bus_reader *r, size_t at_least, int64_t at_most_ms)
{
	struct timespec until = wait_until(at_most_ms);
	pthread_mutex_lock(&r->mu);
	r->wanted = at_least;
	while (r->waiting < at_least && !is_full(r) && !r->woken && pthread_cond_timedwait(&r->came, &r->mu, &until) == 0)
		;
	r->wanted = 0;
	size_t waiting = r->waiting;
	pthread_mutex_unlock(&r->mu);
	return waiting;
}

size_t bus_reader_take(struct bus_reader *r, struct bus_delivery *out, size_t n, size_t bytes)
{
	size_t taken = 0, sum = 0;
	pthread_mutex_lock(&r->mu);
	for (; taken < n && sum < bytes && r->waiting; taken++) {
		out[taken] = r->inbox[r->head];
		r->head = (r->head + 1) % r->messages_max;
		r->waiting--;
		r->bytes -= cost(&out[taken]);
		sum += out[taken].in.data.n;
	}
	if (r->blocked && r->waiting <= r->messages_max / 2 && r->bytes <= r->bytes_max / 2)
		pthread_cond_signal(&r->room);
	pthread_mutex_unlock(&r->mu);
	return taken;
}

void bus_reader_wake(struct bus_reader *r)
{
	pthread_mutex_lock(&r->mu);
	r->woken = true;
	pthread_cond_signal(&r->came);
	pthread_mutex_unlock(&r->mu);
}

static void release(struct bus_reader *r)
{
	struct bus_delivery d;
	while (bus_reader_take(r, &d, 1, SIZE_MAX))
		bus_delivery_free(&d);
	pthread_cond_destroy(&r->came);
	pthread_cond_destroy(&r->room);
	pthread_mutex_destroy(&r->mu);
	free(r->inbox);
	free(r);
}

enum status bus_reader_open(struct bus *b, const struct bus_reader_options *o, struct bus_reader **ret, struct err *err)
{
	struct bus_reader *r = calloc(1, sizeof *r);
	if (!r)
		abort();
	r->messages_max = o->messages_max ? o->messages_max : BUS_READER_MESSAGES;
	r->bytes_max = o->bytes_max ? o->bytes_max : BUS_READER_BYTES;
	r->inbox = calloc(r->messages_max, sizeof *r->inbox);
	if (!r->inbox)
		abort();
	pthread_mutex_init(&r->mu, NULL);
	wait_cond_init(&r->came);
	wait_cond_init(&r->room);
	const struct bus_follow_options fo = {.stream = o->stream, .filter = o->filter, .after = o->after, .arg = r};
	enum status s = bus_follow_take(b, &fo, on_message, &r->follow, err);
	if (s != STATUS_OK) {
		release(r);
		return s;
	}
	*ret = r;
	return STATUS_OK;
}

void bus_reader_close(struct bus_reader *r)
{
	pthread_mutex_lock(&r->mu);
	r->closing = true;
	pthread_cond_signal(&r->room);
	pthread_mutex_unlock(&r->mu);
	bus_follow_close(r->follow);
	release(r);
}
