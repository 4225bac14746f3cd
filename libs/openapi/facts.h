/* What a schema says, read once: its keywords with allOf taken in, in one form for OpenAPI 3.0 and 3.1. */
#ifndef GANNET_OPENAPI_FACTS_H
#define GANNET_OPENAPI_FACTS_H

#include "openapi/internal.h"

#define FACTS_PARTS_MAX 32 /* schemas that allOf adds up to one */

enum { TYPE_NULL = 1, TYPE_BOOLEAN = 2, TYPE_INTEGER = 4, TYPE_NUMBER = 8, TYPE_STRING = 16, TYPE_ARRAY = 32, TYPE_OBJECT = 64 };
#define TYPE_ANY 127u

struct property {
	struct span name;
	struct json schema; /* not followed */
};

/* Limits are absent as -infinity or infinity; lengths and counts too. */
struct schema_facts {
	bool never;     /* the schema "false" */
	unsigned types; /* TYPE_…, without null; TYPE_ANY without null when nothing is said */
	bool typed, nullable;
	double minimum, maximum, multiple_of;   /* multiple_of: 0 for none */
	bool exclusive_minimum, exclusive_maximum;
	double min_length, max_length, min_items, max_items, min_properties, max_properties;
	bool unique_items, read_only, write_only, deprecated;
	struct span format, pattern, content_encoding, content_media_type, discriminator;
	struct json enumeration, constant, fallback; /* fallback: default */
	struct json items, additional, property_names, contains, negation; /* schemas, not followed; absent when not there */
	struct json prefix_items, one_of, any_of, mapping;
	struct property *properties;
	size_t properties_n;
	struct span *required;
	size_t required_n;
	struct property *patterns; /* patternProperties */
	size_t patterns_n;
	size_t dependent_required;
};

/* `schema` may be a $ref, a boolean or absent. Allocated in the document's arena. */
void schema_facts_read(struct api *a, struct json schema, struct schema_facts *ret);
bool schema_facts_requires(const struct schema_facts *f, struct span name);
const struct property *schema_facts_property(const struct schema_facts *f, struct span name); /* NULL when there is none */
/* "string, null"; "any". */
void schema_facts_types(unsigned types, bool nullable, struct buf *out);

#endif
