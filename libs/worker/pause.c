/* Knows which priorities of its kind are paused: follows the bucket `paused`. */
#include <string.h>

#include "worker/internal.h"

static int priority_of(const struct worker *w, struct span key)
{
	struct span kind = span_cut(&key, '.');
	if (!key.p || !span_is(kind, w->kind.kind))
		return -1;
	for (int p = 0; priority_names[p]; p++)
		if (span_is(key, priority_names[p]))
			return p;
	return -1;
}

static void on_entry(void *arg, struct span key, struct span value, uint64_t revision)
{
	(void)revision;
	struct worker *w = arg;
	int p = priority_of(w, key);
	if (p < 0)
		return;
	if (value.p)
		atomic_fetch_or(&w->paused, 1u << p);
	else
		atomic_fetch_and(&w->paused, ~(1u << p));
	loop_wake(w->loop);
}

static void on_caught_up(void *arg)
{
	struct worker *w = arg;
	pthread_mutex_lock(&w->lock);
	w->pause_ready = true;
	pthread_cond_broadcast(&w->drained);
	pthread_mutex_unlock(&w->lock);
}

enum status pause_start(struct worker *w, struct err *err)
{
	const struct bus_watch_options o = {.bucket = BUCKET_PAUSED, .entry = on_entry, .caught_up = on_caught_up, .arg = w};
	enum status s = bus_topology_ensure(w->bus, BUCKET_PAUSED, &w->o.limits, err);
	if (s == STATUS_OK)
		s = bus_watch_open(w->bus, &o, &w->pause_watch, err);
	if (s != STATUS_OK)
		return s;
	return worker_wait_read(w, BUCKET_PAUSED, &w->pause_ready, err);
}

void pause_stop(struct worker *w)
{
	if (w->pause_watch)
		bus_follow_close(w->pause_watch);
	w->pause_watch = NULL;
}

bool pause_applies(const struct worker *w, enum priority p)
{
	return atomic_load(&w->paused) & 1u << p;
}

bool pause_holds(struct worker *w, struct worker_entry *e)
{
	struct job_subject s;
	bool lane = false;
	if (!atomic_load(&w->paused))
		return false;
	if (!job_subject_parse(e->delivery.in.subject, &s) && !(lane = job_overflow_parse(e->delivery.in.subject, &s)))
		return false;
	if (!pause_applies(w, s.priority))
		return false;
	entry_list_push(&w->on_hold, e);
	w->lane_on_hold[overflow_lane(s.tenant)] += lane;
	return true;
}

void pause_let_go(struct worker *w)
{
	unsigned paused = atomic_load(&w->paused);
	if (paused == w->held_for && !atomic_load(&w->stop_requested))
		return;
	w->held_for = paused;
	struct entry_list all = w->on_hold;
	w->on_hold = (struct entry_list){0};
	memset(w->lane_on_hold, 0, sizeof w->lane_on_hold);
	for (struct worker_entry *e = all.head, *next; e; e = next) {
		next = e->next;
		worker_post(w, &w->inbox, e);
	}
}
