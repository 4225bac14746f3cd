/* Fuzzes reading: what is accepted can be walked, reads the same after compacting, and every text survives quoting. */
#include <stdlib.h>

#include "core/utf8.h"
#include "json/json.h"

#define require(cond)                                                                                                  \
	do {                                                                                                               \
		if (!(cond))                                                                                                   \
			abort();                                                                                                   \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void walk(struct json v, struct arena *a)
{
	struct json key, element, found;
	size_t count = 0;
	int64_t i;
	double f;
	bool b;
	struct span text = json_text(v, a);
	require((v.type == JSON_STRING) == (text.p != NULL));
	require(!text.p || (utf8_valid(text) && json_text_is(v, text) && !memchr(text.p, 0, text.n)));
	require((v.type == JSON_BOOL) == json_bool(v, &b));
	if (json_i64(v, &i))
		require(json_f64(v, &f) && f == (double)i);
	for (struct json_iter it = json_iter(v); json_next(&it, &key, &element); count++) {
		require(element.text.p >= v.text.p && element.text.p + element.text.n <= v.text.p + v.text.n);
		/* Looking up costs a walk, so big objects are not looked up member by member. */
		if (key.type == JSON_STRING && count < 64)
			require(json_member(v, json_text(key, a), &found) && found.text.p == element.text.p);
		walk(element, a);
	}
	require(count == json_count(v));
}

static void compact_twice(struct json v)
{
	scoped_buf once = {0}, twice = {0};
	struct json again;
	struct err err;
	json_compact(v, &once);
	require(json_parse(buf_span(&once), &again, &err) == STATUS_OK && again.type == v.type);
	json_compact(again, &twice);
	require(span_eq(buf_span(&once), buf_span(&twice)));
}

static void quote(struct span s, struct arena *a)
{
	scoped_buf quoted = {0};
	struct json v;
	struct err err;
	json_quote(&quoted, s);
	require(json_parse(buf_span(&quoted), &v, &err) == STATUS_OK);
	if (utf8_valid(s) && !memchr(s.p, 0, s.n))
		require(span_eq(json_text(v, a), s));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	scoped_arena a = {0};
	struct json v;
	struct err err = {0};
	struct span text = span_of(data, n);
	if (json_parse(text, &v, &err) == STATUS_OK) {
		walk(v, &a);
		compact_twice(v);
	} else {
		require(err.msg[0] && (err.status == STATUS_INVALID || err.status == STATUS_TOO_LARGE));
	}
	if (n)
		quote(text, &a);
	return 0;
}
