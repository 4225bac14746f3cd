/* Counters, gauges and histograms, and their Prometheus text. */
#ifndef GANNET_CORE_METRICS_H
#define GANNET_CORE_METRICS_H

#include <stdatomic.h>

#include "core/buf.h"

/*
 * A family is a static object with a name, help text and one label name at most two. A series is found once by its
 * label values and then kept by the caller: updates are a single relaxed atomic operation, no lock, any thread.
 * Series live as long as the process. A family holds at most METRIC_SERIES_MAX; further label values share one series
 * labelled "other", so that what users send can never grow memory without bound.
 */
#define METRIC_SERIES_MAX 256
#define METRIC_BUCKETS_MAX 24

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

struct metric {
	const char *name, *help;
	enum metric_kind kind;
	const char *label1, *label2; /* NULL when unused */
	const double *bounds;        /* histogram: upper bounds in printed units, ascending, without +Inf */
	size_t bounds_n;             /* at most METRIC_BUCKETS_MAX */
	double scale; /* printed value = stored integer × scale; 0 means 1 (e.g. 1e-9 for nanoseconds shown as seconds) */
	_Atomic(struct metric_series *) first;
	size_t series_n;
	struct metric *next; /* in the list that metrics_write() prints */
};

struct metric_series {
	struct metric_series *next;
	const struct metric *family;
	char *value1, *value2;
	atomic_int_fast64_t value; /* counter, gauge; a histogram's sum */
	/* Observations in each bucket alone; those beyond all bounds in the one behind the last. */
	atomic_int_fast64_t buckets[METRIC_BUCKETS_MAX + 1];
};

/* Adds a static family to what metrics_write() prints; a second time does nothing. Call before threads start. */
void metric_register(struct metric *m);
/* Never NULL. Thread-safe; takes a lock only when the series is new. NULL label values mean unused labels. */
struct metric_series *metric_series(struct metric *m, const char *value1, const char *value2);

static inline void metric_add(struct metric_series *s, int64_t n)
{
	atomic_fetch_add_explicit(&s->value, n, memory_order_relaxed);
}
static inline void metric_set(struct metric_series *s, int64_t v)
{
	atomic_store_explicit(&s->value, v, memory_order_relaxed);
}
static inline int64_t metric_value(const struct metric_series *s)
{
	return atomic_load_explicit(&s->value, memory_order_relaxed);
}
/* `v` in the family's stored unit (before `scale`). */
void metric_observe(struct metric_series *s, int64_t v);

/* Prometheus text exposition format 0.0.4. Thread-safe. */
void metrics_write(struct buf *out);

#endif
