/* Answers: their headers, their errors, and what is told about each in log, metrics and traces. */
#include <stdio.h>
#include <stdlib.h>

#include "bus/micro.h"
#include "gateway.h"

#define STATUS_MAX 600

static const double latency_bounds[] = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30};
static struct metric requests_metric = {"gannet_gateway_requests_total", "Requests by route and status.", METRIC_COUNTER,
                                        "route", "status"};
static struct metric latency_metric = {"gannet_gateway_request_seconds",
                                       "From the whole request to the handing over of the answer, by route.",
                                       METRIC_HISTOGRAM, "route", .bounds = latency_bounds,
                                       .bounds_n = countof(latency_bounds), .scale = 1e-9};

void answers_register(void)
{
	metric_register(&requests_metric);
	metric_register(&latency_metric);
}

/* Series are looked up once; ROUTES_MAX stands for requests that found no route. */
static struct metric_series *_Atomic request_series[ROUTES_MAX + 1][STATUS_MAX];
static struct metric_series *_Atomic latency_series[ROUTES_MAX + 1];

static void count(const struct call *c, int status, int64_t took_ns)
{
	size_t route = c->match.route ? c->match.index : ROUTES_MAX;
	const char *name = c->match.route ? c->match.route->id : "none";
	struct metric_series *series = atomic_load_explicit(&request_series[route][status], memory_order_acquire);
	if (!series) {
		char text[16];
		snprintf(text, sizeof text, "%d", status);
		series = metric_series(&requests_metric, name, text);
		atomic_store_explicit(&request_series[route][status], series, memory_order_release);
	}
	metric_add(series, 1);
	series = atomic_load_explicit(&latency_series[route], memory_order_acquire);
	if (!series) {
		series = metric_series(&latency_metric, name, NULL);
		atomic_store_explicit(&latency_series[route], series, memory_order_release);
	}
	metric_observe(series, took_ns);
}

static void log_request(const struct call *c, int status, size_t bytes, int64_t took_ns)
{
	char trace_id[33];
	snprintf(trace_id, sizeof trace_id, "%016llx%016llx", (unsigned long long)c->trace.trace[0],
	         (unsigned long long)c->trace.trace[1]);
	log_fields(LOG_INFO, "request", LOG_S("method", c->method), LOG_S("path", c->path), LOG_I("status", status),
	           LOG_I("bytes", (int64_t)bytes), LOG_I("duration_us", took_ns / 1000), LOG_C("request_id", c->request_id),
	           LOG_C("trace_id", trace_id), LOG_C("route", c->match.route ? c->match.route->id : NULL),
	           LOG_C("tenant", c->known ? c->who.tenant : NULL), LOG_C("user_id", c->known ? c->who.user : NULL),
	           LOG_C("peer", c->peer));
}

void call_end(struct call *c, int status, size_t bytes)
{
	int64_t took_ns = clock_mono_ns(c->gateway->clock) - c->began_ns;
	count(c, status > 0 && status < STATUS_MAX ? status : 0, took_ns);
	if (c->gateway->config->access_log)
		log_request(c, status, bytes, took_ns);
	if (trace_enabled()) {
		const struct trace_attribute attributes[] = {{"http.request.method", c->method},
		                                             {"url.path", c->path},
		                                             {"http.response.status_code", .number = status},
		                                             {"gannet.request_id", span_from(c->request_id)}};
		trace_record(&c->trace, c->parent.span, c->match.route ? c->match.route->id : "request", TRACE_SERVER,
		             clock_wall_ms(c->gateway->clock) - took_ns / 1000000, took_ns / 1000, status >= 500 ? "failed" : NULL,
		             attributes, countof(attributes));
	}
	arena_free(&c->arena);
	free(c);
}

void call_put_headers(struct call *c)
{
	struct http_exchange *x = c->x;
	http_exchange_add_header(x, "X-Request-Id", c->request_id);
	http_exchange_add_header(x, "X-Content-Type-Options", "nosniff");
	http_exchange_add_header(x, "Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
	http_exchange_add_header(x, "Referrer-Policy", "no-referrer");
	if (c->gateway->config->hsts)
		http_exchange_add_header(x, "Strict-Transport-Security", "max-age=31536000; includeSubDomains");
	if (c->gateway->config->cors_origins)
		http_exchange_add_header(x, "Vary", "Origin");
	if (c->origin.p) {
		http_exchange_add_header(x, "Access-Control-Allow-Origin", arena_cstr(&c->arena, c->origin));
		http_exchange_add_header(x, "Access-Control-Expose-Headers", "ETag, Retry-After, X-Request-Id");
	}
}

void call_answer(struct call *c, int status, const char *content_type, struct span body)
{
	call_put_headers(c);
	http_exchange_add_header(c->x, "Cache-Control", "no-store");
	struct http_exchange *x = c->x;
	size_t bytes = body.n;
	/* The log line reads what the exchange holds, so it comes first; the body may lie in the call's memory, so it is held. */
	struct http_body *held = http_body_new(body);
	call_end(c, status, bytes);
	http_exchange_answer_body(x, status, content_type, held);
	http_body_unref(held);
}

void call_answer_body(struct call *c, int status, const char *content_type, struct http_body *body)
{
	call_put_headers(c);
	http_exchange_add_header(c->x, "Cache-Control", "private, no-cache");
	struct http_exchange *x = c->x;
	call_end(c, status, http_body_bytes(body).n);
	http_exchange_answer_body(x, status, content_type, body);
}

/* A quoted-string of RFC 9110 holds no quotes, backslashes and controls without more ado. */
static const char *quotable(struct arena *a, const char *text)
{
	char *out = arena_cstr(a, span_from(text));
	for (char *p = out; *p; p++)
		if (*p == '"' || *p == '\\' || (unsigned char)*p < ' ' || (unsigned char)*p > '~')
			*p = ' ';
	return out;
}

static int status_of(const struct err *err)
{
	return err->status == STATUS_CANCELLED ? 503 : status_http(err->status);
}

void call_refuse(struct call *c, const struct err *err)
{
	scoped_buf body = {0};
	int status = status_of(err);
	if (status == 401) {
		struct span challenge =
		    c->tokenless ? SPAN("Bearer realm=\"gannet\"")
		                 : arena_printf(&c->arena, "Bearer realm=\"gannet\", error=\"invalid_token\", error_description=\"%s\"",
		                            quotable(&c->arena, err->msg));
		http_exchange_add_header(c->x, "WWW-Authenticate", arena_cstr(&c->arena, challenge));
	}
	if (status == 403)
		http_exchange_add_header(c->x, "WWW-Authenticate", "Bearer realm=\"gannet\", error=\"insufficient_scope\"");
	if ((status == 429 || status == 503) && !c->wait_told)
		http_exchange_add_header(c->x, "Retry-After", "1");
	err_to_json(err, &body);
	call_answer(c, status, "application/json", buf_span(&body));
}
