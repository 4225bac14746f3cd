/* Every rule of the comparison, seen at work; and what must not be told. */
#include <stdio.h>
#include <stdlib.h>

#include "openapi/rules.h"
#include "tests/lib/test.h"

static struct arena kept;

static struct api *load(const char *text)
{
	struct api *a;
	struct err err;
	CHECK_OK(api_load(span_from(text), &a, &err), err);
	return a;
}

/* Compares two texts; the ids of what was found, sorted as told, each between blanks. */
static const char *found(const char *before, const char *after)
{
	struct api *b = load(before), *a = load(after);
	struct api_changes changes;
	scoped_buf ids = {0}, text = {0};
	api_compare(b, a, &changes);
	buf_addc(&ids, ' ');
	for (size_t i = 0; i < changes.n; i++) {
		buf_printf(&ids, "%s ", changes.all[i].rule->id);
		buf_reset(&text);
		api_change_text(&changes.all[i], &text);
		CHECK(text.len && !memchr(text.data, '%', text.len));
	}
	const char *out = arena_cstr(&kept, buf_span(&ids));
	api_changes_free(&changes);
	api_free(b);
	api_free(a);
	return out;
}

/* ---- rules of schemas: each case is tried at all four sides */

static const char *const templates[SIDE_COUNT] = {
    "{\"openapi\":\"3.1.0\",\"info\":{\"version\":\"%s\"},\"paths\":{\"/x\":{\"get\":{\"parameters\":[{\"name\":\"p\",\"in\":\"query\","
    "\"schema\":%s}],\"responses\":{}}}}}",
    "{\"openapi\":\"3.1.0\",\"info\":{\"version\":\"%s\"},\"paths\":{\"/x\":{\"post\":{\"requestBody\":{\"content\":{\"application/"
    "json\":{\"schema\":%s}}},\"responses\":{}}}}}",
    "{\"openapi\":\"3.1.0\",\"info\":{\"version\":\"%s\"},\"paths\":{\"/x\":{\"get\":{\"responses\":{\"200\":{\"content\":{\"application/"
    "json\":{\"schema\":%s}}}}}}}}",
    "{\"openapi\":\"3.1.0\",\"info\":{\"version\":\"%s\"},\"paths\":{\"/x\":{\"get\":{\"responses\":{\"200\":{\"headers\":{\"X\":{\"schema\":%s}"
    "}}}}}}}",
};

static const struct {
	enum schema_rule_name rule;
	const char *before, *after;
} schema_cases[] = {
    {SCHEMA_TYPE_CHANGED, "{\"type\":\"string\"}", "{\"type\":\"integer\"}"},
    {SCHEMA_TYPE_NARROWED, "{\"type\":[\"string\",\"integer\"]}", "{\"type\":\"integer\"}"},
    {SCHEMA_TYPE_NARROWED, "{\"type\":\"number\"}", "{\"type\":\"integer\"}"},
    {SCHEMA_TYPE_NARROWED, "{}", "{\"type\":[\"integer\",\"null\"]}"},
    {SCHEMA_TYPE_WIDENED, "{\"type\":\"integer\"}", "{\"type\":\"number\"}"},
    {SCHEMA_NULL_REFUSED, "{\"type\":[\"string\",\"null\"]}", "{\"type\":\"string\"}"},
    {SCHEMA_NULL_ALLOWED, "{\"type\":\"string\"}", "{\"type\":[\"string\",\"null\"]}"},
    {SCHEMA_NULL_ALLOWED, "{\"type\":\"string\"}", "{\"type\":\"string\",\"nullable\":true}"},
    {SCHEMA_NOTHING_FITS, "true", "false"},
    {SCHEMA_FORMAT_ADDED, "{}", "{\"format\":\"uuid\"}"},
    {SCHEMA_FORMAT_REMOVED, "{\"format\":\"uuid\"}", "{}"},
    {SCHEMA_FORMAT_CHANGED, "{\"format\":\"uuid\"}", "{\"format\":\"date\"}"},
    {SCHEMA_ENUM_VALUE_REMOVED, "{\"enum\":[1,2]}", "{\"enum\":[1]}"},
    {SCHEMA_ENUM_VALUE_ADDED, "{\"enum\":[1]}", "{\"enum\":[1,\"a\"]}"},
    {SCHEMA_ENUM_ADDED, "{}", "{\"enum\":[1]}"},
    {SCHEMA_ENUM_REMOVED, "{\"enum\":[1]}", "{}"},
    {SCHEMA_CONST_ADDED, "{}", "{\"const\":{\"a\":1}}"},
    {SCHEMA_CONST_REMOVED, "{\"const\":1}", "{}"},
    {SCHEMA_CONST_CHANGED, "{\"const\":1}", "{\"const\":2}"},
    {SCHEMA_MINIMUM_RAISED, "{\"minimum\":1}", "{\"minimum\":2}"},
    {SCHEMA_MINIMUM_RAISED, "{\"minimum\":1}", "{\"exclusiveMinimum\":1}"},
    {SCHEMA_MINIMUM_RAISED, "{}", "{\"minimum\":0}"},
    {SCHEMA_MINIMUM_LOWERED, "{\"minimum\":1,\"exclusiveMinimum\":true}", "{\"minimum\":1}"},
    {SCHEMA_MINIMUM_LOWERED, "{\"minimum\":1}", "{}"},
    {SCHEMA_MAXIMUM_LOWERED, "{\"maximum\":5}", "{\"maximum\":4}"},
    {SCHEMA_MAXIMUM_LOWERED, "{\"maximum\":5}", "{\"exclusiveMaximum\":5}"},
    {SCHEMA_MAXIMUM_RAISED, "{\"maximum\":5}", "{\"maximum\":6}"},
    {SCHEMA_MULTIPLE_ADDED, "{}", "{\"multipleOf\":2}"},
    {SCHEMA_MULTIPLE_REMOVED, "{\"multipleOf\":2}", "{}"},
    {SCHEMA_MULTIPLE_CHANGED, "{\"multipleOf\":2}", "{\"multipleOf\":3}"},
    {SCHEMA_MIN_LENGTH_RAISED, "{}", "{\"minLength\":1}"},
    {SCHEMA_MIN_LENGTH_LOWERED, "{\"minLength\":2}", "{\"minLength\":1}"},
    {SCHEMA_MAX_LENGTH_LOWERED, "{}", "{\"maxLength\":9}"},
    {SCHEMA_MAX_LENGTH_RAISED, "{\"maxLength\":9}", "{\"maxLength\":10}"},
    {SCHEMA_PATTERN_ADDED, "{}", "{\"pattern\":\"^a\"}"},
    {SCHEMA_PATTERN_REMOVED, "{\"pattern\":\"^a\"}", "{}"},
    {SCHEMA_PATTERN_CHANGED, "{\"pattern\":\"^a\"}", "{\"pattern\":\"^b\"}"},
    {SCHEMA_MIN_ITEMS_RAISED, "{}", "{\"minItems\":1}"},
    {SCHEMA_MIN_ITEMS_LOWERED, "{\"minItems\":1}", "{}"},
    {SCHEMA_MAX_ITEMS_LOWERED, "{\"maxItems\":3}", "{\"maxItems\":2}"},
    {SCHEMA_MAX_ITEMS_RAISED, "{\"maxItems\":3}", "{}"},
    {SCHEMA_UNIQUE_ADDED, "{}", "{\"uniqueItems\":true}"},
    {SCHEMA_UNIQUE_REMOVED, "{\"uniqueItems\":true}", "{\"uniqueItems\":false}"},
    {SCHEMA_CONTAINS_ADDED, "{}", "{\"contains\":{}}"},
    {SCHEMA_CONTAINS_REMOVED, "{\"contains\":{}}", "{}"},
    {SCHEMA_PREFIX_ITEM_ADDED, "{\"prefixItems\":[{}]}", "{\"prefixItems\":[{},{}]}"},
    {SCHEMA_PREFIX_ITEM_REMOVED, "{\"prefixItems\":[{}]}", "{}"},
    {SCHEMA_MIN_PROPERTIES_RAISED, "{}", "{\"minProperties\":1}"},
    {SCHEMA_MIN_PROPERTIES_LOWERED, "{\"minProperties\":1}", "{}"},
    {SCHEMA_MAX_PROPERTIES_LOWERED, "{}", "{\"maxProperties\":1}"},
    {SCHEMA_MAX_PROPERTIES_RAISED, "{\"maxProperties\":1}", "{\"maxProperties\":2}"},
    {SCHEMA_PROPERTY_ADDED, "{\"properties\":{\"a\":{}}}", "{\"properties\":{\"a\":{},\"b\":{}}}"},
    {SCHEMA_PROPERTY_ADDED_REQUIRED, "{}", "{\"properties\":{\"b\":{}},\"required\":[\"b\"]}"},
    {SCHEMA_PROPERTY_REMOVED, "{\"properties\":{\"a\":{},\"b\":{}}}", "{\"properties\":{\"a\":{}}}"},
    {SCHEMA_PROPERTY_REFUSED, "{\"properties\":{\"a\":{}},\"additionalProperties\":false}", "{\"additionalProperties\":false}"},
    {SCHEMA_PROPERTY_BECAME_REQUIRED, "{\"properties\":{\"a\":{}}}", "{\"properties\":{\"a\":{}},\"required\":[\"a\"]}"},
    {SCHEMA_PROPERTY_BECAME_OPTIONAL, "{\"properties\":{\"a\":{}},\"required\":[\"a\"]}", "{\"properties\":{\"a\":{}}}"},
    {SCHEMA_ADDITIONAL_REFUSED, "{}", "{\"additionalProperties\":false}"},
    {SCHEMA_ADDITIONAL_ALLOWED, "{\"additionalProperties\":false}", "{\"additionalProperties\":true}"},
    {SCHEMA_PATTERN_PROPERTY_ADDED, "{}", "{\"patternProperties\":{\"^x-\":{}}}"},
    {SCHEMA_PATTERN_PROPERTY_REMOVED, "{\"patternProperties\":{\"^x-\":{}}}", "{}"},
    {SCHEMA_PROPERTY_NAMES_ADDED, "{}", "{\"propertyNames\":{}}"},
    {SCHEMA_PROPERTY_NAMES_REMOVED, "{\"propertyNames\":{}}", "{}"},
    {SCHEMA_DEPENDENT_ADDED, "{}", "{\"dependentRequired\":{\"a\":[\"b\"]}}"},
    {SCHEMA_DEPENDENT_REMOVED, "{\"dependentRequired\":{\"a\":[\"b\"]}}", "{}"},
    {SCHEMA_ONE_OF_ADDED, "{\"oneOf\":[{}]}", "{\"oneOf\":[{},{}]}"},
    {SCHEMA_ONE_OF_ADDED, "{\"oneOf\":[{}]}", "{}"},
    {SCHEMA_ONE_OF_REMOVED, "{\"oneOf\":[{},{\"$ref\":\"#/components/schemas/A\"}]}", "{\"oneOf\":[{}]}"},
    {SCHEMA_ANY_OF_ADDED, "{\"anyOf\":[{}]}", "{\"anyOf\":[{},{\"$ref\":\"#/components/schemas/A\"}]}"},
    {SCHEMA_ANY_OF_REMOVED, "{}", "{\"anyOf\":[{}]}"},
    {SCHEMA_NOT_ADDED, "{}", "{\"not\":{}}"},
    {SCHEMA_NOT_REMOVED, "{\"not\":{}}", "{}"},
    {SCHEMA_DISCRIMINATOR_ADDED, "{}", "{\"discriminator\":{\"propertyName\":\"k\"}}"},
    {SCHEMA_DISCRIMINATOR_REMOVED, "{\"discriminator\":{\"propertyName\":\"k\"}}", "{}"},
    {SCHEMA_DISCRIMINATOR_CHANGED, "{\"discriminator\":{\"propertyName\":\"k\"}}", "{\"discriminator\":{\"propertyName\":\"l\"}}"},
    {SCHEMA_MAPPING_ADDED, "{\"discriminator\":{\"propertyName\":\"k\",\"mapping\":{}}}",
     "{\"discriminator\":{\"propertyName\":\"k\",\"mapping\":{\"a\":\"A\"}}}"},
    {SCHEMA_MAPPING_REMOVED, "{\"discriminator\":{\"propertyName\":\"k\",\"mapping\":{\"a\":\"A\"}}}",
     "{\"discriminator\":{\"propertyName\":\"k\"}}"},
    {SCHEMA_READ_ONLY_ADDED, "{}", "{\"readOnly\":true}"},
    {SCHEMA_READ_ONLY_REMOVED, "{\"readOnly\":true}", "{}"},
    {SCHEMA_WRITE_ONLY_ADDED, "{}", "{\"writeOnly\":true}"},
    {SCHEMA_WRITE_ONLY_REMOVED, "{\"writeOnly\":true}", "{}"},
    {SCHEMA_DEPRECATED, "{}", "{\"deprecated\":true}"},
    {SCHEMA_DEFAULT_ADDED, "{}", "{\"default\":1}"},
    {SCHEMA_DEFAULT_REMOVED, "{\"default\":1}", "{}"},
    {SCHEMA_DEFAULT_CHANGED, "{\"default\":1}", "{\"default\":2}"},
    {SCHEMA_ENCODING_CHANGED, "{}", "{\"contentEncoding\":\"base64\"}"},
    {SCHEMA_MEDIA_TYPE_CHANGED, "{\"contentMediaType\":\"a/b\"}", "{\"contentMediaType\":\"a/c\"}"},
};

static const char *document(enum schema_side side, const char *version, const char *schema)
{
	char out[8192];
	CHECK((size_t)snprintf(out, sizeof out, templates[side], version, schema) < sizeof out);
	return arena_cstr(&kept, span_from(out));
}

TEST(every_rule_of_schemas_is_told_at_every_side_and_nothing_else)
{
	bool seen[SCHEMA_RULE_COUNT] = {0};
	for (size_t i = 0; i < countof(schema_cases); i++)
		for (int side = 0; side < SIDE_COUNT; side++) {
			const struct api_rule *rule = rule_of_schema((enum schema_side)side, schema_cases[i].rule);
			char want[128];
			const char *got = found(document((enum schema_side)side, "1", schema_cases[i].before),
			                        document((enum schema_side)side, "2", schema_cases[i].after));
			snprintf(want, sizeof want, " %s ", rule->id);
			CHECK_MSG(strcmp(got, want) == 0, "%s → %s: found%s, wanted%s", schema_cases[i].before, schema_cases[i].after, got, want);
			seen[schema_cases[i].rule] = true;
		}
	for (int i = 0; i < SCHEMA_RULE_COUNT; i++)
		CHECK_MSG(seen[i], "no case for %s", rule_of_schema(SIDE_REQUEST, (enum schema_rule_name)i)->id);
	arena_free(&kept);
}

TEST(requests_and_responses_are_judged_the_other_way_round)
{
	CHECK_INT(api_rule_find(SPAN("request-maximum-lowered"))->level, API_BREAKING);
	CHECK_INT(api_rule_find(SPAN("response-maximum-lowered"))->level, API_INFO);
	CHECK_INT(api_rule_find(SPAN("request-property-became-optional"))->level, API_INFO);
	CHECK_INT(api_rule_find(SPAN("response-property-became-optional"))->level, API_BREAKING);
	CHECK_INT(api_rule_find(SPAN("response-header-maximum-raised"))->level, API_BREAKING);
	CHECK_INT(api_rule_find(SPAN("parameter-maximum-lowered"))->level, API_BREAKING);
}

TEST(rules_have_ids_of_their_own_and_there_are_many)
{
	CHECK(api_rules_n >= 120);
	for (size_t i = 0; i < api_rules_n; i++)
		for (size_t j = 0; j < i; j++)
			CHECK_MSG(strcmp(api_rules[i].id, api_rules[j].id) != 0, "%s is there twice", api_rules[i].id);
}

/* ---- the other rules: members of an operation, or (with "@") of the document */

#define OP(text) "{\"openapi\":\"3.0.3\",\"info\":{\"version\":\"%s\"},\"paths\":{\"/x/{id}\":{\"get\":{" text "}}}}"
#define DOC(text) "{\"openapi\":\"3.1.0\",\"info\":{\"version\":\"%s\"}," text "}"
#define PARAM(text) OP("\"parameters\":[{\"name\":\"p\",\"in\":\"query\"" text "}]")
#define RESPONSE(text) OP("\"responses\":{\"200\":{" text "}}")
#define SCHEME(text) DOC("\"components\":{\"securitySchemes\":{\"s\":{" text "}}}")

static const struct {
	enum other_rule_name rule;
	const char *before, *after;
} other_cases[] = {
    {OTHER_PATH_REMOVED, OP(""), DOC("\"paths\":{}")},
    {OTHER_PATH_ADDED, DOC("\"paths\":{}"), OP("")},
    {OTHER_PATH_PARAMETER_RENAMED, OP(""), DOC("\"paths\":{\"/x/{key}\":{\"get\":{}}}")},
    {OTHER_OPERATION_REMOVED, DOC("\"paths\":{\"/x\":{\"get\":{},\"put\":{}}}"), DOC("\"paths\":{\"/x\":{\"get\":{}}}")},
    {OTHER_OPERATION_RETIRED, DOC("\"paths\":{\"/x\":{\"get\":{\"deprecated\":true}}}"), DOC("\"paths\":{}")},
    {OTHER_OPERATION_ADDED, DOC("\"paths\":{\"/x\":{\"get\":{}}}"), DOC("\"paths\":{\"/x\":{\"get\":{},\"put\":{}}}")},
    {OTHER_OPERATION_DEPRECATED, OP(""), OP("\"deprecated\":true")},
    {OTHER_OPERATION_REVIVED, OP("\"deprecated\":true"), OP("")},
    {OTHER_OPERATION_ID_CHANGED, OP("\"operationId\":\"a\""), OP("\"operationId\":\"b\"")},
    {OTHER_OPERATION_ID_REMOVED, OP("\"operationId\":\"a\""), OP("")},
    {OTHER_OPERATION_ID_ADDED, OP(""), OP("\"operationId\":\"b\"")},
    {OTHER_TAG_REMOVED, OP("\"tags\":[\"a\"]"), OP("\"tags\":[]")},
    {OTHER_TAG_ADDED, OP(""), OP("\"tags\":[\"a\"]")},
    {OTHER_SUNSET_EARLIER, OP("\"x-sunset\":\"2027-01-01\""), OP("\"x-sunset\":\"2026-12-01\"")},
    {OTHER_PARAMETER_ADDED, OP(""), PARAM("")},
    {OTHER_PARAMETER_ADDED_REQUIRED, OP(""), PARAM(",\"required\":true")},
    {OTHER_PARAMETER_REMOVED, PARAM(""), OP("")},
    {OTHER_PARAMETER_BECAME_REQUIRED, PARAM(""), PARAM(",\"required\":true")},
    {OTHER_PARAMETER_BECAME_OPTIONAL, PARAM(",\"required\":true"), PARAM(",\"required\":false")},
    {OTHER_PARAMETER_MOVED, PARAM(""), OP("\"parameters\":[{\"name\":\"p\",\"in\":\"header\"}]")},
    {OTHER_PARAMETER_STYLE, PARAM(""), PARAM(",\"style\":\"pipeDelimited\"")},
    {OTHER_PARAMETER_EXPLODE, PARAM(""), PARAM(",\"explode\":false")},
    {OTHER_PARAMETER_RESERVED, PARAM(""), PARAM(",\"allowReserved\":true")},
    {OTHER_PARAMETER_EMPTY, PARAM(",\"allowEmptyValue\":true"), PARAM("")},
    {OTHER_PARAMETER_DEPRECATED, PARAM(""), PARAM(",\"deprecated\":true")},
    {OTHER_PARAMETER_CONTENT, PARAM(",\"content\":{\"a/b\":{}}"), PARAM(",\"content\":{\"a/c\":{}}")},
    {OTHER_BODY_ADDED, OP(""), OP("\"requestBody\":{}")},
    {OTHER_BODY_ADDED_REQUIRED, OP(""), OP("\"requestBody\":{\"required\":true}")},
    {OTHER_BODY_REMOVED, OP("\"requestBody\":{}"), OP("")},
    {OTHER_BODY_BECAME_REQUIRED, OP("\"requestBody\":{}"), OP("\"requestBody\":{\"required\":true}")},
    {OTHER_BODY_BECAME_OPTIONAL, OP("\"requestBody\":{\"required\":true}"), OP("\"requestBody\":{}")},
    {OTHER_REQUEST_MEDIA_REMOVED, OP("\"requestBody\":{\"content\":{\"a/b\":{},\"a/c\":{}}}"),
     OP("\"requestBody\":{\"content\":{\"a/b\":{}}}")},
    {OTHER_REQUEST_MEDIA_ADDED, OP("\"requestBody\":{\"content\":{\"a/b\":{}}}"),
     OP("\"requestBody\":{\"content\":{\"a/b\":{},\"a/c\":{}}}")},
    {OTHER_REQUEST_ENCODING, OP("\"requestBody\":{\"content\":{\"a/b\":{\"encoding\":{\"f\":{\"contentType\":\"x/y\"}}}}}"),
     OP("\"requestBody\":{\"content\":{\"a/b\":{\"encoding\":{\"f\":{\"contentType\":\"x/z\"}}}}}")},
    {OTHER_SUCCESS_REMOVED, OP("\"responses\":{\"201\":{}}"), OP("\"responses\":{}")},
    {OTHER_SUCCESS_ADDED, OP("\"responses\":{}"), OP("\"responses\":{\"201\":{}}")},
    {OTHER_FAILURE_REMOVED, OP("\"responses\":{\"404\":{}}"), OP("\"responses\":{}")},
    {OTHER_FAILURE_ADDED, OP("\"responses\":{}"), OP("\"responses\":{\"404\":{}}")},
    {OTHER_DEFAULT_RESPONSE_REMOVED, OP("\"responses\":{\"default\":{}}"), OP("\"responses\":{}")},
    {OTHER_DEFAULT_RESPONSE_ADDED, OP("\"responses\":{}"), OP("\"responses\":{\"default\":{}}")},
    {OTHER_RESPONSE_MEDIA_REMOVED, RESPONSE("\"content\":{\"a/b\":{}}"), RESPONSE("\"content\":{}")},
    {OTHER_RESPONSE_MEDIA_ADDED, RESPONSE(""), RESPONSE("\"content\":{\"a/b\":{}}")},
    {OTHER_HEADER_REMOVED, RESPONSE("\"headers\":{\"X\":{\"required\":true}}"), RESPONSE("")},
    {OTHER_HEADER_OPTIONAL_REMOVED, RESPONSE("\"headers\":{\"X\":{}}"), RESPONSE("")},
    {OTHER_HEADER_ADDED, RESPONSE(""), RESPONSE("\"headers\":{\"X\":{}}")},
    {OTHER_HEADER_BECAME_OPTIONAL, RESPONSE("\"headers\":{\"X\":{\"required\":true}}"), RESPONSE("\"headers\":{\"X\":{}}")},
    {OTHER_HEADER_BECAME_REQUIRED, RESPONSE("\"headers\":{\"X\":{}}"), RESPONSE("\"headers\":{\"X\":{\"required\":true}}")},
    {OTHER_LINK_REMOVED, RESPONSE("\"links\":{\"l\":{}}"), RESPONSE("")},
    {OTHER_LINK_ADDED, RESPONSE(""), RESPONSE("\"links\":{\"l\":{}}")},
    {OTHER_SECURITY_ADDED, OP(""), OP("\"security\":[{\"s\":[]}]")},
    {OTHER_SECURITY_ADDED, OP("\"security\":[{},{\"s\":[]}]"), OP("\"security\":[{\"s\":[]}]")},
    {OTHER_SECURITY_REMOVED, OP("\"security\":[{\"s\":[]}]"), OP("\"security\":[]")},
    {OTHER_SECURITY_CHOICE_REMOVED, OP("\"security\":[{\"s\":[]},{\"t\":[]}]"), OP("\"security\":[{\"s\":[]}]")},
    {OTHER_SECURITY_CHOICE_ADDED, OP("\"security\":[{\"s\":[]}]"), OP("\"security\":[{\"s\":[]},{\"t\":[],\"u\":[]}]")},
    {OTHER_SCOPE_ADDED, OP("\"security\":[{\"s\":[]}]"), OP("\"security\":[{\"s\":[\"w\"]}]")},
    {OTHER_SCOPE_REMOVED, OP("\"security\":[{\"s\":[\"w\"]}]"), OP("\"security\":[{\"s\":[]}]")},
    {OTHER_SCHEME_REMOVED, SCHEME(""), DOC("\"paths\":{}")},
    {OTHER_SCHEME_ADDED, DOC("\"paths\":{}"), SCHEME("")},
    {OTHER_SCHEME_TYPE, SCHEME("\"type\":\"http\""), SCHEME("\"type\":\"apiKey\"")},
    {OTHER_SCHEME_PLACE, SCHEME("\"in\":\"header\",\"name\":\"K\""), SCHEME("\"in\":\"query\",\"name\":\"K\"")},
    {OTHER_SCHEME_HTTP, SCHEME("\"scheme\":\"basic\""), SCHEME("\"scheme\":\"bearer\"")},
    {OTHER_SCHEME_FLOW_REMOVED, SCHEME("\"flows\":{\"implicit\":{}}"), SCHEME("\"flows\":{}")},
    {OTHER_SCHEME_FLOW_ADDED, SCHEME("\"flows\":{}"), SCHEME("\"flows\":{\"implicit\":{}}")},
    {OTHER_SCHEME_URL, SCHEME("\"flows\":{\"x\":{\"tokenUrl\":\"a\"}}"), SCHEME("\"flows\":{\"x\":{\"tokenUrl\":\"b\"}}")},
    {OTHER_SERVER_REMOVED, DOC("\"servers\":[{\"url\":\"a\"}]"), DOC("\"servers\":[]")},
    {OTHER_SERVER_ADDED, DOC("\"servers\":[]"), DOC("\"servers\":[{\"url\":\"a\"}]")},
    {OTHER_CALLBACK_REMOVED, OP("\"callbacks\":{\"c\":{}}"), OP("")},
    {OTHER_CALLBACK_ADDED, OP(""), OP("\"callbacks\":{\"c\":{}}")},
    {OTHER_WEBHOOK_REMOVED, DOC("\"webhooks\":{\"w\":{}}"), DOC("\"webhooks\":{}")},
    {OTHER_WEBHOOK_ADDED, DOC("\"webhooks\":{}"), DOC("\"webhooks\":{\"w\":{}}")},
};

static const char *versioned(const char *text, const char *version)
{
	const char *at = strstr(text, "%s");
	return arena_printf(&kept, "%.*s%s%s", (int)(at - text), text, version, at + 2).p;
}

TEST(every_other_rule_is_told_and_nothing_else)
{
	bool seen[OTHER_RULE_COUNT] = {0};
	for (size_t i = 0; i < countof(other_cases); i++) {
		const char *got = found(versioned(other_cases[i].before, "1"), versioned(other_cases[i].after, "2"));
		const char *want = arena_printf(&kept, " %s ", rule_of_other(other_cases[i].rule)->id).p;
		CHECK_MSG(strcmp(got, want) == 0, "%s → %s: found%s, wanted%s", other_cases[i].before, other_cases[i].after, got, want);
		seen[other_cases[i].rule] = true;
	}
	CHECK(strcmp(found(versioned(OP(""), "1"), versioned(DOC("\"paths\":{}"), "1")), " path-removed version-not-raised ") == 0);
	seen[OTHER_VERSION_SAME] = true;
	for (int i = 0; i < OTHER_RULE_COUNT; i++)
		CHECK_MSG(seen[i], "no case for %s", rule_of_other((enum other_rule_name)i)->id);
	arena_free(&kept);
}

/* ---- as a whole */

static const char shared_before[] =
    "openapi: 3.0.0\n"
    "info: {title: t, version: '1'}\n"
    "paths:\n"
    "  /a: &a\n"
    "    get:\n"
    "      responses:\n"
    "        200: {content: {application/json: {schema: {$ref: '#/components/schemas/Node'}}}}\n"
    "  /b: *a\n"
    "components:\n"
    "  schemas:\n"
    "    Node:\n"
    "      type: object\n"
    "      required: [name]\n"
    "      properties:\n"
    "        name: {type: string}\n"
    "        next: {$ref: '#/components/schemas/Node'}\n";

TEST(what_is_shared_is_told_once_with_how_many_it_touches_and_recursion_ends)
{
	struct api *b = load(shared_before);
	scoped_buf text = {0};
	buf_adds(&text, shared_before);
	char *at = strstr(text.data, "name: {type: string}");
	memcpy(at, "nome: {type: string}", 20);
	struct api *a = load(text.data);
	struct api_changes c;
	api_compare(b, a, &c);
	CHECK_INT(c.n, 3);
	CHECK(strcmp(c.all[0].rule->id, "response-property-removed") == 0);
	CHECK_SPAN(c.all[0].operation, "components/schemas/Node");
	CHECK_SPAN(c.all[0].subject, "name");
	CHECK_INT(c.all[0].operations, 2);
	char first[25];
	strcpy(first, c.all[0].fingerprint);
	api_changes_free(&c);
	api_compare(b, a, &c);
	CHECK(strcmp(first, c.all[0].fingerprint) == 0);
	api_changes_free(&c);
	api_compare(b, b, &c);
	CHECK_INT(c.n, 0);
	api_changes_free(&c);
	api_free(a);
	api_free(b);
}

TEST(all_of_is_read_as_one)
{
	const char *before = document(SIDE_RESPONSE, "1", "{\"type\":\"object\",\"properties\":{\"a\":{},\"b\":{}},\"required\":[\"a\"]}");
	const char *after = document(
	    SIDE_RESPONSE, "2",
	    "{\"allOf\":[{\"type\":\"object\",\"properties\":{\"a\":{}},\"required\":[\"a\"]},{\"type\":\"object\",\"properties\":{\"b\":{}}}]}");
	CHECK_MSG(strcmp(found(before, after), " ") == 0, "%s", found(before, after));
	arena_free(&kept);
}

TEST(broken_documents_are_refused_with_their_place)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
	    {"{\"swagger\":\"2.0\"}", "version 2"},
	    {"{\"openapi\":\"4.0.0\"}", "4.0.0"},
	    {"[]", "YAML"},
	    {"openapi: 3.0.0\npaths: [1]\n", "paths"},
	    {"openapi: 3.0.0\nopenapi: 3.0.0\n", "line 2, column 1: a key is there twice"},
	    {"a: [1, 2\n", "line"},
	    {"a: *b\n", "unknown anchor"},
	    {"a: 1\n---\nb: 2\n", "more than one"},
	    {"? [1]\n: 2\n", "scalar"},
	    {"", "no document"},
	    {"&a [*a]\n", "too deep"},
	};
	for (size_t i = 0; i < countof(cases); i++) {
		struct api *a;
		struct err err = {0};
		CHECK_MSG(api_load(span_from(cases[i].text), &a, &err) != STATUS_OK, "%s", cases[i].text);
		CHECK_MSG(strstr(err.msg, cases[i].says) || strstr(err.field, cases[i].says) || strcmp(cases[i].text, "[]") == 0,
		          "%s: %s", cases[i].text, err.msg);
	}
}

TEST(a_bomb_of_aliases_ends)
{
	scoped_buf text = {0};
	struct api *a;
	struct err err;
	buf_adds(&text, "openapi: 3.0.0\nl0: &l0 [x, x, x, x, x, x, x, x, x, x]\n");
	for (int i = 1; i < 12; i++) {
		buf_printf(&text, "l%d: &l%d [", i, i);
		for (int j = 0; j < 10; j++)
			buf_printf(&text, "%s*l%d", j ? ", " : "", i - 1);
		buf_adds(&text, "]\n");
	}
	CHECK_STATUS(api_load(buf_span(&text), &a, &err), STATUS_INVALID);
	CHECK_HAS(err.msg, "too");
}
