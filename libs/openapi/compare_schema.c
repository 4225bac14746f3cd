/* Compares two schemas keyword by keyword. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "openapi/compare.h"

struct pair {
	struct compare *c;
	enum schema_side side;
	struct schema_facts before, after;
};

static void told(const struct pair *p, enum schema_rule_name name, struct span subject, struct span before, struct span after)
{
	note(p->c, rule_of_schema(p->side, name), subject, before, after);
}

static struct span absent(void)
{
	return (struct span){0};
}

static struct span number_text(struct compare *c, double v, bool exclusive)
{
	return isfinite(v) ? arena_printf(&c->out->arena, "%s%.15g", exclusive ? "beyond " : "", v) : absent();
}

/* ---- single values */

static void compare_types(struct pair *p)
{
	unsigned before = p->before.types, after = p->after.types;
	scoped_buf was = {0}, is = {0};
	schema_facts_types(before, p->before.nullable && p->before.typed, &was);
	schema_facts_types(after, p->after.nullable && p->after.typed, &is);
	struct span was_text = buf_span(&was), is_text = buf_span(&is);
	if (p->after.never && !p->before.never)
		told(p, SCHEMA_NOTHING_FITS, absent(), absent(), absent());
	if (before != after && (before & after) == before)
		told(p, SCHEMA_TYPE_WIDENED, absent(), was_text, is_text);
	else if (before != after && (before & after) == after)
		told(p, SCHEMA_TYPE_NARROWED, absent(), was_text, is_text);
	else if (before != after)
		told(p, SCHEMA_TYPE_CHANGED, absent(), was_text, is_text);
	else if (p->before.nullable != p->after.nullable)
		told(p, p->after.nullable ? SCHEMA_NULL_ALLOWED : SCHEMA_NULL_REFUSED, absent(), was_text, is_text);
}

static void compare_text(struct pair *p, struct span before, struct span after, enum schema_rule_name added,
                         enum schema_rule_name removed, enum schema_rule_name changed)
{
	if (before.p && !after.p)
		told(p, removed, absent(), before, after);
	else if (!before.p && after.p)
		told(p, added, absent(), before, after);
	else if (before.p && !span_eq(before, after))
		told(p, changed, absent(), before, after);
}

static void compare_limit(struct pair *p, double before, bool before_exclusive, double after, bool after_exclusive,
                          enum schema_rule_name raised, enum schema_rule_name lowered, bool exclusive_is_higher)
{
	bool higher = after > before || (after == before && after_exclusive != before_exclusive &&
	                                 after_exclusive == exclusive_is_higher);
	if (after == before && after_exclusive == before_exclusive)
		return;
	told(p, higher ? raised : lowered, absent(), number_text(p->c, before, before_exclusive),
	     number_text(p->c, after, after_exclusive));
}

static void compare_limits(struct pair *p)
{
	const struct schema_facts *b = &p->before, *a = &p->after;
	compare_limit(p, b->minimum, b->exclusive_minimum, a->minimum, a->exclusive_minimum, SCHEMA_MINIMUM_RAISED,
	              SCHEMA_MINIMUM_LOWERED, true);
	compare_limit(p, b->maximum, b->exclusive_maximum, a->maximum, a->exclusive_maximum, SCHEMA_MAXIMUM_RAISED,
	              SCHEMA_MAXIMUM_LOWERED, false);
	compare_limit(p, b->min_length, false, a->min_length, false, SCHEMA_MIN_LENGTH_RAISED, SCHEMA_MIN_LENGTH_LOWERED, 0);
	compare_limit(p, b->max_length, false, a->max_length, false, SCHEMA_MAX_LENGTH_RAISED, SCHEMA_MAX_LENGTH_LOWERED, 0);
	compare_limit(p, b->min_items, false, a->min_items, false, SCHEMA_MIN_ITEMS_RAISED, SCHEMA_MIN_ITEMS_LOWERED, 0);
	compare_limit(p, b->max_items, false, a->max_items, false, SCHEMA_MAX_ITEMS_RAISED, SCHEMA_MAX_ITEMS_LOWERED, 0);
	compare_limit(p, b->min_properties, false, a->min_properties, false, SCHEMA_MIN_PROPERTIES_RAISED,
	              SCHEMA_MIN_PROPERTIES_LOWERED, 0);
	compare_limit(p, b->max_properties, false, a->max_properties, false, SCHEMA_MAX_PROPERTIES_RAISED,
	              SCHEMA_MAX_PROPERTIES_LOWERED, 0);
	if (b->multiple_of != a->multiple_of)
		told(p,
		     !b->multiple_of   ? SCHEMA_MULTIPLE_ADDED
		     : !a->multiple_of ? SCHEMA_MULTIPLE_REMOVED
		                       : SCHEMA_MULTIPLE_CHANGED,
		     absent(), b->multiple_of ? number_text(p->c, b->multiple_of, false) : absent(),
		     a->multiple_of ? number_text(p->c, a->multiple_of, false) : absent());
}

static void compare_flag(struct pair *p, bool before, bool after, enum schema_rule_name on, enum schema_rule_name off)
{
	if (before != after)
		told(p, after ? on : off, absent(), absent(), absent());
}

static struct span compact(struct compare *c, struct json v)
{
	scoped_buf text = {0};
	json_compact(v, &text);
	return arena_dup(&c->out->arena, buf_span(&text));
}

static bool same_value(struct json x, struct json y)
{
	scoped_buf a = {0}, b = {0};
	if (x.type != y.type)
		return false;
	json_compact(x, &a);
	json_compact(y, &b);
	return span_eq(buf_span(&a), buf_span(&b));
}

static bool lists_value(struct json list, struct json wanted)
{
	struct json key, v;
	for (struct json_iter it = json_iter(list); json_next(&it, &key, &v);)
		if (same_value(v, wanted))
			return true;
	return false;
}

static void compare_enumeration(struct pair *p)
{
	struct json before = p->before.enumeration, after = p->after.enumeration, key, v;
	if (before.type != after.type) {
		told(p, after.type == JSON_ARRAY ? SCHEMA_ENUM_ADDED : SCHEMA_ENUM_REMOVED, absent(), compact(p->c, before),
		     compact(p->c, after));
		return;
	}
	for (struct json_iter it = json_iter(before); json_next(&it, &key, &v);)
		if (!lists_value(after, v))
			told(p, SCHEMA_ENUM_VALUE_REMOVED, compact(p->c, v), absent(), absent());
	for (struct json_iter it = json_iter(after); json_next(&it, &key, &v);)
		if (!lists_value(before, v))
			told(p, SCHEMA_ENUM_VALUE_ADDED, compact(p->c, v), absent(), absent());
}

static void compare_value(struct pair *p, struct json before, struct json after, enum schema_rule_name added,
                          enum schema_rule_name removed, enum schema_rule_name changed)
{
	bool had = before.type != JSON_ABSENT, has = after.type != JSON_ABSENT;
	if (had != has)
		told(p, has ? added : removed, absent(), had ? compact(p->c, before) : absent(),
		     has ? compact(p->c, after) : absent());
	else if (had && !same_value(before, after))
		told(p, changed, absent(), compact(p->c, before), compact(p->c, after));
}

/* ---- what schemas hold */

static void within(struct pair *p, struct json before, struct json after, const char *fmt, struct span name)
{
	size_t length = place_enter(p->c, fmt, SPAN_ARG(name));
	compare_schemas(p->c, p->side, before, after);
	place_leave(p->c, length);
}

/* Whether properties that are not listed are refused. */
static bool is_closed(const struct schema_facts *f)
{
	bool open = true;
	return json_bool(f->additional, &open) && !open;
}

static void compare_properties(struct pair *p)
{
	const struct schema_facts *b = &p->before, *a = &p->after;
	for (size_t i = 0; i < b->properties_n; i++) {
		const struct property *old = &b->properties[i], *new = schema_facts_property(a, old->name);
		if (!new) {
			told(p, is_closed(a) ? SCHEMA_PROPERTY_REFUSED : SCHEMA_PROPERTY_REMOVED, old->name, absent(), absent());
			continue;
		}
		bool needed = schema_facts_requires(b, old->name), needs = schema_facts_requires(a, old->name);
		if (needed != needs)
			told(p, needs ? SCHEMA_PROPERTY_BECAME_REQUIRED : SCHEMA_PROPERTY_BECAME_OPTIONAL, old->name, absent(), absent());
		within(p, old->schema, new->schema, "/%.*s", old->name);
	}
	for (size_t i = 0; i < a->properties_n; i++)
		if (!schema_facts_property(b, a->properties[i].name))
			told(p, schema_facts_requires(a, a->properties[i].name) ? SCHEMA_PROPERTY_ADDED_REQUIRED : SCHEMA_PROPERTY_ADDED,
			     a->properties[i].name, absent(), absent());
	if (is_closed(b) != is_closed(a))
		told(p, is_closed(a) ? SCHEMA_ADDITIONAL_REFUSED : SCHEMA_ADDITIONAL_ALLOWED, absent(), absent(), absent());
	else if (b->additional.type == JSON_OBJECT && a->additional.type == JSON_OBJECT)
		within(p, b->additional, a->additional, "%.*s", SPAN("/{}"));
}

static const struct property *named(const struct property *all, size_t n, struct span name)
{
	for (size_t i = 0; i < n; i++)
		if (span_eq(all[i].name, name))
			return &all[i];
	return NULL;
}

static void compare_patterns(struct pair *p)
{
	const struct schema_facts *b = &p->before, *a = &p->after;
	for (size_t i = 0; i < b->patterns_n; i++) {
		const struct property *new = named(a->patterns, a->patterns_n, b->patterns[i].name);
		if (new)
			within(p, b->patterns[i].schema, new->schema, "/(%.*s)", new->name);
		else
			told(p, SCHEMA_PATTERN_PROPERTY_REMOVED, b->patterns[i].name, absent(), absent());
	}
	for (size_t i = 0; i < a->patterns_n; i++)
		if (!named(b->patterns, b->patterns_n, a->patterns[i].name))
			told(p, SCHEMA_PATTERN_PROPERTY_ADDED, a->patterns[i].name, absent(), absent());
	if (b->dependent_required != a->dependent_required)
		told(p, a->dependent_required > b->dependent_required ? SCHEMA_DEPENDENT_ADDED : SCHEMA_DEPENDENT_REMOVED, absent(),
		     absent(), absent());
}

static void compare_prefix_items(struct pair *p)
{
	struct json_iter b = json_iter(p->before.prefix_items), a = json_iter(p->after.prefix_items);
	struct json key, before, after;
	for (int i = 0;; i++) {
		bool had = json_next(&b, &key, &before), has = json_next(&a, &key, &after);
		struct span place = arena_printf(&p->c->out->arena, "%d", i);
		if (!had && !has)
			return;
		if (had && has)
			within(p, before, after, "/%.*s", place);
		else
			told(p, has ? SCHEMA_PREFIX_ITEM_ADDED : SCHEMA_PREFIX_ITEM_REMOVED, place, absent(), absent());
	}
}

/* ---- alternatives: those by $ref are told apart by it, the others by their place among themselves */

static struct span reference_of(struct json v, struct arena *a)
{
	struct json reference;
	return json_member(v, SPAN("$ref"), &reference) ? json_text(reference, a) : absent();
}

static bool find_alternative(struct json list, struct span reference, size_t nth, struct arena *a, struct json *ret)
{
	struct json key, v;
	size_t plain = 0;
	for (struct json_iter it = json_iter(list); json_next(&it, &key, &v);) {
		struct span own = reference_of(v, a);
		if (reference.p ? own.p && span_eq(own, reference) : !own.p && plain++ == nth) {
			*ret = v;
			return true;
		}
	}
	return false;
}

static struct span alternative_name(struct compare *c, struct span reference, size_t nth)
{
	const char *slash = reference.p ? memrchr(reference.p, '/', reference.n) : NULL;
	if (slash)
		return span_of(slash + 1, reference.n - (size_t)(slash + 1 - reference.p));
	return reference.p ? reference : arena_printf(&c->out->arena, "%zu", nth);
}

static void compare_alternatives(struct pair *p, struct json before, struct json after, const char *keyword,
                                 enum schema_rule_name added, enum schema_rule_name removed)
{
	struct arena *a = &p->c->out->arena;
	struct json key, v, other;
	size_t plain = 0;
	if (before.type != after.type && (before.type == JSON_ABSENT || after.type == JSON_ABSENT)) {
		/* Alternatives where there were none narrow what was open; the other way round likewise. */
		told(p, after.type == JSON_ABSENT ? added : removed, SPAN("any"), absent(), absent());
		return;
	}
	for (struct json_iter it = json_iter(before); json_next(&it, &key, &v);) {
		struct span reference = reference_of(v, a);
		size_t nth = reference.p ? 0 : plain++;
		struct span name = alternative_name(p->c, reference, nth);
		if (find_alternative(after, reference, nth, a, &other))
			within(p, v, other, "/%.*s", arena_printf(a, "%s/%.*s", keyword, SPAN_ARG(name)));
		else
			told(p, removed, name, absent(), absent());
	}
	plain = 0;
	for (struct json_iter it = json_iter(after); json_next(&it, &key, &v);) {
		struct span reference = reference_of(v, a);
		size_t nth = reference.p ? 0 : plain++;
		if (!find_alternative(before, reference, nth, a, &other))
			told(p, added, alternative_name(p->c, reference, nth), absent(), absent());
	}
}

static void mapping_removed(struct compare *c, struct span name, struct json v, void *arg)
{
	(void)c, (void)v;
	told(arg, SCHEMA_MAPPING_REMOVED, name, absent(), absent());
}

static void mapping_added(struct compare *c, struct span name, struct json v, void *arg)
{
	(void)c, (void)v;
	told(arg, SCHEMA_MAPPING_ADDED, name, absent(), absent());
}

static bool is_there(struct json v)
{
	return v.type != JSON_ABSENT;
}

static void compare_facts(struct pair *p)
{
	const struct schema_facts *b = &p->before, *a = &p->after;
	compare_types(p);
	compare_limits(p);
	compare_text(p, b->format, a->format, SCHEMA_FORMAT_ADDED, SCHEMA_FORMAT_REMOVED, SCHEMA_FORMAT_CHANGED);
	compare_text(p, b->pattern, a->pattern, SCHEMA_PATTERN_ADDED, SCHEMA_PATTERN_REMOVED, SCHEMA_PATTERN_CHANGED);
	compare_text(p, b->content_encoding, a->content_encoding, SCHEMA_ENCODING_CHANGED, SCHEMA_ENCODING_CHANGED,
	             SCHEMA_ENCODING_CHANGED);
	compare_text(p, b->content_media_type, a->content_media_type, SCHEMA_MEDIA_TYPE_CHANGED, SCHEMA_MEDIA_TYPE_CHANGED,
	             SCHEMA_MEDIA_TYPE_CHANGED);
	compare_text(p, b->discriminator, a->discriminator, SCHEMA_DISCRIMINATOR_ADDED, SCHEMA_DISCRIMINATOR_REMOVED,
	             SCHEMA_DISCRIMINATOR_CHANGED);
	compare_members(p->c, b->mapping, a->mapping, mapping_removed, mapping_added, NULL, p);
	compare_enumeration(p);
	compare_value(p, b->constant, a->constant, SCHEMA_CONST_ADDED, SCHEMA_CONST_REMOVED, SCHEMA_CONST_CHANGED);
	compare_value(p, b->fallback, a->fallback, SCHEMA_DEFAULT_ADDED, SCHEMA_DEFAULT_REMOVED, SCHEMA_DEFAULT_CHANGED);
	compare_flag(p, b->unique_items, a->unique_items, SCHEMA_UNIQUE_ADDED, SCHEMA_UNIQUE_REMOVED);
	compare_flag(p, b->read_only, a->read_only, SCHEMA_READ_ONLY_ADDED, SCHEMA_READ_ONLY_REMOVED);
	compare_flag(p, b->write_only, a->write_only, SCHEMA_WRITE_ONLY_ADDED, SCHEMA_WRITE_ONLY_REMOVED);
	if (a->deprecated && !b->deprecated)
		told(p, SCHEMA_DEPRECATED, absent(), absent(), absent());
	compare_flag(p, is_there(b->contains), is_there(a->contains), SCHEMA_CONTAINS_ADDED, SCHEMA_CONTAINS_REMOVED);
	compare_flag(p, is_there(b->negation), is_there(a->negation), SCHEMA_NOT_ADDED, SCHEMA_NOT_REMOVED);
	compare_flag(p, is_there(b->property_names), is_there(a->property_names), SCHEMA_PROPERTY_NAMES_ADDED,
	             SCHEMA_PROPERTY_NAMES_REMOVED);
	compare_properties(p);
	compare_patterns(p);
	compare_prefix_items(p);
	if (is_there(b->items) && is_there(a->items))
		within(p, b->items, a->items, "%.*s", SPAN("/[]"));
	compare_alternatives(p, b->one_of, a->one_of, "oneOf", SCHEMA_ONE_OF_ADDED, SCHEMA_ONE_OF_REMOVED);
	compare_alternatives(p, b->any_of, a->any_of, "anyOf", SCHEMA_ANY_OF_ADDED, SCHEMA_ANY_OF_REMOVED);
}

/* ---- shared schemas */

static void touch(struct shared *s, size_t operation)
{
	if (s->touched_by == operation)
		return;
	s->touched_by = operation;
	s->operations++;
	for (size_t i = 0; i < s->uses_n; i++)
		touch(s->uses[i], operation);
}

static void use(struct compare *c, struct shared *s)
{
	struct shared *by = c->within;
	if (!by) {
		touch(s, c->operation_number);
		return;
	}
	if (by->uses_n == by->uses_cap) {
		by->uses_cap = by->uses_cap ? by->uses_cap * 2 : 4;
		struct shared **uses = arena_alloc(&c->out->arena, by->uses_cap * sizeof *uses);
		if (by->uses_n)
			memcpy(uses, by->uses, by->uses_n * sizeof *uses);
		by->uses = uses;
	}
	by->uses[by->uses_n++] = s;
}

static void compare_now(struct compare *c, enum schema_side side, struct json before, struct json after)
{
	struct pair *p = malloc(sizeof *p);
	if (!p)
		abort();
	*p = (struct pair){.c = c, .side = side};
	schema_facts_read(c->base, before, &p->before);
	schema_facts_read(c->revision, after, &p->after);
	compare_facts(p);
	free(p);
}

/* The first time: compared as a place of its own, so that its changes are told once. */
static void compare_shared(struct compare *c, enum schema_side side, struct span before_ref, struct span after_ref,
                           struct json before, struct json after)
{
	struct span key = arena_printf(&c->out->arena, "%d %.*s %.*s", side, SPAN_ARG(before_ref), SPAN_ARG(after_ref));
	struct shared *s = map_get(&c->shared, key);
	bool first = !s;
	if (first) {
		s = arena_new(&c->out->arena, struct shared);
		map_put(&c->shared, key, s);
		const struct span operation = c->operation;
		struct shared *within_before = c->within;
		const struct buf place = c->place;
		c->operation = span_starts(after_ref, SPAN("#/")) ? span_of(after_ref.p + 2, after_ref.n - 2) : after_ref;
		c->within = s;
		c->place = (struct buf){0};
		compare_now(c, side, before, after);
		buf_free(&c->place);
		c->operation = operation;
		c->within = within_before;
		c->place = place;
	}
	use(c, s);
}

void compare_schemas(struct compare *c, enum schema_side side, struct json before, struct json after)
{
	struct span before_ref, after_ref;
	struct json b = api_follow(c->base, before, &before_ref), a = api_follow(c->revision, after, &after_ref);
	if (!b.text.p && !a.text.p)
		return;
	if (span_eq(b.text, a.text) && !before_ref.p && !after_ref.p && !memmem(b.text.p, b.text.n, "$ref", 4))
		return; /* written the same, and leads nowhere else */
	if (before_ref.p && after_ref.p)
		compare_shared(c, side, before_ref, after_ref, b, a);
	else
		compare_now(c, side, b, a);
}
