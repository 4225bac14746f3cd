/* What snapshots, reasonings, watches, the ledger and HTTP need at the broker is allowed to their own users. */
#include "tests/integration/permission_helpers.h"
#include "tests/integration/gateway_helpers.h"
#include "tests/integration/reasoning_helpers.h"

static struct bus *acme, *admin;

static void begin_suite(void)
{
	test_postgres_url();
	start_secured("");
	bootstrap();
	acme = open_as("tenant-acme", "_INBOX.acme");
	admin = open_as("admin", NULL);
	bus = acme;
}

static void start_as(const char *service, const char *const *env)
{
	test_ready(spawn_as(service, env));
}

static const char *step_approval(const char *plan, const char *action)
{
	for (int i = 0; i < 16; i++)
		if (is(plan, text_of("/steps/%d/action", i), action))
			return text_of("{\"plan_id\":\"%s\",\"step\":%d,\"by\":\"maria\"}", test_json(plan, "/plan_id"), i + 1);
	CHECK_MSG(false, "no step %s: %s", action, plan);
	return NULL;
}

static void hand_in_as_admin(const struct snapshot *s)
{
	bus = admin;
	hand_in(s, "acme");
	bus = acme;
}

/* Through a plan with failed jobs in it, and by hand what no rule plans. */
static void run_actions(void)
{
	struct snapshot s = next_snapshot();
	SET(s, jobs_failed, 60);
	hand_in_as_admin(&s);
	wait_reasoning(&s, "acme");
	const char *plan = ask_for("acme", "reasoning.action_plan", "", STATUS_OK);
	ask_for("acme", "actions.approve", step_approval(plan, "retry_failed_jobs"), STATUS_OK);
	static const struct {
		const char *type, *payload;
	} others[] = {{"pause_queue", "{\"kind\":\"llm\"}"}, {"resume_queue", "{\"kind\":\"llm\"}"}, {"take_snapshot", "{}"}};
	for (size_t i = 0; i < countof(others); i++) {
		const char *run = text_of("{\"action_id\":\"by-hand-%zu\",\"plan_id\":\"p\",\"reasoning_id\":\"r\",\"step\":1,\"action_type\":\"%s\","
		                          "\"description\":\"by hand\",\"action_payload\":%s,\"approved_by\":\"maria\",\"approved_at\":\"%s\"}",
		                          i, others[i].type, others[i].payload, rfc3339_format(clock_wall_ms(&clock_system), (char[RFC3339_BYTES]){0}));
		test_store(admin, text_of("gannet.acme.actions.run.%s", others[i].type), span_from(run), NULL);
		WAIT_FOR(is(ask_for("acme", "actions.list", "{\"status\":\"succeeded\",\"limit\":100}", STATUS_OK), text_of("/actions/%zu/status", i + 1), "succeeded"),
		         text_of("%s to be done", others[i].type));
	}
}

#define SOURCES                                                                                                        \
	"{\"tenant\":\"acme\",\"sources\":[{\"name\":\"gannet\",\"kind\":\"gannet\"},{\"name\":\"events\",\"kind\":\"signals\"},"    \
	"{\"name\":\"broker\",\"kind\":\"nats\",\"fields\":{\"jobs\":\"/streams/JOBS/messages\",\"kept\":\"/streams/KV_paused/messages\","   \
	"\"waiting\":\"/consumers/ACTIONS/actions-pause_queue/waiting\"}}]}"

TEST(snapshots_reasonings_and_actions_work_with_their_own_permissions)
{
	begin_suite();
	start_as("jobs", NULL);
	start_as("runner", NULL);
	start_as("collector", (const char *[]){"GANNET_SOURCES=" SOURCES, "GANNET_TENANT=acme", "AI_WORKER_INTERVAL_SECONDS=1s", NULL});
	start_as("reasoning", (const char *[]){"GANNET_REASONING_MODEL=simulated", "GANNET_REASONING_MODEL_INTERVAL=0", NULL});
	test_store(acme, "gannet.acme.signals.ledger", SPAN("{\"type\":\"told\"}"), NULL);
	const char *reasoning = ask_for("acme", "reasoning.run", "{}", STATUS_OK);
	CHECK(test_json(reasoning, "/snapshot/snapshot_id")[0]);
	const char *snapshot = ask_for("acme", "snapshot.get", "{}", STATUS_OK);
	for (size_t i = 0; i < 3; i++)
		CHECK_MSG(test_json(snapshot, text_of("/additional_metrics/%s", (const char *[]){"jobs", "kept", "waiting"}[i]))[0], "%s", snapshot);
	WAIT_FOR(test_json(ask_for("acme", "reasoning.history", "{}", STATUS_OK), "/reasonings/1")[0], "snapshots on schedule");
	run_actions();
	check_nothing_refused();
}

TEST(watches_the_ledger_and_http_work_with_their_own_permissions)
{
	begin_suite();
	const char *watchers = text_of("%s/watchers.json", test_dir()), *answer;
	write_text(watchers, SPAN("{\"tenant\":\"acme\",\"watches\":[{\"name\":\"look\",\"watcher\":\"diagnosis\",\"schedule\":\"never\"},"
	                          "{\"name\":\"db\",\"watcher\":\"integrity\",\"schedule\":\"never\",\"options\":{\"dsn_env\":\"DATABASE_URL\",\"rules\":"
	                          "[{\"name\":\"always\",\"severity\":\"high\",\"sql\":\"SELECT 1 AS id\"}]}}]}"));
	gw_port = test_free_port();
	start_as("jobs", NULL);
	start_as("runner", NULL);
	start_as("analytics", NULL);
	start_as("notifier", NULL);
	start_as("watchers", (const char *[]){text_of("GANNET_WATCHERS=%s", watchers), NULL});
	start_as("gateway", (const char *[]){text_of("GANNET_HTTP_PORT=%d", gw_port), text_of("GANNET_JWT_SECRET=%s", key_secret), NULL});
	for (size_t i = 0; i < 2; i++) {
		const char *id = test_json(ask_for("acme", "watch.run", text_of("{\"name\":\"%s\"}", (const char *[]){"look", "db"}[i]), STATUS_OK), "/run_id");
		WAIT_FOR(is(answer = ask_for("acme", "watch.get", text_of("{\"run_id\":\"%s\"}", id), STATUS_OK), "/status", "completed"), "the watch");
	}
	WAIT_FOR(test_json(ask_for("acme", "findings.list", "{}", STATUS_OK), "/findings/0")[0], "what was found");
	const char *token = gw_token("admin", "ada", "acme");
	struct gw_answer created = POST("/api/v1/llm_jobs", token, "{\"template\":\"Say hello.\",\"model\":\"simulated\"}");
	CHECK_INT(created.status, 202);
	const char *path = text_of("/api/v1/llm_jobs/%s", test_json(created.body, "/job_id"));
	WAIT_FOR(is(GET(path, token).body, "/status", "completed"), "the job");
	CHECK_INT(POST(text_of("%s/feedback", path), token, "{\"feedback\":\"thumbs_up\"}").status, 200);
	WAIT_FOR(GET("/api/v1/ai-analytics/usage/", token).status == 200, "the ledger's tables");
	CHECK_INT(GET("/api/v1/ai-analytics/feedback/", token).status, 200);
	CHECK_INT(GET("/api/v1/ai-analytics/forecast/", token).status, 200);
	int fd = gw_dial();
	gw_say(fd, text_of("GET /events?subjects=jobs.event.%%3E,jobs.stream.%%3E,findings.%%3E,signals.%%3E,snapshot.taken HTTP/1.1\r\nHost: g\r\n"
	                   "Authorization: Bearer %s\r\n\r\n", token));
	gw_hear(fd, ": following\n\n");
	test_store(acme, "gannet.acme.signals.ledger", SPAN("{\"type\":\"told\"}"), NULL);
	gw_hear(fd, "told");
	close(fd);
	check_nothing_refused();
}
