/* Moving over JSON text byte by byte; for the files of this library only. */
#ifndef GANNET_JSON_SCAN_H
#define GANNET_JSON_SCAN_H

#include "json/json.h"

#ifdef __SSE2__
#include <emmintrin.h>

/* A bit for each of 16 bytes that scan_is_plain() refuses. Signed comparison makes bytes past ASCII less than a space.
 */
static inline unsigned scan_specials(__m128i x)
{
	__m128i low = _mm_cmplt_epi8(x, _mm_set1_epi8(' '));
	__m128i quote = _mm_cmpeq_epi8(x, _mm_set1_epi8('"'));
	__m128i backslash = _mm_cmpeq_epi8(x, _mm_set1_epi8('\\'));
	return (unsigned)_mm_movemask_epi8(_mm_or_si128(low, _mm_or_si128(quote, backslash)));
}
#endif

/* Whether a string holds the byte as it is, and whatever surrounds it: ASCII but control characters, quote and
 * backslash. */
static inline bool scan_is_plain(char c)
{
	return (signed char)c >= ' ' && c != '"' && c != '\\';
}

/* The first byte of [p, end) that is not plain, or `end`. */
static inline const char *scan_plain(const char *p, const char *end)
{
#ifdef __SSE2__
	for (; end - p >= 16; p += 16) {
		unsigned specials = scan_specials(_mm_loadu_si128((const __m128i *)p));
		if (specials)
			return p + __builtin_ctz(specials);
	}
#endif
	while (p < end && scan_is_plain(*p))
		p++;
	return p;
}

static inline const char *scan_space(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\n' || *p == '\t' || *p == '\r'))
		p++;
	return p;
}

/* The functions below read checked text only, so they need not look for its end at each byte. */

/* The first quote or backslash of a string's inside; a quote comes at its end. */
static inline const char *scan_stop(const char *p, const char *end)
{
#ifdef __SSE2__
	for (; end - p >= 16; p += 16) {
		__m128i x = _mm_loadu_si128((const __m128i *)p);
		__m128i stop = _mm_or_si128(_mm_cmpeq_epi8(x, _mm_set1_epi8('"')), _mm_cmpeq_epi8(x, _mm_set1_epi8('\\')));
		unsigned stops = (unsigned)_mm_movemask_epi8(stop);
		if (stops)
			return p + __builtin_ctz(stops);
	}
#else
	(void)end; /* a quote comes before it */
#endif
	while (*p != '"' && *p != '\\')
		p++;
	return p;
}

/* From behind the opening quote to the closing one. */
static inline const char *scan_string(const char *p, const char *end)
{
	while (*(p = scan_stop(p, end)) == '\\')
		p += 2;
	return p;
}

/* From a value's first byte to behind its last. */
const char *scan_container(const char *p, const char *end);
static inline const char *scan_value(const char *p, const char *end)
{
	if (*p == '"')
		return scan_string(p + 1, end) + 1;
	if (*p == '{' || *p == '[')
		return scan_container(p, end);
	while (p<end && * p> ' ' && *p != ',' && *p != ']' && *p != '}')
		p++;
	return p;
}

static inline enum json_type scan_type(char first)
{
	switch (first) {
	case '{':
		return JSON_OBJECT;
	case '[':
		return JSON_ARRAY;
	case '"':
		return JSON_STRING;
	case 't':
	case 'f':
		return JSON_BOOL;
	case 'n':
		return JSON_NULL;
	default:
		return JSON_NUMBER;
	}
}

/* A string's bytes between the quotes, escapes as written. */
static inline struct span scan_inside(struct json string)
{
	return span_of(string.text.p + 1, string.text.n - 2);
}

static inline bool scan_has_escape(struct span inside)
{
	return inside.n && memchr(inside.p, '\\', inside.n);
}

/* Decodes the escape whose backslash is at *p, moves *p behind it, and returns the bytes written (1-4). */
size_t scan_unescape(const char **p, char out[4]);

#endif
