/* Money in the ledger: exact for every price there is, saved money too, and compared with what providers say. */
#include "llm/llm.h"
#include "tests/integration/analytics_helpers.h"

static const char *read_file(const char *path)
{
	static struct buf text;
	FILE *f = fopen(path, "re");
	CHECK(f != NULL);
	char *at;
	size_t n;
	buf_reset(&text);
	while ((at = buf_reserve(&text, 65536)) && (n = fread(at, 1, 65536, f)) > 0)
		buf_commit(&text, n);
	fclose(f);
	return text.data;
}

/* A completed event of this usage, priced by the library as the runner does it. */
static bool publish_priced(struct bus *b, const struct price_table *prices, struct span provider, struct span model,
                           struct usage usage, int64_t at_ms, bool cached, const char *id)
{
	struct span price_id = {0};
	int64_t nanousd = 0;
	usage_sum(&usage);
	if (!price_cost(prices, provider, model, &usage, at_ms, &nanousd, &price_id))
		return false;
	struct llm_result result = {.model = model,
	                            .provider = provider,
	                            .raw_response = SPAN("x"),
	                            .usage = &usage,
	                            .cost_nanousd = {true, cached ? 0 : nanousd},
	                            .price_id = price_id,
	                            .response_length = 1};
	if (cached)
		result.cached = (struct opt_bool){true, true};
	struct job_event e = event_of("acme", id, JOB_EVENT_COMPLETED);
	e.result = &result;
	tell(b, &e);
	return true;
}

/* Dollars per million tokens times tokens, in PostgreSQL's decimal arithmetic, by the row and tier that apply. */
#define ORACLE_SQL                                                                                                     \
	"WITH file AS (SELECT $prices$%s$prices$::jsonb AS doc), rows AS (SELECT p->>'model' || '@' || (p->>'from') AS id, p FROM file, "   \
	"jsonb_array_elements(doc->'prices') AS p WHERE p->>'model' <> '*'), used AS (SELECT m.*, p, (SELECT t FROM "        \
	"jsonb_array_elements(coalesce(p->'tiers', '[]')) AS t WHERE (t->>'above_input_tokens')::bigint < input_tokens + "   \
	"cache_read_tokens + cache_write_tokens ORDER BY (t->>'above_input_tokens')::bigint DESC LIMIT 1) AS tier FROM "     \
	"ai_usage_metrics AS m JOIN rows ON m.price_id = rows.id), priced AS (SELECT cost_nanousd, round(1000 * "            \
	"(input_tokens * coalesce((tier->>'input')::numeric, (p->>'input')::numeric, 0) + cache_read_tokens * "              \
	"coalesce((tier->>'cache_read')::numeric, (p->>'cache_read')::numeric, 0) + cache_write_tokens * "                   \
	"coalesce((tier->>'cache_write')::numeric, (p->>'cache_write')::numeric, 0) + output_tokens * "                      \
	"coalesce((tier->>'output')::numeric, (p->>'output')::numeric, 0))) AS want FROM used) "

TEST(costs_are_exact_for_every_row_of_the_price_table)
{
	struct bus *b = test_bus();
	struct price_table *prices;
	struct err err = {0};
	struct json doc, list, key, row;
	scoped_arena a = {0};
	int64_t n = 0;
	start_analytics(NULL);
	CHECK_OK(price_table_load(&prices, &err), err);
	const char *file = text_of("%s", read_file("libs/llm/prices.json"));
	CHECK_OK(json_parse(span_from(file), &doc, &err), err);
	CHECK(json_member(doc, SPAN("prices"), &list));
	for (struct json_iter it = json_iter(list); json_next(&it, &key, &row);) {
		struct json provider, model, from;
		int64_t from_ms;
		json_member(row, SPAN("provider"), &provider);
		json_member(row, SPAN("model"), &model);
		json_member(row, SPAN("from"), &from);
		CHECK(rfc3339_parse(arena_printf(&a, "%.*sT12:00:00Z", SPAN_ARG(json_text(from, &a))), &from_ms));
		if (json_text_is(model, SPAN("*")))
			continue;
		/* Odd numbers, for halves of nano-dollars, and both sides of the tiers there are (200,000 and 272,000). */
		static const int64_t inputs[] = {1, 7, 999, 200000, 200001, 272000, 272001, 1000003};
		for (size_t i = 0; i < countof(inputs); i++)
			for (int kind = 0; kind < 3; kind++) {
				struct usage u = {.input_tokens = inputs[i]};
				if (kind == 1)
					u.output_tokens = 13 + inputs[i] % 7;
				if (kind == 2)
					u = (struct usage){.input_tokens = inputs[i] / 2, .cache_read_tokens = inputs[i] - inputs[i] / 2};
				n += publish_priced(b, prices, json_text(provider, &a), json_text(model, &a), u, from_ms, false,
				                    text_of("p-%lld", (long long)n));
			}
	}
	CHECK(n > 300);
	WAIT_FOR(sql_number(LEDGER_COUNT) >= n, "all rows");
	CHECK_INT(sql_number(text_of(ORACLE_SQL "SELECT count(*) FROM priced", file)), n);
	CHECK_SPAN(span_from(test_sql(text_of(ORACLE_SQL "SELECT count(*) FROM priced WHERE cost_nanousd <> want", file))), "0");
	CHECK_INT(sql_number(text_of(ORACLE_SQL "SELECT sum(want) FROM priced", file)), sql_number(LEDGER_COST));
	price_table_free(prices);
}

TEST(money_that_caches_saved_is_in_the_ledger)
{
	struct bus *b = test_bus();
	struct price_table *prices;
	struct err err = {0};
	start_analytics(NULL);
	CHECK_OK(price_table_load(&prices, &err), err);
	int64_t now_ms = clock_wall_ms(&clock_system);
	/* gpt-4o: 2.50 in, 1.25 cached, 10 out. */
	const struct usage plain = {.input_tokens = 1000, .output_tokens = 100};
	const struct usage prompt_cached = {.input_tokens = 200, .cache_read_tokens = 800, .output_tokens = 100};
	CHECK(publish_priced(b, prices, SPAN("openai"), SPAN("gpt-4o"), plain, now_ms, true, "hit"));
	CHECK(publish_priced(b, prices, SPAN("openai"), SPAN("gpt-4o"), prompt_cached, now_ms, false, "prompt"));
	WAIT_FOR(sql_number(LEDGER_COUNT) >= 2, "both rows");
	CHECK_INT(sql_number("SELECT saved_nanousd FROM ai_usage_metrics WHERE job_id = 'hit'"), 3500000);
	CHECK_INT(sql_number("SELECT cost_nanousd FROM ai_usage_metrics WHERE job_id = 'hit'"), 0);
	CHECK_INT(sql_number("SELECT prompt_saved_nanousd FROM ai_usage_metrics WHERE job_id = 'prompt'"), 1000000);
	CHECK_INT(sql_number("SELECT saved_nanousd FROM ai_usage_metrics WHERE job_id = 'prompt'"), 0);
	price_table_free(prices);
}

/* ---- reconciliation */

static void fill_day(const char *day, const char *provider, const char *model, int64_t nanousd, int64_t tokens)
{
	test_sql(text_of("INSERT INTO ai_usage_day_model SELECT '%sZ'::timestamptz, 10, 0, 0, 0, 0, %lld, 0, 0, 0, 0, %lld, %lld, 0, 0, 0, 0, 0, "
	                 "0, 0, 0, 0, 0, 'acme', 'completed', '%s', '%s', '', '', '', ''",
	                 day, (long long)tokens, (long long)tokens, (long long)nanousd, provider, model));
}

TEST(an_openai_cost_export_is_compared_by_day_and_model)
{
	struct bus *b = test_bus();
	start_analytics(NULL);
	fill_day("2026-11-01", "openai", "gpt-4o-mini", 60000000, 1);
	fill_day("2026-11-01", "openai", "gpt-4o-2024-08-06", 5000000, 1);
	fill_day("2026-11-02", "openai", "gpt-4o", 7000000, 1);
	const char *answer = ask_analytics(
	    b, "acme", "reconcile",
	    "{\"export\":{\"object\":\"page\",\"data\":[{\"object\":\"bucket\",\"start_time\":1793491200,\"end_time\":1793577600,\"results\":["
	    "{\"object\":\"organization.costs.result\",\"amount\":{\"value\":0.05,\"currency\":\"usd\"},\"line_item\":\"gpt-4o-mini-2024-07-18, "
	    "input\"},{\"amount\":{\"value\":0.0125,\"currency\":\"usd\"},\"line_item\":\"gpt-4o-mini-2024-07-18, output\"},{\"amount\":{\"value\":"
	    "5e-3,\"currency\":\"usd\"},\"line_item\":\"gpt-4o-2024-08-06, input\"}]},{\"object\":\"bucket\",\"start_time\":1793577600,"
	    "\"results\":[]},{\"start_time\":1793664000,\"results\":[{\"amount\":{\"value\":1,\"currency\":\"usd\"},\"line_item\":\"gpt-5\"}]}]}}",
	    STATUS_OK, NULL);
	CHECK_SPAN(span_from(test_json(answer, "/provider")), "openai");
	CHECK_SPAN(span_from(test_json(answer, "/kind")), "costs");
	CHECK_SPAN(span_from(test_json(answer, "/rows/0/model")), "gpt-4o");
	CHECK_SPAN(span_from(test_json(answer, "/rows/0/difference_nanousd")), "0");
	CHECK_SPAN(span_from(test_json(answer, "/rows/1/model")), "gpt-4o-mini");
	CHECK_SPAN(span_from(test_json(answer, "/rows/1/provider_nanousd")), "62500000");
	CHECK_SPAN(span_from(test_json(answer, "/rows/1/ledger_nanousd")), "60000000");
	CHECK_SPAN(span_from(test_json(answer, "/rows/1/difference_nanousd")), "2500000");
	CHECK_SPAN(span_from(test_json(answer, "/rows/2/day")), "2026-11-02");
	CHECK_SPAN(span_from(test_json(answer, "/rows/2/difference_nanousd")), "-7000000");
	CHECK_SPAN(span_from(test_json(answer, "/rows/3/model")), "gpt-5");
	CHECK_SPAN(span_from(test_json(answer, "/rows/3/ledger_nanousd")), "0");
	CHECK_SPAN(span_from(test_json(answer, "/totals/difference_nanousd")), "995500000");
}

TEST(an_anthropic_export_of_costs_and_of_usage_is_understood)
{
	struct bus *b = test_bus();
	start_analytics(NULL);
	fill_day("2026-11-01", "anthropic", "claude-sonnet-4-5-20250929", 1237891200, 2250);
	const char *answer = ask_analytics(
	    b, "acme", "reconcile",
	    "{\"export\":{\"data\":[{\"starting_at\":\"2026-11-01T00:00:00Z\",\"ending_at\":\"2026-11-02T00:00:00Z\",\"results\":[{\"currency\":"
	    "\"USD\",\"amount\":\"123.78912\",\"model\":\"claude-sonnet-4-5-20250929\",\"cost_type\":\"tokens\"}]}],\"has_more\":false}}",
	    STATUS_OK, NULL);
	CHECK_SPAN(span_from(test_json(answer, "/rows/0/provider_nanousd")), "1237891200");
	CHECK_SPAN(span_from(test_json(answer, "/rows/0/difference_nanousd")), "0");
	answer = ask_analytics(
	    b, "acme", "reconcile",
	    "{\"provider\":\"anthropic\",\"export\":{\"data\":[{\"starting_at\":\"2026-11-01T00:00:00Z\",\"results\":[{\"uncached_input_tokens\":"
	    "1500,\"cache_creation\":{\"ephemeral_1h_input_tokens\":30,\"ephemeral_5m_input_tokens\":20},\"cache_read_input_tokens\":200,"
	    "\"output_tokens\":500,\"model\":\"claude-sonnet-4-5\"}]}]}}",
	    STATUS_OK, NULL);
	CHECK_SPAN(span_from(test_json(answer, "/kind")), "usage");
	CHECK_SPAN(span_from(test_json(answer, "/rows/0/provider_tokens")), "2250");
	CHECK_SPAN(span_from(test_json(answer, "/rows/0/difference_tokens")), "0");
	static const char *const bad[] = {
	    "{\"export\":{}}", "{\"export\":{\"data\":[{\"results\":[{\"colour\":1}]}]}}",
	    "{\"export\":{\"data\":[{\"start_time\":1,\"results\":[{\"amount\":{\"value\":\"x\",\"currency\":\"usd\"}}]}]}}",
	    ("{\"provider\":\"openai\",\"export\":{\"data\":[{\"starting_at\":\"2026-11-01T00:00:00Z\",\"results\":[{\"currency\":\"USD\","
	     "\"amount\":\"1\"}]}]}}")};
	for (size_t i = 0; i < countof(bad); i++) {
		struct err err = {0};
		ask_analytics(b, "acme", "reconcile", bad[i], STATUS_INVALID, &err);
		CHECK_HAS(err.msg, "export");
	}
}

/* ---- feedback, and what goes */

TEST(feedback_by_template_and_model_is_asked_of_the_jobs_service)
{
	struct bus *b = test_bus();
	start_jobs(NULL);
	start_analytics(NULL);
	for (int i = 0; i < 6; i++) {
		const char *id = text_of("rated-%d", i);
		test_submit(b, "acme", "llm", "default", id, LLM_MEMBERS);
		tell_state(b, "acme", id, JOB_EVENT_COMPLETED);
		WAIT_FOR(strcmp(test_sql(text_of("SELECT count(*) FROM ai_jobs WHERE job_id = '%s' AND status = 'completed' AND prompt_template IS "
		                                 "NOT NULL",
		                                 id)),
		                "1") == 0,
		         "the record");
		if (i < 5)
			ask(b, "acme", "feedback", text_of("{\"job_id\":\"%s\",\"feedback\":\"%s\"}", id, i ? "thumbs_up" : "thumbs_down"));
	}
	const char *answer = ask_analytics(b, "acme", "feedback", "{\"model\":\"gpt-4o-2024-08-06\"}", STATUS_OK, NULL);
	CHECK_SPAN(span_from(test_json(answer, "/rows/0/template_name")), "Say hello to {{name}}.");
	CHECK_SPAN(span_from(test_json(answer, "/rows/0/outputs")), "6");
	CHECK_SPAN(span_from(test_json(answer, "/rows/0/thumbs_up")), "4");
	CHECK_SPAN(span_from(test_json(answer, "/rows/0/thumbs_down")), "1");
	CHECK_SPAN(span_from(test_json(answer, "/rows/0/approval")), "0.8000");
	CHECK_SPAN(span_from(test_json(answer, "/rows/0/quality")), "0.3755"); /* Wilson's lower end for 4 of 5 */
	CHECK_SPAN(span_from(test_json(ask_analytics(b, "blue", "feedback", "{}", STATUS_OK, NULL), "/rows")), "[]");
	ask_analytics(b, "acme", "feedback", "{\"limit\":-1}", STATUS_INVALID, NULL);
}
