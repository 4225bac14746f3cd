/* The life of a service process: options, logs, signals, health, broker, the service itself, and all of it backwards.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/wait.h"
#include "service/internal.h"

#define SUBSCRIBED_MS 2000
#define START_RETRY_MIN_MS 100
#define START_RETRY_MAX_MS 2000

/* One per process: text of the configuration lives in it until the end. */
static struct service the_service = {.lock = PTHREAD_MUTEX_INITIALIZER, .health.lock = PTHREAD_MUTEX_INITIALIZER};

struct bus *service_bus(struct service *s)
{
	return atomic_load(&s->bus);
}

const struct service_config *service_config(const struct service *s)
{
	return &s->settings.shared;
}

const struct clock *service_clock(const struct service *s)
{
	return s->clock;
}

const char *service_instance(const struct service *s)
{
	return s->instance;
}

struct bus_limits service_limits(const struct service *s)
{
	const struct service_config *c = &s->settings.shared;
	return (struct bus_limits){(int)c->replicas, c->jobs_max_bytes, c->events_max_age_s, c->events_max_bytes,
	                           c->lease_ms};
}

void service_set_state(struct service *s, void *state)
{
	s->state = state;
}

void *service_state(const struct service *s)
{
	return s->state;
}

void service_add_check(struct service *s, const char *name, bool required,
                       enum status (*check)(void *arg, struct err *err), void *arg)
{
	health_add_check(&s->health, &(struct health_check){name, required, check, arg, .every_ms = HEALTH_CHECK_EVERY_MS});
}

void service_progress(struct service *s)
{
	atomic_fetch_add_explicit(&s->minder.progress, 1, memory_order_relaxed);
}

void service_quit(struct service *s, const struct err *err)
{
	if (err)
		log_error("ending because of an error", err);
	pthread_mutex_lock(&s->lock);
	s->quit = true;
	s->failed |= err != NULL;
	pthread_cond_broadcast(&s->quit_changed);
	pthread_mutex_unlock(&s->lock);
}

/* Waits for service_quit(), at most `timeout_ms` (< 0: for ever); whether it was called. */
static bool wait_for_quit(struct service *s, int64_t timeout_ms)
{
	struct timespec until = wait_until(timeout_ms);
	pthread_mutex_lock(&s->lock);
	int e = 0;
	while (!s->quit && e != ETIMEDOUT)
		e = timeout_ms < 0 ? pthread_cond_wait(&s->quit_changed, &s->lock)
		                   : pthread_cond_timedwait(&s->quit_changed, &s->lock, &until);
	bool quit = s->quit;
	pthread_mutex_unlock(&s->lock);
	return quit;
}

/* A connection that is closed for good never comes back: whoever runs this process has to start it with credentials that are taken. */
static void on_bus_state(void *arg, bool connected, const char *why)
{
	struct service *s = arg;
	struct bus *b = atomic_load(&s->bus);
	struct err err;
	log_fields(connected ? LOG_INFO : LOG_WARN, connected ? "broker connected" : "broker lost", LOG_C("reason", why));
	if (connected || !b || !bus_is_closed(b))
		return;
	err_set(&err, STATUS_UNAUTHORIZED, "the broker refuses the credentials: %.200s", why);
	service_quit(s, &err);
}

static enum status open_bus(struct service *s, struct err *err)
{
	struct bus *b = NULL;
	const struct service_config *c = &s->settings.shared;
	const struct bus_options o = {.url = c->nats_url,
	                              .name = s->instance,
	                              .creds_file = c->creds_file,
	                              .tls = c->tls,
	                              .inbox_prefix = c->inbox_prefix,
	                              .clock = s->clock,
	                              .bulk = s->descriptor->bulk,
	                              .on_state = on_bus_state,
	                              .arg = s};
	enum status e = bus_open(&o, &b, err);
	if (e == STATUS_OK)
		atomic_store(&s->bus, b);
	return e;
}

static enum status ensure_topology(struct service *s, struct err *err)
{
	const struct bus_limits limits = service_limits(s);
	enum status e = STATUS_OK;
	for (const char *const *name = s->descriptor->topology; e == STATUS_OK && name && *name; name++)
		e = bus_topology_ensure(atomic_load(&s->bus), *name, &limits, err);
	return e;
}

/* Repeats a step of the start while its failure may pass by itself; CANCELLED when told to end meanwhile. */
static enum status insist(struct service *s, const char *waiting_for,
                          enum status (*step)(struct service *s, struct err *err), struct err *err)
{
	char servers[256];
	config_redact_url(s->settings.shared.nats_url, servers, sizeof servers);
	for (int64_t wait_ms = START_RETRY_MIN_MS;;
	     wait_ms = wait_ms * 2 < START_RETRY_MAX_MS ? wait_ms * 2 : START_RETRY_MAX_MS) {
		if (wait_for_quit(s, 0))
			return err_set(err, STATUS_CANCELLED, "told to end while starting");
		enum status e = step(s, err);
		if (e == STATUS_OK || !err->retryable)
			return e;
		int64_t waited_ms = clock_mono_ms(s->clock) - s->started_mono_ms;
		log_fields(LOG_WARN, waiting_for, LOG_C("servers", servers), LOG_C("error", err->msg),
		           LOG_I("waited_ms", waited_ms));
		if (s->settings.start_wait_ms && waited_ms > s->settings.start_wait_ms)
			return e;
		wait_for_quit(s, wait_ms);
	}
}

static enum status start_service(struct service *s, struct err *err)
{
	return s->descriptor->start(s, err);
}

static enum status start(struct service *s, struct err *err)
{
	enum status e = insist(s, "waiting for the broker", open_bus, err);
	if (e == STATUS_OK)
		e = insist(s, "waiting for streams and buckets", ensure_topology, err);
	if (e == STATUS_OK)
		e = insist(s, "waiting for what the service needs to start", start_service, err);
	return e;
}

/* Who sees the service ready may ask it at once: the broker has to have its subscriptions by then. One that is away gets them later. */
static void settle_subscriptions(struct service *s)
{
	struct err err = {0};
	if (bus_flush(atomic_load(&s->bus), SUBSCRIBED_MS, &err) != STATUS_OK)
		log_error("the broker has not confirmed our subscriptions yet", &err);
}

static void log_ready(struct service *s)
{
	const struct service_config *c = &s->settings.shared;
	log_fields(LOG_INFO, "ready", LOG_C("version", GANNET_VERSION), LOG_C("commit", GANNET_COMMIT),
	           LOG_I("pid", getpid()), LOG_C("health_bind", c->health_bind),
	           LOG_I("health_port", http_server_port(s->health.server)),
	           LOG_I("start_ms", clock_mono_ms(s->clock) - s->started_mono_ms));
}

/* From the open health server to the end; the process's exit code. */
static int run(struct service *s)
{
	struct err err = {0};
	bool started = start(s, &err) == STATUS_OK;
	if (started) {
		settle_subscriptions(s);
		health_set_phase(&s->health, HEALTH_READY);
		log_ready(s);
		wait_for_quit(s, -1);
	} else if (err.status != STATUS_CANCELLED) {
		service_quit(s, &err);
	}
	int64_t deadline_ms = clock_mono_ms(s->clock) + s->settings.shared.drain_ms;
	atomic_store(&s->minder.drain_until_mono_ms, deadline_ms);
	health_set_phase(&s->health, HEALTH_DRAINING);
	if (started)
		s->descriptor->stop(s, deadline_ms);
	trace_stop();
	health_stop(&s->health);
	if (atomic_load(&s->bus))
		bus_close(atomic_load(&s->bus));
	log_fields(LOG_INFO, "ended", LOG_B("failed", s->failed));
	return s->failed ? 1 : 0;
}

/* A name that may stand in a subject token and in a bucket's key. */
static void name_instance(struct service *s)
{
	char host[64] = "";
	gethostname(host, sizeof host - 1);
	for (char *p = host; *p; p++)
		if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-", *p))
			*p = '-';
	if (s->settings.shared.worker_id)
		snprintf(s->instance, sizeof s->instance, "%s", s->settings.shared.worker_id);
	else
		snprintf(s->instance, sizeof s->instance, "%.20s-%.40s-%d", s->descriptor->name, host, (int)getpid());
	s->settings.shared.worker_id = s->instance;
}

static void init_quit(struct service *s)
{
	wait_cond_init(&s->quit_changed);
}

static int serve(struct service *s)
{
	struct err err = {0};
	char full_name[64];
	enum log_level level = LOG_INFO;
	const struct service_descriptor *d = s->descriptor;
	if (config_load(d, &s->settings, &err) != STATUS_OK ||
	    (s->settings.test_clock && clock_open_moved(s->settings.test_clock, &s->clock, &err) != STATUS_OK)) {
		log_init(d->name, NULL, level, s->clock);
		log_error("bad configuration", &err);
		return SERVICE_EXIT_USAGE;
	}
	name_instance(s);
	log_parse_level(span_from(s->settings.shared.log_level), &level);
	log_init(d->name, s->instance, level, s->clock);
	minder_block_signals();
	init_quit(s);
	minder_start(&s->minder, s);
	int code = 1;
	if (health_start(&s->health, s, &err) == STATUS_OK) {
		snprintf(full_name, sizeof full_name, "gannet-%s", d->name);
		trace_start(s->settings.shared.otlp_endpoint, full_name, s->instance);
		code = run(s);
	} else {
		log_error("cannot serve /health and /metrics; HEALTH_BIND and PROMETHEUS_PORT say where", &err);
	}
	minder_stop(&s->minder);
	return code;
}

static int print(const struct service_descriptor *d, void (*write)(const struct service_descriptor *d, struct buf *out))
{
	scoped_buf text = {0};
	write(d, &text);
	return fwrite(text.data, 1, text.len, stdout) == text.len && fflush(stdout) == 0 ? 0 : 1;
}

static int ask_health(struct service *s)
{
	struct err err = {0};
	if (config_load_shared(&s->settings, &err) == STATUS_OK)
		return service_ask_health(s->settings.shared.health_bind, s->settings.shared.health_port, "/health/ready");
	fprintf(stderr, "%s\n", err.msg);
	return SERVICE_EXIT_USAGE;
}

int service_main(const struct service_descriptor *d, int argc, char **argv)
{
	struct service *s = &the_service;
	s->descriptor = d;
	s->clock = &clock_system;
	s->started_mono_ms = clock_mono_ms(s->clock);
	if (argc == 2 && strcmp(argv[1], "--help") == 0)
		return print(d, config_help);
	if (argc == 2 && strcmp(argv[1], "--permissions") == 0)
		return print(d, permissions_write);
	if (argc == 2 && strcmp(argv[1], "--health") == 0)
		return ask_health(s);
	if (argc == 2 && strcmp(argv[1], "--version") == 0)
		return printf("gannet-%s %s (%s)\n", d->name, GANNET_VERSION, GANNET_COMMIT) < 0;
	if (argc > 1) {
		fprintf(stderr, "gannet-%s: unknown argument \"%s\"; there are --help, --version, --health and --permissions\n", d->name,
		        argv[argc - 1]);
		return SERVICE_EXIT_USAGE;
	}
	return serve(s);
}
