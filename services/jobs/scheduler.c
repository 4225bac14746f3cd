/* A heap of (due, sequence), a thread that waits for the first, and the stream itself as the only memory that counts.
 */
#include "scheduler.h"

#include <pthread.h>
#include <stdlib.h>

#include "bus/kv.h"
#include "bus/topology.h"
#include "contract/job.h"
#include "contract/requests.h"
#include "core/heap.h"
#include "core/log.h"
#include "core/metrics.h"
#include "core/wait.h"
#include "delayed.h"

#define LOOK_EVERY_MS 500 /* at least, so that a jump of the wall clock is noticed */
#define AGAIN_MS 1000     /* after a failure */
#define IN_FLIGHT_MAX 512

struct scheduler {
	struct bus *bus;
	const struct clock *clock;
	int64_t stream_created_ms;
	struct bus_follow *follow;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct heap due;      /* due time by the wall clock, sequence */
	struct heap again;    /* what failed: due time by the clock that does not jump, sequence */
	struct heap answered; /* STORED or REFUSED, sequence */
	size_t in_flight;
	bool running, stopping;
};
enum { STORED, REFUSED };

/* What a store in flight answers to. */
struct flight {
	struct scheduler *scheduler;
	uint64_t sequence;
};

static struct metric released_total = {"gannet_scheduler_released_total", "Delayed jobs put into the queue.",
                                       METRIC_COUNTER};
static struct metric_series *released;

/* A wait that a worker chose begins when the broker stored it: the worker's clock may be wrong. */
static void on_message(void *arg, const struct bus_in *m, uint64_t sequence, int64_t stored_ms)
{
	struct scheduler *s = arg;
	struct delayed_subject subject = {0}; /* one that is none of ours is due at once, and thrown away then */
	int64_t delay_ms;
	if (delayed_subject_parse(m->subject, &subject) && span_i64(bus_in_header(m, HEADER_DELAY), &delay_ms) &&
	    delay_ms > 0 && delay_ms <= DELAY_MAX_MS)
		subject.due_ms = stored_ms + delay_ms;
	pthread_mutex_lock(&s->lock);
	heap_push(&s->due, subject.due_ms, sequence);
	pthread_cond_signal(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

static void on_stored(void *arg, const struct bus_stored *stored)
{
	struct flight *f = arg;
	struct scheduler *s = f->scheduler;
	pthread_mutex_lock(&s->lock);
	heap_push(&s->answered, stored->status == STATUS_OK ? STORED : REFUSED, f->sequence);
	s->in_flight--;
	pthread_cond_signal(&s->changed);
	pthread_mutex_unlock(&s->lock);
	free(f);
}

static void try_later(struct scheduler *s, uint64_t sequence)
{
	pthread_mutex_lock(&s->lock);
	heap_push(&s->again, clock_mono_ms(s->clock) + AGAIN_MS, sequence);
	pthread_mutex_unlock(&s->lock);
}

static void forget(struct scheduler *s, uint64_t sequence)
{
	struct err err = {0};
	enum status status = bus_delete_sequence(s->bus, STREAM_DELAYED, sequence, &err);
	if (status != STATUS_OK && status != STATUS_NOT_FOUND)
		try_later(s, sequence); /* is stored again, which the broker recognises, and deleted then */
}

static void release(struct scheduler *s, uint64_t sequence)
{
	struct err err = {0};
	struct flight *f = malloc(sizeof *f);
	if (!f)
		abort();
	*f = (struct flight){s, sequence};
	pthread_mutex_lock(&s->lock);
	s->in_flight++;
	pthread_mutex_unlock(&s->lock);
	enum status status = delayed_release(s->bus, s->stream_created_ms, sequence, on_stored, f, &err);
	if (status == STATUS_OK)
		return;
	free(f);
	pthread_mutex_lock(&s->lock);
	s->in_flight--;
	pthread_mutex_unlock(&s->lock);
	if (status == STATUS_NOT_FOUND)
		return; /* another replica, or a cancellation, was faster */
	log_error(status == STATUS_INVALID ? "message in DELAYED is no job, thrown away"
	                                   : "cannot queue a delayed job, will try again",
	          &err);
	if (status == STATUS_INVALID)
		forget(s, sequence);
	else
		try_later(s, sequence);
}

static bool take_due(struct scheduler *s, struct heap_item *ret)
{
	if (heap_peek(&s->again, ret) && ret->key <= clock_mono_ms(s->clock))
		return heap_pop(&s->again, ret);
	return heap_peek(&s->due, ret) && ret->key <= clock_wall_ms(s->clock) && heap_pop(&s->due, ret);
}

/* One step with the lock held on entry and exit; false when there is nothing to do now. */
static bool step(struct scheduler *s)
{
	struct heap_item item;
	if (heap_pop(&s->answered, &item)) {
		pthread_mutex_unlock(&s->lock);
		if (item.key == STORED) {
			metric_add(released, 1);
			forget(s, item.value);
		} else {
			try_later(s, item.value);
		}
		pthread_mutex_lock(&s->lock);
		return true;
	}
	if (s->in_flight >= IN_FLIGHT_MAX || !take_due(s, &item))
		return false;
	pthread_mutex_unlock(&s->lock);
	release(s, item.value);
	pthread_mutex_lock(&s->lock);
	return true;
}

static int64_t sooner(const struct heap *h, int64_t now_ms, int64_t ms)
{
	struct heap_item next;
	if (!heap_peek(h, &next))
		return ms;
	int64_t left = next.key - now_ms;
	return left < 0 ? 0 : left < ms ? left : ms;
}

static void wait_for_next(struct scheduler *s)
{
	int64_t ms = LOOK_EVERY_MS;
	if (s->in_flight < IN_FLIGHT_MAX) {
		ms = sooner(&s->due, clock_wall_ms(s->clock), ms);
		ms = sooner(&s->again, clock_mono_ms(s->clock), ms);
	}
	struct timespec until = wait_until(ms);
	pthread_cond_timedwait(&s->changed, &s->lock, &until);
}

static void *run(void *arg)
{
	struct scheduler *s = arg;
	pthread_mutex_lock(&s->lock);
	while (!s->stopping)
		if (!step(s))
			wait_for_next(s);
	/* What is in flight answers to memory of ours. */
	while (s->in_flight)
		pthread_cond_wait(&s->changed, &s->lock);
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

enum status scheduler_start(struct bus *b, const struct clock *clock, int64_t stream_created_ms, struct scheduler **ret,
                            struct err *err)
{
	struct scheduler *s = calloc(1, sizeof *s);
	if (!s)
		abort();
	s->bus = b;
	s->clock = clock;
	s->stream_created_ms = stream_created_ms;
	pthread_mutex_init(&s->lock, NULL);
	wait_cond_init(&s->changed);
	metric_register(&released_total);
	released = metric_series(&released_total, NULL, NULL);
	const struct bus_follow_options o = {
	    .stream = STREAM_DELAYED, .headers_only = true, .message = on_message, .arg = s};
	enum status status = bus_follow_open(b, &o, &s->follow, err);
	if (status == STATUS_OK) {
		s->running = pthread_create(&s->thread, NULL, run, s) == 0;
		if (!s->running)
			status = err_retry(err, STATUS_UNAVAILABLE, "no thread for the scheduler");
	}
	if (status != STATUS_OK) {
		scheduler_stop(s);
		return status;
	}
	*ret = s;
	return STATUS_OK;
}

void scheduler_stop(struct scheduler *s)
{
	if (!s)
		return;
	if (s->running) {
		pthread_mutex_lock(&s->lock);
		s->stopping = true;
		pthread_cond_signal(&s->changed);
		pthread_mutex_unlock(&s->lock);
		pthread_join(s->thread, NULL);
	}
	if (s->follow)
		bus_follow_close(s->follow);
	heap_free(&s->due);
	heap_free(&s->again);
	heap_free(&s->answered);
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
	free(s);
}
