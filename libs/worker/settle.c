/* The one place where jobs end: stores what became of them, and acknowledges them once that is stored. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus/private_id.h"
#include "bus/store.h"
#include "bus/topology.h"
#include "worker/backoff.h"
#include "worker/internal.h"

/* A broker that does not answer must not hold up the end of a worker; without the event the hand-back counts as a crash. */
#define HAND_BACK_DEADLINE_MS 1000
/* What could not be decided now, because the broker did not answer, is looked at again after so long. */
#define LATER_MS 500

/* A message to be sent when an earlier one is stored: the `retrying` event behind a delayed job, or a result to
 * reply_to. */
struct pending_event {
	bool store; /* into the stream, under `name`; otherwise plainly */
	char subject[EVENT_SUBJECT_MAX], name[EVENT_NAME_MAX];
	size_t n;
	char data[];
};

static void keep_pending(struct worker_entry *e, bool stored, const char *subject, const char *name, struct span data)
{
	struct pending_event *p = malloc(sizeof *p + data.n);
	if (!p)
		abort();
	p->store = stored;
	snprintf(p->subject, sizeof p->subject, "%s", subject);
	snprintf(p->name, sizeof p->name, "%s", name);
	p->n = data.n;
	memcpy(p->data, data.p, data.n);
	e->pending = p;
}

/* From here on the entry belongs to the store's answer. On the loop's own thread the slot is free at once. */
static void enter_settling(struct worker *w, struct worker_entry *e, enum ack_kind ack, int64_t nak_delay_ms)
{
	e->ack = ack;
	e->nak_delay_ms = nak_delay_ms;
	bool ran = atomic_exchange(&e->state, ENTRY_SETTLING) == ENTRY_RUNNING;
	if (worker_of_loop != w)
		return; /* settle_stored() takes it out of the running jobs */
	if (ran) {
		loop_timer_stop(&e->timeout);
		worker_running_remove(w, e);
	}
	e->counted = true;
	w->settling++;
}

static void store_final(struct worker *w, struct worker_entry *e, struct job_event *ev, enum ack_kind ack)
{
	char subject[EVENT_SUBJECT_MAX], name[FINAL_NAME_BYTES];
	event_subject(e, ev->state, subject);
	job_final_name(e->subject.tenant, e->job.id, e->job.run, name);
	struct span body = event_encode(e, ev);
	if (e->reply_to[0])
		keep_pending(e, false, e->reply_to, "", body);
	enter_settling(w, e, ack, 0);
	event_store(w, e, subject, name, body);
}

static void set_times(const struct worker *w, const struct worker_entry *e, struct job_event *ev)
{
	int64_t took_ms = (clock_mono_ns(w->clock) - e->job.started_mono_ns) / 1000000;
	int64_t queued_ms = e->job.started_ms - e->job.submitted_ms;
	ev->processing_time_ms = (struct opt_i64){true, took_ms};
	ev->queue_time_ms = (struct opt_i64){true, queued_ms > 0 ? queued_ms : 0};
}

static struct job_error error_of(const struct err *err)
{
	return (struct job_error){span_from(status_code(err->status)), span_from(err->msg),
	                          err->field[0] ? span_from(err->field) : (struct span){0}};
}

static void count(struct worker *w, int64_t *counter, const struct worker_entry *e)
{
	pthread_mutex_lock(&w->lock);
	++*counter;
	if (e->job.started_mono_ns)
		w->counts.processing_ns += clock_mono_ns(w->clock) - e->job.started_mono_ns;
	pthread_mutex_unlock(&w->lock);
}

void settle_reject(struct worker *w, struct worker_entry *e, const struct err *err)
{
	struct job_error error = error_of(err);
	struct job_event ev = event_of(w, e, JOB_EVENT_REJECTED);
	ev.error = &error;
	count(w, &w->counts.rejected, e);
	store_final(w, e, &ev, ACK_TERM);
}

static void settle_failed(struct worker *w, struct worker_entry *e, const struct err *err)
{
	struct job_error error = error_of(err);
	struct job_event ev = event_of(w, e, JOB_EVENT_FAILED);
	ev.error = &error;
	if (e->job.started_mono_ns)
		set_times(w, e, &ev);
	count(w, &w->counts.failed, e);
	store_final(w, e, &ev, ACK_ACK);
}

void settle_poison(struct worker *w, struct worker_entry *e)
{
	struct err err;
	err_set(&err, STATUS_INTERNAL,
	        "given up as poison: %lld deliveries began to run and ended with no outcome (a worker that dies)",
	        (long long)e->history.interrupted);
	settle_failed(w, e, &err);
}

static void settle_without_event(struct worker *w, struct worker_entry *e, enum ack_kind ack, int64_t nak_delay_ms)
{
	enter_settling(w, e, ack, nak_delay_ms);
	e->stored = STATUS_OK;
	worker_post(w, &w->done, e);
}

void settle_silently(struct worker *w, struct worker_entry *e, enum ack_kind ack)
{
	settle_without_event(w, e, ack, 0);
}

/* The claim on its job id is not its own. As long as nobody knows whose it is, the message is not thrown away. */
void settle_duplicate(struct worker *w, struct worker_entry *e)
{
	if (e->history.known)
		count(w, &w->counts.duplicates, e);
	settle_without_event(w, e, e->history.known ? ACK_ACK : ACK_NAK, LATER_MS);
}

/* ---- waiting: a NAK for short times, the schedule store for long ones */

/*
 * Publishes the submission again, with all that a later delivery has to know of the earlier ones. A wait of `delay_ms` is
 * counted from when the broker stored it: our clock may be wrong.
 */
static void store_again(struct worker *w, struct worker_entry *e, const char *subject, const char *name,
                        int64_t attempts_used, int64_t delay_ms)
{
	char id[BUS_PRIVATE_ID_BYTES], used[24], run[24], delay[24] = "", at[RFC3339_BYTES], traceparent[TRACEPARENT_BYTES];
	bus_private_id(w->bus, name, id);
	if (delay_ms)
		snprintf(delay, sizeof delay, "%lld", (long long)delay_ms);
	snprintf(used, sizeof used, "%lld", (long long)attempts_used);
	snprintf(run, sizeof run, "%lld", (long long)e->job.run);
	struct bus_header headers[] = {
	    {HEADER_MSG_ID, span_from(id)},
	    {HEADER_JOB_ID, e->job.id},
	    {HEADER_ATTEMPT, span_from(used)},
	    {HEADER_RUN, span_from(run)},
	    {HEADER_DELAY, span_from(delay)},
	    {HEADER_SUBMITTED_AT, span_from(rfc3339_format(e->job.submitted_ms, at))},
	    {HEADER_TRACEPARENT, span_from(trace_format(&e->trace_parent, traceparent))},
	};
	struct bus_out m = {subject, NULL, e->delivery.in.data, headers, countof(headers)};
	struct err err;
	if (bus_store(w->bus, &m, EVENT_DEADLINE_MS, BUS_BLOCK, event_stored, e, &err) != STATUS_OK)
		event_stored(e, &(struct bus_stored){.status = err.status});
}

static void delayed_subject(const struct worker_entry *e, int64_t due_wall_ms, char out[EVENT_SUBJECT_MAX])
{
	snprintf(out, EVENT_SUBJECT_MAX, "gannet.%.*s.jobs.delayed.%.*s.%s.%lld.%s", SPAN_ARG(e->subject.tenant),
	         SPAN_ARG(e->subject.kind), priority_names[e->subject.priority], (long long)due_wall_ms, e->job_id);
}

void settle_delay(struct worker *w, struct worker_entry *e, int64_t due_wall_ms)
{
	char subject[EVENT_SUBJECT_MAX], name[EVENT_NAME_MAX];
	delayed_subject(e, due_wall_ms, subject);
	/* Without the place in the stream: a job id published twice is delayed once. */
	snprintf(name, sizeof name, "run-at:%.*s.%s:%lld", SPAN_ARG(e->subject.tenant), e->job_id, (long long)e->job.run);
	enter_settling(w, e, ACK_ACK, 0);
	store_again(w, e, subject, name, e->job.attempt - 1, 0);
}

void settle_overflow(struct worker *w, struct worker_entry *e)
{
	char subject[EVENT_SUBJECT_MAX], name[EVENT_NAME_MAX];
	snprintf(subject, sizeof subject, "gannet.%.*s.jobs.overflow.%.*s.%s.%u", SPAN_ARG(e->subject.tenant),
	         SPAN_ARG(e->subject.kind), priority_names[e->subject.priority], overflow_lane(e->subject.tenant));
	snprintf(name, sizeof name, "overflow:%s", e->sequence);
	enter_settling(w, e, ACK_ACK, 0);
	store_again(w, e, subject, name, e->job.attempt - 1, 0);
}

static void settle_wait(struct worker *w, struct worker_entry *e, const struct err *err, int64_t delay_ms, bool used)
{
	char subject[EVENT_SUBJECT_MAX], name[EVENT_NAME_MAX];
	struct job_error error = error_of(err);
	struct job_event ev = event_of(w, e, JOB_EVENT_RETRYING);
	ev.error = &error;
	ev.delay_ms = (struct opt_i64){true, delay_ms};
	ev.retry_at = (struct json_time){ev.timestamp.ms + delay_ms};
	ev.attempt_used = (struct opt_bool){true, used};
	event_subject(e, JOB_EVENT_RETRYING, subject);
	snprintf(name, sizeof name, "retry:%.*s.%s:%lld:%llu:%llu", SPAN_ARG(e->subject.tenant), e->job_id,
	         (long long)e->job.run, (unsigned long long)e->delivery.stream_sequence,
	         (unsigned long long)e->delivery.delivered);
	struct span body = event_encode(e, &ev);
	count(w, &w->counts.retried, e);
	if (delay_ms <= w->o.nak_max_ms) {
		enter_settling(w, e, ACK_NAK, delay_ms);
		event_store(w, e, subject, name, body);
		return;
	}
	/* Delayed first, then said, then acknowledged: recover.c relies on this order. */
	keep_pending(e, true, subject, name, body);
	enter_settling(w, e, ACK_ACK, 0);
	delayed_subject(e, ev.retry_at.ms, subject);
	/* One message delays one delivery once, however often the store is repeated. */
	snprintf(name, sizeof name, "delay:%s:%llu", e->sequence, (unsigned long long)e->delivery.delivered);
	store_again(w, e, subject, name, e->job.attempt - !used, delay_ms);
}

/*
 * Of a delivery that was announced something has to be said, or the next worker would take it for one that died with its
 * worker (recover.c): a job must not become poison because runners are replaced.
 */
void settle_hand_back(struct worker *w, struct worker_entry *e)
{
	if (!e->announced) {
		settle_silently(w, e, ACK_NAK);
		return;
	}
	char subject[EVENT_SUBJECT_MAX], name[EVENT_NAME_MAX];
	struct err err;
	err_retry(&err, STATUS_UNAVAILABLE, "handed back: its worker was told to end");
	struct job_error error = error_of(&err);
	struct job_event ev = event_of(w, e, JOB_EVENT_RETRYING);
	ev.error = &error;
	ev.delay_ms = (struct opt_i64){true, 0};
	ev.retry_at = ev.timestamp;
	ev.attempt_used = (struct opt_bool){true, false};
	ev.interrupted = (struct opt_i64){true, e->history.interrupted};
	event_subject(e, JOB_EVENT_RETRYING, subject);
	snprintf(name, sizeof name, "hand-back:%s:%llu", e->sequence, (unsigned long long)e->delivery.delivered);
	struct span body = event_encode(e, &ev);
	enter_settling(w, e, ACK_NAK, 0);
	event_store_within(w, e, subject, name, body, HAND_BACK_DEADLINE_MS);
}

static void settle_retry(struct worker *w, struct worker_entry *e, const struct worker_result *r)
{
	struct err err = r->err;
	int64_t attempt = e->job.attempt;
	if (attempt > e->job.max_retries) {
		if (e->job.max_retries > 0)
			snprintf(err.msg, sizeof err.msg, "gave up after %lld tries: %.*s", (long long)attempt,
			         (int)sizeof err.msg - 48, r->err.msg);
		settle_failed(w, e, &err);
		return;
	}
	int64_t base = w->kind.retry_base_ms ? w->kind.retry_base_ms : BACKOFF_BASE_MS;
	int64_t delay = r->delay_ms > 0 ? r->delay_ms : backoff_delay_ms(base, attempt - 1, e->job.id);
	settle_wait(w, e, &err, delay, true);
}

/* ---- what executors call */

static void record_span(const struct worker *w, const struct worker_entry *e, const struct worker_result *r)
{
	if (!trace_enabled())
		return;
	const struct trace_attribute attributes[] = {
	    {"gannet.job_id", e->job.id, 0},           {"gannet.tenant", e->subject.tenant, 0},
	    {"gannet.kind", e->subject.kind, 0},       {"gannet.attempt", {0}, e->job.attempt},
	    {"gannet.worker_id", span_from(w->id), 0},
	};
	bool ok = r->outcome == OUTCOME_COMPLETED;
	trace_record(&e->job.trace, e->trace_parent.span, "process job", TRACE_CONSUMER, e->job.started_ms,
	             (clock_mono_ns(w->clock) - e->job.started_mono_ns) / 1000, ok ? NULL : status_code(r->err.status),
	             attributes, countof(attributes));
}

static void settle_completed(struct worker *w, struct worker_entry *e, const struct worker_result *r)
{
	struct job_event ev = event_of(w, e, JOB_EVENT_COMPLETED);
	ev.result = r->llm;
	ev.output_data = r->output_data;
	set_times(w, e, &ev);
	count(w, &w->counts.succeeded, e);
	store_final(w, e, &ev, ACK_ACK);
}

static void settle_cancelled(struct worker *w, struct worker_entry *e)
{
	struct job_error error = {span_from(status_code(STATUS_CANCELLED)), SPAN("cancelled by request"), {0}};
	struct job_event ev = event_of(w, e, JOB_EVENT_CANCELLED);
	ev.error = &error;
	set_times(w, e, &ev);
	count(w, &w->counts.cancelled, e);
	store_final(w, e, &ev, ACK_ACK);
}

void worker_settle(struct worker_job *j, const struct worker_result *r)
{
	struct worker_entry *e = j->entry;
	struct worker *w = j->worker;
	record_span(w, e, r);
	if (r->outcome == OUTCOME_COMPLETED) {
		settle_completed(w, e, r);
	} else if (e->handed_back) {
		settle_hand_back(w, e);
	} else if (e->timed_out) {
		struct worker_result late = {.outcome = OUTCOME_RETRY};
		err_retry(&late.err, STATUS_TIMEOUT, "took longer than timeout_ms %lld", (long long)j->timeout_ms);
		settle_retry(w, e, &late);
	} else if (r->outcome == OUTCOME_CANCELLED) {
		settle_cancelled(w, e);
	} else if (r->outcome == OUTCOME_RETRY) {
		settle_retry(w, e, r);
	} else if (r->outcome == OUTCOME_WAIT) {
		settle_wait(w, e, &r->err, r->delay_ms, false);
	} else {
		settle_failed(w, e, &r->err);
	}
}

/* ---- the loop's part */

static void acknowledge(struct worker *w, struct worker_entry *e)
{
	struct span to = e->delivery.in.reply;
	struct err ignored; /* one that does not leave is a redelivery, which recover.c recognises */
	enum status s = STATUS_OK;
	if (e->stored != STATUS_OK)
		s = bus_nak(w->bus, to, 0, &ignored);
	else if (e->ack == ACK_ACK)
		s = bus_ack(w->bus, to, &ignored);
	else if (e->ack == ACK_TERM)
		s = bus_term(w->bus, to, &ignored);
	else
		s = bus_nak(w->bus, to, e->nak_delay_ms, &ignored);
	if (s != STATUS_OK)
		return;
}

/* True when something more has to be stored before the job may be acknowledged. */
static bool send_pending(struct worker *w, struct worker_entry *e)
{
	struct pending_event *p = e->pending;
	e->pending = NULL;
	if (!p)
		return false;
	bool again = e->stored == STATUS_OK && p->store;
	if (again)
		event_store(w, e, p->subject, p->name, span_of(p->data, p->n));
	else if (e->stored == STATUS_OK && !e->stored_duplicate)
		event_publish(w, e, p->subject, span_of(p->data, p->n));
	free(p);
	return again;
}

void settle_stored(struct worker *w, struct worker_entry *e)
{
	if (!e->counted) { /* settled by another thread */
		loop_timer_stop(&e->timeout);
		worker_running_remove(w, e);
		e->counted = true;
		w->settling++;
	}
	if (send_pending(w, e))
		return;
	acknowledge(w, e);
	w->settling--;
	worker_release(w, e);
}
