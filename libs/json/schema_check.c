/* Checks values against a schema, keyword by keyword. */
#include <stdarg.h>
#include <stdio.h>

#include "core/clock.h"
#include "json/excerpt.h"
#include "json/number.h"
#include "json/scan.h"
#include "json/schema_parts.h"

#define STEP_BYTES 16 /* of text that are walked over at the price of one step */

struct checker {
	const struct json_schema *schema;
	struct err *err;
	struct arena scratch; /* what one leaf of the work needs; empty again after it */
	int64_t steps_left;
	unsigned depth;
	unsigned quiet; /* above 0: the answer alone matters */
};

#define refuse(c, at, ...) ((c)->quiet ? false : say_refusal(c, at, __VA_ARGS__))
static bool say_refusal(struct checker *c, const struct schema_at *at, const char *fmt, ...) printf_like(3, 4);
static bool say_refusal(struct checker *c, const struct schema_at *at, const char *fmt, ...)
{
	char pointer[sizeof c->err->field], text[sizeof c->err->msg];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	schema_pointer(at, pointer, sizeof pointer);
	err_field(c->err, STATUS_INVALID, pointer, "%s%s%s", pointer, *pointer ? ": " : "", text);
	return false;
}

static bool spend(struct checker *c, size_t steps)
{
	c->steps_left -= (int64_t)steps;
	return c->steps_left >= 0;
}

static bool check_value(struct checker *c, const struct schema_document *d, struct json schema, struct json value,
                        const struct schema_at *at)
{
	struct json name;
	if (schema.type == JSON_BOOL)
		return schema.text.p[0] == 't' || refuse(c, at, "nothing is allowed here");
	if (c->depth == JSON_SCHEMA_DEPTH_MAX)
		c->steps_left = -1;
	if (!spend(c, 1 + schema.text.n / STEP_BYTES))
		return false;
	struct schema_rule rule = {.document = d, .schema = schema, .value = value, .at = at};
	bool ok = true;
	c->depth++;
	for (struct json_iter it = json_iter(schema); ok && json_next(&it, &name, &rule.arg);) {
		const struct schema_keyword *k = schema_keyword_find(name);
		if (k && k->check && (!k->types || k->types & (1u << value.type)))
			ok = spend(c, 1 + value.text.n / STEP_BYTES) && k->check(c, &rule);
	}
	c->depth--;
	return ok;
}

static bool check_same(struct checker *c, const struct schema_rule *r, struct json schema)
{
	return check_value(c, r->document, schema, r->value, r->at);
}

static bool passes_quietly(struct checker *c, const struct schema_rule *r, struct json schema)
{
	c->quiet++;
	bool ok = check_same(c, r, schema);
	c->quiet--;
	return ok;
}

/* ---- comparing */

static bool same_text(struct checker *c, struct json a, struct json b)
{
	bool same = json_text_is(b, json_text(a, &c->scratch));
	if (c->scratch.used_bytes)
		arena_reset(&c->scratch);
	return same;
}

static bool find_member(struct checker *c, struct json object, struct json name, struct json *ret)
{
	struct json key;
	spend(c, object.text.n / STEP_BYTES);
	for (struct json_iter it = json_iter(object); json_next(&it, &key, ret) && spend(c, 1);)
		if (same_text(c, key, name))
			return true;
	return false;
}

static bool equal(struct checker *c, struct json a, struct json b);

static bool equal_arrays(struct checker *c, struct json a, struct json b)
{
	struct json key, va, vb;
	struct json_iter ia = json_iter(a), ib = json_iter(b);
	while (json_next(&ia, &key, &va))
		if (!json_next(&ib, &key, &vb) || !equal(c, va, vb))
			return false;
	return !json_next(&ib, &key, &vb);
}

static bool equal_objects(struct checker *c, struct json a, struct json b)
{
	struct json key, va, vb;
	if (json_count(a) != json_count(b))
		return false;
	for (struct json_iter it = json_iter(a); json_next(&it, &key, &va);)
		if (!find_member(c, b, key, &vb) || !equal(c, va, vb))
			return false;
	return true;
}

static bool equal(struct checker *c, struct json a, struct json b)
{
	if (a.type != b.type || !spend(c, 1 + a.text.n / 16))
		return false;
	switch (a.type) {
	case JSON_NUMBER:
		return decimal_compare(decimal_of(a), decimal_of(b)) == 0;
	case JSON_STRING:
		return same_text(c, a, b);
	case JSON_ARRAY:
		return equal_arrays(c, a, b);
	case JSON_OBJECT:
		return equal_objects(c, a, b);
	default:
		return span_eq(a.text, b.text);
	}
}

/* ---- any value */

const char *const schema_type_names[] = {"null", "boolean", "number", "string", "array", "object", "integer", NULL};

bool schema_type_is(struct json v, struct json type_name)
{
	if (json_text_is(type_name, SPAN("integer")))
		return v.type == JSON_NUMBER && decimal_is_integer(decimal_of(v));
	return v.type != JSON_ABSENT && json_text_is(type_name, span_from(schema_type_names[v.type - JSON_NULL]));
}

static bool check_type(struct checker *c, const struct schema_rule *r)
{
	struct json key, name;
	if (r->arg.type == JSON_STRING && schema_type_is(r->value, r->arg))
		return true;
	for (struct json_iter it = json_iter(r->arg); json_next(&it, &key, &name);)
		if (schema_type_is(r->value, name))
			return true;
	return refuse(c, r->at, "%s is not of type %.*s", excerpt(r->value).text, SPAN_ARG(r->arg.text));
}

static bool check_enum(struct checker *c, const struct schema_rule *r)
{
	struct json key, v;
	for (struct json_iter it = json_iter(r->arg); json_next(&it, &key, &v);)
		if (equal(c, v, r->value))
			return true;
	return refuse(c, r->at, "%s is not one of %.*s", excerpt(r->value).text,
	              r->arg.text.n > 160 ? 160 : (int)r->arg.text.n, r->arg.text.p);
}

static bool check_const(struct checker *c, const struct schema_rule *r)
{
	return equal(c, r->arg, r->value) || refuse(c, r->at, "%s is not %s", excerpt(r->value).text, excerpt(r->arg).text);
}

static bool check_reference(struct checker *c, const struct schema_rule *r)
{
	struct json target;
	const struct schema_document *there;
	spend(c, r->document->root.text.n / STEP_BYTES);
	bool found = schema_resolve(c->schema, r->document, json_text(r->arg, &c->scratch), &c->scratch, &there, &target);
	arena_reset(&c->scratch);
	return found && check_value(c, there, target, r->value, r->at);
}

static bool check_all_of(struct checker *c, const struct schema_rule *r)
{
	struct json key, schema;
	for (struct json_iter it = json_iter(r->arg); json_next(&it, &key, &schema);)
		if (!check_same(c, r, schema))
			return false;
	return true;
}

static size_t count_passing(struct checker *c, const struct schema_rule *r, size_t enough)
{
	struct json key, schema;
	size_t passing = 0;
	for (struct json_iter it = json_iter(r->arg); passing < enough && json_next(&it, &key, &schema);)
		passing += passes_quietly(c, r, schema);
	return passing;
}

static bool check_any_of(struct checker *c, const struct schema_rule *r)
{
	return count_passing(c, r, 1) == 1 || refuse(c, r->at, "%s fits none of anyOf", excerpt(r->value).text);
}

static bool check_one_of(struct checker *c, const struct schema_rule *r)
{
	size_t passing = count_passing(c, r, 2);
	return passing == 1 ||
	       refuse(c, r->at, "%s fits %s of oneOf", excerpt(r->value).text, passing ? "more than one" : "none");
}

static bool check_not(struct checker *c, const struct schema_rule *r)
{
	return !passes_quietly(c, r, r->arg) || refuse(c, r->at, "%s fits what it must not", excerpt(r->value).text);
}

static bool check_if(struct checker *c, const struct schema_rule *r)
{
	struct json branch;
	struct span name = passes_quietly(c, r, r->arg) ? SPAN("then") : SPAN("else");
	return !json_member(r->schema, name, &branch) || check_same(c, r, branch);
}

/* ---- numbers */

static int compare(const struct schema_rule *r)
{
	return decimal_compare(decimal_of(r->value), decimal_of(r->arg));
}

static bool check_minimum(struct checker *c, const struct schema_rule *r)
{
	return compare(r) >= 0 || refuse(c, r->at, "%s is below %.*s", excerpt(r->value).text, SPAN_ARG(r->arg.text));
}

static bool check_exclusive_minimum(struct checker *c, const struct schema_rule *r)
{
	return compare(r) > 0 || refuse(c, r->at, "%s is not above %.*s", excerpt(r->value).text, SPAN_ARG(r->arg.text));
}

static bool check_maximum(struct checker *c, const struct schema_rule *r)
{
	return compare(r) <= 0 || refuse(c, r->at, "%s is above %.*s", excerpt(r->value).text, SPAN_ARG(r->arg.text));
}

static bool check_exclusive_maximum(struct checker *c, const struct schema_rule *r)
{
	return compare(r) < 0 || refuse(c, r->at, "%s is not below %.*s", excerpt(r->value).text, SPAN_ARG(r->arg.text));
}

static bool check_multiple_of(struct checker *c, const struct schema_rule *r)
{
	return decimal_is_multiple(decimal_of(r->value), decimal_of(r->arg)) ||
	       refuse(c, r->at, "%s is no multiple of %.*s", excerpt(r->value).text, SPAN_ARG(r->arg.text));
}

/* ---- strings */

static bool matches(struct checker *c, struct json pattern_source, struct json text)
{
	const struct pattern *p = map_get(&c->schema->patterns, scan_inside(pattern_source));
	bool found =
	    spend(c, 1 + p->code_n / 8) && pattern_search(p, json_text(text, &c->scratch), &c->scratch, &c->steps_left);
	arena_reset(&c->scratch);
	return found;
}

static bool check_pattern(struct checker *c, const struct schema_rule *r)
{
	return matches(c, r->arg, r->value) ||
	       refuse(c, r->at, "%s does not match %.*s", excerpt(r->value).text, SPAN_ARG(r->arg.text));
}

static int64_t codepoints(struct checker *c, struct json v)
{
	int64_t n = 0;
	struct span s = json_text(v, &c->scratch);
	for (size_t i = 0; i < s.n; i++)
		n += ((unsigned char)s.p[i] & 0xC0) != 0x80;
	arena_reset(&c->scratch);
	return n;
}

static int64_t limit_of(struct json arg)
{
	int64_t limit = 0;
	json_i64(arg, &limit);
	return limit;
}

/* `what` follows the number. */
static bool at_least(struct checker *c, const struct schema_rule *r, int64_t n, const char *what)
{
	int64_t limit = limit_of(r->arg);
	return n >= limit || refuse(c, r->at, "%lld %s, at least %lld are needed", (long long)n, what, (long long)limit);
}

static bool at_most(struct checker *c, const struct schema_rule *r, int64_t n, const char *what)
{
	int64_t limit = limit_of(r->arg);
	return n <= limit || refuse(c, r->at, "%lld %s, at most %lld are allowed", (long long)n, what, (long long)limit);
}

static bool check_min_length(struct checker *c, const struct schema_rule *r)
{
	return at_least(c, r, codepoints(c, r->value), "characters");
}

static bool check_max_length(struct checker *c, const struct schema_rule *r)
{
	return at_most(c, r, codepoints(c, r->value), "characters");
}

static bool check_format(struct checker *c, const struct schema_rule *r)
{
	int64_t ms;
	if (!json_text_is(r->arg, SPAN("date-time")))
		return true;
	bool ok = rfc3339_parse(json_text(r->value, &c->scratch), &ms);
	arena_reset(&c->scratch);
	return ok || refuse(c, r->at, "%s is no time of RFC 3339", excerpt(r->value).text);
}

/* ---- arrays */

static bool check_items_max(struct checker *c, const struct schema_rule *r)
{
	return at_most(c, r, (int64_t)json_count(r->value), "elements");
}

static bool check_items_min(struct checker *c, const struct schema_rule *r)
{
	return at_least(c, r, (int64_t)json_count(r->value), "elements");
}

static bool check_prefix_items(struct checker *c, const struct schema_rule *r)
{
	struct json key, schema, v;
	struct json_iter schemas = json_iter(r->arg), values = json_iter(r->value);
	for (size_t i = 0; json_next(&schemas, &key, &schema) && json_next(&values, &key, &v); i++)
		if (!check_value(c, r->document, schema, v, &(struct schema_at){r->at, .index = i}))
			return false;
	return true;
}

static bool check_items(struct checker *c, const struct schema_rule *r)
{
	struct json prefix, key, v;
	size_t skip = json_member(r->schema, SPAN("prefixItems"), &prefix) ? json_count(prefix) : 0, i = 0;
	for (struct json_iter it = json_iter(r->value); json_next(&it, &key, &v); i++)
		if (i >= skip && !check_value(c, r->document, r->arg, v, &(struct schema_at){r->at, .index = i}))
			return false;
	return true;
}

static bool check_contains(struct checker *c, const struct schema_rule *r)
{
	struct json min = {0}, max = {0}, key, v;
	int64_t found = 0, least = json_member(r->schema, SPAN("minContains"), &min) ? limit_of(min) : 1;
	c->quiet++;
	for (struct json_iter it = json_iter(r->value); json_next(&it, &key, &v);)
		found += check_value(c, r->document, r->arg, v, r->at);
	c->quiet--;
	if (found < least)
		return refuse(c, r->at, "%lld fitting elements, at least %lld are needed", (long long)found, (long long)least);
	if (json_member(r->schema, SPAN("maxContains"), &max) && found > limit_of(max))
		return refuse(c, r->at, "%lld fitting elements, at most %lld are allowed", (long long)found,
		              (long long)limit_of(max));
	return true;
}

static bool check_unique_items(struct checker *c, const struct schema_rule *r)
{
	scoped_arena memory = {0};
	struct json key;
	size_t n = 0;
	if (r->arg.text.p[0] == 'f')
		return true;
	struct json *seen = arena_alloc(&memory, json_count(r->value) * sizeof *seen);
	for (struct json_iter it = json_iter(r->value); json_next(&it, &key, &seen[n]); n++)
		for (size_t i = 0; i < n && c->steps_left >= 0; i++)
			if (equal(c, seen[i], seen[n]))
				return refuse(c, r->at, "elements %zu and %zu are equal", i, n);
	return true;
}

/* ---- objects */

static bool check_properties_max(struct checker *c, const struct schema_rule *r)
{
	return at_most(c, r, (int64_t)json_count(r->value), "members");
}

static bool check_properties_min(struct checker *c, const struct schema_rule *r)
{
	return at_least(c, r, (int64_t)json_count(r->value), "members");
}

static bool all_present(struct checker *c, const struct schema_rule *r, struct json names, const char *why)
{
	struct json key, name, found;
	for (struct json_iter it = json_iter(names); json_next(&it, &key, &name);)
		if (!find_member(c, r->value, name, &found))
			return refuse(c, r->at, "member %s is missing%s", excerpt(name).text, why);
	return true;
}

static bool check_required(struct checker *c, const struct schema_rule *r)
{
	return all_present(c, r, r->arg, "");
}

static bool check_dependent_required(struct checker *c, const struct schema_rule *r)
{
	struct json name, names, found;
	for (struct json_iter it = json_iter(r->arg); json_next(&it, &name, &names);)
		if (find_member(c, r->value, name, &found) && !all_present(c, r, names, ", because another one is there"))
			return false;
	return true;
}

static bool check_dependent_schemas(struct checker *c, const struct schema_rule *r)
{
	struct json name, schema, found;
	for (struct json_iter it = json_iter(r->arg); json_next(&it, &name, &schema);)
		if (find_member(c, r->value, name, &found) && !check_same(c, r, schema))
			return false;
	return true;
}

static bool check_properties(struct checker *c, const struct schema_rule *r)
{
	struct json key, v, schema;
	for (struct json_iter it = json_iter(r->value); json_next(&it, &key, &v);)
		if (find_member(c, r->arg, key, &schema) &&
		    !check_value(c, r->document, schema, v, &(struct schema_at){r->at, key, 0}))
			return false;
	return true;
}

static bool check_pattern_properties(struct checker *c, const struct schema_rule *r)
{
	struct json pattern, schema, key, v;
	for (struct json_iter rules = json_iter(r->arg); json_next(&rules, &pattern, &schema);)
		for (struct json_iter it = json_iter(r->value); json_next(&it, &key, &v);)
			if (matches(c, pattern, key) && !check_value(c, r->document, schema, v, &(struct schema_at){r->at, key, 0}))
				return false;
	return true;
}

static bool matches_any(struct checker *c, struct json patterns, struct json key)
{
	struct json pattern, schema;
	for (struct json_iter it = json_iter(patterns); json_next(&it, &pattern, &schema);)
		if (matches(c, pattern, key))
			return true;
	return false;
}

static bool check_additional_properties(struct checker *c, const struct schema_rule *r)
{
	struct json key, v, named, patterns, found;
	json_member(r->schema, SPAN("properties"), &named);
	json_member(r->schema, SPAN("patternProperties"), &patterns);
	for (struct json_iter it = json_iter(r->value); json_next(&it, &key, &v);) {
		const struct schema_at here = {r->at, key, 0};
		if (find_member(c, named, key, &found) || matches_any(c, patterns, key))
			continue;
		if (r->arg.type == JSON_BOOL && r->arg.text.p[0] == 'f')
			return refuse(c, &here, "no such member is allowed");
		if (!check_value(c, r->document, r->arg, v, &here))
			return false;
	}
	return true;
}

static bool check_property_names(struct checker *c, const struct schema_rule *r)
{
	struct json key, v;
	for (struct json_iter it = json_iter(r->value); json_next(&it, &key, &v);)
		if (!check_value(c, r->document, r->arg, key, &(struct schema_at){r->at, key, 0}))
			return false;
	return true;
}

/* ---- all of them */

#define NUMBERS (1u << JSON_NUMBER)
#define STRINGS (1u << JSON_STRING)
#define ARRAYS (1u << JSON_ARRAY)
#define OBJECTS (1u << JSON_OBJECT)

const struct schema_keyword schema_keywords[] = {
    {"type", SHAPE_TYPES, 0, check_type},
    {"enum", SHAPE_ARRAY, 0, check_enum},
    {"const", SHAPE_ANY, 0, check_const},
    {"$ref", SHAPE_REFERENCE, 0, check_reference},
    {"$defs", SHAPE_SCHEMAS_BY_NAME, 0, NULL},
    {"allOf", SHAPE_SCHEMAS, 0, check_all_of},
    {"anyOf", SHAPE_SCHEMAS, 0, check_any_of},
    {"oneOf", SHAPE_SCHEMAS, 0, check_one_of},
    {"not", SHAPE_SCHEMA, 0, check_not},
    {"if", SHAPE_SCHEMA, 0, check_if},
    {"then", SHAPE_SCHEMA, 0, NULL},
    {"else", SHAPE_SCHEMA, 0, NULL},
    {"minimum", SHAPE_NUMBER, NUMBERS, check_minimum},
    {"exclusiveMinimum", SHAPE_NUMBER, NUMBERS, check_exclusive_minimum},
    {"maximum", SHAPE_NUMBER, NUMBERS, check_maximum},
    {"exclusiveMaximum", SHAPE_NUMBER, NUMBERS, check_exclusive_maximum},
    {"multipleOf", SHAPE_DIVISOR, NUMBERS, check_multiple_of},
    {"minLength", SHAPE_COUNT, STRINGS, check_min_length},
    {"maxLength", SHAPE_COUNT, STRINGS, check_max_length},
    {"pattern", SHAPE_PATTERN, STRINGS, check_pattern},
    {"format", SHAPE_TEXT, STRINGS, check_format},
    {"minItems", SHAPE_COUNT, ARRAYS, check_items_min},
    {"maxItems", SHAPE_COUNT, ARRAYS, check_items_max},
    {"prefixItems", SHAPE_SCHEMAS, ARRAYS, check_prefix_items},
    {"items", SHAPE_SCHEMA, ARRAYS, check_items},
    {"contains", SHAPE_SCHEMA, ARRAYS, check_contains},
    {"minContains", SHAPE_COUNT, ARRAYS, NULL},
    {"maxContains", SHAPE_COUNT, ARRAYS, NULL},
    {"uniqueItems", SHAPE_BOOL, ARRAYS, check_unique_items},
    {"minProperties", SHAPE_COUNT, OBJECTS, check_properties_min},
    {"maxProperties", SHAPE_COUNT, OBJECTS, check_properties_max},
    {"required", SHAPE_TEXTS, OBJECTS, check_required},
    {"dependentRequired", SHAPE_TEXTS_BY_NAME, OBJECTS, check_dependent_required},
    {"dependentSchemas", SHAPE_SCHEMAS_BY_NAME, OBJECTS, check_dependent_schemas},
    {"properties", SHAPE_SCHEMAS_BY_NAME, OBJECTS, check_properties},
    {"patternProperties", SHAPE_SCHEMAS_BY_PATTERN, OBJECTS, check_pattern_properties},
    {"additionalProperties", SHAPE_SCHEMA, OBJECTS, check_additional_properties},
    {"propertyNames", SHAPE_SCHEMA, OBJECTS, check_property_names},
    {"unevaluatedProperties", SHAPE_REFUSED, 0, NULL},
    {"unevaluatedItems", SHAPE_REFUSED, 0, NULL},
    {"$dynamicRef", SHAPE_REFUSED, 0, NULL},
};
const size_t schema_keywords_n = countof(schema_keywords);

const struct schema_keyword *schema_keyword_find(struct json name)
{
	for (size_t i = 0; i < countof(schema_keywords); i++)
		if (json_text_is(name, span_from(schema_keywords[i].name)))
			return &schema_keywords[i];
	return NULL;
}

enum status json_schema_check(const struct json_schema *s, struct json value, struct err *err)
{
	struct checker c = {.schema = s, .err = err, .steps_left = JSON_SCHEMA_STEPS_MAX};
	const struct schema_at top = {0};
	bool ok = check_value(&c, s->documents, s->documents->root, value, &top);
	arena_free(&c.scratch);
	if (c.steps_left < 0)
		return err_set(err, STATUS_TOO_LARGE, "checking this value takes more than %d steps or %d levels",
		               JSON_SCHEMA_STEPS_MAX, JSON_SCHEMA_DEPTH_MAX);
	return ok ? STATUS_OK : err->status;
}
