/* The ledger holds every final event once, whatever dies. */
#include "tests/integration/analytics_helpers.h"

#define TENANTS 3
static const char *const tenants[TENANTS] = {"acme", "blue", "corp"};

static void publish(struct bus *b, int64_t from, int64_t n, struct spent *spent)
{
	struct err err = {0};
	int64_t now_ms = clock_wall_ms(&clock_system);
	for (int64_t i = from; i < from + n; i++)
		publish_random_event(b, i, tenants[i % TENANTS], now_ms, spent);
	CHECK_OK(bus_store_drain(b, 60000, &err), err);
}

static void wait_for_rows(const struct spent *spent)
{
	WAIT_FOR(sql_number(LEDGER_COUNT) >= spent->events, "all rows of the ledger");
}

TEST(every_final_event_is_a_row_and_in_all_sums)
{
	struct spent spent = {0};
	start_analytics(NULL);
	publish(test_bus(), 0, 3000, &spent);
	wait_for_rows(&spent);
	check_ledger(&spent);
}

TEST(events_from_before_the_first_start_are_entered)
{
	struct spent spent = {0};
	struct err err = {0};
	test_nats_url();
	CHECK_OK(bus_topology_ensure(test_bus(), STREAM_EVENTS, &bus_limits_default, &err), err);
	publish(test_bus(), 0, 500, &spent);
	start_analytics(NULL);
	wait_for_rows(&spent);
	check_ledger(&spent);
}

TEST(killed_again_and_again_the_ledger_equals_the_events)
{
	struct spent spent = {0};
	struct test_process *p = start_analytics(NULL);
	for (int round = 0; round < 6; round++) {
		publish(test_bus(), spent.events, 2500, &spent);
		usleep(1000 * (unsigned)random_below(60));
		test_kill(p, SIGKILL);
		CHECK_INT(test_wait_exit(p), 128 + SIGKILL);
		publish(test_bus(), spent.events, 500, &spent);
		p = start_analytics(NULL);
	}
	wait_for_rows(&spent);
	check_ledger(&spent);
}

TEST(with_the_database_killed_under_load_the_ledger_equals_the_events)
{
	struct spent spent = {0};
	start_analytics(NULL);
	test_sql("ALTER SYSTEM SET fsync = on");
	test_sql("ALTER SYSTEM SET full_page_writes = on");
	test_sql("SELECT pg_reload_conf()");
	for (int round = 0; round < 3; round++) {
		publish(test_bus(), spent.events, 2500, &spent);
		usleep(1000 * (unsigned)random_below(40));
		test_postgres_kill(SIGKILL);
		publish(test_bus(), spent.events, 500, &spent);
		test_postgres_start();
	}
	wait_for_rows(&spent);
	check_ledger(&spent);
}

TEST(with_the_broker_killed_under_load_the_ledger_equals_the_events)
{
	struct spent spent = {0};
	start_analytics(NULL);
	for (int round = 0; round < 2; round++) {
		publish(test_bus(), spent.events, 2500, &spent);
		test_nats_kill(SIGKILL);
		test_nats_start();
		WAIT_FOR(bus_is_connected(test_bus()), "the connection");
	}
	wait_for_rows(&spent);
	check_ledger(&spent);
}

static int writers(struct test_process *const *p, size_t n)
{
	int count = 0;
	for (size_t i = 0; i < n; i++) {
		scoped_buf body = {0};
		if (test_http_get(p[i]->health_port, "/metrics", &body) == 200 && strstr(body.data, "\ngannet_ledger_writer 1\n"))
			count += 1 << i;
	}
	return count;
}

TEST(one_replica_writes_and_another_takes_over_when_it_dies)
{
	struct spent spent = {0};
	struct test_process *p[2] = {start_analytics(NULL), NULL};
	WAIT_FOR(writers(p, 1) == 1, "the first to write");
	p[1] = start_analytics(NULL);
	publish(test_bus(), 0, 1000, &spent);
	wait_for_rows(&spent);
	CHECK_INT(writers(p, 2), 1);
	test_kill(p[0], SIGKILL);
	CHECK_INT(test_wait_exit(p[0]), 128 + SIGKILL);
	publish(test_bus(), spent.events, 1000, &spent);
	wait_for_rows(&spent);
	WAIT_FOR(writers(p, 2) == 2, "the second to write");
	check_ledger(&spent);
}

/* A writer whose lock is gone without its knowing: the place in EVENTS stops it. */
TEST(a_writer_without_its_lock_writes_nothing_twice)
{
	struct spent spent = {0};
	start_analytics(NULL);
	start_analytics(NULL);
	for (int round = 0; round < 5; round++) {
		publish(test_bus(), spent.events, 400, &spent);
		test_sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'gannet-analytics ledger'");
	}
	wait_for_rows(&spent);
	check_ledger(&spent);
}

#define TABLES_MAX 28
static const char *const tables[TABLES_MAX] = {
    "ai_usage_minute_model",
    "ai_usage_hour_model",   "ai_usage_hour_work",   "ai_usage_hour_user",   "ai_usage_hour_bins",
    "ai_usage_day_model",    "ai_usage_day_work",    "ai_usage_day_user",    "ai_usage_day_bins",
    "ai_usage_month_model",  "ai_usage_month_work",  "ai_usage_month_user",  "ai_usage_month_bins",
    "ai_usage_hour_total",   "ai_usage_day_total",   "ai_usage_month_total", "ai_usage_hour_plain",
    "ai_usage_day_plain",    "ai_usage_month_plain", "ai_usage_day_task",    "ai_usage_month_task",
    "ai_usage_day_person",   "ai_usage_month_person", "ai_usage_month_habit", "ai_usage_quarter_habit",
    "ai_usage_hour_bins_total", "ai_usage_day_bins_total", "ai_usage_month_bins_total"};

TEST(sums_made_again_from_the_ledger_are_those_that_were_kept)
{
	struct spent spent = {0};
	start_analytics(NULL);
	for (int i = 0; i < 8; i++)
		publish(test_bus(), spent.events, 700, &spent);
	wait_for_rows(&spent);
	for (size_t i = 0; i < TABLES_MAX; i++)
		test_sql(text_of("CREATE TABLE kept_%zu AS SELECT * FROM %s", i, tables[i]));
	/* What a rebuild has to mend. */
	test_sql("UPDATE ai_usage_hour_user SET cost_nanousd = cost_nanousd + 1");
	test_sql("DELETE FROM ai_usage_day_bins");
	test_sql("UPDATE ai_usage_month_model SET jobs = 0");
	int64_t day = 86400000, today = clock_wall_ms(&clock_system) / day * day;
	char from[RFC3339_BYTES], to[RFC3339_BYTES];
	const char *body = text_of("{\"from\":\"%s\",\"to\":\"%s\"}", rfc3339_format(today - day, from),
	                           rfc3339_format(today + day, to));
	for (size_t i = 0; i < TENANTS; i++)
		CHECK_SPAN(span_from(test_json(ask_analytics(test_bus(), tenants[i], "rebuild", body, STATUS_OK, NULL), "/days")), "2");
	for (size_t i = 0; i < TABLES_MAX; i++) {
		CHECK(sql_number(text_of("SELECT count(*) FROM kept_%zu", i)) > 0);
		CHECK_INT(sql_number(text_of("SELECT count(*) FROM (SELECT * FROM kept_%zu EXCEPT SELECT * FROM %s) AS d", i, tables[i])), 0);
		CHECK_INT(sql_number(text_of("SELECT count(*) FROM (SELECT * FROM %s EXCEPT SELECT * FROM kept_%zu) AS d", tables[i], i)), 0);
	}
	check_ledger(&spent);
}

#define SMALL_FROM 13 /* the first of `tables` that later migrations made */

/* Bins as they were before migration 4, a row each; and what it drops. */
static void unpack_bins(void)
{
	static const char *const grains[] = {"hour", "day", "month"};
	test_sql("CREATE TABLE ai_usage_minute_work (); CREATE TABLE ai_usage_minute_user (); CREATE TABLE ai_usage_minute_bins ()");
	for (size_t i = 0; i < countof(grains); i++) {
		const char *g = grains[i];
		test_sql(text_of("CREATE TABLE old AS SELECT bucket, n, metric, bin, tenant, provider, model FROM ai_usage_%s_bins, unnest(bins, counts) "
		                 "AS u (bin, n)", g));
		test_sql(text_of("DROP TABLE ai_usage_%s_bins", g));
		test_sql(text_of("ALTER TABLE old RENAME TO ai_usage_%s_bins", g));
		test_sql(text_of("ALTER TABLE ai_usage_%s_bins ADD PRIMARY KEY (tenant, bucket, metric, model, provider, bin)", g));
	}
}

/* As after an update of the service over a database that had none. */
TEST(small_sums_of_before_their_time_are_made_of_the_larger_ones)
{
	struct spent spent = {0};
	struct test_process *p = start_analytics(NULL);
	publish(test_bus(), 0, 2000, &spent);
	wait_for_rows(&spent);
	test_kill(p, SIGTERM);
	for (size_t i = 0; i < TABLES_MAX; i++) {
		test_sql(text_of("CREATE TABLE kept_%zu AS SELECT * FROM %s", i, tables[i]));
		if (i >= SMALL_FROM)
			test_sql(text_of("DROP TABLE %s", tables[i]));
	}
	unpack_bins();
	test_sql("DROP INDEX ai_usage_month_user_user");
	test_sql("DROP AGGREGATE ai_usage_sum(bigint)");
	test_sql("DELETE FROM schema_migrations WHERE owner = 'analytics' AND version >= 3");
	start_analytics(NULL);
	for (size_t i = 0; i < TABLES_MAX; i++) {
		CHECK(sql_number(text_of("SELECT count(*) FROM kept_%zu", i)) > 0);
		CHECK_INT(sql_number(text_of("SELECT count(*) FROM (SELECT * FROM kept_%zu EXCEPT SELECT * FROM %s) AS d", i, tables[i])), 0);
		CHECK_INT(sql_number(text_of("SELECT count(*) FROM (SELECT * FROM %s EXCEPT SELECT * FROM kept_%zu) AS d", tables[i], i)), 0);
	}
	check_ledger(&spent);
}

TEST(rows_of_the_ledger_cannot_be_changed)
{
	struct spent spent = {0};
	start_analytics(NULL);
	publish(test_bus(), 0, 10, &spent);
	wait_for_rows(&spent);
	CHECK_SPAN(span_from(test_sql("DO $$ BEGIN UPDATE ai_usage_metrics SET cost_nanousd = 0; EXCEPTION WHEN raise_exception THEN "
	                              "CREATE TABLE refused (); END $$; SELECT to_regclass('refused') IS NOT NULL")),
	           "t");
	check_ledger(&spent);
}

TEST(an_event_nobody_can_read_is_counted_and_left_out)
{
	struct spent spent = {0};
	scoped_buf metrics = {0};
	struct test_process *p = start_analytics(NULL);
	test_expect_invalid("gannet.acme.jobs.event.completed.broken");
	test_store(test_bus(), "gannet.acme.jobs.event.completed.broken", SPAN("{\"run\":\"one\"}"), NULL);
	publish(test_bus(), 0, 10, &spent);
	wait_for_rows(&spent);
	check_ledger(&spent);
	CHECK_INT(test_http_get(p->health_port, "/metrics", &metrics), 200);
	CHECK_HAS(metrics.data, "gannet_ledger_events_total{result=\"poison\"} 1\n");
	CHECK_HAS(metrics.data, "gannet_ledger_events_total{result=\"entered\"} 10\n");
}
