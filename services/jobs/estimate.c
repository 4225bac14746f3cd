/* Measures queues, throughput, processing times and workers from what the broker says and what the projection sees. */
#include "estimate.h"

#include <pthread.h>
#include <stdlib.h>

#include "bus/kv.h"
#include "bus/topology.h"
#include "core/log.h"
#include "core/map.h"
#include "core/metrics.h"
#include "core/wait.h"
#include "times.h"

#define POLL_EVERY_S 1
#define ENDED_FADES 0.95 /* a second */
#define KINDS_MAX 32
#define MODELS_MAX 256
#define WORKERS_MAX 4096
#define WORKER_SILENCE_MS 60000 /* the bucket's time to live */
#define SAMPLES 16              /* one a second: throughput is an average over as many */
#define UNKNOWN_PROCESSING_MS 2000
#define UNKNOWN_RATE_PER_S 1.0
#define HORIZON_MS (365ll * 24 * 3600 * 1000)

struct queue {
	uint64_t waiting, running, redelivered;
	double ended; /* jobs this process saw end, fading */
	bool exists;
};

/* A kind's queues by priority; behind them, as one, the lanes for tenants with long backlogs. */
#define OVERFLOW PRIORITY_COUNT
#define QUEUES (PRIORITY_COUNT + 1)
struct kind {
	char name[33];
	struct queue queues[QUEUES];
};

static const char *queue_name(size_t queue)
{
	return queue == OVERFLOW ? "overflow" : priority_names[queue];
}

struct worker {
	char *value; /* its JSON */
	int64_t seen_mono_ms;
	char kind[33];
	double concurrency, average_ms;
};

struct estimate {
	struct bus *bus;
	const struct clock *clock;
	struct bus_follow *watch;
	pthread_t thread;
	bool running, stopping;
	pthread_cond_t stop;
	pthread_mutex_t lock;
	struct kind kinds[KINDS_MAX];
	size_t kinds_n;
	struct map models; /* model → struct times */
	struct times all;
	struct map workers; /* worker_id → struct worker */
	struct {
		int64_t mono_ms;
		uint64_t removed; /* jobs that JOBS held once and holds no more */
	} samples[SAMPLES];
	size_t samples_n; /* ever taken */
	uint64_t delayed;
};

static struct metric waiting_gauge = {"gannet_queue_waiting", "Jobs not yet handed to a worker.", METRIC_GAUGE, "kind",
                                      "priority"};
static struct metric running_gauge = {"gannet_queue_running", "Jobs handed to a worker and not acknowledged.",
                                      METRIC_GAUGE, "kind", "priority"};
static struct metric redelivered_gauge = {"gannet_queue_redelivered", "Jobs that run after an earlier try was cut short.",
                                          METRIC_GAUGE, "kind", "priority"};
static struct metric oldest_gauge = {.name = "gannet_queue_oldest_seconds",
                                     .help = "Age of the oldest job that has not ended; 0: there is none.",
                                     .kind = METRIC_GAUGE,
                                     .scale = 1e-3};
static struct metric delayed_gauge = {"gannet_delayed_jobs", "Jobs that wait for their time.", METRIC_GAUGE};

/* ---- kinds */

/* Called with the lock held; NULL when there are too many kinds. */
static struct kind *kind_named(struct estimate *e, struct span name)
{
	for (size_t i = 0; i < e->kinds_n; i++)
		if (span_is(name, e->kinds[i].name))
			return &e->kinds[i];
	if (e->kinds_n == KINDS_MAX || !id_is_kind(name))
		return NULL;
	struct kind *k = &e->kinds[e->kinds_n++];
	span_copy(name, k->name, sizeof k->name);
	return k;
}

static enum priority priority_named(struct span name)
{
	for (int i = 0; i < PRIORITY_COUNT; i++)
		if (span_is(name, priority_names[i]))
			return (enum priority)i;
	return PRIORITY_DEFAULT;
}

static void note_model(struct estimate *e, struct span model, int64_t ms)
{
	times_add(&e->all, ms);
	struct times *h = map_get(&e->models, model);
	if (!h && e->models.count < MODELS_MAX) {
		h = calloc(1, sizeof *h);
		if (!h)
			abort();
		map_put(&e->models, model, h);
	}
	if (h)
		times_add(h, ms);
}

void estimate_note(struct estimate *e, const struct record *r, const struct event_facts *facts)
{
	pthread_mutex_lock(&e->lock);
	struct kind *k = kind_named(e, r->identity.kind);
	if (k)
		k->queues[priority_named(r->identity.priority)].ended += 1;
	if (facts->is_completed && facts->processing_time_ms != STORE_NULL && r->identity.model_name.p)
		note_model(e, r->identity.model_name, facts->processing_time_ms);
	pthread_mutex_unlock(&e->lock);
}

/* ---- workers */

static void forget_worker(struct worker *w)
{
	if (w)
		free(w->value);
	free(w);
}

static void on_worker(void *arg, struct span key, struct span value, uint64_t revision)
{
	(void)revision;
	struct estimate *e = arg;
	struct err err = {0};
	struct json body;
	struct worker_info info;
	scoped_arena a = {0};
	bool readable = value.p && json_parse(value, &body, &err) == STATUS_OK &&
	                json_decode(&worker_info_table, body, JSON_LENIENT, &a, &info, &err) == STATUS_OK;
	pthread_mutex_lock(&e->lock);
	if (!readable) {
		forget_worker(map_del(&e->workers, key));
	} else if (e->workers.count < WORKERS_MAX || map_has(&e->workers, key)) {
		struct worker *w = calloc(1, sizeof *w);
		if (!w || !(w->value = strndup(value.p, value.n)))
			abort();
		w->seen_mono_ms = clock_mono_ms(e->clock);
		w->concurrency = (double)info.concurrency;
		w->average_ms = info.average_processing_ms;
		span_copy(info.kind, w->kind, sizeof w->kind);
		forget_worker(map_put(&e->workers, key, w));
		kind_named(e, info.kind);
	}
	pthread_mutex_unlock(&e->lock);
}

/* A bucket that forgets says nothing of it: a worker that has been silent for so long is gone. */
static bool is_silent(const struct estimate *e, const struct worker *w)
{
	return clock_mono_ms(e->clock) - w->seen_mono_ms > WORKER_SILENCE_MS;
}

/* One at a time, because the table moves under the loop; it is called every second. */
static void drop_silent_worker(struct estimate *e)
{
	for (struct map_slot *s = map_next(&e->workers, NULL); s; s = map_next(&e->workers, s)) {
		if (is_silent(e, s->value)) {
			forget_worker(map_del(&e->workers, span_of(s->key, s->key_n)));
			return;
		}
	}
}

/* ---- polling */

/* Adds what a consumer says to `q`; a consumer that is not there adds nothing. */
static void ask(struct estimate *e, const char *consumer, struct queue *q)
{
	struct err err = {0};
	struct bus_consumer_state state;
	if (bus_consumer_state(e->bus, STREAM_JOBS, consumer, &state, &err) != STATUS_OK)
		return;
	q->exists = true;
	q->waiting += state.waiting;
	q->running += state.ack_pending;
	q->redelivered += state.redelivered;
}

static void poll_queue(struct estimate *e, size_t kind, size_t queue)
{
	char consumer[72];
	struct queue found = {0};
	struct kind *k = &e->kinds[kind]; /* kinds are only ever added */
	if (queue == OVERFLOW) {
		for (unsigned lane = 0; lane < BUS_OVERFLOW_LANES; lane++) {
			bus_overflow_consumer(k->name, lane, consumer);
			ask(e, consumer, &found);
		}
	} else {
		bus_kind_consumer(k->name, priority_names[queue], consumer);
		ask(e, consumer, &found);
	}
	pthread_mutex_lock(&e->lock);
	found.ended = k->queues[queue].ended * ENDED_FADES;
	k->queues[queue] = found;
	pthread_mutex_unlock(&e->lock);
	if (!found.exists)
		return;
	metric_set(metric_series(&waiting_gauge, k->name, queue_name(queue)), (int64_t)found.waiting);
	metric_set(metric_series(&running_gauge, k->name, queue_name(queue)), (int64_t)found.running);
	metric_set(metric_series(&redelivered_gauge, k->name, queue_name(queue)), (int64_t)found.redelivered);
}

static void poll(struct estimate *e)
{
	struct err err = {0};
	struct bus_stream_state jobs, delayed;
	bool have_jobs = bus_stream_state(e->bus, STREAM_JOBS, &jobs, &err) == STATUS_OK;
	bool have_delayed = bus_stream_state(e->bus, STREAM_DELAYED, &delayed, &err) == STATUS_OK;
	pthread_mutex_lock(&e->lock);
	if (have_jobs) {
		size_t i = e->samples_n++ % SAMPLES;
		e->samples[i].mono_ms = clock_mono_ms(e->clock);
		e->samples[i].removed = jobs.last_sequence - jobs.messages;
	}
	if (have_delayed)
		e->delayed = delayed.messages;
	drop_silent_worker(e);
	size_t kinds_n = e->kinds_n;
	pthread_mutex_unlock(&e->lock);
	if (have_jobs)
		metric_set(metric_series(&oldest_gauge, NULL, NULL),
		           jobs.first_ms ? clock_wall_ms(e->clock) - jobs.first_ms : 0);
	if (have_delayed)
		metric_set(metric_series(&delayed_gauge, NULL, NULL), (int64_t)delayed.messages);
	for (size_t i = 0; i < kinds_n; i++)
		for (size_t q = 0; q < QUEUES; q++)
			poll_queue(e, i, q);
}

/* ---- answers, all with the lock held */

static double throughput(const struct estimate *e)
{
	if (e->samples_n < 2)
		return 0;
	size_t last = (e->samples_n - 1) % SAMPLES, first = e->samples_n > SAMPLES ? e->samples_n % SAMPLES : 0;
	int64_t ms = e->samples[last].mono_ms - e->samples[first].mono_ms;
	uint64_t from = e->samples[first].removed, to = e->samples[last].removed;
	return ms > 0 && to > from ? (double)(to - from) * 1000 / (double)ms : 0;
}

/* The share of a kind in the whole throughput, by what this process saw end; 0 when it saw nothing. */
static double throughput_of(const struct estimate *e, const struct kind *k)
{
	double all = 0, own = 0;
	for (size_t i = 0; i < e->kinds_n; i++)
		for (int p = 0; p < PRIORITY_COUNT; p++)
			all += e->kinds[i].queues[p].ended;
	for (int p = 0; p < PRIORITY_COUNT; p++)
		own += k->queues[p].ended;
	return all > 0 ? throughput(e) * own / all : 0;
}

/* Jobs a second that the registered workers of a kind can do. */
static double capacity_of(const struct estimate *e, const char *kind)
{
	double sum = 0;
	for (struct map_slot *s = map_next(&e->workers, NULL); s; s = map_next(&e->workers, s)) {
		const struct worker *w = s->value;
		if (strcmp(w->kind, kind) == 0 && w->average_ms > 0 && !is_silent(e, w))
			sum += w->concurrency * 1000 / w->average_ms;
	}
	return sum;
}

/* What the workers of a kind say of themselves, for a replica that records nothing and so sees no job end; 0: nothing. */
static double workers_average_ms(const struct estimate *e, const char *kind)
{
	double sum = 0, n = 0;
	for (struct map_slot *s = map_next(&e->workers, NULL); s; s = map_next(&e->workers, s)) {
		const struct worker *w = s->value;
		if (strcmp(w->kind, kind) == 0 && w->average_ms > 0 && !is_silent(e, w)) {
			sum += w->average_ms * w->concurrency;
			n += w->concurrency;
		}
	}
	return n > 0 ? sum / n : 0;
}

static int64_t processing_ms(const struct estimate *e, const struct kind *k, struct span model)
{
	const struct times *h = model.p ? map_get(&e->models, model) : NULL;
	if (!h)
		h = &e->all;
	if (h->total)
		return times_median(h);
	double average_ms = k ? workers_average_ms(e, k->name) : 0;
	return average_ms > 0 ? (int64_t)average_ms + 1 : UNKNOWN_PROCESSING_MS;
}

static double wait_ms(const struct estimate *e, const struct kind *k, enum priority priority)
{
	double ahead = 0, measured = throughput_of(e, k), capacity = capacity_of(e, k->name);
	for (int p = 0; p <= (int)priority; p++)
		ahead += (double)(k->queues[p].waiting + k->queues[p].running);
	/* A queue that is often empty shows less than could be done. */
	double rate = capacity > measured ? capacity : measured;
	return ahead * 1000 / (rate > 0 ? rate : UNKNOWN_RATE_PER_S);
}

int64_t estimate_completion(struct estimate *e, struct span kind, enum priority priority, struct span model,
                            int64_t not_before_ms)
{
	pthread_mutex_lock(&e->lock);
	const struct kind *k = kind_named(e, kind);
	double waiting = k ? wait_ms(e, k, priority) : 0;
	int64_t took = processing_ms(e, k, model);
	pthread_mutex_unlock(&e->lock);
	int64_t begins = clock_wall_ms(e->clock) + (int64_t)(waiting < HORIZON_MS ? waiting : HORIZON_MS);
	return (begins > not_before_ms ? begins : not_before_ms) + took;
}

static void write_queues(const struct estimate *e, struct json_writer *w)
{
	json_begin_array(w);
	for (size_t i = 0; i < e->kinds_n; i++) {
		for (size_t n = 0; n < QUEUES; n++) {
			const struct queue *q = &e->kinds[i].queues[n];
			if (!q->exists || (n == OVERFLOW && !q->waiting && !q->running))
				continue;
			json_begin_object(w);
			json_kv_cstr(w, "kind", e->kinds[i].name);
			json_kv_cstr(w, "priority", queue_name(n));
			json_kv_i64(w, "waiting", (int64_t)q->waiting);
			json_kv_i64(w, "running", (int64_t)q->running);
			json_end_object(w);
		}
	}
	json_end_array(w);
}

static void write_workers(const struct estimate *e, struct json_writer *w)
{
	json_begin_array(w);
	for (struct map_slot *s = map_next(&e->workers, NULL); s; s = map_next(&e->workers, s))
		if (!is_silent(e, s->value))
			json_put(w, (struct json){span_from(((struct worker *)s->value)->value), JSON_OBJECT});
	json_end_array(w);
}

void estimate_look(struct estimate *e, struct arena *a, struct estimate_view *ret)
{
	scoped_buf queues = {0}, workers = {0};
	pthread_mutex_lock(&e->lock);
	write_queues(e, &(struct json_writer){.out = &queues});
	write_workers(e, &(struct json_writer){.out = &workers});
	*ret = (struct estimate_view){.throughput_per_s = throughput(e), .delayed = (int64_t)e->delayed};
	pthread_mutex_unlock(&e->lock);
	ret->queues = (struct json){arena_dup(a, buf_span(&queues)), JSON_ARRAY};
	ret->workers = (struct json){arena_dup(a, buf_span(&workers)), JSON_ARRAY};
}

/* ---- life */

static void *run(void *arg)
{
	struct estimate *e = arg;
	pthread_mutex_lock(&e->lock);
	while (!e->stopping) {
		pthread_mutex_unlock(&e->lock);
		poll(e);
		struct timespec until = wait_until(POLL_EVERY_S * 1000);
		pthread_mutex_lock(&e->lock);
		while (!e->stopping && pthread_cond_timedwait(&e->stop, &e->lock, &until) == 0)
			;
	}
	pthread_mutex_unlock(&e->lock);
	return NULL;
}

enum status estimate_start(struct bus *b, const struct clock *clock, struct estimate **ret, struct err *err)
{
	struct estimate *e = calloc(1, sizeof *e);
	if (!e)
		abort();
	e->bus = b;
	e->clock = clock;
	pthread_mutex_init(&e->lock, NULL);
	wait_cond_init(&e->stop);
	kind_named(e, SPAN("llm"));
	metric_register(&waiting_gauge);
	metric_register(&running_gauge);
	metric_register(&redelivered_gauge);
	metric_register(&oldest_gauge);
	metric_register(&delayed_gauge);
	const struct bus_watch_options o = {.bucket = BUCKET_WORKERS, .entry = on_worker, .arg = e};
	enum status status = bus_watch_open(b, &o, &e->watch, err);
	if (status == STATUS_OK) {
		e->running = pthread_create(&e->thread, NULL, run, e) == 0;
		if (!e->running)
			status = err_retry(err, STATUS_UNAVAILABLE, "no thread for measuring");
	}
	if (status != STATUS_OK) {
		estimate_stop(e);
		return status;
	}
	*ret = e;
	return STATUS_OK;
}

void estimate_stop(struct estimate *e)
{
	if (!e)
		return;
	if (e->running) {
		pthread_mutex_lock(&e->lock);
		e->stopping = true;
		pthread_cond_signal(&e->stop);
		pthread_mutex_unlock(&e->lock);
		pthread_join(e->thread, NULL);
	}
	if (e->watch)
		bus_follow_close(e->watch);
	for (struct map_slot *s = map_next(&e->workers, NULL); s; s = map_next(&e->workers, s))
		forget_worker(s->value);
	for (struct map_slot *s = map_next(&e->models, NULL); s; s = map_next(&e->models, s))
		free(s->value);
	map_free(&e->workers);
	map_free(&e->models);
	pthread_cond_destroy(&e->stop);
	pthread_mutex_destroy(&e->lock);
	free(e);
}
