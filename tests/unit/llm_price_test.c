/* Money: every price against arithmetic of its own, days, tiers, rounding, names, and files that are refused. */
#include <stdio.h>
#include <stdlib.h>

#include "core/clock.h"
#include "json/schema.h"
#include "llm/llm.h"
#include "tests/lib/test.h"

static int64_t day_ms(const char *day)
{
	char text[40];
	int64_t ms;
	snprintf(text, sizeof text, "%sT00:00:00Z", day);
	CHECK(rfc3339_parse(span_from(text), &ms));
	return ms;
}

static struct price_table *table(void)
{
	struct price_table *t = NULL;
	struct err err;
	CHECK_OK(price_table_load(&t, &err), err);
	return t;
}

/* What the providers publish, in millionths of a dollar per million tokens, that is in pico-dollars per token. */
static const struct published {
	const char *provider, *model, *day;
	int64_t above, input, cache_read, cache_write, output;
} published[] = {
    {"openai", "gpt-4o", "2026-08-01", -1, 2500000, 1250000, -1, 10000000},
    {"openai", "gpt-4o-mini", "2026-08-01", -1, 150000, 75000, -1, 600000},
    {"openai", "gpt-4.1", "2026-08-01", -1, 2000000, 500000, -1, 8000000},
    {"openai", "gpt-5", "2026-08-01", -1, 1250000, 125000, -1, 10000000},
    {"openai", "gpt-5-mini", "2026-08-01", -1, 250000, 25000, -1, 2000000},
    {"openai", "gpt-5-nano", "2026-08-01", -1, 50000, 5000, -1, 400000},
    {"openai", "gpt-5.4", "2026-08-01", -1, 2500000, 250000, -1, 15000000},
    {"openai", "gpt-5.4", "2026-08-01", 272000, 5000000, 500000, -1, 22500000},
    {"openai", "gpt-5.4-mini", "2026-08-01", -1, 750000, 75000, -1, 4500000},
    {"openai", "gpt-5.5", "2026-08-01", -1, 5000000, 500000, -1, 30000000},
    {"openai", "text-embedding-3-small", "2026-08-01", -1, 20000, -1, -1, -1},
    {"openai", "text-embedding-3-large", "2026-08-01", -1, 130000, -1, -1, -1},
    {"anthropic", "claude-haiku-4-5", "2026-08-01", -1, 1000000, 100000, 1250000, 5000000},
    {"anthropic", "claude-sonnet-4-5", "2026-08-01", -1, 3000000, 300000, 3750000, 15000000},
    {"anthropic", "claude-sonnet-4-5", "2026-08-01", 200000, 6000000, 600000, 7500000, 22500000},
    {"anthropic", "claude-sonnet-5", "2026-08-31", -1, 2000000, 200000, 2500000, 10000000},
    {"anthropic", "claude-sonnet-5", "2026-09-01", -1, 3000000, 300000, 3750000, 15000000},
    {"anthropic", "claude-opus-5", "2026-08-01", -1, 5000000, 500000, 6250000, 25000000},
    {"anthropic", "claude-opus-4-1", "2026-08-01", -1, 15000000, 1500000, 18750000, 75000000},
    {"simulated", "simulated", "2026-08-01", -1, 0, -1, -1, 0},
};

/* Round half up by long division, digit by digit, so as to share nothing with the code under test. */
static int64_t oracle_nanousd(const struct published *p, const struct usage *u)
{
	__int128 pico = 0;
	const int64_t tokens[] = {u->input_tokens, u->cache_read_tokens, u->cache_write_tokens, u->output_tokens};
	const int64_t prices[] = {p->input, p->cache_read, p->cache_write, p->output};
	for (size_t i = 0; i < 4; i++)
		for (int64_t bit = 0; bit < 40; bit++)
			if (tokens[i] >> bit & 1)
				pico += (__int128)prices[i] << bit;
	int64_t whole = (int64_t)(pico / 1000), rest = (int64_t)(pico % 1000);
	return whole + (rest * 2 >= 1000);
}

static uint64_t next_random(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return *state >> 33;
}

TEST(every_published_price_is_charged_exactly)
{
	struct price_table *t = table();
	uint64_t random = 1;
	for (size_t i = 0; i < countof(published); i++) {
		const struct published *p = &published[i];
		for (int round = 0; round < 2000; round++) {
			int64_t most = round < 100 ? 3 : p->above > 0 ? 40000 : 60000;
			struct usage u = {.input_tokens =
			                      (int64_t)(next_random(&random) % (uint64_t)most) + (p->above > 0 ? p->above + 1 : 0)};
			u.cache_read_tokens = p->cache_read < 0 ? 0 : (int64_t)(next_random(&random) % (uint64_t)most);
			u.cache_write_tokens = p->cache_write < 0 ? 0 : (int64_t)(next_random(&random) % (uint64_t)most);
			u.output_tokens = p->output < 0 ? 0 : (int64_t)(next_random(&random) % 1000000);
			int64_t got = -1;
			struct span id;
			CHECK(price_cost(t, span_from(p->provider), span_from(p->model), &u, day_ms(p->day), &got, &id));
			CHECK_INT(got, oracle_nanousd(p, &u));
		}
	}
	price_table_free(t);
}

extern const char prices_json[];
extern const size_t prices_json_len;

/* Counts rows and tiers in the file, so that a price without an entry in the list above fails. */
TEST(no_price_in_the_table_is_left_unchecked)
{
	struct json v, key, row, tiers;
	struct err err;
	CHECK_OK(json_parse(span_of(prices_json, prices_json_len), &v, &err), err);
	CHECK(json_pointer(v, "/prices", &v));
	size_t n = 0;
	for (struct json_iter it = json_iter(v); json_next(&it, &key, &row); n++)
		if (json_pointer(row, "/tiers", &tiers))
			n += json_count(tiers);
	CHECK_INT(n, countof(published));
}

TEST(the_table_agrees_with_its_schema)
{
	FILE *f = fopen("proto/prices.json", "re");
	CHECK(f);
	char text[16384];
	size_t n = fread(text, 1, sizeof text, f);
	CHECK(feof(f) && fclose(f) == 0);
	struct json_schema *schema = NULL;
	struct json v;
	struct err err;
	CHECK_OK(json_schema_new(span_of(text, n), &schema, &err), err);
	CHECK_OK(json_parse(span_of(prices_json, prices_json_len), &v, &err), err);
	CHECK_OK(json_schema_check(schema, v, &err), err);
	CHECK_OK(json_parse(SPAN("{\"currency\":\"USD\",\"unit\":\"per million tokens\",\"prices\":[{\"provider\":\"p\","
	                         "\"model\":\"m\",\"from\":\"2026-01-01\",\"input\":2.5}]}"),
	                    &v, &err),
	         err);
	CHECK_STATUS(json_schema_check(schema, v, &err), STATUS_INVALID);
	json_schema_free(schema);
}

static bool cost(const struct price_table *t, const char *provider, const char *model, struct usage u, const char *day,
                 int64_t *ret, struct span *id)
{
	return price_cost(t, span_from(provider), span_from(model), &u, day_ms(day), ret, id);
}

static void check_id(const struct price_table *t, const char *provider, const char *model, const char *day,
                     const char *want)
{
	int64_t nanousd;
	struct span id = {0};
	bool priced = cost(t, provider, model, (struct usage){.input_tokens = 1}, day, &nanousd, &id);
	CHECK_MSG(priced == !!want, "%s on %s", model, day);
	if (want)
		CHECK_SPAN(id, want);
}

TEST(a_model_is_found_by_its_name_and_by_its_releases)
{
	struct price_table *t = table();
	check_id(t, "openai", "gpt-4o", "2026-01-01", "gpt-4o@2024-10-01");
	check_id(t, "openai", "gpt-4o-2024-08-06", "2026-01-01", "gpt-4o@2024-10-01");
	check_id(t, "openai", "gpt-4o-mini-2024-07-18", "2026-01-01", "gpt-4o-mini@2024-10-01");
	check_id(t, "openai", "gpt-4o-latest", "2026-01-01", "gpt-4o@2024-10-01");
	check_id(t, "openai", "gpt-4o-0806", "2026-01-01", "gpt-4o@2024-10-01");
	check_id(t, "openai", "gpt-4o-001", "2026-01-01", "gpt-4o@2024-10-01");
	check_id(t, "openai", "gpt-4o-v2", "2026-01-01", "gpt-4o@2024-10-01");
	check_id(t, "anthropic", "claude-sonnet-4-5-20250929", "2026-01-01", "claude-sonnet-4-5@2025-09-29");
	check_id(t, "simulated", "simulated-anything", "2026-01-01", "simulated@2020-01-01");
	price_table_free(t);
}

TEST(a_model_without_a_price_has_none)
{
	struct price_table *t = table();
	static const char *const others[] = {"gpt-4o-audio-preview",
	                                     "gpt-4",
	                                     "gpt-4o-",
	                                     "gpt-4o-2024-08",
	                                     "gpt-4o-minimal",
	                                     "gpt-4.10",
	                                     "gpt-5-pro",
	                                     "gpt-5-2",
	                                     "claude-opus-5",
	                                     "",
	                                     "-",
	                                     "gpt-4o-v",
	                                     "*",
	                                     "gpt-5.4-mini-x"};
	for (size_t i = 0; i < countof(others); i++)
		check_id(t, "openai", others[i], "2026-06-01", NULL);
	check_id(t, "ollama", "llama3", "2026-06-01", NULL);
	check_id(t, "anthropic", "claude-opus-5-5", "2026-06-01", NULL);
	check_id(t, "openai", "gpt-4o", "2024-09-30", NULL);
	char longest[1000];
	memset(longest, 'x', sizeof longest - 1);
	longest[sizeof longest - 1] = 0;
	check_id(t, "openai", longest, "2026-06-01", NULL);
	price_table_free(t);
}

TEST(the_price_of_the_day_counts)
{
	struct price_table *t = table();
	check_id(t, "anthropic", "claude-sonnet-5", "2026-08-31", "claude-sonnet-5@2026-01-01");
	check_id(t, "anthropic", "claude-sonnet-5", "2026-09-01", "claude-sonnet-5@2026-09-01");
	int64_t nanousd;
	struct span id;
	struct usage u = {.input_tokens = 1000};
	CHECK(price_cost(t, SPAN("anthropic"), SPAN("claude-sonnet-5"), &u, day_ms("2026-09-01") - 1, &nanousd, &id));
	CHECK_INT(nanousd, 2000000);
	CHECK(price_cost(t, SPAN("anthropic"), SPAN("claude-sonnet-5"), &u, day_ms("2026-09-01"), &nanousd, &id));
	CHECK_INT(nanousd, 3000000);
	price_table_free(t);
}

TEST(crossing_a_tier_reprices_all_tokens)
{
	struct price_table *t = table();
	int64_t nanousd;
	struct span id;
	struct usage at = {.input_tokens = 200000, .cache_read_tokens = 72000, .output_tokens = 1000};
	CHECK(cost(t, "openai", "gpt-5.4", at, "2026-06-01", &nanousd, &id));
	CHECK_INT(nanousd, 200000 * INT64_C(2500) + 72000 * INT64_C(250) + 1000 * INT64_C(15000));
	at.cache_read_tokens++;
	CHECK(cost(t, "openai", "gpt-5.4", at, "2026-06-01", &nanousd, &id));
	CHECK_INT(nanousd, 200000 * INT64_C(5000) + 72001 * INT64_C(500) + 1000 * INT64_C(22500));
	price_table_free(t);
}

TEST(fractions_are_rounded_half_up_once)
{
	struct price_table *t = table();
	static const struct {
		int64_t input, cached, want;
	} rows[] = {{1, 0, 50}, {0, 1, 5}, {0, 0, 0}};
	for (size_t i = 0; i < countof(rows); i++) {
		int64_t nanousd;
		struct span id;
		struct usage u = {.input_tokens = rows[i].input, .cache_read_tokens = rows[i].cached};
		CHECK(cost(t, "openai", "gpt-5-nano", u, "2026-06-01", &nanousd, &id));
		CHECK_INT(nanousd, rows[i].want);
	}
	price_table_free(t);
}

static void use_file(const char *text)
{
	char path[512];
	snprintf(path, sizeof path, "%s/prices.json", test_dir());
	FILE *f = fopen(path, "w");
	CHECK(f && fputs(text, f) >= 0 && fclose(f) == 0);
	setenv("GANNET_PRICES", path, 1);
}

#define FILE_OF(rows) "{\"currency\":\"USD\",\"unit\":\"per million tokens\",\"prices\":[" rows "]}"
#define ROW(rest) "{\"provider\":\"p\",\"model\":\"m\",\"from\":\"2026-01-01\"," rest "}"

TEST(a_file_replaces_the_table)
{
	use_file(FILE_OF(ROW("\"input\":\"0.0005\",\"output\":\"0.0004\"")));
	struct price_table *t = table();
	int64_t nanousd;
	struct span id;
	CHECK(cost(t, "p", "m", (struct usage){.input_tokens = 1}, "2026-01-01", &nanousd, &id));
	CHECK_INT(nanousd, 1); /* 500 pico-dollars */
	CHECK(cost(t, "p", "m", (struct usage){.output_tokens = 1}, "2026-01-01", &nanousd, &id));
	CHECK_INT(nanousd, 0); /* 400 */
	CHECK(cost(t, "p", "m", (struct usage){.input_tokens = 1, .output_tokens = 1}, "2026-01-01", &nanousd, &id));
	CHECK_INT(nanousd, 1); /* 900 */
	CHECK(!cost(t, "p", "m", (struct usage){.cache_read_tokens = 1}, "2026-01-01", &nanousd, &id));
	CHECK(!cost(t, "p", "m", (struct usage){.input_tokens = -1}, "2026-01-01", &nanousd, &id));
	CHECK(!cost(t, "openai", "gpt-4o", (struct usage){.input_tokens = 1}, "2026-01-01", &nanousd, &id));
	price_table_free(t);
}

TEST(rows_may_come_in_any_order)
{
	use_file(FILE_OF(
	    "{\"provider\":\"p\",\"model\":\"m\",\"from\":\"2026-02-01\",\"input\":\"2\"},"
	    "{\"provider\":\"p\",\"model\":\"m\",\"from\":\"2026-03-01\",\"input\":\"3\"},"
	    "{\"provider\":\"p\",\"model\":\"*\",\"from\":\"2026-01-01\",\"input\":\"9\"}," ROW("\"input\":\"1\"")));
	struct price_table *t = table();
	check_id(t, "p", "m", "2026-01-31", "m@2026-01-01");
	check_id(t, "p", "m", "2026-02-28", "m@2026-02-01");
	check_id(t, "p", "m", "2027-01-01", "m@2026-03-01");
	check_id(t, "p", "other", "2027-01-01", "p@2026-01-01");
	price_table_free(t);
}

TEST(the_largest_counts_do_not_overflow)
{
	use_file(FILE_OF(ROW("\"input\":\"999999.999999\",\"output\":\"999999.999999\"")));
	struct price_table *t = table();
	int64_t nanousd;
	struct span id;
	CHECK(cost(t, "p", "m", (struct usage){.input_tokens = 1000000000, .output_tokens = 1000000000}, "2026-01-01",
	           &nanousd, &id));
	CHECK_INT(nanousd, INT64_C(1999999999998000000));
	CHECK(!cost(t, "p", "m", (struct usage){.input_tokens = INT64_MAX, .output_tokens = INT64_MAX}, "2026-01-01",
	            &nanousd, &id));
	price_table_free(t);
}

TEST(broken_price_files_are_refused)
{
	static const struct {
		const char *text, *part;
	} rows[] = {
	    {"", "prices.json"},
	    {"[]", "object"},
	    {"{\"currency\":\"EUR\",\"unit\":\"per million tokens\",\"prices\":[]}", "USD per million tokens"},
	    {"{\"currency\":\"USD\",\"unit\":\"per token\",\"prices\":[]}", "USD per million tokens"},
	    {FILE_OF("{}"), "prices[0].provider"},
	    {FILE_OF(ROW("\"input\":2.5")), "input"},
	    {FILE_OF(ROW("\"input\":\"-1\"")), "input"},
	    {FILE_OF(ROW("\"input\":\"1e3\"")), "input"},
	    {FILE_OF(ROW("\"input\":\"1.\"")), "input"},
	    {FILE_OF(ROW("\"input\":\".5\"")), "input"},
	    {FILE_OF(ROW("\"input\":\"0.0000001\"")), "input"},
	    {FILE_OF(ROW("\"input\":\"1000000\"")), "input"},
	    {FILE_OF(ROW("\"imput\":\"1\"")), "imput"},
	    {FILE_OF(ROW("\"input\":\"1\"") "," ROW("\"input\":\"2\"")), "same day"},
	    {FILE_OF("{\"provider\":\"p\",\"model\":\"m\",\"from\":\"2026-02-30\"}"), "from"},
	    {FILE_OF("{\"provider\":\"p\",\"model\":\"m\",\"from\":\"soon\"}"), "from"},
	    {FILE_OF(ROW("\"tiers\":[{\"above_input_tokens\":5},{\"above_input_tokens\":5}]")), "ascending"},
	    {FILE_OF(ROW("\"tiers\":[{}]")), "above_input_tokens"},
	};
	for (size_t i = 0; i < countof(rows); i++) {
		struct price_table *t = NULL;
		struct err err = {0};
		use_file(rows[i].text);
		CHECK_MSG(price_table_load(&t, &err) == STATUS_INVALID, "taken: %s", rows[i].text);
		CHECK(!t);
		CHECK_SPAN(span_from(err.field), "GANNET_PRICES");
		CHECK_HAS(err.msg, rows[i].part);
	}
	setenv("GANNET_PRICES", "/nonexistent/prices.json", 1);
	struct price_table *t = NULL;
	struct err err = {0};
	CHECK_STATUS(price_table_load(&t, &err), STATUS_INVALID);
	CHECK_HAS(err.msg, "/nonexistent/prices.json");
}

TEST(usage_is_summed_and_estimated)
{
	struct usage u = {.input_tokens = 1,
	                  .cache_read_tokens = 20,
	                  .cache_write_tokens = 300,
	                  .output_tokens = 4000,
	                  .reasoning_tokens = 9};
	usage_sum(&u);
	CHECK_INT(u.total_tokens, 4321);
	u = usage_estimate(SPAN("abc"), SPAN("de"), SPAN("fghi"));
	CHECK_INT(u.input_tokens, 2);
	CHECK_INT(u.output_tokens, 1);
	CHECK_INT(u.total_tokens, 3);
	CHECK(u.estimated.set && u.estimated.v);
	u = usage_estimate((struct span){0}, SPAN(""), (struct span){0});
	CHECK_INT(u.total_tokens, 0);
}
