/* Medians, deviations and fences. */
#include <math.h>
#include <stdlib.h>

#include "stats/stats.h"

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

void stats_sort(double *values, size_t n)
{
	if (n)
		qsort(values, n, sizeof *values, ascending);
}

double stats_quantile(const double *v, size_t n, double q)
{
	if (!n)
		return 0;
	double at = q * (double)(n - 1);
	size_t below = (size_t)at;
	if (below + 1 >= n)
		return v[n - 1];
	return v[below] + (v[below + 1] - v[below]) * (at - (double)below);
}

double stats_median(double *values, size_t n)
{
	stats_sort(values, n);
	return stats_quantile(values, n, 0.5);
}

double stats_mad(const double *values, size_t n, double center, double *scratch)
{
	for (size_t i = 0; i < n; i++)
		scratch[i] = fabs(values[i] - center);
	return stats_median(scratch, n);
}

void stats_fences(double *values, size_t n, double *ret_low, double *ret_high)
{
	stats_sort(values, n);
	double q1 = stats_quantile(values, n, 0.25), q3 = stats_quantile(values, n, 0.75);
	*ret_low = q1 - 1.5 * (q3 - q1);
	*ret_high = q3 + 1.5 * (q3 - q1);
}
