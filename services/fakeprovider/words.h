/* Made-up answers: words, values that fit a schema, vectors. The same input gives the same output. */
#ifndef GANNET_FAKE_WORDS_H
#define GANNET_FAKE_WORDS_H

#include "json/json.h"
#include "random.h"

/* Four bytes are a token, as a rule of thumb for English. */
#define TOKEN_BYTES 4
int64_t words_tokens(size_t bytes);
/* The longest part of valid text that has at most so many tokens. */
struct span words_cut(struct span text, int64_t tokens);
/* So many tokens of lower-case words, ending in a full stop. */
void words_write(struct buf *out, int64_t tokens, struct randomness *r);
/* A small value that fits the schema as far as types, properties, enums, constants and minimal lengths go; absent
 * schema: any. */
void words_write_value(struct json_writer *w, struct json schema, struct randomness *r);
/* A unit vector; texts that share words point in similar directions. */
void words_vector(struct span text, float *out, size_t dimensions);

#endif
