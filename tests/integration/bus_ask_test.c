/* Requests by callback: answered, refused, late, unheard, cut off; each told exactly once. */
#include "bus/ask.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "bus/micro.h"
#include "tests/integration/bus_helpers.h"

struct outcome {
	atomic_int told;
	enum status status;
	bool retryable;
	char data[64], message[320];
};

static void on_answer(void *arg, struct span data, const struct err *err)
{
	struct outcome *o = arg;
	o->status = err ? err->status : STATUS_OK;
	o->retryable = err && err->retryable;
	snprintf(o->data, sizeof o->data, "%.*s", SPAN_ARG(data));
	snprintf(o->message, sizeof o->message, "%s", err ? err->msg : "");
	atomic_fetch_add(&o->told, 1);
}

static struct bus_asker *open_asker(struct bus *b)
{
	struct bus_asker *a;
	struct err err;
	CHECK_OK(bus_asker_open(b, &a, &err), err);
	return a;
}

static void ask(struct bus_asker *a, const char *subject, const char *data, int timeout_ms, struct outcome *o)
{
	struct err err;
	const struct bus_out m = {.subject = subject, .data = span_from(data)};
	CHECK_OK(bus_ask(a, &m, timeout_ms, on_answer, o, &err), err);
}

static struct bus *answering;
static void echo(void *arg, const struct bus_in *m)
{
	char reply[256];
	struct err err;
	(void)arg;
	CHECK(span_copy(m->reply, reply, sizeof reply));
	if (span_is(m->data, "bad")) {
		err_field(&err, STATUS_CONFLICT, "name", "it is taken");
		bus_reply_error(answering, m->reply, &err);
		return;
	}
	CHECK_OK(bus_publish(answering, &(struct bus_out){.subject = reply, .data = m->data}, &err), err);
}

static void silent(void *arg, const struct bus_in *m)
{
	(void)arg, (void)m;
}

static void listen_on(const char *subject, void (*fn)(void *arg, const struct bus_in *m))
{
	struct bus_sub *sub;
	struct err err;
	if (!answering)
		answering = open_bus();
	CHECK_OK(bus_subscribe(answering, subject, NULL, fn, NULL, &sub, &err), err);
	CHECK_OK(bus_flush(answering, 5000, &err), err);
}

TEST(many_requests_are_answered_each_with_its_own)
{
	enum { MANY = 5000 };
	struct bus_asker *a = open_asker(open_bus());
	struct outcome *all = calloc(MANY, sizeof *all);
	listen_on("echo", echo);
	for (int i = 0; i < MANY; i++) {
		char text[16];
		snprintf(text, sizeof text, "%d", i);
		ask(a, "echo", text, 30000, &all[i]);
	}
	for (int i = 0; i < MANY; i++) {
		char text[16];
		snprintf(text, sizeof text, "%d", i);
		WAIT_FOR(atomic_load(&all[i].told), "the answer");
		CHECK_INT(all[i].status, STATUS_OK);
		CHECK_SPAN(span_from(all[i].data), text);
	}
	CHECK_INT(bus_asks_waiting(a), 0);
	for (int i = 0; i < MANY; i++)
		CHECK_INT(atomic_load(&all[i].told), 1);
	bus_asker_close(a);
	free(all);
}

TEST(refusals_silence_and_nobody_are_told_apart)
{
	struct bus_asker *a = open_asker(open_bus());
	static struct outcome refused, late, unheard;
	listen_on("echo", echo);
	listen_on("silent", silent);
	ask(a, "echo", "bad", 5000, &refused);
	ask(a, "silent", "", 200, &late);
	ask(a, "nobody", "", 5000, &unheard);
	WAIT_FOR(atomic_load(&refused.told) && atomic_load(&late.told) && atomic_load(&unheard.told), "all");
	CHECK_INT(refused.status, STATUS_CONFLICT);
	CHECK_SPAN(span_from(refused.message), "it is taken");
	CHECK_INT(late.status, STATUS_TIMEOUT);
	CHECK_INT(unheard.status, STATUS_UNAVAILABLE);
	CHECK(unheard.retryable && late.retryable && !refused.retryable);
	bus_asker_close(a);
}

TEST(what_waits_when_the_connection_breaks_is_told_so)
{
	struct bus *b = open_bus();
	struct bus_asker *a = open_asker(b);
	static struct outcome lost, after;
	struct err err = {0};
	listen_on("silent", silent);
	ask(a, "silent", "", 60000, &lost);
	test_nats_kill(SIGKILL);
	WAIT_FOR(atomic_load(&lost.told), "the loss");
	CHECK_INT(lost.status, STATUS_UNAVAILABLE);
	CHECK_STATUS(bus_ask(a, &(struct bus_out){.subject = "silent"}, 1000, on_answer, &lost, &err), STATUS_UNAVAILABLE);
	test_nats_start();
	listen_on("echo", echo);
	WAIT_FOR(bus_is_connected(b), "the connection");
	ask(a, "echo", "x", 30000, &after);
	WAIT_FOR(atomic_load(&after.told), "an answer again");
	CHECK_INT(after.status, STATUS_OK);
	CHECK_INT(atomic_load(&lost.told), 1);
	bus_asker_close(a);
}

TEST(closing_tells_what_waits)
{
	struct bus_asker *a = open_asker(open_bus());
	static struct outcome waiting;
	listen_on("silent", silent);
	ask(a, "silent", "", 60000, &waiting);
	bus_asker_close(a);
	CHECK_INT(atomic_load(&waiting.told), 1);
	CHECK_INT(waiting.status, STATUS_UNAVAILABLE);
}
