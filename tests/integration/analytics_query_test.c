/* Answers about usage are what adding up the ledger by hand gives, in any zone, by any dimension. */
#include <math.h>

#include "stats/bins.h"
#include "tests/integration/analytics_helpers.h"

/*
 * Rows of two tenants over the days from 2026-03-20 on, some every hour, some a minute apart, and their sums. Everything is
 * computed from the row's number, so that tests can say what has to come out.
 */
static void fill_ledger(struct bus *b, const char *from, const char *to, const char *step)
{
	test_sql(text_of("SELECT ai_usage_partition(d) FROM generate_series('%s'::timestamptz, '%s', '1 day') AS d", from, to));
	test_sql(text_of(
	    "INSERT INTO ai_usage_metrics SELECT t, row_number() OVER (), 999, 1, 1 + i %% 3, 100 + i %% 17, i %% 5, 0, 20 + i %% 11, 0, "
	    "120 + i %% 17 + i %% 5 + i %% 11, CASE WHEN i %% 13 = 0 THEN NULL ELSE (i * 7919) %% 1000003 END, i %% 3, i %% 2, "
	    "(i * 37) %% 4000, i %% 40, (i * 13) %% 900, i %% 13 <> 0, i %% 29 = 0, i %% 31 = 0, false, false, CASE WHEN i %% 10 = 9 THEN "
	    "'blue' ELSE 'acme' END, 'job-' || i, CASE WHEN i %% 8 = 7 THEN 'failed' ELSE 'completed' END, 'llm', 'op-' || i %% 2, "
	    "'user-' || i %% 6, '', 'openai', 'gpt-' || i %% 4, 'gpt-' || i %% 4, 'pipe-' || i %% 3, '', 'field-' || i %% 2, '', '' FROM "
	    "(SELECT t, row_number() OVER (ORDER BY t) AS i FROM generate_series('%s'::timestamptz, '%s', '%s') AS t) AS times",
	    from, to, step));
	int64_t at_ms, to_ms, week_ms = 7 * 86400000ll;
	CHECK(rfc3339_parse(span_from(text_of("%sT00:00:00Z", from)), &at_ms) && rfc3339_parse(span_from(text_of("%sT00:00:00Z", to)), &to_ms));
	for (; at_ms < to_ms; at_ms += week_ms) {
		char begin[RFC3339_BYTES], end[RFC3339_BYTES];
		const char *body = text_of("{\"from\":\"%s\",\"to\":\"%s\"}", rfc3339_format(at_ms, begin),
		                           rfc3339_format(at_ms + week_ms < to_ms ? at_ms + week_ms : to_ms, end));
		ask_analytics(b, "acme", "rebuild", body, STATUS_OK, NULL);
		ask_analytics(b, "blue", "rebuild", body, STATUS_OK, NULL);
	}
}

static struct bus *start(const char *from, const char *to, const char *step)
{
	struct bus *b = test_bus();
	start_analytics((const char *[]){"GANNET_LEDGER_DAYS=0", "GANNET_MINUTE_DAYS=0", NULL});
	fill_ledger(b, from, to, step);
	return b;
}

/* The CSV of an answer, with line ends as SQL writes them. */
static const char *csv_of(struct bus *b, const char *verb, const char *body)
{
	return test_json(ask_analytics(b, "acme", verb, body, STATUS_OK, NULL), "/csv");
}

/* ---- by hand: groups of the ledger, written as CSV by SQL */

static const char *by_hand(const char *group, const char *where)
{
	return test_sql(text_of(
	    "SELECT string_agg(line, E'\\r\\n' ORDER BY line COLLATE \"C\") FROM (SELECT concat_ws(',', %s, count(*), sum(total_tokens), "
	    "coalesce(sum(cost_nanousd), 0)) AS line FROM ai_usage_metrics WHERE tenant = 'acme' AND %s GROUP BY %s) AS l",
	    group, where, group));
}

/* The same columns out of an answer's CSV, sorted; `keys` columns come first. */
static const char *columns_of(const char *csv, size_t keys)
{
	test_sql("DROP TABLE IF EXISTS answer");
	test_sql("CREATE TABLE answer (line text)");
	struct span rest = span_from(csv);
	span_cut(&rest, '\n'); /* the header */
	scoped_buf sql = {0};
	buf_adds(&sql, "INSERT INTO answer VALUES ('')");
	while (rest.p && rest.n) {
		struct span line = span_trim(span_cut(&rest, '\n'));
		if (line.n)
			buf_printf(&sql, ",('%.*s')", SPAN_ARG(line));
	}
	test_sql(sql.data);
	/* jobs is the first measure, total_tokens the 13th, cost_nanousd the 14th: see usage_measures. */
	return test_sql(text_of("SELECT string_agg(l, E'\\r\\n' ORDER BY l COLLATE \"C\") FROM (SELECT concat_ws(',', VARIADIC "
	                        "(string_to_array(line, ','))[1:%zu] || ARRAY[(string_to_array(line, ','))[%zu], "
	                        "(string_to_array(line, ','))[%zu]]) AS l FROM answer WHERE line <> '') AS a",
	                        keys + 1, keys + 13, keys + 14));
}

static void same(struct bus *b, const char *groups, const char *zone, const char *from, const char *to, const char *filter,
                 const char *hand_group, const char *hand_where, size_t keys)
{
	const char *body = text_of("{\"group_by\":\"%s\",\"time_zone\":\"%s\",\"from\":\"%s\",\"to\":\"%s\",\"format\":\"csv\",\"limit\":5000%s}",
	                           groups, zone, from, to, filter);
	const char *got = text_of("%s", columns_of(csv_of(b, "usage", body), keys));
	const char *where = text_of("at >= '%s' AND at < '%s' AND %s", from, to, hand_where);
	const char *want = by_hand(hand_group, where);
	CHECK_MSG(strlen(want) > 3 && strcmp(got, want) == 0, "%s:\ngot  %.1500s\nwant %.1500s", body, got, want);
}

#define DAY_IN(zone) "to_char(at AT TIME ZONE '" zone "', 'YYYY-MM-DD')"

TEST(days_are_those_of_the_zone_also_when_clocks_change)
{
	struct bus *b = start("2026-03-20", "2026-04-05", "17 minutes");
	static const char from[] = "2026-03-20T11:17:00Z", to[] = "2026-04-03T05:42:00Z";
	same(b, "day", "UTC", from, to, "", DAY_IN("UTC"), "true", 1);
	same(b, "day", "Europe/Berlin", from, to, "", DAY_IN("Europe/Berlin"), "true", 1);
	same(b, "day", "Asia/Kolkata", from, to, "", DAY_IN("Asia/Kolkata"), "true", 1);
	same(b, "day", "Australia/Lord_Howe", from, to, "", DAY_IN("Australia/Lord_Howe"), "true", 1);
	same(b, "day,model", "America/New_York", from, to, "", DAY_IN("America/New_York") ", model", "true", 2);
	same(b, "month", "Pacific/Kiritimati", from, to, "", "to_char(at AT TIME ZONE 'Pacific/Kiritimati', 'YYYY-MM')", "true", 1);
	same(b, "week", "Europe/Berlin", from, to, "",
	     "to_char(date_trunc('week', at AT TIME ZONE 'Europe/Berlin'), 'YYYY-MM-DD')", "true", 1);
}

TEST(whole_months_in_the_middle_and_parts_of_them_at_the_edges_add_up)
{
	struct bus *b = start("2026-01-10", "2026-04-05", "5 hours");
	static const char from[] = "2026-01-15T11:17:00Z", to[] = "2026-04-03T05:42:00Z", whole_from[] = "2026-02-01T00:00:00Z",
	                  whole_to[] = "2026-04-01T00:00:00Z";
	same(b, "user_id", "UTC", from, to, "", "user_id", "true", 1);
	same(b, "pipeline,field_name", "Asia/Kolkata", from, to, "", "pipeline, field_name", "true", 2);
	same(b, "month", "Europe/Berlin", from, to, "", "to_char(at AT TIME ZONE 'Europe/Berlin', 'YYYY-MM')", "true", 1);
	same(b, "month,user_id", "UTC", whole_from, whole_to, "", "to_char(at, 'YYYY-MM'), user_id", "true", 2);
	/* From January 15 on: the quarter, less the days before. */
	same(b, "user_id,model", "UTC", from, to, "", "user_id, model", "true", 2);
	same(b, "user_id,model", "Asia/Kolkata", whole_from, to, "", "user_id, model", "true", 2);
}

TEST(a_day_of_clock_change_has_23_or_25_hours)
{
	struct bus *b = start("2026-03-27", "2026-03-31", "1 hour");
	static const char spring[] = "{\"group_by\":\"day\",\"time_zone\":\"Europe/Berlin\",\"from\":\"2026-03-28T23:00:00Z\",\"to\":"
	                             "\"2026-03-29T22:00:00Z\"}";
	const char *answer = ask_analytics(b, "acme", "usage", spring, STATUS_OK, NULL);
	CHECK_SPAN(span_from(test_json(answer, "/rows/0/day")), "2026-03-29");
	int64_t blue = sql_number("SELECT count(*) FROM ai_usage_metrics WHERE tenant = 'blue' AND at >= '2026-03-28T23:00Z' AND at < "
	                          "'2026-03-29T22:00Z'");
	CHECK_INT(atoll(test_json(answer, "/rows/0/jobs")) + blue, 23);
	CHECK_SPAN(span_from(test_json(answer, "/rows/1/day")), "");
	fill_ledger(b, "2026-10-24", "2026-10-27", "1 hour");
	static const char autumn[] = "{\"group_by\":\"day\",\"time_zone\":\"Europe/Berlin\",\"from\":\"2026-10-24T22:00:00Z\",\"to\":"
	                             "\"2026-10-25T23:00:00Z\"}";
	answer = ask_analytics(b, "acme", "usage", autumn, STATUS_OK, NULL);
	blue = sql_number("SELECT count(*) FROM ai_usage_metrics WHERE tenant = 'blue' AND at >= '2026-10-24T22:00Z' AND at < "
	                  "'2026-10-25T23:00Z'");
	CHECK_SPAN(span_from(test_json(answer, "/rows/0/day")), "2026-10-25");
	CHECK_INT(atoll(test_json(answer, "/rows/0/jobs")) + blue, 25);
}

TEST(groups_and_filters_of_all_dimensions_are_right)
{
	struct bus *b = start("2026-03-20", "2026-03-24", "3 minutes");
	static const char from[] = "2026-03-20T11:17:00Z", to[] = "2026-03-23T05:42:00Z";
	static const char *const dimensions[] = {"model", "provider", "user_id", "operation", "pipeline", "field_name", "status"};
	for (size_t i = 0; i < countof(dimensions); i++)
		same(b, dimensions[i], "UTC", from, to, "", dimensions[i], "true", 1);
	same(b, "model", "UTC", from, to, ",\"user_id\":\"user-3\"", "model", "user_id = 'user-3'", 1);
	same(b, "user_id", "UTC", from, to, ",\"status\":\"failed\",\"model\":\"gpt-3\"", "user_id",
	     "status = 'failed' AND model = 'gpt-3'", 1);
	same(b, "pipeline,field_name", "UTC", from, to, ",\"operation\":\"op-1\"", "pipeline, field_name", "operation = 'op-1'", 2);
	/* What no sum can tell comes from the ledger. */
	same(b, "user_id,pipeline", "Europe/Berlin", from, to, "", "user_id, pipeline", "true", 2);
	const char *both = "{\"group_by\":\"user_id,pipeline\",\"from\":\"2026-03-20T00:00:00Z\",\"to\":\"2026-03-21T00:00:00Z\"}";
	CHECK_SPAN(span_from(test_json(ask_analytics(b, "acme", "usage", both, STATUS_OK, NULL), "/source")), "ledger");
	const char *one = "{\"group_by\":\"pipeline\",\"from\":\"2026-03-20T00:00:00Z\",\"to\":\"2026-03-21T00:00:00Z\"}";
	CHECK_SPAN(span_from(test_json(ask_analytics(b, "acme", "usage", one, STATUS_OK, NULL), "/source")), "rollup");
}

TEST(hours_and_minutes_are_right_and_dropped_minutes_are_read_from_the_ledger)
{
	struct bus *b = test_bus();
	/* Sums by minute count as dropped for all that is older than a day. */
	start_analytics((const char *[]){"GANNET_LEDGER_DAYS=0", "GANNET_MINUTE_DAYS=1", NULL});
	fill_ledger(b, "2026-03-20", "2026-03-22", "7 minutes");
	test_sql("DELETE FROM ai_usage_minute_model");
	static const char from[] = "2026-03-20T11:17:00Z", to[] = "2026-03-20T15:42:00Z";
	same(b, "hour", "UTC", from, to, "", "to_char(date_trunc('hour', at), 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')", "true", 1);
	same(b, "minute", "UTC", from, to, "", "to_char(date_trunc('minute', at), 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')", "true", 1);
	same(b, "hour", "Asia/Kolkata", from, to, "",
	     "to_char(date_trunc('hour', at, 'Asia/Kolkata') AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')", "true", 1);
	const char *edges = text_of("{\"from\":\"%s\",\"to\":\"%s\"}", from, to);
	CHECK_SPAN(span_from(test_json(ask_analytics(b, "acme", "usage", edges, STATUS_OK, NULL), "/source")), "both");
}

static void near(const char *what, double got, double want)
{
	CHECK_MSG(fabs(got - want) <= 0.046 * want + 1, "%s: got %g, want %g", what, got, want);
}

static double exact_quantile(const char *column, double q, const char *where)
{
	return atof(test_sql(text_of("SELECT percentile_disc(%g) WITHIN GROUP (ORDER BY %s) FROM ai_usage_metrics WHERE tenant = 'acme' "
	                             "AND status = 'completed' AND NOT cached AND %s",
	                             q, column, where)));
}

TEST(percentiles_are_as_near_as_promised_and_rates_exact)
{
	struct bus *b = start("2026-03-20", "2026-03-24", "1 minute");
	const char *answer = ask_analytics(b, "acme", "performance",
	                                   "{\"group_by\":\"model\",\"from\":\"2026-03-20T00:00:00Z\",\"to\":\"2026-03-24T00:00:00Z\"}",
	                                   STATUS_OK, NULL);
	for (int i = 0; i < 4; i++) {
		const char *model = test_json(answer, text_of("/rows/%d/model", i)), *where = text_of("model = '%s' AND at < '2026-03-24'", model);
		near("p50", atof(test_json(answer, text_of("/rows/%d/p50_processing_ms", i))), exact_quantile("processing_ms", 0.5, where));
		near("p95", atof(test_json(answer, text_of("/rows/%d/p95_processing_ms", i))), exact_quantile("processing_ms", 0.95, where));
		near("p99", atof(test_json(answer, text_of("/rows/%d/p99_processing_ms", i))), exact_quantile("processing_ms", 0.99, where));
		near("first token", atof(test_json(answer, text_of("/rows/%d/p95_first_token_ms", i))), exact_quantile("first_token_ms", 0.95, where));
	}
	/* Of all models together, whole hours and less. */
	const char *all = ask_analytics(b, "acme", "performance", "{\"from\":\"2026-03-20T03:17:00Z\",\"to\":\"2026-03-22T23:05:00Z\"}", STATUS_OK, NULL);
	near("all models", atof(test_json(all, "/rows/0/p95_processing_ms")),
	     exact_quantile("processing_ms", 0.95, "at >= '2026-03-20T03:17Z' AND at < '2026-03-22T23:05Z'"));
	near("total", atof(test_json(answer, "/totals/p99_processing_ms")), exact_quantile("processing_ms", 0.99, "at < '2026-03-24'"));
	/* From the ledger, as accurately. */
	answer = ask_analytics(b, "acme", "performance",
	                       "{\"group_by\":\"user_id\",\"from\":\"2026-03-20T00:00:00Z\",\"to\":\"2026-03-24T00:00:00Z\"}", STATUS_OK, NULL);
	const char *user = test_json(answer, "/rows/0/user_id");
	near("of a user", atof(test_json(answer, "/rows/0/p95_processing_ms")),
	     exact_quantile("processing_ms", 0.95, text_of("user_id = '%s' AND at < '2026-03-24'", user)));
	double failed = atof(test_sql("SELECT avg((status = 'failed')::int) FROM ai_usage_metrics WHERE tenant = 'acme' AND at < '2026-03-24'"));
	CHECK(fabs(atof(test_json(answer, "/totals/error_rate")) - failed) < 1e-5);
	double retried = atof(test_sql("SELECT avg(attempt - 1) FROM ai_usage_metrics WHERE tenant = 'acme' AND at < '2026-03-24'"));
	CHECK(fabs(atof(test_json(answer, "/totals/retry_rate")) - retried) < 1e-5);
}

TEST(costs_tell_what_was_saved_and_what_has_no_price)
{
	struct bus *b = start("2026-03-20", "2026-03-22", "1 minute");
	const char *answer = ask_analytics(b, "acme", "costs", "{\"from\":\"2026-03-20T00:00:00Z\",\"to\":\"2026-03-22T00:00:00Z\"}",
	                                   STATUS_OK, NULL);
	static const char *const columns[] = {"cost_nanousd", "saved_nanousd", "prompt_saved_nanousd"};
	for (size_t i = 0; i < countof(columns); i++)
		CHECK_SPAN(span_from(test_json(answer, text_of("/totals/%s", columns[i]))),
		           test_sql(text_of("SELECT sum(%s) FROM ai_usage_metrics WHERE tenant = 'acme' AND at < '2026-03-22'", columns[i])));
	CHECK_SPAN(span_from(test_json(answer, "/totals/unpriced")),
	           test_sql("SELECT count(*) FROM ai_usage_metrics WHERE tenant = 'acme' AND NOT priced AND at < '2026-03-22'"));
}

TEST(what_looks_like_a_formula_is_text_in_csv)
{
	struct bus *b = start("2026-03-20", "2026-03-21", "1 hour");
	test_sql("INSERT INTO ai_usage_hour_user SELECT bucket, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, tenant, "
	         "status, provider, model, operation, pipeline, field_name, '=HYPERLINK(\"x\"),a' FROM ai_usage_hour_user WHERE tenant = "
	         "'acme' LIMIT 1");
	const char *csv = csv_of(b, "usage",
	                         "{\"group_by\":\"user_id\",\"from\":\"2026-03-20T00:00:00Z\",\"to\":\"2026-03-20T10:00:00Z\",\"format\":\"csv\"}");
	CHECK_HAS(csv, "user_id,jobs,completed,");
	CHECK_HAS(csv, "\r\n\"'=HYPERLINK(\"\"x\"\"),a\",1,");
}

TEST(more_groups_than_the_limit_are_said_to_be_cut)
{
	struct bus *b = start("2026-03-20", "2026-03-21", "1 minute");
	const char *answer = ask_analytics(
	    b, "acme", "usage", "{\"group_by\":\"user_id\",\"limit\":3,\"from\":\"2026-03-20T00:00:00Z\",\"to\":\"2026-03-21T00:00:00Z\"}",
	    STATUS_OK, NULL);
	CHECK_SPAN(span_from(test_json(answer, "/truncated")), "true");
	CHECK(*test_json(answer, "/rows/2/user_id") && !*test_json(answer, "/rows/3/user_id"));
	CHECK_SPAN(span_from(test_json(answer, "/totals/jobs")),
	           test_sql("SELECT count(*) FROM ai_usage_metrics WHERE tenant = 'acme' AND at < '2026-03-21'"));
}

TEST(bad_questions_name_the_member_at_fault)
{
	static const struct {
		const char *body, *field;
	} bad[] = {{"{\"group_by\":\"colour\"}", "group_by"},
	           {"{\"group_by\":\"day,hour\"}", "group_by"},
	           {"{\"time_zone\":\"Mars/Olympus\"}", "time_zone"},
	           {"{\"time_zone\":\"a b\"}", "time_zone"},
	           {"{\"from\":\"2026-03-20T00:00:00Z\",\"to\":\"2026-03-20T00:00:00Z\"}", "from"},
	           {"{\"group_by\":\"minute\",\"from\":\"2026-01-01T00:00:00Z\",\"to\":\"2026-03-20T00:00:00Z\"}", "from"},
	           {"{\"limit\":0}", "limit"},
	           {"{\"modell\":\"x\"}", "modell"}};
	start_analytics(NULL);
	for (size_t i = 0; i < countof(bad); i++) {
		struct err err = {0};
		ask_analytics(test_bus(), "acme", "usage", bad[i].body, STATUS_INVALID, &err);
		CHECK_HAS(err.msg, bad[i].field);
	}
	ask_analytics(test_bus(), "acme", "usage", "{}", STATUS_OK, NULL);
	ask_analytics(test_bus(), "acme", "rebuild", "{\"from\":\"2026-11-01T00:00:00Z\",\"to\":\"2026-12-03T00:00:00Z\"}", STATUS_INVALID, NULL);
	ask_analytics(test_bus(), "acme", "rebuild", "{\"from\":\"2026-11-01T00:00:01Z\",\"to\":\"2026-11-02T00:00:00Z\"}", STATUS_INVALID, NULL);
}

TEST(bins_of_the_database_are_those_of_the_library)
{
	size_t n;
	const int64_t *edges = bins_edges(&n);
	start_analytics(NULL);
	for (size_t i = 0; i < n; i++)
		for (int64_t v = edges[i] - 1; v <= edges[i]; v++)
			CHECK_INT(sql_number(text_of("SELECT ai_usage_bin(%lld)", (long long)v)), bins_of(v));
	CHECK_INT(sql_number("SELECT ai_usage_bin(9223372036854775807)"), bins_of(INT64_MAX));
}
