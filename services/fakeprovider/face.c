/* What the wire formats have in common: messages, models, inputs, pieces and vectors. */
#include "face.h"

#include <math.h>

#include "words.h"

#define DIMENSIONS_MAX 4096

size_t pieces_count(const struct pieces *p)
{
	return p->ends.len / sizeof(size_t);
}

size_t pieces_end(const struct pieces *p, size_t i)
{
	return ((const size_t *)(const void *)p->ends.data)[i];
}

void pieces_close(struct pieces *p)
{
	buf_add(&p->ends, &p->bytes.len, sizeof p->bytes.len);
}

void pieces_reset(struct pieces *p)
{
	buf_reset(&p->bytes);
	buf_reset(&p->ends);
	p->text_from = p->text_to = p->mark = 0;
}

enum status face_bad(struct err *err, const char *field, const char *must_be)
{
	return err_field(err, STATUS_INVALID, field, "%s must be %s", field, must_be);
}

bool face_flag(struct json body, const char *pointer)
{
	struct json v;
	bool set = false;
	return json_pointer(body, pointer, &v) && json_bool(v, &set) && set;
}

int64_t face_count(struct json body, const char *pointer)
{
	struct json v;
	int64_t n;
	return json_pointer(body, pointer, &v) && json_i64(v, &n) && n >= 0 ? n : -1;
}

enum status face_read_model(struct json body, struct request *r, struct arena *a, struct err *err)
{
	struct json v;
	json_member(body, SPAN("model"), &v);
	r->name = json_text(v, a);
	return r->name.n ? STATUS_OK : face_bad(err, "model", "the name of a model");
}

size_t face_text_bytes(struct json content, struct arena *a, struct span *ret_joined)
{
	struct json key, part, text;
	if (content.type == JSON_STRING) {
		*ret_joined = json_text(content, a);
		return ret_joined->n;
	}
	scoped_buf joined = {0};
	for (struct json_iter it = json_iter(content); json_next(&it, &key, &part);)
		if (json_pointer(part, "/text", &text) && text.type == JSON_STRING)
			buf_addspan(&joined, json_text(text, a));
	*ret_joined = arena_dup(a, buf_span(&joined));
	return ret_joined->n;
}

enum status face_read_messages(struct json body, struct request *r, struct arena *a, struct err *err)
{
	struct json messages, key, m, role, content;
	json_member(body, SPAN("messages"), &messages);
	if (messages.type != JSON_ARRAY || json_count(messages) == 0)
		return face_bad(err, "messages", "an array of at least one message");
	for (struct json_iter it = json_iter(messages); json_next(&it, &key, &m);) {
		struct span text;
		json_member(m, SPAN("role"), &role);
		json_member(m, SPAN("content"), &content);
		if (role.type != JSON_STRING ||
		    (content.type != JSON_STRING && content.type != JSON_ARRAY && content.type != JSON_NULL))
			return face_bad(err, "messages", "objects with a role and a content");
		r->prompt_bytes += face_text_bytes(content, a, &text);
		if (json_text_is(role, SPAN("user")))
			r->prompt = text;
	}
	if (!r->prompt.p)
		r->prompt = SPAN("");
	return STATUS_OK;
}

/* ---- embeddings */

struct face_inputs face_inputs(const struct request *r)
{
	struct face_inputs in = {.it = json_iter(r->inputs)};
	if (r->inputs.type == JSON_STRING)
		in.single = r->inputs;
	return in;
}

bool face_next_input(struct face_inputs *in, struct json *ret)
{
	struct json key;
	*ret = in->single;
	in->single = (struct json){0};
	return ret->type == JSON_STRING || json_next(&in->it, &key, ret);
}

enum status face_read_inputs(struct json body, struct request *r, struct arena *a, struct err *err)
{
	struct json v;
	json_member(body, SPAN("input"), &r->inputs);
	if (r->inputs.type != JSON_STRING && (r->inputs.type != JSON_ARRAY || json_count(r->inputs) == 0))
		return face_bad(err, "input", "a string or an array of strings");
	for (struct face_inputs in = face_inputs(r); face_next_input(&in, &v);) {
		if (v.type != JSON_STRING)
			return face_bad(err, "input", "a string or an array of strings");
		r->prompt = json_text(v, a);
		r->prompt_bytes += r->prompt.n;
	}
	r->dimensions = face_count(body, "/dimensions");
	if (r->dimensions == 0 || r->dimensions > DIMENSIONS_MAX)
		return face_bad(err, "dimensions", "1 to 4096");
	return STATUS_OK;
}

static void put_base64(struct json_writer *w, const unsigned char *p, size_t n)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	scoped_buf out = {0};
	for (size_t i = 0; i < n; i += 3) {
		unsigned v = (unsigned)p[i] << 16 | (i + 1 < n ? (unsigned)p[i + 1] << 8 : 0) | (i + 2 < n ? p[i + 2] : 0);
		buf_addc(&out, digits[v >> 18]);
		buf_addc(&out, digits[v >> 12 & 63]);
		buf_addc(&out, i + 1 < n ? digits[v >> 6 & 63] : '=');
		buf_addc(&out, i + 2 < n ? digits[v & 63] : '=');
	}
	json_put_text(w, buf_span(&out));
}

void face_put_vector(struct json_writer *w, struct span text, size_t dimensions, bool base64)
{
	float vector[DIMENSIONS_MAX];
	words_vector(text, vector, dimensions);
	if (base64) {
		put_base64(w, (const unsigned char *)vector, dimensions * sizeof *vector);
		return;
	}
	json_begin_array(w);
	for (size_t i = 0; i < dimensions; i++)
		json_put_f64(w, round((double)vector[i] * 1e8) / 1e8);
	json_end_array(w);
}

/* ---- pieces */

bool face_next_piece(const struct answer *a, struct span *rest, struct span *ret)
{
	if (!rest->n)
		return false;
	*ret = words_cut(*rest, a->piece_tokens);
	*rest = span_of(rest->p + ret->n, rest->n - ret->n);
	return true;
}
