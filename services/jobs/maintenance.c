/* Ticks in, work out. */
#include "maintenance.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "bus/pull.h"
#include "bus/store.h"
#include "bus/topology.h"
#include "sweep.h"
#include "upkeep.h"

#define DAY_MS (24ll * 3600 * 1000)
#define TICK_MAX 16 /* ticks in hand */
#define AGAIN_MS 30000
#define SWEEP_EVERY_MS 10000
#define SWEEP_MANY 100
#define SWEEP_LEASES 4 /* what has ended so long ago would have been redelivered and acknowledged by now */

enum schedule { SCHEDULE_CLEANUP, SCHEDULE_RETRY_FAILED, SCHEDULES };
/* Other names than the requests have: `tick` could be a tenant. */
static const char *const schedule_names[] = {"jobs.cleanup_old_jobs", "jobs.retry_failed_jobs"};
#define TICK_PREFIX "gannet.tick."

struct maintenance {
	struct jobs *jobs;
	struct bus_pull *pull;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct bus_delivery ticks[TICK_MAX];
	size_t ticks_n;
	bool running, stopping;
	struct bus_delivery tick; /* the one being worked on */
	int64_t renewed_mono_ms, lease_ms, swept_mono_ms;
	int64_t interval_ms[SCHEDULES]; /* 0: never */
	int64_t turn[SCHEDULES];        /* the last one published, or the one the process began in */
};

static bool is_stopping(void *arg)
{
	struct maintenance *m = arg;
	pthread_mutex_lock(&m->lock);
	bool stopping = m->stopping;
	pthread_mutex_unlock(&m->lock);
	return stopping;
}

/* Between pieces of work: whether to stop; keeps the tick's lease meanwhile. */
static bool pause_work(void *arg)
{
	struct maintenance *m = arg;
	struct err ignored = {0};
	int64_t now = clock_mono_ms(m->jobs->clock);
	if (now - m->renewed_mono_ms > m->lease_ms / 4 &&
	    bus_in_progress(m->jobs->bus, m->tick.in.reply, &ignored) == STATUS_OK)
		m->renewed_mono_ms = now;
	return is_stopping(m);
}

static enum status tenants(struct jobs *j, struct store_result *ret, struct err *err)
{
	struct store *s;
	enum status status = db_take(j->db, &s, err);
	if (status != STATUS_OK)
		return status;
	status = store_query(s, "SELECT DISTINCT tenant FROM ai_job_counts ORDER BY 1", NULL, 0, ret, err);
	db_give(j->db, s);
	return status;
}

static enum status do_work(struct maintenance *m, enum schedule schedule, int64_t *ret_done, struct err *err)
{
	scoped_result r = {0};
	int64_t done = 0;
	enum status status = tenants(m->jobs, &r, err);
	for (int i = 0; status == STATUS_OK && i < r.rows && !pause_work(m); i++) {
		int64_t n = 0;
		struct span tenant = store_value(&r, i, 0);
		status = schedule == SCHEDULE_CLEANUP
		             ? cleanup_old_jobs(m->jobs, tenant, m->jobs->config->cleanup_days, pause_work, m, &n, err)
		             : retry_failed_jobs(m->jobs, tenant, NULL, &n, err);
		done += n;
	}
	*ret_done = done;
	return status;
}

static enum status work_on(struct maintenance *m, struct err *err)
{
	struct span name = m->tick.in.subject;
	name = span_starts(name, SPAN(TICK_PREFIX))
	           ? span_of(name.p + sizeof TICK_PREFIX - 1, name.n - (sizeof TICK_PREFIX - 1))
	           : name;
	for (int i = 0; i < SCHEDULES; i++) {
		int64_t done = 0;
		if (!span_is(name, schedule_names[i]))
			continue;
		enum status status = do_work(m, (enum schedule)i, &done, err);
		if (status == STATUS_OK)
			log_fields(LOG_INFO, "schedule done", LOG_S("schedule", name), LOG_I("jobs", done));
		return status;
	}
	return STATUS_OK; /* of a newer version: not ours to do */
}

static void answer_tick(struct maintenance *m)
{
	struct err err = {0}, ignored = {0};
	m->renewed_mono_ms = clock_mono_ms(m->jobs->clock);
	enum status status = work_on(m, &err);
	if (status != STATUS_OK) {
		log_error("schedule failed, will try again", &err);
		status = bus_nak(m->jobs->bus, m->tick.in.reply, AGAIN_MS, &ignored);
	} else {
		status = bus_ack(m->jobs->bus, m->tick.in.reply, &ignored);
	}
	if (status != STATUS_OK)
		log_error("tick not acknowledged, comes again", &ignored);
}

/* The turn that the process began in is left to those that were there; a restart must not begin it anew. */
static void publish_ticks(struct maintenance *m)
{
	struct err err = {0};
	for (int i = 0; i < SCHEDULES; i++) {
		char subject[64], id[96];
		int64_t turn = m->interval_ms[i] ? clock_wall_ms(m->jobs->clock) / m->interval_ms[i] : 0;
		if (turn < m->turn[i])
			m->turn[i] = turn; /* the clock went back: the next turn is not to wait until it has caught up */
		if (!m->interval_ms[i] || turn <= m->turn[i])
			continue;
		snprintf(subject, sizeof subject, TICK_PREFIX "%s", schedule_names[i]);
		snprintf(id, sizeof id, "%s-%" PRId64 "-%" PRId64, schedule_names[i], m->interval_ms[i], turn);
		const struct bus_header header = {HEADER_MSG_ID, span_from(id)};
		const struct tick tick = {span_from(schedule_names[i]), {turn * m->interval_ms[i]}};
		scoped_buf body = {0};
		json_encode(&tick_table, &tick, &(struct json_writer){.out = &body});
		const struct bus_out out = {subject, NULL, buf_span(&body), &header, 1};
		if (bus_store(m->jobs->bus, &out, 5000, 0, NULL, NULL, &err) == STATUS_OK)
			m->turn[i] = turn;
	}
}

/* Every replica does it: two that meet do no harm. */
static void sweep_now_and_then(struct maintenance *m)
{
	int64_t now_ms = clock_mono_ms(m->jobs->clock), removed = 0;
	struct err err = {0};
	if (now_ms - m->swept_mono_ms < SWEEP_EVERY_MS)
		return;
	m->swept_mono_ms = now_ms;
	int64_t before_ms = clock_wall_ms(m->jobs->clock) - SWEEP_LEASES * m->lease_ms;
	if (sweep_queue(m->jobs->bus, before_ms, is_stopping, m, &removed, &err) != STATUS_OK)
		log_error("the queue could not be swept, will try again", &err);
	if (removed > SWEEP_MANY)
		m->swept_mono_ms = 0; /* there may be tens of thousands: go on in a second */
	if (removed)
		log_fields(LOG_WARN, "removed jobs that had ended and were in the queue again", LOG_I("jobs", removed));
	int64_t rejected = 0;
	if (sweep_unreachable(m->jobs->bus, m->jobs->clock, &rejected, &err) != STATUS_OK)
		log_error("the queue could not be searched for submissions nobody can take, will try again", &err);
	if (rejected)
		log_fields(LOG_WARN, "rejected submissions to subjects that no worker can take from", LOG_I("jobs", rejected));
}

static void on_tick(void *arg, struct bus_delivery *d)
{
	struct maintenance *m = arg;
	pthread_mutex_lock(&m->lock);
	bool room = m->ticks_n < TICK_MAX && !m->stopping;
	if (room)
		m->ticks[m->ticks_n++] = *d;
	pthread_cond_signal(&m->changed);
	pthread_mutex_unlock(&m->lock);
	if (!room)
		bus_delivery_free(d);
}

/* ---- the thread */

static void wait_a_second(struct maintenance *m)
{
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec++;
	while (!m->stopping && !m->ticks_n && pthread_cond_timedwait(&m->changed, &m->lock, &until) == 0)
		;
}

static void *run(void *arg)
{
	struct maintenance *m = arg;
	bus_pull_want(m->pull, 1);
	pthread_mutex_lock(&m->lock);
	while (!m->stopping) {
		if (m->ticks_n) {
			m->tick = m->ticks[--m->ticks_n];
			pthread_mutex_unlock(&m->lock);
			answer_tick(m);
			bus_delivery_free(&m->tick);
			bus_pull_want(m->pull, 1);
		} else {
			pthread_mutex_unlock(&m->lock);
			publish_ticks(m);
			sweep_now_and_then(m);
		}
		pthread_mutex_lock(&m->lock);
		wait_a_second(m);
	}
	pthread_mutex_unlock(&m->lock);
	return NULL;
}

enum status maintenance_start(struct jobs *j, struct maintenance **ret, struct err *err)
{
	struct maintenance *m = calloc(1, sizeof *m);
	if (!m)
		abort();
	m->jobs = j;
	m->lease_ms = service_limits(j->service).lease_ms;
	m->interval_ms[SCHEDULE_CLEANUP] = j->config->cleanup_days ? DAY_MS : 0;
	m->interval_ms[SCHEDULE_RETRY_FAILED] = j->config->retry_failed_interval_ms;
	for (int i = 0; i < SCHEDULES; i++)
		m->turn[i] = m->interval_ms[i] ? clock_wall_ms(j->clock) / m->interval_ms[i] : 0;
	pthread_mutex_init(&m->lock, NULL);
	pthread_condattr_t attributes;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&m->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	enum status status = bus_pull_open(j->bus, STREAM_TICKS, CONSUMER_TICKS_JOBS, on_tick, m, &m->pull, err);
	if (status == STATUS_OK) {
		m->running = pthread_create(&m->thread, NULL, run, m) == 0;
		if (!m->running)
			status = err_retry(err, STATUS_UNAVAILABLE, "no thread for maintenance");
	}
	if (status != STATUS_OK) {
		maintenance_stop(m);
		return status;
	}
	*ret = m;
	return STATUS_OK;
}

void maintenance_stop(struct maintenance *m)
{
	if (!m)
		return;
	if (m->running) {
		pthread_mutex_lock(&m->lock);
		m->stopping = true;
		pthread_cond_signal(&m->changed);
		pthread_mutex_unlock(&m->lock);
		pthread_join(m->thread, NULL);
	}
	if (m->pull)
		bus_pull_close(m->pull);
	while (m->ticks_n)
		bus_delivery_free(&m->ticks[--m->ticks_n]);
	pthread_cond_destroy(&m->changed);
	pthread_mutex_destroy(&m->lock);
	free(m);
}
