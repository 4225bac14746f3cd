/* gannet bootstrap: creates the streams, buckets and consumers of the suite, or says how those that exist differ. */
#include <string.h>

#include "bus/topology.h"
#include "services/cli/command.h"
#include "services/cli/connect.h"

struct bootstrap {
	struct texts kinds;
	bool nack;
	struct opt_i64 replicas, lease_ms, events_max_age_ms, events_max_bytes, jobs_max_bytes;
};
static struct bootstrap config;

#define AT(member) offsetof(struct bootstrap, member)
#define AGE_MAX_MS (87600 * 3600000LL)
static const struct option options[] = {
    {"kind", "k", "NAME", option_texts, AT(kinds), .help = "also the consumers of this kind of job; may be repeated"},
    {"nack", NULL, NULL, option_flag, AT(nack),
     .help = "create nothing; print manifests for NACK, the JetStream controller of Kubernetes"},
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

static struct bus_limits limits_of_options(void)
{
	return (struct bus_limits){.replicas = (int)config.replicas.v,
	                           .jobs_max_bytes = config.jobs_max_bytes.v,
	                           .events_max_age_s = config.events_max_age_ms.v / 1000,
	                           .events_max_bytes = config.events_max_bytes.v,
	                           .lease_ms = config.lease_ms.v};
}

/* ---- manifests: the same configuration by the names that NACK has for it */

static const struct nack_name {
	const char *api, *nack;
	bool is_time; /* nanoseconds here, text there */
} nack_names[] = {
    {"subjects", "subjects"},
    {"retention", "retention"},
    {"storage", "storage"},
    {"discard", "discard"},
    {"num_replicas", "replicas"},
    {"max_age", "maxAge", true},
    {"max_bytes", "maxBytes"},
    {"max_msgs", "maxMsgs"},
    {"max_msgs_per_subject", "maxMsgsPerSubject"},
    {"duplicate_window", "duplicateWindow", true},
    {"allow_direct", "allowDirect"},
    {"allow_rollup_hdrs", "allowRollup"},
    {"deny_delete", "denyDelete"},
    {"durable_name", "durableName"},
    {"filter_subject", "filterSubject"},
    {"deliver_policy", "deliverPolicy"},
    {"ack_policy", "ackPolicy"},
    {"replay_policy", "replayPolicy"},
    {"ack_wait", "ackWait", true},
    {"max_deliver", "maxDeliver"},
    {"max_ack_pending", "maxAckPending"},
    {"max_waiting", "maxWaiting"},
};

static void write_nack_member(struct buf *out, const struct nack_name *n, struct json v)
{
	int64_t ns;
	struct json key, item;
	const char *between = "";
	if (v.type == JSON_ARRAY) {
		buf_printf(out, "  %s: [", n->nack);
		for (struct json_iter it = json_iter(v); json_next(&it, &key, &item); between = ", ")
			buf_printf(out, "%s%.*s", between, SPAN_ARG(item.text));
		buf_adds(out, "]\n");
	} else if (!n->is_time) {
		buf_printf(out, "  %s: %.*s\n", n->nack, SPAN_ARG(v.text));
	} else if (json_i64(v, &ns) && ns > 0) {
		buf_printf(out, "  %s: %lldms\n", n->nack, (long long)(ns / 1000000));
	}
}

/* Names in Kubernetes have neither capitals nor underscores. */
static void write_name(struct buf *out, const char *name)
{
	for (; *name; name++)
		buf_addc(out, *name == '_' ? '-' : *name >= 'A' && *name <= 'Z' ? (char)(*name + 32) : *name);
}

static void write_nack(void *arg, const struct bus_object *o)
{
	struct json v, source, destination;
	struct buf *out = arg;
	buf_printf(out, "---\napiVersion: jetstream.nats.io/v1beta2\nkind: %s\nmetadata: {name: ", o->stream ? "Consumer" : "Stream");
	if (o->stream) {
		write_name(out, o->stream);
		buf_addc(out, '-');
	}
	write_name(out, o->name);
	buf_printf(out, "}\nspec:\n  %s: %s\n", o->stream ? "streamName" : "name", o->stream ? o->stream : o->name);
	buf_adds(out, "  preventDelete: true\n");
	for (size_t i = 0; i < countof(nack_names); i++)
		if (json_member(o->config, span_from(nack_names[i].api), &v))
			write_nack_member(out, &nack_names[i], v);
	if (json_pointer(o->config, "/republish/src", &source) && json_pointer(o->config, "/republish/dest", &destination))
		buf_printf(out, "  republish: {source: %.*s, destination: %.*s}\n", SPAN_ARG(source.text), SPAN_ARG(destination.text));
}

static enum outcome print_nack(void)
{
	scoped_buf out = {0};
	const char *kinds[OPTION_REPEAT_MAX + 1] = {0};
	const struct bus_limits limits = limits_of_options();
	memcpy(kinds, config.kinds.items, config.kinds.n * sizeof kinds[0]);
	bus_topology_describe(&limits, kinds, write_nack, &out);
	cli_print(buf_span(&out));
	return OUTCOME_OK;
}

/* ---- creation */

static enum status ensure_all(struct cli *c, struct err *err)
{
	const struct bus_limits limits = limits_of_options();
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
	if (config.nack)
		return print_nack();
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
