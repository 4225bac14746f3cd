/* What the jobs service does on schedule: cleaning up, retrying, and sweeping the queue. */
#include "maintenance.h"

#include <stdlib.h>

#include "bus/topology.h"
#include "service/schedule.h"
#include "sweep.h"
#include "upkeep.h"

#define DAY_MS (24ll * 3600 * 1000)
#define SWEEP_EVERY_MS 10000
#define SWEEP_MANY 100
#define SWEEP_LEASES 4 /* what has ended so long ago would have been redelivered and acknowledged by now */

enum { SCHEDULE_CLEANUP, SCHEDULE_RETRY_FAILED, SCHEDULES };

struct maintenance {
	struct jobs *jobs;
	struct schedule all[SCHEDULES];
	struct schedules *schedules;
	int64_t lease_ms, swept_mono_ms;
};

static bool turn_pause(void *arg)
{
	return schedule_pause(arg);
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

static enum status for_all_tenants(void *arg, const struct schedule_turn *t, struct err *err)
{
	struct maintenance *m = arg;
	scoped_result r = {0};
	int64_t done = 0;
	enum status status = tenants(m->jobs, &r, err);
	for (int i = 0; status == STATUS_OK && i < r.rows; i++) {
		int64_t n = 0;
		struct span tenant = store_value(&r, i, 0);
		if (schedule_pause(t))
			return err_set(err, STATUS_CANCELLED, "told to end");
		status = t->schedule == &m->all[SCHEDULE_CLEANUP]
		             ? cleanup_old_jobs(m->jobs, tenant, m->jobs->config->cleanup_days, turn_pause, (void *)t, &n, err)
		             : retry_failed_jobs(m->jobs, tenant, NULL, &n, err);
		done += n;
	}
	if (status == STATUS_OK)
		log_fields(LOG_INFO, "schedule done", LOG_C("schedule", t->schedule->name), LOG_I("jobs", done));
	return status;
}

static bool is_stopping(void *arg)
{
	return schedules_stopping(arg);
}

/* Every replica does it: two that meet do no harm. */
static void sweep_now_and_then(void *arg, struct schedules *s)
{
	struct maintenance *m = arg;
	int64_t now_ms = clock_mono_ms(m->jobs->clock), removed = 0;
	struct err err = {0};
	if (now_ms - m->swept_mono_ms < SWEEP_EVERY_MS)
		return;
	m->swept_mono_ms = now_ms;
	int64_t before_ms = clock_wall_ms(m->jobs->clock) - SWEEP_LEASES * m->lease_ms;
	if (sweep_queue(m->jobs->bus, before_ms, is_stopping, s, &removed, &err) != STATUS_OK)
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

enum status maintenance_start(struct jobs *j, struct maintenance **ret, struct err *err)
{
	struct maintenance *m = calloc(1, sizeof *m);
	if (!m)
		abort();
	m->jobs = j;
	m->lease_ms = service_limits(j->service).lease_ms;
	m->all[SCHEDULE_CLEANUP] = (struct schedule){
	    .name = "cleanup_old_jobs", .interval_ms = j->config->cleanup_days ? DAY_MS : 0, .run = for_all_tenants};
	m->all[SCHEDULE_RETRY_FAILED] = (struct schedule){
	    .name = "retry_failed_jobs", .interval_ms = j->config->retry_failed_interval_ms, .run = for_all_tenants};
	const struct schedules_options o = {
	    .bus = j->bus,
	    .clock = j->clock,
	    .service = "jobs",
	    .consumer = CONSUMER_TICKS_JOBS,
	    .lease_ms = m->lease_ms,
	    .all = m->all,
	    .n = SCHEDULES,
	    .idle = sweep_now_and_then,
	    .arg = m,
	};
	enum status status = schedules_start(&o, &m->schedules, err);
	if (status != STATUS_OK) {
		free(m);
		return status;
	}
	*ret = m;
	return STATUS_OK;
}

void maintenance_stop(struct maintenance *m)
{
	if (!m)
		return;
	schedules_stop(m->schedules);
	free(m);
}
