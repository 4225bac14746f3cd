/* Structs and messages turn into each other by a table, and what does not fit is named. */
#include <stdlib.h>

#include "json/table.h"
#include "tests/lib/test.h"

static const char *const colours[] = {"red", "green", "blue", NULL};

struct inner {
	int64_t count;
	struct span label;
	const struct inner *deeper;
};
struct sample {
	struct span name, code;
	struct json any, object;
	int64_t number, limited;
	double ratio, percent;
	bool flag;
	struct opt_i64 maybe_i;
	struct opt_f64 maybe_f;
	struct opt_bool maybe_b;
	unsigned colour;
	struct json_time at;
	const struct inner *inner;
};

static const char *check_code(struct span s)
{
	return s.n && s.p[0] == 'c' ? NULL : "something that begins with c";
}

static const char *check_empty(struct json v)
{
	return json_count(v) == 0 ? NULL : "an empty object";
}

static const struct json_table inner_table;
static const struct json_field inner_fields[] = {
    JSON_FIELD(struct inner, count, .min = 1, .max = 9, .required = true),
    JSON_FIELD(struct inner, label),
    JSON_FIELD(struct inner, deeper, .table = &inner_table),
};
static const struct json_table inner_table = {"inner", sizeof(struct inner), inner_fields, countof(inner_fields)};
static const struct json_field sample_fields[] = {
    JSON_FIELD(struct sample, name, .min = 2, .max = 5),
    JSON_FIELD(struct sample, code, .check = check_code),
    JSON_FIELD(struct sample, any),
    JSON_FIELD(struct sample, object, .raw_types = JSON_ALLOW(JSON_OBJECT) | JSON_ALLOW(JSON_ARRAY), .max = 12,
               .check_raw = check_empty),
    JSON_FIELD(struct sample, number, .required = true),
    JSON_FIELD(struct sample, limited, .min = 1, .max = 1000000),
    JSON_FIELD(struct sample, ratio),
    JSON_FIELD(struct sample, percent, .fmin = 0, .fmax = 99.5),
    JSON_FIELD(struct sample, flag),
    JSON_FIELD(struct sample, maybe_i, .min = -1, .max = 1),
    JSON_FIELD(struct sample, maybe_f),
    JSON_FIELD(struct sample, maybe_b),
    JSON_FIELD_AS(struct sample, colour, "color", .names = colours),
    JSON_FIELD(struct sample, at),
    JSON_FIELD(struct sample, inner, .table = &inner_table),
};
static const struct json_table sample_table = {"sample", sizeof(struct sample), sample_fields, countof(sample_fields)};

static struct arena memory;

static enum status decode(const char *text, enum json_strictness strictness, struct sample *ret, struct err *err)
{
	struct json v;
	struct err bad;
	CHECK_OK(json_parse(span_from(text), &v, &bad), bad);
	return json_decode(&sample_table, v, strictness, &memory, ret, err);
}

static void refuses(const char *text, const char *field, const char *message)
{
	struct sample s;
	struct err err;
	CHECK_MSG(decode(text, JSON_STRICT, &s, &err) == STATUS_INVALID, "accepted: %s", text);
	CHECK_SPAN(span_from(err.field), field);
	CHECK_SPAN(span_from(err.msg), message);
	CHECK(!err.retryable);
}

TEST(every_kind_is_decoded)
{
	struct sample s;
	struct err err;
	CHECK_OK(decode("{\"name\":\"n\\u00e9\",\"code\":\"c1\",\"any\":[1, "
	                "2],\"object\":{},\"number\":-7,\"limited\":1e3,\"ratio\":0.1,\"percent\":99.5,"
	                "\"flag\":true,\"maybe_i\":0,\"maybe_f\":2,\"maybe_b\":false,\"color\":\"blue\",\"at\":\"2026-01-"
	                "02T03:04:05.678Z\","
	                "\"inner\":{\"count\":3,\"label\":\"x\",\"deeper\":{\"count\":4}}}",
	                JSON_STRICT, &s, &err),
	         err);
	CHECK_SPAN(s.name, "n\xc3\xa9");
	CHECK_SPAN(s.code, "c1");
	CHECK_SPAN(s.any.text, "[1, 2]");
	CHECK(s.any.type == JSON_ARRAY && s.object.type == JSON_OBJECT);
	CHECK_INT(s.number, -7);
	CHECK_INT(s.limited, 1000);
	CHECK(s.ratio == 0.1 && s.percent == 99.5 && s.flag);
	CHECK(s.maybe_i.set && s.maybe_i.v == 0 && s.maybe_f.set && s.maybe_f.v == 2 && s.maybe_b.set && !s.maybe_b.v);
	CHECK_INT(s.colour, 2);
	CHECK_INT(s.at.ms, 1767323045678);
	CHECK(s.inner && s.inner->count == 3 && s.inner->deeper && s.inner->deeper->count == 4 && !s.inner->deeper->deeper);
	CHECK_SPAN(s.inner->label, "x");
}

TEST(what_is_left_out_or_null_is_absent)
{
	struct sample s;
	struct err err;
	memset(&s, 0xff, sizeof s);
	CHECK_OK(
	    decode("{\"number\":1,\"name\":null,\"any\":null,\"maybe_i\":null,\"color\":null,\"inner\":null,\"at\":null}",
	           JSON_STRICT, &s, &err),
	    err);
	CHECK(!s.name.p && !s.code.p && s.any.type == JSON_ABSENT && s.object.type == JSON_ABSENT && s.limited == 0 &&
	      s.ratio == 0);
	CHECK(!s.flag && !s.maybe_i.set && !s.maybe_f.set && !s.maybe_b.set && s.colour == 0 && s.at.ms == 0 && !s.inner);
}

static int64_t time_of(const char *text)
{
	scoped_buf message = {0};
	struct sample s;
	struct err err;
	buf_printf(&message, "{\"number\":1,\"at\":\"%s\"}", text);
	return decode(message.data, JSON_STRICT, &s, &err) == STATUS_OK ? s.at.ms : INT64_MIN;
}

TEST(times_at_the_edges_stay_present_and_writable)
{
	CHECK_INT(time_of("1970-01-01T00:00:00Z"), 1);
	CHECK_INT(time_of("1970-01-01T00:00:00.001Z"), 1);
	CHECK_INT(time_of("1969-12-31T23:59:59.999Z"), -1);
	CHECK_INT(time_of("0000-01-01T00:00:00Z"), -62167219200000);
	CHECK_INT(time_of("9999-12-31T23:59:59.999Z"), 253402300799999);
	CHECK_INT(time_of("0000-01-01T00:00:00+00:01"), INT64_MIN);
	CHECK_INT(time_of("9999-12-31T23:59:59-00:01"), INT64_MIN);
}

TEST(text_points_into_the_document_unless_it_was_escaped)
{
	static const char text[] = "{\"number\":1,\"name\":\"abcd\",\"code\":\"c\\n\"}";
	struct sample s;
	struct err err;
	CHECK_OK(decode(text, JSON_STRICT, &s, &err), err);
	CHECK(s.name.p == strstr(text, "abcd"));
	CHECK_SPAN(s.code, "c\n");
	CHECK(s.code.p < text || s.code.p > text + sizeof text);
}

TEST(wrong_types_are_named_with_what_is_wanted)
{
	refuses("{\"number\":\"1\"}", "number", "number: \"1\" is not an integer");
	refuses("{\"number\":1.5}", "number", "number: 1.5 is not an integer");
	refuses("{\"number\":9223372036854775808}", "number", "number: 9223372036854775808 is not an integer");
	refuses("{\"number\":[]}", "number", "number: an array is not an integer");
	refuses("{\"number\":1,\"name\":5}", "name", "name: 5 is not a string");
	refuses("{\"number\":1,\"name\":{}}", "name", "name: an object is not a string");
	refuses("{\"number\":1,\"object\":\"x\"}", "object", "object: \"x\" is not an array or an object");
	refuses("{\"number\":1,\"ratio\":\"high\"}", "ratio", "ratio: \"high\" is not a number");
	refuses("{\"number\":1,\"ratio\":1e999}", "ratio", "ratio: 1e999 is not a number");
	refuses("{\"number\":1,\"flag\":0}", "flag", "flag: 0 is not true or false");
	refuses("{\"number\":1,\"maybe_i\":true}", "maybe_i", "maybe_i: true is not an integer");
	refuses("{\"number\":1,\"maybe_f\":[1]}", "maybe_f", "maybe_f: an array is not a number");
	refuses("{\"number\":1,\"maybe_b\":\"yes\"}", "maybe_b", "maybe_b: \"yes\" is not true or false");
	refuses("{\"number\":1,\"color\":\"Red\"}", "color", "color: \"Red\" is not red, green or blue");
	refuses("{\"number\":1,\"color\":1}", "color", "color: 1 is not red, green or blue");
	refuses("{\"number\":1,\"at\":\"tomorrow\"}", "at",
	        "at: \"tomorrow\" is not a time such as \"2026-01-02T03:04:05Z\"");
	refuses("{\"number\":1,\"at\":1767323045678}", "at",
	        "at: 1767323045678 is not a time such as \"2026-01-02T03:04:05Z\"");
	refuses("{\"number\":1,\"inner\":[]}", "inner", "inner: an array is not an object");
	refuses("{\"number\":1,\"name\":123456789012345678901234567890123456789012345678901234567890}", "name",
	        "name: 123456789012345678901234567890123456789012345678… is not a string");
}

TEST(limits_are_named_with_the_value)
{
	refuses("{\"number\":1,\"limited\":0}", "limited", "limited: 0 not in [1, 1000000]");
	refuses("{\"number\":1,\"limited\":1000001}", "limited", "limited: 1000001 not in [1, 1000000]");
	refuses("{\"number\":1,\"maybe_i\":-2}", "maybe_i", "maybe_i: -2 not in [-1, 1]");
	refuses("{\"number\":1,\"percent\":99.6}", "percent", "percent: 99.6 not in [0, 99.5]");
	refuses("{\"number\":1,\"percent\":-1e-9}", "percent", "percent: -1e-9 not in [0, 99.5]");
	refuses("{\"number\":1,\"name\":\"a\"}", "name", "name: 1 bytes, at least 2 are needed");
	refuses("{\"number\":1,\"name\":\"\\u00e9\\u00e9\\u00e9\"}", "name", "name: 6 bytes, at most 5 are allowed");
	refuses("{\"number\":1,\"code\":\"x\"}", "code", "code: \"x\" is not something that begins with c");
	refuses("{\"number\":1,\"object\":[1,2,3,4,5,6]}", "object", "object: 13 bytes of JSON, at most 12 are allowed");
	refuses("{\"number\":1,\"object\":[1]}", "object", "object: an array is not an empty object");
}

TEST(errors_inside_nested_objects_have_a_path)
{
	refuses("{\"number\":1,\"inner\":{\"count\":0}}", "inner.count", "inner.count: 0 not in [1, 9]");
	refuses("{\"number\":1,\"inner\":{\"count\":1,\"deeper\":{\"count\":1,\"label\":2}}}", "inner.deeper.label",
	        "inner.deeper.label: 2 is not a string");
	refuses("{\"number\":1,\"inner\":{}}", "inner.count", "inner.count: is required");
	refuses("{\"number\":1,\"inner\":{\"count\":1,\"lable\":\"x\"}}", "inner.lable",
	        "inner.lable: no such member; did you mean label?");
}

TEST(missing_members_are_named)
{
	refuses("{}", "number", "number: is required");
	refuses("{\"number\":null}", "number", "number: is required");
}

TEST(unknown_members_are_refused_with_the_nearest_name)
{
	refuses("{\"number\":1,\"nmae\":\"ab\"}", "nmae", "nmae: no such member; did you mean name?");
	refuses("{\"number\":1,\"Number\":1}", "Number", "Number: no such member; did you mean number?");
	refuses("{\"number\":1,\"limit\":1}", "limit", "limit: no such member; did you mean limited?");
	refuses("{\"number\":1,\"maybe\":1}", "maybe", "maybe: no such member; did you mean maybe_i?");
	refuses("{\"number\":1,\"zzzzzzzz\":1}", "zzzzzzzz",
	        "zzzzzzzz: no such member; known are name, code, any, object, number, limited, ratio, percent, flag, "
	        "maybe_i, maybe_f, maybe_b, color, at, inner");
}

TEST(hostile_names_do_not_break_the_error)
{
	scoped_buf text = {0};
	struct sample s;
	struct err err;
	buf_adds(&text, "{\"number\":1,\"");
	for (int i = 0; i < 100000; i++)
		buf_adds(&text, "\xe2\x82\xac");
	buf_adds(&text, "\":1}");
	CHECK_STATUS(decode(text.data, JSON_STRICT, &s, &err), STATUS_INVALID);
	CHECK(strlen(err.field) == 48 && strlen(err.msg) < sizeof err.msg);
	CHECK_HAS(err.msg, "no such member; known are");
}

TEST(lenient_decoding_skips_what_it_does_not_know)
{
	struct sample s;
	struct err err;
	CHECK_OK(decode("{\"new\":{\"number\":[1,{\"a\":\"}\"}]},\"number\":5,\"newer\":null}", JSON_LENIENT, &s, &err),
	         err);
	CHECK_INT(s.number, 5);
	CHECK_STATUS(decode("{\"new\":1}", JSON_LENIENT, &s, &err), STATUS_INVALID);
}

TEST(members_come_in_any_order)
{
	struct sample s;
	struct err err;
	CHECK_OK(decode("{\"inner\":{\"deeper\":null,\"count\":2},\"color\":\"green\",\"\\u006eumber\":3,\"name\":\"ab\","
	                "\"flag\":true}",
	                JSON_STRICT, &s, &err),
	         err);
	CHECK(s.inner->count == 2 && s.colour == 1 && s.number == 3 && s.flag);
	CHECK_SPAN(s.name, "ab");
}

TEST(only_objects_are_decoded)
{
	struct sample s;
	struct err err;
	static const char *const texts[] = {"[]", "1", "\"x\"", "null", "true"};
	for (size_t i = 0; i < countof(texts); i++) {
		CHECK_STATUS(decode(texts[i], JSON_LENIENT, &s, &err), STATUS_INVALID);
		CHECK_HAS(err.msg, "is not an object");
	}
	CHECK_STATUS(json_decode(&sample_table, (struct json){0}, JSON_LENIENT, &memory, &s, &err), STATUS_INVALID);
}

TEST(present_members_are_encoded_in_table_order)
{
	scoped_buf out = {0};
	const struct inner deeper = {.count = 4}, inner = {.count = 3, .label = SPAN("a\"b"), .deeper = &deeper};
	const struct sample s = {
	    .name = SPAN("caf\xc3\xa9"),
	    .code = SPAN(""),
	    .any = {SPAN("[1, 2]"), JSON_ARRAY},
	    .number = INT64_MIN,
	    .percent = 0.25,
	    .maybe_i = {true, 0},
	    .maybe_b = {true, false},
	    .colour = 1,
	    .at = {1767323045678},
	    .inner = &inner,
	};
	struct json_writer w = {&out, false};
	json_begin_array(&w);
	json_encode(&sample_table, &s, &w);
	json_encode(&inner_table, &deeper, &w);
	json_end_array(&w);
	CHECK_SPAN(buf_span(&out), "[{\"name\":\"caf\xc3\xa9\",\"code\":\"\",\"any\":[1, "
	                           "2],\"number\":-9223372036854775808,\"limited\":0,\"ratio\":0,"
	                           "\"percent\":0.25,\"flag\":false,\"maybe_i\":0,\"maybe_b\":false,\"color\":\"green\","
	                           "\"at\":\"2026-01-02T03:04:05.678Z\","
	                           "\"inner\":{\"count\":3,\"label\":\"a\\\"b\",\"deeper\":{\"count\":4}}},{\"count\":4}]");
}

TEST(an_encoding_that_does_not_fit_overflows_the_buffer)
{
	scoped_buf full = {0};
	const struct sample s = {.name = SPAN("a name with \n in it"), .any = {SPAN("[1,2,3]"), JSON_ARRAY}, .at = {1}};
	json_encode(&sample_table, &s, &(struct json_writer){&full, false});
	for (size_t max = 1; max < full.len; max++) {
		scoped_buf out = {.max_bytes = max};
		json_encode(&sample_table, &s, &(struct json_writer){&out, false});
		CHECK(out.overflow && out.len <= max);
	}
}
