/*
 * Compares the forecast of a month's costs with three that people use: last month's costs, a plain regression, and last
 * week's days again. Mean absolute percentage errors over generated series: one JSON line for each kind and one over all.
 * The forecast's candidates and settings were chosen on the kinds of the first set with its seed, so those figures flatter it
 * ("chosen on"). The second set is held out: other seeds of those kinds, and kinds that nothing was chosen on, which were
 * written before and judged once after everything was chosen. Whoever chooses anew by them needs others to judge by.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "stats/forecast.h"
#include "stats/stats.h"
#include "tests/lib/test.h"

#define DAYS 240
#define MONTH 30
#define HISTORY 120
#define SERIES 300

static uint64_t state = 88172645463325252ull;

static double uniform(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return ((double)(state >> 11) + 0.5) / 9007199254740992.0;
}

static double gauss(void)
{
	return sqrt(-2 * log(uniform())) * cos(2 * M_PI * uniform());
}

static double weekend(int i, double share)
{
	return i % 7 >= 5 ? share : 1;
}

/* ---- kinds of series */

static void flat(double *v)
{
	double level = 50 + 100 * uniform(), spread = 0.1 + 0.2 * uniform();
	for (int i = 0; i < DAYS; i++)
		v[i] = fmax(0, level * (1 + spread * gauss()));
}

static void trend(double *v)
{
	double level = 50 + 50 * uniform(), slope = 0.5 + uniform();
	for (int i = 0; i < DAYS; i++)
		v[i] = fmax(0, (level + slope * i) * (1 + 0.12 * gauss()));
}

static void office(double *v)
{
	double level = 80 + 40 * uniform(), share = 0.1 + 0.4 * uniform();
	for (int i = 0; i < DAYS; i++)
		v[i] = fmax(0, level * weekend(i, share) * (1 + 0.1 * gauss()));
}

static void growing_office(double *v)
{
	double level = 80 + 40 * uniform(), share = 0.1 + 0.4 * uniform(), slope = 0.003 + 0.005 * uniform();
	for (int i = 0; i < DAYS; i++)
		v[i] = fmax(0, level * (1 + slope * i) * weekend(i, share) * (1 + 0.1 * gauss()));
}

/* As a product's traffic after its start. */
static void exponential(double *v)
{
	double rate = 0.006 + 0.006 * uniform();
	for (int i = 0; i < DAYS; i++)
		v[i] = fmax(0, 20 * exp(rate * i) * weekend(i, 0.5) * (1 + 0.15 * gauss()));
}

/* As a bill after another model was chosen, or a prompt made shorter. */
static void step(double *v)
{
	double at = 100 + 120 * uniform(), factor = 0.4 + 2 * uniform();
	for (int i = 0; i < DAYS; i++)
		v[i] = fmax(0, 60 * (i >= at ? factor : 1) * weekend(i, 0.4) * (1 + 0.1 * gauss()));
}

/* As batch runs on top of daily work. */
static void spikes(double *v)
{
	for (int i = 0; i < DAYS; i++) {
		v[i] = fmax(0, 60 * weekend(i, 0.5) * (1 + 0.12 * gauss()));
		if (uniform() < 0.03)
			v[i] *= 4 + 6 * uniform();
	}
}

/* As web traffic: the level wanders. */
static void wandering(double *v)
{
	double level = 4;
	for (int i = 0; i < DAYS; i++) {
		level += 0.03 * gauss();
		v[i] = exp(level) * weekend(i, 0.6) * exp(0.1 * gauss());
	}
}

/* As a tool that is used now and then. */
static void intermittent(double *v)
{
	for (int i = 0; i < DAYS; i++)
		v[i] = uniform() < 0.4 ? 20 * exp(0.6 * gauss()) : 0;
}

/* Compound growth in which the weekend's share grows or shrinks too: weekday and trend do not just multiply. */
static void changing_week(double *v)
{
	double rate = -0.002 + 0.008 * uniform(), before = 0.1 + 0.5 * uniform(), after = 0.1 + 0.9 * uniform();
	for (int i = 0; i < DAYS; i++) {
		double share = before + (after - before) * i / DAYS;
		v[i] = fmax(0, 40 * exp(rate * i) * weekend(i, share) * (1 + 0.12 * gauss()));
	}
}

/* Office work with one or two weeks of holidays every two months or so, and single days off. */
static void holidays(double *v)
{
	double level = 70 + 60 * uniform(), share = 0.1 + 0.3 * uniform(), slope = -0.001 + 0.004 * uniform(), left = 0.05 + 0.4 * uniform();
	int until = -1;
	for (int i = 0; i < DAYS; i++) {
		if (i > until && uniform() < 1.0 / 60)
			until = i + (uniform() < 0.6 ? 6 : 13);
		bool off = i <= until || uniform() < 0.02;
		v[i] = fmax(0, level * (1 + slope * i) * weekend(i, share) * (off ? left : 1) * (1 + 0.1 * gauss()));
	}
}

/* A level that drifts up and down like an autoregression around a slow trend; some days are missing and count as 0. */
static void drift_with_gaps(double *v)
{
	double drift = 0, slope = 0.002 * gauss(), missing = 0.01 + 0.06 * uniform();
	for (int i = 0; i < DAYS; i++) {
		drift = 0.97 * drift + 0.06 * gauss();
		v[i] = uniform() < missing ? 0 : 60 * exp(slope * i + drift) * weekend(i, 0.5) * exp(0.12 * gauss());
	}
}

/* Growth that saturates: a logistic curve, somewhere on its way. */
static void saturating(double *v)
{
	double middle = 60 + 180 * uniform(), steep = 0.015 + 0.04 * uniform();
	for (int i = 0; i < DAYS; i++)
		v[i] = fmax(0, (10 + 120 / (1 + exp(-steep * (i - middle)))) * weekend(i, 0.4) * (1 + 0.12 * gauss()));
}

/* Few big customers who come and go: their sum jumps often, with heavy-tailed days. */
static void customers(double *v)
{
	double size[12];
	bool there[12];
	for (int c = 0; c < 12; c++) {
		size[c] = 4 * exp(gauss());
		there[c] = uniform() < 0.5;
	}
	for (int i = 0; i < DAYS; i++) {
		v[i] = 3 * uniform();
		for (int c = 0; c < 12; c++) {
			there[c] = uniform() < 0.01 ? !there[c] : there[c];
			v[i] += there[c] ? size[c] * weekend(i, 0.5) * exp(0.35 * gauss()) : 0;
		}
	}
}

/* ---- kinds that nothing was chosen on */

/* As billing and reporting: the first and last days of a month are heavy, whatever weekday they are. */
static void month_ends(double *v)
{
	double level = 40 + 40 * uniform(), heavy = 1.5 + 2 * uniform(), share = 0.2 + 0.6 * uniform();
	for (int i = 0; i < DAYS; i++) {
		double day = fmod(i + 11, 30.44);
		v[i] = fmax(0, level * weekend(i, share) * (day < 3 || day > 28.44 ? heavy : 1) * (1 + 0.12 * gauss()));
	}
}

/* Launches: a jump that many try at once, which then fades away. */
static void launches(double *v)
{
	double hype = 0, fade = exp2(-1 / (7 + 20 * uniform())), slope = 0.002 * uniform();
	for (int i = 0; i < DAYS; i++) {
		hype = hype * fade + (uniform() < 1.0 / 50 ? 0.5 + 2 * uniform() : 0);
		v[i] = fmax(0, 50 * (1 + slope * i + hype) * weekend(i, 0.6) * (1 + 0.12 * gauss()));
	}
}

/* A batch system that somebody turns on and off for weeks. */
static void switched(double *v)
{
	double low = 30 + 30 * uniform(), high = low * (1.5 + 2 * uniform());
	bool on = uniform() < 0.5;
	for (int i = 0; i < DAYS; i++) {
		on = uniform() < 1.0 / 35 ? !on : on;
		v[i] = (on ? high : low) * exp(0.15 * gauss());
	}
}

/* Growth into a daily quota, which nothing exceeds. */
static void capped(double *v)
{
	double rate = 0.004 + 0.01 * uniform(), quota = 80 + 120 * uniform();
	for (int i = 0; i < DAYS; i++)
		v[i] = fmin(quota, fmax(0, 40 * exp(rate * i) * weekend(i, 0.5) * (1 + 0.2 * gauss())));
}

/* As the views of a page of an encyclopedia: a weekly shape of its own, a slow season, a level that wanders, bursts. */
static void page_views(double *v)
{
	double week[7], level = 0, burst = 0, phase = 2 * M_PI * uniform();
	for (int d = 0; d < 7; d++)
		week[d] = 0.12 * gauss();
	for (int i = 0; i < DAYS; i++) {
		level = 0.98 * level + 0.035 * gauss();
		burst = 0.6 * burst + (uniform() < 0.02 ? 1.5 * uniform() : 0);
		v[i] = 100 * exp(level + burst + week[i % 7] + 0.15 * sin(2 * M_PI * i / 365 + phase) + 0.08 * gauss());
	}
}

/* As a town's electricity: a season, weekdays, and weather that stays for some days. */
static void electricity(double *v)
{
	double weather = 0, phase = 2 * M_PI * uniform(), season = 0.1 + 0.25 * uniform();
	for (int i = 0; i < DAYS; i++) {
		weather = 0.75 * weather + 0.04 * gauss();
		v[i] = 90 * (1 + season * sin(2 * M_PI * i / 365 + phase) + weather) * weekend(i, 0.85);
	}
}

/* As a shop's sales: whole numbers of orders, weekends stronger, weeks of promotion. */
static void shop(double *v)
{
	double mean = 5 + 20 * uniform(), price = 1 + 9 * uniform(), slope = 0.0015 * gauss();
	int until = -1;
	for (int i = 0; i < DAYS; i++) {
		if (i > until && uniform() < 1.0 / 40)
			until = i + 6;
		double expected = mean * exp(slope * i) * weekend(i, 1.6) * (i <= until ? 1.8 : 1) * exp(0.2 * gauss());
		v[i] = price * round(fmax(0, expected + sqrt(expected) * gauss()));
	}
}

struct kind {
	const char *name;
	void (*make)(double *v);
};
static const struct kind chosen_on[] = {{"flat", flat},
                                        {"trend", trend},
                                        {"office", office},
                                        {"growing office", growing_office},
                                        {"exponential", exponential},
                                        {"step", step},
                                        {"spikes", spikes},
                                        {"wandering", wandering},
                                        {"intermittent", intermittent},
                                        {"changing week", changing_week},
                                        {"holidays", holidays},
                                        {"drift with gaps", drift_with_gaps},
                                        {"saturating", saturating},
                                        {"customers", customers}};
static const struct kind never_seen[] = {{"month ends", month_ends}, {"launches", launches},       {"switched", switched},
                                         {"capped growth", capped},  {"page views", page_views}, {"electricity", electricity},
                                         {"shop", shop}};

/* ---- the four forecasts of a month, `done` days of which are over */

enum { OURS, LAST_MONTH, REGRESSION, SEASONAL_NAIVE, METHODS };

static double sum(const double *v, int from, int to)
{
	double s = 0;
	for (int i = from; i < to; i++)
		s += v[i];
	return s;
}

static double by_regression(const double *v, int from, int now, int end)
{
	double x[DAYS], s = 0;
	struct stats_line l;
	for (int i = from; i < now; i++)
		x[i - from] = i;
	CHECK(stats_line_fit(x, v + from, NULL, (size_t)(now - from), 0, &l));
	for (int i = now; i < end; i++)
		s += fmax(0, l.mean_y + l.slope * (i - l.mean_x));
	return s;
}

static double by_last_week(const double *v, int now, int end)
{
	double s = 0;
	for (int i = now; i < end; i++)
		s += v[now - 7 + (i - now) % 7];
	return s;
}

struct errors {
	double sum[METHODS], inside;
	int n;
};

static void compare(const double *v, int month, int done, struct errors *e)
{
	int now = month + done, end = month + MONTH, from = now - HISTORY;
	double actual = sum(v, month, end), spent = sum(v, month, now);
	const struct forecast_input in = {.daily = v + from,
	                                  .n = HISTORY,
	                                  .first_weekday = (unsigned)(from % 7),
	                                  .days = (size_t)(end - now),
	                                  .first_share = 1};
	struct forecast f;
	CHECK(forecast_fit(&in, &f));
	const double said[METHODS] = {spent + f.sum, sum(v, month - MONTH, month), spent + by_regression(v, from, now, end),
	                              spent + by_last_week(v, now, end)};
	for (int m = 0; m < METHODS; m++)
		e->sum[m] += fabs(said[m] - actual) / actual;
	e->inside += actual >= spent + f.low && actual <= spent + f.high;
	e->n++;
}

static void report(const char *set, const char *name, const struct errors *e)
{
	printf("{\"bench\":\"forecast\",\"set\":\"%s\",\"case\":\"%s\",\"months\":%d,\"mape_percent\":{\"gannet\":%.2f,\"last month\":%.2f,"
	       "\"regression\":%.2f,\"seasonal naive\":%.2f},\"inside_interval_percent\":%.1f}\n",
	       set, name, e->n, 100 * e->sum[OURS] / e->n, 100 * e->sum[LAST_MONTH] / e->n, 100 * e->sum[REGRESSION] / e->n,
	       100 * e->sum[SEASONAL_NAIVE] / e->n, 100 * e->inside / e->n);
	fflush(stdout);
}

static void add(struct errors *to, const struct errors *e)
{
	for (int m = 0; m < METHODS; m++)
		to->sum[m] += e->sum[m];
	to->inside += e->inside;
	to->n += e->n;
}

static void measure(const struct kind *kind, int series_n, struct errors *ret)
{
	*ret = (struct errors){0};
	for (int series = 0; series < series_n; series++) {
		double v[DAYS];
		kind->make(v);
		int month = DAYS - MONTH - 1 - (int)(uniform() * 28);
		for (int done = 5; done < MONTH; done += 5)
			compare(v, month, done, ret);
	}
}

static void measure_set(const char *set, const struct kind *kinds, size_t n, struct errors *all)
{
	for (size_t k = 0; k < n; k++) {
		struct errors one;
		measure(&kinds[k], SERIES, &one);
		report(set, kinds[k].name, &one);
		add(all, &one);
	}
}

TEST(months_of_the_series_the_settings_were_chosen_on)
{
	struct errors all = {0};
	measure_set("chosen on", chosen_on, countof(chosen_on), &all);
	report("chosen on", "all", &all);
	for (int m = 1; m < METHODS; m++)
		CHECK(all.sum[OURS] < all.sum[m]);
}

TEST(months_of_series_that_were_held_out)
{
	static const uint64_t seeds[] = {2463534242ull, 0x9e3779b97f4a7c15ull, 6364136223846793005ull};
	struct errors seen = {0}, unseen = {0};
	for (size_t s = 0; s < countof(seeds); s++) {
		state = seeds[s];
		for (size_t k = 0; k < countof(chosen_on); k++) {
			struct errors kind;
			measure(&chosen_on[k], SERIES, &kind);
			add(&seen, &kind);
		}
	}
	report("held out: other seeds", "all", &seen);
	state = seeds[0] ^ seeds[1] ^ seeds[2];
	measure_set("held out: other kinds", never_seen, countof(never_seen), &unseen);
	report("held out: other kinds", "all", &unseen);
	for (int m = 1; m < METHODS; m++)
		CHECK(seen.sum[OURS] < seen.sum[m] && unseen.sum[OURS] < unseen.sum[m]);
}
