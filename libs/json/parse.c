/* The one pass that decides whether bytes are acceptable JSON. */
#include <stdlib.h>

#include "core/utf8.h"
#include "json/scan.h"

#define KEYS_INLINE 256 /* member names of open objects that are remembered without allocating */
#define COMPARE_ONE_BY_ONE                                                                                             \
	32 /* members up to which a new name is compared with the earlier ones; past it they are sorted */

#define DIGITS_OF_(limit) #limit
#define DIGITS_OF(limit) DIGITS_OF_(limit)

struct key {
	struct span text; /* unescaped */
	uint32_t hash, at;
};

struct parser {
	const char *start, *end;
	struct err *err;
	unsigned depth;
	/* The names of all open objects, innermost last. */
	struct key *keys;
	size_t keys_n, keys_cap;
	struct arena scratch;
	struct key keys_inline[KEYS_INLINE];
};

static const char *value(struct parser *c, const char *p);

static const char *fail(struct parser *c, const char *p, const char *what)
{
	err_set(c->err, STATUS_INVALID, "not valid JSON at byte %zu: %s", (size_t)(p - c->start), what);
	return NULL;
}

static bool hex4(const char *p, const char *end, unsigned *ret)
{
	unsigned v = 0;
	if (end - p < 4)
		return false;
	for (int i = 0; i < 4; i++) {
		char c = p[i], lower = (char)(c | 0x20);
		if (c >= '0' && c <= '9')
			v = v << 4 | (unsigned)(c - '0');
		else if (lower >= 'a' && lower <= 'f')
			v = v << 4 | (unsigned)(lower - 'a' + 10);
		else
			return false;
	}
	*ret = v;
	return true;
}

/* `p` is at the backslash. */
static const char *escape(struct parser *c, const char *p)
{
	unsigned unit, low;
	if (c->end - p < 2)
		return fail(c, p, "the text ends inside a string");
	if (p[1] != 'u')
		return p[1] && strchr("\"\\/bfnrt", p[1]) ? p + 2 : fail(c, p, "unknown escape");
	if (!hex4(p + 2, c->end, &unit))
		return fail(c, p, "\\u wants four hexadecimal digits");
	if (unit == 0)
		return fail(c, p, "\\u0000 is not allowed");
	if (unit < 0xD800 || unit > 0xDFFF)
		return p + 6;
	if (unit < 0xDC00 && c->end - p >= 12 && p[6] == '\\' && p[7] == 'u' && hex4(p + 8, c->end, &low) &&
	    low >= 0xDC00 && low <= 0xDFFF)
		return p + 12;
	return fail(c, p, "half of a surrogate pair");
}

/* From behind the opening quote to behind the closing one. */
static const char *string(struct parser *c, const char *p, bool *ret_escaped)
{
	*ret_escaped = false;
	for (;;) {
		p = scan_plain(p, c->end);
		if (p == c->end)
			return fail(c, p, "the text ends inside a string");
		if (*p == '"')
			return p + 1;
		if (*p == '\\') {
			*ret_escaped = true;
			p = escape(c, p);
			if (!p)
				return NULL;
		} else if ((signed char)*p >= 0) {
			return fail(c, p, "control character inside a string");
		}
		while (p < c->end && (signed char)*p < 0) {
			size_t n = utf8_sequence(span_of(p, (size_t)(c->end - p)));
			if (!n)
				return fail(c, p, "invalid UTF-8");
			p += n;
		}
	}
}

static const char *digits(struct parser *c, const char *p)
{
	const char *first = p;
	while (p < c->end && *p >= '0' && *p <= '9')
		p++;
	return p > first ? p : fail(c, p, "expected a digit");
}

static const char *number(struct parser *c, const char *p)
{
	if (*p == '-')
		p++;
	if (p < c->end && *p == '0')
		p++;
	else if (!(p = digits(c, p)))
		return NULL;
	if (p < c->end && *p == '.' && !(p = digits(c, p + 1)))
		return NULL;
	if (p < c->end && (*p | 0x20) == 'e') {
		p++;
		if (p < c->end && (*p == '+' || *p == '-'))
			p++;
		p = digits(c, p);
	}
	return p;
}

static const char *literal(struct parser *c, const char *p, struct span word)
{
	if ((size_t)(c->end - p) < word.n || memcmp(p, word.p, word.n) != 0)
		return fail(c, p, "expected a value");
	return p + word.n;
}

/* Mixes length, first and last eight bytes. Equal hashes are only a hint: names are compared in full. */
static uint32_t hash_name(struct span s)
{
	uint64_t a = 0, b = 0;
	if (s.n >= 8) {
		memcpy(&a, s.p, 8);
		memcpy(&b, s.p + s.n - 8, 8);
	} else if (s.n >= 4) {
		memcpy(&a, s.p, 4);
		memcpy(&b, s.p + s.n - 4, 4);
	} else if (s.n) {
		a = (unsigned char)s.p[0] | (uint64_t)(unsigned char)s.p[s.n / 2] << 8 |
		    (uint64_t)(unsigned char)s.p[s.n - 1] << 16;
	}
	uint64_t h = (a + s.n) * 0x9E3779B97F4A7C15u ^ (b + 0x632BE59BD9B4E019u) * 0xD6E8FEB86659FD93u;
	return (uint32_t)(h >> 32);
}

static int compare_keys(const void *pa, const void *pb)
{
	const struct key *a = pa, *b = pb;
	if (a->hash != b->hash)
		return a->hash < b->hash ? -1 : 1;
	if (a->text.n != b->text.n)
		return a->text.n < b->text.n ? -1 : 1;
	return memcmp(a->text.p, b->text.p, a->text.n);
}

static void push_key(struct parser *c, struct key k)
{
	if (c->keys_n == c->keys_cap) {
		struct key *more = arena_alloc(&c->scratch, c->keys_cap * 2 * sizeof *more);
		memcpy(more, c->keys, c->keys_n * sizeof *more);
		c->keys = more;
		c->keys_cap *= 2;
	}
	c->keys[c->keys_n++] = k;
}

/* Remembers a name of the object whose names begin at `first`; `seen` has a bit for each hash's top bits. False: it was
 * there before. */
static bool add_name(struct parser *c, size_t first, uint64_t *seen, struct json name, bool escaped)
{
	struct span text = escaped ? json_text(name, &c->scratch) : scan_inside(name);
	struct key k = {text, hash_name(text), (uint32_t)(name.text.p - c->start)};
	uint64_t bit = (uint64_t)1 << (k.hash >> 26);
	if ((*seen & bit) && c->keys_n - first <= COMPARE_ONE_BY_ONE)
		for (size_t i = first; i < c->keys_n; i++)
			if (c->keys[i].hash == k.hash && span_eq(c->keys[i].text, text))
				return false;
	*seen |= bit;
	push_key(c, k);
	return true;
}

/* Ends the object whose names begin at `first`. Sorting keeps the work small whatever names an attacker chooses. */
static const char *close_object(struct parser *c, size_t first, const char *p)
{
	struct key *keys = c->keys + first;
	size_t n = c->keys_n - first;
	if (n > COMPARE_ONE_BY_ONE) {
		qsort(keys, n, sizeof *keys, compare_keys);
		for (size_t i = 1; i < n; i++)
			if (compare_keys(keys + i - 1, keys + i) == 0)
				return fail(c, c->start + (keys[i - 1].at > keys[i].at ? keys[i - 1].at : keys[i].at),
				            "this name is there twice");
	}
	c->keys_n = first;
	c->depth--;
	return p + 1;
}

static const char *object(struct parser *c, const char *p)
{
	size_t first = c->keys_n;
	uint64_t seen = 0;
	p = scan_space(p + 1, c->end);
	if (p < c->end && *p == '}')
		return close_object(c, first, p);
	for (;;) {
		const char *name = p;
		bool escaped;
		if (p == c->end || *p != '"')
			return fail(c, p, "expected a name in quotes");
		p = string(c, p + 1, &escaped);
		if (!p)
			return NULL;
		if (!add_name(c, first, &seen, (struct json){span_of(name, (size_t)(p - name)), JSON_STRING}, escaped))
			return fail(c, name, "this name is there twice");
		if (c->keys_n - first > JSON_MEMBERS_MAX)
			return fail(c, name, "an object with more than " DIGITS_OF(JSON_MEMBERS_MAX) " members");
		p = scan_space(p, c->end);
		if (p == c->end || *p != ':')
			return fail(c, p, "expected a colon");
		p = value(c, scan_space(p + 1, c->end));
		if (!p)
			return NULL;
		p = scan_space(p, c->end);
		if (p < c->end && *p == '}')
			return close_object(c, first, p);
		if (p == c->end || *p != ',')
			return fail(c, p, "expected a comma or }");
		p = scan_space(p + 1, c->end);
	}
}

static const char *array(struct parser *c, const char *p)
{
	p = scan_space(p + 1, c->end);
	if (p < c->end && *p == ']') {
		c->depth--;
		return p + 1;
	}
	for (;;) {
		p = value(c, p);
		if (!p)
			return NULL;
		p = scan_space(p, c->end);
		if (p < c->end && *p == ']') {
			c->depth--;
			return p + 1;
		}
		if (p == c->end || *p != ',')
			return fail(c, p, "expected a comma or ]");
		p = scan_space(p + 1, c->end);
	}
}

static const char *value(struct parser *c, const char *p)
{
	bool escaped;
	if (p == c->end)
		return fail(c, p, "the text ends where a value should be");
	switch (*p) {
	case '"':
		return string(c, p + 1, &escaped);
	case '{':
	case '[':
		if (++c->depth > JSON_DEPTH_MAX)
			return fail(c, p, "nested deeper than " DIGITS_OF(JSON_DEPTH_MAX));
		return *p == '{' ? object(c, p) : array(c, p);
	case 't':
		return literal(c, p, SPAN("true"));
	case 'f':
		return literal(c, p, SPAN("false"));
	case 'n':
		return literal(c, p, SPAN("null"));
	case '-':
	case '0' ... '9':
		return number(c, p);
	default:
		return fail(c, p, "expected a value");
	}
}

enum status json_parse(struct span document, struct json *ret, struct err *err)
{
	if (document.n > JSON_DOCUMENT_MAX)
		return err_set(err, STATUS_TOO_LARGE, "%zu bytes of JSON, at most %zu are read", document.n, JSON_DOCUMENT_MAX);
	struct parser c;
	c.start = document.n ? document.p : "";
	c.end = c.start + document.n;
	c.err = err;
	c.depth = 0;
	c.keys = c.keys_inline;
	c.keys_n = 0;
	c.keys_cap = KEYS_INLINE;
	c.scratch = (struct arena){0};
	const char *first = scan_space(c.start, c.end);
	const char *last = value(&c, first);
	const char *rest = last ? scan_space(last, c.end) : NULL;
	if (rest && rest != c.end)
		rest = fail(&c, rest, "something follows the value");
	arena_free(&c.scratch);
	if (!rest)
		return STATUS_INVALID;
	*ret = (struct json){span_of(first, (size_t)(last - first)), scan_type(*first)};
	return STATUS_OK;
}
