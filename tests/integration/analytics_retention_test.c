/* Partitions are there ahead of time, and rows go when their tenant's time is up. */
#include "services/analytics/retention.c"
#include "services/analytics/rollup.c"
#include "tests/integration/analytics_helpers.h"

static const struct analytics_config kept_days = {.ledger_days = 100, .minute_days = 10};

static void fill(const char *tenant, int64_t first_seq)
{
	test_sql("SELECT ai_usage_partition(d) FROM generate_series('2026-01-01Z'::timestamptz, '2026-06-30', '1 day') AS d");
	test_sql(text_of("INSERT INTO ai_usage_metrics SELECT t, %lld + row_number() OVER (), 999, 1, 1, 10, 0, 0, 10, 0, 20, 5, 0, 0, 10, 1, 1, "
	                 "true, false, false, false, false, '%s', 'job-' || t, 'completed', 'llm', 'llm', '', '', 'openai', 'm', 'm', '', '', "
	                 "'', '', '' FROM generate_series('2026-01-01Z'::timestamptz, '2026-06-29', '1 day') AS t",
	                 (long long)first_seq, tenant));
}

static struct retained retain(const char *now)
{
	struct analytics a = {.config = &kept_days};
	struct retained done;
	struct store *s;
	struct err err = {0};
	int64_t now_ms;
	const struct store_options o = {.url = test_postgres_url(), .session_sql = "SET TIME ZONE 'UTC'"};
	CHECK(rfc3339_parse(span_from(now), &now_ms));
	CHECK_OK(store_new(&o, &s, &err), err);
	CHECK_OK(retention_run(&a, s, now_ms, NULL, NULL, &done, &err), err);
	store_free(s);
	return done;
}

static int64_t partitions(void)
{
	return sql_number("SELECT count(*) FROM pg_inherits WHERE inhparent = 'ai_usage_metrics'::regclass");
}

TEST(rows_go_when_their_tenants_time_is_up_and_partitions_when_everybodys_is)
{
	scoped_buf sums = {0};
	start_analytics(NULL);
	test_sql("DELETE FROM ai_usage_metrics");
	fill("acme", 0);
	fill("brief", 100000);
	fill("long", 200000);
	test_sql("SET TIME ZONE 'UTC'");
	rollup_sql("ai_usage_metrics", &sums);
	test_sql(sums.data);
	test_sql("INSERT INTO ai_usage_settings (tenant, ledger_days) VALUES ('brief', 20), ('long', 150)");
	struct retained done = retain("2026-07-03T00:00:00Z");
	CHECK_INT(done.partitions_dropped, 1); /* January: it ended more than 150 days ago */
	CHECK_SPAN(span_from(test_sql("SELECT min(at)::date FROM ai_usage_metrics WHERE tenant = 'long'")), "2026-02-03");
	CHECK_SPAN(span_from(test_sql("SELECT min(at)::date FROM ai_usage_metrics WHERE tenant = 'acme'")), "2026-03-25");
	CHECK_SPAN(span_from(test_sql("SELECT min(at)::date FROM ai_usage_metrics WHERE tenant = 'brief'")), "2026-06-13");
	CHECK_SPAN(span_from(test_sql("SELECT min(bucket)::date FROM ai_usage_minute_model")), "2026-06-23");
	CHECK_SPAN(span_from(test_sql("SELECT min(bucket)::date FROM ai_usage_day_model")), "2026-01-01");
	/* July to September are made ahead; a second time nothing is left to do. */
	CHECK_SPAN(span_from(test_sql("SELECT to_regclass('ai_usage_metrics_202609') IS NOT NULL")), "t");
	int64_t before = partitions();
	done = retain("2026-07-03T00:00:00Z");
	CHECK_INT(done.partitions_dropped + done.rows_deleted, 0);
	CHECK_INT(partitions(), before);
}

TEST(for_ever_is_for_ever)
{
	start_analytics(NULL);
	test_sql("DELETE FROM ai_usage_metrics");
	fill("acme", 0);
	test_sql("INSERT INTO ai_usage_settings (tenant, ledger_days) VALUES ('acme', 0)");
	int64_t rows = sql_number(LEDGER_COUNT);
	CHECK_INT(retain("2036-06-30T00:00:00Z").partitions_dropped, 0);
	CHECK_INT(sql_number(LEDGER_COUNT), rows);
}
