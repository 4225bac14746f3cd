/* Metrics: their Prometheus text, and updates from many threads. */
#include "core/metrics.h"

#include <pthread.h>
#include <stdio.h>

#include "tests/lib/test.h"

static struct metric jobs = {"t_jobs_total", "Jobs.", METRIC_COUNTER, "kind", "state"};
static struct metric depth = {"t_depth", "Depth.", METRIC_GAUGE};
static const double seconds[] = {0.1, 1, 10};
static struct metric latency = {
    "t_seconds", "Latency.", METRIC_HISTOGRAM, "model", .bounds = seconds, .bounds_n = countof(seconds), .scale = 1e-9};

static struct buf text(void)
{
	struct buf out = {0};
	metrics_write(&out);
	return out;
}

TEST(counters_and_gauges_print_their_values_and_labels)
{
	metric_register(&jobs);
	metric_register(&depth);
	metric_register(&jobs);
	metric_add(metric_series(&jobs, "llm", "completed"), 3);
	metric_add(metric_series(&jobs, "llm", "completed"), INT64_C(9007199254740993));
	metric_add(metric_series(&jobs, "text", "failed"), 1);
	metric_set(metric_series(&depth, NULL, NULL), -7);
	scoped_buf got = text();
	CHECK_SPAN(buf_span(&got), "# HELP t_jobs_total Jobs.\n# TYPE t_jobs_total counter\n"
	                           "t_jobs_total{kind=\"text\",state=\"failed\"} 1\n"
	                           "t_jobs_total{kind=\"llm\",state=\"completed\"} 9007199254740996\n"
	                           "# HELP t_depth Depth.\n# TYPE t_depth gauge\nt_depth -7\n");
	CHECK_INT(metric_value(metric_series(&depth, NULL, NULL)), -7);
}

TEST(a_histogram_counts_cumulatively_in_printed_units)
{
	metric_register(&latency);
	struct metric_series *s = metric_series(&latency, "m", NULL);
	static const int64_t observed_ns[] = {1, 99999999, 100000000, 100000001, 1000000000, 9000000000, 11000000000};
	for (size_t i = 0; i < countof(observed_ns); i++)
		metric_observe(s, observed_ns[i]);
	scoped_buf got = text();
	CHECK_SPAN(buf_span(&got), "# HELP t_seconds Latency.\n# TYPE t_seconds histogram\n"
	                           "t_seconds_bucket{model=\"m\",le=\"0.1\"} 3\n"
	                           "t_seconds_bucket{model=\"m\",le=\"1\"} 5\n"
	                           "t_seconds_bucket{model=\"m\",le=\"10\"} 6\n"
	                           "t_seconds_bucket{model=\"m\",le=\"+Inf\"} 7\n"
	                           "t_seconds_sum{model=\"m\"} 21.300000001\n"
	                           "t_seconds_count{model=\"m\"} 7\n");
}

TEST(label_values_are_escaped)
{
	metric_register(&jobs);
	metric_add(metric_series(&jobs, "a\"b\\c\nd", ""), 1);
	scoped_buf got = text();
	CHECK_HAS(got.data, "t_jobs_total{kind=\"a\\\"b\\\\c\\nd\",state=\"\"} 1\n");
}

TEST(label_values_beyond_the_limit_share_one_series)
{
	metric_register(&jobs);
	for (int i = 0; i < 1000; i++) {
		char name[16];
		snprintf(name, sizeof name, "k%d", i);
		metric_add(metric_series(&jobs, name, "s"), 1);
	}
	CHECK_INT(metric_value(metric_series(&jobs, "k0", "s")), 1);
	CHECK_INT(metric_value(metric_series(&jobs, "other", "other")), 1000 - (METRIC_SERIES_MAX - 1));
	CHECK(metric_series(&jobs, "k999", "s") == metric_series(&jobs, "never seen", "x"));
	scoped_buf got = text();
	int lines = 0;
	for (const char *p = got.data; (p = strchr(p, '\n')); p++)
		lines++;
	CHECK_INT(lines, 2 + METRIC_SERIES_MAX);
}

static void *count_up(void *unused)
{
	for (int i = 0; i < 5000; i++) {
		char name[16];
		snprintf(name, sizeof name, "k%d", i % 50);
		metric_add(metric_series(&jobs, name, NULL), 1);
		metric_observe(metric_series(&latency, name, NULL), i);
	}
	return unused;
}

TEST(threads_lose_no_update_while_another_prints)
{
	metric_register(&jobs);
	metric_register(&latency);
	pthread_t threads[4];
	for (int i = 0; i < 4; i++)
		CHECK(pthread_create(&threads[i], NULL, count_up, NULL) == 0);
	for (int i = 0; i < 20; i++) {
		scoped_buf got = text();
		CHECK_HAS(got.data, "# TYPE t_seconds histogram\n");
	}
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < 50; i++) {
		char name[16];
		snprintf(name, sizeof name, "k%d", i);
		CHECK_INT(metric_value(metric_series(&jobs, name, NULL)), 400);
		CHECK_INT(metric_series(&latency, name, NULL)->buckets[0], 400);
	}
}
