/* Schemas of a document as JSON Schema 2020-12: what answers are held against. */
#include "json/schema.h"
#include "openapi/openapi.h"
#include "tests/lib/test.h"

/* Whether `value` is taken by the schema of /x's answer in the document. */
static bool takes(const char *openapi, const char *schema, const char *components, bool answer, const char *value)
{
	scoped_arena a = {0};
	scoped_buf out = {0};
	struct span text = arena_printf(&a,
	                                "{\"openapi\":\"%s\",\"paths\":{\"/x\":{\"get\":{\"parameters\":[{\"name\":\"p\",\"in\":\"query\","
	                                "\"schema\":%s}]}}},\"components\":{\"schemas\":{%s}}}",
	                                openapi, schema, components);
	struct api *api;
	struct api_operation *operations;
	struct json *parameters, found, v;
	struct json_schema *s;
	struct err err;
	CHECK_OK(api_load(text, &api, &err), err);
	CHECK_INT(api_operations(api, &operations), 1);
	CHECK_INT(api_parameters(api, &operations[0], &parameters), 1);
	CHECK(json_member(parameters[0], SPAN("schema"), &found));
	api_schema(api, found, answer, &out);
	CHECK_MSG(json_schema_new(buf_span(&out), &s, &err) == STATUS_OK, "%s: %s", out.data, err.msg);
	CHECK_OK(json_parse(span_from(value), &v, &err), err);
	bool good = json_schema_check(s, v, &err) == STATUS_OK;
	json_schema_free(s);
	api_free(api);
	return good;
}

TEST(keywords_of_openapi_30_are_translated)
{
	CHECK(takes("3.0.0", "{\"type\":\"string\",\"nullable\":true}", "", true, "null"));
	CHECK(!takes("3.0.0", "{\"type\":\"string\"}", "", true, "null"));
	CHECK(takes("3.0.0", "{\"type\":\"string\",\"nullable\":true,\"enum\":[\"a\"]}", "", true, "null"));
	CHECK(!takes("3.0.0", "{\"minimum\":1,\"exclusiveMinimum\":true}", "", true, "1"));
	CHECK(takes("3.0.0", "{\"minimum\":1,\"exclusiveMinimum\":false}", "", true, "1"));
	CHECK(!takes("3.0.0", "{\"maximum\":1,\"exclusiveMaximum\":true}", "", true, "1"));
	CHECK(!takes("3.1.0", "{\"exclusiveMaximum\":1}", "", true, "1"));
}

TEST(references_lead_to_components_and_may_be_recursive)
{
	const char *node = "\"a b\":{\"type\":\"object\",\"required\":[\"n\"],\"properties\":{\"n\":{\"type\":\"integer\"},\"next\":{\"$ref\":"
	                   "\"#/components/schemas/a b\"}}}";
	const char *schema = "{\"$ref\":\"#/components/schemas/a%20b\"}";
	CHECK(takes("3.0.0", schema, node, true, "{\"n\":1,\"next\":{\"n\":2}}"));
	CHECK(!takes("3.0.0", schema, node, true, "{\"n\":1,\"next\":{\"n\":\"x\"}}"));
	CHECK(takes("3.0.0", "{\"$ref\":\"#/nowhere\"}", "", true, "1"));
}

TEST(what_only_the_other_direction_has_is_not_missed)
{
	const char *schema = "{\"properties\":{\"id\":{\"readOnly\":true},\"password\":{\"writeOnly\":true}},\"required\":[\"id\",\"password\"]}";
	CHECK(takes("3.1.0", schema, "", true, "{\"id\":1}"));
	CHECK(!takes("3.1.0", schema, "", true, "{\"password\":1}"));
	CHECK(takes("3.1.0", schema, "", false, "{\"password\":1}"));
}

TEST(boolean_schemas_take_all_or_nothing)
{
	CHECK(takes("3.1.0", "true", "", true, "1"));
	CHECK(!takes("3.1.0", "false", "", true, "1"));
	CHECK(!takes("3.1.0", "{\"properties\":{\"a\":false}}", "", true, "{\"a\":1}"));
}
