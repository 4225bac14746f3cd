/* Knows which jobs are to be given up: follows the bucket `cancelled`. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus/topology.h"
#include "worker/internal.h"

/* The bucket forgets a request after a day, and so do we. */
#define KEEP_MS (24 * 3600 * 1000)
#define SWEEP_MS (60 * 1000)

static void on_entry(void *arg, struct span key, struct span value, uint64_t revision)
{
	(void)revision;
	struct worker *w = arg;
	struct cancel_note *n = calloc(1, sizeof *n);
	if (!n || !span_copy(key, n->key, sizeof n->key)) {
		free(n); /* no key of ours is so long */
		return;
	}
	n->removed = !value.p;
	n->at_mono_ms = clock_mono_ms(w->clock);
	pthread_mutex_lock(&w->lock);
	n->next = w->cancel_notes;
	w->cancel_notes = n;
	pthread_mutex_unlock(&w->lock);
	loop_wake(w->loop);
}

static void on_caught_up(void *arg)
{
	struct worker *w = arg;
	pthread_mutex_lock(&w->lock);
	w->cancel_ready = true;
	pthread_cond_broadcast(&w->drained);
	pthread_mutex_unlock(&w->lock);
}

enum status cancel_start(struct worker *w, struct err *err)
{
	struct bus_watch_options o = {.bucket = BUCKET_CANCELLED, .entry = on_entry, .caught_up = on_caught_up, .arg = w};
	enum status s = bus_watch_open(w->bus, &o, &w->cancel_watch, err);
	if (s != STATUS_OK)
		return s;
	return worker_wait_read(w, BUCKET_CANCELLED, &w->cancel_ready, err);
}

void cancel_stop(struct worker *w)
{
	if (w->cancel_watch)
		bus_follow_close(w->cancel_watch);
	w->cancel_watch = NULL;
}

static void sweep(struct worker *w)
{
	int64_t now = clock_mono_ms(w->clock);
	if (now - w->cancel_swept_ms < SWEEP_MS)
		return;
	w->cancel_swept_ms = now;
	struct map kept = {0};
	for (struct map_slot *s = map_next(&w->cancelled, NULL); s; s = map_next(&w->cancelled, s)) {
		struct cancel_note *n = s->value;
		if (now - n->at_mono_ms < KEEP_MS)
			map_put(&kept, span_from(n->key), n);
		else
			free(n);
	}
	map_free(&w->cancelled);
	w->cancelled = kept;
}

void cancel_take_notes(struct worker *w)
{
	pthread_mutex_lock(&w->lock);
	struct cancel_note *n = w->cancel_notes;
	w->cancel_notes = NULL;
	pthread_mutex_unlock(&w->lock);
	struct cancel_note *oldest_first = NULL;
	for (struct cancel_note *next; n; n = next) {
		next = n->next;
		n->next = oldest_first;
		oldest_first = n;
	}
	for (struct cancel_note *next; oldest_first; oldest_first = next) {
		next = oldest_first->next;
		if (oldest_first->removed) {
			free(map_del(&w->cancelled, span_from(oldest_first->key)));
			free(oldest_first);
		} else {
			free(map_put(&w->cancelled, span_from(oldest_first->key), oldest_first));
			w->cancel_news = true;
		}
	}
	sweep(w);
}

bool cancel_is_requested(const struct worker *w, const struct worker_entry *e)
{
	if (!w->cancelled.count)
		return false;
	char key[TENANT_ID_MAX + JOB_ID_MAX + 24];
	int n = snprintf(key, sizeof key, "%.*s.%s.%lld", SPAN_ARG(e->subject.tenant), e->job_id, (long long)e->job.run);
	return n > 0 && (size_t)n < sizeof key && map_has(&w->cancelled, span_of(key, (size_t)n));
}

void cancel_free(struct worker *w)
{
	for (struct cancel_note *n = w->cancel_notes, *next; n; n = next) {
		next = n->next;
		free(n);
	}
	for (struct map_slot *s = map_next(&w->cancelled, NULL); s; s = map_next(&w->cancelled, s))
		free(s->value);
	map_free(&w->cancelled);
}
