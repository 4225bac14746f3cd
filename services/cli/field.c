/* Reads members of a reply leniently. */
#include "services/cli/field.h"

#include "core/clock.h"

struct json field(struct json object, const char *key)
{
	struct json v = {0};
	if (!json_member(object, span_from(key), &v) || v.type == JSON_NULL)
		return (struct json){0};
	return v;
}

struct span field_text(struct json object, const char *key, struct arena *a)
{
	struct json v = field(object, key);
	return v.type == JSON_STRING ? json_text(v, a) : v.text;
}

bool field_i64(struct json object, const char *key, int64_t *ret)
{
	return json_i64(field(object, key), ret);
}

int64_t field_i64_or(struct json object, const char *key, int64_t otherwise)
{
	(void)field_i64(object, key, &otherwise);
	return otherwise;
}

bool field_true(struct json object, const char *key)
{
	bool v = false;
	return json_bool(field(object, key), &v) && v;
}

int64_t field_time_ms(struct json object, const char *key)
{
	struct json v = field(object, key);
	int64_t ms = 0;
	if (v.type == JSON_STRING && v.text.n > 2)
		(void)rfc3339_parse(span_of(v.text.p + 1, v.text.n - 2), &ms);
	return ms;
}
