/* Fuzzes schemas and patterns: the input is a JSON array of a schema and a value, or of a pattern and a text. */
#include <stdlib.h>

#include "json/pattern.h"
#include "json/schema.h"

#define require(cond)                                                                                                  \
	do {                                                                                                               \
		if (!(cond))                                                                                                   \
			abort();                                                                                                   \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check(struct json schema, struct json value)
{
	struct json_schema *s;
	struct err first = {0}, second = {0};
	if (json_schema_new(schema.text, &s, &first) != STATUS_OK) {
		require(first.msg[0]);
		return;
	}
	enum status once = json_schema_check(s, value, &first), twice = json_schema_check(s, value, &second);
	require(once == twice && (once == STATUS_OK || once == STATUS_INVALID || once == STATUS_TOO_LARGE));
	require(once == STATUS_OK || first.msg[0]);
	json_schema_free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	scoped_arena a = {0};
	struct json v, key, schema, value;
	struct err err;
	if (json_parse(span_of(data, n), &v, &err) != STATUS_OK)
		return 0;
	struct json_iter it = json_iter(v);
	if (v.type == JSON_ARRAY && json_next(&it, &key, &schema) && json_next(&it, &key, &value)) {
		const struct pattern *p;
		int64_t steps = 100000;
		check(schema, value);
		if (schema.type == JSON_STRING && value.type == JSON_STRING &&
		    pattern_compile(json_text(schema, &a), &a, &p, &err) == STATUS_OK)
			pattern_search(p, json_text(value, &a), &a, &steps);
	}
	return 0;
}
