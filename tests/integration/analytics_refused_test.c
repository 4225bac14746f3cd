/* A database that takes nothing: the service stays, says so, and catches up. */
#include "tests/integration/analytics_helpers.h"
#include "tests/integration/refusal.h"

static void publish(int64_t n, struct spent *spent)
{
	struct err err = {0};
	int64_t now_ms = clock_wall_ms(&clock_system);
	for (int64_t i = 0; i < n; i++)
		publish_random_event(test_bus(), spent->events, "acme", now_ms, spent);
	CHECK_OK(bus_store_drain(test_bus(), 60000, &err), err);
}

/* What is refused is in no sum, what is taken later in all of them, and the process is the same. */
static void check_refusal(void (*refuse)(bool on), const char *sqlstate)
{
	struct spent spent = {0};
	struct test_process *p = start_analytics(NULL);
	publish(300, &spent);
	WAIT_FOR(sql_number(LEDGER_COUNT) == spent.events, "the rows before");
	int64_t before = spent.events;
	refuse(true);
	publish(3000, &spent);
	WAIT_FOR(strstr(log_of(p), sqlstate), "the refusal to be logged");
	WAIT_FOR(check_says(p, "ledger", "failed"), "the refusal to be shown");
	CHECK(answers_from_the_ledger());
	CHECK(sql_number(LEDGER_COUNT) < spent.events && sql_number(LEDGER_COUNT) >= before);
	refuse(false);
	WAIT_FOR(sql_number(LEDGER_COUNT) == spent.events, "all rows after");
	WAIT_FOR(check_says(p, "ledger", "ok"), "the end of it to be shown");
	CHECK_INT(sql_number("SELECT coalesce(sum(cost_nanousd), 0) FROM ai_usage_metrics"), spent.cost_nanousd);
	test_kill(p, SIGTERM);
	CHECK_INT(test_wait_exit(p), 0);
}

REFUSAL_TESTS(check_refusal)
