/* Requests by callback: a table of what waits, an inbox for all answers, the keeper for those that do not come. */
#include "bus/ask.h"

#include <stdio.h>
#include <stdlib.h>

#include "bus/internal.h"
#include "core/map.h"

#define TURN_MS 100 /* how exact time-outs are */

struct ask {
	char token[24];
	int64_t due_ms;
	uint64_t epoch; /* an answer does not outlive the connection it was asked on */
	bus_answer_fn fn;
	void *arg;
	struct ask *next, *prev; /* in the order they were asked */
};

struct bus_asker {
	struct bus *bus;
	struct bus_sub *sub;
	struct bus_task task;
	char inbox[BUS_INBOX_BYTES];
	pthread_mutex_t mu; /* guards all below */
	struct map waiting; /* by token */
	struct ask *first, *last;
	uint64_t next_token;
	bool closing;
};

/* Under the lock. */
static void unlink_ask(struct bus_asker *a, struct ask *k)
{
	*(k->prev ? &k->prev->next : &a->first) = k->next;
	*(k->next ? &k->next->prev : &a->last) = k->prev;
}

static struct ask *take(struct bus_asker *a, struct span token)
{
	pthread_mutex_lock(&a->mu);
	struct ask *k = map_del(&a->waiting, token);
	if (k)
		unlink_ask(a, k);
	pthread_mutex_unlock(&a->mu);
	return k;
}

static void on_answer(void *arg, natsMsg *m)
{
	struct bus_asker *a = arg;
	struct bus_in in = bus_message_view(m);
	size_t prefix = strlen(a->inbox) + 1;
	struct ask *k = in.subject.n > prefix ? take(a, span_of(in.subject.p + prefix, in.subject.n - prefix)) : NULL;
	if (k) {
		struct err err = {0};
		if (bus_message_status(m) == 503)
			err_retry(&err, STATUS_UNAVAILABLE, "nobody answers: the service is not running");
		else
			(void)!bus_service_err(&in, &err);
		k->fn(k->arg, in.data, err.status ? &err : NULL);
		free(k);
	}
	natsMsg_Destroy(m);
}

/* Those that are overdue, or all when the connection they were asked on is gone. */
static struct ask *take_overdue(struct bus_asker *a, int64_t now_ms, uint64_t epoch, bool connected)
{
	struct ask *taken = NULL;
	pthread_mutex_lock(&a->mu);
	for (struct ask *k = a->first, *next; k; k = next) {
		next = k->next;
		if (connected && k->epoch >= epoch && now_ms < k->due_ms)
			continue;
		map_del(&a->waiting, span_from(k->token));
		unlink_ask(a, k);
		k->next = taken;
		taken = k;
	}
	pthread_mutex_unlock(&a->mu);
	return taken;
}

static void fail(struct ask *list, int64_t now_ms, const struct err *lost)
{
	while (list) {
		struct ask *k = list;
		struct err late = {0};
		list = k->next;
		err_retry(&late, STATUS_TIMEOUT, "no answer in time");
		k->fn(k->arg, (struct span){0}, now_ms >= k->due_ms ? &late : lost);
		free(k);
	}
}

static int64_t turn(void *owner, int64_t now_ms, uint64_t epoch)
{
	struct bus_asker *a = owner;
	struct err lost = {0};
	err_retry(&lost, STATUS_UNAVAILABLE, "the connection to the broker was lost");
	fail(take_overdue(a, now_ms, epoch, atomic_load(&a->bus->connected)), now_ms, &lost);
	return bus_asks_waiting(a) ? TURN_MS : BUS_TURN_MS;
}

enum status bus_asker_open(struct bus *b, struct bus_asker **ret, struct err *err)
{
	char subject[BUS_INBOX_BYTES + 2];
	struct bus_asker *a = calloc(1, sizeof *a);
	if (!a)
		abort();
	a->bus = b;
	a->task = (struct bus_task){.turn = turn, .owner = a};
	pthread_mutex_init(&a->mu, NULL);
	bus_inbox(b, a->inbox);
	snprintf(subject, sizeof subject, "%s.*", a->inbox);
	if (bus_sub_open(b, subject, NULL, on_answer, a, &a->sub, err) != STATUS_OK) {
		pthread_mutex_destroy(&a->mu);
		free(a);
		return err->status;
	}
	bus_task_add(b, &a->task);
	*ret = a;
	return STATUS_OK;
}

void bus_asker_close(struct bus_asker *a)
{
	if (!a)
		return;
	struct err closed = {0};
	err_retry(&closed, STATUS_UNAVAILABLE, "ending");
	pthread_mutex_lock(&a->mu);
	a->closing = true;
	pthread_mutex_unlock(&a->mu);
	bus_task_remove(a->bus, &a->task);
	bus_sub_end(a->sub, 0);
	bus_sub_wait(a->sub);
	bus_sub_free(a->sub);
	fail(take_overdue(a, 0, 0, false), 0, &closed);
	map_free(&a->waiting);
	pthread_mutex_destroy(&a->mu);
	free(a);
}

size_t bus_asks_waiting(struct bus_asker *a)
{
	pthread_mutex_lock(&a->mu);
	size_t n = a->waiting.count;
	pthread_mutex_unlock(&a->mu);
	return n;
}

/* Enters it into the table; false when there is no room or the end has begun. */
static bool enter(struct bus_asker *a, struct ask *k, char token[24], bool *ret_first)
{
	pthread_mutex_lock(&a->mu);
	bool room = !a->closing && a->waiting.count < BUS_ASKS_MAX;
	if (room) {
		*ret_first = !a->first;
		snprintf(k->token, sizeof k->token, "%llx", (unsigned long long)++a->next_token);
		memcpy(token, k->token, sizeof k->token);
		map_put(&a->waiting, span_from(k->token), k);
		k->prev = a->last;
		*(a->last ? &a->last->next : &a->first) = k;
		a->last = k;
	}
	pthread_mutex_unlock(&a->mu);
	return room;
}

enum status bus_ask(struct bus_asker *a, const struct bus_out *m, int timeout_ms, bus_answer_fn fn, void *arg,
                    struct err *err)
{
	char reply[BUS_INBOX_BYTES + 26], token[24];
	bool first = false;
	if (!atomic_load(&a->bus->connected))
		return err_retry(err, STATUS_UNAVAILABLE, "not connected to the broker");
	struct ask *k = malloc(sizeof *k);
	if (!k)
		abort();
	*k = (struct ask){.due_ms = bus_now_ms(a->bus) + timeout_ms, .epoch = atomic_load(&a->bus->epoch), .fn = fn, .arg = arg};
	if (!enter(a, k, token, &first)) {
		free(k);
		return err_retry(err, STATUS_RATE_LIMITED, "%d requests wait for answers already", BUS_ASKS_MAX);
	}
	/* From here on the answer, or the keeper, may free it at any time. */
	snprintf(reply, sizeof reply, "%s.%s", a->inbox, token);
	struct bus_out out = *m;
	out.reply = reply;
	if (bus_publish(a->bus, &out, err) != STATUS_OK) {
		k = take(a, span_from(token));
		if (!k) /* the keeper was faster and has told already */
			return STATUS_OK;
		free(k);
		return err->status;
	}
	if (first)
		bus_wake(a->bus);
	return STATUS_OK;
}
