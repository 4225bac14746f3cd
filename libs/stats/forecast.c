/* The forecast, step by step: weekday terms, the last change of regime, wild days, a line, and what it leaves open. */
#include "stats/forecast.h"

#include <math.h>

#include "stats/stats.h"

#define WEEK 7
#define HALF_LIFE_DAYS 25.0 /* a day counts half as much as one so much later */
#define HAMPEL_HALF 4       /* days on each side that a wild day is compared with */
#define HAMPEL_SIGMAS 3.0
#define SEGMENT_MIN 6
#define WILD_RECUR 3 /* wild days that make a habit */
/*
 * Andrews (1993) gives 15.5 for two parameters at 1 % where the ends are left alone and days are independent. Here a change
 * may be a week old and days are alike, so more is asked for; and the lines must be apart where they meet, or a mere bend
 * would be taken for a new regime.
 */
#define WALD_CRITICAL 40.0
#define JUMP_SIGMAS 3.0
#define DAMPING 0.98        /* a slope fades by this factor a day: trends rarely go on as they are */

/* ---- weekday terms */

/* The median of a whole week around each day, or of as much of it as there is. */
static void weekly_level(const double *v, size_t n, double *level)
{
	for (size_t i = 0; i < n; i++) {
		double week[WEEK];
		size_t from = i < WEEK / 2 ? 0 : i - WEEK / 2;
		if (from + WEEK > n)
			from = n - WEEK;
		double sum = 0, least = INFINITY, most = -INFINITY;
		for (size_t k = 0; k < WEEK; k++) {
			week[k] = v[from + k];
			sum += week[k];
			least = fmin(least, week[k]);
			most = fmax(most, week[k]);
		}
		level[i] = (sum - least - most) / (WEEK - 2);
	}
}

/* How much each weekday differs from its week, by the median; they sum up to 0. */
static void weekday_terms(const double *v, size_t n, unsigned first, double terms[WEEK])
{
	double level[FORECAST_HISTORY_MAX], of_day[FORECAST_HISTORY_MAX / WEEK + 2], mean = 0;
	weekly_level(v, n, level);
	for (unsigned day = 0; day < WEEK; day++) {
		size_t count = 0;
		for (size_t i = 0; i < n; i++)
			if ((first + i) % WEEK == day)
				of_day[count++] = v[i] - level[i];
		terms[day] = stats_median(of_day, count);
		mean += terms[day] / WEEK;
	}
	for (unsigned day = 0; day < WEEK; day++)
		terms[day] -= mean;
}

/* Whether the terms explain enough to be more than noise: they must take away a tenth of the spread. */
static bool terms_help(const double *v, size_t n, unsigned first, const double terms[WEEK])
{
	double level[FORECAST_HISTORY_MAX], with[FORECAST_HISTORY_MAX], without[FORECAST_HISTORY_MAX];
	weekly_level(v, n, level);
	for (size_t i = 0; i < n; i++) {
		without[i] = fabs(v[i] - level[i]);
		with[i] = fabs(v[i] - level[i] - terms[(first + i) % WEEK]);
	}
	return stats_median(with, n) < 0.9 * stats_median(without, n);
}

/* ---- changes of regime */

/* Single wild days become the median of their neighbours (Hampel's filter), so that they do not look like changes. */
static void calm(const double *v, size_t n, double *out)
{
	for (size_t i = 0; i < n; i++) {
		double near[2 * HAMPEL_HALF + 1], scratch[2 * HAMPEL_HALF + 1];
		size_t from = i < HAMPEL_HALF ? 0 : i - HAMPEL_HALF, count = 0;
		for (size_t k = from; k < n && k <= i + HAMPEL_HALF; k++)
			near[count++] = v[k];
		double median = stats_median(near, count), spread = STATS_MAD_SIGMA * stats_mad(near, count, median, scratch);
		out[i] = fabs(v[i] - median) > HAMPEL_SIGMAS * spread ? median : v[i];
	}
}

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

/* ---- the line */

struct points {
	double x[FORECAST_HISTORY_MAX], y[FORECAST_HISTORY_MAX], w[FORECAST_HISTORY_MAX];
	size_t n;
};

static void take_points(struct points *p, const double *v, size_t since, size_t n)
{
	p->n = 0;
	for (size_t i = since; i < n; i++) {
		p->x[p->n] = (double)i;
		p->y[p->n] = v[i];
		p->w[p->n++] = exp2(-(double)(n - 1 - i) / HALF_LIFE_DAYS);
	}
}

/*
 * Days outside the fences of the residuals do not bend the line. One that happened once is not expected again; where there
 * are several they are part of how things go, and *ret_excess is what they add to an average day.
 */
static size_t leave_out_wild(struct points *p, const struct stats_line *l, double *ret_excess, double *ret_variance)
{
	double rest[FORECAST_HISTORY_MAX], sorted[FORECAST_HISTORY_MAX], low, high;
	size_t kept = 0, before = p->n, wild = 0;
	double excess = 0, squares = 0;
	for (size_t i = 0; i < p->n; i++)
		sorted[i] = rest[i] = p->y[i] - l->mean_y - l->slope * (p->x[i] - l->mean_x);
	stats_fences(sorted, p->n, &low, &high);
	for (size_t i = 0; i < p->n; i++) {
		if (rest[i] < low || rest[i] > high) {
			excess += rest[i];
			squares += rest[i] * rest[i];
			wild++;
			continue;
		}
		p->x[kept] = p->x[i];
		p->y[kept] = p->y[i];
		p->w[kept++] = p->w[i];
	}
	p->n = kept;
	bool recur = wild >= WILD_RECUR;
	*ret_excess = recur ? excess / (double)before : 0;
	*ret_variance = recur ? squares / (double)before - *ret_excess * *ret_excess : 0;
	return wild;
}

/* How alike neighbours' residuals are: 0 when not at all. Makes the interval of a sum wider than that of independent days. */
static double persistence(const struct points *p, const struct stats_line *l)
{
	double both = 0, own = 0, last = 0;
	for (size_t i = 0; i < p->n; i++) {
		double r = p->y[i] - l->mean_y - l->slope * (p->x[i] - l->mean_x);
		if (i)
			both += r * last;
		own += r * r;
		last = r;
	}
	double rho = own > 0 ? both / own : 0;
	return rho < 0 ? 0 : rho > 0.9 ? 0.9 : rho;
}

/*
 * How much the level wanders by itself from day to day, as a variance: what the means of neighbouring weeks differ by beyond
 * what days of spread sigma explain.
 */
static double wander(const struct points *p, const struct stats_line *l)
{
	double last = 0, squares = 0;
	size_t weeks = p->n / WEEK;
	for (size_t k = 0; k < weeks; k++) {
		double mean = 0;
		for (size_t i = p->n - (k + 1) * WEEK; i < p->n - k * WEEK; i++)
			mean += (p->y[i] - l->mean_y - l->slope * (p->x[i] - l->mean_x)) / WEEK;
		squares += k ? (mean - last) * (mean - last) : 0;
		last = mean;
	}
	double by_chance = 2 * l->sigma * l->sigma / WEEK;
	return weeks < 4 ? 0 : fmax(0, squares / (double)(weeks - 1) - by_chance) / WEEK;
}

/* A slope that chance could have made counts for less (James and Stein's shrinkage); none is believed for ever. */
static double believed_slope(const struct stats_line *l)
{
	double t2 = l->slope_t * l->slope_t;
	return t2 > 1 ? l->slope * (1 - 1 / t2) : 0;
}

static void predict(const struct forecast_input *in, size_t n, unsigned first, const double terms[WEEK],
                    const struct points *p, const struct stats_line *l, double excess, double wild_variance,
                    struct forecast *f)
{
	double slope = believed_slope(l), weight = 0, lever = 0, drift = 0, fade = 1;
	double level = l->mean_y + slope * ((double)n - 1 - l->mean_x);
	f->slope = slope;
	f->level = level;
	for (size_t d = 0; d < in->days; d++) {
		double share = d ? 1 : in->first_share;
		drift += slope * fade;
		fade *= DAMPING;
		f->daily[d] = fmax(0, level + drift + excess + terms[(first + n + d) % WEEK]) * share;
		f->sum += f->daily[d];
		weight += share;
		lever += share * ((double)(n + d) - l->mean_x);
	}
	double rho = persistence(p, l), scale = l->spread_x > 0 ? lever * lever / l->spread_x : 0;
	double variance = l->sigma * l->sigma * (weight + weight * weight / l->weight + scale) * (1 + rho) / (1 - rho);
	variance += wild_variance * weight + wander(p, l) * weight * weight * weight / 3;
	double half = stats_student(FORECAST_CONFIDENCE, l->freedom) * sqrt(variance);
	f->low = fmax(0, f->sum - half);
	f->high = f->sum + half;
}

bool forecast_fit(const struct forecast_input *in, struct forecast *ret)
{
	size_t skipped = in->n > FORECAST_HISTORY_MAX ? in->n - FORECAST_HISTORY_MAX : 0, n = in->n - skipped;
	const double *v = in->daily + skipped;
	unsigned first = (unsigned)((in->first_weekday + skipped) % WEEK);
	double terms[WEEK] = {0}, bare[FORECAST_HISTORY_MAX], calmed[FORECAST_HISTORY_MAX];
	struct points p;
	struct stats_line line;
	struct forecast f = {0};
	if (n < FORECAST_FIT_MIN || in->days > FORECAST_HORIZON_MAX)
		return false;
	if (n >= FORECAST_WEEKDAYS_MIN) {
		weekday_terms(v, n, first, terms);
		f.weekdays = terms_help(v, n, first, terms);
		for (unsigned d = 0; d < WEEK && !f.weekdays; d++)
			terms[d] = 0;
	}
	for (size_t i = 0; i < n; i++)
		bare[i] = v[i] - terms[(first + i) % WEEK];
	calm(bare, n, calmed);
	size_t since = forecast_change(calmed, n);
	double lost = f.weekdays ? WEEK - 1 : 0;
	take_points(&p, bare, since, n);
	if (!stats_line_fit(p.x, p.y, p.w, p.n, lost, &line))
		return false;
	double excess, wild_variance;
	f.outliers = leave_out_wild(&p, &line, &excess, &wild_variance);
	if (!stats_line_fit(p.x, p.y, p.w, p.n, lost, &line))
		return false;
	predict(in, n, first, terms, &p, &line, excess, wild_variance, &f);
	f.slope_t = line.slope_t;
	f.used = p.n;
	f.since = skipped + since;
	*ret = f;
	return true;
}
