/* The options that all services share: read, checked, printed. */
#include "service/internal.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/id.h"

#define NATS_URL_DEFAULT "nats://127.0.0.1:4222"
#define AT(member) offsetof(struct service_settings, member)
#define HOUR_MS 3600000

static const struct env_option shared_options[] = {
    {"NATS_URL", ENV_TEXT, AT(shared.nats_url), NULL, .secret = true,
     .help = "servers of the broker, comma separated; BROKER_URL, else " NATS_URL_DEFAULT},
    {"BROKER_URL", ENV_TEXT, AT(broker_url), NULL, .secret = true, .help = "the same, used when NATS_URL is not set"},
    {"NATS_CREDS", ENV_TEXT, AT(shared.creds_file), NULL, .help = "path of a NATS credentials file"},
    {"NATS_CA", ENV_TEXT, AT(shared.tls.ca_file), NULL,
     .help = "path of certificates to trust for the broker; any of these four asks for TLS"},
    {"NATS_CERT", ENV_TEXT, AT(shared.tls.cert_file), NULL, .help = "path of our own certificate, for a broker that asks"},
    {"NATS_KEY", ENV_TEXT, AT(shared.tls.key_file), NULL, .help = "path of its key"},
    {"NATS_TLS_NAME", ENV_TEXT, AT(shared.tls.name), NULL,
     .help = "name that the broker's certificate must hold; the first server's host"},
    {"NATS_INBOX_PREFIX", ENV_TEXT, AT(shared.inbox_prefix), "_INBOX",
     .help = "begins the subjects of answers to this service; its user at the broker may read no others"},
    {"GANNET_SECRETS", ENV_TEXT, AT(secrets), NULL,
     .help = "path of a folder of secrets: one that is not set, nor in NAME_FILE, is the file of its name there"},
    {"WORKER_ID", ENV_TEXT, AT(shared.worker_id), NULL, .help = "name of this process; <service>-<host>-<pid>"},
    {"LOG_LEVEL", ENV_TEXT, AT(shared.log_level), "INFO", .help = "DEBUG, INFO, WARN or ERROR"},
    {"HEALTH_BIND", ENV_TEXT, AT(shared.health_bind), "127.0.0.1",
     .help = "address of /health, /health/ready and /metrics"},
    {"PROMETHEUS_PORT", ENV_INT, AT(shared.health_port), "9090", 0, 65535, "their port; 0 takes any free one"},
    {"OTEL_EXPORTER_OTLP_ENDPOINT", ENV_TEXT, AT(shared.otlp_endpoint), NULL,
     .help = "base URL of an OTLP/HTTP receiver of traces; unset: no traces"},
    {"GANNET_START_WAIT_MS", ENV_MS, AT(start_wait_ms), "5m", 0, 24 * HOUR_MS,
     "how long to wait for the broker at start; 0: for ever"},
    {"GANNET_DRAIN_MS", ENV_MS, AT(shared.drain_ms), "25s", 0, HOUR_MS,
     "time to finish what is in flight after SIGTERM"},
    {"GANNET_WATCHDOG_MS", ENV_MS, AT(shared.watchdog_ms), "60s", 0, HOUR_MS,
     "the process ends when its main loop stands still for so long; 0: never"},
    {"GANNET_REPLICAS", ENV_INT, AT(shared.replicas), "1", 1, 5,
     "copies of streams and buckets that this service creates"},
    {"GANNET_EVENTS_MAX_AGE", ENV_MS, AT(shared.events_max_age_s), "168h", 1000, INT64_C(87600) * HOUR_MS,
     "how long events are kept; a bare number is seconds", .unit = 1000},
    {"GANNET_LEASE", ENV_MS, AT(shared.lease_ms), "30s", 500, 3600000,
     "a worker that is silent for so long loses its jobs to others; the same in all services", .unit = 1000},
    {"GANNET_EVENTS_MAX_BYTES", ENV_INT, AT(shared.events_max_bytes), "-1", -1, INT64_MAX,
     "size at which the oldest events go; -1: none"},
    {"GANNET_JOBS_MAX_BYTES", ENV_INT, AT(shared.jobs_max_bytes), "-1", -1, INT64_MAX,
     "size of the waiting jobs at which new ones are refused; -1: none"},
    {"GANNET_STRICT_TENANTS", ENV_BOOL, AT(shared.strict_tenants), "false",
     .help = "only tenants that were created may submit jobs"},
    {"GANNET_TEST_CLOCK", ENV_TEXT, AT(test_clock), NULL,
     .help = "for tests of clock jumps: path of a file whose first eight bytes, an integer of this machine, are how many ms "
             "the wall clock is ahead; it may change at any time; unset: the machine's own clock"},
};

/* Only the scheme is looked at: the client knows the rest, and a wrong scheme would otherwise be retried until the
 * start gives up. */
static enum status check_broker(const char *name, const char *url, struct err *err)
{
	static const char *const schemes[] = {"nats", "tls", "ws", "wss"};
	for (struct span rest = span_from(url); rest.p;) {
		struct span one = span_trim(span_cut(&rest, ','));
		const char *colon = one.n ? memmem(one.p, one.n, "://", 3) : NULL;
		bool known = one.n > 0 && !colon;
		for (size_t i = 0; colon && i < countof(schemes); i++)
			known |= span_is(span_of(one.p, (size_t)(colon - one.p)), schemes[i]);
		if (!known)
			return err_field(err, STATUS_INVALID, name,
			                 "%s is not an address of a NATS server; allowed: nats://, tls://, ws:// or wss:// "
			                 "host:port, comma separated",
			                 name);
	}
	return STATUS_OK;
}

static enum status check_shared(struct service_settings *s, struct err *err)
{
	struct service_config *c = &s->shared;
	enum log_level level;
	if (!c->nats_url)
		c->nats_url = s->broker_url ? s->broker_url : NATS_URL_DEFAULT;
	enum status e = check_broker(c->nats_url == s->broker_url ? "BROKER_URL" : "NATS_URL", c->nats_url, err);
	if (e != STATUS_OK)
		return e;
	if (!log_parse_level(span_from(c->log_level), &level))
		return err_field(err, STATUS_INVALID, "LOG_LEVEL", "LOG_LEVEL: \"%s\" is none of DEBUG, INFO, WARN, ERROR",
		                 c->log_level);
	if (c->worker_id && !id_is_job(span_from(c->worker_id)))
		return err_field(err, STATUS_INVALID, "WORKER_ID", "WORKER_ID: \"%s\" is not 1 to %d of A-Z a-z 0-9 _ -",
		                 c->worker_id, JOB_ID_MAX);
	if (c->otlp_endpoint && strncmp(c->otlp_endpoint, "http://", 7) != 0 &&
	    strncmp(c->otlp_endpoint, "https://", 8) != 0)
		return err_field(err, STATUS_INVALID, "OTEL_EXPORTER_OTLP_ENDPOINT",
		                 "OTEL_EXPORTER_OTLP_ENDPOINT does not begin with http:// or https://");
	c->events_max_age_s /= 1000;
	return STATUS_OK;
}

enum status config_load_shared(struct service_settings *settings, struct err *err)
{
	enum status e = env_load(shared_options, countof(shared_options), settings, err);
	return e == STATUS_OK ? check_shared(settings, err) : e;
}

enum status config_load(const struct service_descriptor *d, struct service_settings *settings, struct err *err)
{
	enum status e = config_load_shared(settings, err);
	if (e == STATUS_OK)
		e = env_load(d->options, d->options_n, d->config, err);
	return e;
}

void config_help(const struct service_descriptor *d, struct buf *out)
{
	buf_printf(out, "gannet-%s: %s\n\nUsage: gannet-%s [--help | --version | --health | --permissions]\n", d->name, d->summary, d->name);
	buf_adds(
	    out,
	    "\nConfiguration is read from environment variables; NAME_FILE names a file that holds the value of NAME.\n");
	buf_adds(out, "--health asks the process that runs here with the same environment whether it is ready; --permissions "
	              "prints what it\nneeds at the broker.\n");
	if (d->options_n) {
		buf_printf(out, "\nOptions of gannet-%s:\n", d->name);
		env_help(d->options, d->options_n, out);
		if (d->help)
			d->help(out);
	}
	buf_adds(out, "\nOptions of every service:\n");
	env_help(shared_options, countof(shared_options), out);
}

void config_redact_url(const char *url, char *out, size_t out_bytes)
{
	struct buf b = {.max_bytes = out_bytes};
	for (struct span rest = span_from(url); rest.p;) {
		struct span one = span_trim(span_cut(&rest, ','));
		const char *scheme_end = one.n ? memmem(one.p, one.n, "://", 3) : NULL;
		const char *host = scheme_end ? scheme_end + 3 : one.p;
		size_t left = one.n - (size_t)(host - one.p);
		const char *at = left ? memrchr(host, '@', left) : NULL;
		buf_add(&b, one.p, (size_t)(host - one.p));
		buf_add(&b, at ? at + 1 : host, at ? left - (size_t)(at + 1 - host) : left);
		if (rest.p)
			buf_addc(&b, ',');
	}
	snprintf(out, out_bytes, "%s", b.data ? b.data : "");
	buf_free(&b);
}
