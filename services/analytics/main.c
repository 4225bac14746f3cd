/* gannet-analytics: keeps the ledger of usage, and answers what was used, spent and achieved, and what the month will cost. */
#include <stdlib.h>

#include "gauges.h"
#include "ledger.h"
#include "requests.h"
#include "upkeep.h"

#define DAY_MS (24ll * 3600 * 1000)

static struct analytics_config config;
static const struct env_option options[] = {
    {"DATABASE_URL", ENV_TEXT, offsetof(struct analytics_config, database_url), "postgresql://127.0.0.1/gannet", 0, 0,
     "PostgreSQL: postgresql://user:password@host:port/database", .secret = true},
    {"GANNET_TIME_ZONE", ENV_TEXT, offsetof(struct analytics_config, time_zone), "UTC", 0, 0,
     "IANA time zone of days and months, for tenants that chose none"},
    {"MONTHLY_BUDGET", ENV_TEXT, offsetof(struct analytics_config, monthly_budget), NULL, 0, 0,
     "dollars a month, for tenants without a budget of their own"},
    {"GANNET_LEDGER_DAYS", ENV_INT, offsetof(struct analytics_config, ledger_days), "400", 0, ANALYTICS_LEDGER_DAYS_MAX,
     "days that rows of the ledger are kept, for tenants that chose none; 0 keeps them"},
    {"GANNET_MINUTE_DAYS", ENV_INT, offsetof(struct analytics_config, minute_days), "32", 0, ANALYTICS_LEDGER_DAYS_MAX,
     "days that sums by minute are kept, later the ledger is read instead; 0 keeps them"},
    {"GANNET_FORECAST_INTERVAL", ENV_MS, offsetof(struct analytics_config, forecast_interval_ms), "3600", 0, 30 * DAY_MS,
     "how often costs are projected; 0 never", .unit = 1000},
    {"GANNET_PERFORMANCE_WINDOW", ENV_MS, offsetof(struct analytics_config, window_ms), "900", 60000, DAY_MS,
     "length of the windows in which models are watched", .unit = 1000},
};

static const char *const topology[] = {STREAM_EVENTS, STREAM_TICKS, STREAM_FINDINGS, BUCKET_WORKERS, NULL};

static void on_migrated(void *arg)
{
	struct analytics *a = arg;
	store_pool_open(a->pool);
}

static void on_broken(void *arg, const struct err *err)
{
	struct analytics *a = arg;
	service_quit(a->service, err);
}

static void release(struct analytics *a)
{
	if (a->micro)
		micro_stop(a->micro);
	upkeep_stop(a->upkeep);
	gauges_stop(a->gauges);
	ledger_stop(a->ledger);
	store_pool_free(a->pool);
	price_table_free(a->prices);
	free(a);
}

static enum status start_ledger(struct analytics *a, struct err *err)
{
	const struct ledger_options o = {.bus = a->bus,
	                                 .clock = a->clock,
	                                 .database_url = config.database_url,
	                                 .prices = a->prices,
	                                 .migrated = on_migrated,
	                                 .broken = on_broken,
	                                 .arg = a};
	return ledger_start(&o, &a->ledger, err);
}

static enum status start_parts(struct analytics *a, struct err *err)
{
	static struct store_options pool = {.application = "gannet-analytics requests",
	                                    .connect_timeout_ms = 2000,
	                                    .statement_timeout_ms = 15000,
	                                    .session_sql = REQUESTS_SESSION_SQL};
	pool.url = config.database_url;
	enum status status = price_table_load(&a->prices, err);
	if (status == STATUS_OK)
		status = store_pool_new(&pool, &a->pool, err);
	if (status == STATUS_OK)
		status = start_ledger(a, err);
	if (status == STATUS_OK)
		status = gauges_start(a, &a->gauges, err);
	if (status == STATUS_OK)
		status = upkeep_start(a, &a->upkeep, err);
	if (status == STATUS_OK)
		status = requests_start(a, err);
	return status;
}

static enum status check_config(struct err *err)
{
	struct span budget = span_from(config.monthly_budget);
	if (budget.p && dollars_parse(budget) < 0)
		return err_field(err, STATUS_INVALID, "MONTHLY_BUDGET", "MONTHLY_BUDGET: \"%.40s\" is not dollars such as 500 or 99.50",
		                 config.monthly_budget);
	return STATUS_OK;
}

static enum status start(struct service *s, struct err *err)
{
	if (check_config(err) != STATUS_OK)
		return err->status;
	struct analytics *a = calloc(1, sizeof *a);
	if (!a)
		abort();
	*a = (struct analytics){.service = s, .bus = service_bus(s), .clock = service_clock(s), .config = &config};
	enum status status = start_parts(a, err);
	if (status != STATUS_OK) {
		release(a);
		return status;
	}
	service_set_state(s, a);
	/* Not required: while it is away, or takes nothing, events wait in their stream. */
	service_add_check(s, "postgresql", false, store_pool_check, a->pool);
	service_add_check(s, "ledger", false, ledger_check, a->ledger);
	return STATUS_OK;
}

static void stop(struct service *s, int64_t deadline_mono_ms)
{
	(void)deadline_mono_ms;
	release(service_state(s));
}

static const struct service_use uses[] = {
    {USE_FOLLOW, STREAM_EVENTS},
    {USE_FOLLOW, BUCKET_WORKERS},
    {USE_SCHEDULE, "analytics", CONSUMER_TICKS_ANALYTICS},
    {USE_PUBLISH, "gannet.*.findings.analytics.*"},
    {USE_PUBLISH, "gannet.*.jobs.feedback_report"},
};

static const struct service_descriptor descriptor = {
    .name = "analytics",
    .summary = "ledger of usage, costs, performance, forecasts",
    .topology = topology,
    .uses = uses,
    .uses_n = countof(uses),
    .endpoints = analytics_endpoints,
    .endpoints_n = ANALYTICS_ENDPOINTS,
    .options = options,
    .options_n = countof(options),
    .config = &config,
    .start = start,
    .stop = stop,
};

int main(int argc, char **argv)
{
	return service_main(&descriptor, argc, argv);
}
