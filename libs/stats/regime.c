/* Where the last change of regime lies: two lines instead of one. */
#include <math.h>

#include "stats/forecast.h"

#define SEGMENT_MIN 6 /* days of a regime */
/*
 * Andrews (1993) gives 15.5 for two parameters at 1 % where the ends are left alone and days are independent. Here a change
 * may be a week old and days are alike, so more is asked for; and the lines must be apart where they meet, or a mere bend
 * would be taken for a new regime.
 */
#define WALD_CRITICAL 40.0
#define JUMP_SIGMAS 3.0

struct sums {
	double n, x, y, xx, xy, yy;
};

static void sums_add(struct sums *s, double x, double y, double sign)
{
	s->n += sign;
	s->x += sign * x;
	s->y += sign * y;
	s->xx += sign * x * x;
	s->xy += sign * x * y;
	s->yy += sign * y * y;
}

/* What a line through these points leaves unexplained. */
static double unexplained(const struct sums *s)
{
	double xx = s->xx - s->x * s->x / s->n, xy = s->xy - s->x * s->y / s->n, yy = s->yy - s->y * s->y / s->n;
	double rest = xx > 0 ? yy - xy * xy / xx : yy;
	return rest > 0 ? rest : 0;
}

/* What a line through these points says at `x`. */
static double line_at(const struct sums *s, double x)
{
	double xx = s->xx - s->x * s->x / s->n, xy = s->xy - s->x * s->y / s->n;
	return s->y / s->n + (xx > 0 ? xy / xx * (x - s->x / s->n) : 0);
}

static size_t best_split(const double *v, size_t n)
{
	struct sums all = {0}, left = {0};
	size_t at = 0;
	double best = 0, scale = 0;
	for (size_t i = 0; i < n; i++) {
		sums_add(&all, (double)i, v[i], 1);
		scale += v[i] * v[i];
	}
	struct sums right = all;
	double one_line = unexplained(&all);
	if (n < 2 * SEGMENT_MIN || one_line <= 1e-12 * scale)
		return 0;
	for (size_t i = 0; i + SEGMENT_MIN < n; i++) {
		sums_add(&left, (double)i, v[i], 1);
		sums_add(&right, (double)i, v[i], -1);
		if (i + 1 < SEGMENT_MIN)
			continue;
		double two_lines = unexplained(&left) + unexplained(&right);
		double wald = (one_line - two_lines) / fmax(two_lines / (double)(n - 4), 1e-12 * scale / (double)n);
		double jump = fabs(line_at(&left, (double)i + 0.5) - line_at(&right, (double)i + 0.5));
		if (wald > best && jump > JUMP_SIGMAS * sqrt(two_lines / (double)(n - 4))) {
			best = wald;
			at = i + 1;
		}
	}
	return best > WALD_CRITICAL ? at : 0;
}

size_t forecast_change(const double *values, size_t n)
{
	size_t since = 0;
	for (size_t found; (found = best_split(values + since, n - since)) > 0;)
		since += found;
	return since;
}
