/* A view of bytes that somebody else owns; the string type of all interfaces. */
#ifndef GANNET_CORE_SPAN_H
#define GANNET_CORE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Not NUL-terminated. `p == NULL` means "absent", which differs from an empty string (p != NULL, n == 0). */
struct span {
	const char *p;
	size_t n;
};

#define SPAN(literal) ((struct span){"" literal, sizeof(literal) - 1})
#define SPAN_ARG(s) (int)(s).n, (s).p /* for "%.*s" */

static inline struct span span_from(const char *cstr)
{
	return (struct span){cstr, cstr ? strlen(cstr) : 0};
}

static inline struct span span_of(const void *p, size_t n)
{
	return (struct span){p, n};
}

static inline bool span_eq(struct span a, struct span b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool span_is(struct span a, const char *cstr)
{
	return span_eq(a, span_from(cstr));
}

static inline bool span_starts(struct span a, struct span prefix)
{
	return a.n >= prefix.n && (prefix.n == 0 || memcmp(a.p, prefix.p, prefix.n) == 0);
}

/* Cuts the text before the first `sep` off *rest and returns it; without one, returns all and sets rest->p to NULL. */
struct span span_cut(struct span *rest, char sep);
struct span span_trim(struct span s);
/* Whole-span decimal; false on empty, junk or overflow. */
bool span_i64(struct span s, int64_t *ret);
/* Copies into a fixed buffer, NUL-terminated; false (and an empty string) when it does not fit. */
bool span_copy(struct span s, char *out, size_t out_bytes);
/* Matches a pattern in which '*' stands for any run of bytes; no other character is special. */
bool span_glob(struct span s, struct span pattern);

#endif
