/* gannet-collector: takes a snapshot of each tenant's system on every turn, out of all sources that are configured. */
#include <stdio.h>
#include <stdlib.h>

#include "services/collector/publish.h"

static struct collector_config options_read;
static const struct env_option options[] = {
    {"GANNET_SOURCES", ENV_TEXT, offsetof(struct collector_config, sources), NULL, 0, 0,
     "the file that names the sources of snapshots (docs/collector.md), or its text; unset: the suite's own jobs and "
     "workers",
     .secret = true},
    {"GANNET_TENANT", ENV_TEXT, offsetof(struct collector_config, tenant), "default", 0, 0,
     "whose sources those are that name no tenant"},
    {"AI_WORKER_ENABLED", ENV_BOOL, offsetof(struct collector_config, enabled), "true", 0, 0,
     "take snapshots on schedule; when false, by request only"},
    {"AI_WORKER_INTERVAL_SECONDS", ENV_MS, offsetof(struct collector_config, interval_ms), "30", 1000, 24ll * 3600000,
     "a snapshot so often, whatever the number of replicas", .unit = 1000},
};

static const char *const topology[] = {STREAM_STATE, STREAM_SIGNALS, STREAM_TICKS, BUCKET_LATEST, NULL};

static enum status check_sources(void *arg, struct err *err)
{
	struct collector *c = arg;
	char names[200];
	size_t failing = readers_failing(c->readers, names, sizeof names);
	if (!failing)
		return STATUS_OK;
	return err_set(err, STATUS_UNAVAILABLE, "%zu of %zu sources fail: %s", failing, c->config.n, names);
}

static enum status on_turn(void *arg, const struct schedule_turn *t, struct err *err)
{
	return snapshot_turn(arg, t, err);
}

static void release(struct collector *c)
{
	if (c->micro)
		micro_stop(c->micro);
	schedules_stop(c->schedules);
	readers_stop(c->readers);
	config_free(&c->config);
	free(c);
}

static enum status start_schedule(struct collector *c, struct err *err)
{
	int64_t interval_ms = c->options->interval_ms;
	c->schedule = (struct schedule){.name = "snapshot", .interval_ms = interval_ms, .run = on_turn};
	const struct schedules_options o = {
	    .bus = c->bus,
	    .clock = c->clock,
	    .service = "collector",
	    .consumer = CONSUMER_TICKS_COLLECTOR,
	    .lease_ms = service_limits(c->service).lease_ms,
	    .again_ms = interval_ms < 5000 ? interval_ms : 5000,
	    .all = &c->schedule,
	    .n = 1,
	    .arg = c,
	};
	return c->options->enabled ? schedules_start(&o, &c->schedules, err) : STATUS_OK;
}

static enum status start_parts(struct collector *c, struct err *err)
{
	enum status status =
	    config_read(c->options->sources, c->options->tenant, c->bus, c->clock, &c->config, err);
	if (status == STATUS_OK)
		status = readers_start(&c->config, &c->readers, err);
	if (status == STATUS_OK)
		status = start_schedule(c, err);
	if (status == STATUS_OK)
		status = requests_start(c, err);
	return status;
}

static enum status start(struct service *s, struct err *err)
{
	struct collector *c = calloc(1, sizeof *c);
	if (!c)
		abort();
	c->service = s;
	c->bus = service_bus(s);
	c->clock = service_clock(s);
	c->options = &options_read;
	enum status status = start_parts(c, err);
	if (status != STATUS_OK) {
		release(c);
		return status;
	}
	service_set_state(s, c);
	/* Not required: what the other sources say is still told. */
	service_add_check(s, "sources", false, check_sources, c);
	return STATUS_OK;
}

static void stop(struct service *s, int64_t deadline_mono_ms)
{
	(void)deadline_mono_ms; /* the sources' own time-outs are shorter than any sensible one */
	release(service_state(s));
}

static const struct service_use uses[] = {
    {USE_SCHEDULE, "collector", CONSUMER_TICKS_COLLECTOR},
    {USE_PUBLISH, "gannet.*.snapshot.taken"},
    {USE_GET, STREAM_STATE},
    {USE_GET, BUCKET_LATEST},
    {USE_PUT, BUCKET_LATEST},
    /* Sources: signals, the suite's own jobs, and the state of any stream and consumer. */
    {USE_FOLLOW, STREAM_SIGNALS},
    {USE_PUBLISH, "gannet.*.jobs.stats"},
    {USE_PUBLISH, "$JS.API.STREAM.INFO.*"},
    {USE_PUBLISH, "$JS.API.CONSUMER.INFO.*.*"},
};

static const struct service_descriptor descriptor = {
    .name = "collector",
    .summary = "snapshots of systems: queues, publications, clips, alerts, workers and what else is configured",
    .topology = topology,
    .uses = uses,
    .uses_n = countof(uses),
    .endpoints = collector_endpoints,
    .endpoints_n = COLLECTOR_ENDPOINTS,
    .options = options,
    .options_n = countof(options),
    .config = &options_read,
    .start = start,
    .stop = stop,
};

int main(int argc, char **argv)
{
	return service_main(&descriptor, argc, argv);
}
