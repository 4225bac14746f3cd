/* Waits between tries: doubling, capped, apart from each other, and the same each time. */
#include "worker/backoff.h"

#include <stdio.h>

#include "tests/lib/test.h"

TEST(delay_doubles_within_its_jitter_up_to_the_ceiling)
{
	for (int n = 0; n < 40; n++) {
		int64_t delay = backoff_delay_ms(5000, n, SPAN("job-1"));
		double middle = n < 20 ? 5000.0 * (double)(1 << n) : 1e12;
		double low = middle * 0.5 < 300000 ? middle * 0.5 : 300000,
		       high = middle * 1.5 < 300000 ? middle * 1.5 : 300000;
		CHECK_MSG((double)delay >= low - 1 && (double)delay <= high + 1, "n %d: %lld not in [%f, %f]", n,
		          (long long)delay, low, high);
	}
}

TEST(delay_of_a_job_is_reproducible)
{
	CHECK_INT(backoff_delay_ms(5000, 2, SPAN("x")), backoff_delay_ms(5000, 2, SPAN("x")));
}

TEST(jobs_that_fail_together_come_back_apart)
{
	int64_t sum = 0, least = INT64_MAX, most = 0;
	for (int i = 0; i < 1000; i++) {
		char id[16];
		int n = snprintf(id, sizeof id, "job-%d", i);
		int64_t d = backoff_delay_ms(5000, 0, span_of(id, (size_t)n));
		sum += d;
		least = d < least ? d : least;
		most = d > most ? d : most;
	}
	CHECK(least >= 2500 && least < 2700);
	CHECK(most > 7300 && most <= 7500);
	CHECK(sum / 1000 > 4800 && sum / 1000 < 5200);
}

TEST(spread_stays_within_its_limit)
{
	for (int i = 0; i < 1000; i++) {
		char id[16];
		int n = snprintf(id, sizeof id, "job-%d", i);
		int64_t d = backoff_spread_ms(span_of(id, (size_t)n), 100);
		CHECK(d >= 0 && d <= 100);
	}
	CHECK_INT(backoff_spread_ms(SPAN("x"), 0), 0);
}
