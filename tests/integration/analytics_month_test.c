/* The month in the tenant's zone, what it will come to, and the finding when the budget will be missed. */
#include <math.h>

#include "services/analytics/pieces.c"
#include "services/analytics/projection.c"
#include "services/analytics/query.c"
#include "services/analytics/rollup.c"
#include "services/analytics/spend.c"
#include "tests/integration/analytics_helpers.h"

static struct store *open_store(void)
{
	struct store *s;
	struct err err = {0};
	const struct store_options o = {.url = test_postgres_url(), .session_sql = "SET TIME ZONE 'UTC'"};
	CHECK_OK(store_new(&o, &s, &err), err);
	return s;
}

static int64_t ms_of(const char *text)
{
	int64_t ms;
	CHECK(rfc3339_parse(span_from(text), &ms));
	return ms;
}

/* A dollar an hour since the first of September, by one provider until November and by two from then on. */
static void fill_hours(void)
{
	static const char rows[] =
	    "INSERT INTO ai_usage_metrics SELECT t, row_number() OVER (), 999, 1, 1, 10, 0, 0, 10, 0, 20, 1000000000, 0, 0, 10, 1, 1, true, "
	    "false, false, false, false, 'acme', 'job-' || t, 'completed', 'llm', 'llm', '', '', CASE WHEN t >= '2026-11-01' AND "
	    "extract(hour FROM t)::int %% 4 = 0 THEN 'anthropic' ELSE 'openai' END, 'm', 'm', '', '', '', '', '' FROM "
	    "generate_series('2026-09-01 00:30Z'::timestamptz, '2026-12-02', '1 hour') AS t";
	scoped_buf sums = {0};
	test_sql("SELECT ai_usage_partition(d) FROM generate_series('2026-09-01Z'::timestamptz, '2026-12-02', '1 day') AS d");
	test_sql(text_of(rows));
	test_sql("SET TIME ZONE 'UTC'");
	rollup_sql("ai_usage_metrics", &sums);
	test_sql(sums.data);
}

static void read_spend(const char *zone, const char *now, struct spend *ret, struct arena *a)
{
	struct err err = {0};
	struct store *s = open_store();
	CHECK_OK(spend_read(s, SPAN("acme"), span_from(zone), ms_of(now), 0, a, ret, &err), err);
	store_free(s);
}

static void near(double got, double want, double within)
{
	CHECK_MSG(fabs(got - want) <= within, "got %.6f, want %.6f", got, want);
}

TEST(the_month_begins_and_ends_as_the_zone_says)
{
	struct spend *s = calloc(1, sizeof *s);
	scoped_arena a = {0};
	start_analytics(NULL);
	fill_hours();
	/* Half an hour before October ends in UTC, and half an hour after November began in Berlin. */
	read_spend("UTC", "2026-10-31T23:30:00Z", s, &a);
	CHECK_SPAN(span_from(s->month), "2026-10");
	CHECK_INT(s->days_left, 1);
	near(s->today_left, 0.5 / 24, 1e-9);
	CHECK_INT(s->month_start_ms, ms_of("2026-10-01T00:00:00Z"));
	CHECK_INT(s->month_end_ms, ms_of("2026-11-01T00:00:00Z"));
	CHECK_INT(s->month_nanousd, 31 * 24 * 1000000000ll); /* the one at 23:30 is there */
	read_spend("Europe/Berlin", "2026-10-31T23:30:00Z", s, &a);
	CHECK_SPAN(span_from(s->month), "2026-11");
	CHECK_INT(s->days_left, 30);
	near(s->today_left, 23.5 / 24, 1e-9);
	CHECK_INT(s->month_start_ms, ms_of("2026-10-31T23:00:00Z"));
	CHECK_INT(s->month_nanousd, 1 * 1000000000ll);
	/* October has an hour more in Berlin than it has in UTC: clocks went back on the 25th. */
	read_spend("Europe/Berlin", "2026-10-31T22:59:00Z", s, &a);
	CHECK_SPAN(span_from(s->month), "2026-10");
	CHECK_INT(s->month_nanousd, (31 * 24 + 1) * 1000000000ll);
	near(s->daily[s->days - 6], 25, 1e-9);
	near(s->daily[s->days - 5], 24, 1e-9);
	free(s);
}

TEST(a_day_with_25_hours_has_more_of_it_left)
{
	struct spend *s = calloc(1, sizeof *s);
	scoped_arena a = {0};
	start_analytics(NULL);
	fill_hours();
	read_spend("Europe/Berlin", "2026-10-25T00:00:00Z", s, &a); /* two hours into a day of 25 */
	near(s->today_left, 23.0 / 25, 1e-9);
	read_spend("Asia/Kolkata", "2026-10-24T18:30:00Z", s, &a); /* a day that begins on the half hour */
	near(s->today_left, 1, 1e-9);
	CHECK_INT(s->month_start_ms, ms_of("2026-09-30T18:30:00Z"));
	free(s);
}

TEST(days_weekdays_and_services_are_told_apart)
{
	struct spend *s = calloc(1, sizeof *s);
	scoped_arena a = {0};
	start_analytics(NULL);
	fill_hours();
	read_spend("UTC", "2026-11-20T06:00:00Z", s, &a);
	CHECK_INT(s->days, 80);          /* from September the first on; before, nothing was spent */
	CHECK_INT(s->first_weekday, 1);  /* a Tuesday */
	CHECK_INT(s->days_left, 11);
	near(s->today_left, 0.75, 1e-9);
	CHECK_INT(s->services_n, 2);
	CHECK_SPAN(s->services[0].name, "openai");
	CHECK_INT(s->month_nanousd, s->services[0].month_nanousd + s->services[1].month_nanousd);
	CHECK_INT(s->services[1].week_nanousd, 7 * 6 * 1000000000ll);
	CHECK_INT(s->services[1].week_before_nanousd, 7 * 6 * 1000000000ll);
	struct projection p;
	projection_make(s, (struct opt_i64){true, 600 * 1000000000ll}, &p);
	CHECK_SPAN(span_from(p.method), "regression");
	CHECK_SPAN(span_from(p.trend), "stable");
	near(p.projected, 720, 0.01);
	near(p.deviation_percent.v, 20, 0.01);
	CHECK(!p.over);
	projection_make(s, (struct opt_i64){true, 599 * 1000000000ll}, &p);
	CHECK(p.over);
	free(s);
}

TEST(with_a_week_of_history_the_month_goes_on_as_the_average_day)
{
	struct spend *s = calloc(1, sizeof *s);
	struct projection p;
	*s = (struct spend){.month = "2026-11", .month_nanousd = 12 * 1000000000ll, .daily = {3, 3, 3}, .days = 3, .days_left = 27, .today_left = 0.5};
	projection_make(s, (struct opt_i64){true, 20 * 1000000000ll}, &p);
	CHECK_SPAN(span_from(p.method), "run_rate");
	near(p.projected, 12 + 3 * 26.5, 1e-9);
	near(p.low, 12, 1e-9);
	CHECK(!p.over); /* it probably will be, but that is not certain */
	projection_make(s, (struct opt_i64){true, 9 * 1000000000ll}, &p);
	CHECK(p.over); /* that much is spent already */
	free(s);
}

/* ---- by the service itself, now */

static int findings(void)
{
	return (int)sql_number("SELECT coalesce(sum(occurrences), 0) FROM ai_usage_findings WHERE tenant = 'acme'");
}

static const char *last_finding(struct bus *b)
{
	struct bus_stored_message m;
	struct err err = {0};
	if (bus_get_last(b, STREAM_FINDINGS, "gannet.acme.findings.analytics.high", &m, &err) != STATUS_OK &&
	    bus_get_last(b, STREAM_FINDINGS, "gannet.acme.findings.analytics.critical", &m, &err) != STATUS_OK)
		return "{}";
	const char *text = text_of("%.*s", SPAN_ARG(m.data));
	bus_stored_message_free(&m);
	return text;
}

static void fill_days_until_now(void)
{
	scoped_buf sums = {0};
	test_sql("SELECT ai_usage_partition(d) FROM generate_series(now() - interval '60 days', now(), '1 day') AS d");
	test_sql("INSERT INTO ai_usage_metrics SELECT t, row_number() OVER (), 999, 1, 1, 10, 0, 0, 10, 0, 20, 10000000000, 0, 0, 10, 1, 1, "
	         "true, false, false, false, false, 'acme', 'job-' || t, 'completed', 'llm', 'llm', '', '', 'openai', 'm', 'm', '', '', '', "
	         "'', '' FROM generate_series(now() - interval '60 days', now(), '1 day') AS t");
	test_sql("SET TIME ZONE 'UTC'");
	rollup_sql("ai_usage_metrics", &sums);
	test_sql(sums.data);
}

TEST(a_budget_that_will_be_missed_is_a_finding_until_it_will_not)
{
	struct bus *b = test_bus();
	start_analytics((const char *[]){"GANNET_FORECAST_INTERVAL=1s", NULL});
	fill_days_until_now();
	ask_analytics(b, "acme", "settings", "{\"monthly_budget_usd\":\"100\"}", STATUS_OK, NULL);
	WAIT_FOR(span_is(span_from(test_json(last_finding(b), "/status")), "open"), "the finding");
	const char *finding = last_finding(b);
	CHECK_SPAN(span_from(test_json(finding, "/type")), "cost_deviation");
	CHECK_SPAN(span_from(test_json(finding, "/source")), "analytics");
	CHECK(atof(test_json(finding, "/evidence/low")) > 120);
	WAIT_FOR(findings() == 1, "it to be remembered");
	int64_t predictions = sql_number("SELECT count(*) FROM cost_predictions");
	WAIT_FOR(sql_number("SELECT count(*) FROM cost_predictions") >= predictions + 2, "two more forecasts");
	CHECK_INT(findings(), 1); /* what is open already is not told again */
	ask_analytics(b, "acme", "settings", "{\"monthly_budget_usd\":\"1000\"}", STATUS_OK, NULL);
	WAIT_FOR(span_is(span_from(test_json(last_finding(b), "/status")), "resolved"), "its end");
}

TEST(forecast_and_budget_answer_as_promised)
{
	struct bus *b = test_bus();
	start_analytics((const char *[]){"MONTHLY_BUDGET=400", NULL});
	fill_days_until_now();
	const char *answer = ask_analytics(b, "acme", "forecast", "{}", STATUS_OK, NULL);
	CHECK_SPAN(span_from(test_json(answer, "/prediction/budget")), "400");
	CHECK_SPAN(span_from(test_json(answer, "/method")), "regression");
	double projected = atof(test_json(answer, "/prediction/projected_monthly"));
	CHECK_MSG(projected > 270 && projected < 320, "%g", projected);
	near(atof(test_json(answer, "/prediction/deviation_percent")), (projected / 400 - 1) * 100, 0.1);
	CHECK_SPAN(span_from(test_json(answer, "/prediction/trend")), "stable");
	CHECK_SPAN(span_from(test_json(answer, "/services/0/service")), "openai");
	CHECK_SPAN(span_from(test_json(answer, "/actions")), "[]");
	answer = ask_analytics(b, "acme", "budget", "{\"time_zone\":\"Asia/Tokyo\"}", STATUS_OK, NULL);
	CHECK_SPAN(span_from(test_json(answer, "/budget_nanousd")), "400000000000");
	int64_t spent = atoll(test_json(answer, "/spent_nanousd"));
	CHECK_INT(spent % 10000000000, 0);
	CHECK_INT(atoll(test_json(answer, "/remaining_nanousd")), 400000000000 - spent);
	/* A tenant's own settings come before the service's. */
	answer = ask_analytics(b, "acme", "settings", "{\"monthly_budget_usd\":\"0.5\",\"time_zone\":\"Europe/Berlin\",\"ledger_days\":30}", STATUS_OK, NULL);
	CHECK_SPAN(span_from(test_json(answer, "/monthly_budget_usd")), "0.5");
	answer = ask_analytics(b, "acme", "settings", "{\"monthly_budget_usd\":\"\"}", STATUS_OK, NULL);
	CHECK_SPAN(span_from(test_json(answer, "/time_zone")), "Europe/Berlin");
	CHECK_SPAN(span_from(test_json(answer, "/monthly_budget_usd")), "400");
	ask_analytics(b, "acme", "settings", "{\"time_zone\":\"Europe/Atlantis\"}", STATUS_INVALID, NULL);
	ask_analytics(b, "acme", "settings", "{\"monthly_budget_usd\":\"-1\"}", STATUS_INVALID, NULL);
}
