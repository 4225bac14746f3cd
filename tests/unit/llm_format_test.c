/* From raw answers to parsed output, and when an answer that cannot be parsed is worth another try. */
#include "llm/llm.h"
#include "tests/lib/test.h"

static struct json parsed(unsigned format, const char *raw, struct arena *a)
{
	struct json v;
	struct err err;
	CHECK_OK(format_parse(format, span_from(raw), SPAN("stop"), a, &v, &err), err);
	return v;
}

static void check_json(const char *raw, const char *want)
{
	scoped_arena a = {0};
	CHECK_SPAN(parsed(FORMAT_JSON, raw, &a).text, want);
}

static void check_string(unsigned format, const char *raw, const char *want)
{
	scoped_arena a = {0};
	struct json v = parsed(format, raw, &a);
	CHECK_INT(v.type, JSON_STRING);
	CHECK_SPAN(json_text(v, &a), want);
}

TEST(text_is_the_trimmed_answer)
{
	check_string(FORMAT_TEXT, "  a \"quoted\"\nline\t\n", "a \"quoted\"\nline");
	check_string(FORMAT_TEXT, "", "");
	check_string(FORMAT_TEXT, "<script>x</script>", "<script>x</script>");
	check_string(FORMAT_TEXT, "bad \xff byte", "bad \ufffd byte");
}

TEST(json_is_taken_as_it_is)
{
	check_json(" {\"a\": [1, 2.50, null]}\n", "{\"a\": [1, 2.50, null]}");
	check_json("42", "42");
	check_json("\"text\"", "\"text\"");
	check_json("null", "null");
}

TEST(json_is_found_in_fences)
{
	check_json("```json\n{\"a\":1}\n```", "{\"a\":1}");
	check_json("```\n[1]\n```", "[1]");
	check_json("Here it is:\n\n```json\n{\"a\":1}\n```\nAnything else?", "{\"a\":1}");
	check_json("```json\ntrue\n```", "true");
}

TEST(json_is_found_in_prose_and_the_longest_value_wins)
{
	check_json("Sure! {\"a\":{\"b\":[1]}} Done.", "{\"a\":{\"b\":[1]}}");
	check_json("As [1] says: {\"answer\":\"]}\"} [2]", "{\"answer\":\"]}\"}");
	check_json("Use {name} like {\"name\":\"x\\\"}\"}", "{\"name\":\"x\\\"}\"}");
	check_json("{oops {\"a\":1} }", "{\"a\":1}");
	check_json("```json\n{broken\n```\nbut [1,2]", "[1,2]");
}

static struct err refused(const char *raw, const char *finish_reason)
{
	scoped_arena a = {0};
	struct json v;
	struct err err = {0};
	CHECK(format_parse(FORMAT_JSON, span_from(raw), span_from(finish_reason), &a, &v, &err) != STATUS_OK);
	return err;
}

TEST(json_that_is_none_is_worth_another_try_after_a_regular_end)
{
	static const char *const rows[] = {"no json",           "",     "   ",     "{\"a\":1",
	                                   "{\"a\":1,\"a\":2}", "[1,]", "{'a':1}", "{\"a\":\"\\u0000\"}"};
	for (size_t i = 0; i < countof(rows); i++) {
		struct err e = refused(rows[i], "stop");
		CHECK_INT(e.status, STATUS_PROVIDER);
		CHECK(e.retryable);
		CHECK_SPAN(span_from(e.field), "format");
	}
	CHECK(refused(NULL, "stop").retryable);
}

TEST(json_that_is_none_is_final_when_the_same_call_would_end_the_same_way)
{
	struct err e = refused("{\"a\":", "length");
	CHECK_INT(e.status, STATUS_UNPROCESSABLE);
	CHECK(!e.retryable);
	CHECK_SPAN(span_from(e.field), "max_tokens");
	static const char *const reasons[] = {"refusal", "content_filter", "tool_calls"};
	for (size_t i = 0; i < countof(reasons); i++) {
		e = refused(i ? NULL : "I cannot help with that.", reasons[i]);
		CHECK_INT(e.status, STATUS_UNPROCESSABLE);
		CHECK(!e.retryable);
		CHECK_HAS(e.msg, reasons[i]);
	}
}

TEST(an_absent_answer_has_no_output_in_the_other_formats)
{
	scoped_arena a = {0};
	struct json v;
	struct err err;
	static const unsigned formats[] = {FORMAT_TEXT, FORMAT_MARKDOWN, FORMAT_HTML};
	for (size_t i = 0; i < countof(formats); i++) {
		CHECK_OK(format_parse(formats[i], (struct span){NULL, 0}, SPAN("refusal"), &a, &v, &err), err);
		CHECK_INT(v.type, JSON_ABSENT);
	}
}

TEST(documents_lose_the_fence_around_them_and_what_is_unsafe)
{
	check_string(FORMAT_HTML, "```html\n<p>x<script>y</script></p>\n```", "<p>x</p>");
	check_string(FORMAT_HTML, "```\n<p>x</p>\n```", "```\n<p>x</p>\n```");
	check_string(FORMAT_MARKDOWN, "```markdown\n# A\n\n```c\nint x;\n```\n```", "# A\n\n```c\nint x;\n```");
	check_string(FORMAT_MARKDOWN, "```md\n*x*\n```", "*x*");
	check_string(FORMAT_MARKDOWN, "```c\nint x;\n```", "```c\nint x;\n```");
	check_string(FORMAT_MARKDOWN, "a <b>c</b>", "a c");
}

TEST(prose_full_of_brackets_is_searched_in_bounded_time)
{
	scoped_arena a = {0};
	scoped_buf text = {0};
	for (int i = 0; i < 1000000; i++)
		buf_addc(&text, i % 2 ? '{' : '[');
	struct json v;
	struct err err;
	CHECK_STATUS(format_parse(FORMAT_JSON, buf_span(&text), SPAN("stop"), &a, &v, &err), STATUS_PROVIDER);
}
