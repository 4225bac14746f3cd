/* Jobs whose publisher chose the id and left its comparison with earlier ones to the worker. */
#include <signal.h>
#include <stdio.h>

#include "tests/lib/jobs.h"

static struct test_events *start(void)
{
	static char base[96];
	struct bus *bus = test_bus();
	struct test_process *provider = test_fakeprovider();
	snprintf(base, sizeof base, "OPENAI_BASE_URL=http://127.0.0.1:%d/v1", provider->health_port);
	test_runner((const char *[]){base, "OPENAI_API_KEY=k", "RETRY_DELAY=50ms", "GANNET_LEASE=1s", NULL});
	return test_follow(bus, "acme");
}

static void submit(const char *id, const char *model)
{
	char members[200];
	snprintf(members, sizeof members, "\"template\":\"Say hello.\",\"model\":\"%s\"", model);
	test_submit(test_bus(), "acme", "llm", "default", id, members);
}

TEST(claimed_job_is_tried_again_after_a_short_wait)
{
	struct test_events *f = start();
	submit("c1", "gpt-4o-mini:status=503,first=2");
	CHECK(!strcmp(test_json(test_wait_event(f, "completed", "c1").body, "/attempt"), "3"));
	CHECK_INT(test_count_events(f, "retrying", "c1"), 2);
}

TEST(id_claimed_twice_runs_once_also_while_the_first_waits_for_its_next_try)
{
	struct test_events *f = start();
	submit("c2", "gpt-4o-mini:status=429,retry-after-ms=400,first=1");
	test_wait_event(f, "retrying", "c2");
	submit("c2", "gpt-4o-mini:text=second");
	submit("c3", "gpt-4o-mini");
	const char *e = test_wait_event(f, "completed", "c2").body;
	CHECK(strcmp(test_json(e, "/result/raw_response"), "second") != 0);
	test_wait_event(f, "completed", "c3");
	CHECK_INT(test_count_events(f, "completed", "c2"), 1);
}
