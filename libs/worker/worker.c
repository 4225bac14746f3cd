/* The loop of a worker: takes deliveries in, gives jobs their turn, lets go of what is settled, and asks for more. */
#include "worker/worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bus/store.h"
#include "bus/topology.h"
#include "worker/internal.h"

#define TICK_MS 250
#define RATE_WINDOW_MS 100
/* Prefetch enough for this long at the measured pace, so that the queue never runs dry between two pulls. */
#define PREFETCH_MS 100.0
/* Outcomes being stored; past it no new job begins, so that the bus's own window never blocks the loop. */
#define SETTLING_MAX (BUS_STORE_WINDOW / 2)
#define FREE_ENTRIES_MAX 4096

_Thread_local struct worker *worker_of_loop;

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
	bool first = !list->head;
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

static void on_delivery(void *arg, struct bus_delivery *d)
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

static struct entry_list take(struct worker *w, struct entry_list *list)
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

static void entry_free(struct worker_entry *e)
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
		entry_free(e);
}

/* ---- turns */

static void give_up(struct worker *w, struct worker_entry *e)
{
	atomic_store(&e->job.cancelled, true);
	if (w->kind.cancel)
		w->kind.cancel(w->kind.arg, &e->job);
}

static void on_timeout(void *arg)
{
	struct worker_entry *e = arg;
	if (atomic_load(&e->state) != ENTRY_RUNNING)
		return;
	e->timed_out = true;
	give_up(e->job.worker, e);
}

static void begin(struct worker *w, struct worker_entry *e)
{
	atomic_store(&e->state, ENTRY_RUNNING);
	e->job.started_ms = clock_wall_ms(w->clock);
	e->job.started_mono_ns = clock_mono_ns(w->clock);
	pthread_mutex_lock(&w->lock);
	e->lease_until_ms = e->job.started_mono_ns / 1000000 + e->job.timeout_ms + w->o.limits.lease_ms;
	pthread_mutex_unlock(&w->lock);
	worker_running_add(w, e);
	w->rate_started++;
	if (e->delivery.delivered > 1 && !e->announced)
		settle_announce(w, e, false); /* evidence for the next one, should this delivery die as well */
	if (w->kind.threads) {
		loop_timer_start(w->loop, &e->timeout, e->job.timeout_ms, on_timeout, e);
		threads_give(w, e);
		return;
	}
	w->kind.process(w->kind.arg, &e->job);
	/* One that settled at once is safe to look at, because only this thread releases entries, and needs no timer. */
	if (atomic_load(&e->state) == ENTRY_RUNNING)
		loop_timer_start(w->loop, &e->timeout, e->job.timeout_ms, on_timeout, e);
}

static void enqueue(struct worker *w, struct worker_entry *e)
{
	if (overflow_applies(w, e)) {
		settle_overflow(w, e);
		return;
	}
	atomic_store(&e->state, ENTRY_WAITING);
	queue_push(&w->queue, e->subject.priority, e->subject.tenant, e);
	if (e->from_overflow)
		w->lane_waiting[overflow_lane(e->subject.tenant)]++;
}

static struct worker_entry *dequeue(struct worker *w)
{
	struct worker_entry *e = queue_pop(&w->queue);
	if (e && e->from_overflow)
		w->lane_waiting[overflow_lane(e->subject.tenant)]--;
	return e;
}

static void recover(struct worker *w, struct worker_entry *e)
{
	w->recovering++;
	pthread_mutex_lock(&w->lock);
	entry_list_push(&w->recover, e);
	pthread_cond_signal(&w->recover_wake);
	pthread_mutex_unlock(&w->lock);
}

static void admit(struct worker *w, struct worker_entry *e)
{
	switch (worker_admit(w, e)) {
	case ADMIT_RUN:
		enqueue(w, e);
		break;
	case ADMIT_CLAIM:
		atomic_store(&e->state, ENTRY_CLAIMING);
		w->claiming++;
		settle_announce(w, e, true);
		break;
	case ADMIT_RECOVER:
		recover(w, e);
		break;
	case ADMIT_DONE:
		break;
	}
}

static void take_inbox(struct worker *w)
{
	struct entry_list in = take(w, &w->inbox);
	for (struct worker_entry *e = in.head, *next; e; e = next) {
		next = e->next;
		if (e->redelivered_checked)
			w->recovering--;
		if (w->handing_back)
			settle_silently(w, e, ACK_NAK);
		else
			admit(w, e);
	}
}

/* A claim that is there already may be our own, sent twice because its first answer was lost: its author has to be looked up. */
static void claim_answered(struct worker *w, struct worker_entry *e)
{
	w->claiming--;
	if (e->stored == STATUS_OK && e->stored_duplicate) {
		e->claim_taken = true;
		atomic_store(&e->state, ENTRY_NEW);
		recover(w, e);
		return;
	}
	if (e->stored != STATUS_OK) { /* cannot know: let the queue hand it out again */
		settle_silently(w, e, ACK_NAK);
		return;
	}
	enqueue(w, e);
}

static void take_done(struct worker *w)
{
	struct entry_list done = take(w, &w->done);
	for (struct worker_entry *e = done.head, *next; e; e = next) {
		next = e->next;
		if (atomic_load(&e->state) == ENTRY_CLAIMING)
			claim_answered(w, e);
		else
			settle_stored(w, e);
	}
}

static void announce_running(struct worker *w)
{
	int64_t after_ns = w->o.started_after_ms * 1000000, now = clock_mono_ns(w->clock);
	for (struct worker_entry *e = w->running_head; e && now - e->job.started_mono_ns >= after_ns; e = e->running_next)
		if (!e->announced && atomic_load(&e->state) == ENTRY_RUNNING)
			settle_announce(w, e, false);
}

static void abort_cancelled(struct worker *w)
{
	for (struct worker_entry *e = w->running_head; e; e = e->running_next)
		if (atomic_load(&e->state) == ENTRY_RUNNING && !atomic_load(&e->job.cancelled) && cancel_is_requested(w, e))
			give_up(w, e);
}

static void dispatch(struct worker *w)
{
	while (w->running < w->kind.concurrency && w->settling < SETTLING_MAX) {
		struct worker_entry *e = dequeue(w);
		if (!e)
			return;
		if (cancel_is_requested(w, e)) {
			atomic_store(&e->job.cancelled, true);
			e->job.started_ms = clock_wall_ms(w->clock);
			e->job.started_mono_ns = clock_mono_ns(w->clock);
			atomic_store(&e->state, ENTRY_RUNNING);
			worker_running_add(w, e);
			worker_settle(&e->job, &(struct worker_result){.outcome = OUTCOME_CANCELLED});
		} else {
			begin(w, e);
		}
	}
}

static void measure(struct worker *w)
{
	int64_t now = clock_mono_ms(w->clock), elapsed = now - w->rate_window_ms;
	if (elapsed < RATE_WINDOW_MS)
		return;
	double rate = (double)w->rate_started / (double)elapsed;
	w->rate_per_ms = rate > w->rate_per_ms ? rate : w->rate_per_ms * 0.7 + rate * 0.3;
	w->rate_started = 0;
	w->rate_window_ms = now;
}

/* Small top-ups would cost a request each: wait until a quarter is missing. */
static void ask(struct bus_pull *p, size_t waiting, size_t target)
{
	size_t have = waiting + bus_pull_wanted(p);
	if (have < target && (target - have) * 4 >= target)
		bus_pull_want(p, target - have);
}

/* Free slots, plus what the present pace uses up before an answer to the next pull can be here. */
static void top_up(struct worker *w)
{
	size_t free_slots = w->kind.concurrency > w->running ? w->kind.concurrency - w->running : 0;
	size_t target = free_slots + (size_t)(w->rate_per_ms * PREFETCH_MS);
	if (!target)
		target = 1;
	if (target > WORKER_PREFETCH_MAX)
		target = WORKER_PREFETCH_MAX;
	w->prefetch = target;
	size_t elsewhere = w->claiming + w->recovering;
	for (int p = 0; p < PRIORITY_COUNT; p++)
		ask(w->pulls[p], w->queue.lanes[p].count + elsewhere, target);
	for (int l = 0; l < BUS_OVERFLOW_LANES; l++)
		ask(w->pulls[PRIORITY_COUNT + l], w->lane_waiting[l], target / BUS_OVERFLOW_LANES + 1);
}

static void hand_back_waiting(struct worker *w)
{
	for (struct worker_entry *e; (e = dequeue(w));)
		settle_silently(w, e, ACK_NAK);
	w->handing_back = true;
}

static void drain(struct worker *w)
{
	if (!w->draining) {
		w->draining = true;
		w->drain_deadline_ms = atomic_load(&w->stop_deadline_ms);
		for (int p = 0; p < PULL_COUNT; p++)
			bus_pull_stop(w->pulls[p]);
		hand_back_waiting(w);
	}
	if (clock_mono_ms(w->clock) >= w->drain_deadline_ms)
		for (struct worker_entry *e = w->running_head; e; e = e->running_next)
			if (atomic_load(&e->state) == ENTRY_RUNNING && !e->handed_back) {
				e->handed_back = true;
				give_up(w, e);
			}
	bool detach = atomic_load(&w->detach_requested);
	if (detach) { /* no turn comes after this one */
		loop_timer_free(&w->tick);
		loop_timer_free(&w->announce);
		loop_on_wake(w->loop, NULL, NULL);
	}
	pthread_mutex_lock(&w->lock);
	if (detach || (!w->held && !w->running && !w->settling)) {
		w->quiet = true;
		pthread_cond_broadcast(&w->drained);
	}
	pthread_mutex_unlock(&w->lock);
}

static void on_announce(void *arg)
{
	struct worker *w = arg;
	w->announce_armed = false;
	announce_running(w);
}

static void turn(struct worker *w)
{
	worker_of_loop = w;
	cancel_take_notes(w);
	take_done(w);
	take_inbox(w);
	if (w->cancel_news) {
		w->cancel_news = false;
		abort_cancelled(w);
	}
	if (!w->draining) {
		dispatch(w);
		measure(w);
		top_up(w);
		overflow_consider(w);
	}
	atomic_store(&w->in_flight_now, w->running);
	atomic_store(&w->waiting_now, w->queue.count);
	if (atomic_load(&w->stop_requested)) {
		drain(w);
		return;
	}
	if (w->running && !w->announce_armed && !w->running_tail->announced) {
		w->announce_armed = true;
		loop_timer_start(w->loop, &w->announce, w->o.started_after_ms, on_announce, w);
	}
}

static void on_tick(void *arg)
{
	struct worker *w = arg;
	if (w->o.progress)
		w->o.progress(w->o.arg);
	loop_timer_start(w->loop, &w->tick, TICK_MS, on_tick, w);
	turn(w);
}

/* The first wake-up comes from worker_start(); it also winds the clock that catches what no message would wake us for.
 */
static void on_wake(void *arg)
{
	struct worker *w = arg;
	if (!w->ticking) {
		w->ticking = true;
		loop_timer_start(w->loop, &w->tick, TICK_MS, on_tick, w);
	}
	turn(w);
}

/* ---- life */

static void free_worker(struct worker *w)
{
	for (struct worker_entry *e = w->free_entries, *next; e; e = next) {
		next = e->next;
		entry_free(e);
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

static void init_cond(pthread_cond_t *c)
{
	pthread_condattr_t a;
	pthread_condattr_init(&a);
	pthread_condattr_setclock(&a, CLOCK_MONOTONIC);
	pthread_cond_init(c, &a);
	pthread_condattr_destroy(&a);
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
	init_cond(&w->drained);
	init_cond(&w->lease_wake);
	init_cond(&w->recover_wake);
	init_cond(&w->jobs_wake);
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
		enum status s = bus_pull_open(w->bus, STREAM_JOBS, consumer, on_delivery, w, &w->pulls[p], err);
		if (s != STATUS_OK)
			return s;
	}
	return STATUS_OK;
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
	s = cancel_start(w, err);
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
	loop_on_wake(w->loop, on_wake, w);
	loop_wake(w->loop);
	lease_announce(w, "gannet.workers.registered", "running");
	*ret = w;
	return STATUS_OK;
}

/* Waits until the loop says it holds nothing more; false when it does not in time. */
static bool wait_quiet(struct worker *w, int64_t until_mono_ms)
{
	struct timespec t = {until_mono_ms / 1000, until_mono_ms % 1000 * 1000000};
	pthread_mutex_lock(&w->lock);
	while (!w->quiet && pthread_cond_timedwait(&w->drained, &w->lock, &t) == 0)
		;
	bool quiet = w->quiet;
	w->quiet = false;
	pthread_mutex_unlock(&w->lock);
	return quiet;
}

#define HAND_BACK_MS 3000 /* after the deadline: for aborted calls to end and for the last outcomes to be stored */

void worker_stop(struct worker *w, int64_t deadline_mono_ms)
{
	struct err ignored;
	atomic_store(&w->stop_deadline_ms, deadline_mono_ms);
	atomic_store(&w->stop_requested, true);
	loop_wake(w->loop);
	wait_quiet(w, deadline_mono_ms + HAND_BACK_MS);
	for (int p = 0; p < PULL_COUNT; p++) {
		bus_pull_close(w->pulls[p]);
		w->pulls[p] = NULL;
	}
	loop_wake(w->loop); /* once more, for what arrived until now */
	wait_quiet(w, clock_mono_ms(w->clock) + HAND_BACK_MS);
	lease_announce(w, "gannet.workers.unregistered", "stopped");
	/* Acknowledgements that do not leave any more mean redeliveries, which recover.c recognises. */
	if (bus_flush(w->bus, HAND_BACK_MS, &ignored) != STATUS_OK)
		ignored.status = STATUS_OK;
	atomic_store(&w->detach_requested, true);
	loop_wake(w->loop);
	bool detached = wait_quiet(w, clock_mono_ms(w->clock) + HAND_BACK_MS);
	stop_parts(w);
	if (detached)
		free_worker(w); /* otherwise the loop hangs and may still touch it: the process is about to end anyway */
}
