/* Micro services: requests answered by their own threads, and the answers that `nats micro` reads. */
#include <pthread.h>
#include <string.h>

#include "bus/micro.h"
#include "tests/integration/bus_helpers.h"

static struct bus *bus, *client;
static struct micro *service;
static atomic_int running;
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

static enum status greet(void *arg, const struct micro_request *r, struct buf *reply, struct err *err)
{
	CHECK(arg == &running);
	if (span_is(r->in.data, "bad"))
		return err_field(err, STATUS_UNPROCESSABLE, "name", "the name \"bad\"\nis taken");
	struct span name = arena_dup(r->arena, r->in.data);
	buf_printf(reply, "{\"hello\":\"%.*s\",\"tenant\":\"%.*s\"}", SPAN_ARG(name), SPAN_ARG(r->tenant));
	return STATUS_OK;
}

/* Runs until the test opens the gate. */
static enum status wait_at_gate(void *arg, const struct micro_request *r, struct buf *reply, struct err *err)
{
	(void)arg, (void)r, (void)err;
	running++;
	pthread_mutex_lock(&gate);
	pthread_mutex_unlock(&gate);
	buf_adds(reply, "{}");
	return STATUS_OK;
}

static enum status flood(void *arg, const struct micro_request *r, struct buf *reply, struct err *err)
{
	static char chunk[2 << 20];
	(void)arg, (void)r, (void)err;
	buf_add(reply, chunk, sizeof chunk);
	return STATUS_OK;
}

static const struct micro_endpoint endpoints[] = {
    {"greet", "gannet.*.test.greet", greet, "Says hello"},
    {"wait", "gannet.*.test.wait", wait_at_gate},
    {"flood", "gannet.*.test.flood", flood},
};

static void begin(void)
{
	struct err err;
	bus = open_bus();
	client = open_bus();
	CHECK_OK(
	    micro_start(bus, "test", "For tests", endpoints, countof(endpoints), &running, &clock_system, &service, &err),
	    err);
	CHECK_OK(bus_flush(bus, 2000, &err), err);
}

static void end(void)
{
	micro_stop(service);
	bus_close(client);
	bus_close(bus);
}

static enum status ask(const char *subject, const char *data, struct buf *reply, struct err *err)
{
	buf_reset(reply);
	return bus_request(client, &(struct bus_out){.subject = subject, .data = span_from(data)}, 5000, reply, err);
}

/* The answer to a question as JSON; `reply` holds it. */
static struct json question(const char *subject, struct buf *reply)
{
	struct json doc;
	struct err err;
	CHECK_OK(ask(subject, "", reply, &err), err);
	CHECK_OK(json_parse(buf_span(reply), &doc, &err), err);
	return doc;
}

static bool text_is(struct json doc, const char *pointer, const char *want)
{
	struct json v;
	return json_pointer(doc, pointer, &v) && json_text_is(v, span_from(want));
}

static int64_t number(struct json doc, const char *pointer)
{
	struct json v;
	int64_t n = -1;
	CHECK_MSG(json_pointer(doc, pointer, &v) && json_i64(v, &n), "%s is not a number", pointer);
	return n;
}

TEST(a_request_is_answered_with_what_the_handler_wrote)
{
	begin();
	struct err err;
	scoped_buf reply = {0};
	CHECK_OK(ask("gannet.acme.test.greet", "Ada", &reply, &err), err);
	CHECK_SPAN(buf_span(&reply), "{\"hello\":\"Ada\",\"tenant\":\"acme\"}");
	end();
}

static char seen_body[512], seen_header[400];
static atomic_int seen;
static void see(void *arg, const struct bus_in *m)
{
	(void)arg;
	CHECK(span_copy(m->data, seen_body, sizeof seen_body));
	CHECK(span_copy(bus_in_header(m, "Nats-Service-Error"), seen_header, sizeof seen_header));
	CHECK_SPAN(bus_in_header(m, "Nats-Service-Error-Code"), "422");
	seen++;
}

TEST(an_error_has_its_headers_and_its_body)
{
	begin();
	struct err err;
	struct bus_sub *s;
	scoped_buf reply = {0};
	CHECK_STATUS(ask("gannet.acme.test.greet", "bad", &reply, &err), STATUS_UNPROCESSABLE);
	CHECK(strcmp(err.field, "name") == 0);
	CHECK_OK(bus_subscribe(client, "answers", NULL, see, NULL, &s, &err), err);
	CHECK_OK(bus_publish(
	             client,
	             &(struct bus_out){.subject = "gannet.acme.test.greet", .reply = "answers", .data = SPAN("bad")}, &err),
	         err);
	WAIT_FOR(seen == 1, "the answer");
	CHECK(strcmp(seen_header, "the name \"bad\" is taken") == 0);
	CHECK(strcmp(seen_body, "{\"error\":{\"code\":\"unprocessable\",\"message\":\"the name \\\"bad\\\"\\nis "
	                        "taken\",\"field\":\"name\"}}") == 0);
	end();
}

TEST(an_answer_larger_than_the_server_allows_is_an_error)
{
	begin();
	struct err err;
	scoped_buf reply = {0};
	CHECK_STATUS(ask("gannet.acme.test.flood", "", &reply, &err), STATUS_TOO_LARGE);
	end();
}

TEST(ping_and_info_have_the_shape_of_the_protocol)
{
	begin();
	scoped_buf reply = {0};
	char subject[128];
	struct json doc = question("$SRV.PING", &reply), id, v;
	CHECK(text_is(doc, "/type", "io.nats.micro.v1.ping_response"));
	CHECK(text_is(doc, "/name", "test"));
	CHECK(json_pointer(doc, "/version", &v) && v.type == JSON_STRING);
	CHECK(text_is(doc, "/metadata/commit", GANNET_COMMIT));
	CHECK(json_pointer(doc, "/id", &id));
	snprintf(subject, sizeof subject, "$SRV.PING.test.%.*s", (int)id.text.n - 2, id.text.p + 1);
	CHECK(text_is(question(subject, &reply), "/name", "test"));
	doc = question("$SRV.INFO.test", &reply);
	CHECK(text_is(doc, "/type", "io.nats.micro.v1.info_response"));
	CHECK(text_is(doc, "/description", "For tests"));
	CHECK(json_pointer(doc, "/endpoints", &v));
	CHECK_INT(json_count(v), 3);
	CHECK(text_is(doc, "/endpoints/0/name", "greet"));
	CHECK(text_is(doc, "/endpoints/0/subject", "gannet.*.test.greet"));
	CHECK(text_is(doc, "/endpoints/0/queue_group", "q"));
	CHECK(text_is(doc, "/endpoints/0/metadata/description", "Says hello"));
	CHECK(json_pointer(doc, "/endpoints/1/metadata", &v) && json_count(v) == 0);
	end();
}

TEST(stats_count_requests_errors_and_time)
{
	begin();
	struct err err;
	int64_t started;
	struct json v;
	scoped_arena a = {0};
	scoped_buf reply = {0};
	struct json doc = question("$SRV.STATS.test", &reply);
	CHECK_INT(number(doc, "/endpoints/0/num_requests"), 0);
	CHECK_INT(number(doc, "/endpoints/0/processing_time"), 0);
	CHECK_INT(number(doc, "/endpoints/0/average_processing_time"), 0);
	CHECK_OK(ask("gannet.acme.test.greet", "Ada", &reply, &err), err);
	CHECK_STATUS(ask("gannet.acme.test.greet", "bad", &reply, &err), STATUS_UNPROCESSABLE);
	/* A request counts once it was answered. */
	WAIT_FOR((doc = question("$SRV.STATS", &reply), number(doc, "/endpoints/0/num_requests")) == 2, "the figures");
	CHECK(text_is(doc, "/type", "io.nats.micro.v1.stats_response"));
	CHECK_INT(number(doc, "/endpoints/0/num_errors"), 1);
	CHECK(number(doc, "/endpoints/0/processing_time") >= 2 * number(doc, "/endpoints/0/average_processing_time"));
	CHECK(number(doc, "/endpoints/0/average_processing_time") > 0);
	CHECK(json_pointer(doc, "/endpoints/0/last_error", &v));
	CHECK(span_starts(json_text(v, &a), SPAN("422:")));
	CHECK(json_pointer(doc, "/started", &v) && rfc3339_parse(json_text(v, &a), &started));
	end();
}

static atomic_int refused, answered;
static void on_answer(void *arg, const struct bus_in *m)
{
	(void)arg;
	if (bus_in_header(m, "Nats-Service-Error-Code").p) {
		CHECK_SPAN(bus_in_header(m, "Nats-Service-Error-Code"), "503");
		refused++;
	} else {
		answered++;
	}
}

static void hear_answers(void)
{
	struct err err;
	struct bus_sub *s;
	CHECK_OK(bus_subscribe(client, "answers", NULL, on_answer, NULL, &s, &err), err);
}

static void ask_many(int n)
{
	struct err err;
	for (int i = 0; i < n; i++)
		CHECK_OK(bus_publish(client, &(struct bus_out){.subject = "gannet.acme.test.wait", .reply = "answers"}, &err),
		         err);
	CHECK_OK(bus_flush(client, 5000, &err), err);
}

TEST(past_its_queue_a_service_refuses_at_once)
{
	begin();
	hear_answers();
	pthread_mutex_lock(&gate);
	ask_many(MICRO_THREADS);
	WAIT_FOR(running == MICRO_THREADS, "all threads to be busy");
	ask_many(MICRO_QUEUE_MAX + 10);
	WAIT_FOR(refused >= 10, "the refusals");
	CHECK_INT(answered, 0);
	pthread_mutex_unlock(&gate);
	WAIT_FOR(answered == MICRO_THREADS + MICRO_QUEUE_MAX, "the others to be answered");
	CHECK_INT(refused, 10);
	end();
}

static void *stop(void *arg)
{
	(void)arg;
	micro_stop(service);
	return NULL;
}

TEST(stopping_finishes_what_runs_and_refuses_what_waits)
{
	pthread_t thread;
	begin();
	hear_answers();
	pthread_mutex_lock(&gate);
	ask_many(MICRO_THREADS + 5);
	WAIT_FOR(running == MICRO_THREADS, "all threads to be busy");
	CHECK(pthread_create(&thread, NULL, stop, NULL) == 0);
	struct err err;
	scoped_buf reply = {0};
	/* One that comes before the stop has begun waits in the queue, and is refused with the others. */
	const struct bus_out late = {.subject = "gannet.acme.test.greet", .data = SPAN("Ada")};
	WAIT_FOR(bus_request(client, &late, 100, &reply, &err) == STATUS_UNAVAILABLE, "later requests to be refused");
	pthread_mutex_unlock(&gate);
	CHECK(pthread_join(thread, NULL) == 0);
	WAIT_FOR(answered == MICRO_THREADS && refused == 5, "every answer");
	CHECK_STATUS(ask("gannet.acme.test.greet", "Ada", &reply, &err), STATUS_UNAVAILABLE);
	CHECK_STATUS(ask("$SRV.PING.test", "", &reply, &err), STATUS_UNAVAILABLE);
	bus_close(client);
	bus_close(bus);
}

TEST(a_name_that_the_protocol_forbids_is_refused)
{
	struct err err;
	bus = open_bus();
	CHECK_STATUS(micro_start(bus, "no good", "", endpoints, 1, NULL, &clock_system, &service, &err), STATUS_INVALID);
	bus_close(bus);
}
