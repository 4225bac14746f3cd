/* Fuzzes JSON pointers: the first line is a pointer, the rest a document; a plain walk along it has to agree. */
#include <stdlib.h>

#include "json/json.h"

#define require(cond)                                                                                                  \
	do {                                                                                                               \
		if (!(cond))                                                                                                   \
			abort();                                                                                                   \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* ~1 is a slash and ~0 a tilde; any other tilde stands for itself. */
static void unescape(struct span token, struct buf *out)
{
	for (size_t i = 0; i < token.n; i++) {
		bool escape = token.p[i] == '~' && i + 1 < token.n && (token.p[i + 1] == '0' || token.p[i + 1] == '1');
		buf_addc(out, escape ? (token.p[++i] == '1' ? '/' : '~') : token.p[i]);
	}
}

static bool element(struct json array, struct span token, struct json *ret)
{
	struct json key;
	int64_t index, at = 0;
	if (!span_i64(token, &index) || token.p[0] == '-' || token.p[0] == '+' || (token.n > 1 && token.p[0] == '0'))
		return false;
	for (struct json_iter it = json_iter(array); json_next(&it, &key, ret); at++)
		if (at == index)
			return true;
	return false;
}

static bool walk(struct json v, const char *pointer, struct json *ret)
{
	struct span rest = span_from(pointer);
	if (*pointer && *pointer != '/')
		return false;
	if (*pointer)
		span_cut(&rest, '/');
	while (*pointer && rest.p) {
		scoped_buf name = {0};
		struct json next;
		struct span token = span_cut(&rest, '/');
		unescape(token, &name);
		if (v.type == JSON_OBJECT ? !json_member(v, buf_span(&name), &next) : v.type != JSON_ARRAY || !element(v, token, &next))
			return false;
		v = next;
	}
	*ret = v;
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	scoped_arena a = {0};
	struct err err;
	struct json v, fast, slow = {0};
	struct span text = span_of(data, n), first = span_cut(&text, '\n');
	if (!text.p || memchr(first.p, 0, first.n) || json_parse(text, &v, &err) != STATUS_OK)
		return 0;
	const char *pointer = arena_cstr(&a, first);
	bool found = json_pointer(v, pointer, &fast);
	require(found == walk(v, pointer, &slow));
	require(found ? fast.text.p == slow.text.p && fast.text.n == slow.text.n : fast.type == JSON_ABSENT);
	return 0;
}
