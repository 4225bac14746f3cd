/* Ticks out, ticks in: publishes the turns of schedules and does the work of those it is handed. */
#include "core/wait.h"
#include "service/schedule.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "bus/pull.h"
#include "bus/store.h"
#include "contract/requests.h"

#define TICKS_MAX 16 /* in hand */
#define IDLE_MS 1000
#define STORE_MS 5000

struct schedules {
	struct schedules_options o;
	char subject[64];
	struct bus_pull *pull;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct bus_delivery ticks[TICKS_MAX];
	size_t ticks_n;
	bool running, stopping;

	/* The thread's own. */
	struct bus_delivery tick; /* the one being worked on */
	int64_t renewed_mono_ms;
	int64_t *published_ms; /* by schedule: the last turn that was published, or the one the process began in */
};

bool schedules_stopping(struct schedules *s)
{
	pthread_mutex_lock(&s->lock);
	bool stopping = s->stopping;
	pthread_mutex_unlock(&s->lock);
	return stopping;
}

bool schedule_pause(const struct schedule_turn *t)
{
	struct schedules *s = t->schedules;
	struct err ignored = {0};
	int64_t now_ms = clock_mono_ms(s->o.clock);
	if (now_ms - s->renewed_mono_ms > s->o.lease_ms / 4 &&
	    bus_in_progress(s->o.bus, s->tick.in.reply, &ignored) == STATUS_OK)
		s->renewed_mono_ms = now_ms;
	return schedules_stopping(s);
}

/* ---- ticks in */

static const struct schedule *schedule_named(const struct schedules *s, struct span name)
{
	for (size_t i = 0; i < s->o.n; i++)
		if (span_is(name, s->o.all[i].name))
			return &s->o.all[i];
	return NULL;
}

static enum status work_on(struct schedules *s, struct err *err)
{
	scoped_arena a = {0};
	struct json body;
	struct tick tick;
	if (json_parse(s->tick.in.data, &body, err) != STATUS_OK ||
	    json_decode(&tick_table, body, JSON_LENIENT, &a, &tick, err) != STATUS_OK) {
		log_error("a tick that is none is passed over", err);
		return STATUS_OK;
	}
	const struct schedule *schedule = schedule_named(s, tick.schedule);
	const struct schedule_turn turn = {s, schedule, tick.schedule, tick.at.ms, s->tick.delivered};
	if (schedule)
		return schedule->run(s->o.arg, &turn, err);
	if (s->o.other)
		return s->o.other(s->o.arg, &turn, err);
	return STATUS_OK; /* of a newer version: not ours to do */
}

static void answer_tick(struct schedules *s)
{
	struct err err = {0}, ignored = {0};
	s->renewed_mono_ms = clock_mono_ms(s->o.clock);
	enum status status = work_on(s, &err);
	if (status != STATUS_OK && err.status != STATUS_CANCELLED)
		log_error("schedule failed, will try again", &err);
	if (status != STATUS_OK)
		status = bus_nak(s->o.bus, s->tick.in.reply, err.status == STATUS_CANCELLED ? 0 : s->o.again_ms, &ignored);
	else
		status = bus_ack(s->o.bus, s->tick.in.reply, &ignored);
	if (status != STATUS_OK)
		log_error("tick not acknowledged, comes again", &ignored);
}

static void on_tick(void *arg, struct bus_delivery *d)
{
	struct schedules *s = arg;
	pthread_mutex_lock(&s->lock);
	bool room = s->ticks_n < TICKS_MAX && !s->stopping;
	if (room)
		s->ticks[s->ticks_n++] = *d;
	pthread_cond_signal(&s->changed);
	pthread_mutex_unlock(&s->lock);
	if (!room)
		bus_delivery_free(d);
}

/* ---- ticks out */

static void turns_of(const struct schedules *s, const struct schedule *one, int64_t now_ms, int64_t *ret_last_ms,
                     int64_t *ret_next_ms)
{
	*ret_last_ms = *ret_next_ms = INT64_MAX;
	if (one->turns) {
		one->turns(s->o.arg, one, now_ms, ret_last_ms, ret_next_ms);
	} else if (one->interval_ms) {
		*ret_last_ms = now_ms / one->interval_ms * one->interval_ms;
		*ret_next_ms = *ret_last_ms + one->interval_ms;
	}
}

static bool publish_tick(struct schedules *s, const struct schedule *one, int64_t at_ms)
{
	char id[128];
	struct err err = {0};
	snprintf(id, sizeof id, "%s.%s-%" PRId64, s->o.service, one->name, at_ms);
	const struct bus_header header = {HEADER_MSG_ID, span_from(id)};
	const struct tick tick = {span_from(one->name), {at_ms}};
	scoped_buf body = {0};
	json_encode(&tick_table, &tick, &(struct json_writer){.out = &body});
	const struct bus_out out = {s->subject, NULL, buf_span(&body), &header, 1};
	/* Waits: a turn that the broker did not take is not done by anyone. */
	return bus_store_wait(s->o.bus, &out, STORE_MS, NULL, &err) == STATUS_OK;
}

/* Publishes what is due and returns the time until the next turn, at most IDLE_MS: the wall clock may jump. */
static int64_t publish_ticks(struct schedules *s)
{
	int64_t now_ms = clock_wall_ms(s->o.clock), wait_ms = IDLE_MS;
	for (size_t i = 0; i < s->o.n; i++) {
		int64_t last_ms, next_ms;
		turns_of(s, &s->o.all[i], now_ms, &last_ms, &next_ms);
		if (last_ms < s->published_ms[i])
			s->published_ms[i] = last_ms; /* the clock went back: the next turn is not to wait until it has caught up */
		if (last_ms != INT64_MAX && last_ms > s->published_ms[i] && publish_tick(s, &s->o.all[i], last_ms))
			s->published_ms[i] = last_ms;
		if (next_ms != INT64_MAX && next_ms - now_ms < wait_ms)
			wait_ms = next_ms - now_ms;
	}
	return wait_ms > 0 ? wait_ms : 1;
}

static void leave_present_turns(struct schedules *s)
{
	int64_t next_ms;
	for (size_t i = 0; i < s->o.n; i++) {
		turns_of(s, &s->o.all[i], clock_wall_ms(s->o.clock), &s->published_ms[i], &next_ms);
		if (s->published_ms[i] == INT64_MAX)
			s->published_ms[i] = INT64_MIN;
	}
}

/* ---- the thread */

static void wait_ms(struct schedules *s, int64_t ms)
{
	struct timespec until = wait_until(ms);
	while (!s->stopping && !s->ticks_n && pthread_cond_timedwait(&s->changed, &s->lock, &until) == 0)
		;
}

static void work_on_next(struct schedules *s)
{
	s->tick = s->ticks[--s->ticks_n];
	pthread_mutex_unlock(&s->lock);
	answer_tick(s);
	bus_delivery_free(&s->tick);
	bus_pull_want(s->pull, 1);
	pthread_mutex_lock(&s->lock);
}

static void *run(void *arg)
{
	struct schedules *s = arg;
	bus_pull_want(s->pull, 1);
	pthread_mutex_lock(&s->lock);
	while (!s->stopping) {
		pthread_mutex_unlock(&s->lock);
		int64_t pause_ms = publish_ticks(s);
		if (s->o.idle)
			s->o.idle(s->o.arg, s);
		pthread_mutex_lock(&s->lock);
		wait_ms(s, pause_ms);
		if (s->ticks_n && !s->stopping)
			work_on_next(s);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

enum status schedules_start(const struct schedules_options *o, struct schedules **ret, struct err *err)
{
	struct schedules *s = calloc(1, sizeof *s);
	int64_t *published_ms = calloc(o->n + 1, sizeof *published_ms);
	if (!s || !published_ms)
		abort();
	s->o = *o;
	s->o.again_ms = o->again_ms ? o->again_ms : SCHEDULE_AGAIN_MS;
	s->published_ms = published_ms;
	snprintf(s->subject, sizeof s->subject, "gannet.tick.%s", o->service);
	leave_present_turns(s);
	pthread_mutex_init(&s->lock, NULL);
	wait_cond_init(&s->changed);
	enum status status = bus_pull_open(o->bus, STREAM_TICKS, o->consumer, on_tick, s, &s->pull, err);
	if (status == STATUS_OK) {
		s->running = pthread_create(&s->thread, NULL, run, s) == 0;
		if (!s->running)
			status = err_retry(err, STATUS_UNAVAILABLE, "no thread for schedules");
	}
	if (status != STATUS_OK) {
		schedules_stop(s);
		return status;
	}
	*ret = s;
	return STATUS_OK;
}

void schedules_stop(struct schedules *s)
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
	if (s->pull)
		bus_pull_close(s->pull);
	while (s->ticks_n)
		bus_delivery_free(&s->ticks[--s->ticks_n]);
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
	free(s->published_ms);
	free(s);
}
