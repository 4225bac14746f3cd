/* The middle of a sample and its spread, which single wild values cannot move. */
#ifndef GANNET_STATS_MEDIAN_H
#define GANNET_STATS_MEDIAN_H

#include <stddef.h>

#define MEDIAN_SIGMA 1.4826 /* a normal distribution's standard deviation in median absolute deviations */

/* Values finite, and reordered; 0 of none. */
double median_of(double *values, size_t n);
/* Median absolute deviation from `center`, scaled to a standard deviation; values are lost. */
double median_spread(double *values, size_t n, double center);
/* The value below which the share `q` lies, interpolated. */
double median_quantile(double *values, size_t n, double q);

#endif
