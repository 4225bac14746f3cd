/* Cutting, comparing and converting views of text. */
#include "core/span.h"

struct span span_cut(struct span *rest, char sep)
{
	const char *at = rest->n ? memchr(rest->p, sep, rest->n) : NULL;
	struct span head = *rest;
	if (!at) {
		*rest = (struct span){NULL, 0};
		return head;
	}
	head.n = (size_t)(at - rest->p);
	*rest = (struct span){at + 1, rest->n - head.n - 1};
	return head;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

struct span span_trim(struct span s)
{
	while (s.n && is_blank(s.p[0]))
		s.p++, s.n--;
	while (s.n && is_blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

bool span_i64(struct span s, int64_t *ret)
{
	bool negative = s.n && s.p[0] == '-';
	size_t i = negative;
	if (i == s.n)
		return false;
	/* Built up as a negative number, because INT64_MIN has no positive twin. */
	int64_t v = 0;
	for (; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		if (__builtin_mul_overflow(v, 10, &v) || __builtin_sub_overflow(v, s.p[i] - '0', &v))
			return false;
	}
	if (!negative && v == INT64_MIN)
		return false;
	*ret = negative ? v : -v;
	return true;
}

bool span_copy(struct span s, char *out, size_t out_bytes)
{
	if (s.n >= out_bytes) {
		if (out_bytes)
			out[0] = 0;
		return false;
	}
	if (s.n)
		memcpy(out, s.p, s.n);
	out[s.n] = 0;
	return true;
}

bool span_glob(struct span s, struct span pattern)
{
	/* On a mismatch, go back to the last '*' and let it eat one byte more: linear for one star, never exponential. */
	size_t i = 0, j = 0, star = SIZE_MAX, mark = 0;
	while (i < s.n) {
		if (j < pattern.n && pattern.p[j] == '*') {
			star = j++;
			mark = i;
		} else if (j < pattern.n && pattern.p[j] == s.p[i]) {
			i++, j++;
		} else if (star != SIZE_MAX) {
			j = star + 1;
			i = ++mark;
		} else {
			return false;
		}
	}
	while (j < pattern.n && pattern.p[j] == '*')
		j++;
	return j == pattern.n;
}
