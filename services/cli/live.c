/* Counts events as they come. */
#include "services/cli/live.h"

#include <stdio.h>
#include <stdlib.h>

#include "bus/bus.h"
#include "services/cli/connect.h"
#include "services/cli/ending.h"
#include "services/cli/text.h"

static void advance(struct live *l)
{
	int64_t now = clock_wall_ms(&clock_system) / 1000;
	if (now - l->second > LIVE_SECONDS || now < l->second)
		l->second = now - LIVE_SECONDS;
	while (l->second < now) {
		size_t i = (size_t)(++l->second % LIVE_SECONDS);
		l->ended[i] = l->failed[i] = l->retrying[i] = 0;
		l->decoded = 0;
	}
}

void live_lock(struct live *l)
{
	pthread_mutex_lock(&l->lock);
	advance(l);
}

void live_unlock(struct live *l)
{
	pthread_mutex_unlock(&l->lock);
}

static void keep_sample(struct live *l, const struct job_event *ev)
{
	size_t i = l->samples++ % LIVE_SAMPLES;
	l->processing_ms[i] = ev->processing_time_ms.v;
	l->queue_ms[i] = ev->queue_time_ms.v;
}

static void keep_failure(struct live *l, const struct job_event *ev)
{
	struct live_failure *f = &l->failures[l->failures_n++ % LIVE_FAILURES];
	scoped_buf text = {0};
	struct ending e;
	ending_from_event(ev, &l->arena, &e);
	ending_error(&e, &text);
	*f = (struct live_failure){.at_ms = ev->timestamp.ms};
	snprintf(f->job_id, sizeof f->job_id, "%.*s", SPAN_ARG(ev->job_id));
	snprintf(f->model, sizeof f->model, "%.*s", SPAN_ARG(e.model.n ? e.model : ev->kind));
	snprintf(f->error, sizeof f->error, "%s", text.data);
}

static void decode(struct live *l, struct span data)
{
	struct json v;
	struct job_event ev;
	struct err err;
	if (++l->decoded > LIVE_DECODED_MAX)
		return;
	arena_reset(&l->arena);
	if (json_parse(data, &v, &err) != STATUS_OK ||
	    json_decode(&job_event_table, v, JSON_LENIENT, &l->arena, &ev, &err) != STATUS_OK)
		return;
	if (ev.state == JOB_EVENT_COMPLETED)
		keep_sample(l, &ev);
	else
		keep_failure(l, &ev);
}

/* gannet.<tenant>.jobs.event.<state>.<job_id> */
static void receive(void *arg, const struct bus_in *m)
{
	struct live *l = arg;
	struct span rest = m->subject, state = {0};
	for (int i = 0; i < 5 && rest.p; i++)
		state = span_cut(&rest, '.');
	bool completed = span_is(state, "completed"), failed = span_is(state, "failed") || span_is(state, "rejected");
	live_lock(l);
	size_t now = (size_t)(l->second % LIVE_SECONDS);
	l->ended[now] += completed || failed || span_is(state, "cancelled");
	l->failed[now] += failed;
	l->retrying[now] += span_is(state, "retrying");
	if (completed || failed)
		decode(l, m->data);
	live_unlock(l);
}

enum status live_open(struct live *l, struct cli *c, struct err *err)
{
	char subject[96];
	*l = (struct live){0};
	pthread_mutex_init(&l->lock, NULL);
	advance(l);
	l->first_second = l->second;
	snprintf(subject, sizeof subject, "gannet.%s.jobs.event.*.*", c->global.tenant);
	if (cli_connect(c, err) != STATUS_OK)
		return err->status;
	return bus_subscribe(c->bus, subject, NULL, receive, l, &l->sub, err);
}

void live_close(struct live *l)
{
	if (l->sub)
		bus_unsubscribe(l->sub);
	pthread_mutex_destroy(&l->lock);
	arena_free(&l->arena);
}

double live_rate(const struct live *l, const uint32_t *ring, size_t seconds)
{
	uint64_t sum = 0;
	if (l->second - l->first_second < (int64_t)seconds)
		seconds = (size_t)(l->second - l->first_second);
	for (size_t i = 1; i <= seconds; i++)
		sum += ring[((size_t)l->second + LIVE_SECONDS - i) % LIVE_SECONDS];
	return seconds ? (double)sum / (double)seconds : 0;
}

void live_sparkline(const struct live *l, const uint32_t *ring, size_t columns, struct buf *out)
{
	static const char *const bars[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
	uint64_t most = 1;
	if (columns > LIVE_SECONDS - 1)
		columns = LIVE_SECONDS - 1;
	for (size_t i = 1; i <= columns; i++) {
		uint32_t n = ring[((size_t)l->second + LIVE_SECONDS - i) % LIVE_SECONDS];
		most = n > most ? n : most;
	}
	for (size_t i = columns; i; i--) {
		uint64_t n = ring[((size_t)l->second + LIVE_SECONDS - i) % LIVE_SECONDS];
		buf_adds(out, bars[(n * 8 + most - 1) / most]);
	}
}

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

bool live_percentiles(const struct live *l, const int64_t *samples, const int *percents, size_t n, int64_t *ret)
{
	int64_t sorted[LIVE_SAMPLES];
	size_t count = l->samples < LIVE_SAMPLES ? l->samples : LIVE_SAMPLES;
	if (!count)
		return false;
	memcpy(sorted, samples, count * sizeof *sorted);
	qsort(sorted, count, sizeof *sorted, by_value);
	for (size_t i = 0; i < n; i++)
		ret[i] = sorted[(count - 1) * (size_t)percents[i] / 100];
	return true;
}
