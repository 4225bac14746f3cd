/* gannet-jobs: keeps a record of every job in PostgreSQL, answers requests about jobs, and queues delayed ones when
 * they are due. */
#include <stdlib.h>

#include "bus/private_id.h"
#include "bus/topology.h"
#include "jobs.h"
#include "maintenance.h"
#include "requests.h"
#include "scheduler.h"

static struct jobs_config config;
static const struct env_option options[] = {
    {"DATABASE_URL", ENV_TEXT, offsetof(struct jobs_config, database_url), "postgresql://127.0.0.1/gannet", 0, 0,
     "PostgreSQL: postgresql://user:password@host:port/database", .secret = true},
    {"GANNET_CLEANUP_DAYS", ENV_INT, offsetof(struct jobs_config, cleanup_days), "0", 0, CLEANUP_DAYS_MAX,
     "delete records of finished jobs after so many days, once a day; 0 keeps them"},
    {"GANNET_RETRY_FAILED_INTERVAL", ENV_MS, offsetof(struct jobs_config, retry_failed_interval_ms), "0", 0,
     30ll * 24 * 3600 * 1000, "retry jobs that failed for passing reasons so often, at most 3 runs a job; 0 never",
     .unit = 1000},
};

static const char *const topology[] = {STREAM_JOBS,    STREAM_EVENTS, STREAM_DELAYED, STREAM_TICKS, BUCKET_CANCELLED,
                                       BUCKET_WORKERS, BUCKET_KEYS,   NULL};

static void on_migrated(void *arg)
{
	struct jobs *j = arg;
	db_open(j->db);
}

static void on_broken(void *arg, const struct err *err)
{
	struct jobs *j = arg;
	service_quit(j->service, err);
}

static void release(struct jobs *j)
{
	if (j->micro)
		micro_stop(j->micro);
	maintenance_stop(j->maintenance);
	scheduler_stop(j->scheduler);
	if (j->projection)
		projection_stop(j->projection);
	estimate_stop(j->estimate);
	db_free(j->db);
	free(j);
}

static enum status start_projection(struct jobs *j, struct err *err)
{
	struct bus_stream_state jobs_state, delayed_state;
	enum status status = bus_stream_state(j->bus, STREAM_JOBS, &jobs_state, err);
	if (status == STATUS_OK)
		status = bus_stream_state(j->bus, STREAM_DELAYED, &delayed_state, err);
	if (status != STATUS_OK)
		return status;
	j->delayed_created_ms = delayed_state.created_ms;
	const struct projection_options o = {
	    .bus = j->bus,
	    .clock = j->clock,
	    .database_url = config.database_url,
	    .jobs_created_ms = jobs_state.created_ms,
	    .lease_ms = service_limits(j->service).lease_ms,
	    .estimate = j->estimate,
	    .migrated = on_migrated,
	    .broken = on_broken,
	    .arg = j,
	};
	return projection_start(&o, &j->projection, err);
}

static enum status start_parts(struct jobs *j, struct err *err)
{
	enum status status = bus_private_ids_open(j->bus, err);
	if (status == STATUS_OK)
		status = db_new(config.database_url, &j->db, err);
	if (status == STATUS_OK)
		status = estimate_start(j->bus, j->clock, &j->estimate, err);
	if (status == STATUS_OK)
		status = start_projection(j, err);
	if (status == STATUS_OK)
		status = scheduler_start(j->bus, j->clock, j->delayed_created_ms, &j->scheduler, err);
	if (status == STATUS_OK)
		status = maintenance_start(j, &j->maintenance, err);
	if (status == STATUS_OK)
		status = requests_start(j, err);
	return status;
}

static enum status start(struct service *s, struct err *err)
{
	struct jobs *j = calloc(1, sizeof *j);
	if (!j)
		abort();
	*j = (struct jobs){.service = s, .bus = service_bus(s), .clock = service_clock(s), .config = &config};
	enum status status = start_parts(j, err);
	if (status != STATUS_OK) {
		release(j);
		return status;
	}
	service_set_state(s, j);
	/* Not required: jobs are still taken, scheduled and cancelled while it is away. */
	service_add_check(s, "postgresql", false, db_check, j->db);
	service_add_check(s, "projection", false, projection_check, j->projection);
	return STATUS_OK;
}

static void stop(struct service *s, int64_t deadline_mono_ms)
{
	(void)deadline_mono_ms; /* nothing here takes longer than the statement at hand */
	release(service_state(s));
}

static const struct service_use uses[] = {
    {USE_FOLLOW, STREAM_EVENTS}, /* and so the end of jobs-projection, whose place it takes over once */
    {USE_SCHEDULE, "jobs", CONSUMER_TICKS_JOBS},
    {USE_PUBLISH, "gannet.*.jobs.submit.*.*"},
    {USE_PUBLISH, "gannet.*.jobs.delayed.*.*.*.*"},
    {USE_PUBLISH, "gannet.*.jobs.event.queued.*.*"},
    {USE_PUBLISH, "gannet.*.jobs.event.cancelled.*"},
    {USE_PUBLISH, "gannet.*.jobs.event.rejected.*"},
    {USE_GET, BUCKET_KEYS},
    {USE_PUT, BUCKET_KEYS},
    {USE_GET, STREAM_EVENTS},
    {USE_GET, STREAM_JOBS},
    {USE_GET, STREAM_DELAYED},
    {USE_FOLLOW, STREAM_DELAYED},
    {USE_FOLLOW, BUCKET_WORKERS},
    {USE_PUT, BUCKET_CANCELLED},
    {USE_REMOVE, STREAM_JOBS},
    {USE_REMOVE, STREAM_DELAYED},
};

static const struct service_descriptor descriptor = {
    .name = "jobs",
    .summary = "records of jobs, requests about jobs, delayed jobs",
    .topology = topology,
    .uses = uses,
    .uses_n = countof(uses),
    .endpoints = jobs_endpoints,
    .endpoints_n = JOBS_ENDPOINTS,
    .options = options,
    .options_n = countof(options),
    .config = &config,
    .bulk = true,
    .start = start,
    .stop = stop,
};

int main(int argc, char **argv)
{
	return service_main(&descriptor, argc, argv);
}
