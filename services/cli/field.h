/* Members of JSON replies by name; what is missing or of another type reads as absent. */
#ifndef GANNET_CLI_FIELD_H
#define GANNET_CLI_FIELD_H

#include "json/json.h"

/* Text of a string; numbers, objects and arrays as they are written; absent for null and nothing. */
struct span field_text(struct json object, const char *key, struct arena *a);
bool field_i64(struct json object, const char *key, int64_t *ret);
int64_t field_i64_or(struct json object, const char *key, int64_t otherwise);
bool field_true(struct json object, const char *key);
/* RFC 3339 to UTC ms; 0 when absent. */
int64_t field_time_ms(struct json object, const char *key);
struct json field(struct json object, const char *key);

#endif
