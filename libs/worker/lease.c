/* Keeps the leases of all held messages from a thread of its own, and tells the registry that this worker lives. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bus/topology.h"
#include "core/wait.h"
#include "worker/internal.h"

/* Three renewals fit into one lease, so that a lost one does no harm. */
#define RENEWALS 3
#define LOOK_MS 1000
#define REGISTER_MS 10000
#define RENEW_BATCH 128
#define ACK_SUBJECT_MAX 256

void held_add(struct worker *w, struct worker_entry *e)
{
	e->held_prev = w->held_tail;
	e->held_next = NULL;
	*(w->held_tail ? &w->held_tail->held_next : &w->held_head) = e;
	w->held_tail = e;
	w->held++;
}

void held_remove(struct worker *w, struct worker_entry *e)
{
	*(e->held_prev ? &e->held_prev->held_next : &w->held_head) = e->held_next;
	*(e->held_next ? &e->held_next->held_prev : &w->held_tail) = e->held_prev;
	w->held--;
}

/*
 * Takes up to RENEW_BATCH acknowledgement subjects that are due, oldest first, and moves their entries to the list's
 * end. Only copies are taken out of the lock: sending may block, and the loop must not wait for it.
 */
static size_t due(struct worker *w, char out[RENEW_BATCH][ACK_SUBJECT_MAX])
{
	size_t n = 0;
	int64_t now = clock_mono_ms(w->clock), renew_ms = w->o.limits.lease_ms / RENEWALS;
	pthread_mutex_lock(&w->lock);
	for (struct worker_entry *e; n < RENEW_BATCH && (e = w->held_head) && now - e->lease_mono_ms > renew_ms;) {
		held_remove(w, e);
		e->lease_mono_ms = now;
		held_add(w, e);
		bool overdue = e->lease_until_ms && now > e->lease_until_ms;
		if (!overdue && span_copy(e->delivery.in.reply, out[n], ACK_SUBJECT_MAX))
			n++;
	}
	pthread_mutex_unlock(&w->lock);
	return n;
}

static void renew(struct worker *w)
{
	char subjects[RENEW_BATCH][ACK_SUBJECT_MAX];
	struct err ignored; /* a lost renewal is made good by the next one */
	size_t n;
	do {
		n = due(w, subjects);
		for (size_t i = 0; i < n; i++)
			if (bus_in_progress(w->bus, span_from(subjects[i]), &ignored) != STATUS_OK)
				return;
	} while (n == RENEW_BATCH);
}

static const char *state_name(const struct worker *w)
{
	if (atomic_load(&w->stop_requested))
		return "stopping";
	return atomic_load(&w->in_flight_now) ? "processing" : "idle";
}

void lease_announce(struct worker *w, const char *subject, const char *status)
{
	scoped_buf capabilities = {0}, providers = {0}, body = {0};
	struct json_writer list = {&capabilities, false}, called = {&providers, false}, out = {&body, false};
	json_begin_array(&list);
	for (size_t i = 0; w->kind.capabilities[i]; i++)
		json_put_text(&list, span_from(w->kind.capabilities[i]));
	json_end_array(&list);
	if (w->kind.providers)
		w->kind.providers(w->kind.arg, &called);

	pthread_mutex_lock(&w->lock);
	struct worker_counts c = w->counts;
	pthread_mutex_unlock(&w->lock);
	int64_t ended = c.succeeded + c.failed + c.cancelled;
	struct worker_info info = {
	    .worker_id = span_from(w->id),
	    .kind = span_from(w->kind.kind),
	    .status = span_from(status),
	    .capabilities = {buf_span(&capabilities), JSON_ARRAY},
	    .started_at = {w->started_ms},
	    .timestamp = {clock_wall_ms(w->clock)},
	    .concurrency = (int64_t)w->kind.concurrency,
	    .in_flight = (int64_t)atomic_load(&w->in_flight_now),
	    .waiting = (int64_t)atomic_load(&w->waiting_now),
	    .succeeded = c.succeeded,
	    .failed = c.failed,
	    .retried = c.retried,
	    .cancelled = c.cancelled,
	    .average_processing_ms = ended ? (double)c.processing_ns / 1e6 / (double)ended : 0,
	    .version = span_from(w->o.version),
	    .host = span_from(w->host),
	    .pid = getpid(),
	    .providers = {buf_span(&providers), w->kind.providers ? JSON_ARRAY : JSON_ABSENT},
	};
	json_encode(&worker_info_table, &info, &out);
	struct err ignored; /* the next heartbeat says it again */
	if (bus_publish(w->bus, &(struct bus_out){.subject = subject, .data = buf_span(&body)}, &ignored) != STATUS_OK)
		return;
}

/* Buckets take plain publishes too; a heartbeat need not wait for the server's answer. */
static void heartbeat(struct worker *w)
{
	char subject[192];
	snprintf(subject, sizeof subject, "$KV.%s.%s", BUCKET_WORKERS, w->id);
	lease_announce(w, subject, state_name(w));
}

static void *run(void *arg)
{
	struct worker *w = arg;
	int64_t registered = clock_mono_ms(w->clock) - REGISTER_MS;
	pthread_mutex_lock(&w->lock);
	while (!w->lease_stop) {
		pthread_mutex_unlock(&w->lock);
		renew(w);
		if (clock_mono_ms(w->clock) - registered >= REGISTER_MS) {
			registered = clock_mono_ms(w->clock);
			heartbeat(w);
		}
		int64_t look_ms = w->o.limits.lease_ms / RENEWALS / 2;
		if (look_ms > LOOK_MS)
			look_ms = LOOK_MS;
		struct timespec t = wait_until(look_ms);
		pthread_mutex_lock(&w->lock);
		if (!w->lease_stop)
			pthread_cond_timedwait(&w->lease_wake, &w->lock, &t);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

enum status lease_start(struct worker *w, struct err *err)
{
	if (pthread_create(&w->lease_thread, NULL, run, w) != 0)
		return err_retry(err, STATUS_UNAVAILABLE, "cannot start the lease thread");
	w->lease_running = true;
	return STATUS_OK;
}

void lease_stop(struct worker *w)
{
	if (!w->lease_running)
		return;
	pthread_mutex_lock(&w->lock);
	w->lease_stop = true;
	pthread_cond_signal(&w->lease_wake);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->lease_thread, NULL);
	/* Gone from the registry at once instead of after the bucket's TTL. */
	char subject[192];
	snprintf(subject, sizeof subject, "$KV.%s.%s", BUCKET_WORKERS, w->id);
	struct bus_header operation = {"KV-Operation", SPAN("DEL")};
	struct err ignored;
	if (bus_publish(w->bus, &(struct bus_out){.subject = subject, .headers = &operation, .headers_n = 1}, &ignored) !=
	    STATUS_OK)
		return;
}
