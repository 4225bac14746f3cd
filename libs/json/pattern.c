/* Patterns become a small program. */
#include "json/pattern.h"

#include "core/utf8.h"

#define GROUPS_MAX 64
#define REPEAT_MAX 1000
#define LAST_CODEPOINT 0x10FFFF

static const struct range digit_ranges[] = {{'0', '9'}};
static const struct range word_ranges[] = {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
static const struct range space_ranges[] = {{9, 13},          {' ', ' '},       {0xA0, 0xA0},     {0x1680, 0x1680},
                                            {0x2000, 0x200A}, {0x2028, 0x2029}, {0x202F, 0x202F}, {0x205F, 0x205F},
                                            {0x3000, 0x3000}, {0xFEFF, 0xFEFF}};
static const struct range line_end_ranges[] = {{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}};

struct compiler {
	struct span source, rest;
	struct err *err;
	unsigned groups;
	size_t code_n, ranges_n;
	struct instr code[PATTERN_CODE_MAX];
	struct range ranges[PATTERN_CODE_MAX];
};

static bool fail(struct compiler *c, const char *what)
{
	size_t at = c->rest.p ? (size_t)(c->rest.p - c->source.p) : c->source.n;
	err_set(c->err, STATUS_INVALID, "%s at byte %zu of the pattern %.*s", what, at, SPAN_ARG(utf8_cut(c->source, 100)));
	return false;
}

static bool more(const struct compiler *c)
{
	return c->rest.n > 0;
}

static void skip(struct compiler *c, size_t n)
{
	c->rest = span_of(c->rest.p + n, c->rest.n - n);
}

static bool accept(struct compiler *c, const char *text)
{
	struct span s = span_from(text);
	if (!span_starts(c->rest, s))
		return false;
	skip(c, s.n);
	return true;
}

static bool emit(struct compiler *c, struct instr i)
{
	if (c->code_n == PATTERN_CODE_MAX)
		return fail(c, "too much repetition");
	c->code[c->code_n++] = i;
	return true;
}

/* Makes room for one instruction before what was written since `at`. */
static bool insert(struct compiler *c, size_t at, struct instr i)
{
	if (!emit(c, i))
		return false;
	memmove(c->code + at + 1, c->code + at, (c->code_n - 1 - at) * sizeof *c->code);
	c->code[at] = i;
	return true;
}

static bool add_range(struct compiler *c, uint32_t low, uint32_t high)
{
	if (c->ranges_n == countof(c->ranges))
		return fail(c, "too many characters");
	c->ranges[c->ranges_n++] = (struct range){low, high};
	return true;
}

/* `ranges` in ascending order. */
static bool add_ranges(struct compiler *c, const struct range *ranges, size_t n, bool negated)
{
	uint32_t from = 0;
	for (size_t i = 0; i < n; i++) {
		if (!negated && !add_range(c, ranges[i].low, ranges[i].high))
			return false;
		if (negated && ranges[i].low > from && !add_range(c, from, ranges[i].low - 1))
			return false;
		from = ranges[i].high + 1;
	}
	return !negated || add_range(c, from, LAST_CODEPOINT);
}

static bool emit_set(struct compiler *c, size_t first, bool negated)
{
	return emit(c, (struct instr){OP_SET, negated, (int)first, (int)(c->ranges_n - first)});
}

/* \d and the like, at the letter; *ret_is tells whether it was one. */
static bool class_escape(struct compiler *c, bool *ret_is)
{
	char letter = c->rest.p[0], lower = (char)(letter | 0x20);
	*ret_is = lower == 'd' || lower == 'w' || lower == 's';
	if (!*ret_is)
		return true;
	skip(c, 1);
	if (lower == 'd')
		return add_ranges(c, digit_ranges, countof(digit_ranges), letter == 'D');
	if (lower == 'w')
		return add_ranges(c, word_ranges, countof(word_ranges), letter == 'W');
	return add_ranges(c, space_ranges, countof(space_ranges), letter == 'S');
}

static bool hex(struct compiler *c, size_t digits, uint32_t *ret)
{
	uint32_t v = 0;
	if (c->rest.n < digits)
		return fail(c, "hexadecimal digits are missing");
	for (size_t i = 0; i < digits; i++) {
		char d = c->rest.p[i], lower = (char)(d | 0x20);
		if (d >= '0' && d <= '9')
			v = v << 4 | (uint32_t)(d - '0');
		else if (lower >= 'a' && lower <= 'f')
			v = v << 4 | (uint32_t)(lower - 'a' + 10);
		else
			return fail(c, "expected a hexadecimal digit");
	}
	skip(c, digits);
	*ret = v;
	return true;
}

/* Behind \u. */
static bool unicode_escape(struct compiler *c, uint32_t *ret)
{
	if (accept(c, "{")) {
		const char *close = memchr(c->rest.p, '}', c->rest.n);
		size_t digits = close ? (size_t)(close - c->rest.p) : 0;
		if (digits < 1 || digits > 6)
			return fail(c, "\\u{ wants 1 to 6 hexadecimal digits and }");
		if (!hex(c, digits, ret))
			return false;
		skip(c, 1);
		return *ret <= LAST_CODEPOINT || fail(c, "past the last character");
	}
	uint32_t low = 0;
	if (!hex(c, 4, ret))
		return false;
	if (*ret >= 0xD800 && *ret <= 0xDBFF && accept(c, "\\u")) {
		if (!hex(c, 4, &low))
			return false;
		if (low < 0xDC00 || low > 0xDFFF)
			return fail(c, "half of a surrogate pair");
		*ret = 0x10000 + ((*ret - 0xD800) << 10) + (low - 0xDC00);
	}
	return true;
}

/* An escape for one character, behind the backslash. */
static bool char_escape(struct compiler *c, uint32_t *ret)
{
	static const char from[] = "tnvfr0", to[] = "\t\n\v\f\r";
	if (!more(c))
		return fail(c, "a backslash without anything behind");
	char letter = c->rest.p[0];
	const char *at = strchr(from, letter);
	skip(c, 1);
	if (letter && at) {
		*ret = (unsigned char)to[at - from];
		return true;
	}
	if (letter == 'x')
		return hex(c, 2, ret);
	if (letter == 'u')
		return unicode_escape(c, ret);
	if (letter > 0 && strchr("^$\\.*+?()[]{}|/-\"'#%&,:;<=>@_`~! ", letter)) {
		*ret = (unsigned char)letter;
		return true;
	}
	return fail(c, letter >= '1' && letter <= '9' ? "back-references are not supported" : "unsupported escape");
}

static bool literal(struct compiler *c, uint32_t *ret)
{
	size_t n = utf8_decode(c->rest, ret);
	if (!n)
		return fail(c, "invalid UTF-8");
	skip(c, n);
	return true;
}

/* One character of a class, or a whole \d; for those *ret_is_class is set and the ranges are added. */
static bool class_item(struct compiler *c, uint32_t *ret, bool *ret_is_class)
{
	*ret_is_class = false;
	if (!accept(c, "\\"))
		return literal(c, ret);
	if (accept(c, "b")) {
		*ret = '\b';
		return true;
	}
	if (more(c) && !class_escape(c, ret_is_class))
		return false;
	return *ret_is_class || char_escape(c, ret);
}

/* Behind [. */
static bool character_class(struct compiler *c)
{
	size_t first = c->ranges_n;
	bool negated = accept(c, "^"), is_class, high_is_class;
	while (!accept(c, "]")) {
		uint32_t low = 0, high;
		if (!more(c))
			return fail(c, "[ is not closed");
		if (!class_item(c, &low, &is_class))
			return false;
		high = low;
		if (!is_class && c->rest.n > 1 && c->rest.p[0] == '-' && c->rest.p[1] != ']') {
			skip(c, 1);
			if (!class_item(c, &high, &high_is_class))
				return false;
			if (high_is_class || high < low)
				return fail(c, "a range without order");
		}
		if (!is_class && !add_range(c, low, high))
			return false;
	}
	return emit_set(c, first, negated);
}

static bool alternatives(struct compiler *c);

/* Behind (. */
static bool group(struct compiler *c)
{
	if (accept(c, "?")) {
		const char *close = more(c) && c->rest.p[0] == '<' ? memchr(c->rest.p, '>', c->rest.n) : NULL;
		if (close && c->rest.n > 1 && c->rest.p[1] != '=' && c->rest.p[1] != '!')
			skip(c, (size_t)(close + 1 - c->rest.p));
		else if (!accept(c, ":"))
			return fail(c, "look-around is not supported");
	}
	if (++c->groups > GROUPS_MAX)
		return fail(c, "groups nested too deeply");
	if (!alternatives(c))
		return false;
	c->groups--;
	return accept(c, ")") || fail(c, "( is not closed");
}

static bool atom(struct compiler *c)
{
	size_t first = c->ranges_n;
	uint32_t codepoint;
	bool is_class;
	if (accept(c, "("))
		return group(c);
	if (accept(c, "["))
		return character_class(c);
	if (accept(c, "."))
		return add_ranges(c, line_end_ranges, countof(line_end_ranges), false) && emit_set(c, first, true);
	if (accept(c, "^"))
		return emit(c, (struct instr){.op = OP_BEGIN});
	if (accept(c, "$"))
		return emit(c, (struct instr){.op = OP_END});
	if (accept(c, "\\b"))
		return emit(c, (struct instr){.op = OP_EDGE});
	if (accept(c, "\\B"))
		return emit(c, (struct instr){.op = OP_NO_EDGE});
	if (accept(c, "*") || accept(c, "+") || accept(c, "?"))
		return fail(c, "nothing to repeat");
	if (!accept(c, "\\"))
		return literal(c, &codepoint) && add_range(c, codepoint, codepoint) && emit_set(c, first, false);
	if (more(c) && !class_escape(c, &is_class))
		return false;
	if (c->ranges_n == first && !(char_escape(c, &codepoint) && add_range(c, codepoint, codepoint)))
		return false;
	return emit_set(c, first, false);
}

/* Appends another copy of code[at, at + n). */
static bool copy(struct compiler *c, size_t at, size_t n)
{
	if (PATTERN_CODE_MAX - c->code_n < n)
		return fail(c, "too much repetition");
	memcpy(c->code + c->code_n, c->code + at, n * sizeof *c->code);
	c->code_n += n;
	return true;
}

/* Replaces the piece that began at `at` by min to max times itself; max -1: without end. */
static bool repeat(struct compiler *c, size_t at, int min, int max)
{
	size_t n = c->code_n - at;
	int len = (int)n;
	for (int i = 0; i < min; i++)
		if (!copy(c, at, n))
			return false;
	if (max < 0) {
		if (!emit(c, (struct instr){OP_SPLIT, .x = 1, .y = len + 2}) || !copy(c, at, n) ||
		    !emit(c, (struct instr){OP_JUMP, .x = -len - 1}))
			return false;
	}
	for (int i = min; i < max; i++)
		if (!emit(c, (struct instr){OP_SPLIT, .x = 1, .y = len + 1}) || !copy(c, at, n))
			return false;
	c->code_n -= n;
	memmove(c->code + at, c->code + at + n, (c->code_n - at) * sizeof *c->code);
	return true;
}

static bool count(struct span *rest, int *ret)
{
	int v = 0;
	const char *first = rest->p;
	for (; rest->n && rest->p[0] >= '0' && rest->p[0] <= '9'; *rest = span_of(rest->p + 1, rest->n - 1))
		v = v > REPEAT_MAX ? v : v * 10 + (rest->p[0] - '0');
	*ret = v;
	return rest->p > first;
}

/* {m}, {m,} or {m,n}; anything else that begins with { is text. */
static bool counted(struct compiler *c, int *ret_min, int *ret_max)
{
	struct span rest = c->rest;
	if (!rest.n || rest.p[0] != '{')
		return false;
	rest = span_of(rest.p + 1, rest.n - 1);
	if (!count(&rest, ret_min))
		return false;
	*ret_max = *ret_min;
	if (rest.n && rest.p[0] == ',') {
		rest = span_of(rest.p + 1, rest.n - 1);
		if (!count(&rest, ret_max))
			*ret_max = -1;
	}
	if (!rest.n || rest.p[0] != '}')
		return false;
	c->rest = span_of(rest.p + 1, rest.n - 1);
	return true;
}

static bool quantified(struct compiler *c, size_t at)
{
	int min = 0, max = -1;
	if (accept(c, "?"))
		max = 1;
	else if (accept(c, "+"))
		min = 1;
	else if (!accept(c, "*") && !counted(c, &min, &max))
		return true;
	if (min > REPEAT_MAX || max > REPEAT_MAX || (max >= 0 && max < min))
		return fail(c, "a repetition count that makes no sense");
	accept(c, "?"); /* lazy or not, the answer is the same */
	return repeat(c, at, min, max);
}

/* a|b|c: each but the last is preceded by a way around it and followed by a way to the end. */
static bool alternatives(struct compiler *c)
{
	size_t at = c->code_n;
	int jumps = -1; /* those to the end, chained by their x until it is known */
	while (more(c) && c->rest.p[0] != ')') {
		size_t piece = c->code_n;
		if (!accept(c, "|")) {
			if (!atom(c) || !quantified(c, piece))
				return false;
			continue;
		}
		int len = (int)(c->code_n - at);
		if (!insert(c, at, (struct instr){OP_SPLIT, .x = 1, .y = len + 2}) ||
		    !emit(c, (struct instr){OP_JUMP, .x = jumps}))
			return false;
		jumps = (int)c->code_n - 1;
		at = c->code_n;
	}
	for (int next; jumps >= 0; jumps = next) {
		next = c->code[jumps].x;
		c->code[jumps].x = (int)c->code_n - jumps;
	}
	return true;
}

enum status pattern_compile(struct span source, struct arena *a, const struct pattern **ret, struct err *err)
{
	if (source.n > PATTERN_SOURCE_MAX)
		return err_set(err, STATUS_INVALID, "a pattern of %zu bytes, at most %d are allowed", source.n,
		               PATTERN_SOURCE_MAX);
	scoped_arena scratch = {0};
	struct compiler *c = arena_alloc(&scratch, sizeof *c);
	c->source = c->rest = source;
	c->err = err;
	c->groups = 0;
	c->code_n = c->ranges_n = 0;
	if (!alternatives(c) || (more(c) && !fail(c, ") without (")) || !emit(c, (struct instr){.op = OP_MATCH}))
		return STATUS_INVALID;
	struct pattern *p = arena_new(a, struct pattern);
	p->code = (const void *)arena_dup(a, span_of(c->code, c->code_n * sizeof *c->code)).p;
	p->code_n = c->code_n;
	p->ranges = (const void *)arena_dup(a, span_of(c->ranges, c->ranges_n * sizeof *c->ranges)).p;
	*ret = p;
	return STATUS_OK;
}
