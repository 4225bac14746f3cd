/* The binomial and Student distributions by the incomplete beta function, and a rank test. */
#include "stats/chance.h"

#include <math.h>
#include <stdlib.h>

#define FRACTION_STEPS 300
#define TINY 1e-300

/* The continued fraction of the incomplete beta function, by Lentz's method. */
static double beta_fraction(double a, double b, double x)
{
	double c = 1, d = 1 - (a + b) * x / (a + 1);
	d = 1 / (fabs(d) < TINY ? TINY : d);
	double h = d;
	for (int m = 1; m <= FRACTION_STEPS; m++) {
		double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
		double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
		for (int i = 0; i < 2; i++) {
			double term = i ? odd : even;
			d = 1 + term * d;
			d = 1 / (fabs(d) < TINY ? TINY : d);
			c = 1 + term / c;
			c = fabs(c) < TINY ? TINY : c;
			h *= d * c;
		}
		if (fabs(d * c - 1) < 1e-12)
			break;
	}
	return h;
}

/* lgamma() keeps a sign in a global variable; this one does not. */
static double log_gamma(double x)
{
	int sign;
	return lgamma_r(x, &sign);
}

/* The regularised incomplete beta function. */
static double beta_share(double a, double b, double x)
{
	if (x <= 0 || x >= 1)
		return x <= 0 ? 0 : 1;
	double front = exp(log_gamma(a + b) - log_gamma(a) - log_gamma(b) + a * log(x) + b * log1p(-x));
	if (x < (a + 1) / (a + b + 2))
		return front * beta_fraction(a, b, x) / a;
	return 1 - front * beta_fraction(b, a, 1 - x) / b;
}

double chance_binomial(int64_t hits, int64_t n, double p)
{
	if (hits <= 0 || n <= 0)
		return 1;
	if (hits > n)
		return 0;
	return beta_share((double)hits, (double)(n - hits + 1), p);
}

double chance_student(double t, double freedom)
{
	if (!(freedom > 0))
		return 1;
	double tail = beta_share(freedom / 2, 0.5, freedom / (freedom + t * t)) / 2;
	return t > 0 ? tail : 1 - tail;
}

static void moments(const double *v, size_t n, double *ret_mean, double *ret_variance)
{
	double mean = 0, sum = 0;
	for (size_t i = 0; i < n; i++)
		mean += (v[i] - mean) / (double)(i + 1);
	for (size_t i = 0; i < n; i++)
		sum += (v[i] - mean) * (v[i] - mean);
	*ret_mean = mean;
	*ret_variance = n > 1 ? sum / (double)(n - 1) : 0;
}

double chance_means(const double *a, size_t a_n, const double *b, size_t b_n)
{
	double mean_a, mean_b, var_a, var_b;
	if (a_n < 2 || b_n < 2)
		return 1;
	moments(a, a_n, &mean_a, &var_a);
	moments(b, b_n, &mean_b, &var_b);
	double of_a = var_a / (double)a_n, of_b = var_b / (double)b_n, error = of_a + of_b;
	if (error <= 0)
		return mean_a == mean_b ? 1 : 0;
	double freedom = error * error / (of_a * of_a / (double)(a_n - 1) + of_b * of_b / (double)(b_n - 1));
	return 2 * chance_student(fabs(mean_a - mean_b) / sqrt(error), freedom);
}

struct ranked {
	double value;
	int of_a;
};

static int by_value(const void *x, const void *y)
{
	double a = ((const struct ranked *)x)->value, b = ((const struct ranked *)y)->value;
	return (a > b) - (a < b);
}

double chance_greater(const double *a, size_t a_n, const double *b, size_t b_n)
{
	size_t n = a_n + b_n;
	if (!a_n || !b_n)
		return 1;
	struct ranked *all = calloc(n, sizeof *all);
	if (!all)
		abort();
	for (size_t i = 0; i < n; i++)
		all[i] = (struct ranked){i < a_n ? a[i] : b[i - a_n], i < a_n};
	qsort(all, n, sizeof *all, by_value);
	double ranks = 0, ties = 0;
	for (size_t i = 0, end; i < n; i = end) {
		double same_a = 0;
		for (end = i; end < n && all[end].value == all[i].value; end++)
			same_a += all[end].of_a;
		double same = (double)(end - i), middle = (double)(i + 1 + end) / 2;
		ranks += same_a * middle;
		ties += same * same * same - same;
	}
	free(all);
	double na = (double)a_n, nb = (double)b_n, total = (double)n;
	double u = ranks - na * (na + 1) / 2;
	double variance = na * nb / 12 * (total + 1 - (total > 1 ? ties / (total * (total - 1)) : 0));
	if (variance <= 0)
		return 1;
	return erfc((u - na * nb / 2 - 0.5) / sqrt(variance) / M_SQRT2) / 2;
}
