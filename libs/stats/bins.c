/* Edges of the bins, and reading quantiles off their counts. */
#include "stats/bins.h"

#include <math.h>
#include <pthread.h>

static int64_t edges[BINS_MAX];
static size_t edges_n;
static pthread_once_t made = PTHREAD_ONCE_INIT;

static void make(void)
{
	for (int k = 0;; k++) {
		int64_t edge = (int64_t)ceil(exp2(k / 8.0) - 1e-9);
		if (edge > BINS_TOP)
			return;
		if (!edges_n || edge > edges[edges_n - 1])
			edges[edges_n++] = edge;
	}
}

const int64_t *bins_edges(size_t *ret_n)
{
	pthread_once(&made, make);
	*ret_n = edges_n;
	return edges;
}

size_t bins_of(int64_t value)
{
	size_t n, low = 0;
	const int64_t *e = bins_edges(&n);
	for (size_t high = n; low < high;) {
		size_t middle = (low + high) / 2;
		if (e[middle] <= value)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

double bins_value(size_t bin)
{
	size_t n;
	const int64_t *e = bins_edges(&n);
	if (bin == 0)
		return 0;
	if (bin >= n)
		return (double)e[n - 1];
	return sqrt((double)e[bin - 1] * (double)(e[bin] - 1));
}

double bins_quantile(const int64_t *counts, size_t n, double q)
{
	int64_t total = 0, seen = 0;
	for (size_t i = 0; i < n; i++)
		total += counts[i];
	if (!total)
		return -1;
	/* The smallest value with at least that share at or below it. */
	int64_t rank = (int64_t)ceil(q * (double)total);
	for (size_t i = 0; i < n; i++) {
		seen += counts[i];
		if (counts[i] && seen >= rank)
			return bins_value(i);
	}
	return -1;
}
