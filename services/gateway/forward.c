/* Asks the service that a route names, and makes the HTTP answer out of its reply. */
#include <stdio.h>
#include <stdlib.h>

#include "gateway.h"

#define SUBJECT_BYTES 128
#define JOB_GET_MS 5000

static enum status ask(struct call *c, const char *verb, struct span body, int timeout_ms, bus_answer_fn fn, struct err *err)
{
	char subject[SUBJECT_BYTES], trace[TRACEPARENT_BYTES];
	snprintf(subject, sizeof subject, "gannet.%s.%s", c->who.tenant, verb);
	const struct bus_header headers[] = {{"traceparent", span_from(trace_format(&c->trace, trace))},
	                                     {"X-Request-Id", span_from(c->request_id)}};
	const struct bus_out out = {.subject = subject, .data = body, .headers = headers, .headers_n = countof(headers)};
	return bus_ask(c->gateway->asker, &out, timeout_ms, fn, c, err);
}

static enum status no_such_job(struct err *err)
{
	return err_field(err, STATUS_NOT_FOUND, "job_id", "no job is called that");
}

static bool is_own(const struct call *c, struct json record)
{
	struct json user;
	return c->leads || (json_member(record, SPAN("user_id"), &user) && json_text_is(user, span_from(c->who.user)));
}

static enum status shape(struct call *c, struct span data, struct buf *out, struct err *err)
{
	const struct route *r = c->match.route;
	struct json doc;
	if (data.n > REPLY_MAX_BYTES || json_parse(data, &doc, err) != STATUS_OK)
		return err_set(err, STATUS_PROVIDER, "the service behind answered what is no JSON, or too much of it");
	if (r->scope == SCOPE_RECORD && !is_own(c, doc))
		return no_such_job(err);
	if (r->shape)
		return r->shape(doc, &c->arena, out, err);
	buf_addspan(out, data);
	return STATUS_OK;
}

static void on_answer(void *arg, struct span data, const struct err *failed)
{
	struct call *c = arg;
	scoped_buf out = {0};
	struct err err = {0};
	if (failed) {
		call_refuse(c, failed);
	} else if (shape(c, data, &out, &err) != STATUS_OK) {
		call_refuse(c, &err);
	} else {
		call_answer(c, c->match.route->success, "application/json", buf_span(&out));
	}
}

static void ask_route(struct call *c)
{
	const struct route *r = c->match.route;
	struct err err;
	if (ask(c, r->verb, c->body, r->timeout_ms ? r->timeout_ms : ROUTE_TIMEOUT_MS, on_answer, &err) != STATUS_OK)
		call_refuse(c, &err);
}

/* Of SCOPE_JOB: whose it is, and only then the request itself. */
static void on_owner(void *arg, struct span data, const struct err *failed)
{
	struct call *c = arg;
	struct json doc;
	struct err err = {0};
	if (failed)
		call_refuse(c, failed);
	else if (json_parse(data, &doc, &err) == STATUS_OK && is_own(c, doc))
		ask_route(c);
	else
		call_refuse(c, (no_such_job(&err), &err));
}

void call_forward(struct call *c)
{
	struct err err;
	if (c->match.route->scope != SCOPE_JOB || c->leads) {
		ask_route(c);
		return;
	}
	scoped_buf body = {0};
	struct json_writer w = {.out = &body};
	json_begin_object(&w);
	json_kv_text(&w, "job_id", c->match.params[0]);
	json_end_object(&w);
	if (ask(c, "jobs.get", buf_span(&body), JOB_GET_MS, on_owner, &err) != STATUS_OK)
		call_refuse(c, &err);
}
