/* Field tables: one row per member of a message drives decoding, encoding, error texts, fuzzing and the schema test. */
#ifndef GANNET_JSON_TABLE_H
#define GANNET_JSON_TABLE_H

#include <stdint.h>

#include "json/json.h"

struct opt_i64 {
	bool set;
	int64_t v;
};
struct opt_f64 {
	bool set;
	double v;
};
struct opt_bool {
	bool set, v;
};

/* What a C member holds in JSON; inferred from its type by JSON_KIND. */
enum json_kind {
	JSON_KIND_TEXT,     /* struct span: string; absent span = member left out */
	JSON_KIND_RAW,      /* struct json: any value, kept verbatim; `raw_types` limits it */
	JSON_KIND_I64,      /* int64_t: integer */
	JSON_KIND_F64,      /* double */
	JSON_KIND_BOOL,     /* bool */
	JSON_KIND_OPT_I64,  /* struct opt_i64 */
	JSON_KIND_OPT_F64,  /* struct opt_f64 */
	JSON_KIND_OPT_BOOL, /* struct opt_bool */
	JSON_KIND_ENUM,     /* unsigned: a name out of `names`; 0 is the first name */
	JSON_KIND_TIME,     /* struct json_time: RFC 3339 string */
	JSON_KIND_OBJECT,   /* const T *, with `table` given: a nested message, NULL when left out */
};

/* A moment: UTC milliseconds; 0 means absent, so 1970-01-01T00:00:00Z itself is read as 1. */
struct json_time {
	int64_t ms;
};

#define JSON_KIND(member)                                                                                              \
	_Generic((member), struct span                                                                                     \
	         : JSON_KIND_TEXT, struct json                                                                             \
	         : JSON_KIND_RAW, int64_t                                                                                  \
	         : JSON_KIND_I64, double                                                                                   \
	         : JSON_KIND_F64, bool                                                                                     \
	         : JSON_KIND_BOOL, struct opt_i64                                                                          \
	         : JSON_KIND_OPT_I64, struct opt_f64                                                                       \
	         : JSON_KIND_OPT_F64, struct opt_bool                                                                      \
	         : JSON_KIND_OPT_BOOL, struct json_time                                                                    \
	         : JSON_KIND_TIME, unsigned                                                                                \
	         : JSON_KIND_ENUM, default                                                                                 \
	         : JSON_KIND_OBJECT)

#define JSON_ALLOW(type) (1u << (type)) /* for raw_types */

/*
 * One member; always made by JSON_FIELD or JSON_FIELD_AS. Limits: TEXT — min/max length in bytes, RAW — max bytes as
 * written (0 max = no limit but the document's); I64 — min..max (both 0 = any); F64 — fmin..fmax (both 0 = any).
 * `check` looks at a TEXT value after the limits, `check_raw` at a RAW one; both return NULL or what is allowed ("A-Z
 * a-z 0-9 _ -").
 */
struct json_field {
	const char *name; /* of letters, digits and _: it is written as it is */
	size_t name_n;
	enum json_kind kind;
	size_t offset;
	bool required;
	int64_t min, max;
	double fmin, fmax;
	const char *const *names; /* ENUM: NULL-terminated */
	unsigned raw_types;       /* RAW: 0 = any */
	const struct json_table *table;
	const char *(*check)(struct span value);
	const char *(*check_raw)(struct json value);
};

#define JSON_FIELD(type, member, ...) JSON_FIELD_AS(type, member, #member, __VA_ARGS__)
/* For a member whose C name differs from its JSON name. */
#define JSON_FIELD_AS(type, member, json_name, ...)                                                                    \
	{                                                                                                                  \
		.name = json_name, .name_n = sizeof json_name - 1, .kind = JSON_KIND(((type *)0)->member),                     \
		.offset = offsetof(type, member), __VA_ARGS__                                                                  \
	}

struct json_table {
	const char *title; /* the schema's file in proto/ without ".json" */
	size_t size;       /* sizeof the struct */
	const struct json_field *fields;
	size_t n; /* at most 64 */
};

enum json_strictness {
	JSON_LENIENT, /* unknown members are skipped: for reading what newer versions wrote */
	JSON_STRICT,  /* unknown members are errors naming the nearest known one: for requests by people */
};

/*
 * Decodes the object `v` into `ret` (zeroed first). Text that needs no unescaping points into the document, everything
 * else into `a`. `null` counts as left out. Errors have `field` set to the member's path and say value and limits:
 * "max_tokens: 0 not in [1, 1000000]". `ret` may be half-filled on failure.
 */
enum status json_decode(const struct json_table *t, struct json v, enum json_strictness s, struct arena *a, void *ret,
                        struct err *err) must_check;
/* Writes all members that are present, in table order. */
void json_encode(const struct json_table *t, const void *object, struct json_writer *w);

#endif
