/* Finding one's way in a checked document: members, elements, pointers and texts. */
#include "core/utf8.h"
#include "json/scan.h"

const char *scan_container(const char *p, const char *end)
{
	for (size_t depth = 0;;) {
		switch (*p++) {
		case '"':
			p = scan_string(p, end) + 1;
			break;
		case '{':
		case '[':
			depth++;
			break;
		case '}':
		case ']':
			if (--depth == 0)
				return p;
		}
	}
}

static unsigned hex4(const char *p)
{
	unsigned v = 0;
	for (int i = 0; i < 4; i++)
		v = v << 4 | (unsigned)(p[i] <= '9' ? p[i] - '0' : (p[i] | 0x20) - 'a' + 10);
	return v;
}

size_t scan_unescape(const char **p, char out[4])
{
	static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
	char c = (*p)[1];
	if (c != 'u') {
		const char *at = strchr(from, c);
		out[0] = at ? to[at - from] : c;
		*p += 2;
		return 1;
	}
	uint32_t codepoint = hex4(*p + 2);
	*p += 6;
	if (codepoint >= 0xD800 && codepoint <= 0xDBFF) {
		codepoint = 0x10000 + ((codepoint - 0xD800) << 10) + (hex4(*p + 2) - 0xDC00);
		*p += 6;
	}
	return utf8_encode(codepoint, out);
}

struct json_iter json_iter(struct json v)
{
	if (v.type != JSON_OBJECT && v.type != JSON_ARRAY)
		return (struct json_iter){0};
	const char *end = v.text.p + v.text.n - 1;
	return (struct json_iter){scan_space(v.text.p + 1, end), end, v.type == JSON_OBJECT};
}

bool json_next(struct json_iter *it, struct json *ret_key, struct json *ret_value)
{
	const char *p = it->p;
	if (p == it->end)
		return false;
	*ret_key = (struct json){0};
	if (it->object) {
		const char *close = scan_string(p + 1, it->end);
		*ret_key = (struct json){span_of(p, (size_t)(close + 1 - p)), JSON_STRING};
		p = scan_space(scan_space(close + 1, it->end) + 1, it->end); /* the colon lies between */
	}
	const char *behind = scan_value(p, it->end);
	*ret_value = (struct json){span_of(p, (size_t)(behind - p)), scan_type(*p)};
	p = scan_space(behind, it->end);
	it->p = p < it->end ? scan_space(p + 1, it->end) : p;
	return true;
}

bool json_member(struct json v, struct span key, struct json *ret)
{
	struct json name;
	struct json_iter it = json_iter(v);
	while (it.object && json_next(&it, &name, ret))
		if (json_text_is(name, key))
			return true;
	*ret = (struct json){0};
	return false;
}

static bool element(struct json v, struct span index, struct json *ret)
{
	int64_t at;
	struct json key;
	/* One way to write each index: no sign, no zero in front. */
	if (v.type != JSON_ARRAY || !span_i64(index, &at) || index.p[0] < '0' || (index.n > 1 && index.p[0] == '0'))
		return false;
	for (struct json_iter it = json_iter(v); json_next(&it, &key, ret); at--)
		if (at == 0)
			return true;
	return false;
}

/* Whether a name equals a pointer's token, in which ~1 stands for / and ~0 for ~. */
static bool token_is(struct json name, struct span token, struct arena *a)
{
	struct span text = json_text(name, a);
	size_t i = 0;
	for (size_t j = 0; j < token.n; j++, i++) {
		char c = token.p[j];
		if (c == '~' && j + 1 < token.n && (token.p[j + 1] == '0' || token.p[j + 1] == '1'))
			c = token.p[++j] == '0' ? '~' : '/';
		if (i == text.n || text.p[i] != c)
			return false;
	}
	return i == text.n;
}

static bool step(struct json v, struct span token, struct arena *a, struct json *ret)
{
	struct json name;
	if (v.type != JSON_OBJECT)
		return element(v, token, ret);
	for (struct json_iter it = json_iter(v); json_next(&it, &name, ret);)
		if (token_is(name, token, a))
			return true;
	return false;
}

bool json_pointer(struct json v, const char *pointer, struct json *ret)
{
	scoped_arena scratch = {0};
	struct span rest = span_from(pointer);
	bool found = v.type != JSON_ABSENT && (!*pointer || *pointer == '/');
	span_cut(&rest, '/');
	while (found && rest.p) {
		struct json next;
		found = step(v, span_cut(&rest, '/'), &scratch, &next);
		v = next;
	}
	*ret = found ? v : (struct json){0};
	return found;
}

size_t json_count(struct json v)
{
	struct json key, value;
	size_t n = 0;
	for (struct json_iter it = json_iter(v); json_next(&it, &key, &value);)
		n++;
	return n;
}

struct span json_text(struct json v, struct arena *a)
{
	if (v.type != JSON_STRING)
		return (struct span){0};
	struct span inside = scan_inside(v);
	if (!scan_has_escape(inside))
		return inside;
	const char *p = inside.p, *end = p + inside.n;
	char *out = arena_alloc(a, inside.n), *at = out;
	for (;;) {
		const char *stop = scan_stop(p, end + 1);
		memcpy(at, p, (size_t)(stop - p));
		at += stop - p;
		if (stop == end)
			return span_of(out, (size_t)(at - out));
		p = stop;
		at += scan_unescape(&p, at);
	}
}

bool json_text_is(struct json v, struct span s)
{
	if (v.type != JSON_STRING)
		return false;
	struct span inside = scan_inside(v);
	if (!scan_has_escape(inside))
		return span_eq(inside, s);
	for (const char *end = inside.p + inside.n; inside.p < end;) {
		char unit[4];
		size_t n = 1;
		if (*inside.p == '\\')
			n = scan_unescape(&inside.p, unit);
		else
			unit[0] = *inside.p++;
		if (s.n < n || memcmp(s.p, unit, n) != 0)
			return false;
		s = span_of(s.p + n, s.n - n);
	}
	return s.n == 0;
}

bool json_bool(struct json v, bool *ret)
{
	if (v.type != JSON_BOOL)
		return false;
	*ret = v.text.p[0] == 't';
	return true;
}

void json_compact(struct json v, struct buf *out)
{
	if (v.type == JSON_ABSENT) {
		buf_adds(out, "null");
		return;
	}
	for (const char *p = v.text.p, *end = p + v.text.n; p < end;) {
		const char *from = p;
		while (p<end && * p> ' ')
			p = *p == '"' ? scan_string(p + 1, end) + 1 : p + 1;
		buf_add(out, from, (size_t)(p - from));
		p = scan_space(p, end);
	}
}
