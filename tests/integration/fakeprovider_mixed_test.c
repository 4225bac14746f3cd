/* Every fault, refusal, time-out and abort at once on one client: each call ends once, and nothing is left behind. */
#include <dirent.h>
#include <stdlib.h>

#include "tests/integration/fakeprovider.h"

#define CALLS 1500
#define AT_ONCE 100
#define TIMEOUT_MS 300

static const char *const models[] = {
    "m",
    "m:latency=5ms",
    "m:fault=close",
    "m:fault=truncated",
    "m:fault=hang",
    "m:status=500",
    "m:fault=cut,at=1",
    "m:fault=stall,at=1",
    "m:fault=flood",
    "m:fault=drip,gap=1ms",
    "m:fault=empty",
    "m:fault=malformed",
    "m:latency=0ms..40ms",
    "m:status=429,latency=3ms",
    "refused",
};

struct slot {
	struct http_call *call;
	struct loop_timer abort_timer;
	int model;
	bool aborted;
};

static struct loop *the_loop;
static struct http_client *client;
static struct slot slots[AT_ONCE];
static int started, ended, closed_port;
static int by_model[countof(models)][STATUS_TIMEOUT + 1];

static void on_done(void *arg, const struct http_response *r);

static void abort_slot(void *arg)
{
	struct slot *s = arg;
	s->aborted = true;
	http_abort(s->call);
}

static void start(struct slot *s)
{
	char url[96];
	struct err err;
	s->model = rand() % (int)countof(models);
	s->aborted = false;
	bool refused = strcmp(models[s->model], "refused") == 0, stream = rand() % 2;
	snprintf(url, sizeof url, "http://127.0.0.1:%d" CHAT, refused ? closed_port : fake_port);
	/* One of a few texts that stay as they are. */
	static char bodies[countof(models)][2][256];
	char *body = bodies[s->model][stream];
	snprintf(body, sizeof bodies[0][0], "%s", chat_body(models[s->model], stream ? ",\"stream\":true" : ""));
	struct http_request r = {.method = "POST",
	                         .url = url,
	                         .body = span_from(body),
	                         .timeout_ms = TIMEOUT_MS,
	                         .max_response_bytes = 100000,
	                         .done = on_done,
	                         .arg = s};
	started++;
	CHECK_OK(http_call(client, &r, &s->call, &err), err);
	if (rand() % 4 == 0)
		loop_timer_start(the_loop, &s->abort_timer, rand() % 20, abort_slot, s);
}

static void on_done(void *arg, const struct http_response *r)
{
	struct slot *s = arg;
	CHECK(s->call);
	s->call = NULL;
	loop_timer_stop(&s->abort_timer);
	by_model[s->model][r->transport]++;
	CHECK(!s->aborted || r->transport == STATUS_CANCELLED);
	ended++;
	if (started < CALLS)
		start(s);
	else if (ended == CALLS)
		loop_stop(the_loop);
}

static int open_descriptors(void)
{
	int n = 0;
	DIR *d = opendir("/proc/self/fd");
	CHECK(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static int64_t running(void)
{
	scoped_reply r = {0};
	get("/stats", &r);
	return number_at(&r, "/running");
}

static int transports(const char *model, enum status s)
{
	for (size_t i = 0; i < countof(models); i++)
		if (strcmp(models[i], model) == 0)
			return by_model[i][s];
	return -1;
}

TEST(calls_that_end_in_every_way_at_once_end_once_each)
{
	struct err err;
	fake_start(NULL);
	closed_port = test_free_port();
	CHECK_INT(running(), 0); /* opens what stays open */
	int descriptors = open_descriptors();
	srand(7);
	CHECK_OK(loop_new(&the_loop, &err), err);
	CHECK_OK(http_client_new(the_loop, &(struct http_client_options){.max_connections = 80}, &client, &err), err);
	for (int i = 0; i < AT_ONCE; i++)
		start(&slots[i]);
	loop_run(the_loop);
	CHECK_INT(ended, CALLS);
	CHECK_INT(http_calls_running(client), 0);
	CHECK(transports("m", STATUS_OK) > 0);
	CHECK_INT(transports("m", STATUS_PROVIDER), 0);
	CHECK_INT(transports("m:fault=hang", STATUS_OK), 0);
	CHECK_INT(transports("m:fault=flood", STATUS_OK), 0);
	CHECK_INT(transports("m:fault=truncated", STATUS_OK), 0);
	CHECK_INT(transports("refused", STATUS_OK), 0);
	for (int i = 0; i < AT_ONCE; i++)
		loop_timer_free(&slots[i].abort_timer);
	http_client_free(client);
	loop_free(the_loop);
	CHECK_INT(open_descriptors(), descriptors);
	WAIT_FOR(running() == 0, "the fake provider to notice that its clients are gone");
}
