/* How likely chance alone would be to show what was seen: tests of significance. */
#ifndef GANNET_STATS_CHANCE_H
#define GANNET_STATS_CHANCE_H

#include <stddef.h>
#include <stdint.h>

/* Pure functions. All return a probability, 1 when there is too little to say. */

/* That at least `hits` of `n` independent trials succeed when each does with probability `p`. */
double chance_binomial(int64_t hits, int64_t n, double p);
/* That Student's t with `freedom` degrees is at least `t`. */
double chance_student(double t, double freedom);
/* That the means of two samples lie at least so far apart, either way, when they are the same (Welch's test). */
double chance_means(const double *a, size_t a_n, const double *b, size_t b_n);
/*
 * That values of `a` are so much greater than those of `b` when both are alike (Mann and Whitney's test, one-sided, with
 * ties and continuity corrected; by the normal approximation, so both should have five values or more).
 */
double chance_greater(const double *a, size_t a_n, const double *b, size_t b_n);

#endif
