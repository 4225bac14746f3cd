/* Stored publishing against a real JetStream that is late, missing, stopped or killed. */
#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "bus/topology.h"
#include "tests/integration/bus_helpers.h"

static atomic_long done, failed, duplicates;
static _Atomic uint64_t last_sequence;
static struct err last_err;

static void on_stored(void *arg, const struct bus_stored *s)
{
	if (arg)
		atomic_fetch_add((atomic_int *)arg, 1);
	if (s->status != STATUS_OK) {
		last_err = *s->err;
		failed++;
	} else {
		CHECK_SPAN(s->stream, "TEST");
		last_sequence = s->sequence;
	}
	duplicates += s->duplicate;
	done++;
}

static enum status put(struct bus *b, const char *subject, const char *id, unsigned flags, int64_t deadline_ms,
                       struct err *err)
{
	const struct bus_header h = {"Nats-Msg-Id", span_from(id)};
	const struct bus_out m = {.subject = subject, .data = SPAN("{\"a\":1}"), .headers = &h, .headers_n = 1};
	return bus_store(b, &m, deadline_ms, flags, on_stored, NULL, err);
}

static uint64_t messages(struct bus *b)
{
	struct bus_stream_state s;
	struct err err;
	CHECK_OK(bus_stream_state(b, "TEST", &s, &err), err);
	return s.messages;
}

TEST(a_stored_message_is_acknowledged_with_its_place_and_a_repeated_one_as_duplicate)
{
	struct bus *b = open_bus();
	struct err err;
	make_stream(b);
	CHECK_OK(put(b, "test.a", "id-1", 0, 0, &err), err);
	WAIT_FOR(done == 1, "the acknowledgement");
	CHECK_INT(last_sequence, 1);
	CHECK_OK(put(b, "test.a", "id-2", 0, 0, &err), err);
	CHECK_OK(put(b, "test.a", "id-1", 0, 0, &err), err);
	CHECK_OK(bus_store_drain(b, 5000, &err), err);
	CHECK_INT(done, 3);
	CHECK_INT(duplicates, 1);
	CHECK_INT(failed, 0);
	CHECK_INT(messages(b), 2);
	bus_close(b);
}

TEST(a_refused_message_ends_at_once_with_the_reason)
{
	struct bus *b = open_bus();
	struct err err;
	struct bus_stored stored;
	make_stream(b);
	const struct bus_header h = {"Nats-Expected-Last-Subject-Sequence", SPAN("7")};
	const struct bus_out m = {.subject = "test.a", .headers = &h, .headers_n = 1};
	CHECK_STATUS(bus_store_wait(b, &m, 0, &stored, &err), STATUS_CONFLICT);
	CHECK_HAS(err.msg, "wrong last sequence");
	CHECK(!err.retryable);
	CHECK_OK(bus_store_wait(b, &(struct bus_out){.subject = "test.a"}, 0, &stored, &err), err);
	CHECK_INT(stored.sequence, 1);
	bus_close(b);
}

TEST(a_message_waits_for_a_stream_that_is_created_later)
{
	struct bus *b = open_bus();
	struct err err;
	CHECK_OK(put(b, "test.a", "id-1", 0, 0, &err), err);
	CHECK_OK(bus_flush(b, 2000, &err), err);
	CHECK_INT(done, 0);
	make_stream(b);
	WAIT_FOR(done == 1, "the message to be stored");
	CHECK_INT(failed, 0);
	CHECK_INT(messages(b), 1);
	bus_close(b);
}

TEST(a_message_that_nobody_takes_fails_at_its_deadline)
{
	struct bus *b = open_bus();
	struct err err;
	CHECK_OK(put(b, "test.a", "id-1", 0, 600, &err), err);
	WAIT_FOR(done == 1, "the deadline");
	CHECK_INT(failed, 1);
	CHECK_STATUS(last_err.status, STATUS_UNAVAILABLE);
	CHECK(last_err.retryable);
	CHECK_HAS(last_err.msg, "no stream");
	bus_close(b);
}

static void answer_nonsense(void *arg, const struct bus_in *m)
{
	struct bus *b = arg;
	struct err err;
	char reply[128];
	CHECK(span_copy(m->reply, reply, sizeof reply));
	const char *words[] = {"hello", "{}", "{\"seq\":3}"};
	for (size_t i = 0; i < countof(words); i++)
		CHECK_OK(bus_publish(b, &(struct bus_out){.subject = reply, .data = span_from(words[i])}, &err), err);
}

TEST(answers_that_are_not_jetstreams_are_ignored)
{
	struct bus *b = open_bus();
	struct err err;
	struct bus_sub *s;
	CHECK_OK(bus_subscribe(b, "test.a", NULL, answer_nonsense, b, &s, &err), err);
	make_stream(b);
	CHECK_OK(put(b, "test.a", "id-1", 0, 0, &err), err);
	WAIT_FOR(done == 1, "the acknowledgement");
	CHECK_INT(failed, 0);
	CHECK_INT(last_sequence, 1);
	bus_close(b);
}

TEST(a_full_window_refuses_or_blocks_until_there_is_room)
{
	struct bus *b = open_bus();
	struct err err;
	char id[32];
	/* Nobody takes them yet, so all of them stay in flight. */
	for (int i = 0; i < BUS_STORE_WINDOW; i++) {
		snprintf(id, sizeof id, "id-%d", i);
		CHECK_OK(put(b, "test.a", id, 0, 0, &err), err);
	}
	CHECK_INT(bus_store_in_flight(b), BUS_STORE_WINDOW);
	CHECK_STATUS(put(b, "test.a", "one-more", 0, 0, &err), STATUS_RATE_LIMITED);
	CHECK(err.retryable);
	CHECK_STATUS(bus_store_drain(b, 50, &err), STATUS_TIMEOUT);
	make_stream(b);
	CHECK_OK(put(b, "test.a", "one-more", BUS_BLOCK, 0, &err), err);
	CHECK_OK(bus_store_drain(b, 20000, &err), err);
	CHECK_INT(done, BUS_STORE_WINDOW + 1);
	CHECK_INT(failed, 0);
	CHECK_INT(messages(b), BUS_STORE_WINDOW + 1);
	bus_close(b);
}

TEST(the_window_counts_bytes_too)
{
	struct bus *b = open_bus();
	struct err err;
	static char chunk[1000000];
	const struct bus_out m = {.subject = "test.a", .data = span_of(chunk, sizeof chunk)};
	enum status s = STATUS_OK;
	size_t n = 0;
	/* Nobody takes them yet, so all of them stay in flight. */
	while ((s = bus_store(b, &m, 0, 0, on_stored, NULL, &err)) == STATUS_OK)
		n++;
	CHECK_STATUS(s, STATUS_RATE_LIMITED);
	CHECK_INT(n, BUS_STORE_WINDOW_BYTES / (sizeof chunk + strlen("test.a")));
	make_stream(b);
	CHECK_OK(bus_store(b, &m, 0, BUS_BLOCK, on_stored, NULL, &err), err);
	CHECK_OK(bus_store_drain(b, 20000, &err), err);
	CHECK_INT(done, n + 1);
	CHECK_INT(failed, 0);
	bus_close(b);
}

/* Publishes n messages with ids of their own, counting each one's callbacks. */
#define STORM 20000
static atomic_int called[STORM];

static void *storm(void *arg)
{
	struct bus *b = arg;
	struct err err;
	for (int i = 0; i < STORM; i++) {
		char id[32];
		snprintf(id, sizeof id, "storm-%d", i);
		const struct bus_header h = {"Nats-Msg-Id", span_from(id)};
		const struct bus_out m = {.subject = "test.storm", .data = span_from(id), .headers = &h, .headers_n = 1};
		CHECK_OK(bus_store(b, &m, 0, BUS_BLOCK, on_stored, &called[i], &err), err);
	}
	return NULL;
}

TEST(a_killed_server_loses_nothing_acknowledged_and_stores_nothing_twice)
{
	struct bus *b = open_bus();
	struct err err;
	pthread_t thread;
	make_stream(b);
	CHECK(pthread_create(&thread, NULL, storm, b) == 0);
	WAIT_FOR(done > STORM / 4, "a part of the messages");
	test_nats_kill(SIGKILL);
	test_nats_start();
	WAIT_FOR(done > STORM / 2, "another part");
	test_nats_kill(SIGKILL);
	test_nats_start();
	CHECK(pthread_join(thread, NULL) == 0);
	CHECK_OK(bus_store_drain(b, 60000, &err), err);
	CHECK_INT(done, STORM);
	CHECK_INT(failed, 0);
	for (int i = 0; i < STORM; i++)
		CHECK_MSG(called[i] == 1, "message %d was reported %d times", i, called[i]);
	CHECK_INT(messages(b), STORM);
	bus_close(b);
}

TEST(what_is_stored_while_away_is_sent_on_return)
{
	struct bus *b = open_bus();
	struct err err;
	make_stream(b);
	test_nats_kill(SIGTERM);
	WAIT_FOR(!bus_is_connected(b), "the loss to be noticed");
	CHECK_OK(put(b, "test.a", "id-1", 0, 0, &err), err);
	test_nats_start();
	WAIT_FOR(done == 1, "the acknowledgement");
	CHECK_INT(failed, 0);
	CHECK_INT(messages(b), 1);
	bus_close(b);
}

static atomic_int seen;
static void see(void *arg, const struct bus_in *m)
{
	struct bus *b = arg;
	struct err err;
	char reply[128];
	CHECK(span_copy(m->reply, reply, sizeof reply));
	if (++seen == 2)
		CHECK_OK(
		    bus_publish(b, &(struct bus_out){.subject = reply, .data = SPAN("{\"stream\":\"TEST\",\"seq\":9}")}, &err),
		    err);
}

TEST(a_message_that_is_not_answered_is_sent_again)
{
	struct bus *b = open_bus();
	struct err err;
	struct bus_sub *s;
	CHECK_OK(bus_subscribe(b, "test.a", NULL, see, b, &s, &err), err);
	CHECK_OK(put(b, "test.a", "id-1", 0, 0, &err), err);
	WAIT_FOR(seen == 1, "the first try");
	ahead_ms += BUS_STORE_ATTEMPT_MS;
	WAIT_FOR(done == 1, "the second try's acknowledgement");
	CHECK_INT(last_sequence, 9);
	CHECK_INT(failed, 0);
	bus_close(b);
}

TEST(closing_ends_what_is_in_flight_with_an_error)
{
	struct bus *b = open_bus();
	struct err err;
	CHECK_OK(put(b, "test.a", "id-1", 0, 0, &err), err);
	CHECK_OK(put(b, "test.a", "id-2", 0, 0, &err), err);
	bus_close(b);
	CHECK_INT(done, 2);
	CHECK_INT(failed, 2);
	CHECK_STATUS(last_err.status, STATUS_UNAVAILABLE);
}
