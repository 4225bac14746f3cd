/* The gannet command's view of usage: tables, CSV, budgets, forecasts and reconciliation, from the real service. */
#include "tests/integration/analytics_helpers.h"

/* Runs the command for tenant acme; standard output goes to `out`. */
static int gannet(struct buf *out, const char *const *args)
{
	const char *all[24] = {"--tenant", "acme"};
	size_t n = 2;
	buf_reset(out);
	for (; args[n - 2] && n < countof(all) - 1; n++)
		all[n] = args[n - 2];
	return test_run("gannet", all, NULL, out);
}
#define GANNET(out, ...) gannet(out, (const char *const[]){__VA_ARGS__, NULL})

static void start_with_events(struct spent *spent)
{
	struct err err = {0};
	struct bus *b = test_bus();
	start_analytics(NULL);
	for (int64_t i = 0; i < 200; i++)
		publish_random_event(b, i, "acme", clock_wall_ms(&clock_system), spent);
	CHECK_OK(bus_store_drain(b, 60000, &err), err);
	WAIT_FOR(sql_number(LEDGER_COUNT) >= spent->events, "all rows");
}

TEST(usage_costs_and_performance_are_shown_as_tables_csv_and_json)
{
	struct spent spent = {0};
	scoped_buf out = {0};
	start_with_events(&spent);
	CHECK_INT(GANNET(&out, "usage", "--by", "model,status"), 0);
	CHECK_HAS(out.data, "JOBS");
	CHECK_HAS(out.data, "claude-sonnet-5");
	CHECK_HAS(out.data, "total");
	CHECK_INT(GANNET(&out, "costs", "--by", "provider", "--csv"), 0);
	CHECK_HAS(out.data, "provider,jobs,total_tokens,cost_nanousd,");
	CHECK_INT(GANNET(&out, "usage", "--json"), 0);
	CHECK_INT(atoll(test_json(out.data, "/totals/jobs")), spent.events);
	CHECK_INT(atoll(test_json(out.data, "/totals/cost_nanousd")), spent.cost_nanousd);
	CHECK_INT(GANNET(&out, "performance", "--by", "model", "--by", "day", "--zone", "Asia/Tokyo"), 0);
	CHECK_HAS(out.data, "P95");
	CHECK_INT(GANNET(&out, "usage", "--by", "colour"), 1);
	CHECK_INT(GANNET(&out, "usage", "--status", "running"), 2);
}

TEST(budget_forecast_and_reconcile_answer)
{
	struct spent spent = {0};
	scoped_buf out = {0};
	start_with_events(&spent);
	CHECK_INT(GANNET(&out, "budget", "--set", "25.5", "--zone", "Europe/Berlin"), 0);
	CHECK_HAS(out.data, "$25.50");
	CHECK_HAS(out.data, "Europe/Berlin");
	CHECK_INT(GANNET(&out, "forecast"), 0);
	CHECK_HAS(out.data, "projected");
	CHECK_HAS(out.data, "$25.50");
	const char *path = text_of("%s/costs.json", test_dir());
	FILE *f = fopen(path, "we");
	CHECK(f != NULL);
	fputs("{\"data\":[{\"start_time\":1793491200,\"results\":[{\"amount\":{\"value\":1.25,\"currency\":\"usd\"},\"line_item\":\"gpt-5, "
	      "input\"}]}]}",
	      f);
	fclose(f);
	CHECK_INT(GANNET(&out, "reconcile", path), 0);
	CHECK_HAS(out.data, "gpt-5");
	CHECK_HAS(out.data, "$1.25");
	CHECK_INT(GANNET(&out, "reconcile", "/dev/null"), 1);
}
