/* Opening and closing, and the keeper: the thread that connects, looks after what waits and sends what was gathered. */
#include "bus/bus.h"

#include <stdlib.h>
#include <time.h>

#include "bus/internal.h"
#include "bus/store.h"
#include "core/wait.h"

#define FLUSH_MS 100 /* at most so long the keeper waits for a server that is busy with what was sent before */
#define CLOSE_FLUSH_MS 2000
/*
 * So many messages since the last look are a load under which asking the server for an answer each time would cost more than it brings:
 * the client's own thread sends what has gathered every millisecond.
 */
#define BUSY_MESSAGES 8
#define BUSY_MS 1

void bus_task_add(struct bus *b, struct bus_task *t)
{
	pthread_mutex_lock(&b->tasks_mu);
	t->next = b->tasks;
	b->tasks = t;
	pthread_mutex_unlock(&b->tasks_mu);
}

void bus_task_remove(struct bus *b, struct bus_task *t)
{
	pthread_mutex_lock(&b->tasks_mu);
	for (struct bus_task **at = &b->tasks; *at; at = &(*at)->next)
		if (*at == t) {
			*at = t->next;
			break;
		}
	pthread_mutex_unlock(&b->tasks_mu);
}

void bus_wake(struct bus *b)
{
	pthread_mutex_lock(&b->mu);
	b->woken = true;
	pthread_cond_broadcast(&b->changed);
	pthread_mutex_unlock(&b->mu);
}

void bus_sent(struct bus *b)
{
	if (!b->bulk)
		return;
	atomic_fetch_add_explicit(&b->gathered, 1, memory_order_relaxed);
	if (atomic_load_explicit(&b->flush_wanted, memory_order_relaxed) || atomic_exchange(&b->flush_wanted, true))
		return;
	pthread_mutex_lock(&b->mu);
	pthread_cond_broadcast(&b->changed);
	pthread_mutex_unlock(&b->mu);
}

/* Every task's turn; returns in how many ms the next is due. */
static int64_t look_after(struct bus *b)
{
	int64_t next = BUS_TURN_MS;
	pthread_mutex_lock(&b->tasks_mu);
	uint64_t epoch = atomic_load(&b->epoch);
	for (struct bus_task *t = b->tasks; t; t = t->next) {
		int64_t due = t->turn(t->owner, bus_now_ms(b), epoch);
		next = due < next ? due : next;
	}
	pthread_mutex_unlock(&b->tasks_mu);
	bus_sub_free_retired(b, false);
	return next < 1 ? 1 : next;
}

/* Under the lock. */
static void note_refusal(struct bus *b, natsStatus s)
{
	if (s == NATS_TIMEOUT)
		err_retry(&b->open_err, STATUS_UNAVAILABLE, "connecting to NATS: no answer within %d ms", BUS_HANDSHAKE_MS);
	else
		bus_client_err(&b->open_err, s, "connecting to NATS");
}

/*
 * The first connection. A refused one is tried again until bus_open() gives up; refused credentials are final. Runs
 * here and not in bus_open(), because the client's call can hang.
 */
static bool connect_first(struct bus *b)
{
	natsStatus s;
	pthread_mutex_lock(&b->mu);
	for (;;) {
		pthread_mutex_unlock(&b->mu);
		s = natsConnection_Connect(&b->nc, b->options);
		pthread_mutex_lock(&b->mu);
		if (s == NATS_OK || s == NATS_CONNECTION_AUTH_FAILED || b->abandoned)
			break;
		note_refusal(b, s);
		struct timespec until = wait_until(BUS_RETRY_MS);
		while (!b->abandoned && pthread_cond_timedwait(&b->changed, &b->mu, &until) == 0)
			continue;
	}
	if (s != NATS_OK)
		note_refusal(b, s);
	pthread_mutex_unlock(&b->mu);
	return s == NATS_OK;
}

/*
 * Waiting for the server's answer paces bulk mode by itself: alone, a message goes at once; under load, all that was written
 * during one round trip goes together.
 */
static void send_gathered(struct bus *b)
{
	if (atomic_exchange(&b->gathered, 0) < BUSY_MESSAGES)
		natsConnection_FlushTimeout(b->nc, FLUSH_MS);
	else
		nats_Sleep(BUSY_MS);
}

static void keep(struct bus *b)
{
	int64_t next_ms = bus_now_ms(b);
	pthread_mutex_lock(&b->mu);
	while (b->stage == BUS_OPEN) {
		int64_t wait = next_ms - bus_now_ms(b);
		if (!b->woken && !atomic_load(&b->flush_wanted) && wait > 0) {
			struct timespec until = wait_until(wait);
			pthread_cond_timedwait(&b->changed, &b->mu, &until);
			continue;
		}
		bool due = b->woken || wait <= 0;
		b->woken = false;
		pthread_mutex_unlock(&b->mu);
		if (atomic_exchange(&b->flush_wanted, false) && atomic_load(&b->connected))
			send_gathered(b);
		if (due)
			next_ms = bus_now_ms(b) + look_after(b);
		pthread_mutex_lock(&b->mu);
	}
	pthread_mutex_unlock(&b->mu);
}

static void free_bus(struct bus *b)
{
	natsConnection_Destroy(b->nc);
	natsOptions_Destroy(b->options);
	pthread_cond_destroy(&b->changed);
	pthread_mutex_destroy(&b->mu);
	pthread_mutex_destroy(&b->tasks_mu);
	free(b);
}

/* After it no callback of the client runs. */
static void close_client(struct bus *b)
{
	natsConnection_Close(b->nc);
	pthread_mutex_lock(&b->mu);
	while (!b->client_closed)
		pthread_cond_wait(&b->changed, &b->mu);
	pthread_mutex_unlock(&b->mu);
}

static void *keeper(void *arg)
{
	struct bus *b = arg;
	bool ok = connect_first(b);
	atomic_store(&b->connected, ok);
	pthread_mutex_lock(&b->mu);
	bool late = ok && b->abandoned;
	if (late) {
		pthread_mutex_unlock(&b->mu);
		close_client(b);
		pthread_mutex_lock(&b->mu);
	}
	b->stage = ok && !late ? BUS_OPEN : BUS_FAILED;
	bool orphaned = b->orphaned;
	pthread_cond_broadcast(&b->changed);
	pthread_mutex_unlock(&b->mu);
	if (orphaned) {
		pthread_detach(pthread_self());
		free_bus(b);
	} else if (ok && !late) {
		keep(b);
	}
	return NULL;
}

/* Under the lock: while the keeper still tries to connect, at most so long. */
static void wait_for_keeper(struct bus *b, int64_t ms)
{
	struct timespec until = wait_until(ms);
	while (b->stage == BUS_CONNECTING && pthread_cond_timedwait(&b->changed, &b->mu, &until) == 0)
		continue;
}

static enum status wait_open(struct bus *b, struct err *err)
{
	pthread_mutex_lock(&b->mu);
	wait_for_keeper(b, BUS_CONNECT_MS);
	b->abandoned = b->stage == BUS_CONNECTING;
	enum status s = b->stage == BUS_OPEN ? STATUS_OK : STATUS_UNAVAILABLE;
	if (s != STATUS_OK && b->open_err.status)
		*err = b->open_err, s = err->status;
	else if (s != STATUS_OK)
		s = err_retry(err, STATUS_UNAVAILABLE, "connecting to NATS: no answer within %d ms", BUS_CONNECT_MS);
	pthread_cond_broadcast(&b->changed);
	/* Who gives up usually exits next, and a handshake must not run while the TLS library is taken down. */
	wait_for_keeper(b, BUS_ABANDON_MS);
	bool orphaned = b->orphaned = b->stage == BUS_CONNECTING;
	pthread_mutex_unlock(&b->mu);
	if (s != STATUS_OK && !orphaned) {
		pthread_join(b->keeper, NULL);
		free_bus(b);
	}
	return s;
}

enum status bus_open(const struct bus_options *o, struct bus **ret, struct err *err)
{
	struct bus *b = calloc(1, sizeof *b);
	if (!b)
		abort();
	b->clock = o->clock, b->bulk = o->bulk, b->on_state = o->on_state, b->arg = o->arg;
	pthread_mutex_init(&b->mu, NULL);
	pthread_mutex_init(&b->tasks_mu, NULL);
	wait_cond_init(&b->changed);
	if (bus_connection_options(b, o, err) != STATUS_OK) {
		free_bus(b);
		return err->status;
	}
	if (pthread_create(&b->keeper, NULL, keeper, b) != 0) {
		free_bus(b);
		return err_set(err, STATUS_INTERNAL, "no thread for the bus");
	}
	if (wait_open(b, err) != STATUS_OK)
		return err->status;
	if (bus_store_open(b, err) != STATUS_OK) {
		bus_close(b);
		return err->status;
	}
	*ret = b;
	return STATUS_OK;
}

void bus_close(struct bus *b)
{
	struct err ignored;
	if (bus_store_drain(b, CLOSE_FLUSH_MS, &ignored) == STATUS_OK && bus_is_connected(b))
		natsConnection_FlushTimeout(b->nc, CLOSE_FLUSH_MS);
	pthread_mutex_lock(&b->mu);
	b->stage = BUS_CLOSING;
	pthread_cond_broadcast(&b->changed);
	pthread_mutex_unlock(&b->mu);
	pthread_join(b->keeper, NULL);
	close_client(b);
	for (struct bus_sub *s = b->subs; s; s = b->subs) {
		bus_sub_wait(s);
		bus_sub_free(s);
	}
	bus_store_close(b);
	bus_sub_free_retired(b, true);
	free_bus(b);
}

bool bus_is_connected(struct bus *b)
{
	return atomic_load(&b->connected);
}

bool bus_is_closed(struct bus *b)
{
	return atomic_load(&b->closed);
}

uint64_t bus_reconnects(struct bus *b)
{
	return atomic_load(&b->epoch);
}

enum status bus_flush(struct bus *b, int timeout_ms, struct err *err)
{
	natsStatus s = natsConnection_FlushTimeout(b->nc, timeout_ms);
	return s == NATS_OK ? STATUS_OK : bus_client_err(err, s, "flush");
}
