/* Masks what varies in a log line: numbers, ids, addresses, paths, moments, quoted text. */
#include "diagnose/patterns.h"

#define WILD "<*>"

enum letter { OTHER, SPACE, DIGIT, ALPHA, JOINT };

/* Joints may stand inside a name: block_12, node-7, 10.0.0.1, a/b. */
static enum letter class_of(char c)
{
	if (c == ' ' || (c >= '\t' && c <= '\r'))
		return SPACE;
	if (c >= '0' && c <= '9')
		return DIGIT;
	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (unsigned char)c >= 0x80)
		return ALPHA;
	return c == '_' || c == '-' || c == '.' || c == '/' || c == '@' || c == '+' || c == '%' || c == '~' ? JOINT : OTHER;
}

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

struct mask {
	char *out, *end;
};

static void put(struct mask *m, const char *p, size_t n)
{
	if ((size_t)(m->end - m->out) < n)
		return;
	memcpy(m->out, p, n);
	m->out += n;
}

/* What stands at the end already is not said twice: 12:30:01 is one thing that varies. */
static void put_wild(struct mask *m, const char *from)
{
	size_t n = sizeof WILD - 1;
	if (m->out - from >= (ptrdiff_t)n && memcmp(m->out - n, WILD, n) == 0)
		return;
	if (m->out - from > (ptrdiff_t)n && strchr(":,", m->out[-1]) && memcmp(m->out - n - 1, WILD, n) == 0) {
		m->out--;
		return;
	}
	put(m, WILD, n);
}

struct shape {
	size_t digits, letters, hexes, slashes, dots, prefix; /* prefix: letters, and one joint, at the beginning */
	bool at;
};

static struct shape shape_of(struct span w)
{
	struct shape s = {0};
	for (size_t i = 0; i < w.n; i++) {
		enum letter c = class_of(w.p[i]);
		s.digits += c == DIGIT;
		s.letters += c == ALPHA;
		s.hexes += is_hex(w.p[i]);
		s.slashes += w.p[i] == '/';
		s.dots += w.p[i] == '.';
		s.at |= w.p[i] == '@';
	}
	while (s.prefix < w.n && class_of(w.p[s.prefix]) == ALPHA)
		s.prefix++;
	if (s.prefix && s.prefix < w.n && class_of(w.p[s.prefix]) == JOINT)
		s.prefix++;
	return s;
}

/* A word of letters, digits and joints. */
static void put_word(struct mask *m, const char *token, struct span w)
{
	struct shape s = shape_of(w);
	bool path = s.slashes >= 2 || (s.slashes && w.p[0] == '/' && w.n > 1), address = s.at && s.letters && s.dots;
	size_t joints = w.n - s.digits - s.letters;
	if (path || address || (s.hexes + joints == w.n && s.digits && w.n >= 8)) {
		put_wild(m, token);
	} else if (!s.digits) {
		put(m, w.p, w.n);
	} else if (s.prefix >= 2) {
		put(m, w.p, s.prefix);
		put(m, WILD, sizeof WILD - 1);
	} else {
		put_wild(m, token);
	}
}

static bool is_name_of_time(struct span w)
{
	static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDecMonTueWedThuFriSatSun";
	for (size_t i = 0; w.n == 3 && i + 3 < sizeof names; i += 3)
		if (memcmp(w.p, names + i, 3) == 0)
			return true;
	return false;
}

/* The bytes of a quoted text that begins at `at`, both quotes included; 0 when it is none. */
static size_t quoted(struct span line, size_t at)
{
	char quote = line.p[at];
	if ((quote != '"' && quote != '\'') || (at && class_of(line.p[at - 1]) == ALPHA))
		return 0;
	for (size_t i = at + 1; i < line.n && i - at < 256; i++)
		if (line.p[i] == quote && line.p[i - 1] != '\\')
			return i - at + 1;
	return 0;
}

static size_t word_end(struct span line, size_t at)
{
	while (at < line.n && class_of(line.p[at]) >= DIGIT)
		at++;
	return at;
}

/* Joints that end a sentence or a range do not belong to the word. */
static size_t without_tail(struct span line, size_t from, size_t to)
{
	while (to > from + 1 && strchr("._-/", line.p[to - 1]))
		to--;
	return to;
}

static size_t put_token(struct mask *m, struct span line, size_t at)
{
	const char *token = m->out;
	while (at < line.n && class_of(line.p[at]) != SPACE) {
		size_t skip = quoted(line, at), end;
		if (skip) {
			put(m, "\"" WILD "\"", sizeof WILD + 1);
			at += skip;
		} else if (class_of(line.p[at]) == OTHER || !line.p[at]) {
			if (line.p[at])
				put(m, line.p + at, 1);
			at++;
		} else {
			end = without_tail(line, at, word_end(line, at));
			struct span w = span_of(line.p + at, end - at);
			if (is_name_of_time(w) && end + 1 < line.n && strchr(" ,", line.p[end]))
				put_wild(m, token);
			else
				put_word(m, token, w);
			at = end;
		}
	}
	return at;
}

size_t pattern_mask(struct span line, char text[PATTERN_LINE_MAX * 2], const char *tokens[PATTERN_TOKENS_MAX])
{
	struct mask m = {text, text + PATTERN_LINE_MAX * 2 - PATTERN_TOKENS_MAX - 1};
	size_t n = 0;
	if (line.n > PATTERN_LINE_MAX)
		line.n = PATTERN_LINE_MAX;
	for (size_t at = 0; at < line.n && n < PATTERN_TOKENS_MAX;) {
		if (class_of(line.p[at]) == SPACE) {
			at++;
			continue;
		}
		char *begin = m.out;
		at = put_token(&m, line, at);
		*m.out = 0;
		/* Dates of several words are one thing that varies, as are lists of numbers. */
		bool repeated = n && strcmp(begin, WILD) == 0 && strcmp(tokens[n - 1], WILD) == 0;
		if (m.out == begin || repeated) {
			m.out = begin;
			continue;
		}
		tokens[n++] = begin;
		m.out++;
		m.end++;
	}
	return n;
}
