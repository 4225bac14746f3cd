/* Runs approved steps: one function for each type. */
#include "act.h"

#include <stdio.h>

#include "bus/kv.h"
#include "contract/action.h"
#include "contract/requests.h"
#include "operators.h"
#include "records.h"
#include "report.h"

#define AGAIN_MS 2000
#define DELIVERIES_MAX 10 /* tries of an action that fails for reasons that may pass */
#define RETRY_MS 8000     /* for the jobs service to queue many jobs again; an end of ours waits no longer */

struct act {
	struct reasoner *r;
	struct span tenant;
	const struct action_run *run;
	struct arena *arena;
	struct buf output;
	char message[ACTION_MESSAGE_MAX];
};

/* ---- retry_failed_jobs */

static enum status ask(struct act *t, const char *verb, struct span body, int timeout_ms, struct buf *reply, struct err *err)
{
	char subject[TENANT_ID_MAX + 40];
	snprintf(subject, sizeof subject, "gannet.%.*s.%s", SPAN_ARG(t->tenant), verb);
	return bus_request(t->r->bus, &(struct bus_out){.subject = subject, .data = body}, timeout_ms, reply, err);
}

static enum status retry_failed_jobs(struct act *t, struct err *err)
{
	scoped_buf reply = {0}, body = {0};
	struct json limit, v, retried;
	int64_t n = 0;
	bool limited = json_member(t->run->action_payload, SPAN("limit"), &limit);
	if (limited && (!json_i64(limit, &n) || n < 1 || n > BULK_LIMIT_MAX))
		return err_field(err, STATUS_INVALID, "limit", "limit: %.*s not in [1, %d]", (int)(limit.text.n < 40 ? limit.text.n : 40),
		                 limit.text.p, BULK_LIMIT_MAX);
	if (limited)
		buf_printf(&body, "{\"status\":\"failed\",\"limit\":%lld}", (long long)n);
	else
		buf_adds(&body, "{}");
	enum status s = ask(t, limited ? "jobs.bulk_retry" : "jobs.retry_failed", buf_span(&body), RETRY_MS, &reply, err);
	if (s == STATUS_OK)
		s = json_parse(buf_span(&reply), &v, err);
	if (s != STATUS_OK)
		return s;
	json_member(v, SPAN("retried"), &retried);
	if (!json_i64(retried, &n))
		n = 0;
	snprintf(t->message, sizeof t->message, "%lld failed job%s queued again", (long long)n, n == 1 ? " was" : "s were");
	buf_printf(&t->output, "{\"retried\":%lld}", (long long)n);
	return STATUS_OK;
}

/* ---- pause_queue, resume_queue */

struct queue {
	char kind[33];
	int first, last; /* priorities */
};

static enum status read_queue(struct act *t, struct queue *ret, struct err *err)
{
	struct json v;
	json_member(t->run->action_payload, SPAN("kind"), &v);
	struct span kind = json_text(v, t->arena);
	if (!id_is_kind(kind) || !span_copy(kind, ret->kind, sizeof ret->kind))
		return err_field(err, STATUS_INVALID, "kind", "kind: a queue's kind is 1 to 32 of a-z 0-9 _ -");
	*ret = (struct queue){.first = PRIORITY_HIGH, .last = PRIORITY_LOW};
	(void)span_copy(kind, ret->kind, sizeof ret->kind);
	if (!json_member(t->run->action_payload, SPAN("priority"), &v))
		return STATUS_OK;
	for (int p = 0; priority_names[p]; p++)
		if (json_text_is(v, span_from(priority_names[p]))) {
			ret->first = ret->last = p;
			return STATUS_OK;
		}
	return err_field(err, STATUS_INVALID, "priority", "priority: high, default or low, or left out for all of them");
}

static enum status set_queue(struct act *t, bool paused, struct err *err)
{
	struct queue q;
	scoped_buf note = {0};
	enum status s = operators_allow(t->r, t->tenant, t->run->action_type, err);
	if (s == STATUS_OK)
		s = read_queue(t, &q, err);
	if (s != STATUS_OK)
		return s;
	const struct queue_pause pause = {
	    .by = t->run->approved_by,
	    .reason = arena_printf(t->arena, "step %lld of plan %.*s", (long long)t->run->step, SPAN_ARG(t->run->plan_id)),
	    .at = {clock_wall_ms(t->r->clock)}};
	json_encode(&queue_pause_table, &pause, &(struct json_writer){.out = &note});
	for (int p = q.first; s == STATUS_OK && p <= q.last; p++) {
		char key[48];
		snprintf(key, sizeof key, "%s.%s", q.kind, priority_names[p]);
		s = paused ? bus_kv_put(t->r->bus, BUCKET_PAUSED, key, buf_span(&note), NULL, err)
		           : bus_kv_delete(t->r->bus, BUCKET_PAUSED, key, err);
	}
	snprintf(t->message, sizeof t->message, "workers take %s of kind %s%s%s", paused ? "no more jobs" : "jobs again", q.kind,
	         q.first == q.last ? " and priority " : "", q.first == q.last ? priority_names[q.first] : "");
	buf_adds(&t->output, "{}");
	return s;
}

static enum status pause_queue(struct act *t, struct err *err)
{
	return set_queue(t, true, err);
}

static enum status resume_queue(struct act *t, struct err *err)
{
	return set_queue(t, false, err);
}

/* ---- take_snapshot */

static enum status take_snapshot(struct act *t, struct err *err)
{
	scoped_buf reply = {0};
	struct json v, id;
	enum status s = ask(t, "snapshot.take", SPAN("{}"), REQUEST_MS, &reply, err);
	if (s == STATUS_OK)
		s = json_parse(buf_span(&reply), &v, err);
	if (s != STATUS_OK)
		return s;
	json_member(v, SPAN("snapshot_id"), &id);
	struct span text = json_text(id, t->arena);
	snprintf(t->message, sizeof t->message, "snapshot %.*s was taken", (int)(text.n < 64 ? text.n : 64), text.n ? text.p : "");
	buf_adds(&t->output, "{\"snapshot_id\":");
	json_quote(&t->output, text);
	buf_addc(&t->output, '}');
	return STATUS_OK;
}

/* ---- the table */

static const struct {
	const char *type, *consumer;
	enum status (*run)(struct act *t, struct err *err);
} types[] = {
    {ACTION_RETRY_FAILED_JOBS, CONSUMER_ACTIONS_RETRY, retry_failed_jobs},
    {ACTION_PAUSE_QUEUE, CONSUMER_ACTIONS_PAUSE, pause_queue},
    {ACTION_RESUME_QUEUE, CONSUMER_ACTIONS_RESUME, resume_queue},
    {ACTION_TAKE_SNAPSHOT, CONSUMER_ACTIONS_SNAPSHOT, take_snapshot},
};
_Static_assert(countof(types) == countof(((struct reasoner *)0)->actions), "a pull for each type");

enum status act_start(struct reasoner *r, struct err *err)
{
	enum status s = STATUS_OK;
	for (size_t i = 0; s == STATUS_OK && i < countof(types); i++) {
		s = bus_pull_open(r->bus, STREAM_ACTIONS, types[i].consumer, mailbox_deliver, r->actor, &r->actions[i], err);
		if (s == STATUS_OK)
			bus_pull_want(r->actions[i], 1);
	}
	return s;
}

void act_stop(struct reasoner *r)
{
	for (size_t i = 0; i < countof(types); i++)
		if (r->actions[i])
			bus_pull_close(r->actions[i]);
}

/* ---- */

/* False, with the reason in `err`, when it is worth another try later. */
static bool run(struct act *t, size_t type, uint64_t delivery, unsigned *ret_status, struct err *err)
{
	enum status s = types[type].run(t, err);
	*ret_status = s == STATUS_OK ? ACTION_SUCCEEDED : ACTION_FAILED;
	bool may_pass = s == STATUS_UNAVAILABLE || s == STATUS_TIMEOUT || s == STATUS_RATE_LIMITED || err->retryable;
	if (s != STATUS_OK && may_pass && delivery < DELIVERIES_MAX)
		return false;
	if (s != STATUS_OK)
		snprintf(t->message, sizeof t->message, "%s", err->msg);
	return true;
}

static struct action_record record_of(const struct action_run *a)
{
	return (struct action_record){
	    .action_id = a->action_id,
	    .plan_id = a->plan_id,
	    .reasoning_id = a->reasoning_id,
	    .step = a->step,
	    .action_type = a->action_type,
	    .description = a->description,
	    .action_payload = a->action_payload,
	    .approved_by = a->approved_by,
	    .approved_at = a->approved_at,
	};
}

static enum status finish(struct act *t, unsigned status, struct err *err)
{
	struct action_record record = record_of(t->run);
	const struct json output = {buf_span(&t->output), JSON_OBJECT};
	return record_finish(t->r, t->tenant, &record, status, span_from(t->message), t->output.len ? output : (struct json){0},
	                     t->arena, err);
}

/* An action that has an outcome is not run again, whoever sent it twice. */
static bool has_ended(struct act *t)
{
	struct action_record record;
	uint64_t revision;
	struct err ignored;
	return record_load(t->r, t->tenant, t->run->action_id, t->arena, &record, &revision, &ignored) == STATUS_OK &&
	       record.status != ACTION_APPROVED;
}

static enum status deal_with(struct reasoner *r, const struct bus_delivery *d, size_t type, struct arena *a, struct err *err)
{
	struct json v;
	struct action_run run_message;
	struct span rest = d->in.subject;
	struct act t = {.r = r, .run = &run_message, .arena = a};
	unsigned outcome = ACTION_FAILED;
	span_cut(&rest, '.');
	t.tenant = rest.p ? span_cut(&rest, '.') : (struct span){0};
	enum status s = json_parse(d->in.data, &v, err);
	if (s == STATUS_OK)
		s = json_decode(&action_run_table, v, JSON_LENIENT, a, &run_message, err);
	if (s != STATUS_OK || !id_is_tenant(t.tenant)) {
		log_error("an action that cannot be read was given up", err);
		return STATUS_OK;
	}
	if (!has_ended(&t)) {
		if (!run(&t, type, d->delivered, &outcome, err)) {
			buf_free(&t.output);
			return err->status;
		}
		report_action(t.tenant, t.run->action_type, action_status_names[outcome]);
	}
	s = finish(&t, outcome, err);
	buf_free(&t.output);
	return s;
}

static size_t type_of(struct span subject)
{
	size_t i = 0;
	const char *dot = memrchr(subject.p, '.', subject.n);
	struct span name = dot ? span_of(dot + 1, (size_t)(subject.p + subject.n - dot - 1)) : (struct span){0};
	while (i < countof(types) && !span_is(name, types[i].type))
		i++;
	return i;
}

void act_on_run(struct reasoner *r, struct mail *m)
{
	scoped_arena a = {0};
	struct err err = {0}, lost;
	struct bus_delivery *d = &m->delivery;
	size_t type = type_of(d->in.subject);
	if (type == countof(types))
		return;
	enum status s = deal_with(r, d, type, &a, &err);
	if (s != STATUS_OK)
		log_error("an action could not be run, will try again", &err);
	s = s == STATUS_OK ? bus_ack(r->bus, d->in.reply, &lost) : bus_nak(r->bus, d->in.reply, AGAIN_MS, &lost);
	if (s != STATUS_OK)
		log_error("an acknowledgement was lost", &lost);
	bus_pull_want(r->actions[type], 1);
}
