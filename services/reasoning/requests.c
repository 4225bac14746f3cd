/* The endpoints, and the requests about the last reasoning. */
#include "requests.h"

#include <stdio.h>

#include "bus/kv.h"
#include "contract/requests.h"
#include "contract/snapshot.h"
#include "cycle.h"

const struct micro_endpoint reasoning_endpoints[REASONING_ENDPOINTS] = {
    {"run", "gannet.*.reasoning.run", handle_run, "Take a fresh snapshot and reason on it"},
    {"last", "gannet.*.reasoning.last", handle_last, "The last reasoning"},
    {"summary", "gannet.*.reasoning.summary", handle_summary, "Its summary"},
    {"recommendations", "gannet.*.reasoning.recommendations", handle_recommendations, "Its recommendations"},
    {"action_plan", "gannet.*.reasoning.action_plan", handle_action_plan, "Its plan"},
    {"history", "gannet.*.reasoning.history", handle_history, "Earlier reasonings, newest first, in pages"},
    {"approve", "gannet.*.actions.approve", handle_approve, "Approve a step of a plan, which runs it"},
    {"action_get", "gannet.*.actions.get", handle_action_get, "An action and what became of it"},
    {"action_list", "gannet.*.actions.list", handle_action_list, "Actions, newest first"},
    {"report", "gannet.*.actions.report", handle_report, "Say what came of an action"},
};

enum status requests_start(struct reasoner *r, struct err *err)
{
	return micro_start(r->bus, "reasoning", "How healthy a system is, and what to do about it", reasoning_endpoints, REASONING_ENDPOINTS, r, r->clock, &r->micro, err);
}

/* ---- run */

static enum status take_snapshot(struct reasoner *r, struct span tenant, struct buf *snapshot, struct err *err)
{
	char subject[TENANT_ID_MAX + 32];
	snprintf(subject, sizeof subject, "gannet.%.*s.snapshot.take", SPAN_ARG(tenant));
	const struct bus_out m = {.subject = subject, .data = SPAN("{}")};
	enum status s = bus_request(r->bus, &m, REQUEST_MS, snapshot, err);
	/* What the collector itself says does not begin with the subject. */
	if ((s == STATUS_UNAVAILABLE || s == STATUS_TIMEOUT) && span_starts(span_from(err->msg), span_from(subject)))
		return err_retry(err, STATUS_UNAVAILABLE, "nobody answers %s: is gannet-collector running?", subject);
	return s;
}

enum status handle_run(void *arg, const struct micro_request *r, struct buf *reply, struct err *err)
{
	struct empty_request request;
	scoped_buf snapshot = {0};
	bool done = false;
	enum status s = micro_decode(r, &reasoning_request_table, &request, err);
	if (s == STATUS_OK)
		s = take_snapshot(arg, r->tenant, &snapshot, err);
	if (s == STATUS_OK)
		s = cycle_run(arg, r->tenant, buf_span(&snapshot), reply, &done, err);
	/* A later snapshot was faster: its reasoning is the better answer. */
	return s == STATUS_OK && !done ? (buf_reset(reply), handle_last(arg, r, reply, err)) : s;
}

/* ---- the last one, and its parts */

enum status handle_last(void *arg, const struct micro_request *r, struct buf *reply, struct err *err)
{
	struct reasoner *reasoner = arg;
	struct empty_request request;
	char key[REASONING_KEY_BYTES];
	enum status s = micro_decode(r, &reasoning_request_table, &request, err);
	if (s != STATUS_OK)
		return s;
	reasoning_key(r->tenant, key);
	s = bus_kv_get(reasoner->bus, BUCKET_LATEST, key, reply, NULL, err);
	if (s == STATUS_NOT_FOUND)
		return err_set(err, s, "nothing has been reasoned about for tenant %.*s yet; reasoning.run does it now", SPAN_ARG(r->tenant));
	return s;
}

static enum status last_of(void *arg, const struct micro_request *r, struct json *ret, struct err *err)
{
	scoped_buf text = {0};
	enum status s = handle_last(arg, r, &text, err);
	return s == STATUS_OK ? json_parse(arena_dup(r->arena, buf_span(&text)), ret, err) : s;
}

static enum status answer_part(void *arg, const struct micro_request *r, const char *part, struct buf *reply, struct err *err)
{
	struct json last, v;
	enum status s = last_of(arg, r, &last, err);
	if (s != STATUS_OK)
		return s;
	if (!json_member(last, span_from(part), &v))
		return err_set(err, STATUS_INTERNAL, "the last reasoning has no %s", part);
	buf_addspan(reply, v.text);
	return STATUS_OK;
}

enum status handle_summary(void *arg, const struct micro_request *r, struct buf *reply, struct err *err)
{
	return answer_part(arg, r, "summary", reply, err);
}

enum status handle_action_plan(void *arg, const struct micro_request *r, struct buf *reply, struct err *err)
{
	return answer_part(arg, r, "action_plan", reply, err);
}

enum status handle_recommendations(void *arg, const struct micro_request *r, struct buf *reply, struct err *err)
{
	struct json last;
	struct reasoning reasoning;
	enum status s = last_of(arg, r, &last, err);
	if (s == STATUS_OK)
		s = json_decode(&reasoning_table, last, JSON_LENIENT, r->arena, &reasoning, err);
	if (s != STATUS_OK)
		return s;
	const struct recommendations_reply answer = {reasoning.reasoning_id, reasoning.timestamp, reasoning.recommendations};
	json_encode(&recommendations_reply_table, &answer, &(struct json_writer){.out = reply});
	return STATUS_OK;
}
