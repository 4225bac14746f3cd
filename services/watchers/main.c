/* gannet-watchers: looks at systems on schedule and by hand, and tells what is wrong with them. */
#include <stdlib.h>

#include "bus/topology.h"
#include "services/watchers/watcher.h"

#define LANES 2 /* watches looked at together by one process */

static struct watchers_env env;
static const struct env_option options[] = {
    {"GANNET_WATCHERS", ENV_TEXT, offsetof(struct watchers_env, file), NULL, 0, 0,
     "a JSON file of thresholds, switches, schedules and watches (docs/watchers.md); read again when it changes"},
    {"GANNET_WATCHERS_RELOAD", ENV_MS, offsetof(struct watchers_env, reload_ms), "2s", 10, 3600000,
     "how often is looked whether that file has changed", .unit = 1000},
    {"GANNET_WATCH_HISTORY", ENV_INT, offsetof(struct watchers_env, history), "50", 1, WATCH_HISTORY_MAX,
     "runs kept of each watch"},
    {"GANNET_WATCH_UNWATCHED", ENV_MS, offsetof(struct watchers_env, unwatched_ms), "1h", 0, 30ll * 86400000,
     "findings of a watch that was not in the file for so long are closed as no longer watched; 0: never", .unit = 1000},
};

static const char *const topology[] = {
    STREAM_TICKS, STREAM_FINDINGS, STREAM_SIGNALS, BUCKET_FINDINGS, BUCKET_WATCHES, BUCKET_WATCH_PROFILES, NULL};

static void release(struct watchers *w)
{
	if (w->micro)
		micro_stop(w->micro);
	/* What is read again meanwhile would go into a timetable that is no more. */
	struct timetable *t = w->timetable;
	settings_end(w->settings);
	timetable_stop(t);
	settings_free(w->settings);
	unwatched_free(w->unwatched);
	book_close(w->book);
	free(w);
}

static enum status start_parts(struct watchers *w, struct err *err)
{
	const struct timetable_options t = {
	    .bus = w->bus,
	    .clock = w->clock,
	    .service = "watchers",
	    .consumer = CONSUMER_TICKS_WATCHERS,
	    .lease_ms = w->lease_ms,
	    .lanes = LANES,
	    .run = turn_run,
	    .arg = w,
	};
	enum status s = book_open(w->bus, w->clock, &w->book, err);
	if (s == STATUS_OK)
		s = settings_new(w, &w->settings, err);
	if (s == STATUS_OK)
		s = timetable_start(&t, &w->timetable, err);
	if (s == STATUS_OK)
		s = settings_begin(w->settings, err);
	if (s == STATUS_OK)
		s = requests_start(w, err);
	return s;
}

static enum status start(struct service *service, struct err *err)
{
	struct watchers *w = calloc(1, sizeof *w);
	scoped_arena a = {0};
	if (!w)
		abort();
	*w = (struct watchers){
	    .service = service, .bus = service_bus(service), .clock = service_clock(service), .env = &env};
	w->lease_ms = service_limits(service).lease_ms;
	w->unwatched = unwatched_new(w);
	enum status s = start_parts(w, err);
	if (s != STATUS_OK) {
		release(w);
		return s;
	}
	service_set_state(service, w);
	struct span message = settings_message(w->settings, &a);
	if (message.p)
		log_fields(LOG_WARN, "there is nothing to do", LOG_S("why", message));
	return STATUS_OK;
}

static void stop(struct service *service, int64_t deadline_mono_ms)
{
	(void)deadline_mono_ms; /* a watch in hand ends at its next pause and is begun anew elsewhere */
	release(service_state(service));
}

static const struct service_use uses[] = {
    {USE_SCHEDULE, "watchers", CONSUMER_TICKS_WATCHERS},
    {USE_FOLLOW, STREAM_SIGNALS},
    {USE_FOLLOW, BUCKET_FINDINGS},
    {USE_PUT, BUCKET_FINDINGS},
    {USE_FOLLOW, BUCKET_WATCHES},
    {USE_GET, BUCKET_WATCHES},
    {USE_PUT, BUCKET_WATCHES},
    {USE_GET, BUCKET_WATCH_PROFILES},
    {USE_PUT, BUCKET_WATCH_PROFILES},
    {USE_PUBLISH, "gannet.*.findings.*.*"}, /* each watcher names its own source */
    {USE_PUBLISH, "gannet.*.watch.progress.*"},
};

static const struct service_descriptor descriptor = {
    .name = "watchers",
    .summary = "self-diagnosis and database integrity, on schedule and by hand",
    .topology = topology,
    .uses = uses,
    .uses_n = countof(uses),
    .endpoints = watch_endpoints,
    .endpoints_n = WATCH_ENDPOINTS,
    .micro_name = "watch",
    .options = options,
    .options_n = countof(options),
    .config = &env,
    .start = start,
    .stop = stop,
};

int main(int argc, char **argv)
{
	return service_main(&descriptor, argc, argv);
}
