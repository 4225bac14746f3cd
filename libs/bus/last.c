/* The last messages on many subjects of a stream, asked for all at once: one look-up costs a round trip, a thousand hardly more. */
#include <stdio.h>
#include <stdlib.h>

#include "bus/internal.h"
#include "bus/kv.h"
#include "core/wait.h"

#define WATCH_MS 100 /* while waiting, so often is looked whether the connection still stands */

struct bus_lookup {
	struct bus *bus;
	struct bus_sub *sub;
	char stream[64], inbox[BUS_INBOX_BYTES];

	pthread_mutex_t mu; /* guards all below */
	pthread_cond_t answered;
	struct bus_last *asked; /* NULL between rounds */
	size_t n, missing;
	unsigned round; /* part of the reply subject: late answers of an earlier round are nobody's */
};

static void take(struct bus_lookup *l, size_t i, natsMsg *m)
{
	struct bus_last *a = &l->asked[i];
	struct err ignored;
	a->status = bus_direct_answer(m, a->subject, &a->message, &ignored);
	if (--l->missing == 0)
		pthread_cond_signal(&l->answered);
}

static void on_message(void *arg, natsMsg *m)
{
	struct bus_lookup *l = arg;
	const char *subject = natsMsg_GetSubject(m), *place = strrchr(subject, '.');
	unsigned round;
	size_t i;
	bool known = place && sscanf(place + 1, "%u-%zu", &round, &i) == 2;
	pthread_mutex_lock(&l->mu);
	known = known && l->asked && round == l->round && i < l->n && l->asked[i].status == STATUS_TIMEOUT;
	if (known)
		take(l, i, m);
	pthread_mutex_unlock(&l->mu);
	if (!known)
		natsMsg_Destroy(m);
}

enum status bus_lookup_open(struct bus *b, const char *stream, struct bus_lookup **ret, struct err *err)
{
	char subject[BUS_INBOX_BYTES + 2];
	struct bus_lookup *l = calloc(1, sizeof *l);
	if (!l)
		abort();
	l->bus = b;
	snprintf(l->stream, sizeof l->stream, "%s", stream);
	bus_inbox(b, l->inbox);
	snprintf(subject, sizeof subject, "%s.*", l->inbox);
	pthread_mutex_init(&l->mu, NULL);
	wait_cond_init(&l->answered);
	if (bus_sub_open(b, subject, NULL, on_message, l, &l->sub, err) != STATUS_OK) {
		bus_lookup_close(l);
		return err->status;
	}
	*ret = l;
	return STATUS_OK;
}

void bus_lookup_close(struct bus_lookup *l)
{
	if (!l)
		return;
	if (l->sub) {
		bus_sub_end(l->sub, 0);
		bus_sub_wait(l->sub);
		bus_sub_free(l->sub);
	}
	pthread_cond_destroy(&l->answered);
	pthread_mutex_destroy(&l->mu);
	free(l);
}

/* What does not leave is not answered. */
static void ask(struct bus_lookup *l, unsigned round)
{
	char subject[256], reply[BUS_INBOX_BYTES + 40];
	for (size_t i = 0; i < l->n; i++) {
		int n = snprintf(subject, sizeof subject, "$JS.API.DIRECT.GET.%s.%s", l->stream, l->asked[i].subject);
		snprintf(reply, sizeof reply, "%s.%u-%zu", l->inbox, round, i);
		if (n < (int)sizeof subject)
			natsConnection_PublishRequest(l->bus->nc, subject, reply, "", 0);
	}
	bus_sent(l->bus);
}

void bus_lookup(struct bus_lookup *l, struct bus_last *asked, size_t n)
{
	uint64_t epoch = atomic_load(&l->bus->epoch);
	int64_t until_ms = bus_now_ms(l->bus) + BUS_API_MS;
	for (size_t i = 0; i < n; i++) {
		asked[i].status = STATUS_TIMEOUT;
		asked[i].message = (struct bus_stored_message){0};
	}
	if (!n || !atomic_load(&l->bus->connected))
		return;
	pthread_mutex_lock(&l->mu);
	unsigned round = ++l->round;
	l->asked = asked;
	l->n = l->missing = n;
	pthread_mutex_unlock(&l->mu);
	ask(l, round);
	pthread_mutex_lock(&l->mu);
	while (l->missing && bus_now_ms(l->bus) < until_ms && atomic_load(&l->bus->connected) &&
	       atomic_load(&l->bus->epoch) == epoch) {
		struct timespec t = wait_until(WATCH_MS);
		pthread_cond_timedwait(&l->answered, &l->mu, &t);
	}
	l->asked = NULL;
	pthread_mutex_unlock(&l->mu);
}
