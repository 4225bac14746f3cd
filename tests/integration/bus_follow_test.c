/* Following streams in order, through gaps, silence and restarts. */
#include <signal.h>
#include <string.h>

#include "bus/kv.h"
#include "tests/integration/bus_played_server.h"

#define MANY 20000

static struct bus *bus;
static struct bus_follow *follow;
static atomic_long received;
static atomic_int caught_up, received_when_caught_up;
static uint64_t previous;
static char last[64];
static size_t bytes;

static void on_message(void *arg, const struct bus_in *m, uint64_t sequence, int64_t stored_ms)
{
	(void)arg;
	CHECK_MSG(sequence > previous, "%llu after %llu", (unsigned long long)sequence, (unsigned long long)previous);
	CHECK(stored_ms > 0);
	previous = sequence;
	snprintf(last, sizeof last, "%.*s=%.*s", SPAN_ARG(m->subject), SPAN_ARG(m->data));
	bytes += m->data.n;
	received++;
}

static void on_caught_up(void *arg)
{
	(void)arg;
	received_when_caught_up = (int)received;
	caught_up++;
}

static void open_follow(struct bus_follow_options o)
{
	struct err err;
	o.stream = "TEST";
	o.message = on_message;
	o.caught_up = on_caught_up;
	CHECK_OK(bus_follow_open(bus, &o, &follow, &err), err);
}

static void begin(void)
{
	bus = open_bus();
	make_stream(bus);
}

static void end(void)
{
	bus_follow_close(follow);
	bus_close(bus);
}

static void fill(int n, size_t size)
{
	static char data[4096];
	struct err err;
	for (int i = 0; i < n; i++)
		CHECK_OK(bus_store(bus, &(struct bus_out){.subject = "test.a", .data = span_of(data, size)}, 0, BUS_BLOCK, NULL,
		                   NULL, &err),
		         err);
	CHECK_OK(bus_store_drain(bus, 20000, &err), err);
}

TEST(everything_comes_in_order_and_then_what_is_new)
{
	begin();
	fill(100, 10);
	open_follow((struct bus_follow_options){0});
	WAIT_FOR(caught_up, "what was there");
	CHECK_INT(received_when_caught_up, 100);
	store(bus, "test.b", "new");
	WAIT_FOR(received == 101, "the new one");
	CHECK(strcmp(last, "test.b=new") == 0);
	CHECK_INT(caught_up, 1);
	end();
}

TEST(an_empty_stream_is_caught_up_with_at_once)
{
	begin();
	open_follow((struct bus_follow_options){0});
	WAIT_FOR(caught_up, "the news");
	CHECK_INT(received, 0);
	end();
}

TEST(only_what_the_filter_lets_through_and_what_is_new_comes)
{
	begin();
	store(bus, "test.a", "old");
	open_follow((struct bus_follow_options){.filter = "test.a", .new_only = true});
	WAIT_FOR(caught_up, "the start");
	store(bus, "test.b", "other");
	store(bus, "test.a", "new");
	WAIT_FOR(received == 1, "the new one");
	CHECK(strcmp(last, "test.a=new") == 0);
	end();
}

TEST(the_last_of_each_subject_comes_first)
{
	begin();
	for (int i = 0; i < 5; i++) {
		store(bus, "test.a", "a");
		store(bus, "test.b", "b");
	}
	open_follow((struct bus_follow_options){.last_per_subject = true});
	WAIT_FOR(caught_up, "what was there");
	CHECK_INT(received, 2);
	CHECK_INT(previous, 10);
	end();
}

TEST(headers_alone_leave_payloads_out)
{
	begin();
	fill(3, 1000);
	open_follow((struct bus_follow_options){.headers_only = true});
	WAIT_FOR(caught_up, "what was there");
	CHECK_INT(received, 3);
	CHECK_INT(bytes, 0);
	end();
}

TEST(a_long_stream_passes_the_servers_flow_control)
{
	begin();
	fill(MANY, 2000);
	open_follow((struct bus_follow_options){0});
	WAIT_FOR(received == MANY, "all of it");
	WAIT_FOR(caught_up, "the end");
	CHECK_INT(previous, MANY);
	end();
}

TEST(a_killed_server_neither_skips_nor_repeats_anything)
{
	begin();
	fill(MANY / 2, 500);
	open_follow((struct bus_follow_options){0});
	WAIT_FOR(received > MANY / 8, "a part");
	test_nats_kill(SIGKILL);
	test_nats_start();
	fill(MANY / 2, 500);
	WAIT_FOR(received == MANY, "all of it");
	CHECK_INT(previous, MANY);
	CHECK_INT(caught_up, 1);
	end();
}

TEST(what_came_while_away_is_not_missed_by_those_who_want_only_what_is_new)
{
	struct bus *other;
	begin();
	store(bus, "test.a", "old");
	open_follow((struct bus_follow_options){.new_only = true});
	WAIT_FOR(caught_up, "the start");
	test_nats_kill(SIGKILL);
	WAIT_FOR(!bus_is_connected(bus), "the loss to be noticed");
	test_nats_start();
	other = open_bus();
	store(other, "test.a", "missed");
	WAIT_FOR(received == 1, "the message");
	CHECK(strcmp(last, "test.a=missed") == 0);
	bus_close(other);
	end();
}

/* From here on the stream is played. */
static atomic_int made;
static char answer_to[128], deliver_to[128], config[1024];

static void on_publish(const char *subject, const char *reply, struct span data)
{
	struct json doc, d;
	struct err err;
	scoped_arena a = {0};
	if (strcmp(subject, "$JS.API.CONSUMER.CREATE.TEST") != 0)
		return;
	CHECK_OK(json_parse(data, &doc, &err), err);
	CHECK(json_pointer(doc, "/config/deliver_subject", &d));
	CHECK(span_copy(json_text(d, &a), deliver_to, sizeof deliver_to));
	CHECK(span_copy(data, config, sizeof config));
	snprintf(answer_to, sizeof answer_to, "%s", reply);
	played_send(answer_to, answer_to, NULL, NULL,
	            "{\"name\":\"c\",\"num_pending\":3,\"delivered\":{\"consumer_seq\":0,\"stream_seq\":0}}");
	made++;
}

static void deliver(const char *ack)
{
	played_send(deliver_to, "test.a", ack, NULL, "x");
}

TEST(a_gap_is_read_again_from_where_it_began)
{
	bus = played_open(on_publish);
	open_follow((struct bus_follow_options){0});
	CHECK_HAS(config, "\"deliver_policy\":\"all\"");
	deliver("$JS.ACK.TEST.c.1.11.1.1700000000000000000.9");
	WAIT_FOR(received == 1, "the first");
	deliver("$JS.ACK.TEST.c.1.13.3.1700000000000000000.9");
	deliver("$JS.ACK.TEST.c.1.14.4.1700000000000000000.9");
	WAIT_FOR(made == 2, "a second consumer");
	CHECK_HAS(config, "\"opt_start_seq\":12");
	CHECK_INT(received, 1);
	deliver("$JS.ACK.TEST.c.1.12.1.1700000000000000000.9");
	deliver("$JS.ACK.TEST.c.1.13.2.1700000000000000000.9");
	WAIT_FOR(received == 3, "what was missing");
	CHECK_INT(caught_up, 0);
	deliver("$JS.ACK.TEST.c.1.14.3.1700000000000000000.9");
	WAIT_FOR(caught_up == 1, "as many as there were");
	bus_follow_close(follow);
	played_close(bus);
}

TEST(a_heartbeat_that_tells_of_more_than_came_means_a_gap)
{
	bus = played_open(on_publish);
	open_follow((struct bus_follow_options){0});
	deliver("$JS.ACK.TEST.c.1.11.1.1700000000000000000.9");
	played_send(deliver_to, deliver_to, NULL, " 100 Idle Heartbeat\r\nNats-Last-Consumer: 1\r\nNats-Last-Stream: 11",
	            "");
	WAIT_FOR(caught_up == 1, "an idle stream to count as read");
	CHECK_INT(made, 1);
	played_send(deliver_to, deliver_to, NULL, " 100 Idle Heartbeat\r\nNats-Last-Consumer: 2\r\nNats-Last-Stream: 12",
	            "");
	WAIT_FOR(made == 2, "a second consumer");
	CHECK_HAS(config, "\"opt_start_seq\":12");
	bus_follow_close(follow);
	played_close(bus);
}

TEST(silence_makes_a_new_consumer)
{
	bus = played_open(on_publish);
	open_follow((struct bus_follow_options){0});
	WAIT_FOR(time_passes() && made == 2, "a second consumer");
	CHECK_HAS(config, "\"deliver_policy\":\"all\"");
	bus_follow_close(follow);
	played_close(bus);
}
