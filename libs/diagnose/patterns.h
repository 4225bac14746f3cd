/* Log lines gathered into patterns: which lines say the same but for numbers, names and ids. */
#ifndef GANNET_DIAGNOSE_PATTERNS_H
#define GANNET_DIAGNOSE_PATTERNS_H

#include "core/buf.h"

#define PATTERN_LINE_MAX 1024 /* bytes of a line that count */
#define PATTERN_TOKENS_MAX 64
#define PATTERNS_MAX 2000 /* further kinds of lines are only counted */

/*
 * Numbers, hexadecimal ids, addresses, paths, quoted text and the like are masked first; what is left is grouped as in
 * Drain (P. He et al., "Drain: An Online Log Parsing Approach with Fixed Depth Tree"): by the number of tokens and the
 * first words of them, then by how many tokens agree; unlike there, a word varies only when more than three values of it
 * were seen, so that "cache hit" and "cache miss" stay two patterns; and it may be any word, the first ones included:
 * patterns that agree in all but one place are one when there are more than three of them. Not thread-safe.
 */
struct patterns;
struct patterns *patterns_new(void);
void patterns_free(struct patterns *p); /* NULL is fine */

#define PATTERNS_NONE SIZE_MAX
/* The number of the pattern the line belongs to; PATTERNS_NONE for an empty line or past PATTERNS_MAX. Any bytes. */
size_t patterns_add(struct patterns *p, struct span line, int64_t at_ms);

struct pattern_view {
	int64_t count;
	int64_t first_ms, last_ms;
};
/* Numbers are below this. Patterns that turn out to be one are merged: patterns_now() is the one that counts. */
size_t patterns_count(const struct patterns *p);
size_t patterns_now(const struct patterns *p, size_t i);
struct pattern_view patterns_view(const struct patterns *p, size_t i);
/* "connection to <*> refused" */
void patterns_text(const struct patterns *p, size_t i, struct buf *out);
int64_t patterns_left_out(const struct patterns *p); /* lines past PATTERNS_MAX */

/*
 * Writes the line's tokens into `text`, each followed by a NUL, with "<*>" for what varies; returns how many there are.
 * For the files of this library and its tests.
 */
size_t pattern_mask(struct span line, char text[PATTERN_LINE_MAX * 2], const char *tokens[PATTERN_TOKENS_MAX]);

#endif
