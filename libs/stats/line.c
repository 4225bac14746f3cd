/* Fitting a line, and the distribution of what such a fit leaves open. */
#include <math.h>

#include "stats/stats.h"

/* Continued fraction of the incomplete beta function, by Lentz's method. */
static double beta_fraction(double a, double b, double x)
{
	const double tiny = 1e-300;
	double c = 1, d = 1 - (a + b) * x / (a + 1);
	d = 1 / (fabs(d) < tiny ? tiny : d);
	double f = d;
	for (int m = 1; m < 300; m++) {
		double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
		double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
		for (int i = 0; i < 2; i++) {
			double term = i ? odd : even;
			d = 1 + term * d;
			c = 1 + term / c;
			d = 1 / (fabs(d) < tiny ? tiny : d);
			c = fabs(c) < tiny ? tiny : c;
			f *= d * c;
		}
		if (fabs(d * c - 1) < 1e-14)
			break;
	}
	return f;
}

static double incomplete_beta(double a, double b, double x)
{
	if (x <= 0 || x >= 1)
		return x <= 0 ? 0 : 1;
	int sign;
	double front = exp(lgamma_r(a + b, &sign) - lgamma_r(a, &sign) - lgamma_r(b, &sign) + a * log(x) + b * log1p(-x));
	if (x < (a + 1) / (a + b + 2))
		return front * beta_fraction(a, b, x) / a;
	return 1 - front * beta_fraction(b, a, 1 - x) / b;
}

double stats_student(double confidence, double freedom)
{
	double low = 0, high = 1e6, outside = 1 - confidence;
	for (int i = 0; i < 200; i++) {
		double t = (low + high) / 2;
		/* P(|T| > t) = I(freedom / (freedom + t^2); freedom / 2, 1 / 2) */
		if (incomplete_beta(freedom / 2, 0.5, freedom / (freedom + t * t)) > outside)
			low = t;
		else
			high = t;
	}
	return (low + high) / 2;
}

bool stats_line_fit(const double *x, const double *y, const double *w, size_t n, double lost, struct stats_line *ret)
{
	double sum = 0, squares = 0, sx = 0, sy = 0, xx = 0, xy = 0, rest = 0;
	if (n < 3)
		return false;
	for (size_t i = 0; i < n; i++) {
		double one = w ? w[i] : 1;
		sum += one;
		squares += one * one;
		sx += one * x[i];
		sy += one * y[i];
	}
	struct stats_line l = {.mean_x = sx / sum, .mean_y = sy / sum, .weight = sum * sum / squares};
	for (size_t i = 0; i < n; i++) {
		double one = w ? w[i] : 1, dx = x[i] - l.mean_x;
		xx += one * dx * dx;
		xy += one * dx * (y[i] - l.mean_y);
	}
	l.spread_x = xx;
	l.slope = xx > 0 ? xy / xx : 0;
	for (size_t i = 0; i < n; i++) {
		double r = y[i] - l.mean_y - l.slope * (x[i] - l.mean_x);
		rest += (w ? w[i] : 1) * r * r;
	}
	l.freedom = l.weight - 2 - lost;
	l.freedom = l.freedom < 1 ? 1 : l.freedom;
	/* The weighted mean of the squares, made unbiased by the points that the fit used up. */
	l.sigma = sqrt(rest / sum * l.weight / l.freedom);
	double scale = xx * l.weight / sum;
	double error = scale > 0 ? l.sigma / sqrt(scale) : 0;
	l.slope_t = error > 0 ? l.slope / error : l.slope == 0 ? 0 : l.slope > 0 ? INFINITY : -INFINITY;
	*ret = l;
	return true;
}
