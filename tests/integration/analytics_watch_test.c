/* Models are watched window by window; what is unusual becomes a finding, and what is usual does not. */
#include "services/analytics/alert.c"
#include "services/analytics/watch.c"
#include "tests/integration/analytics_helpers.h"

static const struct analytics_config watch_config = {.window_ms = 600000};
#define START "2026-06-01T00:00:00Z"

static struct analytics *watching(struct store **ret)
{
	static struct analytics a;
	struct err err = {0};
	const struct store_options o = {.url = test_postgres_url(), .session_sql = "SET TIME ZONE 'UTC'"};
	start_analytics((const char *[]){"GANNET_PERFORMANCE_WINDOW=86400", NULL});
	CHECK_OK(store_new(&o, ret, &err), err);
	a = (struct analytics){.bus = test_bus(), .clock = &clock_system, .config = &watch_config};
	return &a;
}

/* Windows `from` to `to` (numbers) of a model: `jobs` each, taking `ms` on average with some noise, `failed` of them failed. */
static void fill(const char *model, int from, int to, int jobs, int ms, int failed, int unpriced)
{
	static const char row[] =
	    "INSERT INTO ai_usage_minute_model (bucket, jobs, retries, cached, fallbacks, unpriced, input_tokens, cache_read_tokens, "
	    "cache_write_tokens, output_tokens, reasoning_tokens, total_tokens, cost_nanousd, saved_nanousd, prompt_saved_nanousd, "
	    "processing_ms, processing_n, queue_ms, queue_n, first_token_ms, first_token_n, speed_tokens, speed_ms, tenant, status, provider, "
	    "model, operation, pipeline, field_name, user_id) SELECT '" START "'::timestamptz + make_interval(mins => i * 10), n, 0, 0, 0, "
	    "%d, 0, 0, 0, 0, 0, n * 300, n * 1000, 0, 0, n * (%d + (i * 7919) %% 41), n, 0, 0, 0, 0, 0, 0, 'acme', status, 'openai', '%s', '', "
	    "'', '', '' FROM generate_series(%d, %d) AS i CROSS JOIN (VALUES ('completed', %d), ('failed', %d)) AS v (status, n) WHERE n > 0";
	test_sql(text_of(row, unpriced, ms, model, from, to - 1, jobs - failed, failed));
}

static void judge_until(struct analytics *a, struct store *s, int window)
{
	struct err err = {0};
	int64_t start_ms;
	CHECK(rfc3339_parse(SPAN(START), &start_ms));
	test_sql(text_of("INSERT INTO ai_usage_watched VALUES ('performance', '%s') ON CONFLICT DO NOTHING", START));
	/* At most WATCH_CATCH_UP at once. */
	for (int w = WATCH_CATCH_UP; w < window + WATCH_CATCH_UP; w += WATCH_CATCH_UP) {
		int upto = w < window ? w : window;
		CHECK_OK(watch_windows(a, s, start_ms + upto * watch_config.window_ms + WATCH_DELAY_MS, NULL, NULL, &err), err);
	}
}

static const char *told_of(const char *type, const char *model)
{
	char fingerprint[FINDING_FINGERPRINT_BYTES];
	fingerprint_of(type, span_from(model), fingerprint);
	return text_of("%s", test_sql(text_of("SELECT coalesce(told, 'calm') || ' ' || occurrences FROM ai_usage_findings WHERE fingerprint = '%s'",
	                                      fingerprint)));
}

TEST(slow_calls_are_found_and_the_end_of_it_too)
{
	struct store *s;
	struct analytics *a = watching(&s);
	fill("steady", 0, 120, 60, 800, 0, 0);
	fill("slow", 0, 100, 60, 800, 0, 0);
	fill("slow", 100, 110, 60, 2000, 0, 0);
	fill("slow", 110, 120, 60, 800, 0, 0);
	judge_until(a, s, 102);
	CHECK_SPAN(span_from(told_of("latency_ms", "slow")), "calm 0");
	judge_until(a, s, 103);
	CHECK_SPAN(span_from(told_of("latency_ms", "slow")), "high 1");
	judge_until(a, s, 120);
	CHECK_SPAN(span_from(told_of("latency_ms", "slow")), "calm 1");
	CHECK_SPAN(span_from(told_of("latency_ms", "steady")), "calm 0");
	CHECK_SPAN(span_from(told_of("error_rate", "slow")), "calm 0");
	CHECK_INT(sql_number("SELECT count(*) FROM ai_health_metrics WHERE component = 'slow' AND metric_type = 'latency_ms' AND severity <> "
	                     "'none'"),
	          10);
	CHECK_INT(sql_number("SELECT count(*) FROM ai_health_metrics WHERE component = 'steady' AND severity <> 'none'"), 0);
	struct bus_stored_message m;
	struct err err = {0};
	CHECK_OK(bus_get_last(test_bus(), STREAM_FINDINGS, "gannet.acme.findings.analytics.high", &m, &err), err);
	CHECK_SPAN(span_from(test_json(text_of("%.*s", SPAN_ARG(m.data)), "/labels/model")), "slow");
	bus_stored_message_free(&m);
	store_free(s);
}

TEST(windows_that_were_judged_are_not_judged_again)
{
	struct store *s;
	struct analytics *a = watching(&s);
	fill("slow", 0, 100, 60, 800, 0, 0);
	fill("slow", 100, 102, 60, 2000, 0, 0);
	judge_until(a, s, 102);
	/* As if the process had died before it could note how far it was: two windows beyond the usual stay two. */
	test_sql("UPDATE ai_usage_watched SET until = until - interval '50 minutes'");
	judge_until(a, s, 102);
	CHECK_SPAN(span_from(told_of("latency_ms", "slow")), "calm 0");
	store_free(s);
}

TEST(failures_are_found_and_few_jobs_are_not_judged)
{
	struct store *s;
	struct analytics *a = watching(&s);
	fill("failing", 0, 60, 100, 800, 1, 0);
	fill("failing", 60, 70, 100, 800, 30, 0);
	fill("rare", 0, 60, 5, 800, 0, 0);
	fill("rare", 60, 70, 5, 9000, 4, 0);
	judge_until(a, s, 70);
	CHECK_SPAN(span_from(told_of("error_rate", "failing")), "critical 1");
	CHECK_SPAN(span_from(told_of("latency_ms", "rare")), "calm 0");
	CHECK_SPAN(span_from(told_of("error_rate", "rare")), "calm 0");
	store_free(s);
}

TEST(a_model_without_a_price_is_a_finding_at_once)
{
	struct store *s;
	struct analytics *a = watching(&s);
	fill("new", 0, 1, 30, 800, 0, 30);
	judge_until(a, s, 1);
	CHECK_SPAN(span_from(told_of("unpriced_model", "new")), "medium 1");
	fill("new", 1, 2, 30, 800, 0, 0);
	judge_until(a, s, 2);
	CHECK_SPAN(span_from(told_of("unpriced_model", "new")), "calm 1");
	store_free(s);
}
