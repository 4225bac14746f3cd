/* Reads the keywords of a schema and of what allOf adds to it. */
#include "openapi/facts.h"

#include <math.h>

static const struct {
	const char *name;
	unsigned bit;
} type_names[] = {{"boolean", TYPE_BOOLEAN}, {"integer", TYPE_INTEGER}, {"number", TYPE_NUMBER}, {"string", TYPE_STRING},
                  {"array", TYPE_ARRAY},     {"object", TYPE_OBJECT},   {"null", TYPE_NULL}};

static unsigned type_bit(struct json name)
{
	for (size_t i = 0; i < countof(type_names); i++)
		if (json_text_is(name, span_from(type_names[i].name)))
			return type_names[i].bit;
	return 0;
}

/* The schema itself and all that its allOf takes in. */
struct parts {
	struct json all[FACTS_PARTS_MAX];
	size_t n;
};

static void gather(struct api *a, struct json schema, struct parts *p, int depth)
{
	struct json all_of, key, v;
	schema = api_follow(a, schema, NULL);
	for (size_t i = 0; i < p->n; i++)
		if (p->all[i].text.p == schema.text.p)
			return;
	if (schema.type == JSON_ABSENT || p->n == FACTS_PARTS_MAX || depth > FACTS_PARTS_MAX)
		return;
	p->all[p->n++] = schema;
	if (json_member(schema, SPAN("allOf"), &all_of))
		for (struct json_iter it = json_iter(all_of); json_next(&it, &key, &v);)
			gather(a, v, p, depth + 1);
}

static void read_types(struct json schema, struct schema_facts *f)
{
	struct json type, key, v;
	unsigned types = 0;
	if (!json_member(schema, SPAN("type"), &type))
		return;
	if (type.type == JSON_STRING)
		types = type_bit(type);
	for (struct json_iter it = json_iter(type); type.type == JSON_ARRAY && json_next(&it, &key, &v);)
		types |= type_bit(v);
	if (types & TYPE_NUMBER)
		types |= TYPE_INTEGER;
	f->types &= types & ~TYPE_NULL;
	f->nullable = (!f->typed || f->nullable) && ((types & TYPE_NULL) || api_flag(schema, "nullable"));
	f->typed = true;
}

static bool number(struct json schema, const char *name, double *ret)
{
	struct json v;
	return json_member(schema, span_from(name), &v) && json_f64(v, ret);
}

static void raise_to(double *limit, struct json schema, const char *name)
{
	double v;
	if (number(schema, name, &v) && v > *limit)
		*limit = v;
}

static void lower_to(double *limit, struct json schema, const char *name)
{
	double v;
	if (number(schema, name, &v) && v < *limit)
		*limit = v;
}

/* exclusiveMinimum is a flag in 3.0 and a limit of its own in 3.1. */
static void read_range(struct json schema, struct schema_facts *f)
{
	double v;
	if (number(schema, "minimum", &v) && v >= f->minimum) {
		f->exclusive_minimum = api_flag(schema, "exclusiveMinimum");
		f->minimum = v;
	}
	if (number(schema, "exclusiveMinimum", &v) && v >= f->minimum) {
		f->exclusive_minimum = true;
		f->minimum = v;
	}
	if (number(schema, "maximum", &v) && v <= f->maximum) {
		f->exclusive_maximum = api_flag(schema, "exclusiveMaximum");
		f->maximum = v;
	}
	if (number(schema, "exclusiveMaximum", &v) && v <= f->maximum) {
		f->exclusive_maximum = true;
		f->maximum = v;
	}
	if (number(schema, "multipleOf", &v) && v > 0)
		f->multiple_of = v;
	raise_to(&f->min_length, schema, "minLength");
	lower_to(&f->max_length, schema, "maxLength");
	raise_to(&f->min_items, schema, "minItems");
	lower_to(&f->max_items, schema, "maxItems");
	raise_to(&f->min_properties, schema, "minProperties");
	lower_to(&f->max_properties, schema, "maxProperties");
}

static void take(struct json schema, const char *name, struct json *ret)
{
	struct json v;
	if (json_member(schema, span_from(name), &v))
		*ret = v;
}

static void take_text(struct api *a, struct json schema, const char *name, struct span *ret)
{
	struct span text = api_text(a, schema, name);
	if (text.p)
		*ret = text;
}

static void read_words(struct api *a, struct json schema, struct schema_facts *f)
{
	struct json discriminator;
	f->unique_items |= api_flag(schema, "uniqueItems");
	f->read_only |= api_flag(schema, "readOnly");
	f->write_only |= api_flag(schema, "writeOnly");
	f->deprecated |= api_flag(schema, "deprecated");
	take_text(a, schema, "format", &f->format);
	take_text(a, schema, "pattern", &f->pattern);
	take_text(a, schema, "contentEncoding", &f->content_encoding);
	take_text(a, schema, "contentMediaType", &f->content_media_type);
	take(schema, "enum", &f->enumeration);
	take(schema, "const", &f->constant);
	take(schema, "default", &f->fallback);
	take(schema, "items", &f->items);
	take(schema, "additionalProperties", &f->additional);
	take(schema, "propertyNames", &f->property_names);
	take(schema, "contains", &f->contains);
	take(schema, "not", &f->negation);
	take(schema, "prefixItems", &f->prefix_items);
	take(schema, "oneOf", &f->one_of);
	take(schema, "anyOf", &f->any_of);
	if (json_member(schema, SPAN("discriminator"), &discriminator)) {
		take_text(a, discriminator, "propertyName", &f->discriminator);
		take(discriminator, "mapping", &f->mapping);
	}
}

static struct property *read_members(struct api *a, const struct parts *p, const char *keyword, size_t *ret_n)
{
	struct json members, key, v;
	size_t most = 0, n = 0;
	for (size_t i = 0; i < p->n; i++)
		most += json_member(p->all[i], span_from(keyword), &members) ? json_count(members) : 0;
	struct property *all = arena_alloc(&a->arena, (most + 1) * sizeof *all);
	for (size_t i = 0; i < p->n; i++) {
		size_t before = n;
		if (!json_member(p->all[i], span_from(keyword), &members))
			continue;
		for (struct json_iter it = json_iter(members); json_next(&it, &key, &v);) {
			struct span name = json_text(key, &a->arena);
			size_t j = 0;
			while (j < before && !span_eq(all[j].name, name))
				j++;
			if (j == before)
				all[n++] = (struct property){name, v};
		}
	}
	*ret_n = n;
	return all;
}

static void read_required(struct api *a, const struct parts *p, struct schema_facts *f)
{
	struct json list, key, v;
	size_t most = 0;
	for (size_t i = 0; i < p->n; i++)
		most += json_member(p->all[i], SPAN("required"), &list) ? json_count(list) : 0;
	f->required = arena_alloc(&a->arena, (most + 1) * sizeof *f->required);
	for (size_t i = 0; i < p->n; i++)
		if (json_member(p->all[i], SPAN("required"), &list))
			for (struct json_iter it = json_iter(list); json_next(&it, &key, &v);)
				if (v.type == JSON_STRING)
					f->required[f->required_n++] = json_text(v, &a->arena);
}

void schema_facts_read(struct api *a, struct json schema, struct schema_facts *f)
{
	struct parts p = {0};
	*f = (struct schema_facts){.types = TYPE_ANY & ~TYPE_NULL,
	                    .nullable = true,
	                    .minimum = -INFINITY,
	                    .maximum = INFINITY,
	                    .max_length = INFINITY,
	                    .max_items = INFINITY,
	                    .max_properties = INFINITY};
	gather(a, schema, &p, 0);
	for (size_t i = 0; i < p.n; i++) {
		bool flag = true;
		struct json dependent;
		if (json_bool(p.all[i], &flag)) {
			f->never |= !flag;
			continue;
		}
		read_types(p.all[i], f);
		read_range(p.all[i], f);
		read_words(a, p.all[i], f);
		f->dependent_required += json_member(p.all[i], SPAN("dependentRequired"), &dependent) ? json_count(dependent) : 0;
	}
	f->properties = read_members(a, &p, "properties", &f->properties_n);
	f->patterns = read_members(a, &p, "patternProperties", &f->patterns_n);
	read_required(a, &p, f);
}

bool schema_facts_requires(const struct schema_facts *f, struct span name)
{
	for (size_t i = 0; i < f->required_n; i++)
		if (span_eq(f->required[i], name))
			return true;
	return false;
}

const struct property *schema_facts_property(const struct schema_facts *f, struct span name)
{
	for (size_t i = 0; i < f->properties_n; i++)
		if (span_eq(f->properties[i].name, name))
			return &f->properties[i];
	return NULL;
}

void schema_facts_types(unsigned types, bool nullable, struct buf *out)
{
	bool any = false;
	if ((types & ~TYPE_NULL) == (TYPE_ANY & ~TYPE_NULL)) {
		buf_adds(out, nullable ? "any" : "any but null");
		return;
	}
	for (size_t i = 0; i < countof(type_names); i++) {
		unsigned bit = type_names[i].bit;
		bool told = bit == TYPE_NULL ? nullable : (types & bit) != 0;
		if (bit == TYPE_INTEGER && (types & TYPE_NUMBER))
			told = false;
		if (told)
			buf_printf(out, "%s%s", any ? ", " : "", type_names[i].name);
		any |= told;
	}
	if (!any)
		buf_adds(out, "nothing");
}
