/* Processing times: the median is close, and old times fade. */
#include "services/jobs/times.c"
#include "tests/lib/test.h"

static bool is_near(int64_t got, int64_t want)
{
	return got >= want - want / 8 - 1 && got <= want + want / 4 + 1;
}

TEST(median_is_within_a_bucket_of_the_truth)
{
	for (int64_t ms = 0; ms < 3600000; ms = ms * 3 + 1) {
		struct times t = {0};
		for (int i = 0; i < 100; i++)
			times_add(&t, i < 40 ? ms / 4 : i < 80 ? ms : ms * 8);
		CHECK_MSG(is_near(times_median(&t), ms), "%lld for %lld", (long long)times_median(&t), (long long)ms);
	}
}

TEST(old_times_fade)
{
	struct times t = {0};
	for (int i = 0; i < 100000; i++)
		times_add(&t, 10000);
	for (int i = 0; i < 5000; i++)
		times_add(&t, 100);
	CHECK(is_near(times_median(&t), 100));
}

TEST(any_number_is_taken)
{
	struct times t = {0};
	times_add(&t, -5);
	CHECK(times_median(&t) <= 1);
	for (int i = 0; i < 3; i++)
		times_add(&t, INT64_MAX);
	CHECK(times_median(&t) > 1000000000);
}
