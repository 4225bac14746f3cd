/* Validity of UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing past U+10FFFF. */
#ifndef GANNET_CORE_UTF8_H
#define GANNET_CORE_UTF8_H

#include "core/span.h"

bool utf8_valid(struct span s);
/* Bytes of the valid sequence that begins at s.p[0], 0 if it is none (or s is empty). */
size_t utf8_sequence(struct span s);
/* Decodes the sequence at s.p[0]; returns its bytes, 0 if invalid. */
size_t utf8_decode(struct span s, uint32_t *ret);
/* Encodes; returns bytes written (1–4), 0 for what has no encoding. */
size_t utf8_encode(uint32_t codepoint, char out[4]);
/* The longest prefix of at most `max_bytes` that does not split a sequence of valid text. */
struct span utf8_cut(struct span s, size_t max_bytes);

#endif
