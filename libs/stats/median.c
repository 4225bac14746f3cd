/* Medians and quantiles by sorting. */
#include "stats/median.h"

#include <math.h>
#include <stdlib.h>

static int ascending(const void *x, const void *y)
{
	double a = *(const double *)x, b = *(const double *)y;
	return (a > b) - (a < b);
}

double median_quantile(double *values, size_t n, double q)
{
	if (!n)
		return 0;
	qsort(values, n, sizeof *values, ascending);
	double at = q * (double)(n - 1);
	size_t low = (size_t)at;
	if (low + 1 >= n)
		return values[n - 1];
	return values[low] + (at - (double)low) * (values[low + 1] - values[low]);
}

double median_of(double *values, size_t n)
{
	return median_quantile(values, n, 0.5);
}

double median_spread(double *values, size_t n, double center)
{
	for (size_t i = 0; i < n; i++)
		values[i] = fabs(values[i] - center);
	return MEDIAN_SIGMA * median_of(values, n);
}
