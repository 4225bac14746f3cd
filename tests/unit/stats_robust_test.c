/* Robust statistics against values worked out elsewhere. */
#include <math.h>
#include <stdlib.h>

#include "stats/bins.h"
#include "stats/stats.h"
#include "tests/lib/test.h"

static void near(double got, double want, double within)
{
	CHECK_MSG(fabs(got - want) <= within, "got %.9g, want %.9g", got, want);
}

TEST(median_and_mad_stay_with_the_many)
{
	double v[] = {3, 1, 1000000, 2, 4}, scratch[5];
	near(stats_median(v, 5), 3, 0);
	near(stats_mad(v, 5, 3, scratch), 1, 0);
	double even[] = {4, 1, 3, 2};
	near(stats_median(even, 4), 2.5, 0);
	near(stats_median(even, 0), 0, 0);
}

TEST(quantiles_are_interpolated_and_fences_are_tukeys)
{
	double v[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, low, high;
	near(stats_quantile(v, 10, 0.25), 3.25, 1e-12);
	near(stats_quantile(v, 10, 1), 10, 0);
	near(stats_quantile(v, 10, 0), 1, 0);
	stats_fences(v, 10, &low, &high);
	near(low, 3.25 - 1.5 * 4.5, 1e-12);
	near(high, 7.75 + 1.5 * 4.5, 1e-12);
}

/* Published tables of Student's t, two-sided. */
TEST(student_quantiles_are_those_of_the_tables)
{
	near(stats_student(0.95, 1), 12.7062, 1e-3);
	near(stats_student(0.95, 5), 2.57058, 1e-4);
	near(stats_student(0.95, 30), 2.04227, 1e-4);
	near(stats_student(0.99, 10), 3.16927, 1e-4);
	near(stats_student(0.95, 100000), 1.95998, 1e-3);
}

TEST(a_line_without_noise_is_found_exactly)
{
	double x[10], y[10];
	struct stats_line l;
	for (int i = 0; i < 10; i++) {
		x[i] = i;
		y[i] = 3 + 2.5 * i;
	}
	CHECK(stats_line_fit(x, y, NULL, 10, 0, &l));
	near(l.slope, 2.5, 1e-12);
	near(l.mean_y - l.slope * l.mean_x, 3, 1e-12);
	near(l.sigma, 0, 1e-9);
	CHECK(!stats_line_fit(x, y, NULL, 2, 0, &l));
}

/* Anscombe's first quartet: slope 0.5001, residual standard error 1.2366, t of the slope 4.2415. */
TEST(a_line_through_noise_is_that_of_the_textbook)
{
	const double x[] = {10, 8, 13, 9, 11, 14, 6, 4, 12, 7, 5};
	const double y[] = {8.04, 6.95, 7.58, 8.81, 8.33, 9.96, 7.24, 4.26, 10.84, 4.82, 5.68};
	struct stats_line l;
	CHECK(stats_line_fit(x, y, NULL, 11, 0, &l));
	near(l.slope, 0.500091, 1e-6);
	near(l.sigma, 1.236603, 1e-6);
	near(l.slope_t, 4.241455, 1e-5);
}

TEST(weights_that_are_alike_change_nothing)
{
	const double x[] = {1, 2, 3, 4, 5}, y[] = {2, 1, 4, 3, 6}, w[] = {7, 7, 7, 7, 7};
	struct stats_line a, b;
	CHECK(stats_line_fit(x, y, NULL, 5, 0, &a) && stats_line_fit(x, y, w, 5, 0, &b));
	near(a.slope, b.slope, 1e-12);
	near(a.sigma, b.sigma, 1e-12);
	near(a.slope_t, b.slope_t, 1e-9);
}

TEST(each_value_has_one_bin_and_its_bin_is_near_it)
{
	size_t n;
	const int64_t *edges = bins_edges(&n);
	CHECK(n < BINS_MAX);
	for (size_t i = 1; i < n; i++)
		CHECK(edges[i] > edges[i - 1]);
	for (int64_t v = 0; v < BINS_TOP; v += 1 + v / 500) {
		size_t bin = bins_of(v);
		CHECK(bin == 0 ? v == 0 : edges[bin - 1] <= v && (bin == n || v < edges[bin]));
		CHECK_MSG(fabs(bins_value(bin) - (double)v) <= 0.0443 * (double)v, "%lld reads as %g", (long long)v, bins_value(bin));
		CHECK(v > 11 || bins_value(bin) == (double)v);
	}
	CHECK_INT(bins_of(INT64_MAX), n);
}

TEST(quantiles_of_bins_are_within_four_and_a_half_percent)
{
	static double values[20000];
	static int64_t counts[BINS_MAX];
	srand48(7);
	for (size_t i = 0; i < countof(values); i++) {
		values[i] = floor(exp(5 + 2 * drand48() * drand48()));
		counts[bins_of((int64_t)values[i])]++;
	}
	stats_sort(values, countof(values));
	for (double q = 0.01; q < 1; q += 0.01) {
		double exact = values[(size_t)ceil(q * countof(values)) - 1];
		near(bins_quantile(counts, BINS_MAX, q), exact, 0.0443 * exact);
	}
	int64_t none[BINS_MAX] = {0};
	near(bins_quantile(none, BINS_MAX, 0.5), -1, 0);
}
