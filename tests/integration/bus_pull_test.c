/* Pulling from consumers, real ones and ones played by the test to say what a real one says only on a bad day. */
#include <signal.h>

#include "bus/pull.h"
#include "bus/topology.h"
#include "tests/integration/bus_played_server.h"

#define STREAM_MESSAGES 20000

static atomic_long delivered, redelivered;
static atomic_int times[STREAM_MESSAGES + 1];
static atomic_int acks_off;
static struct bus *bus;
static struct bus_pull *pull;

/* Takes one delivery: counts, acknowledges unless told not to. A server that was killed takes no acknowledgement. */
static void take(void *arg, struct bus_delivery *d)
{
	struct err err;
	size_t again = arg ? *(const size_t *)arg : 0;
	CHECK(d->stream_sequence <= STREAM_MESSAGES);
	times[d->stream_sequence]++;
	redelivered += d->delivered > 1;
	if (!acks_off && bus_ack(bus, d->in.reply, &err) != STATUS_OK)
		CHECK_STATUS(err.status, STATUS_UNAVAILABLE);
	bus_delivery_free(d);
	delivered++;
	if (again)
		bus_pull_want(pull, again);
}

static void open_pull(size_t *again)
{
	struct err err;
	CHECK_OK(bus_pull_open(bus, "TEST", "C", take, again, &pull, &err), err);
}

static void fill(int n)
{
	struct err err;
	for (int i = 0; i < n; i++)
		CHECK_OK(bus_store(bus, &(struct bus_out){.subject = "test.a", .data = SPAN("work")}, 0, BUS_BLOCK, NULL, NULL,
		                   &err),
		         err);
	CHECK_OK(bus_store_drain(bus, 10000, &err), err);
}

static struct bus_consumer_state consumer(void)
{
	struct bus_consumer_state s;
	struct err err;
	CHECK_OK(bus_consumer_state(bus, "TEST", "C", &s, &err), err);
	return s;
}

static void begin(void)
{
	bus = open_bus();
	make_stream(bus);
	make_consumer(bus);
}

static void end(void)
{
	bus_pull_close(pull);
	bus_close(bus);
}

TEST(only_as_many_messages_come_as_were_wanted)
{
	begin();
	fill(10);
	open_pull(NULL);
	CHECK_INT(delivered, 0);
	bus_pull_want(pull, 4);
	WAIT_FOR(delivered == 4, "four messages");
	CHECK_INT(bus_pull_wanted(pull), 0);
	CHECK_INT(consumer().waiting, 6);
	bus_pull_want(pull, 2);
	bus_pull_want(pull, 7);
	WAIT_FOR(delivered == 10, "the rest");
	CHECK_INT(bus_pull_wanted(pull), 3);
	store(bus, "test.a", "late");
	WAIT_FOR(delivered == 11, "the late one");
	WAIT_FOR(consumer().ack_pending == 0, "the acknowledgements");
	CHECK_INT(redelivered, 0);
	end();
}

static struct bus_delivery kept[4];
static atomic_int kept_n;
static void keep(void *arg, struct bus_delivery *d)
{
	(void)arg;
	kept[kept_n] = *d;
	kept_n++;
}

TEST(a_delivery_tells_its_place_and_keeps_its_payload)
{
	begin();
	struct err err;
	const struct bus_header h = {"Gannet-Run", SPAN("2")};
	int64_t from_ms = clock_wall_ms(&clock_system);
	CHECK_OK(bus_store_wait(
	             bus, &(struct bus_out){.subject = "test.x.y", .data = SPAN("payload"), .headers = &h, .headers_n = 1},
	             0, NULL, &err),
	         err);
	fill(2);
	CHECK_OK(bus_pull_open(bus, "TEST", "C", keep, NULL, &pull, &err), err);
	bus_pull_want(pull, 1);
	WAIT_FOR(kept_n == 1, "the message");
	CHECK_SPAN(kept[0].in.subject, "test.x.y");
	CHECK_SPAN(kept[0].in.data, "payload");
	CHECK_SPAN(bus_in_header(&kept[0].in, "Gannet-Run"), "2");
	CHECK_INT(kept[0].stream_sequence, 1);
	CHECK_INT(kept[0].consumer_sequence, 1);
	CHECK_INT(kept[0].delivered, 1);
	CHECK_INT(kept[0].pending, 2);
	CHECK(kept[0].stored_ms >= from_ms && kept[0].stored_ms <= clock_wall_ms(&clock_system) + 1);
	bus_delivery_free(&kept[0]);
	end();
}

TEST(nak_brings_a_message_back_after_its_delay_and_term_never)
{
	begin();
	struct err err;
	fill(1);
	CHECK_OK(bus_pull_open(bus, "TEST", "C", keep, NULL, &pull, &err), err);
	bus_pull_want(pull, 4);
	WAIT_FOR(kept_n == 1, "the message");
	CHECK_OK(bus_nak(bus, kept[0].in.reply, 0, &err), err);
	WAIT_FOR(kept_n == 2, "the second delivery");
	CHECK_INT(kept[1].delivered, 2);
	int64_t from_ms = clock_mono_ms(&clock_system);
	CHECK_OK(bus_nak(bus, kept[1].in.reply, 300, &err), err);
	WAIT_FOR(kept_n == 3, "the third delivery");
	CHECK_MSG(clock_mono_ms(&clock_system) - from_ms >= 290, "came back before its delay");
	CHECK_OK(bus_in_progress(bus, kept[2].in.reply, &err), err);
	CHECK_OK(bus_term(bus, kept[2].in.reply, &err), err);
	WAIT_FOR(consumer().ack_pending == 0, "the end of it");
	CHECK_INT(kept_n, 3);
	for (int i = 0; i < 3; i++)
		bus_delivery_free(&kept[i]);
	CHECK_STATUS(bus_ack(bus, SPAN(""), &err), STATUS_INVALID);
	end();
}

TEST(a_consumer_that_is_created_later_is_found)
{
	bus = open_bus();
	make_stream(bus);
	fill(5);
	open_pull(NULL);
	bus_pull_want(pull, 5);
	make_consumer(bus);
	/* Nobody says that there is no such consumer: only silence tells. */
	WAIT_FOR(time_passes() && delivered == 5, "the messages");
	end();
}

TEST(a_deleted_consumer_is_asked_again_once_it_is_back)
{
	begin();
	open_pull(NULL);
	bus_pull_want(pull, 5);
	struct err err;
	CHECK_OK(bus_flush(bus, 2000, &err), err);
	api(bus, "CONSUMER.DELETE.TEST.C", "");
	make_consumer(bus);
	fill(5);
	WAIT_FOR(delivered == 5, "the messages");
	CHECK_INT(bus_pull_wanted(pull), 0);
	end();
}

TEST(after_stop_nothing_more_is_asked_for)
{
	begin();
	open_pull(NULL);
	bus_pull_want(pull, 100);
	fill(3);
	WAIT_FOR(delivered == 3, "the messages");
	bus_pull_stop(pull, NULL, NULL);
	bus_pull_want(pull, 10);
	struct err err;
	CHECK_OK(bus_flush(bus, 2000, &err), err);
	WAIT_FOR(consumer().ack_pending == 0, "the acknowledgements");
	fill(3);
	CHECK_INT(consumer().waiting, 3);
	end();
	CHECK_INT(delivered, 3);
}

static void count_left(void *arg)
{
	atomic_fetch_add((atomic_int *)arg, 1);
}

#define KEPT 3

/* That it may not otherwise takes a broker that is slow just then: rolling_test. */
TEST(what_is_handed_back_after_the_broker_noted_that_we_left_goes_to_the_next)
{
	atomic_int left = 0;
	struct err err;
	begin();
	CHECK_OK(bus_pull_open(bus, "TEST", "C", keep, NULL, &pull, &err), err);
	bus_pull_want(pull, 100);
	fill(KEPT);
	WAIT_FOR(kept_n == KEPT, "the messages");
	bus_pull_stop(pull, count_left, &left);
	WAIT_FOR(atomic_load(&left) == 1, "the answer");
	for (size_t i = 0; i < KEPT; i++) {
		CHECK_OK(bus_nak(bus, kept[i].in.reply, 0, &err), err);
		bus_delivery_free(&kept[i]);
	}
	CHECK_OK(bus_flush(bus, 5000, &err), err);
	bus_pull_close(pull);
	CHECK_INT(atomic_load(&left), 1);
	open_pull(NULL);
	bus_pull_want(pull, KEPT);
	WAIT_FOR(redelivered == KEPT, "what was handed back");
	end();
}

TEST(a_broker_that_does_not_say_so_holds_nobody_up)
{
	atomic_int left = 0;
	begin();
	open_pull(NULL);
	test_nats_kill(SIGKILL);
	WAIT_FOR(!bus_is_connected(bus), "the loss of the connection");
	bus_pull_stop(pull, count_left, &left);
	CHECK_INT(atomic_load(&left), 1);
	end();
	CHECK_INT(atomic_load(&left), 1);
}

static void *fill_all(void *arg)
{
	(void)arg;
	struct err err;
	for (int i = 0; i < STREAM_MESSAGES; i++) {
		char id[32];
		snprintf(id, sizeof id, "n-%d", i);
		const struct bus_header h = {"Nats-Msg-Id", span_from(id)};
		const struct bus_out m = {.subject = "test.a", .headers = &h, .headers_n = 1};
		CHECK_OK(bus_store(bus, &m, 0, BUS_BLOCK, NULL, NULL, &err), err);
	}
	return NULL;
}

static size_t seen_of_all(void)
{
	size_t n = 0;
	for (size_t i = 1; i <= STREAM_MESSAGES; i++)
		n += times[i] > 0;
	return n;
}

TEST(a_stream_of_messages_goes_on_after_the_server_was_killed)
{
	bus = open_bus();
	make_stream(bus);
	/* What was delivered and not acknowledged at the kill comes again after this time. */
	api(bus, "CONSUMER.DURABLE.CREATE.TEST.C",
	    "{\"stream_name\":\"TEST\",\"config\":{\"durable_name\":\"C\",\"ack_policy\":\"explicit\",\"ack_wait\":"
	    "2000000000,"
	    "\"max_ack_pending\":65536,\"max_deliver\":-1}}");
	pthread_t thread;
	size_t one = 1;
	open_pull(&one);
	bus_pull_want(pull, 256);
	CHECK(pthread_create(&thread, NULL, fill_all, NULL) == 0);
	for (int part = 1; part <= 2; part++) {
		WAIT_FOR(delivered > part * STREAM_MESSAGES / 4, "a part of the messages");
		test_nats_kill(SIGKILL);
		test_nats_start();
	}
	CHECK(pthread_join(thread, NULL) == 0);
	WAIT_FOR(seen_of_all() == STREAM_MESSAGES, "every message");
	WAIT_FOR(consumer().ack_pending == 0 && consumer().waiting == 0, "the acknowledgements");
	CHECK_INT(bus_reconnects(bus), 2);
	CHECK_MSG(bus_pull_wanted(pull) == 256, "%zu credits are open", bus_pull_wanted(pull));
	end();
}

/* From here on the consumer is played. */
static atomic_int requests;
static char request_reply[2][128];
static int64_t request_batch[2];

static void on_publish(const char *subject, const char *reply, struct span data)
{
	struct json doc, batch;
	struct err err;
	if (strcmp(subject, "$JS.API.CONSUMER.MSG.NEXT.TEST.C") != 0 || strstr(reply, ".left"))
		return;
	CHECK_OK(json_parse(data, &doc, &err), err);
	CHECK(json_member(doc, SPAN("expires"), &batch) && json_member(doc, SPAN("idle_heartbeat"), &batch));
	CHECK(json_member(doc, SPAN("batch"), &batch) && json_i64(batch, &request_batch[requests % 2]));
	snprintf(request_reply[requests % 2], sizeof request_reply[0], "%s", reply);
	requests++;
}

static void play(void)
{
	bus = played_open(on_publish);
	acks_off = 1;
	open_pull(NULL);
}

static void end_play(void)
{
	bus_pull_close(pull);
	played_close(bus);
}

static void deliver(const char *to, const char *ack)
{
	played_send(to, "test.a", ack, NULL, "work");
}

static void say(const char *to, const char *status)
{
	played_send(to, to, NULL, status, "");
}

TEST(small_wants_are_merged_into_few_requests)
{
	play();
	for (int i = 0; i < 1000; i++)
		bus_pull_want(pull, 1);
	struct err err;
	CHECK_OK(bus_flush(bus, 2000, &err), err);
	WAIT_FOR(requests > 0, "requests");
	CHECK_MSG(requests <= 10, "%d requests for 1000 messages", (int)requests);
	end_play();
}

TEST(what_an_expired_request_still_owed_is_asked_for_again)
{
	play();
	bus_pull_want(pull, 10);
	WAIT_FOR(requests == 1, "the request");
	CHECK_INT(request_batch[0], 10);
	for (int i = 1; i <= 4; i++)
		deliver(request_reply[0], "$JS.ACK.TEST.C.1.5.5.1700000000000000000.0");
	WAIT_FOR(delivered == 4, "four deliveries");
	CHECK_INT(bus_pull_wanted(pull), 6);
	say(request_reply[0], " 408 Request Timeout\r\nNats-Pending-Messages: 6\r\nNats-Pending-Bytes: 0");
	WAIT_FOR(requests == 2, "the next request");
	CHECK_INT(request_batch[1], 6);
	CHECK_INT(bus_pull_wanted(pull), 6);
	end_play();
}

TEST(acknowledgement_subjects_with_domain_and_account_are_understood)
{
	play();
	bus_pull_want(pull, 2);
	WAIT_FOR(requests == 1, "the request");
	deliver(request_reply[0], "$JS.ACK.hub.ACCHASH.TEST.C.3.77.12.1700000000000000000.9.rand");
	deliver(request_reply[0], "$JS.ACK._.ACCHASH.TEST.C.1.78.13.1700000000000000000.8");
	WAIT_FOR(delivered == 2, "both deliveries");
	CHECK_INT(times[77], 1);
	CHECK_INT(times[78], 1);
	CHECK_INT(redelivered, 1);
	end_play();
}

TEST(refused_requests_are_repeated_after_a_while_only)
{
	play();
	bus_pull_want(pull, 8);
	WAIT_FOR(requests == 1, "the request");
	int64_t from_ms = clock_mono_ms(&clock_system);
	say(request_reply[0], " 409 Exceeded MaxWaiting");
	WAIT_FOR(requests == 2, "the second request");
	CHECK(clock_mono_ms(&clock_system) - from_ms >= 240);
	CHECK_INT(request_batch[1], 8);
	say(request_reply[1], " 409 Leadership Change");
	WAIT_FOR(requests == 3, "the third request");
	CHECK_INT(request_batch[0], 8);
	/* Another word for requests that are void already changes nothing. */
	say(request_reply[1], " 409 Leadership Change");
	say(request_reply[0], " 408 Request Timeout\r\nNats-Pending-Messages: 8\r\nNats-Pending-Bytes: 0");
	WAIT_FOR(requests == 4, "the fourth request");
	CHECK_INT(request_batch[1], 8);
	end_play();
}

TEST(silence_is_answered_by_asking_anew_elsewhere)
{
	play();
	bus_pull_want(pull, 8);
	WAIT_FOR(requests == 1, "the request");
	ahead_ms += BUS_PULL_HEARTBEAT_MS;
	say(request_reply[0], " 100 Idle Heartbeat\r\nNats-Last-Consumer: 0\r\nNats-Last-Stream: 0");
	deliver(request_reply[0], "$JS.ACK.TEST.C.1.5.5.1700000000000000000.0");
	WAIT_FOR(delivered == 1, "the delivery");
	WAIT_FOR(time_passes() && requests == 2, "a request after silence");
	CHECK_INT(request_batch[1], 7);
	CHECK(strcmp(request_reply[0], request_reply[1]) != 0);
	deliver(request_reply[1], "$JS.ACK.TEST.C.1.6.6.1700000000000000000.0");
	WAIT_FOR(delivered == 2, "a delivery to the new place");
	end_play();
}

TEST(a_message_that_is_no_delivery_is_ignored)
{
	play();
	bus_pull_want(pull, 1);
	WAIT_FOR(requests == 1, "the request");
	deliver(request_reply[0], "some.reply");
	deliver(request_reply[0], "$JS.ACK.TEST.C.x.5.5.1.0");
	deliver(request_reply[0], "$JS.ACK.TEST.C.1.5.5.1700000000000000000.0");
	WAIT_FOR(delivered == 1, "the delivery");
	CHECK_INT(bus_pull_wanted(pull), 0);
	end_play();
}
