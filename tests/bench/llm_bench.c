/* Measures what an instant job costs besides its messages, and what sanitising costs: a JSON line per figure. */
#include <stdio.h>

#include "core/clock.h"
#include "llm/llm.h"
#include "tests/lib/test.h"

#define ROUNDS 200000
#define SAMPLES 5
#define NOW_MS INT64_C(1767225845979)

static const char context_text[] =
    "{\"name\":\"Ada\",\"n\":40,\"text\":\"The engine weaves algebraic patterns.\",\"tags\":[\"a\",\"b\"]}";
static const char html[] =
    "<h1>Title</h1><p>Some <em>text</em> with <a href=\"https://x.example/\">a link</a>.</p><ul><li>one</li>"
    "<li>two</li></ul><script>alert(1)</script>";
static const char markdown[] = "# Title\n\nSome *text* with [a link](https://x.example/).\n\n- one\n- two\n";
static const char dirty_markdown[] =
    "# Title\n\nSome <b>text</b> with ![an image](https://x.example/).\n\n- one\n- two\n";

static struct llm_router *router;
static struct price_table *prices;
static struct arena memory;
static struct json context;
static struct llm_route route;
static struct span prompt;
static struct llm_answer answer;

static void render(unsigned format)
{
	struct err err;
	(void)format;
	CHECK_OK(template_render(SPAN("Summarise for {{name}} in at most {{n}} words: {{text}}"), context, LLM_PROMPT_MAX,
	                         &memory, &prompt, &err),
	         err);
}

static void find_route(unsigned format)
{
	struct err err;
	(void)format;
	CHECK_OK(llm_route(router, SPAN("simulated"), &route, &err), err);
}

static void simulate(unsigned format)
{
	struct err err;
	struct llm_call call = {.model = route.model, .prompt = prompt, .format = format};
	CHECK_OK(route.provider->answer(&call, &memory, &answer, &err), err);
}

static void parse(unsigned format)
{
	struct json v;
	struct err err;
	CHECK_OK(format_parse(format, answer.text, answer.finish_reason, &memory, &v, &err), err);
}

static void price(unsigned format)
{
	int64_t nanousd;
	struct span id;
	(void)format;
	CHECK(price_cost(prices, span_from(route.provider->name), route.model, &answer.usage, NOW_MS, &nanousd, &id));
}

static void whole_job(unsigned format)
{
	render(format);
	find_route(format);
	simulate(format);
	parse(format);
	price(format);
}

static void clean_html(unsigned format)
{
	(void)format;
	sanitize_html(span_from(html), &memory);
}

static void clean_markdown(unsigned format)
{
	(void)format;
	sanitize_markdown(span_from(markdown), &memory);
}

static void clean_dirty_markdown(unsigned format)
{
	(void)format;
	sanitize_markdown(span_from(dirty_markdown), &memory);
}

static void measure(const char *figure, void (*run)(unsigned), unsigned format, int rounds)
{
	int64_t best = INT64_MAX;
	for (int sample = 0; sample < SAMPLES; sample++) {
		int64_t begin = clock_mono_ns(&clock_system);
		for (int i = 0; i < rounds; i++) {
			arena_reset(&memory);
			run(format);
		}
		int64_t took = clock_mono_ns(&clock_system) - begin;
		best = took < best ? took : best;
	}
	printf("{\"figure\":\"llm_%s\",\"value\":%lld,\"unit\":\"ns\",\"runs\":%d,\"settings\":\"format %s\"}\n", figure,
	       (long long)best / rounds, SAMPLES, format_names[format]);
}

TEST(jobs_without_a_model)
{
	struct err err;
	CHECK_OK(llm_router_new(&router, &err), err);
	CHECK_OK(price_table_load(&prices, &err), err);
	CHECK_OK(json_parse(span_from(context_text), &context, &err), err);
	whole_job(FORMAT_TEXT);
	measure("render", render, FORMAT_TEXT, ROUNDS);
	measure("route", find_route, FORMAT_TEXT, ROUNDS);
	prompt = SPAN("Summarise for Ada in at most 40 words: The engine weaves algebraic patterns.");
	measure("simulate", simulate, FORMAT_TEXT, ROUNDS);
	answer.text = SPAN(
	    "This is a simulated answer: no model was called. The prompt began: Summarise for Ada in at most 40 words");
	measure("parse", parse, FORMAT_TEXT, ROUNDS);
	measure("price", price, FORMAT_TEXT, ROUNDS);
	measure("instant_job", whole_job, FORMAT_TEXT, ROUNDS);
	measure("instant_job", whole_job, FORMAT_JSON, ROUNDS);
	measure("instant_job", whole_job, FORMAT_MARKDOWN, ROUNDS / 10);
	measure("instant_job", whole_job, FORMAT_HTML, ROUNDS / 10);
	measure("sanitize_html", clean_html, FORMAT_HTML, ROUNDS / 10);
	measure("sanitize_markdown", clean_markdown, FORMAT_MARKDOWN, ROUNDS / 10);
	measure("sanitize_dirty_markdown", clean_dirty_markdown, FORMAT_MARKDOWN, ROUNDS / 10);
	llm_router_free(router);
	price_table_free(prices);
	arena_free(&memory);
}
