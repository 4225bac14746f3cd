/* Reads, for a redelivered job, what the stream of events knows of it: it may have ended, be delayed, or have killed
 * its worker. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bus/topology.h"
#include "worker/internal.h"

#define LOOK_UPS 128 /* jobs asked for at once: seven questions each */
#define TRIES 3
#define AGAIN_MS 200
#define SUBJECT_BYTES 160

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
		/* Handed back in good order: what was counted before still counts, this delivery does not. */
		h->interrupted = same_message && last->interrupted.set ? last->interrupted.v : 0;
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

/* ---- asking, many jobs at a time */

struct question {
	struct worker_entry *entries[LOOK_UPS];
	size_t n;
	struct bus_last asked[LOOK_UPS * JOB_STATE_COUNT];
	char subjects[LOOK_UPS * JOB_STATE_COUNT][SUBJECT_BYTES];
};

static void put_subjects(struct question *q)
{
	for (size_t i = 0; i < q->n * JOB_STATE_COUNT; i++) {
		const struct worker_entry *e = q->entries[i / JOB_STATE_COUNT];
		snprintf(q->subjects[i], SUBJECT_BYTES, "gannet.%.*s.jobs.event.%s.%s", SPAN_ARG(e->subject.tenant),
		         job_state_names[i % JOB_STATE_COUNT], e->job_id);
		q->asked[i] = (struct bus_last){.subject = q->subjects[i], .status = STATUS_TIMEOUT};
	}
}

static bool is_answered(const struct bus_last *a)
{
	return a->status == STATUS_OK || a->status == STATUS_NOT_FOUND;
}

static void forget(struct question *q)
{
	for (size_t i = 0; i < q->n * JOB_STATE_COUNT; i++)
		if (q->asked[i].status == STATUS_OK)
			bus_stored_message_free(&q->asked[i].message);
}

/* Nothing is known, or all of it: half an answer could lack the end of the job. */
static bool ask(struct worker *w, struct question *q)
{
	struct err ignored;
	if (!w->lookup && bus_lookup_open(w->bus, STREAM_EVENTS, &w->lookup, &ignored) != STATUS_OK)
		return false;
	put_subjects(q);
	bus_lookup(w->lookup, q->asked, q->n * JOB_STATE_COUNT);
	for (size_t i = 0; i < q->n * JOB_STATE_COUNT; i++)
		if (!is_answered(&q->asked[i])) {
			forget(q);
			return false;
		}
	return true;
}

static bool decode(const struct bus_last *a, struct arena *arena, struct job_event *ret)
{
	struct json body;
	struct err err;
	return a->status == STATUS_OK && json_parse(a->message.data, &body, &err) == STATUS_OK &&
	       json_decode(&job_event_table, body, JSON_LENIENT, arena, ret, &err) == STATUS_OK;
}

/* An end counts whatever came after it (a double that was run for nothing); otherwise the latest event tells. */
static void learn_all(const struct worker *w, struct worker_entry *e, const struct bus_last *of)
{
	scoped_arena arena = {0};
	struct job_event event, last;
	uint64_t last_sequence = 0;
	for (unsigned state = 0; state < JOB_STATE_COUNT; state++) {
		if (!decode(&of[state], &arena, &event))
			continue;
		if (job_state_is_final(event.state) && event.run >= e->job.run) {
			learn(w, e, &event);
			return;
		}
		if (of[state].message.sequence > last_sequence) {
			last_sequence = of[state].message.sequence;
			last = event;
		}
	}
	if (last_sequence)
		learn(w, e, &last);
}

/* Without an answer the job runs again, unless its claim is in doubt: its result is recorded once. */
static void look_up(struct worker *w, struct question *q)
{
	bool answered = false;
	for (int try = 0; try < TRIES && !answered; try++) {
		if (try)
			usleep(AGAIN_MS * 1000);
		answered = ask(w, q);
	}
	for (size_t i = 0; i < q->n; i++) {
		struct worker_entry *e = q->entries[i];
		e->history = (struct job_history){0};
		if (answered)
			learn_all(w, e, &q->asked[i * JOB_STATE_COUNT]);
		e->redelivered_checked = true;
	}
	if (answered)
		forget(q);
	for (size_t i = 0; i < q->n; i++)
		worker_post(w, &w->inbox, q->entries[i]);
}

/* With worker->lock held. */
static void take_entries(struct worker *w, struct question *q)
{
	for (q->n = 0; q->n < LOOK_UPS && w->recover.head; q->n++) {
		q->entries[q->n] = w->recover.head;
		w->recover.head = w->recover.head->next;
	}
	if (!w->recover.head)
		w->recover.tail = NULL;
}

static void *run(void *arg)
{
	struct worker *w = arg;
	struct question *q = NULL;
	pthread_mutex_lock(&w->lock);
	while (!w->recover_stop) {
		overflow_look(w);
		if (!w->recover.head) {
			if (!w->recover_stop && !overflow_asked(w))
				pthread_cond_wait(&w->recover_wake, &w->lock);
			continue;
		}
		if (!q && !(q = malloc(sizeof *q)))
			abort();
		take_entries(w, q);
		pthread_mutex_unlock(&w->lock);
		look_up(w, q);
		pthread_mutex_lock(&w->lock);
	}
	pthread_mutex_unlock(&w->lock);
	free(q);
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
	bus_lookup_close(w->lookup);
	w->recover_running = false;
}
