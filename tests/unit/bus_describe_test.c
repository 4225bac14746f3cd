/* The topology as it is told to tools that create it. */
#include <stdio.h>

#include "bus/topology.h"
#include "tests/lib/test.h"

static struct {
	char streams[64][80];
	size_t streams_n, consumers_n, of_mail, republished;
} told;

static void check_stream(const struct bus_object *o)
{
	struct json v;
	int64_t n;
	CHECK(told.consumers_n == 0); /* all streams come first */
	CHECK(told.streams_n < countof(told.streams));
	snprintf(told.streams[told.streams_n++], sizeof told.streams[0], "%s", o->name);
	CHECK_MSG(json_pointer(o->config, "/subjects/0", &v), "%s has no subjects", o->name);
	CHECK(json_pointer(o->config, "/num_replicas", &v) && json_i64(v, &n));
	CHECK_INT(n, 3);
	told.republished += json_pointer(o->config, "/republish/src", &v);
}

static void check_consumer(const struct bus_object *o)
{
	struct json v;
	bool known = false;
	told.consumers_n++;
	for (size_t i = 0; i < told.streams_n; i++)
		known |= strcmp(told.streams[i], o->stream) == 0;
	CHECK_MSG(known, "consumer %s is of no stream: %s", o->name, o->stream);
	CHECK(json_pointer(o->config, "/durable_name", &v) && json_text_is(v, span_from(o->name)));
	CHECK_MSG(json_pointer(o->config, "/filter_subject", &v), "%s has no filter", o->name);
	told.of_mail += strncmp(o->name, "mail_", 5) == 0;
}

static void on_object(void *arg, const struct bus_object *o)
{
	struct json whole;
	struct err err;
	CHECK(arg == &told);
	CHECK_OK(json_parse(o->config.text, &whole, &err), err);
	if (o->stream)
		check_consumer(o);
	else
		check_stream(o);
}

TEST(every_stream_bucket_and_consumer_is_described)
{
	struct bus_limits limits = bus_limits_default;
	limits.replicas = 3;
	size_t names = 0;
	while (bus_topology_names[names])
		names++;
	bus_topology_describe(&limits, (const char *const[]){"mail", NULL}, on_object, &told);
	CHECK_INT(told.streams_n, names);
	CHECK_INT(told.republished, 1);
	CHECK_INT(told.of_mail, 3 + BUS_OVERFLOW_LANES);
	CHECK(told.consumers_n > told.of_mail);
}

TEST(buckets_are_told_from_streams)
{
	CHECK(bus_topology_is_bucket(BUCKET_WORKERS));
	CHECK(!bus_topology_is_bucket(STREAM_JOBS));
	CHECK(!bus_topology_is_bucket("nothing"));
}
