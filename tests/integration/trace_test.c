/* One trace through all services, as the receiver of their spans sees it. */
#include "http/server.h"
#include "service/trace.h"
#include "tests/integration/gateway_helpers.h"
#include "tests/integration/path_helpers.h"

static struct bus *bus;
static struct test_process *fake;
static struct http_server *server;

/* ---- the receiver */

static struct {
	pthread_mutex_t lock;
	struct buf bodies[256];
	size_t n;
} receiver = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void receive(void *arg, struct http_exchange *x)
{
	(void)arg;
	pthread_mutex_lock(&receiver.lock);
	if (receiver.n < countof(receiver.bodies))
		buf_addspan(&receiver.bodies[receiver.n++], http_exchange_body(x));
	pthread_mutex_unlock(&receiver.lock);
	http_exchange_answer(x, 200, "application/json", SPAN("{}"));
}

/* The span of this name in this trace, from this service; NULL while there is none. */
static const char *find_span(const char *service, const char *trace, const char *name)
{
	const char *found = NULL;
	pthread_mutex_lock(&receiver.lock);
	for (size_t b = 0; b < receiver.n && !found; b++) {
		const char *body = receiver.bodies[b].data, *base = "/resourceSpans/0/scopeSpans/0/spans";
		if (!is(body, "/resourceSpans/0/resource/attributes/0/value/stringValue", service))
			continue;
		for (size_t i = 0; !found && test_json(body, text_of("%s/%zu/name", base, i))[0]; i++)
			if (is(body, text_of("%s/%zu/traceId", base, i), trace) && is(body, text_of("%s/%zu/name", base, i), name))
				found = test_json(body, text_of("%s/%zu", base, i));
	}
	pthread_mutex_unlock(&receiver.lock);
	return found;
}

static const char *wait_span(const char *service, const char *trace, const char *name)
{
	const char *found;
	WAIT_FOR((found = find_span(service, trace, name)), text_of("span %s of %s", name, service));
	return found;
}

/* The receiver, and a stack that sends its spans there. */
static const char *endpoint(void)
{
	struct err err;
	int port = test_free_port();
	const struct http_server_options o = {
	    .bind = "127.0.0.1", .port = (uint16_t)port, .max_body_bytes = (size_t)16 << 20, .handle = receive};
	CHECK_OK(http_server_start(&o, &server, &err), err);
	return text_of("OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:%d", port);
}

static void start(const char *const *env)
{
	bus = test_bus();
	fake = start_fake(NULL);
	start_jobs(env);
	start_runner(fake, env);
}

static bool is_child(const char *span, const char *of)
{
	return strcmp(test_json(span, "/parentSpanId"), test_json(of, "/spanId")) == 0;
}

/* ---- tests */

#define TRACE "4bf92f3577b34da6a3ce929d0e0e4736"

TEST(one_trace_leads_from_the_submission_to_the_record)
{
	struct err err;
	char derived[TRACEPARENT_BYTES];
	start((const char *[]){endpoint(), NULL});
	struct bus_header parent = {HEADER_TRACEPARENT, SPAN("00-" TRACE "-00f067aa0ba902b7-01")};
	struct bus_out m = {.subject = "gannet.acme.jobs.submit.llm.default",
	                    .data = SPAN("{\"job_id\":\"given\",\"model\":\"gpt-fake\",\"template\":\"x\"}"),
	                    .headers = &parent,
	                    .headers_n = 1};
	struct bus_stored stored;
	CHECK_OK(bus_store_wait(bus, &m, 10000, &stored, &err), err);
	submit_model(bus, "own", "gpt-fake:status=500,first=1", "");
	const char *job = wait_span("gannet-runner", TRACE, "process job");
	CHECK_JSON(job, "/parentSpanId", "00f067aa0ba902b7");
	const char *call = wait_span("gannet-runner", TRACE, "chat gpt-fake");
	CHECK(is_child(call, job));
	CHECK(is_child(wait_span("gannet-jobs", TRACE, "record job"), job));
	/* Without one, every service derives the same. */
	struct trace_context own = trace_of_job(SPAN("acme"), SPAN("own"));
	trace_format(&own, derived);
	const char *trace = text_of("%.32s", derived + 3);
	wait_span("gannet-runner", trace, "process job");
	wait_span("gannet-jobs", trace, "record job");
	http_server_stop(server);
}

TEST(one_trace_leads_from_the_gateway_to_the_provider)
{
	const char *const env[] = {endpoint(), NULL};
	start(env);
	gw_start(env);
	struct gw_answer a = gw_ask("POST", "/api/v1/llm_jobs", gw_token("admin", "root", "acme"),
	                            "traceparent: 00-" TRACE "-00f067aa0ba902b7-01\r\n", "{\"model\":\"gpt-fake\",\"template\":\"x\"}");
	CHECK_MSG(a.status == 202, "%d %s", a.status, a.body);
	const char *request = wait_span("gannet-gateway", TRACE, "submitLlmJob");
	CHECK_JSON(request, "/parentSpanId", "00f067aa0ba902b7");
	const char *job = wait_span("gannet-runner", TRACE, "process job");
	CHECK(is_child(job, request));
	CHECK(is_child(wait_span("gannet-runner", TRACE, "chat gpt-fake"), job));
	CHECK(is_child(wait_span("gannet-jobs", TRACE, "record job"), job));
	http_server_stop(server);
}
