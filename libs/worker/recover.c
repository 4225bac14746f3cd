/* Reads, for a redelivered job, what the stream of events knows of it: it may have ended, be delayed, or have killed
 * its worker. */
#include <stdio.h>
#include <string.h>

#include "bus/topology.h"
#include "worker/internal.h"

/* Put into a stream by one of us, or by the jobs service: it may be the successor of the message that an event speaks of. */
static bool is_republished(const struct worker_entry *e)
{
	return bus_in_header(&e->delivery.in, HEADER_JOB_ID).p != NULL;
}

/*
 * Deliveries that began and never ended are counted from `started` events: each redelivery is announced before it runs,
 * with the count so far. The very first delivery leaves no event if it dies at once, so one more than the limit may be
 * needed.
 */
static void learn_start(struct worker_entry *e, const struct job_event *last, bool same_message)
{
	struct job_history *h = &e->history;
	bool other_runs = !same_message && e->job.job.job_id.p && !is_republished(e);
	h->superseded = other_runs && last->attempt >= e->job.attempt;
	if (!same_message)
		return;
	/* An event of this very delivery is its claim. */
	h->interrupted = (last->interrupted.set ? last->interrupted.v : 0) + (last->delivery < (int64_t)e->delivery.delivered);
	h->attempt_used = last->attempt - 1;
}

static void learn(const struct worker *w, struct worker_entry *e, const struct job_event *last)
{
	struct job_history *h = &e->history;
	bool same_message = span_is(last->stream_seq, e->sequence);
	if (last->run < e->job.run)
		return; /* speaks of an earlier run */
	h->known = true;
	if (last->run > e->job.run || job_state_is_final(last->state)) {
		h->superseded = true;
		return;
	}
	/* Whoever lost against a claim leaves no event: who wrote one holds it. */
	h->own_claim = same_message;
	switch (last->state) {
	case JOB_EVENT_RETRYING:
		h->attempt_used = last->attempt_used.set && !last->attempt_used.v ? last->attempt - 1 : last->attempt;
		/* Waits past the limit went to the schedule store before this event was written: the job comes back from there.
		 */
		h->superseded = same_message && last->delay_ms.set && last->delay_ms.v > w->o.nak_max_ms;
		break;
	case JOB_EVENT_STARTED:
	case JOB_EVENT_PROGRESSED:
		learn_start(e, last, same_message);
		break;
	default:
		break;
	}
}

static void look_up(struct worker *w, struct worker_entry *e)
{
	char subject[160];
	struct bus_stored_message m;
	struct err err;
	snprintf(subject, sizeof subject, "gannet.%.*s.jobs.event.*.%s", SPAN_ARG(e->subject.tenant), e->job_id);
	/* Without an answer the job runs again, unless its claim is in doubt: its result is recorded once. */
	e->history = (struct job_history){0};
	if (bus_get_last(w->bus, STREAM_EVENTS, subject, &m, &err) != STATUS_OK)
		return;
	scoped_arena arena = {0};
	struct json body;
	struct job_event last;
	if (json_parse(m.data, &body, &err) == STATUS_OK &&
	    json_decode(&job_event_table, body, JSON_LENIENT, &arena, &last, &err) == STATUS_OK)
		learn(w, e, &last);
	bus_stored_message_free(&m);
}

static void *run(void *arg)
{
	struct worker *w = arg;
	pthread_mutex_lock(&w->lock);
	while (!w->recover_stop) {
		overflow_look(w);
		struct worker_entry *e = w->recover.head;
		if (!e) {
			if (!w->recover_stop && !overflow_asked(w))
				pthread_cond_wait(&w->recover_wake, &w->lock);
			continue;
		}
		w->recover.head = e->next;
		if (!e->next)
			w->recover.tail = NULL;
		pthread_mutex_unlock(&w->lock);
		look_up(w, e);
		e->redelivered_checked = true;
		worker_post(w, &w->inbox, e);
		pthread_mutex_lock(&w->lock);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

enum status recover_start(struct worker *w, struct err *err)
{
	if (pthread_create(&w->recover_thread, NULL, run, w) != 0)
		return err_retry(err, STATUS_UNAVAILABLE, "cannot start the recovery thread");
	w->recover_running = true;
	return STATUS_OK;
}

void recover_stop(struct worker *w)
{
	if (!w->recover_running)
		return;
	pthread_mutex_lock(&w->lock);
	w->recover_stop = true;
	pthread_cond_signal(&w->recover_wake);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->recover_thread, NULL);
	w->recover_running = false;
}
