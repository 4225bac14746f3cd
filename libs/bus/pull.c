/* The pull engine: credits become requests, status messages give them back, silence and reconnections start anew. */
#include "bus/pull.h"

#include <stdio.h>
#include <stdlib.h>

#include "bus/internal.h"

#define SILENCE_MS (2 * BUS_PULL_HEARTBEAT_MS + 2000)
#define NAME_BYTES 256
#define REQUEST_BYTES 96

/*
 * `wanted` credits are open; requests for `asked` of them are with the server (it answers by deliveries, or by a status
 * that says how many it still owed). A delivery does not tell which request it answers, so requests are told apart only
 * in status messages: the last token of their reply subject is "<generation>-<batch>". The generation changes when all
 * requests of before are void.
 *
 * When the connection was lost or the server fell silent, nobody knows which requests live on. So the inbox is given
 * up: the server sends nothing more there, what has come is still delivered, and when that is done a new inbox asks for
 * what is then still wanted.
 */
struct bus_pull {
	struct bus *bus;
	bus_delivery_fn fn;
	void *arg;
	char request_subject[NAME_BYTES], info_subject[NAME_BYTES];
	struct bus_task task;

	pthread_mutex_t mu;  /* guards all below */
	struct bus_sub *sub; /* NULL while there is none */
	bool ending, stopped;
	char inbox[BUS_INBOX_BYTES];
	size_t wanted, asked;
	unsigned generation;
	uint64_t epoch;
	bool heard;       /* something came since the last turn */
	int64_t heard_ms; /* the last turn that found so */
	int64_t ask_from_ms;
	unsigned refusals; /* in a row */

	/* Of bus_pull_stop(). */
	struct bus_sub *answer; /* where the broker answers that we left */
	bus_pull_left_fn left;  /* NULL once told */
	void *left_arg;
	uint64_t left_epoch;
};

/* A request for what is wanted and not asked for; made under the lock, sent without. */
struct request {
	size_t batch;
	char reply[BUS_INBOX_BYTES + 40];
};

/*
 * Under the lock. A new request once as much is missing as is still with the server: few requests, each as large as
 * what is open, and the server never idle meanwhile.
 */
static bool next_request(struct bus_pull *p, struct request *r)
{
	size_t missing = p->wanted > p->asked ? p->wanted - p->asked : 0;
	if (!missing || missing < p->asked || p->ending || p->stopped || !p->sub || p->ask_from_ms)
		return false;
	p->asked += missing;
	r->batch = missing;
	snprintf(r->reply, sizeof r->reply, "%s.pull.%u-%zu", p->inbox, p->generation, missing);
	return true;
}

/* What is lost on the way is found by silence. */
static void send_request(struct bus_pull *p, const struct request *r)
{
	char body[REQUEST_BYTES];
	int n = snprintf(body, sizeof body, "{\"batch\":%zu,\"expires\":%lld,\"idle_heartbeat\":%lld}", r->batch,
	                 BUS_PULL_EXPIRES_MS * 1000000LL, BUS_PULL_HEARTBEAT_MS * 1000000LL);
	natsConnection_PublishRequest(p->bus->nc, p->request_subject, r->reply, body, n);
	bus_sent(p->bus);
}

/* Under the lock: not now, but after a while that doubles. The keeper asks then. */
static void refuse(struct bus_pull *p)
{
	int64_t ms = p->refusals < 4 ? (int64_t)BUS_RETRY_MS << p->refusals : BUS_RETRY_MAX_MS;
	p->refusals += p->refusals < 4;
	p->ask_from_ms = bus_now_ms(p->bus) + ms;
}

/* Under the lock: the server owes `n` credits less. */
static void give_back(struct bus_pull *p, size_t n)
{
	p->asked -= n < p->asked ? n : p->asked;
}

/* Under the lock. Whether the server has asked us to wait. */
static bool on_status(struct bus_pull *p, natsMsg *m, int status)
{
	struct bus_in in = bus_message_view(m);
	unsigned generation;
	size_t batch;
	const char *dash = in.subject.n ? memrchr(in.subject.p, '.', in.subject.n) : NULL;
	if (status == 100 || !dash || sscanf(dash + 1, "%u-%zu", &generation, &batch) != 2 || generation != p->generation)
		return false;
	int64_t owed;
	struct span words = bus_in_header(&in, "Description");
	if (span_i64(bus_in_header(&in, "Nats-Pending-Messages"), &owed) && owed >= 0) {
		give_back(p, (size_t)owed); /* expired, or cut short by a limit */
		return false;
	}
	if (status == 409 && !span_starts(words, SPAN("Exceeded"))) {
		p->generation++; /* the consumer moved, stopped or was deleted, and all requests with it */
		p->asked = 0;
	} else {
		give_back(p, batch); /* this one was not taken: nobody there, or too many */
	}
	return status != 408;
}

static void on_message(void *arg, natsMsg *m)
{
	struct bus_pull *p = arg;
	struct bus_in in = bus_message_view(m);
	struct bus_place place;
	struct request r;
	bool delivery = in.reply.p && bus_place_parse(in.reply, &place);
	int status = delivery ? 0 : bus_message_status(m);
	pthread_mutex_lock(&p->mu);
	p->heard = true;
	if (delivery) {
		p->wanted -= p->wanted > 0;
		give_back(p, 1);
	}
	if (!delivery && on_status(p, m, status))
		refuse(p);
	else
		p->refusals = 0;
	bool ask = next_request(p, &r), wait = p->ask_from_ms != 0;
	pthread_mutex_unlock(&p->mu);
	if (ask)
		send_request(p, &r);
	else if (wait && !delivery)
		bus_wake(p->bus);
	if (!delivery) {
		natsMsg_Destroy(m);
		return;
	}
	struct bus_delivery d = {.in = in,
	                         .stream_sequence = place.stream_sequence,
	                         .consumer_sequence = place.consumer_sequence,
	                         .delivered = place.delivered,
	                         .stored_ms = place.stored_ns / 1000000,
	                         .pending = place.pending};
	p->fn(p->arg, &d);
}

void bus_delivery_free(struct bus_delivery *d)
{
	natsMsg_Destroy(d->in.impl);
	d->in = (struct bus_in){0};
}

/* A fresh inbox. Under the lock. */
static enum status subscribe(struct bus_pull *p, struct err *err)
{
	char pattern[BUS_INBOX_BYTES + 8];
	bus_inbox(p->bus, p->inbox);
	snprintf(pattern, sizeof pattern, "%s.pull.*", p->inbox);
	p->epoch = atomic_load(&p->bus->epoch);
	p->asked = 0;
	p->ask_from_ms = 0;
	p->heard_ms = bus_now_ms(p->bus);
	return bus_sub_open(p->bus, pattern, NULL, on_message, p, &p->sub, err);
}

/* Under the lock: drops what has ended and opens anew, unless stopped. */
static void renew(struct bus_pull *p)
{
	struct err err;
	if (p->sub && p->ending && bus_sub_has_ended(p->sub)) {
		bus_sub_free(p->sub);
		p->sub = NULL;
		p->ending = false;
	}
	if (!p->sub && !p->stopped && subscribe(p, &err) != STATUS_OK)
		p->sub = NULL; /* the next turn tries again */
}

static void end(struct bus_pull *p)
{
	if (p->sub && !p->ending) {
		p->ending = true;
		bus_sub_end(p->sub, p->stopped && atomic_load(&p->bus->connected) ? BUS_PULL_EXPIRES_MS : BUS_PULL_SETTLE_MS);
	}
}

static void tell_left(struct bus_pull *p)
{
	pthread_mutex_lock(&p->mu);
	bus_pull_left_fn fn = p->left;
	p->left = NULL;
	pthread_mutex_unlock(&p->mu);
	if (fn)
		fn(p->left_arg);
}

static void on_left(void *arg, natsMsg *m)
{
	natsMsg_Destroy(m);
	tell_left(arg);
}

static int64_t turn(void *owner, int64_t now_ms, uint64_t epoch)
{
	struct bus_pull *p = owner;
	struct request r;
	int64_t next_ms = BUS_TURN_MS;
	if (!atomic_load(&p->bus->connected))
		return next_ms;
	pthread_mutex_lock(&p->mu);
	if (p->heard || !p->asked)
		p->heard_ms = now_ms;
	p->heard = false;
	if (p->epoch != epoch || now_ms - p->heard_ms > SILENCE_MS)
		end(p);
	renew(p);
	if (p->ask_from_ms && now_ms >= p->ask_from_ms)
		p->ask_from_ms = 0;
	else if (p->ask_from_ms && p->ask_from_ms - now_ms < next_ms)
		next_ms = p->ask_from_ms - now_ms;
	bool ask = next_request(p, &r), lost = p->left && p->left_epoch != epoch;
	pthread_mutex_unlock(&p->mu);
	if (ask)
		send_request(p, &r);
	if (lost) /* the requests went with their connection */
		tell_left(p);
	return next_ms;
}

enum status bus_pull_open(struct bus *b, const char *stream, const char *consumer, bus_delivery_fn fn, void *arg,
                          struct bus_pull **ret, struct err *err)
{
	struct bus_pull *p = calloc(1, sizeof *p);
	if (!p)
		abort();
	p->bus = b, p->fn = fn, p->arg = arg;
	pthread_mutex_init(&p->mu, NULL);
	int n =
	    snprintf(p->request_subject, sizeof p->request_subject, "$JS.API.CONSUMER.MSG.NEXT.%s.%s", stream, consumer);
	snprintf(p->info_subject, sizeof p->info_subject, "$JS.API.CONSUMER.INFO.%s.%s", stream, consumer);
	enum status s = n < (int)sizeof p->request_subject
	                    ? STATUS_OK
	                    : err_set(err, STATUS_INVALID, "the name of a consumer is too long");
	if (s == STATUS_OK) {
		pthread_mutex_lock(&p->mu);
		s = subscribe(p, err);
		pthread_mutex_unlock(&p->mu);
	}
	if (s != STATUS_OK) {
		pthread_mutex_destroy(&p->mu);
		free(p);
		return s;
	}
	p->task = (struct bus_task){.turn = turn, .owner = p};
	bus_task_add(b, &p->task);
	*ret = p;
	return STATUS_OK;
}

void bus_pull_want(struct bus_pull *p, size_t n)
{
	struct request r;
	pthread_mutex_lock(&p->mu);
	p->wanted += n;
	bool ask = next_request(p, &r);
	pthread_mutex_unlock(&p->mu);
	if (ask)
		send_request(p, &r);
}

size_t bus_pull_wanted(struct bus_pull *p)
{
	pthread_mutex_lock(&p->mu);
	size_t n = p->wanted;
	pthread_mutex_unlock(&p->mu);
	return n;
}

/* Under the lock: *left is taken if there will be an answer. */
static void leave(struct bus_pull *p, bus_pull_left_fn *left, void *arg)
{
	char reply[BUS_INBOX_BYTES + 8];
	struct err ignored;
	snprintf(reply, sizeof reply, "%s.left", p->inbox);
	if (*left && bus_sub_open(p->bus, reply, NULL, on_left, p, &p->answer, &ignored) == STATUS_OK) {
		p->left = *left;
		p->left_arg = arg;
		p->left_epoch = atomic_load(&p->bus->epoch);
		*left = NULL;
	}
	end(p);
	/* To count the requests that wait the server throws out those to which nobody listens any more. */
	natsConnection_PublishRequest(p->bus->nc, p->info_subject, reply, "", 0);
	bus_sent(p->bus);
}

void bus_pull_stop(struct bus_pull *p, bus_pull_left_fn left, void *arg)
{
	pthread_mutex_lock(&p->mu);
	bool first = !p->stopped;
	p->stopped = true;
	if (first && p->sub && atomic_load(&p->bus->connected))
		leave(p, &left, arg);
	else
		end(p);
	pthread_mutex_unlock(&p->mu);
	if (left)
		left(arg);
}

void bus_pull_close(struct bus_pull *p)
{
	bus_pull_stop(p, NULL, NULL);
	bus_task_remove(p->bus, &p->task);
	tell_left(p);
	if (p->answer)
		bus_unsubscribe(p->answer);
	if (p->sub) {
		bus_sub_wait(p->sub);
		bus_sub_free(p->sub);
	}
	pthread_mutex_destroy(&p->mu);
	free(p);
}
