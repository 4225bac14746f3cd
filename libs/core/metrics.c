/* Series in lists that only ever grow at the front, so that readers need no lock. */
#include "core/metrics.h"

#include <assert.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static struct metric *families;
static pthread_mutex_t adding = PTHREAD_MUTEX_INITIALIZER;

void metric_register(struct metric *m)
{
	assert(m->bounds_n <= METRIC_BUCKETS_MAX);
	struct metric **at = &families;
	for (; *at; at = &(*at)->next)
		if (*at == m)
			return;
	*at = m;
}

static struct metric_series *find(struct metric *m, const char *value1, const char *value2)
{
	struct metric_series *s = atomic_load_explicit(&m->first, memory_order_acquire);
	while (s && (strcmp(s->value1, value1) != 0 || strcmp(s->value2, value2) != 0))
		s = s->next;
	return s;
}

static void *or_die(void *p)
{
	if (!p) {
		fprintf(stderr, "out of memory\n");
		abort();
	}
	return p;
}

static struct metric_series *add(struct metric *m, const char *value1, const char *value2)
{
	struct metric_series *s = or_die(calloc(1, sizeof *s));
	s->family = m;
	s->value1 = or_die(strdup(value1));
	s->value2 = or_die(strdup(value2));
	s->next = atomic_load_explicit(&m->first, memory_order_relaxed);
	atomic_store_explicit(&m->first, s, memory_order_release);
	m->series_n++;
	return s;
}

struct metric_series *metric_series(struct metric *m, const char *value1, const char *value2)
{
	value1 = value1 ? value1 : "";
	value2 = value2 ? value2 : "";
	struct metric_series *s = find(m, value1, value2);
	if (s)
		return s;
	pthread_mutex_lock(&adding);
	if (m->series_n >= METRIC_SERIES_MAX - 1) {
		value1 = m->label1 ? "other" : "";
		value2 = m->label2 ? "other" : "";
	}
	s = find(m, value1, value2);
	if (!s)
		s = add(m, value1, value2);
	pthread_mutex_unlock(&adding);
	return s;
}

static double printed(const struct metric *m, int64_t v)
{
	return (double)v * (m->scale != 0 ? m->scale : 1);
}

void metric_observe(struct metric_series *s, int64_t v)
{
	const struct metric *m = s->family;
	double value = printed(m, v);
	size_t i = 0;
	while (i < m->bounds_n && value > m->bounds[i])
		i++;
	atomic_fetch_add_explicit(&s->buckets[i], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&s->value, v, memory_order_relaxed);
}

static void put_label(struct buf *out, const char *name, const char *value, bool *any)
{
	if (!name)
		return;
	buf_printf(out, "%c%s=\"", *any ? ',' : '{', name);
	for (; *value; value++) {
		if (*value == '\n')
			buf_adds(out, "\\n");
		else if (*value == '"' || *value == '\\')
			buf_add(out, (char[]){'\\', *value}, 2);
		else
			buf_addc(out, *value);
	}
	buf_addc(out, '"');
	*any = true;
}

/* name_suffix{label1="…",label2="…",le="…"} and a space */
static void put_name(struct buf *out, const struct metric_series *s, const char *suffix, const char *le)
{
	bool any = false;
	buf_printf(out, "%s%s", s->family->name, suffix);
	put_label(out, s->family->label1, s->value1, &any);
	put_label(out, s->family->label2, s->value2, &any);
	put_label(out, le ? "le" : NULL, le, &any);
	buf_adds(out, any ? "} " : " ");
}

static void put_value(struct buf *out, const struct metric_series *s)
{
	int64_t v = metric_value(s);
	if (s->family->scale != 0)
		buf_printf(out, "%.15g\n", printed(s->family, v));
	else
		buf_printf(out, "%" PRId64 "\n", v);
}

static void put_histogram(struct buf *out, const struct metric_series *s)
{
	const struct metric *m = s->family;
	int64_t total = 0;
	for (size_t i = 0; i <= m->bounds_n; i++) {
		char le[32] = "+Inf";
		if (i < m->bounds_n)
			snprintf(le, sizeof le, "%.15g", m->bounds[i]);
		total += atomic_load_explicit(&s->buckets[i], memory_order_relaxed);
		put_name(out, s, "_bucket", le);
		buf_printf(out, "%" PRId64 "\n", total);
	}
	put_name(out, s, "_sum", NULL);
	put_value(out, s);
	put_name(out, s, "_count", NULL);
	buf_printf(out, "%" PRId64 "\n", total);
}

void metrics_write(struct buf *out)
{
	static const char *const types[] = {"counter", "gauge", "histogram"};
	for (struct metric *m = families; m; m = m->next) {
		buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", m->name, m->help, m->name, types[m->kind]);
		for (struct metric_series *s = atomic_load_explicit(&m->first, memory_order_acquire); s; s = s->next) {
			if (m->kind == METRIC_HISTOGRAM) {
				put_histogram(out, s);
			} else {
				put_name(out, s, "", NULL);
				put_value(out, s);
			}
		}
	}
}
