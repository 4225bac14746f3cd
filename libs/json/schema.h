/* JSON Schema 2020-12: the part that contracts and structured outputs use. */
#ifndef GANNET_JSON_SCHEMA_H
#define GANNET_JSON_SCHEMA_H

#include "json/json.h"

#define JSON_SCHEMA_BYTES_MAX ((size_t)1 << 20) /* of one document */
#define JSON_SCHEMA_DOCUMENTS_MAX 64            /* that one schema refers to */
#define JSON_SCHEMA_DEPTH_MAX 256               /* schemas within schemas, references included */
#define JSON_SCHEMA_STEPS_MAX 20000000          /* work of one check: about a second, whatever it is made to cost */

/*
 * Supported: type, enum, const, properties, patternProperties, additionalProperties, required, dependentRequired,
 * dependentSchemas, propertyNames, min/maxProperties, items, prefixItems, contains, min/maxContains, min/maxItems,
 * uniqueItems, min/maxLength (code points), pattern (ECMA-262 without look-around and back-references), minimum,
 * maximum, exclusive…, multipleOf (all exact at any size), allOf, anyOf, oneOf, not, if/then/else, $ref by JSON
 * pointer, $defs, format date-time, boolean schemas. unevaluatedProperties, unevaluatedItems and $dynamicRef are
 * refused rather than ignored. Other keywords are annotations and are ignored, as the specification says.
 */
struct json_schema;

/*
 * Copies the document. Fails on a malformed keyword, a $ref that leads nowhere or out of the document, a pattern that
 * does not compile; err->field is the JSON pointer of the schema at fault.
 */
enum status json_schema_new(struct span document, struct json_schema **ret, struct err *err) must_check;
/* The schema in folder/name; its $refs may lead to other files of the folder ("usage.json", "usage.json#/$defs/x"). */
enum status json_schema_load(const char *folder, const char *name, struct json_schema **ret,
                             struct err *err) must_check;
void json_schema_free(struct json_schema *s);
/*
 * UNPROCESSABLE: err->field is the JSON pointer of the first value at fault, err->msg says which keyword and why.
 * TOO_LARGE when it would take more than JSON_SCHEMA_STEPS_MAX or JSON_SCHEMA_DEPTH_MAX. Thread-safe.
 */
enum status json_schema_check(const struct json_schema *s, struct json value, struct err *err) must_check;

#endif
