/* The messages in hand: from delivery to acknowledgement, and the lists they are on meanwhile. */
#include <stdio.h>
#include <stdlib.h>

#include "worker/internal.h"

#define FREE_ENTRIES_MAX 4096

void entry_list_push(struct entry_list *l, struct worker_entry *e)
{
	e->next = NULL;
	if (l->tail)
		l->tail->next = e;
	else
		l->head = e;
	l->tail = e;
}

void worker_post(struct worker *w, struct entry_list *list, struct worker_entry *e)
{
	pthread_mutex_lock(&w->lock);
	bool first = !list->head && !w->detached; /* then the loop may be gone */
	entry_list_push(list, e);
	pthread_mutex_unlock(&w->lock);
	if (first)
		loop_wake(w->loop);
}

/* ---- the list of all messages whose lease is ours; worker->lock is held (lease.c) */

/* A message can come back while we still hold it (a pause longer than the lease); any acknowledgement of it will do. */
static bool is_held(const struct worker *w, const struct bus_delivery *d)
{
	for (struct worker_entry *e = w->held_head; e; e = e->held_next)
		if (e->delivery.stream_sequence == d->stream_sequence && atomic_load(&e->state) != ENTRY_SETTLING)
			return true;
	return false;
}

static struct worker_entry *entry_new(struct worker *w)
{
	struct worker_entry *e = NULL;
	pthread_mutex_lock(&w->lock);
	if (w->free_entries) {
		e = w->free_entries;
		w->free_entries = e->next;
		w->free_n--;
	}
	pthread_mutex_unlock(&w->lock);
	if (!e)
		e = calloc(1, sizeof *e);
	if (!e) {
		fprintf(stderr, "out of memory\n");
		abort();
	}
	return e;
}

void worker_delivery(void *arg, struct bus_delivery *d)
{
	struct worker *w = arg;
	struct worker_entry *e = entry_new(w);
	struct arena arena = e->job.arena;
	*e = (struct worker_entry){.delivery = *d, .state = ENTRY_NEW, .lease_mono_ms = clock_mono_ms(w->clock)};
	e->job.arena = arena;
	pthread_mutex_lock(&w->lock);
	if (d->delivered > 1 && is_held(w, d)) {
		e->next = w->free_entries;
		w->free_entries = e;
		w->free_n++;
		pthread_mutex_unlock(&w->lock);
		bus_delivery_free(d);
		return;
	}
	bool first = !w->inbox.head;
	held_add(w, e);
	entry_list_push(&w->inbox, e);
	pthread_mutex_unlock(&w->lock);
	if (first)
		loop_wake(w->loop);
}

struct entry_list worker_take(struct worker *w, struct entry_list *list)
{
	pthread_mutex_lock(&w->lock);
	struct entry_list all = *list;
	*list = (struct entry_list){0};
	pthread_mutex_unlock(&w->lock);
	return all;
}

/* ---- the running jobs, oldest first; loop thread */

void worker_running_add(struct worker *w, struct worker_entry *e)
{
	e->running_prev = w->running_tail;
	e->running_next = NULL;
	*(w->running_tail ? &w->running_tail->running_next : &w->running_head) = e;
	w->running_tail = e;
	w->running++;
}

void worker_running_remove(struct worker *w, struct worker_entry *e)
{
	*(e->running_prev ? &e->running_prev->running_next : &w->running_head) = e->running_next;
	*(e->running_next ? &e->running_next->running_prev : &w->running_tail) = e->running_prev;
	w->running--;
}

void worker_entry_free(struct worker_entry *e)
{
	arena_free(&e->job.arena);
	free(e);
}

void worker_release(struct worker *w, struct worker_entry *e)
{
	loop_timer_free(&e->timeout);
	struct bus_delivery delivery = e->delivery;
	arena_reset(&e->job.arena);
	pthread_mutex_lock(&w->lock);
	held_remove(w, e);
	bool keep = w->free_n < FREE_ENTRIES_MAX;
	if (keep) {
		e->next = w->free_entries;
		w->free_entries = e;
		w->free_n++;
	}
	pthread_mutex_unlock(&w->lock);
	bus_delivery_free(&delivery);
	if (!keep)
		worker_entry_free(e);
}
