/* The threads of the sources: they sleep until asked, read, and hand the outcome over. */
#include "core/wait.h"
#include "services/collector/readers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/log.h"
#include "services/collector/readers_internal.h"

/* A turn may begin a little early compared with the one that read a slower source last. */
#define INTERVAL_SLACK_MS 500
#define STACK_BYTES ((size_t)256 << 10)

static const double seconds_bounds[] = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};
static struct metric source_seconds = {
    .name = "gannet_collector_source_seconds",
    .help = "How long readings of a source took",
    .kind = METRIC_HISTOGRAM,
    .label1 = "tenant",
    .label2 = "source",
    .bounds = seconds_bounds,
    .bounds_n = countof(seconds_bounds),
    .scale = 1e-3,
};
static struct metric source_errors = {
    .name = "gannet_collector_source_errors_total",
    .help = "Readings of a source that failed, or of which a metric was not to be had",
    .kind = METRIC_COUNTER,
    .label1 = "tenant",
    .label2 = "source",
};

/* ---- a source's thread */

static void log_change(struct reader *r, const struct reading *got, const struct err *err)
{
	bool failing = got->failed || got->problem[0];
	if (failing && !r->failing)
		log_fields(LOG_WARN, "source fails", LOG_C("tenant", r->source->tenant), LOG_C("source", r->source->name),
		           LOG_C("problem", got->problem), LOG_C("detail", got->failed ? err->msg : NULL));
	else if (!failing && r->failing)
		log_fields(LOG_INFO, "source is well again", LOG_C("tenant", r->source->tenant),
		           LOG_C("source", r->source->name));
	r->failing = failing;
}

static void read_once(struct reader *r, struct reading *ret)
{
	struct err err = {0};
	int64_t began_ms = reader_now_ms(r);
	reading_init(ret, r->source);
	enum status status = r->source->kind->read(r->source, ret, &err);
	if (status != STATUS_OK)
		reading_failed(ret, status);
	ret->at_mono_ms = reader_now_ms(r);
	metric_observe(r->seconds, ret->at_mono_ms - began_ms);
	metric_add(r->errors, ret->failed || ret->problem[0]);
	log_change(r, ret, &err);
}

static void hand_over(struct reader *r, struct reading *got)
{
	reading_free(&r->last);
	r->last = *got;
	for (size_t i = 0; i < r->source->fields_n && !got->failed; i++)
		if (got->values[i].is == VALUE_THERE || got->values[i].is == VALUE_NONE)
			r->ok_mono_ms[i] = got->at_mono_ms;
	r->busy = false;
	r->finished++;
	pthread_cond_broadcast(&r->all->finished);
}

static void *run(void *arg)
{
	struct reader *r = arg;
	pthread_mutex_lock(&r->all->lock);
	while (!r->all->stopping) {
		if (!r->wanted) {
			pthread_cond_wait(&r->asked, &r->all->lock);
			continue;
		}
		struct reading got;
		r->wanted = false;
		r->busy = true;
		pthread_mutex_unlock(&r->all->lock);
		read_once(r, &got);
		pthread_mutex_lock(&r->all->lock);
		hand_over(r, &got);
	}
	pthread_mutex_unlock(&r->all->lock);
	return NULL;
}

/* ---- all of them */

static void init_reader(struct readers *rs, const struct source *s)
{
	struct reader *r = &rs->all[rs->n++];
	*r = (struct reader){.source = s, .all = rs};
	r->ok_mono_ms = calloc(s->fields_n + 1, sizeof *r->ok_mono_ms);
	if (!r->ok_mono_ms)
		abort();
	r->seconds = metric_series(&source_seconds, s->tenant, s->name);
	r->errors = metric_series(&source_errors, s->tenant, s->name);
	pthread_cond_init(&r->asked, NULL);
}

enum status readers_start(const struct config *c, struct readers **ret, struct err *err)
{
	struct readers *rs = calloc(1, sizeof *rs);
	pthread_attr_t small;
	if (!rs)
		abort();
	metric_register(&source_seconds);
	metric_register(&source_errors);
	rs->config = c;
	pthread_mutex_init(&rs->lock, NULL);
	wait_cond_init(&rs->finished);
	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, STACK_BYTES);
	bool fine = true;
	for (size_t i = 0; i < c->n; i++)
		init_reader(rs, &c->sources[i]);
	for (size_t i = 0; i < c->n && fine; i++)
		fine = rs->all[i].running = pthread_create(&rs->all[i].thread, &small, run, &rs->all[i]) == 0;
	pthread_attr_destroy(&small);
	if (!fine) {
		readers_stop(rs);
		return err_retry(err, STATUS_UNAVAILABLE, "no threads for %zu sources", c->n);
	}
	*ret = rs;
	return STATUS_OK;
}

void readers_stop(struct readers *rs)
{
	if (!rs)
		return;
	pthread_mutex_lock(&rs->lock);
	rs->stopping = true;
	for (size_t i = 0; i < rs->n; i++)
		pthread_cond_signal(&rs->all[i].asked);
	pthread_cond_broadcast(&rs->finished);
	pthread_mutex_unlock(&rs->lock);
	for (size_t i = 0; i < rs->n; i++) {
		struct reader *r = &rs->all[i];
		if (r->running)
			pthread_join(r->thread, NULL);
		reading_free(&r->last);
		free(r->ok_mono_ms);
		pthread_cond_destroy(&r->asked);
	}
	pthread_cond_destroy(&rs->finished);
	pthread_mutex_destroy(&rs->lock);
	free(rs);
}

/* ---- gathering */

static bool is_due(const struct reader *r, int64_t now_ms)
{
	const struct reading *last = &r->last;
	return !last->source || last->failed || last->problem[0] ||
	       now_ms - last->at_mono_ms >= r->source->interval_ms - INTERVAL_SLACK_MS;
}

/* Asks, and notes the reading that is waited for: one in hand when somebody else asked just before is as good. */
static void ask(struct reader *r, int64_t now_ms, enum gathered *ret_of, uint64_t *ret_wanted)
{
	*ret_of = GATHERED_KEPT;
	if (!r->busy && !r->wanted && r->source->interval_ms && !is_due(r, now_ms))
		return;
	*ret_of = GATHERED_LATE; /* until it comes */
	*ret_wanted = r->finished + 1;
	if (!r->busy) {
		r->wanted = true;
		pthread_cond_signal(&r->asked);
	}
}

/* Whether anything is still to come; *ret_until_ms the next deadline. */
static bool look(struct readers *rs, struct gathering *g, const uint64_t *wanted, int64_t *ret_until_ms)
{
	bool waiting = false;
	*ret_until_ms = INT64_MAX;
	for (size_t i = 0; i < rs->n; i++) {
		struct reader *r = &rs->all[i];
		int64_t until_ms = g->began_mono_ms + r->source->deadline_ms;
		if (g->of[i] != GATHERED_LATE)
			continue;
		if (r->finished >= wanted[i]) {
			g->of[i] = GATHERED_FRESH;
		} else if (reader_now_ms(r) < until_ms) {
			waiting = true;
			*ret_until_ms = until_ms < *ret_until_ms ? until_ms : *ret_until_ms;
		}
	}
	return waiting && !rs->stopping;
}

void readers_gather(struct readers *rs, const char *tenant, struct gathering *ret)
{
	uint64_t wanted[SOURCES_MAX];
	int64_t until_ms;
	*ret = (struct gathering){.began_mono_ms = reader_now_ms(&rs->all[0])};
	pthread_mutex_lock(&rs->lock);
	for (size_t i = 0; i < rs->n; i++)
		if (!tenant || strcmp(rs->all[i].source->tenant, tenant) == 0)
			ask(&rs->all[i], ret->began_mono_ms, &ret->of[i], &wanted[i]);
	while (look(rs, ret, wanted, &until_ms)) {
		const struct timespec until = {until_ms / 1000, until_ms % 1000 * 1000000};
		pthread_cond_timedwait(&rs->finished, &rs->lock, &until);
	}
	pthread_mutex_unlock(&rs->lock);
}

size_t readers_failing(struct readers *rs, char *names, size_t bytes)
{
	size_t failing = 0, n = 0;
	names[0] = 0;
	pthread_mutex_lock(&rs->lock);
	for (size_t i = 0; i < rs->n; i++) {
		const struct reading *last = &rs->all[i].last;
		if (!last->source || !(last->failed || last->problem[0]))
			continue;
		if (n < bytes)
			n += (size_t)snprintf(names + n, bytes - n, "%s%s", failing ? ", " : "", rs->all[i].source->name);
		failing++;
	}
	pthread_mutex_unlock(&rs->lock);
	return failing;
}
