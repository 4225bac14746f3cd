/* What every service program shares: configuration, logs, health, metrics, signals, traces and the way it starts and
 * stops. */
#ifndef GANNET_SERVICE_SERVICE_H
#define GANNET_SERVICE_SERVICE_H

#include "bus/bus.h"
#include "bus/micro.h"
#include "bus/topology.h"
#include "core/env.h"
#include "core/log.h"
#include "core/metrics.h"
#include "service/trace.h"

#define GANNET_VERSION "0.1.0" /* SemVer; --version, logs, micro info */

/* Options that all services have; each is a row of the table in config.c (name, default, limits, help). */
struct service_config {
	const char *nats_url;      /* NATS_URL, else BROKER_URL; nats://127.0.0.1:4222 */
	const char *creds_file;    /* NATS_CREDS */
	struct bus_tls tls;        /* NATS_CA, NATS_CERT, NATS_KEY, NATS_TLS_NAME */
	const char *inbox_prefix;  /* NATS_INBOX_PREFIX: _INBOX */
	const char *worker_id;     /* WORKER_ID; default <service>-<host>-<pid> */
	const char *log_level;     /* LOG_LEVEL: INFO */
	const char *health_bind;   /* HEALTH_BIND: 127.0.0.1 */
	int64_t health_port;       /* PROMETHEUS_PORT: 9090; 0 takes any free port, printed in the "ready" log line */
	const char *otlp_endpoint; /* OTEL_EXPORTER_OTLP_ENDPOINT: unset = no traces */
	int64_t drain_ms;          /* GANNET_DRAIN_MS: 25 s */
	int64_t watchdog_ms;      /* GANNET_WATCHDOG_MS: 60 s without progress of the main loop ends the process; 0 never */
	int64_t replicas;         /* GANNET_REPLICAS: 1 */
	int64_t events_max_age_s; /* GANNET_EVENTS_MAX_AGE: 7 d */
	int64_t events_max_bytes; /* GANNET_EVENTS_MAX_BYTES: -1 */
	int64_t lease_ms;         /* GANNET_LEASE: 30 s; a dead worker's jobs are taken over after it */
	int64_t jobs_max_bytes;   /* GANNET_JOBS_MAX_BYTES: -1 */
	bool strict_tenants;      /* GANNET_STRICT_TENANTS */
};

struct service;

/*
 * What a service does at the broker besides looking at its topology and answering at its endpoints. `--permissions`
 * prints what follows from all three; the broker's rules for the service's user are made of that and allow nothing else.
 */
struct service_use {
	enum service_use_kind {
		USE_PUBLISH = 1, /* to the subject `name`, plainly or stored, or as a request */
		USE_SUBSCRIBE,   /* to the subject `name` */
		USE_EXECUTE,     /* jobs of the kind `name`, with libs/worker */
		USE_CONSUME,     /* pulls from the durable `consumer` of the stream `name` */
		USE_SCHEDULE,    /* as service/schedule.h does for the service `name`, by the `consumer` of TICKS */
		USE_GET,         /* reads single messages or values of the stream or bucket `name` */
		USE_FOLLOW,      /* reads the stream or bucket `name` in order, live */
		USE_PUT,         /* values of the bucket `name` */
		USE_REMOVE,      /* messages of the stream `name` */
	} kind;
	const char *name, *consumer;
};

/*
 * A service is one descriptor and `int main(int argc, char **argv) { return service_main(&descriptor, argc, argv); }`.
 * Order: options are read (--help, --version, --health, --permissions answer and exit), logs start, signals are caught, the health server
 * answers (not ready yet), the bus connects (waiting, retrying for GANNET_START_WAIT_MS), topology is ensured, `start`,
 * ready. SIGTERM or SIGINT: not ready any more, `stop` (drains within drain_ms), traces and bus are flushed, exit 0. A
 * second signal exits at once with 130.
 */
struct service_descriptor {
	const char *name, *summary;
	const char *const *topology;      /* streams and buckets it needs, NULL-terminated */
	const struct service_use *uses;   /* MAY */
	size_t uses_n;
	const struct micro_endpoint *endpoints; /* MAY: what it gives to micro_start() */
	size_t endpoints_n;
	const char *micro_name; /* under which; NULL: its own */
	const struct env_option *options; /* its own, besides service_config */
	size_t options_n;
	void (*help)(struct buf *out); /* MAY: adds to --help what a library of it reads from the environment */
	void *config; /* filled from `options` */
	bool bulk;    /* see bus_options.bulk */
	/* MUST. Leaves nothing running when it fails. */
	enum status (*start)(struct service *s, struct err *err);
	/* MUST. Called after a successful start only. A stop that outlasts the deadline by 10 s is cut off by the process's
	 * end. */
	void (*stop)(struct service *s, int64_t deadline_mono_ms);
};
int service_main(const struct service_descriptor *d, int argc, char **argv);

/* What a process ends with: 0 after a drain, 1 after an error, and: */
#define SERVICE_EXIT_USAGE 2  /* unknown argument or bad configuration */
#define SERVICE_EXIT_STUCK 70 /* the watchdog or an overdue drain ended it; EX_SOFTWARE of sysexits.h */
#define SERVICE_EXIT_SECOND_SIGNAL 130

/*
 * What --health does: asks a process on this machine, bound to `bind`, prints its answer and returns 0 for 200, else 1.
 * For programs that do not use service_main().
 */
int service_ask_health(const char *bind, int64_t port, const char *path);

struct bus *service_bus(struct service *s);
const struct service_config *service_config(const struct service *s);
const struct clock *service_clock(const struct service *s);
const char *service_instance(const struct service *s); /* WORKER_ID */
struct bus_limits service_limits(const struct service *s);
/* The service's own state, handed to its callbacks. */
void service_set_state(struct service *s, void *state);
void *service_state(const struct service *s);
/* Ends the process as SIGTERM would; any thread. `err` (or NULL) is logged and makes the exit code 1. */
void service_quit(struct service *s, const struct err *err);

/*
 * A dependency shown by /health/ready: 200 while every required check passes, else 503, with a JSON body naming each.
 * `check` runs on the health thread at most once a second and must return within 2 s. NATS is there already.
 */
void service_add_check(struct service *s, const char *name, bool required,
                       enum status (*check)(void *arg, struct err *err), void *arg);
/*
 * Tells the watchdog that the main loop moves; call at least every few seconds once begun: the first call arms the
 * watchdog, so a service without a loop of its own never calls it. /health is 503 from half of watchdog_ms on. Any
 * thread, costs an atomic add.
 */
void service_progress(struct service *s);

#endif
