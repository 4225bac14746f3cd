/* Collector and reasoning together on the example platform: each condition is recognised for what it is. */
#include "reasoning_helpers.h"

#define EXAMPLE "services/collector/examples/content-platform"

static const char *reason_on(const char *condition, int seed)
{
	CHECK_INT(test_run(EXAMPLE "/generate",
	                   (const char *[]){"--rows", "1000", "--condition", condition, "--seed", text_of("%d", seed), "--database",
	                                    test_postgres_url(), NULL},
	                   NULL, NULL),
	          0);
	bus = test_bus();
	test_ready(test_spawn("gannet-collector",
	                      (const char *[]){"GANNET_SOURCES=" EXAMPLE "/sources.json", "AI_WORKER_ENABLED=false",
	                                       text_of("CONTENT_PLATFORM_URL=%s", test_postgres_url()), NULL},
	                      NULL));
	start_reasoning(NULL);
	return ask_for("default", "reasoning.run", "{}", STATUS_OK);
}

static bool explains(const char *r, const char *rule)
{
	for (int i = 0; test_json(r, text_of("/score_explanation/%d/rule", i))[0]; i++)
		if (is(r, text_of("/score_explanation/%d/rule", i), rule))
			return true;
	return false;
}

static bool recommends(const char *r, const char *action)
{
	for (int i = 0; test_json(r, text_of("/recommendations/%d/id", i))[0]; i++)
		if (is(r, text_of("/recommendations/%d/action_type", i), action))
			return true;
	return false;
}

static void expect(const char *condition, const char *healths, const char *const *rules, const char *const *actions)
{
	const char *r = reason_on(condition, 7), *health = test_json(r, "/summary/overall_health");
	CHECK_MSG(strstr(healths, health), "%s: %s %s", condition, health, test_json(r, "/score_explanation"));
	for (; *rules; rules++)
		CHECK_MSG(explains(r, *rules), "%s: no %s in %s", condition, *rules, test_json(r, "/score_explanation"));
	for (; *actions; actions++)
		CHECK_MSG(recommends(r, *actions), "%s: no %s in %s", condition, *actions, test_json(r, "/recommendations"));
	/* nothing has changed: whoever looks again sees the same */
	const char *again = ask_for("default", "reasoning.run", "{}", STATUS_OK);
	CHECK_JSON(again, "/summary/overall_health", health);
	CHECK_JSON(again, "/action_plan/plan_id", test_json(r, "/action_plan/plan_id"));
	CHECK(strcmp(test_json(again, "/reasoning_id"), test_json(r, "/reasoning_id")));
}
#define LIST(...)                                                                                                      \
	(const char *const[])                                                                                              \
	{                                                                                                                  \
		__VA_ARGS__, NULL                                                                                              \
	}

TEST(a_healthy_platform_is_excellent_or_good)
{
	const char *r = reason_on("healthy", 7), *health = test_json(r, "/summary/overall_health");
	CHECK_MSG(strstr("excellent good", health), "%s: %s", health, test_json(r, "/score_explanation"));
	CHECK(!explains(r, "alerts_critical") && !explains(r, "clips_low") && !explains(r, "publish_success"));
}

TEST(a_backlog_is_recognised)
{
	expect("backlog", "good warning", LIST("queue_backlog", "jobs_waiting"), LIST("process_queue"));
}

TEST(a_failing_publisher_is_recognised)
{
	expect("failing_publisher", "warning critical", LIST("publish_success", "alerts_critical"), LIST("review_publishing", "review_alerts"));
}

TEST(a_clip_shortage_is_recognised)
{
	expect("clip_shortage", "warning critical", LIST("clips_low", "clips_unanalysed"), LIST("process_pending_jobs", "analyse_clips"));
}

TEST(an_alert_storm_is_recognised)
{
	expect("alert_storm", "critical", LIST("alerts_critical", "alerts_warning", "orchestrator_idle"), LIST("review_alerts"));
}
