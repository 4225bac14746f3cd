/* gannet bootstrap: creates the streams, buckets and consumers of the suite, or says how those that exist differ. */
#include "bus/topology.h"
#include "services/cli/command.h"
#include "services/cli/connect.h"

struct bootstrap {
	struct texts kinds;
	struct opt_i64 replicas, lease_ms, events_max_age_ms, events_max_bytes, jobs_max_bytes;
};
static struct bootstrap config;

#define AT(member) offsetof(struct bootstrap, member)
#define AGE_MAX_MS (87600 * 3600000LL)
static const struct option options[] = {
    {"kind", "k", "NAME", option_texts, AT(kinds), .help = "also the consumers of this kind of job; may be repeated"},
    {"replicas", NULL, "N", option_i64, AT(replicas), "1", "GANNET_REPLICAS", .min = 1, .max = 5,
     .help = "copies of streams and buckets"},
    {"lease", NULL, "TIME", option_ms, AT(lease_ms), "30s", "GANNET_LEASE", .min = 500, .max = 3600000,
     .help = "after so long of silence a worker's jobs go to others; the same as the services' GANNET_LEASE"},
    {"events-max-age", NULL, "TIME", option_ms, AT(events_max_age_ms), "168h", "GANNET_EVENTS_MAX_AGE", .min = 1000,
     .max = AGE_MAX_MS, .help = "how long events are kept"},
    {"events-max-bytes", NULL, "N", option_i64, AT(events_max_bytes), "-1", "GANNET_EVENTS_MAX_BYTES", .min = -1,
     .max = INT64_MAX, .help = "size at which the oldest events go; -1: none"},
    {"jobs-max-bytes", NULL, "N", option_i64, AT(jobs_max_bytes), "-1", "GANNET_JOBS_MAX_BYTES", .min = -1,
     .max = INT64_MAX, .help = "size of waiting jobs at which new ones are refused; -1: none"},
};

static enum status ensure_all(struct cli *c, struct err *err)
{
	const struct bus_limits limits = {.replicas = (int)config.replicas.v,
	                                  .jobs_max_bytes = config.jobs_max_bytes.v,
	                                  .events_max_age_s = config.events_max_age_ms.v / 1000,
	                                  .events_max_bytes = config.events_max_bytes.v,
	                                  .lease_ms = config.lease_ms.v};
	for (const char *const *name = bus_topology_names; *name; name++) {
		if (bus_topology_ensure(c->bus, *name, &limits, err) != STATUS_OK)
			return err->status;
		cli_say(c, "%s %s", bus_topology_is_bucket(*name) ? "bucket" : "stream", *name);
	}
	for (size_t i = 0; i < config.kinds.n; i++) {
		if (bus_topology_ensure_kind(c->bus, config.kinds.items[i], &limits, err) != STATUS_OK)
			return err->status;
		cli_say(c, "consumers of %s", config.kinds.items[i]);
	}
	return STATUS_OK;
}

static enum outcome run(struct cli *c, char **arguments, size_t n)
{
	(void)arguments, (void)n;
	struct err err = {0};
	if (cli_connect(c, &err) != STATUS_OK || ensure_all(c, &err) != STATUS_OK)
		return cli_fail(c, &err);
	return OUTCOME_OK;
}

const struct command command_bootstrap = {
    .name = "bootstrap",
    .summary = "create the streams, buckets and consumers of the suite",
    .details = "Creates what is missing and compares what exists; nothing that exists is changed. For an installation whose\n"
               "services have users that may not create streams: run it first, with a user that may.\n",
    .options = options,
    .options_n = countof(options),
    .config = &config,
    .run = run,
};
