/* Reading values out of a checked document. */
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "json/json.h"
#include "tests/lib/test.h"

static struct arena memory;

/* A copy that ends where its memory ends, so that the address sanitizer sees any look past it. */
static struct json parsed(const char *text)
{
	static struct copy {
		struct copy *next;
		char bytes[];
	} * copies;
	struct json v;
	struct err err;
	size_t n = strlen(text);
	struct copy *copy = malloc(sizeof *copy + n);
	copy->next = copies;
	copies = copy;
	memcpy(copy->bytes, text, n);
	CHECK_OK(json_parse(span_of(copy->bytes, n), &v, &err), err);
	return v;
}

TEST(members_are_found_by_their_exact_name)
{
	struct json v = parsed(" {\"a\" : 1, \"A\": \"x\" ,\"b\\\"c\":[1, 2],\"caf\\u00e9\":{} } "), m;
	CHECK_SPAN(v.text, "{\"a\" : 1, \"A\": \"x\" ,\"b\\\"c\":[1, 2],\"caf\\u00e9\":{} }");
	CHECK(json_member(v, SPAN("A"), &m));
	CHECK_SPAN(m.text, "\"x\"");
	CHECK(json_member(v, SPAN("b\"c"), &m) && m.type == JSON_ARRAY);
	CHECK_SPAN(m.text, "[1, 2]");
	CHECK(json_member(v, SPAN("caf\xc3\xa9"), &m) && m.type == JSON_OBJECT);
	CHECK(!json_member(v, SPAN("caf"), &m) && m.type == JSON_ABSENT);
	CHECK(!json_member(v, SPAN(""), &m));
	CHECK(!json_member(parsed("[1]"), SPAN("0"), &m) && m.type == JSON_ABSENT);
	CHECK(!json_member((struct json){0}, SPAN("a"), &m));
}

TEST(pointers_follow_rfc_6901)
{
	static const char *const document =
	    "{\"foo\":[\"bar\",\"baz\"],\"\":0,\"a/b\":1,\"c%d\":2,\"m~n\":8,\"x\":{\"y\":[{\"z\":null}]},\"~1\":3}";
	static const struct {
		const char *pointer, *want;
	} cases[] = {
	    {"/foo", "[\"bar\",\"baz\"]"},
	    {"/foo/0", "\"bar\""},
	    {"/foo/1", "\"baz\""},
	    {"/", "0"},
	    {"/a~1b", "1"},
	    {"/c%d", "2"},
	    {"/m~0n", "8"},
	    {"/x/y/0/z", "null"},
	    {"/~01", "3"},
	    {"/foo/2", NULL},
	    {"/foo/-", NULL},
	    {"/foo/00", NULL},
	    {"/foo/01", NULL},
	    {"/foo/-1", NULL},
	    {"foo", NULL},
	    {"/foo/", NULL},
	    {"/x/y/z", NULL},
	    {"/foo/0/0", NULL},
	    {"/missing", NULL},
	    {"/m~n", "8"},
	    {"/foo/-0", NULL},
	    {"/foo/+1", NULL},
	};
	struct json v = parsed(document), m;
	CHECK(json_pointer(v, "", &m) && span_eq(m.text, v.text));
	for (size_t i = 0; i < countof(cases); i++) {
		bool found = json_pointer(v, cases[i].pointer, &m);
		CHECK_MSG(found == (cases[i].want != NULL), "%s", cases[i].pointer);
		if (found)
			CHECK_SPAN(m.text, cases[i].want);
		else
			CHECK(m.type == JSON_ABSENT);
	}
	CHECK(!json_pointer((struct json){0}, "", &m));
}

TEST(iteration_gives_every_element_and_member_in_order)
{
	struct json v = parsed("[1 ,\"a,]\\\"\", [ ] , {\"k\":[{}]} ,null]"), key, e;
	static const char *const want[] = {"1", "\"a,]\\\"\"", "[ ]", "{\"k\":[{}]}", "null"};
	size_t n = 0;
	for (struct json_iter it = json_iter(v); json_next(&it, &key, &e); n++) {
		CHECK(n < countof(want) && key.type == JSON_ABSENT);
		CHECK_SPAN(e.text, want[n]);
	}
	CHECK_INT(n, countof(want));
	CHECK_INT(json_count(v), countof(want));
	v = parsed("{ \"a\" : true , \"\\n\":false}");
	struct json_iter it = json_iter(v);
	CHECK(json_next(&it, &key, &e) && json_text_is(key, SPAN("a")) && e.type == JSON_BOOL);
	CHECK(json_next(&it, &key, &e) && json_text_is(key, SPAN("\n")));
	CHECK(!json_next(&it, &key, &e) && !json_next(&it, &key, &e));
	CHECK_INT(json_count(parsed("{ }")), 0);
	CHECK_INT(json_count(parsed("[ \n ]")), 0);
	CHECK_INT(json_count(parsed("\"abc\"")), 0);
	CHECK_INT(json_count((struct json){0}), 0);
}

TEST(text_is_a_slice_unless_something_is_escaped)
{
	struct json plain = parsed("\"just text\"");
	CHECK_SPAN(json_text(plain, &memory), "just text");
	CHECK(json_text(plain, &memory).p == plain.text.p + 1);
	CHECK_INT(memory.used_bytes, 0);
	CHECK_SPAN(json_text(parsed("\"\""), &memory), "");
	CHECK_SPAN(json_text(parsed("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""), &memory), "\"\\/\b\f\n\r\t");
	CHECK_SPAN(json_text(parsed("\"a\\u00e9\\u20AC\\ud83d\\uDE00z and a longer tail\""), &memory),
	           "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z and a longer tail");
	CHECK(!json_text(parsed("1"), &memory).p);
	CHECK(!json_text((struct json){0}, &memory).p);
	arena_free(&memory);
}

TEST(text_compares_without_a_copy)
{
	struct json v = parsed("\"a\\u00e9\\n\"");
	CHECK(json_text_is(v, SPAN("a\xc3\xa9\n")));
	CHECK(!json_text_is(v, SPAN("a\xc3\xa9")));
	CHECK(!json_text_is(v, SPAN("a\xc3\xa9\nb")));
	CHECK(!json_text_is(v, SPAN("a")));
	CHECK(json_text_is(parsed("\"abc\""), SPAN("abc")));
	CHECK(!json_text_is(parsed("\"abc\""), SPAN("abd")));
	CHECK(!json_text_is(parsed("1"), SPAN("1")));
}

TEST(integers_are_exact_or_none)
{
	static const struct {
		const char *text;
		int64_t want;
	} good[] = {
	    {"0", 0},
	    {"-0", 0},
	    {"42", 42},
	    {"-42", -42},
	    {"9007199254740993", 9007199254740993},
	    {"999999999999999999", 999999999999999999},
	    {"9223372036854775807", INT64_MAX},
	    {"-9223372036854775808", INT64_MIN},
	    {"1.0", 1},
	    {"1e3", 1000},
	    {"1.50e1", 15},
	    {"-1.5E+1", -15},
	    {"100e-2", 1},
	    {"0.001e3", 1},
	    {"0e999999999999999999999", 0},
	    {"0.000", 0},
	    {"922337203685477580.7e1", INT64_MAX},
	    {"1000000000000000000000e-20", 10},
	};
	static const char *const bad[] = {"1.5",
	                                  "1e-1",
	                                  "9223372036854775808",
	                                  "-9223372036854775809",
	                                  "1e19",
	                                  "1e400",
	                                  "1e99999999999999999999",
	                                  "0.1",
	                                  "1e-99999999999999999999",
	                                  "123456789012345678901234567890",
	                                  "\"1\"",
	                                  "true",
	                                  "null"};
	int64_t v = 7;
	for (size_t i = 0; i < countof(good); i++) {
		CHECK_MSG(json_i64(parsed(good[i].text), &v), "%s", good[i].text);
		CHECK_MSG(v == good[i].want, "%s gave %" PRId64, good[i].text, v);
	}
	for (size_t i = 0; i < countof(bad); i++)
		CHECK_MSG(!json_i64(parsed(bad[i]), &v), "%s gave %" PRId64, bad[i], v);
}

static void reads_as_strtod_does(const char *text)
{
	double v, want = strtod(text, NULL);
	bool ok = json_f64(parsed(text), &v);
	CHECK_MSG(ok == (isfinite(want) != 0), "%s", text);
	CHECK_MSG(!ok || memcmp(&v, &want, sizeof v) == 0, "%s: %a, not %a", text, v, want);
}

TEST(doubles_are_the_nearest_ones)
{
	static const char *const texts[] = {
	    "0",
	    "-0",
	    "-0.0",
	    "1",
	    "0.1",
	    "0.2",
	    "0.30000000000000004",
	    "1e22",
	    "1e23",
	    "123456789012345678",
	    "9007199254740993",
	    "1e308",
	    "1.7976931348623157e308",
	    "1.7976931348623159e308",
	    "1e309",
	    "-1e309",
	    "2.2250738585072011e-308",
	    "5e-324",
	    "2e-324",
	    "1e-400",
	    "4.9406564584124654e-324",
	    "1e999999999999999999999",
	    "1e-999999999999999999999",
	    "0.000001",
	    "1.5",
	    "0.5e-5",
	    "100",
	    "12.50",
	    "3.141592653589793238462643383279",
	};
	for (size_t i = 0; i < countof(texts); i++)
		reads_as_strtod_does(texts[i]);
	scoped_buf text = {0};
	/* Half way between two doubles, decided by a digit far behind. */
	buf_adds(&text, "9007199254740993.");
	for (int i = 0; i < 1000; i++)
		buf_addc(&text, '0');
	reads_as_strtod_does(text.data);
	buf_adds(&text, "1");
	reads_as_strtod_does(text.data);
	double v;
	CHECK(!json_f64(parsed("\"1\""), &v));
	CHECK(!json_f64((struct json){0}, &v));
}

TEST(random_doubles_are_read_as_strtod_does)
{
	srand(1);
	for (int i = 0; i < 20000; i++) {
		char text[64];
		snprintf(text, sizeof text, "%s%d.%0*de%d", i & 1 ? "-" : "", rand() % 1000, 1 + rand() % 9, rand() % 1000000,
		         rand() % 640 - 320);
		reads_as_strtod_does(text);
	}
}

TEST(booleans_are_read)
{
	bool v = false;
	CHECK(json_bool(parsed("true"), &v) && v);
	CHECK(json_bool(parsed("false"), &v) && !v);
	CHECK(!json_bool(parsed("1"), &v) && !json_bool(parsed("\"true\""), &v) && !json_bool(parsed("null"), &v));
}

TEST(compact_form_drops_space_between_tokens_only)
{
	scoped_buf out = {0};
	json_compact(parsed(" { \"a b\" : [ 1 , 2.50 , \" x \\\" y \" ] ,\n\t\"c\":{ } , \"d\" : null } "), &out);
	CHECK_SPAN(buf_span(&out), "{\"a b\":[1,2.50,\" x \\\" y \"],\"c\":{},\"d\":null}");
	buf_reset(&out);
	json_compact((struct json){0}, &out);
	CHECK_SPAN(buf_span(&out), "null");
}
