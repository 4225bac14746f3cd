/* What the tests of the bus share: buses of their own, streams for them, and a clock that can be put forward. */
#ifndef GANNET_TESTS_BUS_HELPERS_H
#define GANNET_TESTS_BUS_HELPERS_H

#include <stdatomic.h>
#include <stdio.h>

#include "bus/store.h"
#include "json/json.h"
#include "tests/lib/servers.h"

/* Runs with the system's clock, `ahead_ms` before it. */
static _Atomic int64_t ahead_ms;

static inline int64_t ahead_wall(const struct clock *c)
{
	(void)c;
	return clock_wall_ms(&clock_system) + ahead_ms;
}

static inline int64_t ahead_mono(const struct clock *c)
{
	(void)c;
	return clock_mono_ns(&clock_system) + ahead_ms * 1000000;
}

/* For WAIT_FOR(time_passes() && …): faster than it does. */
static inline bool time_passes(void)
{
	ahead_ms += 100;
	return true;
}

static const struct clock ahead_clock = {ahead_wall, ahead_mono};

static inline struct bus *open_bus(void)
{
	struct bus *b;
	struct err err;
	const struct bus_options o = {.url = test_nats_url(), .name = "test", .clock = &ahead_clock};
	CHECK_OK(bus_open(&o, &b, &err), err);
	return b;
}

/* A request to the JetStream API that has to succeed. */
static inline void api(struct bus *b, const char *subject, const char *body)
{
	char full[256];
	struct err err;
	struct json doc, error;
	scoped_buf answer = {0};
	snprintf(full, sizeof full, "$JS.API.%s", subject);
	CHECK_OK(bus_request(b, &(struct bus_out){.subject = full, .data = span_from(body)}, 5000, &answer, &err), err);
	CHECK_OK(json_parse(buf_span(&answer), &doc, &err), err);
	CHECK_MSG(!json_member(doc, SPAN("error"), &error), "%s: %s", full, answer.data);
}

/* Stream TEST on test.>, with a work queue's consumer C. */
static inline void make_stream(struct bus *b)
{
	api(b, "STREAM.CREATE.TEST",
	    "{\"name\":\"TEST\",\"subjects\":[\"test.>\"],\"storage\":\"file\",\"duplicate_window\":120000000000,\"allow_"
	    "direct\":true}");
}

static inline void make_consumer(struct bus *b)
{
	api(b, "CONSUMER.DURABLE.CREATE.TEST.C",
	    "{\"stream_name\":\"TEST\",\"config\":{\"durable_name\":\"C\",\"ack_policy\":\"explicit\",\"ack_wait\":"
	    "30000000000,"
	    "\"max_ack_pending\":65536,\"max_deliver\":-1}}");
}

static inline void store(struct bus *b, const char *subject, const char *text)
{
	struct err err;
	CHECK_OK(bus_store_wait(b, &(struct bus_out){.subject = subject, .data = span_from(text)}, 0, NULL, &err), err);
}

#endif
