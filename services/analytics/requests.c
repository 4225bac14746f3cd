/* The table of endpoints, and the way from bytes to a request and from a reply to bytes. */
#include "requests.h"

#include "report.h"

#define REBUILD_DAY_MAX_MS 120000 /* meanwhile nothing is added to the ledger: it waits in EVENTS */

const struct micro_endpoint analytics_endpoints[ANALYTICS_ENDPOINTS] = {
    {"usage", "gannet.*.analytics.usage", handle_usage, "Jobs and tokens by any dimension and time"},
    {"costs", "gannet.*.analytics.costs", handle_costs, "Money spent and saved, and what a job costs"},
    {"performance", "gannet.*.analytics.performance", handle_performance, "Times, error and retry rates, speed"},
    {"feedback", "gannet.*.analytics.feedback", handle_feedback, "How outputs are rated, by template and model"},
    {"budget", "gannet.*.analytics.budget", handle_budget, "The month's spend and what is left of the budget"},
    {"forecast", "gannet.*.analytics.forecast", handle_forecast, "What the month will come to"},
    {"settings", "gannet.*.analytics.settings", handle_settings, "The tenant's time zone, budget and retention"},
    {"rebuild", "gannet.*.analytics.rebuild", handle_rebuild, "Make sums again from the ledger"},
    {"reconcile", "gannet.*.analytics.reconcile", handle_reconcile, "A provider's own export against the ledger"},
};

enum status requests_start(struct analytics *a, struct err *err)
{
	return micro_start(a->bus, "analytics", "Usage, costs, performance and forecasts", analytics_endpoints, ANALYTICS_ENDPOINTS, a,
	                   a->clock, &a->micro, err);
}

enum status request_reply(const struct json_table *t, const void *object, struct buf *reply)
{
	json_encode(t, object, &(struct json_writer){.out = reply});
	return STATUS_OK;
}

enum status request_check_zone(struct store *s, struct span zone, struct err *err)
{
	scoped_result r = {0};
	enum status status = store_query(s, "SELECT now() AT TIME ZONE $1::text", &zone, 1, &r, err);
	if (status == STATUS_INVALID)
		return err_field(err, STATUS_INVALID, "time_zone", "time_zone: %.*s is not a time zone that is known here",
		                 SPAN_ARG(zone));
	return status;
}

static enum status answer(struct analytics *a, const struct report *what, const struct micro_request *r,
                          struct buf *reply, struct err *err)
{
	struct analytics_query asked;
	struct analytics_report report;
	struct tenant_settings settings;
	struct query q;
	scoped_lent db = {0};
	int64_t now_ms = clock_wall_ms(a->clock);
	enum status status = micro_decode(r, &analytics_query_table, &asked, err);
	if (status == STATUS_OK)
		status = lend(a, &db, err);
	if (status == STATUS_OK)
		status = settings_get(a, db.store, r->tenant, &settings, err);
	if (status == STATUS_OK)
		status = query_understand(&asked, r->tenant, span_from(settings.zone), now_ms, &q, err);
	if (status != STATUS_OK)
		return status;
	/* A day to spare: the sums of minutes are dropped by and by. */
	q.minutes_from_ms = a->config->minute_days ? now_ms - (a->config->minute_days - 1) * grain_ms[GRAIN_DAY] : 0;
	status = report_run(what, &q, db.store, r->arena, &report, err);
	return status == STATUS_OK ? request_reply(&analytics_report_table, &report, reply) : status;
}

enum status handle_usage(void *arg, const struct micro_request *r, struct buf *reply, struct err *err)
{
	return answer(arg, &report_usage, r, reply, err);
}

enum status handle_costs(void *arg, const struct micro_request *r, struct buf *reply, struct err *err)
{
	return answer(arg, &report_costs, r, reply, err);
}

enum status handle_performance(void *arg, const struct micro_request *r, struct buf *reply, struct err *err)
{
	return answer(arg, &report_performance, r, reply, err);
}

/* On a connection of its own: a day of a busy tenant takes longer than any question may. */
static enum status rebuild(const struct analytics *a, struct span tenant, int64_t from_ms, int64_t to_ms, struct err *err)
{
	const struct store_options o = {.url = a->config->database_url,
	                                .application = "gannet-analytics rebuild",
	                                .statement_timeout_ms = REBUILD_DAY_MAX_MS,
	                                .session_sql = REQUESTS_SESSION_SQL};
	struct store *s;
	enum status status = store_new(&o, &s, err);
	if (status != STATUS_OK)
		return status;
	status = rollup_rebuild(s, tenant, from_ms, to_ms, NULL, NULL, err);
	store_free(s);
	return status;
}

enum status handle_rebuild(void *arg, const struct micro_request *r, struct buf *reply, struct err *err)
{
	struct analytics *a = arg;
	struct analytics_rebuild asked;
	struct tenant_settings settings;
	scoped_lent db = {0};
	const int64_t day = grain_ms[GRAIN_DAY], now_ms = clock_wall_ms(a->clock);
	enum status status = micro_decode(r, &analytics_rebuild_request_table, &asked, err);
	if (status == STATUS_OK && (asked.from.ms % day || asked.to.ms % day || asked.from.ms >= asked.to.ms))
		status = err_field(err, STATUS_INVALID, "from", "from: must be the beginning of a day (UTC), and to of a later one");
	if (status == STATUS_OK && asked.to.ms - asked.from.ms > ANALYTICS_REBUILD_DAYS_MAX * day)
		status = err_field(err, STATUS_INVALID, "to", "to: more than %d days behind from", ANALYTICS_REBUILD_DAYS_MAX);
	if (status == STATUS_OK)
		status = lend(a, &db, err);
	if (status == STATUS_OK)
		status = settings_get(a, db.store, r->tenant, &settings, err);
	if (status != STATUS_OK)
		return status;
	if (settings.ledger_days && asked.from.ms < now_ms - (settings.ledger_days - 1) * day)
		return err_field(err, STATUS_INVALID, "from", "from: the ledger goes back %lld days only",
		                 (long long)settings.ledger_days);
	status = rebuild(a, r->tenant, asked.from.ms, asked.to.ms, err);
	const struct analytics_rebuilt answer = {(asked.to.ms - asked.from.ms) / day};
	return status == STATUS_OK ? request_reply(&analytics_rebuild_reply_table, &answer, reply) : status;
}
