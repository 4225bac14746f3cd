/* What is written is valid JSON that reads back as what was meant. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "json/json.h"
#include "tests/lib/test.h"

static struct arena memory;

static struct json parsed(const struct buf *b)
{
	struct json v;
	struct err err;
	CHECK_OK(json_parse(buf_span(b), &v, &err), err);
	return v;
}

TEST(commas_are_placed_by_the_writer)
{
	scoped_buf out = {0};
	struct json_writer w = {&out, false};
	json_begin_object(&w);
	json_kv_text(&w, "text", SPAN("a"));
	json_kv_text(&w, "absent", (struct span){0});
	json_kv_cstr(&w, "cstr", "b");
	json_kv_i64(&w, "i", INT64_MIN);
	json_kv_f64(&w, "f", 0.5);
	json_kv_bool(&w, "yes", true);
	json_kv_bool(&w, "no", false);
	json_kv(&w, "raw", (struct json){SPAN("[1, 2]"), JSON_ARRAY});
	json_kv(&w, "none", (struct json){0});
	json_key(&w, SPAN("list"));
	json_begin_array(&w);
	json_put_null(&w);
	json_begin_array(&w);
	json_end_array(&w);
	json_begin_object(&w);
	json_end_object(&w);
	json_put_text(&w, SPAN(""));
	json_end_array(&w);
	json_key(&w, SPAN("a\"b"));
	json_put_i64(&w, 0);
	json_end_object(&w);
	CHECK_SPAN(
	    buf_span(&out),
	    "{\"text\":\"a\",\"absent\":null,\"cstr\":\"b\",\"i\":-9223372036854775808,\"f\":0.5,\"yes\":true,\"no\":false,"
	    "\"raw\":[1, 2],\"none\":null,\"list\":[null,[],{},\"\"],\"a\\\"b\":0}");
	parsed(&out);
}

TEST(text_is_escaped_as_little_as_it_can_be)
{
	scoped_buf out = {0};
	json_quote(&out, SPAN("a\"\\/\b\f\n\r\t\x01\x0b\x1f\x7f\xc3\xa9\xf0\x9f\x98\x80"));
	CHECK_SPAN(buf_span(&out), "\"a\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u000b\\u001f\x7f\xc3\xa9\xf0\x9f\x98\x80\"");
	buf_reset(&out);
	json_quote(&out, (struct span){0});
	CHECK_SPAN(buf_span(&out), "\"\"");
}

TEST(bad_bytes_become_replacement_characters)
{
	scoped_buf out = {0};
	json_quote(&out, SPAN("a\xff"
	                      "b\xc3"));
	CHECK_SPAN(buf_span(&out), "\"a\xef\xbf\xbd"
	                           "b\xef\xbf\xbd\"");
	buf_reset(&out);
	json_quote(&out, SPAN("\xe2\x82|\xed\xa0\x80|\0|"));
	CHECK_SPAN(buf_span(&out), "\"\xef\xbf\xbd\xef\xbf\xbd|\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd|\xef\xbf\xbd|\"");
}

TEST(special_bytes_are_seen_at_every_place)
{
	static const char *const specials[] = {"\"", "\\", "\n", "\x01", "\xc3\xa9", "\xf0\x9f\x98\x80", "x"};
	for (size_t s = 0; s < countof(specials); s++) {
		for (int before = 0; before < 40; before++) {
			scoped_buf text = {0}, out = {0};
			buf_printf(&text, "%.*s%s%.*s", before, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", specials[s],
			           before % 19, "bbbbbbbbbbbbbbbbbbb");
			/* An exact copy, for the address sanitizer. */
			char *exact = memcpy(malloc(text.len), text.data, text.len);
			json_quote(&out, span_of(exact, text.len));
			CHECK_SPAN(json_text(parsed(&out), &memory), text.data);
			free(exact);
		}
	}
	arena_free(&memory);
}

static void writes_f64(double v, const char *want)
{
	scoped_buf out = {0};
	json_put_f64(&(struct json_writer){&out, false}, v);
	CHECK_SPAN(buf_span(&out), want);
}

TEST(doubles_are_written_in_their_shortest_form)
{
	writes_f64(0, "0");
	writes_f64(-0.0, "-0");
	writes_f64(1, "1");
	writes_f64(-1, "-1");
	writes_f64(0.1, "0.1");
	writes_f64(-0.25, "-0.25");
	writes_f64(0.001, "0.001");
	writes_f64(12.5, "12.5");
	writes_f64(812.34, "812.34");
	writes_f64(1e15, "1000000000000000");
	writes_f64(1e16, "1e+16");
	writes_f64(1e300, "1e+300");
	writes_f64(5e-324, "5e-324");
	writes_f64(1.0 / 3, "0.3333333333333333");
	writes_f64(0.1 + 0.2, "0.30000000000000004");
	writes_f64(NAN, "null");
	writes_f64(INFINITY, "null");
	writes_f64(-INFINITY, "null");
}

TEST(doubles_read_back_the_same)
{
	srand(7);
	for (int i = 0; i < 20000; i++) {
		scoped_buf out = {0};
		double v, got;
		uint64_t bits = (uint64_t)rand() << 42 ^ (uint64_t)rand() << 21 ^ (uint64_t)rand();
		memcpy(&v, &bits, sizeof v);
		if (i % 2)
			v = (double)(rand() % 2000000) / 1000 - 1000;
		if (!isfinite(v))
			continue;
		json_put_f64(&(struct json_writer){&out, false}, v);
		CHECK(json_f64(parsed(&out), &got));
		CHECK_MSG(memcmp(&got, &v, sizeof v) == 0, "%a became %s", v, out.data);
	}
}

TEST(overflow_is_kept_by_the_buffer)
{
	scoped_buf out = {.max_bytes = 8};
	struct json_writer w = {&out, false};
	json_begin_array(&w);
	json_put_text(&w, SPAN("this does not fit"));
	json_put_i64(&w, 123456789);
	json_end_array(&w);
	CHECK(out.overflow);
	CHECK(out.len <= 8);
}
