/* A database that takes nothing: jobs go on and end, the service says what is wrong, and records all of them afterwards. */
#include "tests/integration/jobs_helpers.h"
#include "tests/integration/refusal.h"

#define BEFORE 100
#define MEANWHILE 2000
#define RECORDED "SELECT count(*) FROM ai_jobs WHERE status = 'completed'"

static void submit(int from, int to)
{
	struct err err;
	for (int i = from; i < to; i++) {
		const char *body = text_of("{\"job_id\":\"job-%d\",\"model\":\"simulated\",\"template\":\"x\"}", i);
		struct bus_out m = {.subject = "gannet.acme.jobs.submit.llm.default", .data = span_from(body)};
		CHECK_OK(bus_store(test_bus(), &m, 0, BUS_BLOCK, NULL, NULL, &err), err);
	}
	CHECK_OK(bus_store_drain(test_bus(), 60000, &err), err);
}

static void check_refusal(void (*refuse)(bool on), const char *sqlstate)
{
	struct test_process *p = start_jobs(NULL);
	test_runner(NULL);
	struct test_events *events = test_follow(test_bus(), "acme");
	submit(0, BEFORE);
	WAIT_FOR(count_sql(RECORDED) == BEFORE, "the records before");
	refuse(true);
	submit(BEFORE, BEFORE + MEANWHILE);
	WAIT_FOR(test_count_events(events, "completed", NULL) == BEFORE + MEANWHILE, "the jobs to end all the same");
	WAIT_FOR(strstr(log_of(p), sqlstate), "the refusal to be logged");
	WAIT_FOR(check_says(p, "projection", "failed"), "the refusal to be shown");
	CHECK(count_sql(RECORDED) < BEFORE + MEANWHILE);
	refuse(false);
	WAIT_FOR(test_all_recorded(test_bus()), "all records after");
	CHECK_INT(count_sql(RECORDED), BEFORE + MEANWHILE);
	WAIT_FOR(check_says(p, "projection", "ok"), "the end of it to be shown");
}

REFUSAL_TESTS(check_refusal)
