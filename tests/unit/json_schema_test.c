/* JSON Schema keyword by keyword, in the order of the specification, and what hostile schemas and values may cost. */
#include <stdio.h>
#include <stdlib.h>

#include "json/schema.h"
#include "tests/lib/test.h"

static struct json parsed(struct span text)
{
	struct json v;
	struct err err;
	CHECK_OK(json_parse(text, &v, &err), err);
	return v;
}

static struct json_schema *compiled(const char *text)
{
	struct json_schema *s;
	struct err err;
	enum status status = json_schema_new(span_from(text), &s, &err);
	CHECK_MSG(status == STATUS_OK, "%s: %s", text, err.msg);
	return s;
}

/* Values that fit come before the NULL, those that do not come behind it, up to a second NULL. */
static void judges(const char *schema_text, const char *const *values)
{
	struct json_schema *s = compiled(schema_text);
	for (int fits = 1; fits >= 0; fits--, values++) {
		for (; *values; values++) {
			struct err err;
			enum status status = json_schema_check(s, parsed(span_from(*values)), &err);
			CHECK_MSG((status == STATUS_OK) == fits, "%s against %s: %s", *values, schema_text,
			          status ? err.msg : "fits");
		}
	}
	json_schema_free(s);
}
#define JUDGES(schema, ...) judges(schema, (const char *const[]){__VA_ARGS__, NULL})

static void refused(const char *schema, const char *value, const char *field, const char *message)
{
	struct json_schema *s = compiled(schema);
	struct err err;
	CHECK_STATUS(json_schema_check(s, parsed(span_from(value)), &err), STATUS_INVALID);
	CHECK_SPAN(span_from(err.field), field);
	CHECK_SPAN(span_from(err.msg), message);
	json_schema_free(s);
}

static void malformed(const char *schema, const char *field, const char *why)
{
	struct json_schema *s;
	struct err err;
	CHECK_MSG(json_schema_new(span_from(schema), &s, &err) == STATUS_INVALID, "accepted: %s", schema);
	CHECK_SPAN(span_from(err.field), field);
	CHECK_HAS(err.msg, why);
}

/* ---- any value */

TEST(boolean_schemas)
{
	JUDGES("true", "1", "null", "{}", NULL, NULL);
	JUDGES("false", NULL, "1", "null", "{}");
	JUDGES("{}", "1", "null", "[{}]", NULL, NULL);
	JUDGES("{\"properties\":{\"a\":false}}", "{}", "{\"b\":1}", NULL, "{\"a\":null}");
}

TEST(type)
{
	JUDGES("{\"type\":\"integer\"}", "1", "1.0", "-1e3", "0e-5", "1e400", NULL, "1.1", "1e-1", "\"1\"", "null", "true",
	       "[]", "{}");
	JUDGES("{\"type\":\"number\"}", "1", "1.5", "1e400", NULL, "\"1\"", "null");
	JUDGES("{\"type\":\"string\"}", "\"\"", "\"1\"", NULL, "1", "null", "[]");
	JUDGES("{\"type\":\"boolean\"}", "true", "false", NULL, "0", "\"true\"", "null");
	JUDGES("{\"type\":\"null\"}", "null", NULL, "0", "false", "\"\"");
	JUDGES("{\"type\":\"array\"}", "[]", NULL, "{}", "\"[]\"");
	JUDGES("{\"type\":\"object\"}", "{}", NULL, "[]", "null");
	JUDGES("{\"type\":[\"integer\",\"null\"]}", "1", "null", NULL, "1.5", "\"\"");
}

TEST(enumeration)
{
	JUDGES("{\"enum\":[1,\"a\",null,[1,{\"x\":2}],{\"p\":1,\"q\":[]}]}", "1", "1.0", "10e-1", "\"a\"", "\"\\u0061\"",
	       "null", "[1,{\"x\":2.0}]", "{\"q\":[],\"p\":1}", NULL, "2", "\"b\"", "false", "[1,{\"x\":3}]", "[1]",
	       "{\"p\":1}", "{\"p\":1,\"q\":[],\"r\":0}", "true");
	JUDGES("{\"enum\":[0]}", "0", "-0", "0.0", NULL, "false", "null", "\"\"", "[]");
	JUDGES("{\"enum\":[]}", NULL, "1");
}

TEST(constant)
{
	JUDGES("{\"const\":9007199254740993}", "9007199254740993", "9007199254740993.0", NULL, "9007199254740992",
	       "9007199254740994");
	JUDGES("{\"const\":{\"a\":[null,false]}}", "{\"a\":[null,false]}", NULL, "{\"a\":[false,null]}",
	       "{\"a\":[null,false,1]}", "{\"a\":[null]}");
	JUDGES("{\"const\":null}", "null", NULL, "0");
}

/* ---- numbers */

TEST(bounds_of_numbers)
{
	JUDGES("{\"minimum\":1.1}", "1.1", "1.10", "2", "11e-1", "\"x\"", NULL, "1.09999999999999999999999999999999", "1",
	       "-2");
	JUDGES("{\"maximum\":3}", "3", "3.0", "-1e400", "null", NULL, "3.0000000000000000000001", "1e400");
	JUDGES("{\"exclusiveMinimum\":0}", "1e-400", "1", NULL, "0", "-0.0", "-1");
	JUDGES("{\"exclusiveMaximum\":100}", "99.99999999999999999999", "-100", NULL, "100", "1e2", "101");
	JUDGES("{\"minimum\":-2,\"maximum\":-1}", "-2", "-1.5", "-1", NULL, "-2.0001", "-0.9999", "0");
	JUDGES("{\"minimum\":123456789012345678901234567890}", "123456789012345678901234567890",
	       "123456789012345678901234567891", NULL, "123456789012345678901234567889");
}

TEST(multiples)
{
	JUDGES("{\"multipleOf\":2}", "10", "0", "-4", "2e50", "\"x\"", NULL, "7", "1", "2.5", "1e-5");
	JUDGES("{\"multipleOf\":1.5}", "0", "4.5", "-3", NULL, "35", "4.4");
	JUDGES("{\"multipleOf\":0.0001}", "0.0075", "12391239123", "1e308", NULL, "0.00751");
	JUDGES("{\"multipleOf\":0.01}", "19.99", "0.07", "4.35", "1.15", NULL, "19.999");
	JUDGES("{\"multipleOf\":0.123456789}", "0.246913578", NULL, "1e308", "0.2469135781");
	JUDGES("{\"multipleOf\":10}", "1e3", "20", NULL, "15", "5");
}

/* ---- strings */

TEST(lengths_count_characters)
{
	JUDGES("{\"minLength\":2}", "\"fo\"", "\"\\u00e9\\u00e9\"", "\"\xf0\x9f\x92\xa9\xf0\x9f\x92\xa9\"", "1", NULL,
	       "\"f\"", "\"\xf0\x9f\x92\xa9\"", "\"\\ud83d\\udca9\"", "\"\"");
	JUDGES("{\"maxLength\":2}", "\"fo\"", "\"\"", "\"\xf0\x9f\x92\xa9\\ud83d\\udca9\"", "100", NULL, "\"foo\"",
	       "\"\\n\\n\\n\"");
	JUDGES("{\"maxLength\":2.0}", "\"fo\"", NULL, "\"foo\"");
}

TEST(pattern)
{
	JUDGES("{\"pattern\":\"^a*$\"}", "\"aaa\"", "\"\"", "1", "null", "{}", NULL, "\"abc\"", "\"aa\\n\"");
	JUDGES("{\"pattern\":\"a+\"}", "\"xxaayy\"", NULL, "\"xyz\"");
	JUDGES("{\"pattern\":\"^\\\\d{3}-\\\\w+$\"}", "\"123-abc\"", NULL, "\"12-abc\"", "\"123-\"");
}

TEST(date_time)
{
	JUDGES("{\"format\":\"date-time\"}", "\"2026-01-02T03:04:05Z\"", "\"2026-01-02T03:04:05.123456+02:00\"",
	       "\"1998-12-31T23:59:60Z\"", "1", NULL, "\"2026-01-02\"", "\"2026-02-30T00:00:00Z\"",
	       "\"2026-01-02T25:04:05Z\"", "\"tomorrow\"", "\"\"");
	JUDGES("{\"format\":\"email\"}", "\"anything\"", NULL, NULL);
}

/* ---- arrays */

TEST(items)
{
	JUDGES("{\"items\":{\"type\":\"integer\"}}", "[]", "[1,2,3]", "{\"0\":\"x\"}", NULL, "[1,\"x\"]");
	JUDGES("{\"items\":false}", "[]", NULL, "[1]");
	JUDGES("{\"prefixItems\":[{\"type\":\"integer\"},{\"type\":\"string\"}]}", "[1,\"a\"]", "[1]", "[]",
	       "[1,\"a\",true]", NULL, "[\"a\",1]", "[1,1]");
	JUDGES("{\"prefixItems\":[true,true],\"items\":{\"type\":\"null\"}}", "[1,\"a\"]", "[1,\"a\",null]", NULL,
	       "[1,\"a\",0]", "[1,\"a\",null,0]");
}

TEST(contains)
{
	JUDGES("{\"contains\":{\"minimum\":5}}", "[3,4,5]", "[5,6]", "{}", NULL, "[]", "[2,3,4]");
	JUDGES("{\"contains\":{\"const\":1},\"minContains\":2,\"maxContains\":3}", "[1,1]", "[1,2,1,1]", NULL, "[1]",
	       "[1,1,1,1]", "[]");
	JUDGES("{\"contains\":{\"const\":1},\"minContains\":0}", "[]", "[2]", NULL, NULL);
}

TEST(numbers_of_elements)
{
	JUDGES("{\"minItems\":1,\"maxItems\":2}", "[1]", "[1,2]", "\"\"", NULL, "[]", "[1,2,3]");
}

TEST(unique_elements)
{
	JUDGES("{\"uniqueItems\":true}", "[]", "[1,2]", "[1,true]", "[0,false]", "[\"a\",\"A\"]", "[{\"a\":1},{\"a\":2}]",
	       "[[1],[2]]", "[1,\"1\"]", "{}", NULL, "[1,1.0]", "[\"a\",\"\\u0061\"]",
	       "[{\"a\":1,\"b\":2},{\"b\":2,\"a\":1}]", "[[\"foo\"],[\"bar\"],[\"foo\"]]", "[1,2,3,4,1]", "[null,null]");
	JUDGES("{\"uniqueItems\":false}", "[1,1]", NULL, NULL);
}

/* ---- objects */

TEST(properties)
{
	JUDGES("{\"properties\":{\"foo\":{\"type\":\"integer\"},\"b\\u0061r\":{\"type\":\"string\"}}}",
	       "{\"foo\":1,\"bar\":\"x\"}", "{}", "{\"quux\":[]}", "[]", "{\"f\\u006fo\":1}", NULL, "{\"foo\":\"x\"}",
	       "{\"bar\":1}", "{\"f\\u006fo\":\"x\"}", "{\"bar\":{}}");
	JUDGES("{\"patternProperties\":{\"^f.*o$\":{\"type\":\"integer\"},\"a\":{\"maximum\":3}}}",
	       "{\"foo\":1,\"foooo\":2}", "{\"bar\":3}", "{}", NULL, "{\"foo\":\"x\"}", "{\"fao\":4}", "{\"fao\":\"x\"}");
}

TEST(additional_properties)
{
	JUDGES("{\"properties\":{\"foo\":true},\"patternProperties\":{\"^v\":true},\"additionalProperties\":false}",
	       "{\"foo\":1}", "{\"foo\":1,\"vroom\":2}", "{}", "[1]", NULL, "{\"quux\":1}", "{\"foo\":1,\"quux\":2}");
	JUDGES("{\"properties\":{\"foo\":true},\"additionalProperties\":{\"type\":\"boolean\"}}", "{\"foo\":1}",
	       "{\"foo\":1,\"x\":true}", NULL, "{\"x\":12}");
	JUDGES("{\"additionalProperties\":{\"type\":\"string\"}}", "{}", "{\"a\":\"b\"}", NULL, "{\"a\":1}");
}

TEST(required_members)
{
	JUDGES("{\"required\":[\"foo\",\"b\\\"r\"]}", "{\"foo\":1,\"b\\\"r\":null}", "[]", "1", NULL, "{\"foo\":1}", "{}",
	       "{\"b\\\"r\":1}");
	JUDGES("{\"dependentRequired\":{\"quux\":[\"foo\",\"bar\"]}}", "{}", "{\"foo\":1}",
	       "{\"foo\":1,\"bar\":2,\"quux\":3}", NULL, "{\"foo\":1,\"quux\":2}", "{\"quux\":1}");
	JUDGES("{\"dependentSchemas\":{\"bar\":{\"properties\":{\"foo\":{\"type\":\"integer\"}},\"minProperties\":2}}}",
	       "{\"foo\":1,\"bar\":2}", "{\"foo\":\"x\"}", NULL, "{\"foo\":\"x\",\"bar\":2}", "{\"bar\":1}");
}

TEST(names_and_numbers_of_members)
{
	JUDGES("{\"propertyNames\":{\"maxLength\":3,\"pattern\":\"^[a-z]*$\"}}", "{}", "{\"abc\":1}", "{\"\\u0061\":1}",
	       NULL, "{\"abcd\":1}", "{\"A\":1}");
	JUDGES("{\"propertyNames\":false}", "{}", NULL, "{\"a\":1}");
	JUDGES("{\"minProperties\":1,\"maxProperties\":2}", "{\"a\":1}", "{\"a\":1,\"b\":2}", "[]", NULL, "{}",
	       "{\"a\":1,\"b\":2,\"c\":3}");
}

/* ---- schemas of schemas */

TEST(combinations)
{
	JUDGES("{\"allOf\":[{\"minimum\":1},{\"maximum\":3}]}", "1", "3", NULL, "0", "4");
	JUDGES("{\"anyOf\":[{\"type\":\"integer\"},{\"minimum\":2}]}", "1", "2.5", "3", NULL, "1.5");
	JUDGES("{\"oneOf\":[{\"type\":\"integer\"},{\"minimum\":2}]}", "1", "2.5", NULL, "3", "1.5");
	JUDGES("{\"oneOf\":[true,true,false]}", NULL, "1");
	JUDGES("{\"not\":{\"type\":\"integer\"}}", "\"a\"", NULL, "1");
	JUDGES("{\"not\":{\"not\":{\"type\":\"integer\"}}}", "1", NULL, "\"a\"");
}

TEST(conditions)
{
	JUDGES("{\"if\":{\"exclusiveMaximum\":0},\"then\":{\"minimum\":-10},\"else\":{\"multipleOf\":2}}", "-1", "4", NULL,
	       "-100", "3");
	JUDGES("{\"if\":{\"const\":0},\"then\":{\"const\":1}}", "1", "2", NULL, "0");
	JUDGES("{\"if\":false,\"else\":{\"const\":1}}", "1", NULL, "0");
	JUDGES("{\"then\":false,\"else\":false}", "1", NULL, NULL);
}

TEST(references)
{
	JUDGES("{\"properties\":{\"foo\":{\"$ref\":\"#\"}},\"additionalProperties\":false}", "{\"foo\":{\"foo\":{}}}",
	       "{\"foo\":false}", NULL, "{\"bar\":1}", "{\"foo\":{\"bar\":1}}");
	JUDGES("{\"$defs\":{\"a\":{\"type\":\"integer\"},\"b\":{\"$ref\":\"#/$defs/a\"}},\"$ref\":\"#/$defs/"
	       "b\",\"maximum\":5}",
	       "5", NULL, "\"a\"", "6");
	JUDGES("{\"$defs\":{\"t~x\":{\"type\":\"integer\"},\"s/"
	       "x\":true,\"p%x\":{\"type\":\"string\"}},\"properties\":{\"t\":{\"$ref\":\"#/$defs/"
	       "t~0x\"},\"s\":{\"$ref\":\"#/$defs/s~1x\"},"
	       "\"p\":{\"$ref\":\"#/$defs/p%25x\"}}}",
	       "{\"t\":1,\"s\":2,\"p\":\"3\"}", NULL, "{\"t\":\"1\"}", "{\"p\":3}");
	JUDGES("{\"prefixItems\":[{\"type\":\"integer\"},{\"$ref\":\"#/prefixItems/0\"}]}", "[1,2]", NULL, "[1,\"x\"]");
	/* A reference into a place that is no schema by itself is read as one. */
	JUDGES("{\"x-own\":{\"word\":{\"pattern\":\"^w\"}},\"$ref\":\"#/x-own/word\"}", "\"word\"", NULL, "\"x\"");
	JUDGES("{\"type\":\"object\",\"required\":[\"v\"],\"properties\":{\"v\":{\"type\":\"number\"},\"kids\":{\"type\":"
	       "\"array\",\"items\":{\"$ref\":\"#\"}}}}",
	       "{\"v\":1,\"kids\":[{\"v\":2},{\"v\":3,\"kids\":[]}]}", NULL,
	       "{\"v\":1,\"kids\":[{\"v\":2},{\"kids\":[]}]}");
}

TEST(annotations_are_ignored)
{
	JUDGES("{\"title\":1,\"description\":[],\"default\":5,\"examples\":{},\"$comment\":\"x\",\"$id\":\"x\","
	       "\"deprecated\":true,\"x\":{\"type\":3}}",
	       "1", "null", NULL, NULL);
}

/* ---- errors */

TEST(errors_point_at_the_value)
{
	refused("{\"properties\":{\"a\":{\"items\":{\"required\":[\"b\"]}}}}", "{\"a\":[{\"b\":1},{}]}", "/a/1",
	        "/a/1: member \"b\" is missing");
	refused("{\"properties\":{\"a/b\":{\"properties\":{\"c~d\":{\"minimum\":5}}}}}", "{\"a/b\":{\"c~d\":4}}",
	        "/a~1b/c~0d", "/a~1b/c~0d: 4 is below 5");
	refused("{\"type\":[\"string\",\"null\"]}", "[1]", "", "an array is not of type [\"string\",\"null\"]");
	refused("{\"additionalProperties\":false}", "{\"x\\n\":1}", "/x\n", "/x\n: no such member is allowed");
	refused("{\"enum\":[\"a\",\"b\"]}", "\"c\"", "", "\"c\" is not one of [\"a\",\"b\"]");
	refused("{\"anyOf\":[{\"type\":\"string\"},{\"minimum\":3}]}", "2", "", "2 fits none of anyOf");
	refused("{\"oneOf\":[true,true]}", "2", "", "2 fits more than one of oneOf");
	refused("{\"uniqueItems\":true}", "[1,2,1]", "", "elements 0 and 2 are equal");
	refused("{\"maxLength\":1}", "\"ab\"", "", "2 characters, at most 1 are allowed");
	refused("{\"contains\":{\"const\":1}}", "[2]", "", "0 fitting elements, at least 1 are needed");
	refused("{\"dependentRequired\":{\"a\":[\"b\"]}}", "{\"a\":1}", "",
	        "member \"b\" is missing, because another one is there");
}

TEST(long_pointers_are_cut)
{
	scoped_buf schema = {0}, value = {0};
	struct err err;
	for (int i = 0; i < 30; i++) {
		buf_adds(&schema, "{\"properties\":{\"caf\xc3\xa9\":");
		buf_adds(&value, "{\"caf\xc3\xa9\":");
	}
	buf_adds(&schema, "false");
	buf_adds(&value, "1");
	for (int i = 0; i < 30; i++) {
		buf_adds(&schema, "}}");
		buf_adds(&value, "}");
	}
	struct json_schema *s = compiled(schema.data);
	CHECK_STATUS(json_schema_check(s, parsed(buf_span(&value)), &err), STATUS_INVALID);
	CHECK(strlen(err.field) < sizeof err.field);
	CHECK_HAS(err.msg, "nothing is allowed here");
	json_schema_free(s);
}

TEST(malformed_schemas_are_refused_with_their_place)
{
	malformed("[]", "", "a schema is an object, true or false");
	malformed("{\"type\":\"int\"}", "/type", "not the name of a type");
	malformed("{\"type\":[\"string\",5]}", "/type", "not the name of a type");
	malformed("{\"type\":null}", "/type", "not the name of a type");
	malformed("{\"properties\":[]}", "/properties", "expected an object of schemas");
	malformed("{\"properties\":{\"a\":{\"items\":{\"minimum\":\"1\"}}}}", "/properties/a/items/minimum",
	          "expected a number");
	malformed("{\"properties\":{\"a\":1}}", "/properties/a", "a schema is an object");
	malformed("{\"items\":[{}]}", "/items", "a schema is an object");
	malformed("{\"required\":\"a\"}", "/required", "expected an array of strings");
	malformed("{\"required\":[1]}", "/required", "expected an array of strings");
	malformed("{\"dependentRequired\":{\"a\":\"b\"}}", "/dependentRequired", "expected an object of arrays of strings");
	malformed("{\"minLength\":-1}", "/minLength", "expected a whole number");
	malformed("{\"maxItems\":1.5}", "/maxItems", "expected a whole number");
	malformed("{\"multipleOf\":0}", "/multipleOf", "above 0");
	malformed("{\"multipleOf\":-2}", "/multipleOf", "above 0");
	malformed("{\"multipleOf\":1.234567890123456789}", "/multipleOf", "18 digits");
	malformed("{\"allOf\":[]}", "/allOf", "expected an array of schemas");
	malformed("{\"anyOf\":{}}", "/anyOf", "expected an array of schemas");
	malformed("{\"enum\":1}", "/enum", "expected an array");
	malformed("{\"uniqueItems\":1}", "/uniqueItems", "expected true or false");
	malformed("{\"pattern\":\"(\"}", "/pattern", "( is not closed");
	malformed("{\"pattern\":5}", "/pattern", "expected a pattern");
	malformed("{\"patternProperties\":{\"[\":{}}}", "/patternProperties/[", "[ is not closed");
	malformed("{\"format\":{}}", "/format", "expected a string");
	malformed("{\"$ref\":\"#/$defs/none\"}", "/$ref", "the reference leads nowhere");
	malformed("{\"$ref\":\"#anchor\"}", "/$ref", "the reference leads nowhere");
	malformed("{\"$ref\":\"other.json\"}", "/$ref", "the reference leads nowhere");
	malformed("{\"$ref\":\"https://example.org/x\"}", "/$ref", "the reference leads nowhere");
	malformed("{\"$ref\":\"#/%zz\"}", "/$ref", "the reference leads nowhere");
	malformed("{\"$ref\":5}", "/$ref", "expected a reference");
	malformed("{\"$ref\":\"#/x\",\"x\":[]}", "/$ref", "a schema is an object");
	malformed("{\"unevaluatedProperties\":false}", "/unevaluatedProperties", "not supported");
	malformed("{\"$defs\":{\"a\":{\"unevaluatedItems\":false}}}", "/$defs/a/unevaluatedItems", "not supported");
	malformed("{\"$dynamicRef\":\"#a\"}", "/$dynamicRef", "not supported");
	malformed("{", "", "not valid JSON at byte 1");
}

/* ---- files */

static void write_file(const char *name, const char *text)
{
	char path[512];
	snprintf(path, sizeof path, "%s/%s", test_dir(), name);
	FILE *f = fopen(path, "w");
	CHECK(f && fputs(text, f) >= 0 && fclose(f) == 0);
}

TEST(references_lead_to_files_of_the_same_folder)
{
	struct json_schema *s;
	struct err err;
	write_file("a.json", "{\"properties\":{\"b\":{\"$ref\":\"b.json\"},\"c\":{\"$ref\":\"b.json#/$defs/c\"}}}");
	write_file("b.json", "{\"$defs\":{\"c\":{\"pattern\":\"^c\"}},\"properties\":{\"a\":{\"$ref\":\"a.json\"},\"c\":{"
	                     "\"$ref\":\"#/$defs/c\"}},\"minProperties\":1}");
	CHECK_OK(json_schema_load(test_dir(), "a.json", &s, &err), err);
	CHECK_OK(json_schema_check(s, parsed(SPAN("{\"b\":{\"a\":{\"b\":{\"c\":\"c\"}}},\"c\":\"cc\"}")), &err), err);
	CHECK_STATUS(json_schema_check(s, parsed(SPAN("{\"b\":{\"a\":{\"b\":{\"c\":\"x\"}}}}")), &err), STATUS_INVALID);
	CHECK_SPAN(span_from(err.field), "/b/a/b/c");
	CHECK_STATUS(json_schema_check(s, parsed(SPAN("{\"b\":{}}")), &err), STATUS_INVALID);
	json_schema_free(s);
}

TEST(files_that_cannot_be_read_are_named)
{
	struct json_schema *s;
	struct err err;
	write_file("away.json", "{\"$ref\":\"none.json\"}");
	write_file("up.json", "{\"$ref\":\"../secret.json\"}");
	write_file("broken.json", "{\"type\":");
	CHECK_STATUS(json_schema_load(test_dir(), "away.json", &s, &err), STATUS_NOT_FOUND);
	CHECK_HAS(err.msg, "none.json");
	CHECK_STATUS(json_schema_load(test_dir(), "up.json", &s, &err), STATUS_NOT_FOUND);
	CHECK_STATUS(json_schema_load(test_dir(), "missing.json", &s, &err), STATUS_NOT_FOUND);
	CHECK_STATUS(json_schema_load(test_dir(), "broken.json", &s, &err), STATUS_INVALID);
	CHECK_HAS(err.msg, "broken.json: not valid JSON at byte 8");
}

/* ---- hostile input */

/* What would take hours without a budget: that the answer comes at all is the test. */
static enum status cost_bounded(const char *schema, struct span value)
{
	struct json_schema *s = compiled(schema);
	struct err err;
	enum status status = json_schema_check(s, parsed(value), &err);
	json_schema_free(s);
	return status;
}

TEST(endless_references_end)
{
	CHECK_STATUS(cost_bounded("{\"$ref\":\"#\"}", SPAN("1")), STATUS_TOO_LARGE);
	CHECK_STATUS(cost_bounded("{\"$defs\":{\"a\":{\"$ref\":\"#/$defs/b\"},\"b\":{\"$ref\":\"#/$defs/"
	                          "a\"}},\"not\":{\"$ref\":\"#/$defs/a\"}}",
	                          SPAN("1")),
	             STATUS_TOO_LARGE);
}

TEST(branching_references_do_not_explode)
{
	scoped_buf schema = {0};
	buf_adds(&schema, "{\"$ref\":\"#/$defs/d0\",\"$defs\":{");
	for (int i = 0; i < 60; i++)
		buf_printf(&schema, "\"d%d\":{\"anyOf\":[{\"$ref\":\"#/$defs/d%d\"},{\"$ref\":\"#/$defs/d%d\"}]},", i, i + 1,
		           i + 1);
	buf_adds(&schema, "\"d60\":false}}");
	CHECK_STATUS(cost_bounded(schema.data, SPAN("1")), STATUS_TOO_LARGE);
}

TEST(patterns_do_not_explode)
{
	scoped_buf value = {0};
	buf_addc(&value, '"');
	for (int i = 0; i < 30000; i++)
		buf_addc(&value, 'a');
	buf_adds(&value, "!\"");
	CHECK_STATUS(cost_bounded("{\"pattern\":\"^(a+)+$\"}", buf_span(&value)), STATUS_INVALID);
	CHECK_STATUS(cost_bounded("{\"pattern\":\"^(a|aa|a*)*b\"}", buf_span(&value)), STATUS_INVALID);
	CHECK_STATUS(cost_bounded("{\"pattern\":\"^(a?){500}b{0,500}$\"}", buf_span(&value)), STATUS_INVALID);
	CHECK_STATUS(cost_bounded("{\"pattern\":\"(a|a){500}b\"}", buf_span(&value)), STATUS_TOO_LARGE);
}

TEST(comparing_many_elements_is_bounded)
{
	scoped_buf value = {0};
	buf_addc(&value, '[');
	for (int i = 0; i < 40000; i++)
		buf_printf(&value, "%s%d", i ? "," : "", i);
	buf_addc(&value, ']');
	CHECK_STATUS(cost_bounded("{\"uniqueItems\":true}", buf_span(&value)), STATUS_TOO_LARGE);
	CHECK_STATUS(cost_bounded("{\"items\":{\"minimum\":0},\"contains\":{\"const\":39999}}", buf_span(&value)),
	             STATUS_OK);
}

TEST(schemas_nested_too_deeply_are_refused)
{
	scoped_buf schema = {0};
	struct json_schema *s;
	struct err err;
	buf_adds(&schema, "{\"$defs\":{");
	for (int i = 0; i < 1000; i++)
		buf_printf(&schema, "\"d%d\":{\"$ref\":\"#/$defs/d%d\"},", i, i + 1);
	buf_adds(&schema, "\"d1000\":{}}}");
	CHECK_STATUS(json_schema_new(buf_span(&schema), &s, &err), STATUS_INVALID);
	CHECK_HAS(err.msg, "schemas nested too deeply");
	char *big = calloc(1, JSON_SCHEMA_BYTES_MAX + 1);
	memset(big, ' ', JSON_SCHEMA_BYTES_MAX + 1);
	CHECK_STATUS(json_schema_new(span_of(big, JSON_SCHEMA_BYTES_MAX + 1), &s, &err), STATUS_TOO_LARGE);
	free(big);
}
