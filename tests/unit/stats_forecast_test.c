/* Forecasts of series whose way is known. */
#include <math.h>
#include <stdlib.h>

#include "stats/forecast.h"
#include "tests/lib/test.h"

static double noise(double spread)
{
	return 1 + spread * (drand48() + drand48() + drand48() - 1.5) * 2;
}

static struct forecast fit(const double *v, size_t n, size_t days)
{
	struct forecast f;
	const struct forecast_input in = {.daily = v, .n = n, .days = days, .first_share = 1};
	CHECK(forecast_fit(&in, &f));
	CHECK(f.low <= f.sum && f.sum <= f.high && f.low >= 0);
	return f;
}

static void within(double got, double want, double share)
{
	CHECK_MSG(fabs(got - want) <= share * want, "got %g, want %g", got, want);
}

TEST(a_series_that_never_changes_goes_on_as_it_is)
{
	double v[60];
	for (int i = 0; i < 60; i++)
		v[i] = 12.5;
	struct forecast f = fit(v, 60, 10);
	within(f.sum, 125, 1e-9);
	within(f.high, 125, 1e-9);
	CHECK_INT(f.outliers, 0);
	CHECK_INT(f.since, 0);
}

TEST(fewer_than_eight_days_are_no_series)
{
	const double v[] = {1, 2, 3, 4, 5, 6, 7};
	struct forecast f;
	CHECK(!forecast_fit(&(struct forecast_input){.daily = v, .n = 7, .days = 3, .first_share = 1}, &f));
	CHECK(!forecast_fit(&(struct forecast_input){.daily = v, .n = 7, .days = FORECAST_HORIZON_MAX + 1}, &f));
}

TEST(a_steady_rise_goes_on_for_a_while)
{
	double v[40];
	for (int i = 0; i < 40; i++)
		v[i] = 10 + i;
	struct forecast f = fit(v, 40, 5);
	within(f.sum, 50 + 51 + 52 + 53 + 54, 0.01);
	CHECK(f.slope > 0.9 && f.slope_t > 2);
}

TEST(weekends_are_expected_on_weekends)
{
	double v[70];
	srand48(1);
	for (int i = 0; i < 70; i++)
		v[i] = (i % 7 >= 5 ? 20 : 100) * noise(0.05);
	struct forecast f = fit(v, 70, 7);
	CHECK(f.weekdays);
	within(f.daily[0], 100, 0.1);
	within(f.daily[5], 20, 0.4);
	within(f.sum, 540, 0.05);
}

TEST(one_wild_day_changes_little)
{
	double v[50], wild[50];
	srand48(2);
	for (int i = 0; i < 50; i++)
		wild[i] = v[i] = 100 * noise(0.05);
	wild[47] = 5000;
	struct forecast f = fit(wild, 50, 10);
	CHECK_INT(f.since, 0);
	CHECK(f.outliers >= 1);
	within(f.sum, fit(v, 50, 10).sum, 0.03);
}

TEST(wild_days_that_keep_coming_are_expected_too)
{
	double v[100], sum = 0;
	srand48(3);
	for (int i = 0; i < 100; i++)
		sum += v[i] = 100 * noise(0.05) * (i % 9 == 4 ? 8 : 1);
	within(fit(v, 100, 30).sum, sum * 0.3, 0.08);
}

TEST(a_new_level_restarts_the_fit)
{
	double v[90];
	srand48(4);
	for (int i = 0; i < 90; i++)
		v[i] = (i < 70 ? 50 : 150) * noise(0.05);
	struct forecast f = fit(v, 90, 10);
	CHECK_MSG(f.since >= 68 && f.since <= 72, "since %zu", f.since);
	within(f.sum, 1500, 0.05);
}

TEST(noise_alone_is_no_change_and_no_trend)
{
	int changes = 0, trends = 0;
	srand48(5);
	for (int round = 0; round < 500; round++) {
		double v[90];
		for (int i = 0; i < 90; i++)
			v[i] = 80 * noise(0.2);
		changes += forecast_change(v, 90) != 0;
		struct forecast f = fit(v, 90, 15);
		trends += fabs(f.slope) * 30 > 0.25 * f.level;
	}
	CHECK_MSG(changes <= 5, "%d changes in 500 series of noise", changes);
	CHECK_MSG(trends <= 10, "%d trends in 500 series of noise", trends);
}

TEST(the_interval_holds_what_it_promises_for_steady_series)
{
	int inside = 0, rounds = 600;
	srand48(6);
	for (int round = 0; round < rounds; round++) {
		double v[90], sum = 0;
		for (int i = 0; i < 90; i++)
			v[i] = 80 * noise(0.2) * (i % 7 >= 5 ? 0.5 : 1);
		for (int i = 75; i < 90; i++)
			sum += v[i];
		struct forecast f = fit(v, 75, 15);
		inside += sum >= f.low && sum <= f.high;
	}
	CHECK_MSG(inside >= rounds * 0.93, "%d of %d inside", inside, rounds);
}

TEST(costs_are_never_below_nothing)
{
	double v[30];
	for (int i = 0; i < 30; i++)
		v[i] = 60 - 2 * i > 0 ? 60 - 2 * i : 0;
	struct forecast f = fit(v, 30, 30);
	CHECK(f.sum >= 0 && f.low >= 0);
	for (size_t i = 0; i < 30; i++)
		CHECK(f.daily[i] >= 0);
}

TEST(a_share_of_the_first_day_is_a_share_of_its_cost)
{
	double v[30];
	struct forecast f;
	for (int i = 0; i < 30; i++)
		v[i] = 10;
	CHECK(forecast_fit(&(struct forecast_input){.daily = v, .n = 30, .days = 3, .first_share = 0.25}, &f));
	within(f.sum, 22.5, 1e-9);
}
