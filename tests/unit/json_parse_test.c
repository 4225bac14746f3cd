/* What is accepted as JSON and what is refused, and where the error points. */
#include <stdio.h>
#include <stdlib.h>

#include "json/json.h"
#include "tests/lib/test.h"

/* Parses a copy that ends where its memory ends, so that the address sanitizer sees any look past it. */
static enum status parse(struct span text, struct err *err)
{
	struct json v;
	char *copy = malloc(text.n ? text.n : 1);
	if (text.n)
		memcpy(copy, text.p, text.n);
	enum status s = json_parse(span_of(copy, text.n), &v, err);
	free(copy);
	return s;
}

static void accepts(const char *text)
{
	struct err err;
	CHECK_MSG(parse(span_from(text), &err) == STATUS_OK, "%s: %s", text, err.msg);
}

static void refuses(struct span text, const char *why)
{
	struct err err;
	CHECK_MSG(parse(text, &err) == STATUS_INVALID, "accepted: %.*s", SPAN_ARG(text));
	CHECK_HAS(err.msg, why);
}

TEST(every_form_of_rfc_8259_is_accepted)
{
	static const char *const texts[] = {
	    "null",
	    "true",
	    "false",
	    "0",
	    "-0",
	    "1",
	    "-1",
	    "10",
	    "0.5",
	    "-0.5e1",
	    "1E+2",
	    "1e-2",
	    "1e400",
	    "12345678901234567890123",
	    "\"\"",
	    "\"a\"",
	    "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
	    "\"\\u0041\\u00e9\\uD83D\\uDE00\"",
	    "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"",
	    "\"\x7f\"",
	    "[]",
	    "[ ]",
	    "[1]",
	    "[1,2 , 3]",
	    "{}",
	    "{ }",
	    "{\"a\":1}",
	    " \t\r\n{ \"a\" : [ { } , [ ] ] , \"b\" : null } \n",
	    "{\"\":0}",
	    "{\"a\":{\"a\":{\"a\":1}}}",
	    "[{\"a\":1},{\"a\":2}]",
	};
	for (size_t i = 0; i < countof(texts); i++)
		accepts(texts[i]);
}

TEST(everything_else_is_refused_with_its_place)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
	    {"", "byte 0: the text ends"},
	    {"  ", "byte 2: the text ends"},
	    {"nul", "byte 0: expected a value"},
	    {"nulL", "byte 0: expected a value"},
	    {"True", "byte 0: expected a value"},
	    {"NaN", "byte 0: expected a value"},
	    {"-Infinity", "byte 1: expected a digit"},
	    {"+1", "byte 0: expected a value"},
	    {"01", "byte 1: something follows"},
	    {"-", "byte 1: expected a digit"},
	    {"1.", "byte 2: expected a digit"},
	    {".5", "byte 0: expected a value"},
	    {"1e", "byte 2: expected a digit"},
	    {"1e+", "byte 3: expected a digit"},
	    {"0x10", "byte 1: something follows"},
	    {"'a'", "byte 0: expected a value"},
	    {"\"a", "byte 2: the text ends inside a string"},
	    {"\"a\\", "byte 2: the text ends inside a string"},
	    {"\"\\x\"", "byte 1: unknown escape"},
	    {"\"\\u12g4\"", "byte 1: \\u wants four"},
	    {"\"\\u12", "byte 1: \\u wants four"},
	    {"\"a\nb\"", "byte 2: control character"},
	    {"\"\\u0000\"", "byte 1: \\u0000"},
	    {"[1,]", "byte 3: expected a value"},
	    {"[,1]", "byte 1: expected a value"},
	    {"[1 2]", "byte 3: expected a comma or ]"},
	    {"[1", "byte 2: expected a comma or ]"},
	    {"{\"a\":1,}", "byte 7: expected a name"},
	    {"{a:1}", "byte 1: expected a name"},
	    {"{\"a\" 1}", "byte 5: expected a colon"},
	    {"{\"a\":}", "byte 5: expected a value"},
	    {"{\"a\":1 \"b\":2}", "byte 7: expected a comma or }"},
	    {"{\"a\"", "byte 4: expected a colon"},
	    {"{1:2}", "byte 1: expected a name"},
	    {"1 2", "byte 2: something follows"},
	    {"{} x", "byte 3: something follows"},
	    {"/* c */ 1", "byte 0: expected a value"},
	    {"\xef\xbb\xbf{}", "byte 0: expected a value"},
	};
	for (size_t i = 0; i < countof(cases); i++)
		refuses(span_from(cases[i].text), cases[i].why);
	refuses(SPAN("[1]\0"), "byte 3: something follows");
	refuses(SPAN("\"a\0b\""), "byte 2: control character");
}

TEST(a_cut_message_is_refused_at_every_byte)
{
	static const char text[] = "{\"job_id\":\"j-1\",\"template\":\"caf\xc3\xa9 {{x}} \\\"quoted\\\" "
	                           "\\ud83d\\ude00\",\"context\":{\"x\":[1.5e3,true,null,{}]},"
	                           "\"model\":\"simulated\",\"n\":-12}";
	struct err err;
	accepts(text);
	for (size_t n = 0; n < sizeof text - 1; n++)
		CHECK_MSG(parse(span_of(text, n), &err) == STATUS_INVALID, "%zu bytes were accepted", n);
}

TEST(a_name_may_come_only_once)
{
	refuses(SPAN("{\"a\":1,\"a\":2}"), "byte 7: this name is there twice");
	refuses(SPAN("{\"a\":1,\"\\u0061\":2}"), "byte 7: this name is there twice");
	refuses(SPAN("{\"\\n\":1,\"b\":2,\"\\u000a\":3}"), "byte 14: this name is there twice");
	refuses(SPAN("[{\"x\":{\"name\":1,\"other\":2,\"name\":3}}]"), "twice");
	accepts("{\"a\":1,\"A\":2,\"aa\":3,\"\":4}");
	accepts("{\"abcdefgh1\":1,\"abcdefgh2\":2,\"bbcdefgh1\":2}");
}

static void many_members(struct buf *out, int n, int repeated)
{
	buf_reset(out);
	buf_addc(out, '{');
	for (int i = 0; i < n; i++)
		buf_printf(out, "%s\"member%d\":{\"a\":%d}", i ? "," : "", i == n - 1 && repeated >= 0 ? repeated : i, i);
	buf_addc(out, '}');
}

TEST(a_repeated_name_is_found_among_any_number_of_members)
{
	scoped_buf text = {0};
	struct err err;
	static const int sizes[] = {2, 31, 32, 33, 34, 100, 1000, 65536};
	for (size_t i = 0; i < countof(sizes); i++) {
		many_members(&text, sizes[i], -1);
		CHECK_OK(parse(buf_span(&text), &err), err);
		many_members(&text, sizes[i], 0);
		refuses(buf_span(&text), "this name is there twice");
		many_members(&text, sizes[i], sizes[i] / 2 - 1);
		refuses(buf_span(&text), "this name is there twice");
	}
	many_members(&text, JSON_MEMBERS_MAX + 1, -1);
	refuses(buf_span(&text), "more than 65536 members");
}

static void nested(struct buf *out, int depth, bool objects)
{
	buf_reset(out);
	for (int i = 0; i < depth; i++)
		buf_adds(out, objects ? "{\"a\":" : "[");
	buf_adds(out, objects ? "1" : "");
	for (int i = 0; i < depth; i++)
		buf_addc(out, objects ? '}' : ']');
}

TEST(nesting_has_a_limit)
{
	scoped_buf text = {0};
	struct err err;
	for (int objects = 0; objects < 2; objects++) {
		nested(&text, JSON_DEPTH_MAX, objects);
		CHECK_OK(parse(buf_span(&text), &err), err);
		nested(&text, JSON_DEPTH_MAX + 1, objects);
		refuses(buf_span(&text), "nested deeper than 64");
		nested(&text, 1000000, objects);
		refuses(buf_span(&text), "nested deeper than 64");
	}
}

TEST(names_of_all_open_objects_are_kept_apart)
{
	scoped_buf text = {0};
	struct err err;
	/* The same forty names at every level: more than are remembered without allocating. */
	for (int level = 0; level < JSON_DEPTH_MAX; level++) {
		buf_addc(&text, '{');
		for (int i = 0; i < 40; i++)
			buf_printf(&text, "\"m%d\":%d,", i, i);
		buf_adds(&text, "\"next\":");
	}
	buf_adds(&text, "0");
	for (int level = 0; level < JSON_DEPTH_MAX; level++)
		buf_addc(&text, '}');
	CHECK_OK(parse(buf_span(&text), &err), err);
}

TEST(surrogates_come_in_pairs)
{
	static const char *const bad[] = {"\"\\ud800\"",    "\"\\udc00\"",        "\"\\ud800\\ud800\"", "\"\\ud800x\"",
	                                  "\"\\ud800\\n\"", "\"\\ud83d\\u0041\"", "\"\\ud83d\\u\"",     "\"\\ud83d"};
	for (size_t i = 0; i < countof(bad); i++)
		refuses(span_from(bad[i]), "half of a surrogate pair");
}

/* The scanners work in blocks, so the same fault is put at every place of one. */
static void at_every_place(const char *piece, const char *why)
{
	for (size_t before = 0; before < 40; before++) {
		for (size_t behind = 0; behind < 20; behind += 19) {
			scoped_buf text = {0};
			buf_printf(&text, "\"%.*s%s%.*s\"", (int)before, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", piece,
			           (int)behind, "bbbbbbbbbbbbbbbbbbbbbbbb");
			struct err err;
			enum status s = parse(buf_span(&text), &err);
			CHECK_MSG((s == STATUS_OK) == !why, "%s at %zu: %s", piece, before, s ? err.msg : "accepted");
			char place[32];
			snprintf(place, sizeof place, "byte %zu: ", before + 1);
			if (why) {
				CHECK_HAS(err.msg, why);
				CHECK_HAS(err.msg, place);
			}
		}
	}
}

TEST(text_is_valid_utf8_at_every_place)
{
	static const char *const bad[] = {"\x80",
	                                  "\xbf",
	                                  "\xc0\xaf",
	                                  "\xc1\xbf",
	                                  "\xc3",
	                                  "\xc3(",
	                                  "\xe2\x82",
	                                  "\xe0\x80\x80",
	                                  "\xed\xa0\x80",
	                                  "\xed\xbf\xbf",
	                                  "\xf0\x80\x80\x80",
	                                  "\xf0\x9f\x98",
	                                  "\xf4\x90\x80\x80",
	                                  "\xf5\x80\x80\x80",
	                                  "\xfe",
	                                  "\xff"};
	static const char *const good[] = {"\xc2\x80",         "\xc3\xa9",         "\xe0\xa0\x80",
	                                   "\xed\x9f\xbf",     "\xee\x80\x80",     "\xef\xbf\xbf",
	                                   "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf", "\xc3\xa9\\n\xc3\xa9"};
	for (size_t i = 0; i < countof(bad); i++)
		at_every_place(bad[i], "invalid UTF-8");
	for (size_t i = 0; i < countof(good); i++)
		at_every_place(good[i], NULL);
}

TEST(control_characters_are_refused_at_every_place)
{
	for (char c = 1; c < ' '; c++)
		at_every_place((char[]){c, 0}, "control character");
}

TEST(a_document_has_a_largest_size)
{
	struct err err;
	char *big = malloc(JSON_DOCUMENT_MAX + 1);
	memset(big, ' ', JSON_DOCUMENT_MAX + 1);
	big[0] = '1';
	struct json v;
	CHECK_OK(json_parse(span_of(big, JSON_DOCUMENT_MAX), &v, &err), err);
	CHECK_STATUS(json_parse(span_of(big, JSON_DOCUMENT_MAX + 1), &v, &err), STATUS_TOO_LARGE);
	CHECK_HAS(err.msg, "16777216");
	free(big);
}

TEST(nothing_is_returned_on_failure)
{
	struct err err;
	struct json v = {SPAN("before"), JSON_STRING};
	CHECK_STATUS(json_parse(SPAN("[1"), &v, &err), STATUS_INVALID);
	CHECK_SPAN(v.text, "before");
	CHECK(!err.retryable);
}
