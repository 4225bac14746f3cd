/* Snapshots of the example content platform: every member has the value that its generator planted. */
#include "tests/integration/collector_helpers.h"

#define EXAMPLE "services/collector/examples/content-platform"

static void generate(const char *condition, int seed)
{
	CHECK_INT(test_run(EXAMPLE "/generate",
	                   (const char *[]){"--rows", "1000", "--condition", condition, "--seed", text_of("%d", seed),
	                                    "--database", test_postgres_url(), NULL},
	                   NULL, NULL),
	          0);
}

static struct test_process *start_on_example(void)
{
	return start_collector(EXAMPLE "/sources.json", NULL);
}

/* The metrics of a snapshot whose values are not the planted ones. */
static const char *differences(const char *snapshot)
{
	return test_sql(
	    text_of("SELECT string_agg(metric || ' is ' || coalesce(s -> metric, 'null')::text || ', planted is ' || value, "
	            "'; ') FROM content_platform.planted, (SELECT $snap$%s$snap$::jsonb AS s) AS taken WHERE CASE metric "
	            "WHEN 'ledger_events_total' THEN false "
	            "WHEN 'recent_events' THEN value IS DISTINCT FROM (SELECT jsonb_agg((e ->> 'event_id')::bigint) FROM "
	            "jsonb_array_elements(s -> metric) AS e) "
	            "WHEN 'best_clips' THEN value IS DISTINCT FROM (SELECT jsonb_object_agg(p, c -> 'clip_id') FROM jsonb_each(s -> "
	            "metric) AS each(p, c)) "
	            "ELSE value IS DISTINCT FROM s -> metric END",
	            snapshot));
}

/* Only the suite's own part has nobody to ask: neither the jobs service nor its stream is there. */
static void all_is_well(const char *snapshot)
{
	CHECK_MSG(*test_sql(text_of("SELECT string_agg(metric, ', ') FROM jsonb_each($snap$%s$snap$::jsonb -> 'metrics') AS "
	                            "m(metric, known) WHERE known ->> 'status' <> 'ok' AND known ->> 'source' NOT IN "
	                            "('gannet', 'broker')",
	                            snapshot)) == 0,
	          "%s", snapshot);
	/* The observer of tests listens to all subjects, so that the broker does not say that nobody answers. */
	has_failed(snapshot, "worker_load", "gannet", "no answer within 2000 ms");
	has_failed(snapshot, "jobs_stream_messages", "broker", "jobs_stream_messages: no such stream");
}

static void says_what_was_planted(const char *condition, int seed)
{
	generate(condition, seed);
	start_on_example();
	const char *snapshot = take();
	CHECK_MSG(strcmp(test_sql("SELECT count(*) >= 24 FROM content_platform.planted"), "t") == 0, "too little is planted");
	const char *different = differences(snapshot);
	CHECK_MSG(!*different, "%s", different);
	all_is_well(snapshot);
	CHECK(atoll(test_json(snapshot, "/additional_metrics/database_bytes")) > 1000000);
	CHECK(*test_json(snapshot, "/recent_events/49/type") && !*test_json(snapshot, "/recent_events/50/type"));
	CHECK(*test_json(snapshot, "/best_clips/youtube/title"));
}

TEST(a_healthy_platform_is_told_as_planted)
{
	says_what_was_planted("healthy", 1);
}

TEST(a_backlog_is_told_as_planted)
{
	says_what_was_planted("backlog", 2);
}

TEST(a_failing_publisher_is_told_as_planted)
{
	says_what_was_planted("failing_publisher", 3);
}

TEST(a_clip_shortage_is_told_as_planted)
{
	says_what_was_planted("clip_shortage", 4);
}

TEST(an_alert_storm_is_told_as_planted)
{
	says_what_was_planted("alert_storm", 5);
}

TEST(what_changes_in_the_application_is_in_the_next_snapshot)
{
	generate("healthy", 1);
	start_on_example();
	long long pending = atoll(test_json(take(), "/queue_pending"));
	test_sql("SET search_path = content_platform; UPDATE publish_queue SET status = 'failed' WHERE status = 'pending'; DELETE FROM "
	         "clips WHERE status = 'ready'; DELETE FROM publications; UPDATE orchestrator SET last_run_at = NULL");
	const char *after = take();
	CHECK(pending > 0);
	has(after, "/queue_pending", "0");
	has(after, "/queue_failed", text_of("%lld", 5 + pending));
	has(after, "/clips_ready", "0");
	has(after, "/publish_total_24h", "0");
	/* There is none, and that is known. */
	has(after, "/publish_success_rate", "");
	has(after, "/metrics/publish_success_rate/status", "ok");
	has(after, "/orchestrator_last_run", "");
	has(after, "/metrics/orchestrator_last_run/status", "ok");
}

TEST(the_same_seed_makes_the_same_data_and_another_one_other_data)
{
	static const char digest[] = "SELECT md5(string_agg(c::text, ';' ORDER BY clip_id)) FROM (SELECT clip_id, platform, "
	                             "title, status, score FROM content_platform.clips) AS c";
	generate("healthy", 7);
	const char *first = text_of("%s", test_sql(digest));
	generate("healthy", 7);
	CHECK(strcmp(first, test_sql(digest)) == 0);
	generate("healthy", 8);
	CHECK(strcmp(first, test_sql(digest)) != 0);
}

TEST(the_generator_refuses_what_it_does_not_know)
{
	static const char *const wrong[][2] = {{"--condition", "splendid"}, {"--rows", "10"}, {"--rows", "1e3"}, {"--seed", "x"}};
	for (size_t i = 0; i < countof(wrong); i++)
		CHECK_INT(test_run(EXAMPLE "/generate", (const char *[]){wrong[i][0], wrong[i][1], NULL}, NULL, NULL), 2);
}
