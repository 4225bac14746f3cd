/* Windows are unusual when they are, and on nothing but noise almost never. */
#include <math.h>
#include <stdlib.h>

#include "stats/anomaly.h"
#include "stats/stats.h"
#include "tests/lib/test.h"

#define BASELINE 300

static double gauss(void)
{
	return sqrt(-2 * log(1 - drand48())) * cos(2 * M_PI * drand48());
}

/* The mean of `n` calls whose times are log-normal: long tails, as real ones have. */
static double window_mean(double median, double sigma, int n)
{
	double sum = 0;
	for (int i = 0; i < n; i++)
		sum += median * exp(sigma * gauss());
	return sum / n;
}

struct watch {
	double values[BASELINE + 1];
	size_t n;
	struct anomaly_state state;
};

static enum anomaly_change see(struct watch *w, double value, double error, int64_t samples, struct anomaly_verdict *v)
{
	enum anomaly_change c = anomaly_judge(&anomaly_limits_default, w->values, w->n, &(struct anomaly_window){value, error, samples},
	                                      &w->state, v);
	if (w->n == BASELINE)
		memmove(w->values, w->values + 1, --w->n * sizeof *w->values);
	w->values[w->n++] = value;
	return c;
}

/* 40,000 windows of noise at each of several spreads: at most one false finding in 10,000. */
TEST(stationary_noise_is_quiet)
{
	static const struct {
		double sigma;
		int calls;
	} kinds[] = {{0.1, 20}, {0.5, 20}, {0.5, 200}, {0.8, 20}, {1.0, 25}};
	int opened = 0, windows = 0;
	srand48(11);
	for (size_t k = 0; k < countof(kinds); k++) {
		struct watch w = {0};
		for (int i = 0; i < 8000; i++, windows++) {
			struct anomaly_verdict v;
			opened += see(&w, window_mean(800, kinds[k].sigma, kinds[k].calls), 0, kinds[k].calls, &v) == ANOMALY_OPENED;
		}
	}
	CHECK_MSG(opened * 10000 <= windows, "%d findings in %d windows of noise", opened, windows);
}

TEST(an_error_rate_of_few_jobs_is_quiet)
{
	int opened = 0, windows = 40000;
	struct watch w = {0};
	srand48(12);
	for (int i = 0; i < windows; i++) {
		int n = 20 + (int)(drand48() * 30), failed = 0;
		for (int j = 0; j < n; j++)
			failed += drand48() < 0.02;
		struct anomaly_verdict v;
		opened += see(&w, (double)failed / n, sqrt(0.05 * 0.95 / n), n, &v) == ANOMALY_OPENED;
	}
	CHECK_MSG(opened * 10000 <= windows, "%d findings in %d windows", opened, windows);
}

TEST(twice_the_latency_is_found_after_three_windows_and_resolved_after_three)
{
	struct watch w = {0};
	struct anomaly_verdict v;
	srand48(13);
	for (int i = 0; i < 200; i++)
		CHECK(see(&w, window_mean(800, 0.3, 50), 0, 50, &v) == ANOMALY_SAME);
	CHECK(see(&w, 1900, 0, 50, &v) == ANOMALY_SAME && v.beyond);
	CHECK(see(&w, 1900, 0, 50, &v) == ANOMALY_SAME);
	CHECK(see(&w, 1900, 0, 50, &v) == ANOMALY_OPENED);
	CHECK(see(&w, 1900, 0, 50, &v) == ANOMALY_SAME && w.state.open);
	CHECK(see(&w, 830, 0, 50, &v) == ANOMALY_SAME);
	CHECK(see(&w, 1900, 0, 50, &v) == ANOMALY_SAME && w.state.open); /* a relapse starts the count again */
	CHECK(see(&w, 830, 0, 50, &v) == ANOMALY_SAME);
	CHECK(see(&w, 830, 0, 50, &v) == ANOMALY_SAME);
	CHECK(see(&w, 830, 0, 50, &v) == ANOMALY_CLOSED);
}

TEST(ten_percent_more_is_nothing_however_steady_the_baseline)
{
	struct watch w = {0};
	struct anomaly_verdict v;
	for (int i = 0; i < 100; i++)
		see(&w, 500, 0, 100, &v);
	for (int i = 0; i < 5; i++)
		CHECK(see(&w, 550, 0, 100, &v) == ANOMALY_SAME && !v.beyond);
	CHECK(see(&w, 650, 0, 100, &v) == ANOMALY_SAME && v.beyond);
}

TEST(few_samples_and_short_baselines_are_not_judged)
{
	struct watch w = {0};
	struct anomaly_verdict v;
	for (int i = 0; i < 29; i++) {
		see(&w, 500, 0, 100, &v);
		CHECK(!v.judged);
	}
	see(&w, 500, 0, 100, &v);
	see(&w, 5000, 0, 19, &v);
	CHECK(!v.judged && !w.state.beyond);
	see(&w, 5000, 0, 20, &v);
	CHECK(v.judged && v.beyond);
}
