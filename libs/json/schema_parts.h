/* What loading and checking a schema share; for the files of this library only. */
#ifndef GANNET_JSON_SCHEMA_PARTS_H
#define GANNET_JSON_SCHEMA_PARTS_H

#include "core/map.h"
#include "json/pattern.h"
#include "json/schema.h"

struct schema_document {
	struct schema_document *next;
	struct span name; /* of its file; absent when it came as text */
	struct json root;
};

/* The documents stay as they are and are read again at each check; only patterns are prepared. */
struct json_schema {
	struct arena memory;
	struct schema_document *documents; /* the first is the schema itself */
	struct map patterns;               /* source as written in the document → const struct pattern * */
};

/* Where a value is: the member or element, and what holds it. The outermost has no name and no index. */
struct schema_at {
	const struct schema_at *around;
	struct json name; /* absent for an element */
	size_t index;
};
/* As a JSON pointer, cut to `bytes`. */
void schema_pointer(const struct schema_at *at, char *out, size_t bytes);

struct checker;

/* A keyword at work: `arg` is its value in `schema`. */
struct schema_rule {
	const struct schema_document *document;
	struct json schema, arg, value;
	const struct schema_at *at;
};

enum schema_shape {
	SHAPE_ANY,
	SHAPE_TYPES,
	SHAPE_BOOL,
	SHAPE_COUNT,
	SHAPE_NUMBER,
	SHAPE_DIVISOR,
	SHAPE_TEXT,
	SHAPE_TEXTS,
	SHAPE_TEXTS_BY_NAME,
	SHAPE_ARRAY,
	SHAPE_PATTERN,
	SHAPE_SCHEMA,
	SHAPE_SCHEMAS,
	SHAPE_SCHEMAS_BY_NAME,
	SHAPE_SCHEMAS_BY_PATTERN,
	SHAPE_REFERENCE,
	SHAPE_REFUSED,
};

struct schema_keyword {
	const char *name;
	enum schema_shape shape;
	unsigned types; /* of values it speaks of, by JSON_ALLOW; 0: all */
	bool (*check)(struct checker *c, const struct schema_rule *rule); /* NULL: another keyword's check reads it */
};
extern const struct schema_keyword schema_keywords[];
extern const size_t schema_keywords_n;
const struct schema_keyword *schema_keyword_find(struct json name);

/* Where a $ref within `from` leads. */
bool schema_resolve(const struct json_schema *s, const struct schema_document *from, struct span reference,
                    struct arena *scratch, const struct schema_document **ret_document, struct json *ret);

/* "integer" is no JSON type of its own: a number without fraction. */
bool schema_type_is(struct json v, struct json type_name);
extern const char *const schema_type_names[]; /* NULL-terminated */

#endif
