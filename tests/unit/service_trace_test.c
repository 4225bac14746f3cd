/* Trace context, and spans on their way to a receiver. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/metrics.h"
#include "http/server.h"
#include "json/json.h"
#include "service/trace.h"
#include "tests/lib/test.h"

#define EXAMPLE "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

TEST(traceparent_reads_back_as_it_was_written)
{
	struct trace_context c;
	char text[TRACEPARENT_BYTES];
	CHECK(trace_parse(SPAN(EXAMPLE), &c));
	CHECK(c.sampled);
	CHECK(c.trace[0] == 0x0af7651916cd43dd && c.trace[1] == 0x8448eb211c80319c && c.span == 0xb7ad6b7169203331);
	CHECK_SPAN(span_from(trace_format(&c, text)), EXAMPLE);
	c.sampled = false;
	CHECK_SPAN(span_from(trace_format(&c, text)), "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00");
}

TEST(traceparent_of_a_newer_version_is_read)
{
	struct trace_context c;
	CHECK(trace_parse(SPAN("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03"), &c));
	CHECK(c.sampled);
	CHECK(trace_parse(SPAN("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00-what-comes"), &c));
	CHECK(!c.sampled);
}

TEST(traceparent_that_the_standard_forbids_is_refused)
{
	static const char *const bad[] = {
	    "",
	    "00",
	    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0",
	    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-",
	    "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
	    "00-00000000000000000000000000000000-b7ad6b7169203331-01",
	    "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
	    "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
	    "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01.",
	    "00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
	    "00-0af7651916cd43dd8448eb211c80319g-b7ad6b7169203331-01",
	};
	for (size_t i = 0; i < countof(bad); i++) {
		struct trace_context c = {.span = 7};
		CHECK_MSG(!trace_parse(span_from(bad[i]), &c) && c.span == 7, "accepted: %s", bad[i]);
	}
	CHECK(!trace_parse((struct span){0}, &(struct trace_context){0}));
}

TEST(every_service_derives_the_same_trace_of_a_job)
{
	char text[TRACEPARENT_BYTES];
	struct trace_context a = trace_of_job(SPAN("acme"), SPAN("job-1")), b = trace_of_job(SPAN("acme"), SPAN("job-2"));
	/* Written down: a service of another version must arrive at the same. */
	CHECK_SPAN(span_from(trace_format(&a, text)), "00-a1bf4a92d21aba9644416e15e43a6007-cc355371c44c9213-01");
	CHECK(a.trace[0] != b.trace[0] && a.span != b.span);
	b = trace_of_job(SPAN("acm"), SPAN("ejob-1"));
	CHECK(a.trace[0] != b.trace[0]);
}

TEST(child_stays_in_the_trace_with_a_span_of_its_own)
{
	struct trace_context parent = trace_of_job(SPAN("acme"), SPAN("job-1"));
	struct trace_context a = trace_child(&parent), b = trace_child(&parent);
	CHECK(a.trace[0] == parent.trace[0] && a.trace[1] == parent.trace[1] && a.sampled);
	CHECK(a.span != parent.span && b.span != a.span && a.span != 0);
}

/* ---- a receiver of OTLP/HTTP */

static struct {
	struct http_server *server;
	char endpoint[64];
	pthread_mutex_t lock;
	struct buf bodies[64];
	size_t n;
	int status; /* what it answers */
} receiver = {.lock = PTHREAD_MUTEX_INITIALIZER, .status = 200};

static void receive(void *arg, struct http_exchange *x)
{
	(void)arg;
	pthread_mutex_lock(&receiver.lock);
	int status = receiver.status;
	if (!span_is(http_exchange_method(x), "POST") || !span_is(http_exchange_path(x), "/v1/traces") ||
	    !span_is(http_exchange_header(x, "Content-Type"), "application/json"))
		status = 400;
	else if (receiver.n < countof(receiver.bodies))
		buf_addspan(&receiver.bodies[receiver.n++], http_exchange_body(x));
	pthread_mutex_unlock(&receiver.lock);
	http_exchange_answer(x, status, "application/json", SPAN("{}"));
}

static size_t received(void)
{
	pthread_mutex_lock(&receiver.lock);
	size_t n = receiver.n;
	pthread_mutex_unlock(&receiver.lock);
	return n;
}

static void start_receiver(void)
{
	struct err err;
	const struct http_server_options o = {.bind = "127.0.0.1", .max_body_bytes = (size_t)16 << 20, .handle = receive};
	CHECK_OK(http_server_start(&o, &receiver.server, &err), err);
	snprintf(receiver.endpoint, sizeof receiver.endpoint, "http://127.0.0.1:%d/", http_server_port(receiver.server));
}

static void stop_receiver(void)
{
	http_server_stop(receiver.server);
	for (size_t i = 0; i < receiver.n; i++)
		buf_free(&receiver.bodies[i]);
}

static int64_t counted(const char *metric)
{
	scoped_buf text = {0};
	char line[128];
	metrics_write(&text);
	snprintf(line, sizeof line, "\n%s ", metric);
	const char *at = strstr(text.data, line);
	CHECK_MSG(at, "%s is not in the metrics", metric);
	return strtoll(at + strlen(line), NULL, 10);
}

static void record(const char *name, const char *error)
{
	struct trace_context parent = trace_of_job(SPAN("acme"), SPAN("job-1")), self = trace_child(&parent);
	const struct trace_attribute attributes[] = {{"gannet.job_id", SPAN("job-1")}, {"attempt", {0}, 3}};
	trace_record(&self, parent.span, name, TRACE_CONSUMER, 1700000000123, 4567, error, attributes, countof(attributes));
}

static struct json at(struct json document, const char *pointer)
{
	struct json v;
	CHECK_MSG(json_pointer(document, pointer, &v), "no %s in %.*s", pointer, SPAN_ARG(document.text));
	return v;
}

#define CHECK_TEXT(document, pointer, want)                                                                            \
	CHECK_MSG(json_text_is(at(document, pointer), span_from(want)), "%s is %.*s", pointer,                             \
	          SPAN_ARG(at(document, pointer).text))

TEST(finished_spans_arrive_as_otlp_json)
{
	struct err err;
	struct json document;
	start_receiver();
	trace_start(receiver.endpoint, "gannet-test", "test-1");
	CHECK(trace_enabled());
	record("job.run", NULL);
	record("job.call", "it \"broke\"");
	trace_stop();
	CHECK(!trace_enabled());
	CHECK_INT(receiver.n, 1);
	CHECK_OK(json_parse(buf_span(&receiver.bodies[0]), &document, &err), err);
	CHECK_TEXT(document, "/resourceSpans/0/resource/attributes/0/key", "service.name");
	CHECK_TEXT(document, "/resourceSpans/0/resource/attributes/0/value/stringValue", "gannet-test");
	CHECK_TEXT(document, "/resourceSpans/0/resource/attributes/1/value/stringValue", "test-1");
	struct json spans = at(document, "/resourceSpans/0/scopeSpans/0/spans");
	CHECK_INT(json_count(spans), 2);
	CHECK_TEXT(spans, "/0/name", "job.run");
	CHECK_INT(at(spans, "/0/traceId").text.n, 32 + 2);
	CHECK_INT(at(spans, "/0/spanId").text.n, 16 + 2);
	CHECK_INT(at(spans, "/0/parentSpanId").text.n, 16 + 2);
	CHECK_SPAN(at(spans, "/0/kind").text, "5");
	CHECK_TEXT(spans, "/0/startTimeUnixNano", "1700000000123000000");
	CHECK_TEXT(spans, "/0/endTimeUnixNano", "1700000000127567000");
	CHECK_TEXT(spans, "/0/attributes/0/value/stringValue", "job-1");
	CHECK_TEXT(spans, "/0/attributes/1/value/intValue", "3");
	CHECK(!json_pointer(spans, "/0/status", &document));
	CHECK_SPAN(at(spans, "/1/status/code").text, "2");
	CHECK_TEXT(spans, "/1/status/message", "it \"broke\"");
	CHECK_INT(counted("gannet_trace_sent_total"), 2);
	stop_receiver();
}

TEST(spans_are_sent_again_when_the_receiver_was_overloaded)
{
	start_receiver();
	receiver.status = 503;
	trace_start(receiver.endpoint, "gannet-test", "test-1");
	record("job.run", NULL);
	WAIT_FOR(received() == 1, "the first try");
	pthread_mutex_lock(&receiver.lock);
	receiver.status = 200;
	pthread_mutex_unlock(&receiver.lock);
	WAIT_FOR(counted("gannet_trace_sent_total") == 1, "the second try");
	trace_stop();
	CHECK_INT(receiver.n, 2);
	CHECK(span_eq(buf_span(&receiver.bodies[0]), buf_span(&receiver.bodies[1])));
	CHECK_INT(counted("gannet_trace_dropped_total"), 0);
	stop_receiver();
}

TEST(spans_that_the_receiver_refuses_are_dropped_and_counted)
{
	start_receiver();
	receiver.status = 400;
	trace_start(receiver.endpoint, "gannet-test", "test-1");
	record("job.run", NULL);
	trace_stop();
	CHECK_INT(counted("gannet_trace_dropped_total"), 1);
	CHECK_INT(counted("gannet_trace_sent_total"), 0);
	stop_receiver();
}

static void *record_many(void *arg)
{
	for (int i = 0; i < 3000; i++)
		record("job.run", NULL);
	return arg;
}

TEST(queue_is_bounded_and_every_span_is_sent_or_counted_as_dropped)
{
	pthread_t threads[4];
	start_receiver();
	receiver.status = 503;
	trace_start(receiver.endpoint, "gannet-test", "test-1");
	for (size_t i = 0; i < countof(threads); i++)
		CHECK(pthread_create(&threads[i], NULL, record_many, NULL) == 0);
	for (size_t i = 0; i < countof(threads); i++)
		pthread_join(threads[i], NULL);
	CHECK_INT(counted("gannet_trace_dropped_total"), 4 * 3000 - TRACE_QUEUE_MAX);
	pthread_mutex_lock(&receiver.lock);
	receiver.status = 200;
	pthread_mutex_unlock(&receiver.lock);
	WAIT_FOR(counted("gannet_trace_sent_total") == TRACE_QUEUE_MAX, "the queue to be sent");
	trace_stop();
	stop_receiver();
}

TEST(nothing_is_recorded_without_an_endpoint_or_a_sample)
{
	trace_start(NULL, "gannet-test", "test-1");
	CHECK(!trace_enabled());
	record("job.run", NULL);
	trace_stop();
	start_receiver();
	trace_start(receiver.endpoint, "gannet-test", "test-1");
	struct trace_context unsampled = trace_of_job(SPAN("acme"), SPAN("job-1"));
	unsampled.sampled = false;
	trace_record(&unsampled, 0, "job.run", TRACE_INTERNAL, 0, 0, NULL, NULL, 0);
	trace_stop();
	CHECK_INT(receiver.n, 0);
	stop_receiver();
}
