/* Structs to messages, row by row of their table. */
#include "core/clock.h"
#include "json/put.h"
#include "json/table.h"

/* A comma if need be, and the quoted name with its colon, followed by room for `more` bytes; NULL on overflow. */
static char *begin_member(struct json_writer *w, const struct json_field *f, size_t more)
{
	char *at = buf_reserve(w->out, f->name_n + 4 + more);
	if (!at)
		return NULL;
	if (w->comma)
		*at++ = ',';
	w->comma = true;
	*at++ = '"';
	memcpy(at, f->name, f->name_n);
	at += f->name_n;
	*at++ = '"';
	*at++ = ':';
	return at;
}

static void end_member(struct json_writer *w, const char *at)
{
	buf_commit(w->out, (size_t)(at - (w->out->data + w->out->len)));
}

static void put_name(struct json_writer *w, const struct json_field *f)
{
	char *at = begin_member(w, f, 0);
	if (at)
		end_member(w, at);
}

static void put_bytes(struct json_writer *w, const struct json_field *f, const char *p, size_t n)
{
	char *at = begin_member(w, f, n);
	if (!at)
		return;
	memcpy(at, p, n);
	end_member(w, at + n);
}

static void put_text(struct json_writer *w, const struct json_field *f, struct span s)
{
	char *at = begin_member(w, f, s.n + 2);
	if (!at)
		return;
	*at++ = '"';
	size_t plain = put_plain(at, s);
	at += plain;
	if (plain == s.n) {
		*at++ = '"';
		end_member(w, at);
		return;
	}
	end_member(w, at);
	put_text_slow(w->out, span_of(s.p + plain, s.n - plain));
	buf_addc(w->out, '"');
}

static void put_i64(struct json_writer *w, const struct json_field *f, int64_t v)
{
	put_name(w, f);
	buf_addi64(w->out, v);
}

static void put_f64(struct json_writer *w, const struct json_field *f, double v)
{
	put_name(w, f);
	w->comma = false;
	json_put_f64(w, v);
}

static void put_bool(struct json_writer *w, const struct json_field *f, bool v)
{
	put_bytes(w, f, v ? "true" : "false", v ? 4 : 5);
}

static void put_time(struct json_writer *w, const struct json_field *f, struct json_time t)
{
	char text[RFC3339_BYTES];
	if (t.ms)
		put_text(w, f, span_from(rfc3339_format(t.ms, text)));
}

static void put_field(struct json_writer *w, const struct json_field *f, const void *at)
{
	switch (f->kind) {
	case JSON_KIND_TEXT:
		if (((const struct span *)at)->p)
			put_text(w, f, *(const struct span *)at);
		break;
	case JSON_KIND_RAW:
		if (((const struct json *)at)->type != JSON_ABSENT)
			put_bytes(w, f, ((const struct json *)at)->text.p, ((const struct json *)at)->text.n);
		break;
	case JSON_KIND_I64:
		put_i64(w, f, *(const int64_t *)at);
		break;
	case JSON_KIND_F64:
		put_f64(w, f, *(const double *)at);
		break;
	case JSON_KIND_BOOL:
		put_bool(w, f, *(const bool *)at);
		break;
	case JSON_KIND_OPT_I64:
		if (((const struct opt_i64 *)at)->set)
			put_i64(w, f, ((const struct opt_i64 *)at)->v);
		break;
	case JSON_KIND_OPT_F64:
		if (((const struct opt_f64 *)at)->set)
			put_f64(w, f, ((const struct opt_f64 *)at)->v);
		break;
	case JSON_KIND_OPT_BOOL:
		if (((const struct opt_bool *)at)->set)
			put_bool(w, f, ((const struct opt_bool *)at)->v);
		break;
	case JSON_KIND_ENUM:
		put_text(w, f, span_from(f->names[*(const unsigned *)at]));
		break;
	case JSON_KIND_TIME:
		put_time(w, f, *(const struct json_time *)at);
		break;
	case JSON_KIND_OBJECT: {
		const void *object;
		memcpy(&object, at, sizeof object);
		if (object) {
			put_name(w, f);
			w->comma = false;
			json_encode(f->table, object, w);
		}
		break;
	}
	}
}

void json_encode(const struct json_table *t, const void *object, struct json_writer *w)
{
	json_begin_object(w);
	for (size_t i = 0; i < t->n; i++)
		put_field(w, &t->fields[i], (const char *)object + t->fields[i].offset);
	json_end_object(w);
}
