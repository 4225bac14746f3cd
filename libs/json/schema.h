/* JSON Schema 2020-12: the part that contracts and structured outputs use. */
#ifndef GANNET_JSON_SCHEMA_H
#define GANNET_JSON_SCHEMA_H

#include "json/json.h"

/*
 * Supported: type, enum, const, properties, patternProperties, additionalProperties, required, dependentRequired,
 * propertyNames, min/maxProperties, items, prefixItems, contains, min/maxItems, uniqueItems, min/maxLength (code
 * points), pattern (POSIX extended), minimum, maximum, exclusive…, multipleOf, allOf, anyOf, oneOf, not, if/then/else,
 * $ref and $defs within the document (JSON pointers), format date-time, boolean schemas, recursion up to
 * JSON_DEPTH_MAX. Other keywords are annotations and are ignored, as the specification says.
 */
struct json_schema;

/* Copies the document. Fails on a $ref that leads nowhere or a pattern that does not compile. */
enum status json_schema_new(struct span document, struct json_schema **ret, struct err *err) must_check;
void json_schema_free(struct json_schema *s);
/* err->field is the JSON pointer of the first value at fault, err->msg says which keyword and why. Thread-safe. */
enum status json_schema_check(const struct json_schema *s, struct json value, struct err *err) must_check;

#endif
