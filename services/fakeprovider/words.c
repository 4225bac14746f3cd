/* Strings words together, walks schemas, and hashes words into vectors. */
#include "words.h"

#include <ctype.h>
#include <math.h>

#include "core/utf8.h"

#define VALUE_DEPTH_MAX 16

static const char *const words[] = {
    "a",     "of",      "to",    "in",    "is",     "and",   "the",    "with",   "under", "over",  "river",
    "stone", "light",   "green", "quiet", "sea",    "bird",  "gannet", "wind",   "north", "water", "island",
    "cliff", "morning", "small", "large", "silver", "round", "steps",  "answer", "model", "sound",
};

int64_t words_tokens(size_t bytes)
{
	return (int64_t)((bytes + TOKEN_BYTES - 1) / TOKEN_BYTES);
}

struct span words_cut(struct span text, int64_t tokens)
{
	return utf8_cut(text, (size_t)tokens * TOKEN_BYTES);
}

void words_write(struct buf *out, int64_t tokens, struct randomness *r)
{
	size_t from = out->len, bytes = (size_t)tokens * TOKEN_BYTES;
	while (out->len - from < bytes) {
		if (out->len > from)
			buf_addc(out, ' ');
		buf_adds(out, words[random_u64(r) % countof(words)]);
	}
	out->len = from + bytes - 1;
	buf_addc(out, '.');
}

/* ---- values for schemas */

static void write_value(struct json_writer *w, struct json schema, struct json root, struct randomness *r, int depth);

static void write_object(struct json_writer *w, struct json schema, struct json root, struct randomness *r, int depth)
{
	struct json properties, key, value;
	scoped_arena memory = {0};
	json_begin_object(w);
	if (json_member(schema, SPAN("properties"), &properties)) {
		struct json_iter it = json_iter(properties);
		while (json_next(&it, &key, &value)) {
			json_key(w, json_text(key, &memory));
			write_value(w, value, root, r, depth + 1);
		}
	}
	json_end_object(w);
}

static void write_array(struct json_writer *w, struct json schema, struct json root, struct randomness *r, int depth)
{
	struct json items, least;
	int64_t n = 1;
	if (json_member(schema, SPAN("minItems"), &least))
		json_i64(least, &n);
	json_begin_array(w);
	json_member(schema, SPAN("items"), &items);
	for (int64_t i = 0; i < n && i < 100; i++)
		write_value(w, items, root, r, depth + 1);
	json_end_array(w);
}

static void write_string(struct json_writer *w, struct json schema, struct randomness *r)
{
	struct json v;
	int64_t least = 0;
	scoped_buf text = {0};
	if (json_member(schema, SPAN("format"), &v) && json_text_is(v, SPAN("date-time"))) {
		json_put_text(w, SPAN("2026-01-02T03:04:05Z"));
		return;
	}
	if (json_member(schema, SPAN("minLength"), &v))
		json_i64(v, &least);
	words_write(&text, least > 0 && least < 4000 ? words_tokens((size_t)least) + 2 : 3, r);
	json_put_text(w, buf_span(&text));
}

static void write_number(struct json_writer *w, struct json schema)
{
	struct json limit;
	int64_t v = 1, bound;
	if (json_member(schema, SPAN("minimum"), &limit) && json_i64(limit, &bound) && bound > v)
		v = bound;
	if (json_member(schema, SPAN("maximum"), &limit) && json_i64(limit, &bound) && bound < v)
		v = bound;
	json_put_i64(w, v);
}

/* The first that is not null, of a list of types or of alternatives. */
static struct json pick(struct json list)
{
	struct json_iter it = json_iter(list);
	struct json key, v, type, first = {0};
	while (json_next(&it, &key, &v)) {
		if (!first.type)
			first = v;
		bool null = v.type == JSON_STRING ? json_text_is(v, SPAN("null"))
		                                  : json_member(v, SPAN("type"), &type) && json_text_is(type, SPAN("null"));
		if (!null)
			return v;
	}
	return first;
}

static struct json resolve(struct json schema, struct json root)
{
	struct json ref, v;
	scoped_arena memory = {0};
	if (json_member(schema, SPAN("anyOf"), &v) || json_member(schema, SPAN("oneOf"), &v))
		schema = pick(v);
	if (!json_member(schema, SPAN("$ref"), &ref))
		return schema;
	struct span path = json_text(ref, &memory);
	return path.n && path.p[0] == '#' && json_pointer(root, arena_cstr(&memory, path) + 1, &v) ? v : schema;
}

static void write_value(struct json_writer *w, struct json schema, struct json root, struct randomness *r, int depth)
{
	struct json type, v;
	schema = resolve(schema, root);
	json_member(schema, SPAN("type"), &type);
	if (type.type == JSON_ARRAY)
		type = pick(type);
	if (json_member(schema, SPAN("const"), &v))
		json_put(w, v);
	else if (json_member(schema, SPAN("enum"), &v) && json_count(v))
		json_put(w, pick(v));
	else if (depth >= VALUE_DEPTH_MAX || json_text_is(type, SPAN("null")))
		json_put_null(w);
	else if (json_text_is(type, SPAN("object")) || json_member(schema, SPAN("properties"), &v))
		write_object(w, schema, root, r, depth);
	else if (json_text_is(type, SPAN("array")))
		write_array(w, schema, root, r, depth);
	else if (json_text_is(type, SPAN("integer")) || json_text_is(type, SPAN("number")))
		write_number(w, schema);
	else if (json_text_is(type, SPAN("boolean")))
		json_put_bool(w, true);
	else
		write_string(w, schema, r);
}

void words_write_value(struct json_writer *w, struct json schema, struct randomness *r)
{
	if (schema.type == JSON_OBJECT) {
		write_value(w, schema, schema, r, 0);
		return;
	}
	json_begin_object(w);
	json_key(w, SPAN("answer"));
	write_string(w, schema, r);
	json_end_object(w);
}

/* ---- vectors */

#define WORD_DIMENSIONS 8 /* each word moves so many */

static void add_word(struct span word, float *out, size_t dimensions)
{
	char lower[64];
	size_t n = word.n < sizeof lower ? word.n : sizeof lower;
	for (size_t i = 0; i < n; i++)
		lower[i] = (char)tolower((unsigned char)word.p[i]);
	struct randomness r = random_of(0, span_of(lower, n), 0);
	for (int i = 0; i < WORD_DIMENSIONS; i++) {
		uint64_t at = random_u64(&r);
		out[(at >> 1) % dimensions] += at & 1 ? 1 : -1;
	}
}

static bool in_word(unsigned char c)
{
	return isalnum(c) || c >= 0x80;
}

void words_vector(struct span text, float *out, size_t dimensions)
{
	double sum = 0;
	memset(out, 0, dimensions * sizeof *out);
	for (size_t i = 0, from; i < text.n;) {
		while (i < text.n && !in_word((unsigned char)text.p[i]))
			i++;
		for (from = i; i < text.n && in_word((unsigned char)text.p[i]);)
			i++;
		if (i > from)
			add_word(span_of(text.p + from, i - from), out, dimensions);
	}
	for (size_t i = 0; i < dimensions; i++)
		sum += (double)out[i] * out[i];
	if (sum == 0)
		out[0] = 1;
	for (size_t i = 0; sum > 0 && i < dimensions; i++)
		out[i] = (float)(out[i] / sqrt(sum));
}
