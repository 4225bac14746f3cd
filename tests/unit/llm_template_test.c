/* Templates: what is put in, what is refused, and that hostile ones cost no more than their size. */
#include <stdlib.h>
#include <time.h>

#include "llm/llm.h"
#include "tests/lib/test.h"

static struct json context_of(const char *text)
{
	struct json v;
	struct err err;
	CHECK_OK(json_parse(span_from(text), &v, &err), err);
	return v;
}

/* Renders and compares; the arena goes with the test's process. */
static void check_render(const char *template, const char *context, const char *want)
{
	scoped_arena a = {0};
	struct span got;
	struct err err;
	CHECK_OK(template_render(span_from(template), context_of(context), LLM_PROMPT_MAX, &a, &got, &err), err);
	CHECK_SPAN(got, want);
}

static struct err check_refused(const char *template, const char *context, enum status want, const char *field)
{
	scoped_arena a = {0};
	struct span got = SPAN("untouched");
	struct err err = {0};
	CHECK_STATUS(template_render(span_from(template), context_of(context), LLM_PROMPT_MAX, &a, &got, &err), want);
	CHECK_SPAN(span_from(err.field), field);
	CHECK_SPAN(got, "untouched");
	CHECK(!err.retryable);
	return err;
}

TEST(variables_are_replaced_by_the_contexts_values)
{
	check_render("Hello {{name}}!", "{\"name\":\"Ada\"}", "Hello Ada!");
	check_render("{{a}}{{b}}{{a}}", "{\"a\":\"1\",\"b\":\"2\"}", "121");
	check_render("no variables", "{}", "no variables");
	check_render("", "{}", "");
	check_render("{{ spaced }}|{{\ttab\n}}", "{\"spaced\":\"s\",\"tab\":\"t\"}", "s|t");
	check_render("{{a-b}} {{_c}} {{D9}}", "{\"a-b\":1,\"_c\":2,\"D9\":3}", "1 2 3");
}

TEST(dotted_names_lead_into_objects_and_arrays)
{
	const char *context =
	    "{\"user\":{\"name\":\"Ada\",\"tags\":[\"x\",{\"y\":\"z\"}]},\"user-id\":7,\"items\":[10,20,30]}";
	check_render("{{user.name}} {{user.tags.0}} {{user.tags.1.y}} {{user-id}} {{items.2}}", context, "Ada x z 7 30");
	check_render("{{user.tags}} {{user.tags.1}} {{user.name}}", context, "[\"x\",{\"y\":\"z\"}] {\"y\":\"z\"} Ada");
	check_refused("{{items.3}}", context, STATUS_UNPROCESSABLE, "context");
	check_refused("{{items.00}}", context, STATUS_UNPROCESSABLE, "context");
	check_refused("{{user.name.first}}", context, STATUS_UNPROCESSABLE, "context");
	check_refused("{{user.}}", context, STATUS_UNPROCESSABLE, "context");
	check_refused("{{user..name}}", context, STATUS_UNPROCESSABLE, "context");
}

TEST(names_that_share_a_beginning_stay_apart)
{
	const char *context = "{\"a\":{\"b\":1,\"b-c\":2,\"bb\":{\"c\":3}},\"a-b\":4,\"ab\":5,\"A\":6}";
	check_render("{{a.b}} {{a.b-c}} {{a.bb.c}} {{a-b}} {{ab}} {{A}} {{a.b}}", context, "1 2 3 4 5 6 1");
}

TEST(values_of_every_type_have_a_text)
{
	check_render("{{s}}|{{n}}|{{b}}|{{z}}|{{a}}|{{o}}",
	             "{\"s\":\"\\u00fc\\n\",\"n\": -1.50e3 ,\"b\":true,\"z\":null,\"a\":[ 1 , 2 ],\"o\":{ \"k\" : \"v\" }}",
	             "ü\n|-1.50e3|true||[1,2]|{\"k\":\"v\"}");
}

TEST(values_are_data_and_never_expanded_again)
{
	check_render("{{a}}", "{\"a\":\"{{b}} {{{{\",\"b\":\"secret\"}", "{{b}} {{{{");
	check_render("{{a}}{{b}}", "{\"a\":\"{{\",\"b\":\"c}}\",\"c\":\"secret\"}", "{{c}}");
}

TEST(invisible_characters_are_removed_from_values_only)
{
	check_render("\u200bx{{a}}", "{\"a\":\"1\u200b2\u200c3\u200d4\u20605\ufeff6\U000E00417\U000E007F8\"}",
	             "\u200bx12345678");
	check_render("{{a}}", "{\"a\":[\"p\u200bq\"]}", "[\"pq\"]");
	check_render("{{a}}", "{\"a\":\"\u200e\u2061\U000E0080 é 漢\"}", "\u200e\u2061\U000E0080 é 漢");
	check_render("{{a}}", "{\"a\":\"\\u200b\\udb40\\udc41z\"}", "z");
}

TEST(four_braces_stand_for_two)
{
	check_render("{{{{name}}", "{}", "{{name}}");
	check_render("{{{{{{a}}", "{\"a\":1}", "{{1");
	check_render("} }} {x} {{{{", "{}", "} }} {x} {{");
	check_render("{\"a\":{{a}}}", "{\"a\":1}", "{\"a\":1}");
}

TEST(missing_variables_are_named_up_to_eight_once_each)
{
	struct err e = check_refused("{{a}} {{b.c}} {{a}} {{ok}}", "{\"ok\":1,\"b\":{}}", STATUS_UNPROCESSABLE, "context");
	CHECK_HAS(e.msg, "a, b.c");
	CHECK(!strstr(e.msg, "ok"));
	e = check_refused("{{v1}}{{v2}}{{v3}}{{v4}}{{v5}}{{v6}}{{v7}}{{v8}}{{v9}}", "{}", STATUS_UNPROCESSABLE, "context");
	CHECK_HAS(e.msg, "v8");
	CHECK(!strstr(e.msg, "v9"));
	check_refused("{{a}}", "[]", STATUS_UNPROCESSABLE, "context");
}

TEST(a_missing_context_misses_every_variable)
{
	scoped_arena a = {0};
	struct span got;
	struct err err;
	CHECK_STATUS(template_render(SPAN("{{x}}"), (struct json){0}, LLM_PROMPT_MAX, &a, &got, &err),
	             STATUS_UNPROCESSABLE);
	CHECK_OK(template_render(SPAN("plain"), (struct json){0}, LLM_PROMPT_MAX, &a, &got, &err), err);
	CHECK_SPAN(got, "plain");
}

TEST(broken_templates_are_refused_with_the_place)
{
	static const struct {
		const char *template, *place;
	} rows[] = {
	    {"ab {{name", "byte 3"}, {"{{", "byte 0"},       {"{{}}", "byte 0"},          {"x{{ }}", "byte 1"},
	    {"{{1a}}", "byte 0"},    {"{{a b}}", "byte 0"},  {"{{a}", "byte 0"},          {"{{a{{b}}", "byte 0"},
	    {"{{-a}}", "byte 0"},    {"{{.a}}", "byte 0"},   {"{{{a}}}", "byte 0"},       {"{{a$}}", "byte 0"},
	    {"{{naïve}}", "byte 0"}, {"{{{{ {{x", "byte 5"}, {"{{a}} {{#if}}", "byte 6"}, {"{{a}} {{> p}}", "byte 6"},
	};
	for (size_t i = 0; i < countof(rows); i++) {
		struct err e = check_refused(rows[i].template, "{\"a\":1,\"b\":2}", STATUS_INVALID, "template");
		CHECK_HAS(e.msg, rows[i].place);
	}
}

TEST(output_past_the_limit_is_too_large)
{
	scoped_arena a = {0};
	struct span got;
	struct err err;
	struct json context = context_of("{\"v\":\"12345\"}");
	CHECK_OK(template_render(SPAN("{{v}}{{v}}"), context, 10, &a, &got, &err), err);
	CHECK_SPAN(got, "1234512345");
	CHECK_STATUS(template_render(SPAN("{{v}}{{v}}!"), context, 10, &a, &got, &err), STATUS_TOO_LARGE);
	CHECK_SPAN(span_from(err.field), "template");
}

static double seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Each of these took minutes if a value were looked up or written out once per use. */
TEST(hostile_templates_take_time_in_proportion_to_their_size)
{
	scoped_buf template = {0}, deep = {0}, context = {0};
	for (int i = 0; i < 20000; i++)
		buf_printf(&template, "{{v}}{{w}}{{x.y%d}}", i);
	buf_adds(&context, "{\"pad\":[");
	for (int i = 0; i < 200000; i++)
		buf_adds(&context, i ? ",0" : "0");
	buf_adds(&context, "],\"v\":[");
	for (int i = 0; i < 200000; i++)
		buf_addc(&context, ' ');
	buf_adds(&context, "],\"w\":\"");
	for (int i = 0; i < 50000; i++)
		buf_adds(&context, "\u200b");
	buf_adds(&context, "\",\"x\":{");
	for (int i = 0; i < 20000; i++)
		buf_printf(&context, "%s\"y%d\":null", i ? "," : "", i);
	buf_adds(&context, "}}");
	for (int i = 0; i < 10000; i++)
		buf_adds(&deep, "{{a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a}}");

	scoped_arena a = {0};
	struct span got;
	struct err err;
	double start = seconds();
	CHECK_OK(template_render(buf_span(&template), context_of(context.data), LLM_PROMPT_MAX, &a, &got, &err), err);
	CHECK_INT(got.n, 20000 * 2);
	CHECK_STATUS(
	    template_render(buf_span(&deep), context_of("{\"a\":{\"a\":{\"a\":{}}}}"), LLM_PROMPT_MAX, &a, &got, &err),
	    STATUS_UNPROCESSABLE);
	CHECK_MSG(seconds() - start < 5, "took %.1f s", seconds() - start);
}
