/* Writes a schema of a document as one of JSON Schema 2020-12 that stands alone. */
#include <stdio.h>

#include "openapi/internal.h"

struct extract {
	struct api *a;
	struct json_writer w;
	bool answer;
	struct map known; /* $ref text → place in refs + 1 */
	struct span *refs;
	size_t n, cap;
};

static void write_schema(struct extract *x, struct json v);

static size_t place_of(struct extract *x, struct span reference)
{
	size_t at = (size_t)(uintptr_t)map_get(&x->known, reference);
	if (at)
		return at - 1;
	if (x->n == x->cap) {
		x->cap = x->cap ? x->cap * 2 : 16;
		struct span *refs = arena_alloc(&x->a->arena, x->cap * sizeof *refs);
		if (x->n)
			memcpy(refs, x->refs, x->n * sizeof *refs);
		x->refs = refs;
	}
	x->refs[x->n] = reference;
	map_put(&x->known, reference, (void *)(uintptr_t)(x->n + 1));
	return x->n++;
}

static void write_named(struct extract *x, struct json members)
{
	struct json key, v;
	json_begin_object(&x->w);
	for (struct json_iter it = json_iter(members); json_next(&it, &key, &v);) {
		json_key(&x->w, json_text(key, &x->a->arena));
		write_schema(x, v);
	}
	json_end_object(&x->w);
}

static void write_list(struct extract *x, struct json list)
{
	struct json key, v;
	json_begin_array(&x->w);
	for (struct json_iter it = json_iter(list); json_next(&it, &key, &v);)
		write_schema(x, v);
	json_end_array(&x->w);
}

/* What only the other direction has is not missed in this one. */
static void write_required(struct extract *x, struct json schema, struct json list)
{
	struct json key, v, properties, property;
	json_member(schema, SPAN("properties"), &properties);
	json_begin_array(&x->w);
	for (struct json_iter it = json_iter(list); json_next(&it, &key, &v);) {
		json_member(properties, json_text(v, &x->a->arena), &property);
		if (!api_flag(api_follow(x->a, property, NULL), x->answer ? "writeOnly" : "readOnly"))
			json_put(&x->w, v);
	}
	json_end_array(&x->w);
}

static void write_type(struct extract *x, struct json schema, struct json type)
{
	if (type.type != JSON_STRING || !api_flag(schema, "nullable")) {
		json_put(&x->w, type);
		return;
	}
	json_begin_array(&x->w);
	json_put(&x->w, type);
	json_put_text(&x->w, SPAN("null"));
	json_end_array(&x->w);
}

static void write_values(struct extract *x, struct json schema, struct json values)
{
	struct json key, v;
	json_begin_array(&x->w);
	for (struct json_iter it = json_iter(values); json_next(&it, &key, &v);)
		json_put(&x->w, v);
	if (api_flag(schema, "nullable"))
		json_put_null(&x->w);
	json_end_array(&x->w);
}

static bool is_one_of(struct json key, const char *const *names)
{
	for (; *names; names++)
		if (json_text_is(key, span_from(*names)))
			return true;
	return false;
}

/* exclusiveMinimum: true beside minimum becomes exclusiveMinimum: the minimum. */
static bool write_limit(struct extract *x, struct json schema, struct json key, struct json v)
{
	bool upper = json_text_is(key, SPAN("maximum")) || json_text_is(key, SPAN("exclusiveMaximum"));
	bool plain = json_text_is(key, SPAN("minimum")) || json_text_is(key, SPAN("maximum"));
	const char *exclusive = upper ? "exclusiveMaximum" : "exclusiveMinimum";
	if (v.type == JSON_BOOL)
		return true;
	if (!plain || !api_flag(schema, exclusive))
		return false;
	json_kv(&x->w, exclusive, v);
	return true;
}

static void write_keyword(struct extract *x, struct json schema, struct json key, struct json v)
{
	static const char *const named[] = {"properties", "patternProperties", "dependentSchemas", NULL};
	static const char *const lists[] = {"allOf", "anyOf", "oneOf", "prefixItems", NULL};
	static const char *const single[] = {"items", "additionalProperties", "not",           "if",  "then",
	                                     "else",  "contains",             "propertyNames", NULL};
	static const char *const limits[] = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", NULL};
	static const char *const dropped[] = {"$ref",          "nullable", "discriminator",         "example",          "xml",
	                                      "externalDocs",  "$id",      "$anchor",               "$dynamicAnchor",   "$dynamicRef",
	                                      "$schema",       "$defs",    "unevaluatedProperties", "unevaluatedItems", NULL};
	if (is_one_of(key, dropped) || (is_one_of(key, limits) && write_limit(x, schema, key, v)))
		return;
	json_key(&x->w, json_text(key, &x->a->arena));
	if (is_one_of(key, named))
		write_named(x, v);
	else if (is_one_of(key, lists))
		write_list(x, v);
	else if (is_one_of(key, single))
		write_schema(x, v);
	else if (json_text_is(key, SPAN("required")))
		write_required(x, schema, v);
	else if (json_text_is(key, SPAN("type")))
		write_type(x, schema, v);
	else if (json_text_is(key, SPAN("enum")))
		write_values(x, schema, v);
	else
		json_put(&x->w, v);
}

static void write_members(struct extract *x, struct json v)
{
	struct json key, member, reference;
	if (json_member(v, SPAN("$ref"), &reference) && reference.type == JSON_STRING) {
		char name[64];
		size_t at = place_of(x, json_text(reference, &x->a->arena));
		snprintf(name, sizeof name, "#/$defs/%zu", at);
		json_kv_cstr(&x->w, "$ref", name);
		if (!x->a->is_31) /* 3.0: what stands beside a $ref does not count */
			return;
	}
	for (struct json_iter it = json_iter(v); json_next(&it, &key, &member);)
		write_keyword(x, v, key, member);
}

static void write_schema(struct extract *x, struct json v)
{
	if (v.type != JSON_OBJECT) {
		json_put_bool(&x->w, v.type != JSON_BOOL || !span_is(v.text, "false"));
		return;
	}
	json_begin_object(&x->w);
	write_members(x, v);
	json_end_object(&x->w);
}

void api_schema(struct api *a, struct json schema, bool answer, struct buf *out)
{
	struct extract x = {.a = a, .w = {.out = out}, .answer = answer};
	char name[24];
	json_begin_object(&x.w);
	if (schema.type == JSON_OBJECT)
		write_members(&x, schema);
	else if (schema.type == JSON_BOOL && span_is(schema.text, "false"))
		json_kv(&x.w, "not", (struct json){SPAN("{}"), JSON_OBJECT});
	json_key(&x.w, SPAN("$defs"));
	json_begin_object(&x.w);
	for (size_t i = 0; i < x.n; i++) { /* what is written adds to them */
		snprintf(name, sizeof name, "%zu", i);
		json_key(&x.w, span_from(name));
		write_schema(&x, api_look_up(a, x.refs[i]));
	}
	json_end_object(&x.w);
	json_end_object(&x.w);
	map_free(&x.known);
}
