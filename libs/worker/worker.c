/* How a worker begins and ends. */
#include "worker/worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bus/private_id.h"
#include "core/wait.h"
#include "worker/internal.h"

#define READ_WAIT_S 10

static void free_worker(struct worker *w)
{
	for (struct worker_entry *e = w->free_entries, *next; e; e = next) {
		next = e->next;
		worker_entry_free(e);
	}
	cancel_free(w);
	queue_free(&w->queue);
	pthread_mutex_destroy(&w->lock);
	pthread_cond_destroy(&w->drained);
	pthread_cond_destroy(&w->lease_wake);
	pthread_cond_destroy(&w->recover_wake);
	pthread_cond_destroy(&w->jobs_wake);
	free(w);
}

static struct worker *new_worker(const struct worker_kind *k, const struct worker_options *o)
{
	struct worker *w = calloc(1, sizeof *w);
	if (!w) {
		fprintf(stderr, "out of memory\n");
		abort();
	}
	w->kind = *k;
	w->kind.timeout_ms = k->timeout_ms ? k->timeout_ms : JOB_TIMEOUT_DEFAULT_MS;
	w->o = *o;
	w->bus = o->bus;
	w->loop = o->loop;
	w->clock = o->clock;
	w->o.started_after_ms = o->started_after_ms ? o->started_after_ms : WORKER_STARTED_AFTER_MS;
	w->o.nak_max_ms = o->nak_max_ms ? o->nak_max_ms : WORKER_NAK_MAX_MS;
	w->o.poison_deliveries = o->poison_deliveries ? o->poison_deliveries : WORKER_POISON_DELIVERIES;
	snprintf(w->id, sizeof w->id, "%s", o->worker_id);
	gethostname(w->host, sizeof w->host - 1);
	w->started_ms = clock_wall_ms(o->clock);
	w->rate_window_ms = clock_mono_ms(o->clock);
	pthread_mutex_init(&w->lock, NULL);
	wait_cond_init(&w->drained);
	wait_cond_init(&w->lease_wake);
	wait_cond_init(&w->recover_wake);
	wait_cond_init(&w->jobs_wake);
	return w;
}

static enum status open_pulls(struct worker *w, struct err *err)
{
	for (int p = 0; p < PULL_COUNT; p++) {
		char consumer[72];
		if (p < PRIORITY_COUNT)
			bus_kind_consumer(w->kind.kind, priority_names[p], consumer);
		else
			bus_overflow_consumer(w->kind.kind, (unsigned)(p - PRIORITY_COUNT), consumer);
		enum status s = bus_pull_open(w->bus, STREAM_JOBS, consumer, worker_delivery, w, &w->pulls[p], err);
		if (s != STATUS_OK)
			return s;
	}
	return STATUS_OK;
}

/* Waits until another thread says so; false when it does not in time. `what` is guarded by worker->lock. */
static bool wait_for(struct worker *w, const bool *what, int64_t until_mono_ms)
{
	struct timespec t = {until_mono_ms / 1000, until_mono_ms % 1000 * 1000000};
	pthread_mutex_lock(&w->lock);
	while (!*what && pthread_cond_timedwait(&w->drained, &w->lock, &t) == 0)
		;
	bool said = *what;
	pthread_mutex_unlock(&w->lock);
	return said;
}

enum status worker_wait_read(struct worker *w, const char *bucket, const bool *read, struct err *err)
{
	if (wait_for(w, read, clock_mono_ms(w->clock) + READ_WAIT_S * 1000))
		return STATUS_OK;
	return err_retry(err, STATUS_TIMEOUT, "bucket %s was not read within %d s", bucket, READ_WAIT_S);
}

static enum status start_parts(struct worker *w, struct err *err)
{
	struct bus_stream_state jobs;
	enum status s = bus_topology_ensure_kind(w->bus, w->kind.kind, &w->o.limits, err);
	if (s == STATUS_OK)
		s = bus_stream_state(w->bus, STREAM_JOBS, &jobs, err);
	if (s != STATUS_OK)
		return s;
	w->stream_created_ms = jobs.created_ms;
	s = bus_private_ids_open(w->bus, err);
	if (s == STATUS_OK)
		s = cancel_start(w, err);
	if (s == STATUS_OK)
		s = pause_start(w, err);
	if (s == STATUS_OK)
		s = recover_start(w, err);
	if (s == STATUS_OK)
		s = threads_start(w, err);
	if (s == STATUS_OK)
		s = lease_start(w, err);
	return s == STATUS_OK ? open_pulls(w, err) : s;
}

static void stop_parts(struct worker *w)
{
	for (int p = 0; p < PULL_COUNT; p++)
		if (w->pulls[p])
			bus_pull_close(w->pulls[p]);
	lease_stop(w);
	threads_stop(w);
	recover_stop(w);
	pause_stop(w);
	cancel_stop(w);
}

enum status worker_start(const struct worker_kind *k, const struct worker_options *o, struct worker **ret,
                         struct err *err)
{
	struct worker *w = new_worker(k, o);
	enum status s = start_parts(w, err);
	if (s != STATUS_OK) {
		stop_parts(w);
		free_worker(w);
		return s;
	}
	loop_on_wake(w->loop, worker_wake, w);
	loop_wake(w->loop);
	lease_announce(w, "gannet.workers.registered", "running");
	*ret = w;
	return STATUS_OK;
}

/* Holds nothing after a turn that is still to come. */
static void wait_quiet(struct worker *w, int64_t until_mono_ms)
{
	pthread_mutex_lock(&w->lock);
	w->quiet = false;
	pthread_mutex_unlock(&w->lock);
	loop_wake(w->loop);
	wait_for(w, &w->quiet, until_mono_ms);
}

static struct worker *volatile abandoned; /* for whoever looks for memory that nobody knows of */

#define HAND_BACK_MS 3000 /* after the deadline: for aborted calls to end and for the last outcomes to be stored */

void worker_stop(struct worker *w, int64_t deadline_mono_ms)
{
	struct err ignored;
	atomic_store(&w->stop_deadline_ms, deadline_mono_ms);
	atomic_store(&w->stop_requested, true);
	wait_quiet(w, deadline_mono_ms + HAND_BACK_MS);
	for (int p = 0; p < PULL_COUNT; p++) {
		bus_pull_close(w->pulls[p]);
		w->pulls[p] = NULL;
	}
	/* once more, for what arrived until now */
	wait_quiet(w, clock_mono_ms(w->clock) + HAND_BACK_MS);
	lease_announce(w, "gannet.workers.unregistered", "stopped");
	/*
	 * Acknowledgements that do not leave any more mean redeliveries, which recover.c recognises, but not before the lease is over: a
	 * slow broker has the time that is left.
	 */
	int64_t left_ms = deadline_mono_ms - clock_mono_ms(w->clock);
	if (bus_flush(w->bus, bus_is_connected(w->bus) && left_ms > HAND_BACK_MS ? (int)left_ms : HAND_BACK_MS, &ignored) != STATUS_OK)
		ignored.status = STATUS_OK;
	atomic_store(&w->detach_requested, true);
	loop_wake(w->loop);
	bool detached = wait_for(w, &w->detached, clock_mono_ms(w->clock) + HAND_BACK_MS);
	stop_parts(w);
	/* Otherwise the loop hangs, or stores are unanswered, and may still touch it: the process is about to end anyway. */
	if (detached && w->quiet)
		free_worker(w);
	else
		abandoned = w;
}
