/* RFC 3629, table 3-7 of the Unicode standard as comparisons, with a fast way through ASCII. */
#include "core/utf8.h"

static bool is_continuation(unsigned char c)
{
	return (c & 0xC0) == 0x80;
}

size_t utf8_decode(struct span s, uint32_t *ret)
{
	const unsigned char *p = (const unsigned char *)s.p;
	if (!s.n)
		return 0;
	if (p[0] < 0x80) {
		*ret = p[0];
		return 1;
	}
	/* A lead byte says how many follow; the least code point of that length rules overlong forms out. */
	size_t n = p[0] >= 0xF0 ? 4 : p[0] >= 0xE0 ? 3 : 2;
	uint32_t c = p[0] & (0x7Fu >> n), least = n == 4 ? 0x10000 : n == 3 ? 0x800 : 0x80;
	if (p[0] < 0xC2 || p[0] > 0xF4 || s.n < n)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if (!is_continuation(p[i]))
			return 0;
		c = c << 6 | (p[i] & 0x3F);
	}
	if (c < least || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF))
		return 0;
	*ret = c;
	return n;
}

size_t utf8_sequence(struct span s)
{
	uint32_t ignored;
	return utf8_decode(s, &ignored);
}

bool utf8_valid(struct span s)
{
	while (s.n) {
		uint64_t word;
		size_t n = sizeof word;
		if (s.n >= n && (memcpy(&word, s.p, n), (word & UINT64_C(0x8080808080808080)) == 0)) {
			s.p += n, s.n -= n;
			continue;
		}
		if (!(n = utf8_sequence(s)))
			return false;
		s.p += n, s.n -= n;
	}
	return true;
}

size_t utf8_encode(uint32_t c, char out[4])
{
	if (c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF))
		return 0;
	size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	static const unsigned char lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
	for (size_t i = n - 1; i > 0; i--, c >>= 6)
		out[i] = (char)(0x80 | (c & 0x3F));
	out[0] = (char)(lead[n] | c);
	return n;
}

struct span utf8_cut(struct span s, size_t max_bytes)
{
	if (s.n <= max_bytes)
		return s;
	size_t n = max_bytes;
	for (int back = 0; back < 3 && n && is_continuation((unsigned char)s.p[n]); back++)
		n--;
	return span_of(s.p, n);
}
