/* Subscriptions, and how they end safely. */
#include <stdlib.h>

#include "bus/internal.h"

static void on_message(natsConnection *nc, natsSubscription *sub, natsMsg *m, void *arg)
{
	struct bus_sub *s = arg;
	(void)nc, (void)sub;
	if (s->fn) {
		s->fn(s->arg, m);
		return;
	}
	struct bus_in in = bus_message_view(m);
	s->plain_fn(s->arg, &in);
	natsMsg_Destroy(m);
}

/* The last thing that the subscription's thread does for us. */
static void on_complete(void *arg)
{
	struct bus_sub *s = arg;
	struct bus *b = s->bus;
	pthread_mutex_lock(&b->mu);
	s->ended = true;
	b->woken = true;
	pthread_cond_broadcast(&b->changed);
	pthread_mutex_unlock(&b->mu);
}

static void unlink_sub(struct bus_sub *s)
{
	for (struct bus_sub **at = &s->bus->subs; *at; at = &(*at)->next)
		if (*at == s) {
			*at = s->next;
			return;
		}
}

static natsStatus open_client_sub(struct bus_sub *s, const char *subject, const char *queue)
{
	natsConnection *nc = s->bus->nc;
	natsStatus st = queue ? natsConnection_QueueSubscribe(&s->nats, nc, subject, queue, on_message, s)
	                      : natsConnection_Subscribe(&s->nats, nc, subject, on_message, s);
	if (st != NATS_OK)
		return st;
	st = natsSubscription_SetOnCompleteCB(s->nats, on_complete, s);
	/* Our own inboxes are bounded by credits and windows; dropping from them would only mean redelivery. */
	if (st == NATS_OK && s->fn)
		st = natsSubscription_SetPendingLimits(s->nats, -1, -1);
	if (st != NATS_OK) /* the connection was closed meanwhile: none will call */
		natsSubscription_Destroy(s->nats);
	return st;
}

static enum status open_sub(struct bus_sub proto, const char *subject, const char *queue, struct bus_sub **ret,
                            struct err *err)
{
	struct bus_sub *s = malloc(sizeof *s);
	if (!s)
		abort();
	*s = proto;
	struct bus *b = s->bus;
	natsStatus st = open_client_sub(s, subject, queue);
	if (st != NATS_OK) {
		free(s);
		return bus_client_err(err, st, subject);
	}
	pthread_mutex_lock(&b->mu);
	s->next = b->subs;
	b->subs = s;
	pthread_mutex_unlock(&b->mu);
	bus_sent(b);
	*ret = s;
	return STATUS_OK;
}

enum status bus_sub_open(struct bus *b, const char *subject, const char *queue, bus_message_fn fn, void *arg,
                         struct bus_sub **ret, struct err *err)
{
	return open_sub((struct bus_sub){.bus = b, .fn = fn, .arg = arg}, subject, queue, ret, err);
}

void bus_sub_end(struct bus_sub *s, int64_t drain_ms)
{
	natsStatus st = drain_ms > 0 ? natsSubscription_DrainTimeout(s->nats, drain_ms) : NATS_ERR;
	if (st != NATS_OK) /* a closed connection has ended it already */
		natsSubscription_Unsubscribe(s->nats);
	bus_sent(s->bus);
}

bool bus_sub_has_ended(struct bus_sub *s)
{
	pthread_mutex_lock(&s->bus->mu);
	bool ended = s->ended;
	pthread_mutex_unlock(&s->bus->mu);
	return ended;
}

void bus_sub_wait(struct bus_sub *s)
{
	struct bus *b = s->bus;
	pthread_mutex_lock(&b->mu);
	while (!s->ended)
		pthread_cond_wait(&b->changed, &b->mu);
	pthread_mutex_unlock(&b->mu);
}

/*
 * The client's reading thread looks a subscription up and uses it without holding it (fixed in nats.c 3.6), so an ended
 * one is kept for longer than any message can take from there to here.
 */
void bus_sub_free(struct bus_sub *s)
{
	struct bus *b = s->bus;
	pthread_mutex_lock(&b->mu);
	unlink_sub(s);
	s->retired_ms = bus_now_ms(b);
	s->next = b->retired;
	b->retired = s;
	pthread_mutex_unlock(&b->mu);
}

void bus_sub_free_retired(struct bus *b, bool all)
{
	int64_t before_ms = bus_now_ms(b) - BUS_RETIRED_MS;
	struct bus_sub *dead = NULL;
	pthread_mutex_lock(&b->mu);
	for (struct bus_sub **at = &b->retired; *at;) {
		struct bus_sub *s = *at;
		if (!all && s->retired_ms > before_ms) {
			at = &s->next;
			continue;
		}
		*at = s->next;
		s->next = dead;
		dead = s;
	}
	pthread_mutex_unlock(&b->mu);
	while (dead) {
		struct bus_sub *s = dead;
		dead = s->next;
		natsSubscription_Destroy(s->nats);
		free(s);
	}
}

enum status bus_subscribe(struct bus *b, const char *subject, const char *queue,
                          void (*fn)(void *arg, const struct bus_in *m), void *arg, struct bus_sub **ret,
                          struct err *err)
{
	return open_sub((struct bus_sub){.bus = b, .plain_fn = fn, .arg = arg}, subject, queue, ret, err);
}

void bus_unsubscribe(struct bus_sub *s)
{
	bus_sub_end(s, 0);
	bus_sub_wait(s);
	bus_sub_free(s);
}
