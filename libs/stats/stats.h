/* Robust statistics: medians, spreads and quantiles that single wild values cannot move. */
#ifndef GANNET_STATS_STATS_H
#define GANNET_STATS_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A normal distribution's standard deviation is so many median absolute deviations. */
#define STATS_MAD_SIGMA 1.4826

/* Pure functions; all values finite. Those that take `double *` reorder it. */

/* Quantile 0..1 of ascending values, interpolated between neighbours (Hyndman and Fan's type 7); 0 when n is 0. */
double stats_quantile(const double *ascending, size_t n, double q);
void stats_sort(double *values, size_t n);
double stats_median(double *values, size_t n);
/* Median absolute deviation from `center`; not scaled. `scratch` may be `values`, which are lost then. */
double stats_mad(const double *values, size_t n, double center, double *scratch);
/* The fences of Tukey's rule: values outside [low, high] lie more than 1.5 interquartile ranges from the quartiles. */
void stats_fences(double *values, size_t n, double *ret_low, double *ret_high);

/* The value that Student's t with `freedom` degrees exceeds in absolute value with probability 1 - `confidence`. */
double stats_student(double confidence, double freedom);

/* A straight line through weighted points. */
struct stats_line {
	double mean_x, mean_y, slope;
	double spread_x;  /* weighted sum of squared distances from mean_x */
	double sigma;     /* standard deviation of the residuals, by `freedom` */
	double weight;    /* effective number of points: (sum w)^2 / sum w^2 */
	double freedom;
	double slope_t;   /* slope in its standard errors; 0 when there is no spread */
};
/* `w` NULL: all alike. `lost` degrees of freedom went into the points before. False for fewer than 3 points. */
bool stats_line_fit(const double *x, const double *y, const double *w, size_t n, double lost, struct stats_line *ret);

#endif
