/* The suite's streams, buckets and consumers: created once, verified always, changed never. */
#include <pthread.h>
#include <string.h>

#include "bus/kv.h"
#include "bus/pull.h"
#include "bus/reader.h"
#include "bus/topology.h"
#include "tests/integration/bus_helpers.h"

static struct bus *bus;

static void ensure_all(struct bus *b)
{
	struct err err;
	for (const char *const *name = bus_topology_names; *name; name++)
		CHECK_OK(bus_topology_ensure(b, *name, &bus_limits_default, &err), err);
	CHECK_OK(bus_topology_ensure_kind(b, "llm", &bus_limits_default, &err), err);
}

static void *ensure_in_thread(void *arg)
{
	ensure_all(arg);
	return NULL;
}

TEST(everything_is_created_and_found_again)
{
	bus = open_bus();
	ensure_all(bus);
	ensure_all(bus);
	bus_close(bus);
}

TEST(several_services_may_create_it_at_once)
{
	pthread_t threads[4];
	struct bus *buses[4];
	for (size_t i = 0; i < countof(threads); i++)
		buses[i] = open_bus();
	for (size_t i = 0; i < countof(threads); i++)
		CHECK(pthread_create(&threads[i], NULL, ensure_in_thread, buses[i]) == 0);
	for (size_t i = 0; i < countof(threads); i++) {
		CHECK(pthread_join(threads[i], NULL) == 0);
		bus_close(buses[i]);
	}
}

TEST(a_foreign_stream_on_our_subjects_is_said_to_be_in_the_way)
{
	struct err err;
	bus = open_bus();
	api(bus, "STREAM.CREATE.FOREIGN", "{\"name\":\"FOREIGN\",\"subjects\":[\"gannet.*.findings.>\"],\"storage\":\"file\"}");
	CHECK_STATUS(bus_topology_ensure(bus, STREAM_FINDINGS, &bus_limits_default, &err), STATUS_INVALID);
	CHECK_HAS(err.msg, "STREAM.CREATE.FINDINGS: subjects overlap");
	CHECK(!err.retryable);
	bus_close(bus);
}

TEST(it_is_the_same_after_a_restart_of_the_server)
{
	bus = open_bus();
	ensure_all(bus);
	test_nats_kill(15);
	test_nats_start();
	WAIT_FOR(bus_reconnects(bus) == 1, "the reconnection");
	ensure_all(bus);
	bus_close(bus);
}

TEST(a_stream_that_differs_is_a_conflict_that_names_the_difference_and_nothing_is_changed)
{
	struct err err;
	struct bus_limits limits = bus_limits_default;
	bus = open_bus();
	CHECK_OK(bus_topology_ensure(bus, STREAM_EVENTS, &limits, &err), err);
	limits.events_max_bytes = 1 << 20;
	CHECK_STATUS(bus_topology_ensure(bus, STREAM_EVENTS, &limits, &err), STATUS_CONFLICT);
	CHECK(strcmp(err.field, "max_bytes") == 0);
	CHECK_HAS(err.msg, "stream EVENTS");
	CHECK_HAS(err.msg, "max_bytes -1");
	CHECK_HAS(err.msg, "1048576");
	CHECK(!err.retryable);
	CHECK_OK(bus_topology_ensure(bus, STREAM_EVENTS, &bus_limits_default, &err), err);
	bus_close(bus);
}

TEST(every_kind_of_difference_is_noticed)
{
	static const char ticks[] = "\"subjects\":[\"gannet.tick.*\",\"gannet.tick.jobs.*\"]";
	static const char delayed[] = "\"subjects\":[\"gannet.*.jobs.delayed.*.*.*.*\"]";
	static const char jobs[] = "\"subjects\":[\"gannet.*.jobs.submit.*.*\",\"gannet.*.jobs.overflow.*.*.*\"],"
	                           "\"retention\":\"workqueue\",\"discard\":\"new\"";
	static const struct {
		const char *name, *common, *own, *field;
	} cases[] = {
	    {STREAM_TICKS, ticks, ",\"retention\":\"limits\"", "retention"},
	    {STREAM_TICKS, ticks, ",\"retention\":\"workqueue\"", "max_age"},
	    {STREAM_DELAYED, "\"subjects\":[\"gannet.*.jobs.delayed.>\"]", "", "subjects"},
	    {STREAM_DELAYED, delayed, ",\"storage\":\"memory\"", "storage"},
	    {STREAM_DELAYED, delayed, ",\"discard\":\"old\"", "discard"},
	    {STREAM_JOBS, jobs, "", "allow_direct"},
	    {STREAM_JOBS, jobs, ",\"allow_direct\":true", "republish"},
	    {STREAM_JOBS, jobs,
	     ",\"allow_direct\":true,\"republish\":{\"src\":\"gannet.*.jobs.submit.*.*\",\"dest\":\"elsewhere.{{wildcard(1)"
	     "}}.{{wildcard(2)}}.{{wildcard(3)}}\"}",
	     "republish"},
	};
	struct err err;
	bus = open_bus();
	for (size_t i = 0; i < countof(cases); i++) {
		char subject[64], body[512];
		snprintf(body, sizeof body, "{\"name\":\"%s\",\"duplicate_window\":120000000000,%s%s}", cases[i].name,
		         cases[i].common, cases[i].own);
		snprintf(subject, sizeof subject, "STREAM.CREATE.%s", cases[i].name);
		api(bus, subject, body);
		CHECK_STATUS(bus_topology_ensure(bus, cases[i].name, &bus_limits_default, &err), STATUS_CONFLICT);
		CHECK_MSG(strcmp(err.field, cases[i].field) == 0, "case %zu: field %s: %s", i, err.field, err.msg);
		snprintf(subject, sizeof subject, "STREAM.DELETE.%s", cases[i].name);
		api(bus, subject, "");
	}
	bus_close(bus);
}

TEST(a_consumer_that_differs_is_a_conflict)
{
	struct err err;
	bus = open_bus();
	CHECK_OK(bus_topology_ensure(bus, STREAM_JOBS, &bus_limits_default, &err), err);
	api(bus, "CONSUMER.DURABLE.CREATE.JOBS.llm_high",
	    "{\"stream_name\":\"JOBS\",\"config\":{\"durable_name\":\"llm_high\",\"ack_policy\":\"explicit\",\"ack_wait\":"
	    "5000000000,"
	    "\"filter_subject\":\"gannet.*.jobs.submit.llm.high\",\"max_deliver\":-1}}");
	CHECK_STATUS(bus_topology_ensure_kind(bus, "llm", &bus_limits_default, &err), STATUS_CONFLICT);
	CHECK(strcmp(err.field, "ack_wait") == 0);
	CHECK_HAS(err.msg, "llm_high");
	bus_close(bus);
}

TEST(names_that_are_none_are_refused)
{
	struct err err;
	bus = open_bus();
	CHECK_STATUS(bus_topology_ensure(bus, "NOSUCH", &bus_limits_default, &err), STATUS_INVALID);
	CHECK_STATUS(bus_topology_ensure_kind(bus, "Not a kind", &bus_limits_default, &err), STATUS_INVALID);
	CHECK(strcmp(err.field, "kind") == 0);
	CHECK_STATUS(bus_topology_ensure_kind(bus, "llm", &bus_limits_default, &err), STATUS_NOT_FOUND);
	bus_close(bus);
}

static struct bus_delivery kept[4];
static atomic_int kept_n;
static void keep(void *arg, struct bus_delivery *d)
{
	(void)arg;
	kept[kept_n] = *d;
	kept_n++;
}

TEST(a_submission_waits_for_its_kind_and_is_seen_among_the_events)
{
	struct err err;
	struct bus_pull *jobs;
	struct bus_reader *events;
	bus = open_bus();
	ensure_all(bus);
	const struct bus_header h = {"traceparent", SPAN("00-1-2-01")};
	const struct bus_out m = {.subject = "gannet.acme.jobs.submit.llm.high",
	                          .data = SPAN("{\"model\":\"m\"}"),
	                          .headers = &h,
	                          .headers_n = 1};
	struct bus_stored stored;
	CHECK_OK(bus_store_wait(bus, &m, 0, &stored, &err), err);
	CHECK_OK(bus_pull_open(bus, STREAM_JOBS, "llm_high", keep, NULL, &jobs, &err), err);
	bus_pull_want(jobs, 1);
	WAIT_FOR(kept_n == 1, "the job");
	CHECK_SPAN(kept[0].in.subject, "gannet.acme.jobs.submit.llm.high");
	CHECK_INT(kept[0].stream_sequence, stored.sequence);
	const struct bus_reader_options all = {.stream = STREAM_EVENTS};
	CHECK_OK(bus_reader_open(bus, &all, &events, &err), err);
	WAIT_FOR(bus_reader_wait(events, 1, 100) == 1 && bus_reader_take(events, &kept[1], 1, SIZE_MAX) == 1, "the event");
	CHECK_SPAN(kept[1].in.subject, "gannet.acme.jobs.event.queued.llm.high");
	CHECK_SPAN(kept[1].in.data, "{\"model\":\"m\"}");
	CHECK_SPAN(bus_in_header(&kept[1].in, "Nats-Stream"), "JOBS");
	CHECK_SPAN(bus_in_header(&kept[1].in, "Nats-Subject"), "gannet.acme.jobs.submit.llm.high");
	CHECK_SPAN(bus_in_header(&kept[1].in, "Nats-Sequence"), "1");
	CHECK_SPAN(bus_in_header(&kept[1].in, "traceparent"), "00-1-2-01");
	struct bus_consumer_state s;
	CHECK_OK(bus_consumer_state(bus, STREAM_JOBS, "llm_high", &s, &err), err);
	CHECK_INT(s.ack_pending, 1);
	CHECK_OK(bus_ack(bus, kept[0].in.reply, &err), err);
	struct bus_stream_state state;
	WAIT_FOR(bus_stream_state(bus, STREAM_JOBS, &state, &err) == STATUS_OK && state.messages == 0,
	         "the queue to be empty");
	CHECK_INT(state.last_sequence, 1);
	bus_delivery_free(&kept[0]);
	bus_delivery_free(&kept[1]);
	bus_pull_close(jobs);
	bus_reader_close(events);
	bus_close(bus);
}

TEST(one_turn_of_a_schedule_is_stored_once)
{
	struct err err;
	struct bus_stored stored;
	bus = open_bus();
	CHECK_OK(bus_topology_ensure(bus, STREAM_TICKS, &bus_limits_default, &err), err);
	const struct bus_header h = {"Nats-Msg-Id", SPAN("cleanup:2026-01-01")};
	const struct bus_out m = {.subject = "gannet.tick.jobs", .headers = &h, .headers_n = 1};
	CHECK_OK(bus_store_wait(bus, &m, 0, &stored, &err), err);
	CHECK(!stored.duplicate);
	CHECK_OK(bus_store_wait(bus, &m, 0, &stored, &err), err);
	CHECK(stored.duplicate);
	struct bus_consumer_state s;
	CHECK_OK(bus_consumer_state(bus, STREAM_TICKS, CONSUMER_TICKS_JOBS, &s, &err), err);
	CHECK_INT(s.waiting, 1);
	bus_close(bus);
}

static uint64_t counted, counted_subjects;
static void count(void *arg, struct span subject, uint64_t messages)
{
	(void)arg;
	CHECK(span_is(subject, "test.other") || span_starts(subject, SPAN("test.k")));
	counted += messages;
	counted_subjects++;
}

TEST(a_stream_tells_its_state_and_its_subjects)
{
	struct err err;
	struct bus_stream_state s;
	int64_t from_ms = clock_wall_ms(&clock_system);
	bus = open_bus();
	make_stream(bus);
	for (int i = 0; i < 250; i++) {
		char subject[32];
		snprintf(subject, sizeof subject, "test.k%d", i % 100);
		store(bus, subject, "x");
	}
	store(bus, "test.other", "x");
	CHECK_OK(bus_stream_state(bus, "TEST", &s, &err), err);
	CHECK_INT(s.messages, 251);
	CHECK_INT(s.first_sequence, 1);
	CHECK_INT(s.last_sequence, 251);
	CHECK(s.bytes > 251 && s.created_ms >= from_ms - 1 && s.created_ms <= clock_wall_ms(&clock_system) + 1);
	CHECK_OK(bus_stream_subjects(bus, "TEST", "test.*", count, NULL, &err), err);
	CHECK_INT(counted, 251);
	CHECK_INT(counted_subjects, 101);
	CHECK_OK(bus_stream_subjects(bus, "TEST", "test.k7", count, NULL, &err), err);
	CHECK_INT(counted, 254);
	bus_close(bus);
}

TEST(what_does_not_exist_is_not_found)
{
	struct err err;
	struct bus_stream_state s;
	struct bus_consumer_state c;
	bus = open_bus();
	CHECK_STATUS(bus_stream_state(bus, "NONE", &s, &err), STATUS_NOT_FOUND);
	make_stream(bus);
	CHECK_STATUS(bus_consumer_state(bus, "TEST", "NONE", &c, &err), STATUS_NOT_FOUND);
	bus_close(bus);
}
