/* Schedules, each done by one replica. */
#include "upkeep.h"

#include <stdlib.h>

#include "gauges.h"
#include "month.h"
#include "retention.h"
#include "service/schedule.h"
#include "watch.h"

#define RETENTION_EVERY_MS (6ll * 3600 * 1000)

enum { SCHEDULE_RETENTION, SCHEDULE_FORECAST, SCHEDULE_WATCH, SCHEDULES };

struct upkeep {
	struct analytics *analytics;
	struct schedule all[SCHEDULES];
	struct schedules *schedules;
};

static bool turn_pause(void *arg)
{
	return schedule_pause(arg);
}

static enum status run_retention(void *arg, const struct schedule_turn *t, struct err *err)
{
	struct upkeep *u = arg;
	struct retained done;
	scoped_lent db = {0};
	enum status status = lend(u->analytics, &db, err);
	if (status == STATUS_OK)
		status = retention_run(u->analytics, db.store, clock_wall_ms(u->analytics->clock), turn_pause, (void *)t, &done, err);
	if (status == STATUS_OK)
		log_fields(LOG_INFO, "schedule done", LOG_C("schedule", t->schedule->name),
		           LOG_I("partitions", done.partitions_dropped), LOG_I("rows", done.rows_deleted));
	return status;
}

/* One tenant that cannot be judged must not keep the others from it. */
static enum status run_forecast(void *arg, const struct schedule_turn *t, struct err *err)
{
	struct upkeep *u = arg;
	struct analytics *a = u->analytics;
	scoped_lent db = {0};
	scoped_result r = {0};
	enum status status = lend(a, &db, err);
	if (status == STATUS_OK)
		status = store_query(db.store, "SELECT DISTINCT tenant FROM ai_usage_day_model ORDER BY 1", NULL, 0, &r, err);
	for (int row = 0; status == STATUS_OK && row < r.rows; row++) {
		if (schedule_pause(t))
			return err_set(err, STATUS_CANCELLED, "told to end");
		struct err own = {0};
		status = month_judge(a, db.store, store_value(&r, row, 0), clock_wall_ms(a->clock), &own);
		if (status != STATUS_OK && !own.retryable) {
			log_error("a tenant's forecast failed", &own);
			status = STATUS_OK;
		} else if (status != STATUS_OK) {
			*err = own;
		}
	}
	return status;
}

static enum status run_watch(void *arg, const struct schedule_turn *t, struct err *err)
{
	struct upkeep *u = arg;
	scoped_lent db = {0};
	enum status status = lend(u->analytics, &db, err);
	if (status == STATUS_OK)
		status = watch_windows(u->analytics, db.store, clock_wall_ms(u->analytics->clock), turn_pause, (void *)t, err);
	return status;
}

static void refresh_gauges(void *arg, struct schedules *s)
{
	struct upkeep *u = arg;
	(void)s;
	gauges_refresh(u->analytics->gauges);
}

enum status upkeep_start(struct analytics *a, struct upkeep **ret, struct err *err)
{
	struct upkeep *u = calloc(1, sizeof *u);
	if (!u)
		abort();
	u->analytics = a;
	u->all[SCHEDULE_RETENTION] =
	    (struct schedule){.name = "retention", .interval_ms = RETENTION_EVERY_MS, .run = run_retention};
	u->all[SCHEDULE_FORECAST] =
	    (struct schedule){.name = "forecast", .interval_ms = a->config->forecast_interval_ms, .run = run_forecast};
	u->all[SCHEDULE_WATCH] = (struct schedule){.name = "performance", .interval_ms = a->config->window_ms, .run = run_watch};
	const struct schedules_options o = {
	    .bus = a->bus,
	    .clock = a->clock,
	    .service = "analytics",
	    .consumer = CONSUMER_TICKS_ANALYTICS,
	    .lease_ms = service_limits(a->service).lease_ms,
	    .all = u->all,
	    .n = SCHEDULES,
	    .idle = refresh_gauges,
	    .arg = u,
	};
	enum status status = schedules_start(&o, &u->schedules, err);
	if (status != STATUS_OK) {
		free(u);
		return status;
	}
	*ret = u;
	return STATUS_OK;
}

void upkeep_stop(struct upkeep *u)
{
	if (!u)
		return;
	schedules_stop(u->schedules);
	free(u);
}
