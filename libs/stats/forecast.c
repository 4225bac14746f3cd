/*
 * The forecast, step by step: weekday terms, the last change of regime, wild days, a line; then what other candidates expect, how
 * good each was in this history, and what their mixture leaves open.
 */
#include "stats/forecast.h"

#include <math.h>

#include "stats/stats.h"

#define WEEK 7
#define HALF_LIFE_DAYS 25.0 /* a day counts half as much as one so much later */
#define HAMPEL_HALF 4       /* days on each side that a wild day is compared with */
#define HAMPEL_SIGMAS 3.0
#define WILD_RECUR 3 /* wild days that make a habit */
#define DAMPING 0.98 /* a slope fades by this factor a day: trends rarely go on as they are */
#define LEVEL_HALF_LIFE 4.0  /* of the level that follows quickly */
#define WHOLE_HALF_LIFE 40.0 /* of the one that remembers everything */
#define TRIALS 8             /* times in the past from which the candidates are tried, a week apart */
#define TRIAL_HISTORY_MIN 21 /* days that such a trial needs before it */
#define TRIAL_DAYS_MAX 28

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

/* ---- wild days */

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

/* What days can be told from: the parts of a fit. */
struct fitted {
	const double *daily;
	size_t n;
	unsigned first; /* weekday of day 0 */
	double terms[WEEK], calmed[FORECAST_HISTORY_MAX];
	struct points points;
	struct stats_line line;
	double excess, wild_variance;
	size_t since, outliers;
	bool weekdays;
};

static bool fit(const double *daily, size_t n, unsigned first, struct fitted *f)
{
	double bare[FORECAST_HISTORY_MAX];
	*f = (struct fitted){.daily = daily, .n = n, .first = first};
	if (n >= FORECAST_WEEKDAYS_MIN) {
		weekday_terms(daily, n, first, f->terms);
		f->weekdays = terms_help(daily, n, first, f->terms);
		for (unsigned d = 0; d < WEEK && !f->weekdays; d++)
			f->terms[d] = 0;
	}
	for (size_t i = 0; i < n; i++)
		bare[i] = daily[i] - f->terms[(first + i) % WEEK];
	calm(bare, n, f->calmed);
	f->since = forecast_change(f->calmed, n);
	double lost = f->weekdays ? WEEK - 1 : 0;
	take_points(&f->points, bare, f->since, n);
	if (!stats_line_fit(f->points.x, f->points.y, f->points.w, f->points.n, lost, &f->line))
		return false;
	f->outliers = leave_out_wild(&f->points, &f->line, &f->excess, &f->wild_variance);
	return stats_line_fit(f->points.x, f->points.y, f->points.w, f->points.n, lost, &f->line);
}

static double line_level(const struct fitted *f)
{
	return f->line.mean_y + believed_slope(&f->line) * ((double)f->n - 1 - f->line.mean_x);
}

/* The square of the line's standard error of a sum over `days`, of the first of which only a share counts. */
static double line_variance(const struct fitted *f, size_t days, double first_share)
{
	const struct stats_line *l = &f->line;
	double weight = 0, lever = 0;
	for (size_t d = 0; d < days; d++) {
		double share = d ? 1 : first_share;
		weight += share;
		lever += share * ((double)(f->n + d) - l->mean_x);
	}
	double rho = persistence(&f->points, l), scale = l->spread_x > 0 ? lever * lever / l->spread_x : 0;
	double variance = l->sigma * l->sigma * (weight + weight * weight / l->weight + scale) * (1 + rho) / (1 - rho);
	return variance + f->wild_variance * weight + wander(&f->points, l) * weight * weight * weight / 3;
}

/* ---- candidates */

enum candidate {
	LINE,      /* goes on as it was since the last change */
	LEVEL,     /* stays where it was in the last days */
	WHOLE,     /* goes back to where it was in all its history, whatever happened since */
	LAST_WEEK, /* comes again day by day */
	CANDIDATES
};

static double faded_mean(const double *v, size_t from, size_t to, double half_life)
{
	double sum = 0, weight = 0;
	for (size_t i = from; i < to; i++) {
		double w = exp2(-(double)(to - 1 - i) / half_life);
		sum += w * v[i];
		weight += w;
	}
	return sum / weight;
}

static void expect(const struct fitted *f, size_t days, double ret[CANDIDATES][FORECAST_HORIZON_MAX])
{
	double bare[FORECAST_HISTORY_MAX], drift = 0, fade = 1;
	for (size_t i = 0; i < f->n; i++) /* wild days that happened once are not expected again */
		bare[i] = f->outliers < WILD_RECUR ? f->calmed[i] : f->daily[i] - f->terms[(f->first + i) % WEEK];
	double line = line_level(f) + f->excess, slope = believed_slope(&f->line);
	double level = faded_mean(f->calmed, f->since, f->n, LEVEL_HALF_LIFE) + f->excess;
	double whole = faded_mean(bare, 0, f->n, WHOLE_HALF_LIFE);
	for (size_t d = 0; d < days; d++) {
		double term = f->terms[(f->first + f->n + d) % WEEK];
		drift += slope * fade;
		fade *= DAMPING;
		ret[LINE][d] = fmax(0, line + drift + term);
		ret[LEVEL][d] = fmax(0, level + term);
		ret[WHOLE][d] = fmax(0, whole + term);
		ret[LAST_WEEK][d] = fmax(0, f->calmed[f->n - WEEK + d % WEEK] + f->excess + term);
	}
}

/* ---- how good they were */

struct trial {
	double error[CANDIDATES]; /* of the sum of the days that followed */
	double variance;          /* what the line gave for the square of it */
};

static size_t try_all(const struct fitted *now, size_t days, struct trial trials[TRIALS])
{
	double expected[CANDIDATES][FORECAST_HORIZON_MAX];
	struct fitted then;
	size_t n = 0;
	for (; n < TRIALS; n++) {
		size_t back = days + n * WEEK;
		if (back + TRIAL_HISTORY_MIN > now->n || !fit(now->daily, now->n - back, now->first, &then))
			break;
		trials[n] = (struct trial){.variance = line_variance(&then, days, 1)};
		expect(&then, days, expected);
		for (int c = 0; c < CANDIDATES; c++)
			for (size_t d = 0; d < days; d++)
				trials[n].error[c] += expected[c][d] - now->daily[then.n + d];
	}
	return n;
}

/* Shares by how small the mean squared errors were; without trials the line and the level of the last days are as good. */
static void weigh(const struct trial *trials, size_t n, double variance, double share[CANDIDATES])
{
	double all = 0;
	for (int c = 0; c < CANDIDATES; c++) {
		double squares = 0;
		for (size_t k = 0; k < n; k++)
			squares += trials[k].error[c] * trials[k].error[c] / (double)n;
		squares += 1e-9 * variance + 1e-12;
		share[c] = n ? 1 / (squares * squares) : c == LINE || c == LEVEL;
		all += share[c];
	}
	for (int c = 0; c < CANDIDATES; c++)
		share[c] /= all;
}

/* How much larger the mixture's squared errors were than the line gave them; one more trial counts that was as expected. */
static double stretch(const struct trial *trials, size_t n, const double share[CANDIDATES])
{
	double ratios = 1;
	for (size_t k = 0; k < n; k++) {
		double error = 0;
		for (int c = 0; c < CANDIDATES; c++)
			error += share[c] * trials[k].error[c];
		ratios += trials[k].variance > 0 ? error * error / trials[k].variance : 1;
	}
	return fmax(1, ratios / (double)(n + 1));
}

static void mix(const struct forecast_input *in, const struct fitted *f, struct forecast *r)
{
	struct trial trials[TRIALS];
	double share[CANDIDATES], expected[CANDIDATES][FORECAST_HORIZON_MAX];
	size_t days = in->days < WEEK ? WEEK : in->days > TRIAL_DAYS_MAX ? TRIAL_DAYS_MAX : in->days, n = try_all(f, days, trials);
	weigh(trials, n, line_variance(f, days, 1), share);
	expect(f, in->days, expected);
	for (size_t d = 0; d < in->days; d++) {
		for (int c = 0; c < CANDIDATES; c++)
			r->daily[d] += share[c] * expected[c][d] * (d ? 1 : in->first_share);
		r->sum += r->daily[d];
	}
	double variance = line_variance(f, in->days, in->first_share) * stretch(trials, n, share);
	double freedom = n ? fmin(f->line.freedom, (double)(n + 1)) : f->line.freedom;
	double half = stats_student(FORECAST_CONFIDENCE, freedom) * sqrt(variance);
	r->low = fmax(0, r->sum - half);
	r->high = r->sum + half;
}

bool forecast_fit(const struct forecast_input *in, struct forecast *ret)
{
	size_t skipped = in->n > FORECAST_HISTORY_MAX ? in->n - FORECAST_HISTORY_MAX : 0, n = in->n - skipped;
	struct fitted f;
	if (n < FORECAST_FIT_MIN || in->days > FORECAST_HORIZON_MAX ||
	    !fit(in->daily + skipped, n, (unsigned)((in->first_weekday + skipped) % WEEK), &f))
		return false;
	struct forecast r = {.level = line_level(&f),
	                     .slope = believed_slope(&f.line),
	                     .slope_t = f.line.slope_t,
	                     .used = f.points.n,
	                     .outliers = f.outliers,
	                     .since = skipped + f.since,
	                     .weekdays = f.weekdays};
	mix(in, &f, &r);
	*ret = r;
	return true;
}
