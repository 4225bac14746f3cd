/* The threads of kinds whose process() blocks. */
#include <stdio.h>
#include <stdlib.h>

#include "worker/internal.h"

void threads_give(struct worker *w, struct worker_entry *e)
{
	pthread_mutex_lock(&w->lock);
	entry_list_push(&w->jobs, e);
	pthread_cond_signal(&w->jobs_wake);
	pthread_mutex_unlock(&w->lock);
}

static void *run(void *arg)
{
	struct worker *w = arg;
	pthread_mutex_lock(&w->lock);
	for (;;) {
		struct worker_entry *e = w->jobs.head;
		if (e) {
			w->jobs.head = e->next;
			if (!e->next)
				w->jobs.tail = NULL;
			pthread_mutex_unlock(&w->lock);
			w->kind.process(w->kind.arg, &e->job);
			pthread_mutex_lock(&w->lock);
		} else if (w->threads_stop) {
			break;
		} else {
			pthread_cond_wait(&w->jobs_wake, &w->lock);
		}
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

enum status threads_start(struct worker *w, struct err *err)
{
	if (!w->kind.threads)
		return STATUS_OK;
	w->threads = calloc(w->kind.threads, sizeof *w->threads);
	if (!w->threads)
		abort();
	for (; w->threads_n < w->kind.threads; w->threads_n++)
		if (pthread_create(&w->threads[w->threads_n], NULL, run, w) != 0)
			return err_retry(err, STATUS_UNAVAILABLE, "cannot start %zu threads for kind %s", w->kind.threads,
			                 w->kind.kind);
	return STATUS_OK;
}

void threads_stop(struct worker *w)
{
	pthread_mutex_lock(&w->lock);
	w->threads_stop = true;
	pthread_cond_broadcast(&w->jobs_wake);
	pthread_mutex_unlock(&w->lock);
	for (size_t i = 0; i < w->threads_n; i++)
		pthread_join(w->threads[i], NULL);
	free(w->threads);
	w->threads = NULL;
	w->threads_n = 0;
}
