/* Copying text into JSON strings; for the files of this library only. */
#ifndef GANNET_JSON_PUT_H
#define GANNET_JSON_PUT_H

#include "json/scan.h"

/* Copies `s` to `to` (room for s.n bytes) up to the first byte that is not plain; returns how many. What lies behind is
 * undefined. */
static inline size_t put_plain(char *to, struct span s)
{
	const char *p = s.p, *end = p + s.n;
#ifdef __SSE2__
	for (; end - p >= 16; p += 16, to += 16) {
		__m128i x = _mm_loadu_si128((const __m128i *)p);
		_mm_storeu_si128((__m128i *)to, x);
		unsigned specials = scan_specials(x);
		if (specials)
			return (size_t)(p - s.p) + (unsigned)__builtin_ctz(specials);
	}
#endif
	while (p < end && scan_is_plain(*p))
		*to++ = *p++;
	return (size_t)(p - s.p);
}

/* Text of any kind, without the quotes. */
void put_text_slow(struct buf *out, struct span s);

#endif
