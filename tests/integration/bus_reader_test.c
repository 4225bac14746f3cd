/* Reading a stream in batches from a position: in order, each message once, whatever happens to inbox and server. */
#include <signal.h>

#include "bus/reader.h"
#include "tests/integration/bus_helpers.h"

static void fill(struct bus *b, int from, int to)
{
	struct err err;
	char text[24];
	for (int i = from; i < to; i++) {
		snprintf(text, sizeof text, "%d", i);
		CHECK_OK(bus_store(b, &(struct bus_out){.subject = "test.a", .data = span_from(text)}, 0, BUS_BLOCK, NULL, NULL, &err), err);
	}
	CHECK_OK(bus_store_drain(b, 30000, &err), err);
}

static struct bus_reader *open_reader(struct bus *b, uint64_t after, size_t messages_max)
{
	struct err err;
	struct bus_reader *r;
	const struct bus_reader_options o = {.stream = "TEST", .after = after, .messages_max = messages_max};
	CHECK_OK(bus_reader_open(b, &o, &r, &err), err);
	return r;
}

/* Takes until sequence `to`, which must follow `from` without gaps. */
static void expect(struct bus_reader *r, uint64_t from, uint64_t to)
{
	struct bus_delivery some[50];
	uint64_t at = from;
	while (at < to) {
		WAIT_FOR(bus_reader_wait(r, 1, 100) > 0, "more messages");
		size_t n = bus_reader_take(r, some, to - at < countof(some) ? to - at : countof(some), SIZE_MAX);
		for (size_t i = 0; i < n; i++) {
			int64_t number;
			CHECK_INT(some[i].stream_sequence, ++at);
			CHECK(span_i64(some[i].in.data, &number));
			CHECK_INT(number, (int64_t)at);
			bus_delivery_free(&some[i]);
		}
	}
	CHECK_INT(at, to);
}

TEST(it_reads_in_order_behind_a_position)
{
	struct bus *b = open_bus();
	make_stream(b);
	fill(b, 1, 501);
	struct bus_reader *r = open_reader(b, 0, 0), *late = open_reader(b, 490, 0);
	expect(r, 0, 500);
	expect(late, 490, 500);
	fill(b, 501, 601);
	expect(r, 500, 600);
	expect(late, 500, 600);
	bus_reader_close(r);
	bus_reader_close(late);
	bus_close(b);
}

TEST(a_full_inbox_holds_the_server_back_and_nothing_is_lost)
{
	struct bus *b = open_bus();
	make_stream(b);
	fill(b, 1, 20001);
	struct bus_reader *r = open_reader(b, 0, 100);
	CHECK_INT(bus_reader_wait(r, 100, 5000), 100);
	expect(r, 0, 20000);
	bus_reader_close(r);
	bus_close(b);
}

TEST(a_reader_that_stood_still_for_long_goes_on_where_it_was)
{
	struct bus *b = open_bus();
	make_stream(b);
	fill(b, 1, 2001);
	struct bus_reader *r = open_reader(b, 0, 100);
	CHECK_INT(bus_reader_wait(r, 100, 5000), 100);
	ahead_ms += 60000; /* the consumer is given up meanwhile */
	fill(b, 2001, 3001);
	expect(r, 0, 3000);
	bus_reader_close(r);
	bus_close(b);
}

TEST(a_full_reader_can_be_closed)
{
	struct bus *b = open_bus();
	make_stream(b);
	fill(b, 1, 2001);
	struct bus_reader *r = open_reader(b, 0, 10);
	CHECK_INT(bus_reader_wait(r, 10, 5000), 10);
	bus_reader_close(r);
	bus_close(b);
}

/* The broker sends messages before it says that the consumer is made: the answer then waits behind a full inbox. */
TEST(an_inbox_that_is_full_before_the_consumer_is_told_of_opens)
{
	struct bus *b = open_bus();
	make_stream(b);
	fill(b, 1, 2001);
	for (int i = 0; i < 100; i++) {
		struct bus_reader *r = open_reader(b, 0, 1);
		expect(r, 0, 2);
		bus_reader_close(r);
	}
	bus_close(b);
}

TEST(bytes_bound_a_batch_and_one_more_may_go_past_them)
{
	struct bus *b = open_bus();
	struct bus_delivery some[10];
	make_stream(b);
	for (int i = 0; i < 10; i++)
		store(b, "test.a", "0123456789");
	struct bus_reader *r = open_reader(b, 0, 0);
	CHECK_INT(bus_reader_wait(r, 10, 5000), 10);
	CHECK_INT(bus_reader_take(r, some, 10, 25), 3);
	CHECK_INT(bus_reader_take(r, some + 3, 10, SIZE_MAX), 7);
	for (size_t i = 0; i < 10; i++)
		bus_delivery_free(&some[i]);
	bus_reader_close(r);
	bus_close(b);
}

TEST(it_goes_on_after_the_server_was_away)
{
	struct bus *b = open_bus();
	make_stream(b);
	fill(b, 1, 1001);
	struct bus_reader *r = open_reader(b, 0, 0);
	expect(r, 0, 500);
	test_nats_kill(SIGKILL);
	test_nats_start();
	WAIT_FOR(bus_reconnects(b) == 1, "the reconnection");
	fill(b, 1001, 1201);
	expect(r, 500, 1200);
	bus_reader_close(r);
	bus_close(b);
}

TEST(waking_ends_a_wait)
{
	struct bus *b = open_bus();
	make_stream(b);
	struct bus_reader *r = open_reader(b, 0, 0);
	CHECK_INT(bus_reader_wait(r, 1, 20), 0);
	bus_reader_wake(r);
	CHECK_INT(bus_reader_wait(r, 1, 60000), 0);
	bus_reader_close(r);
	bus_close(b);
}

TEST(a_stream_that_is_not_there_is_an_error)
{
	struct bus *b = open_bus();
	struct bus_reader *r;
	struct err err;
	CHECK_STATUS(bus_reader_open(b, &(struct bus_reader_options){.stream = "NONE"}, &r, &err), STATUS_NOT_FOUND);
	bus_close(b);
}
