/* Where a series changes its level for good. */
#ifndef GANNET_STATS_CHANGE_H
#define GANNET_STATS_CHANGE_H

#include <stddef.h>

#define CHANGE_WINDOW 50   /* values looked at together */
#define CHANGE_P_MAX 0.001 /* a change that chance makes more often is none */
#define CHANGE_SIDE_MIN 5  /* values on either side of a change */

struct change_point {
	size_t index;         /* the first value of the new level */
	double before, after; /* means of the levels on both sides */
	double p;
};

/*
 * E-divisive with means (D. Matteson and N. James, "A Nonparametric Approach for Multiple Change Point Analysis"): the
 * split of a window that divides it best by energy distance, tested by Welch's t, and again in both parts; windows
 * overlap by half. What is not significant against its neighbours afterwards is dropped, the weakest first. Writes the
 * first `max` points in order and returns how many there are. Values finite.
 */
size_t change_points(const double *values, size_t n, struct change_point *ret, size_t max);

#endif
