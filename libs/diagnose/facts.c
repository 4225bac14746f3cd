/* Collecting facts: request times by place and slice, runs by service, messages by place. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "diagnose/internal.h"

#define MINUTE_MS 60000ll
#define HOUR_MS (60 * MINUTE_MS)
#define MESSAGE_PLACES_MAX 64 /* each has its own patterns */
#define SLICES_MAX 4096

struct diagnosis_options diagnosis_defaults(int64_t now_ms)
{
	return (struct diagnosis_options){
	    .now_ms = now_ms,
	    .baseline_ms = 7 * 24 * HOUR_MS,
	    .window_ms = 30 * MINUTE_MS,
	    .slice_ms = 5 * MINUTE_MS,
	    .deploy_window_ms = 24 * HOUR_MS,
	    .deploy_failures = 3,
	    .latency_spike_percent = 20,
	    .error_rate_percent = 5,
	    .recurring = 3,
	    .requests_min = 30,
	};
}

struct diagnosis *diagnosis_new(const struct diagnosis_options *o)
{
	struct diagnosis *d = calloc(1, sizeof *d);
	if (!d)
		abort();
	d->o = *o;
	d->slices_n = (size_t)(o->baseline_ms / o->slice_ms);
	if (d->slices_n > SLICES_MAX)
		d->slices_n = SLICES_MAX;
	d->window_n = (size_t)(o->window_ms / o->slice_ms);
	d->begin_ms = o->now_ms - (int64_t)d->slices_n * o->slice_ms;
	d->random = 0x2545f4914f6cdd1dull;
	return d;
}

void diagnosis_free(struct diagnosis *d)
{
	if (!d)
		return;
	for (struct map_slot *s = map_next(&d->messages, NULL); s; s = map_next(&d->messages, s)) {
		struct messages *m = s->value;
		patterns_free(m->patterns);
		free(m->recent);
	}
	for (struct map_slot *s = map_next(&d->runs, NULL); s; s = map_next(&d->runs, s))
		free(((struct runs *)s->value)->all);
	map_free(&d->places);
	map_free(&d->runs);
	map_free(&d->messages);
	free(d->report.metrics);
	free(d->report.patterns);
	free(d->report.actions);
	arena_free(&d->arena);
	free(d);
}

/* Facts outside of the time that counts are neither wrong nor of use. */
static bool counts(struct diagnosis *d, int64_t at_ms)
{
	if (at_ms < d->begin_ms || at_ms > d->o.now_ms)
		return false;
	d->facts++;
	return true;
}

/* ---- requests */

static struct place *place_of(struct diagnosis *d, struct span service, struct span endpoint)
{
	struct span key = arena_printf(&d->arena, "%.*s\x1f%.*s", SPAN_ARG(service), SPAN_ARG(endpoint));
	struct place *p = map_get(&d->places, key);
	if (p || d->places.count >= DIAGNOSIS_PLACES_MAX)
		return p;
	p = arena_new(&d->arena, struct place);
	p->service = arena_dup(&d->arena, service);
	p->endpoint = arena_dup(&d->arena, endpoint);
	p->slices = arena_zalloc(&d->arena, (d->slices_n + 1) * sizeof(struct slice *));
	map_put(&d->places, key, p);
	return p;
}

static struct slice *slice_at(struct diagnosis *d, struct place *p, int64_t at_ms)
{
	size_t i = (size_t)((at_ms - d->begin_ms) / d->o.slice_ms);
	if (i >= d->slices_n)
		i = d->slices_n - 1;
	if (!p->slices[i])
		p->slices[i] = arena_new(&d->arena, struct slice);
	return p->slices[i];
}

static struct slice *slice_of(struct diagnosis *d, struct span service, struct span endpoint, int64_t at_ms)
{
	/* The same place comes many times running: its key is not made again in the arena for ever. */
	char text[512];
	int n = snprintf(text, sizeof text, "%.*s\x1f%.*s", SPAN_ARG(service), SPAN_ARG(endpoint));
	struct place *p = n > 0 && (size_t)n < sizeof text ? map_get(&d->places, span_of(text, (size_t)n)) : NULL;
	if (!p)
		p = place_of(d, service, endpoint);
	if (!p) {
		d->left_out++;
		return NULL;
	}
	return slice_at(d, p, at_ms);
}

/* Reservoir sampling: all requests of a slice are as likely to be kept. */
static void add_sample(struct diagnosis *d, struct slice *s, double ms)
{
	s->timed++;
	if (s->samples_n < SLICE_SAMPLES) {
		s->samples[s->samples_n++] = (float)ms;
		return;
	}
	d->random ^= d->random << 13;
	d->random ^= d->random >> 7;
	d->random ^= d->random << 17;
	uint64_t at = d->random % (uint64_t)s->timed;
	if (at < SLICE_SAMPLES)
		s->samples[at] = (float)ms;
}

void diagnosis_add_requests(struct diagnosis *d, struct span service, struct span endpoint, int64_t at_ms, double ms,
                            int64_t requests, int64_t failed)
{
	struct slice *s = counts(d, at_ms) ? slice_of(d, service, endpoint, at_ms) : NULL;
	if (!s || requests < 1)
		return;
	s->requests += requests;
	s->failed += failed < requests ? failed : requests;
	/* A summary of many requests weighs more than one of them, and less than all. */
	for (int64_t i = 0; ms >= 0 && isfinite(ms) && i < requests && i < SLICE_SAMPLES / 2; i++)
		add_sample(d, s, ms);
}

void diagnosis_add_errors(struct diagnosis *d, struct span service, struct span endpoint, int64_t at_ms, int64_t errors,
                          struct span message)
{
	if (!counts(d, at_ms) || errors < 1)
		return;
	struct slice *s = slice_of(d, service, endpoint, at_ms);
	if (s)
		s->errors += errors;
	for (int64_t i = 0; message.n && i < errors && i < 1000; i++)
		messages_add(d, "recurring_error", service, at_ms, message);
}

/* ---- runs */

void diagnosis_add_run(struct diagnosis *d, const struct diagnosis_run *r)
{
	if (!counts(d, r->at_ms))
		return;
	if (d->runs_n >= DIAGNOSIS_RUNS_MAX) {
		d->left_out++;
		return;
	}
	struct span key =
	    arena_printf(&d->arena, "%d\x1f%.*s\x1f%.*s", r->kind, SPAN_ARG(r->where), SPAN_ARG(r->environment));
	struct runs *runs = map_get(&d->runs, key);
	if (!runs) {
		runs = arena_new(&d->arena, struct runs);
		runs->kind = r->kind;
		runs->where = r->environment.n
		                  ? arena_printf(&d->arena, "%.*s in %.*s", SPAN_ARG(r->where), SPAN_ARG(r->environment))
		                  : arena_dup(&d->arena, r->where);
		map_put(&d->runs, key, runs);
	}
	if (runs->n == runs->cap) {
		runs->cap = runs->cap ? 2 * runs->cap : 8;
		runs->all = realloc(runs->all, runs->cap * sizeof *runs->all);
		if (!runs->all)
			abort();
	}
	struct diagnosis_run *mine = &runs->all[runs->n++];
	*mine = *r;
	mine->where = arena_dup(&d->arena, r->where);
	mine->environment = arena_dup(&d->arena, r->environment);
	mine->version = arena_dup(&d->arena, r->version);
	mine->commit = arena_dup(&d->arena, r->commit);
	mine->error = arena_dup(&d->arena, r->error);
	d->runs_n++;
}

/* ---- messages */

static struct messages *messages_of(struct diagnosis *d, const char *type, struct span where)
{
	char text[512];
	int n =
	    snprintf(text, sizeof text, "%s\x1f%.*s", type, (int)(where.n < 400 ? where.n : 400), where.p ? where.p : "");
	struct span key = span_of(text, (size_t)n);
	struct messages *m = map_get(&d->messages, key);
	if (m || d->messages.count >= MESSAGE_PLACES_MAX)
		return m;
	m = arena_new(&d->arena, struct messages);
	*m = (struct messages){type, arena_dup(&d->arena, where), patterns_new(), NULL, 0};
	map_put(&d->messages, key, m);
	return m;
}

void messages_add(struct diagnosis *d, const char *type, struct span where, int64_t at_ms, struct span text)
{
	struct messages *m = messages_of(d, type, where);
	size_t i = m ? patterns_add(m->patterns, text, at_ms) : PATTERNS_NONE;
	if (i == PATTERNS_NONE) {
		d->left_out++;
		return;
	}
	if (i >= m->cap) {
		size_t cap = m->cap ? 2 * m->cap : 64;
		while (cap <= i)
			cap *= 2;
		m->recent = realloc(m->recent, cap * sizeof *m->recent);
		if (!m->recent)
			abort();
		memset(m->recent + m->cap, 0, (cap - m->cap) * sizeof *m->recent);
		m->cap = cap;
	}
	m->recent[i] += at_ms > d->o.now_ms - d->o.window_ms;
}

static bool is_name_of_error(struct span s)
{
	size_t m = span_starts(s, SPAN("Error")) ? 5 : span_starts(s, SPAN("Exception")) ? 9 : 0;
	return m && (s.n == m || !((s.p[m] | 0x20) >= 'a' && (s.p[m] | 0x20) <= 'z'));
}

bool diagnosis_is_error_line(struct span line)
{
	static const char *const words[] = {"error",     "fatal",     "critical", "panic",
	                                    "exception", "traceback", "failed",   "failure"};
	size_t n = line.n < PATTERN_LINE_MAX ? line.n : PATTERN_LINE_MAX;
	for (size_t i = 0; i < n; i++) {
		/* A word, not a part of one: "terror", "failed_at" are none; but "KeyError" and "IOException" are. */
		if (i && ((line.p[i - 1] | 0x20) >= 'a' && (line.p[i - 1] | 0x20) <= 'z')) {
			if (is_name_of_error(span_of(line.p + i, n - i)))
				return true;
			continue;
		}
		for (size_t k = 0; k < countof(words); k++) {
			size_t m = strlen(words[k]);
			if (i + m <= n && (line.p[i] | 0x20) == words[k][0] && strncasecmp(line.p + i, words[k], m) == 0 &&
			    (i + m == n || line.p[i + m] != '_'))
				return true;
		}
	}
	return false;
}

void diagnosis_add_line(struct diagnosis *d, struct span source, int64_t at_ms, struct span line)
{
	if (diagnosis_is_error_line(line) && counts(d, at_ms))
		messages_add(d, "recurring_log_error", source, at_ms, line);
}
