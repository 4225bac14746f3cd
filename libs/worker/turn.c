/* The loop of a worker: takes deliveries in, gives jobs their turn, lets go of what is settled, and asks for more. */
#include "bus/store.h"
#include "worker/internal.h"

#define TICK_MS 250
#define RATE_WINDOW_MS 100
/* Prefetch enough for this long at the measured pace, so that the queue never runs dry between two pulls. */
#define PREFETCH_MS 100.0
/* Outcomes being stored; past it no new job begins, so that the bus's own window never blocks the loop. */
#define SETTLING_MAX (BUS_STORE_WINDOW / 2)

_Thread_local struct worker *worker_of_loop;

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
	if ((e->delivery.delivered > 1 || e->redelivered_checked) && !e->announced)
		event_announce(w, e, false); /* evidence for the next one, should this delivery die as well */
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
		event_announce(w, e, true);
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
	struct entry_list in = worker_take(w, &w->inbox);
	for (struct worker_entry *e = in.head, *next; e; e = next) {
		next = e->next;
		if (e->redelivered_checked)
			w->recovering--;
		else if (!w->draining && pause_holds(w, e))
			continue;
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
		e->announced = false; /* the broker kept the earlier one: of this delivery nothing is said yet */
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
	struct entry_list done = worker_take(w, &w->done);
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
			event_announce(w, e, false);
}

static void abort_cancelled(struct worker *w)
{
	for (struct worker_entry *e = w->running_head; e; e = e->running_next)
		if (atomic_load(&e->state) == ENTRY_RUNNING && !atomic_load(&e->job.cancelled) && cancel_is_requested(w, e))
			give_up(w, e);
}

static void dispatch(struct worker *w)
{
	/* What is paused keeps its place, and its lease, until it may go on. */
	w->queue.closed = atomic_load(&w->paused);
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
		if (!pause_applies(w, (enum priority)p))
			ask(w->pulls[p], w->queue.lanes[p].count + elsewhere, target);
	for (int l = 0; l < BUS_OVERFLOW_LANES; l++)
		ask(w->pulls[PRIORITY_COUNT + l], w->lane_waiting[l] + w->lane_on_hold[l], target / BUS_OVERFLOW_LANES + 1);
}

static void on_tick(void *arg);

static void hand_back_waiting(struct worker *w)
{
	w->queue.closed = 0;
	for (struct worker_entry *e; (e = dequeue(w));)
		settle_hand_back(w, e);
	w->handing_back = true;
}

static void on_left(void *arg)
{
	struct worker *w = arg;
	if (atomic_fetch_add(&w->pulls_left, 1) + 1 == PULL_COUNT)
		loop_wake(w->loop);
}

/* See bus_pull_stop(). A broker that is slow just then has all the time there is. */
static bool may_hand_back(struct worker *w, int64_t now_ms)
{
	return atomic_load(&w->pulls_left) == PULL_COUNT || now_ms >= w->drain_deadline_ms || !bus_is_connected(w->bus);
}

static void drain(struct worker *w)
{
	int64_t now_ms = clock_mono_ms(w->clock);
	if (!w->draining) {
		w->draining = true;
		w->drain_deadline_ms = atomic_load(&w->stop_deadline_ms);
		for (int p = 0; p < PULL_COUNT; p++)
			bus_pull_stop(w->pulls[p], on_left, w);
	}
	if (may_hand_back(w, now_ms))
		hand_back_waiting(w); /* each time: a claim that is answered later still waits for its turn */
	if (now_ms >= w->drain_deadline_ms)
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
	w->detached = detach;
	w->quiet = !w->held && !w->running && !w->settling;
	if (w->detached || w->quiet)
		pthread_cond_broadcast(&w->drained);
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
	pause_let_go(w);
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
void worker_wake(void *arg)
{
	struct worker *w = arg;
	if (!w->ticking) {
		w->ticking = true;
		loop_timer_start(w->loop, &w->tick, TICK_MS, on_tick, w);
	}
	turn(w);
}
