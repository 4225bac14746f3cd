/* Bins of a group come one after the other: each group's are added up and read off. */
#include "percentile.h"

#include <stdlib.h>

#include "stats/bins.h"

static const double wanted[PERCENTILES] = {0.5, 0.95, 0.99};

struct group_percentiles {
	struct group {
		struct span key;
		struct group_times times;
	} * groups; /* in the order of their keys */
	size_t n;
	struct group_times total;
};

struct counts {
	int64_t of[BINS_METRICS][BINS_MAX];
};

static struct group_times read_off(const struct counts *c)
{
	struct group_times t;
	for (int m = 0; m < BINS_METRICS; m++)
		for (int i = 0; i < PERCENTILES; i++)
			t.of[m][i] = bins_quantile(c->of[m], BINS_MAX, wanted[i]);
	return t;
}

void percentile_key(const struct store_result *r, int row, int first, size_t n, struct buf *out)
{
	buf_reset(out);
	for (size_t i = 0; i < n; i++) {
		buf_addspan(out, store_value(r, row, first + (int)i));
		buf_addc(out, '\x1f');
	}
}

/* "{1,2,3}" as PostgreSQL writes an array of numbers. */
static struct span items_of(struct span array)
{
	return array.n > 2 ? span_of(array.p + 1, array.n - 2) : (struct span){0};
}

/* A row's bins from column `at` on: metric, bins, counts, and 1 or -1. */
static void add_counts(const struct store_result *r, int row, int at, struct counts *group, struct counts *total)
{
	struct span bins = items_of(store_value(r, row, at + 1)), counts = items_of(store_value(r, row, at + 2));
	int64_t metric = 0, sign = 0, bin = 0, n = 0;
	if (!span_i64(store_value(r, row, at), &metric) || !span_i64(store_value(r, row, at + 3), &sign) || metric < 0 || metric >= BINS_METRICS)
		return;
	while (bins.p && counts.p) {
		if (!span_i64(span_cut(&bins, ','), &bin) || !span_i64(span_cut(&counts, ','), &n) || bin < 0 || bin >= BINS_MAX)
			return;
		group->of[metric][bin] += sign * n;
		total->of[metric][bin] += sign * n;
	}
}

static int by_key(const void *a, const void *b)
{
	const struct span *x = &((const struct group *)a)->key, *y = &((const struct group *)b)->key;
	int order = memcmp(x->p, y->p, x->n < y->n ? x->n : y->n);
	return order ? order : (x->n > y->n) - (x->n < y->n);
}

static void collect(const struct query *q, const struct store_result *r, struct arena *a, struct group_percentiles *p)
{
	struct counts *counts = arena_new(a, struct counts), *total = arena_new(a, struct counts);
	scoped_buf key = {0};
	size_t columns = q->groups_n + 1;
	p->groups = arena_alloc(a, ((size_t)r->rows + 1) * sizeof *p->groups);
	for (int row = 0; row < r->rows; row++) {
		percentile_key(r, row, 0, columns, &key);
		if (!p->n || !span_eq(p->groups[p->n - 1].key, buf_span(&key))) {
			if (p->n)
				p->groups[p->n - 1].times = read_off(counts);
			*counts = (struct counts){0};
			p->groups[p->n++].key = arena_dup(a, buf_span(&key));
		}
		add_counts(r, row, (int)columns, counts, total);
	}
	if (p->n)
		p->groups[p->n - 1].times = read_off(counts);
	p->total = read_off(total);
	qsort(p->groups, p->n, sizeof *p->groups, by_key);
}

enum status percentiles_ask(const struct query *q, const struct axis *axis, struct store *s, struct arena *a,
                            struct group_percentiles **ret, struct err *err)
{
	scoped_query_sql sql = {0};
	scoped_result r = {0};
	struct group_percentiles *p = arena_new(a, struct group_percentiles);
	query_bins(q, axis, a, &sql);
	enum status status = store_query(s, sql.text.data, sql.params, sql.n, &r, err);
	if (status != STATUS_OK)
		return status;
	collect(q, &r, a, p);
	*ret = p;
	return STATUS_OK;
}

struct group_times percentiles_of(const struct group_percentiles *p, struct span key)
{
	static const struct counts none;
	const struct group wanted_group = {.key = key};
	const struct group *found = p->n ? bsearch(&wanted_group, p->groups, p->n, sizeof *p->groups, by_key) : NULL;
	return found ? found->times : read_off(&none);
}

struct group_times percentiles_total(const struct group_percentiles *p)
{
	return p->total;
}
