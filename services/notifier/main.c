/* gannet-notifier: files findings as issues, discussions, comments and messages, each once. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "board.h"
#include "bus/kv.h"
#include "bus/topology.h"
#include "routing.h"
#include "deliver.h"
#include "entry.h"
#include "intake.h"
#include "requests.h"
#include "core/wait.h"
#include "service/service.h"

#define LOOK_MS 1000 /* at the file */
#define TIDY_EVERY_MS 60000
#define RESOLVED_KEPT_MS (3600ll * 1000)

static struct {
	const char *file;
	struct pace pace;
} options_config;
static const struct env_option options[] = {
    {"GANNET_NOTIFIER", ENV_TEXT, 0, NULL, 0, 0,
     "file of targets, routes and maintenance, read again when it changes; unset: findings are kept, nobody is told"},
    {"GANNET_NOTIFIER_CLAIM", ENV_MS, offsetof(typeof(options_config), pace.claim_ms), "60s", 1000, 3600000,
     "after how long a call that a replica began and never ended is looked into by others; longer than a call may take (20 s)"},
    {"GANNET_NOTIFIER_UPDATE_EVERY", ENV_MS, offsetof(typeof(options_config), pace.update_every_ms), "60s", 100, 86400000,
     "how often the text of one entry is written again at most, unless it got worse"},
};

static const char *const topology[] = {STREAM_FINDINGS, BUCKET_FINDINGS, BUCKET_NOTIFIED, BUCKET_SILENCES, NULL};

struct state {
	struct service *service;
	struct bus *bus;
	const struct clock *clock;
	struct board *board;
	struct intake *intake;
	struct requests requests;
	pthread_t thread;
	bool running;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool stopping;              /* under lock */
	struct deliveries *deliveries; /* under lock; replaced with the configuration */
	struct routing *routing;      /* the thread's own */
	struct timespec file_time;
	int64_t tidied_mono_ms;
};

static void on_change(void *arg)
{
	struct state *s = arg;
	pthread_mutex_lock(&s->lock);
	if (s->deliveries)
		deliveries_wake(s->deliveries);
	pthread_mutex_unlock(&s->lock);
}

/* ---- the configuration, and what stands on it */

static enum status deliver_by(struct state *s, struct routing *c, struct err *err)
{
	struct deliveries *d = NULL;
	const struct deliveries_options o = {s->bus, s->clock, s->board, options_config.pace, c};
	enum status status = deliveries_start(&o, &d, err);
	if (status != STATUS_OK)
		return status;
	s->routing = c;
	requests_use(&s->requests, c);
	pthread_mutex_lock(&s->lock);
	s->deliveries = d;
	pthread_mutex_unlock(&s->lock);
	log_fields(LOG_INFO, "targets are set", LOG_I("targets", (int64_t)c->targets_n), LOG_I("routes", (int64_t)c->routes_n));
	return STATUS_OK;
}

static void stop_delivering(struct state *s)
{
	pthread_mutex_lock(&s->lock);
	struct deliveries *d = s->deliveries;
	s->deliveries = NULL;
	pthread_mutex_unlock(&s->lock);
	deliveries_stop(d);
	requests_use(&s->requests, NULL);
	routing_free(s->routing);
	s->routing = NULL;
}

static struct timespec time_of_file(void)
{
	struct stat st;
	if (!options_config.file || stat(options_config.file, &st) != 0)
		return (struct timespec){0};
	return st.st_mtim;
}

/* A file with a mistake is refused, and the old one stays. */
static void look_at_file(struct state *s)
{
	struct routing *c;
	struct err err = {0};
	struct timespec now = time_of_file();
	if (now.tv_sec == s->file_time.tv_sec && now.tv_nsec == s->file_time.tv_nsec)
		return;
	s->file_time = now;
	if (routing_load(options_config.file, &c, &err) != STATUS_OK) {
		log_error("the changed file is refused, the old one stays", &err);
		return;
	}
	stop_delivering(s);
	if (deliver_by(s, c, &err) != STATUS_OK) {
		routing_free(c);
		service_quit(s->service, &err);
	}
}

/* ---- what nobody needs to be told any more */

static void tidy(struct state *s)
{
	int64_t now_ms = clock_wall_ms(s->clock);
	scoped_arena a = {0};
	struct err ignored = {0};
	struct {
		const char *bucket, *key;
	} gone[256];
	size_t n = 0;
	if (clock_mono_ms(s->clock) - s->tidied_mono_ms < TIDY_EVERY_MS || !board_ready(s->board))
		return;
	s->tidied_mono_ms = clock_mono_ms(s->clock);
	const struct map *maps = board_lock(s->board);
	for (struct map_slot *x = map_next(&maps[BOARD_FINDINGS], NULL); x && n < countof(gone); x = map_next(&maps[BOARD_FINDINGS], x)) {
		const struct kept *k = x->value;
		if (k->finding.status == FINDING_RESOLVED && now_ms - k->finding.timestamp.ms > RESOLVED_KEPT_MS &&
		    entry_is_over(maps, s->routing, k))
			gone[n++] = (typeof(gone[0])){BUCKET_FINDINGS, arena_cstr(&a, span_of(x->key, x->key_n))};
	}
	for (struct map_slot *x = map_next(&maps[BOARD_SILENCES], NULL); x && n < countof(gone); x = map_next(&maps[BOARD_SILENCES], x))
		if (((struct kept *)x->value)->silence.until.ms < now_ms)
			gone[n++] = (typeof(gone[0])){BUCKET_SILENCES, arena_cstr(&a, span_of(x->key, x->key_n))};
	board_unlock(s->board);
	for (size_t i = 0; i < n; i++)
		if (bus_kv_delete(s->bus, gone[i].bucket, gone[i].key, &ignored) != STATUS_OK)
			break;
}

/* ---- the thread */

static void *run(void *arg)
{
	struct state *s = arg;
	pthread_mutex_lock(&s->lock);
	while (!s->stopping) {
		struct timespec until = wait_until(LOOK_MS);
		pthread_cond_timedwait(&s->changed, &s->lock, &until);
		if (s->stopping)
			break;
		pthread_mutex_unlock(&s->lock);
		look_at_file(s);
		tidy(s);
		pthread_mutex_lock(&s->lock);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

static void release(struct state *s)
{
	pthread_mutex_lock(&s->lock);
	s->stopping = true;
	pthread_cond_signal(&s->changed);
	pthread_mutex_unlock(&s->lock);
	if (s->running)
		pthread_join(s->thread, NULL);
	requests_stop(&s->requests);
	intake_stop(s->intake);
	stop_delivering(s);
	board_close(s->board);
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->requests.lock);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

static enum status start_parts(struct state *s, struct err *err)
{
	struct routing *c;
	s->file_time = time_of_file();
	if (routing_load(options_config.file, &c, err) != STATUS_OK)
		return err->status;
	enum status status = board_open(s->bus, on_change, s, &s->board, err);
	s->requests.board = s->board;
	if (status == STATUS_OK)
		status = deliver_by(s, c, err);
	if (status != STATUS_OK) {
		routing_free(c);
		return status;
	}
	status = requests_start(&s->requests, err);
	if (status == STATUS_OK)
		status = intake_start(s->bus, &s->intake, err);
	if (status == STATUS_OK) {
		s->running = pthread_create(&s->thread, NULL, run, s) == 0;
		if (!s->running)
			status = err_retry(err, STATUS_UNAVAILABLE, "no thread");
	}
	return status;
}

static enum status start(struct service *service, struct err *err)
{
	struct state *s = calloc(1, sizeof *s);
	if (!s)
		abort();
	s->service = service;
	s->bus = service_bus(service);
	s->clock = service_clock(service);
	s->requests = (struct requests){.bus = s->bus, .clock = s->clock, .lock = PTHREAD_MUTEX_INITIALIZER};
	pthread_mutex_init(&s->lock, NULL);
	wait_cond_init(&s->changed);
	enum status status = start_parts(s, err);
	if (status != STATUS_OK)
		release(s);
	else
		service_set_state(service, s);
	return status;
}

static void stop(struct service *service, int64_t deadline_mono_ms)
{
	(void)deadline_mono_ms; /* calls in hand end by their own time-out */
	release(service_state(service));
}

static const struct service_use uses[] = {
    {USE_CONSUME, STREAM_FINDINGS, CONSUMER_FINDINGS_NOTIFIER},
    {USE_FOLLOW, STREAM_FINDINGS}, /* the week behind, for the weekly report */
    {USE_GET, BUCKET_FINDINGS},
    {USE_FOLLOW, BUCKET_FINDINGS},
    {USE_FOLLOW, BUCKET_NOTIFIED},
    {USE_FOLLOW, BUCKET_SILENCES},
    {USE_PUT, BUCKET_FINDINGS},
    {USE_PUT, BUCKET_NOTIFIED},
    {USE_PUT, BUCKET_SILENCES},
};

static const struct service_descriptor descriptor = {
    .name = "notifier",
    .summary = "files findings as issues, discussions, comments and messages, each once",
    .topology = topology,
    .uses = uses,
    .uses_n = countof(uses),
    .endpoints = notifier_endpoints,
    .endpoints_n = NOTIFIER_ENDPOINTS,
    .micro_name = "findings",
    .options = options,
    .options_n = countof(options),
    .config = &options_config,
    .start = start,
    .stop = stop,
};

int main(int argc, char **argv)
{
	return service_main(&descriptor, argc, argv);
}
