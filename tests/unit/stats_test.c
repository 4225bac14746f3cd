/* Tests of significance against known tables, and change points of series whose truth is known. */
#include <math.h>
#include <stdint.h>

#include "stats/change.h"
#include "stats/chance.h"
#include "stats/stats.h"
#include "tests/lib/test.h"

#define CHECK_NEAR(got, want, by)                                                                                      \
	do {                                                                                                               \
		double got_ = (got), want_ = (want);                                                                           \
		CHECK_MSG(fabs(got_ - want_) <= (by), "%s: got %.9g, want %.9g", #got, got_, want_);                           \
	} while (0)

static uint64_t state = 88172645463325252ull;

static double uniform(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (double)(state >> 11) / 9007199254740992.0;
}

static double normal(void)
{
	return sqrt(-2 * log(uniform() + 1e-18)) * cos(6.283185307179586 * uniform());
}

TEST(binomial_tails_are_those_of_summing_up)
{
	static const struct {
		int64_t n;
		double p;
	} rows[] = {{1, 0.5}, {10, 0.05}, {40, 0.3}, {200, 0.01}};
	for (size_t i = 0; i < countof(rows); i++) {
		double sum = 0;
		for (int64_t k = rows[i].n; k >= 1; k--) {
			double n = (double)rows[i].n, p = rows[i].p;
			sum += exp(lgamma(n + 1) - lgamma((double)k + 1) - lgamma(n - (double)k + 1) + (double)k * log(p) +
			           (n - (double)k) * log(1 - p));
			CHECK_NEAR(chance_binomial(k, rows[i].n, p), sum, 1e-9);
		}
	}
	CHECK_NEAR(chance_binomial(0, 10, 0.1), 1, 0);
	CHECK_NEAR(chance_binomial(11, 10, 0.1), 0, 0);
	CHECK(chance_binomial(2000, 10000, 0.05) < 1e-100);
}

TEST(students_tail_is_that_of_the_tables)
{
	CHECK_NEAR(chance_student(0, 5), 0.5, 1e-12);
	CHECK_NEAR(chance_student(2.571, 5), 0.025, 2e-5);
	CHECK_NEAR(chance_student(3.169, 10), 0.005, 1e-5);
	CHECK_NEAR(chance_student(-1.812, 10), 0.95, 1e-4);
	CHECK_NEAR(chance_student(1.96, 100000), 0.025, 1e-4);
}

TEST(tests_say_little_of_like_samples_and_much_of_unlike_ones)
{
	static double a[40], b[60], c[40];
	for (size_t i = 0; i < 60; i++) {
		b[i] = 100 + 5 * normal();
		if (i < 40) {
			a[i] = 100 + 5 * normal();
			c[i] = 110 + 5 * normal();
		}
	}
	CHECK(chance_means(a, 40, b, 60) > 0.01 && chance_means(c, 40, b, 60) < 1e-6);
	CHECK(chance_greater(a, 40, b, 60) > 0.01 && chance_greater(c, 40, b, 60) < 1e-6);
	CHECK(chance_greater(b, 60, c, 40) > 0.999);
	CHECK_NEAR(chance_greater(a, 0, b, 60), 1, 0);
	static const double same[6] = {3, 3, 3, 3, 3, 3};
	CHECK_NEAR(chance_greater(same, 6, same, 6), 1, 0);
	CHECK_NEAR(chance_means(same, 6, same, 6), 1, 0);
}

TEST(wild_values_do_not_move_the_median)
{
	double v[] = {10, 11, 9, 10, 12, 8, 1e9}, w[] = {10, 11, 9, 10, 12, 8, 1e9};
	CHECK_NEAR(stats_median(v, 7), 10, 0);
	CHECK_NEAR(STATS_MAD_SIGMA * stats_mad(w, 7, 10, w), 1.4826, 1e-9);
	CHECK_NEAR(stats_median(v, 0), 0, 0);
}

TEST(steps_are_found_where_they_are)
{
	static double v[400];
	struct change_point found[16];
	for (size_t i = 0; i < 400; i++)
		v[i] = (i < 130 ? 100 : i < 260 ? 125 : 100) + 4 * normal();
	size_t n = change_points(v, 400, found, 16);
	CHECK_INT(n, 2);
	CHECK(found[0].index >= 129 && found[0].index <= 131 && found[1].index >= 259 && found[1].index <= 261);
	CHECK_NEAR(found[0].before, 100, 2);
	CHECK_NEAR(found[0].after, 125, 2);
}

TEST(noise_and_constancy_have_no_changes)
{
	static double v[2000];
	struct change_point found[16];
	CHECK_INT(change_points(v, 2000, found, 16), 0);
	size_t false_alarms = 0;
	for (int run = 0; run < 20; run++) {
		for (size_t i = 0; i < 200; i++)
			v[i] = 100 + 5 * normal();
		false_alarms += change_points(v, 200, found, 16);
	}
	/* The best of many splits is tested, so that there are more than one in a thousand windows. */
	CHECK_MSG(false_alarms <= 8, "%zu in 20 series", false_alarms);
	CHECK_INT(change_points(v, 3, found, 16), 0);
	CHECK_INT(change_points(v, 0, found, 16), 0);
}
