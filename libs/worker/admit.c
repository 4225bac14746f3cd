/* Turns a delivered message into a job that may run, or says why it may not. */
#include <stdio.h>
#include <string.h>

#include "bus/topology.h"
#include "worker/internal.h"

/* Clocks of publishers and ours may differ a little: what is due this soon runs now. */
#define RUN_AT_SLACK_MS 50

static void put_sequence(uint64_t v, char out[24])
{
	char digits[24], *p = digits + sizeof digits;
	*--p = 0;
	do
		*--p = (char)('0' + v % 10);
	while (v /= 10);
	memcpy(out, p, (size_t)(digits + sizeof digits - p));
}

static int64_t header_number(const struct bus_in *in, const char *name, int64_t fallback)
{
	int64_t v;
	struct span text = bus_in_header(in, name);
	return text.p && span_i64(text, &v) && v >= 0 ? v : fallback;
}

static void take_headers(struct worker_entry *e)
{
	const struct bus_in *in = &e->delivery.in;
	e->job.run = header_number(in, HEADER_RUN, 1);
	e->job.attempt = header_number(in, HEADER_ATTEMPT, 0) + 1;
	e->job.submitted_ms = e->delivery.stored_ms;
	struct span at = bus_in_header(in, HEADER_SUBMITTED_AT);
	int64_t ms;
	if (at.p && rfc3339_parse(at, &ms))
		e->job.submitted_ms = ms;
}

/* In order: the body's own id, the one it was given earlier, its place in the stream. */
static void name_job(struct worker *w, struct worker_entry *e)
{
	struct span given = bus_in_header(&e->delivery.in, HEADER_JOB_ID);
	if (e->job.job.job_id.p)
		span_copy(e->job.job.job_id, e->job_id, sizeof e->job_id);
	else if (given.p && id_is_job(given))
		span_copy(given, e->job_id, sizeof e->job_id);
	else
		job_id_from_sequence(w->stream_created_ms, e->delivery.stream_sequence, e->job_id);
	e->job.id = span_from(e->job_id);
}

static void take_trace(struct worker_entry *e)
{
	struct trace_context parent;
	struct span text = bus_in_header(&e->delivery.in, HEADER_TRACEPARENT);
	if (!text.p || !trace_parse(text, &parent))
		parent = trace_of_job(e->subject.tenant, e->job.id);
	e->has_traceparent = text.p != NULL;
	e->trace_parent = parent;
	e->job.trace = trace_child(&parent);
}

static enum status check_subject(struct worker *w, struct worker_entry *e, struct err *err)
{
	struct span rest = e->delivery.in.subject;
	if (job_subject_parse(rest, &e->subject))
		return STATUS_OK;
	e->from_overflow = job_overflow_parse(rest, &e->subject);
	if (e->from_overflow)
		return STATUS_OK;
	/* Still to be answered where its publisher looks: take the tenant's token as it is. */
	span_cut(&rest, '.');
	e->subject = (struct job_subject){
	    .tenant = span_cut(&rest, '.'), .kind = span_from(w->kind.kind), .priority = PRIORITY_DEFAULT};
	return err_field(err, STATUS_INVALID, "subject", "subject %.*s: tenant must be 1 to 32 of a-z 0-9 _ -",
	                 SPAN_ARG(e->delivery.in.subject));
}

/* Of a submission that does not decode nothing is trusted but a well-formed id: its publisher looks for that one. */
static void keep_id_only(struct worker_job *j, const struct json *body)
{
	struct json id;
	struct span text = json_member(*body, SPAN("job_id"), &id) ? json_text(id, &j->arena) : (struct span){0};
	j->job = (struct job){.job_id = text.p && id_is_job(text) ? text : (struct span){0}};
}

static enum status decode(struct worker *w, struct worker_entry *e, struct err *err)
{
	struct worker_job *j = &e->job;
	struct json body = {0};
	if (e->delivery.in.data.n > JOB_PAYLOAD_MAX)
		return err_set(err, STATUS_TOO_LARGE,
		               "a submission of %zu bytes is larger than %zu; put big input into the object store",
		               e->delivery.in.data.n, JOB_PAYLOAD_MAX);
	enum status s = json_parse(e->delivery.in.data, &body, err);
	if (s == STATUS_OK)
		s = json_decode(w->kind.table, body, JSON_LENIENT, &j->arena, &j->job, err);
	if (s != STATUS_OK)
		keep_id_only(j, &body);
	return s;
}

static enum status check(struct worker *w, struct worker_entry *e, struct err *err)
{
	struct worker_job *j = &e->job;
	j->max_retries = j->job.max_retries.set ? j->job.max_retries.v : w->kind.max_retries;
	j->timeout_ms = j->job.timeout_ms.set ? j->job.timeout_ms.v : w->kind.timeout_ms;
	if (j->job.reply_to.p) {
		if (!job_reply_allowed(e->subject.tenant, j->job.reply_to) ||
		    !span_copy(j->job.reply_to, e->reply_to, sizeof e->reply_to))
			return err_field(
			    err, STATUS_INVALID, "reply_to", "reply_to: %.*s is not under _INBOX. or gannet.%.*s.reply.",
			    (int)(j->job.reply_to.n > 80 ? 80 : j->job.reply_to.n), j->job.reply_to.p, SPAN_ARG(e->subject.tenant));
	}
	return w->kind.validate ? w->kind.validate(w->kind.arg, j, err) : STATUS_OK;
}

/* A job id that was not yet compared with earlier ones, by the broker or by a worker that published it again, has to be claimed. */
static bool needs_claim(const struct worker_entry *e)
{
	if (!e->job.job.job_id.p || bus_in_header(&e->delivery.in, HEADER_JOB_ID).p)
		return false;
	struct span id = bus_in_header(&e->delivery.in, HEADER_MSG_ID);
	return !id.p || !memmem(id.p, id.n, e->job.id.p, e->job.id.n);
}

enum admission worker_admit(struct worker *w, struct worker_entry *e)
{
	struct worker_job *j = &e->job;
	struct err err = {0};
	j->worker = w;
	j->entry = e;
	take_headers(e);
	enum status s = check_subject(w, e, &err);
	j->tenant = e->subject.tenant;
	j->kind = e->subject.kind;
	j->priority = e->subject.priority;
	if (!e->from_overflow)
		w->pending[e->subject.priority] = e->delivery.pending;
	put_sequence(e->delivery.stream_sequence, e->sequence);
	struct err ignored;
	enum status decoded = decode(w, e, s == STATUS_OK ? &err : &ignored); /* its id is wanted in any case */
	if (s == STATUS_OK)
		s = decoded;
	name_job(w, e);
	take_trace(e);
	if (s == STATUS_OK)
		s = check(w, e, &err);
	if (s != STATUS_OK) {
		settle_reject(w, e, &err);
		return ADMIT_DONE;
	}
	if (e->delivery.delivered > 1 && !e->redelivered_checked)
		return ADMIT_RECOVER;
	if (e->history.attempt_used > j->attempt - 1)
		j->attempt = e->history.attempt_used + 1;
	if (e->history.superseded) {
		settle_silently(w, e, ACK_ACK);
		return ADMIT_DONE;
	}
	if (e->history.interrupted >= w->o.poison_deliveries) {
		settle_poison(w, e);
		return ADMIT_DONE;
	}
	int64_t now = clock_wall_ms(w->clock);
	bool was_delayed = bus_in_header(&e->delivery.in, HEADER_ATTEMPT).p != NULL;
	if (j->job.run_at.ms > now + RUN_AT_SLACK_MS && !was_delayed && !cancel_is_requested(w, e)) {
		settle_delay(w, e, j->job.run_at.ms);
		return ADMIT_DONE;
	}
	if (!needs_claim(e) || e->history.own_claim)
		return ADMIT_RUN;
	if (!e->claim_taken)
		return ADMIT_CLAIM;
	settle_duplicate(w, e);
	return ADMIT_DONE;
}
