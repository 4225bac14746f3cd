/* What --health and --permissions answer. */
#include "tests/integration/jobs_helpers.h"

static int ask_health(const struct test_process *p, struct buf *out)
{
	const char *env[] = {text_of("PROMETHEUS_PORT=%d", p->health_port), NULL};
	return test_run("gannet-runner", (const char *[]){"--health", NULL}, env, out);
}

TEST(health_is_asked_of_the_process_that_runs)
{
	scoped_buf out = {0};
	test_nats_start();
	struct test_process *p = test_spawn("gannet-runner", NULL, NULL);
	test_ready(p);
	CHECK_INT(ask_health(p, &out), 0);
	CHECK(strcmp(test_json(out.data, "/status"), "ready") == 0);
	CHECK(strcmp(test_json(out.data, "/service"), "runner") == 0);
}

TEST(health_of_one_that_lost_its_broker_is_bad)
{
	scoped_buf out = {0};
	test_nats_start();
	struct test_process *p = test_spawn("gannet-runner", NULL, NULL);
	test_ready(p);
	test_nats_kill(SIGKILL);
	WAIT_FOR(ask_health(p, NULL) == 1, "the loss to be noticed");
	CHECK_INT(ask_health(p, &out), 1);
	CHECK(strcmp(test_json(out.data, "/checks/nats/status"), "failed") == 0);
}

TEST(health_of_nobody_is_bad)
{
	const char *env[] = {text_of("PROMETHEUS_PORT=%d", test_free_port()), NULL};
	CHECK_INT(test_run("gannet-jobs", (const char *[]){"--health", NULL}, env, NULL), 1);
	const char *bad[] = {"PROMETHEUS_PORT=none", NULL};
	CHECK_INT(test_run("gannet-jobs", (const char *[]){"--health", NULL}, bad, NULL), 2);
}

TEST(health_of_the_fake_provider_is_asked_at_its_own_port)
{
	struct test_process *p = test_fakeprovider();
	const char *env[] = {text_of("PORT=%d", p->health_port), NULL};
	CHECK_INT(test_run("gannet-fakeprovider", (const char *[]){"--health", NULL}, env, NULL), 0);
	const char *nobody[] = {text_of("PORT=%d", test_free_port()), NULL};
	CHECK_INT(test_run("gannet-fakeprovider", (const char *[]){"--health", NULL}, nobody, NULL), 1);
}

TEST(permissions_name_endpoints_and_kinds)
{
	scoped_buf jobs = {0}, runner = {0};
	CHECK_INT(test_run("gannet-jobs", (const char *[]){"--permissions", NULL}, NULL, &jobs), 0);
	CHECK_HAS(jobs.data, "\nsubscribe gannet.*.jobs.get\ntenant gannet.*.jobs.get\n");
	CHECK_HAS(jobs.data, "\nrespond\n");
	CHECK_INT(test_run("gannet-runner", (const char *[]){"--permissions", NULL}, NULL, &runner), 0);
	CHECK_HAS(runner.data, "\nkind llm\n");
	CHECK(!strstr(runner.data, "\nrespond\n") && !strstr(runner.data, "STREAM.CREATE"));
}
