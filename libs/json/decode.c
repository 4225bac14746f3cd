/* Messages to structs, row by row of their table, and what is said when they do not fit. */
#include <stdarg.h>
#include <stdio.h>

#include "core/clock.h"
#include "core/utf8.h"
#include "json/excerpt.h"
#include "json/scan.h"
#include "json/table.h"

#define SUGGESTION_NAME_MAX 40 /* bytes of an unknown name that is compared with the known ones */

struct decoder {
	enum json_strictness strictness;
	struct arena *arena;
	struct err *err;
};

/* Where an object is: the member that holds it, and the object around that one. */
struct place {
	const struct place *around;
	struct span name;
};

/* ---- errors */

static size_t put_path(const struct place *at, char *out, size_t bytes)
{
	size_t n = at->around && at->around->name.p ? put_path(at->around, out, bytes) : 0;
	int more = snprintf(out + n, bytes - n, "%s%.*s", n ? "." : "", SPAN_ARG(utf8_cut(at->name, EXCERPT_BYTES)));
	return n + (size_t)more < bytes ? n + (size_t)more : bytes - 1;
}

static enum status refuse(const struct decoder *d, const struct place *around, struct span name, const char *fmt, ...)
    printf_like(4, 5);
static enum status refuse(const struct decoder *d, const struct place *around, struct span name, const char *fmt, ...)
{
	char path[sizeof d->err->field], text[sizeof d->err->msg];
	va_list ap;
	put_path(&(struct place){around, name}, path, sizeof path);
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	return err_field(d->err, STATUS_INVALID, path, "%s: %s", path, text);
}

static size_t add(char *out, size_t bytes, size_t n, const char *a, const char *b)
{
	int more = snprintf(out + n, bytes - n, "%s%s", a, b);
	return n + (size_t)more < bytes ? n + (size_t)more : bytes - 1;
}

/* "high, default or low" */
static void list_names(const char *const *names, char *out, size_t bytes)
{
	size_t n = 0;
	for (size_t i = 0; names[i]; i++)
		n = add(out, bytes, n, i == 0 ? "" : names[i + 1] ? ", " : " or ", names[i]);
}

static void list_types(unsigned allowed, char *out, size_t bytes)
{
	static const char *const names[] = {"", "null", "true or false", "a number", "a string", "an array", "an object"};
	size_t n = 0;
	for (unsigned i = JSON_BOOL; i < countof(names); i++)
		if (allowed & JSON_ALLOW(i))
			n = add(out, bytes, n, n ? " or " : "", names[i]);
}

static enum status wrong_type(const struct decoder *d, const struct place *around, const struct json_field *f,
                              struct json v)
{
	static const char *const wanted[] = {
	    [JSON_KIND_TEXT] = "a string",          [JSON_KIND_I64] = "an integer",
	    [JSON_KIND_F64] = "a number",           [JSON_KIND_BOOL] = "true or false",
	    [JSON_KIND_OPT_I64] = "an integer",     [JSON_KIND_OPT_F64] = "a number",
	    [JSON_KIND_OPT_BOOL] = "true or false", [JSON_KIND_TIME] = "a time such as \"2026-01-02T03:04:05Z\"",
	    [JSON_KIND_OBJECT] = "an object",
	};
	char text[200] = "";
	if (f->kind == JSON_KIND_ENUM)
		list_names(f->names, text, sizeof text);
	else if (f->kind == JSON_KIND_RAW)
		list_types(f->raw_types, text, sizeof text);
	else
		snprintf(text, sizeof text, "%s", wanted[f->kind]);
	return refuse(d, around, span_of(f->name, f->name_n), "%s is not %s", excerpt(v).text, text);
}

/* Edits (insert, delete, replace, swap neighbours) between two names: the optimal string alignment distance. */
static unsigned distance(struct span a, struct span b)
{
	unsigned rows[3][SUGGESTION_NAME_MAX + 1];
	unsigned *before = rows[0], *above = rows[1], *row = rows[2];
	for (unsigned j = 0; j <= b.n; j++)
		above[j] = j;
	for (unsigned i = 1; i <= a.n; i++) {
		row[0] = i;
		for (unsigned j = 1; j <= b.n; j++) {
			unsigned best = above[j - 1] + (a.p[i - 1] != b.p[j - 1]);
			best = above[j] + 1 < best ? above[j] + 1 : best;
			best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
			if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] && a.p[i - 2] == b.p[j - 1] && before[j - 2] + 1 < best)
				best = before[j - 2] + 1;
			row[j] = best;
		}
		unsigned *spare = before;
		before = above, above = row, row = spare;
	}
	return above[b.n];
}

static enum status unknown_member(const struct decoder *d, const struct json_table *t, const struct place *around,
                                  struct span name)
{
	const struct json_field *nearest = NULL;
	size_t least = name.n / 3 + 2;
	for (size_t i = 0; i < t->n && name.n <= SUGGESTION_NAME_MAX; i++) {
		size_t edits = distance(name, span_of(t->fields[i].name, t->fields[i].name_n));
		if (edits < least)
			least = edits, nearest = &t->fields[i];
	}
	if (nearest)
		return refuse(d, around, name, "no such member; did you mean %s?", nearest->name);
	char known[240];
	size_t n = 0;
	for (size_t i = 0; i < t->n; i++)
		n = add(known, sizeof known, n, i ? ", " : "", t->fields[i].name);
	return refuse(d, around, name, "no such member; known are %s", known);
}

/* ---- values */

static enum status decode_object(const struct decoder *d, const struct json_table *t, struct json v,
                                 const struct place *around, void *ret);

static enum status decode_text(const struct decoder *d, const struct place *around, const struct json_field *f,
                               struct json v, struct span *ret)
{
	if (v.type != JSON_STRING)
		return wrong_type(d, around, f, v);
	struct span s = json_text(v, d->arena), name = span_of(f->name, f->name_n);
	if ((int64_t)s.n < f->min)
		return refuse(d, around, name, "%zu bytes, at least %lld are needed", s.n, (long long)f->min);
	if (f->max && (int64_t)s.n > f->max)
		return refuse(d, around, name, "%zu bytes, at most %lld are allowed", s.n, (long long)f->max);
	const char *allowed = f->check ? f->check(s) : NULL;
	if (allowed)
		return refuse(d, around, name, "%s is not %s", excerpt(v).text, allowed);
	*ret = s;
	return STATUS_OK;
}

static enum status decode_raw(const struct decoder *d, const struct place *around, const struct json_field *f,
                              struct json v, struct json *ret)
{
	if (f->raw_types && !(f->raw_types & JSON_ALLOW(v.type)))
		return wrong_type(d, around, f, v);
	if (f->max && (int64_t)v.text.n > f->max)
		return refuse(d, around, span_of(f->name, f->name_n), "%zu bytes of JSON, at most %lld are allowed", v.text.n,
		              (long long)f->max);
	const char *allowed = f->check_raw ? f->check_raw(v) : NULL;
	if (allowed)
		return refuse(d, around, span_of(f->name, f->name_n), "%s is not %s", excerpt(v).text, allowed);
	*ret = v;
	return STATUS_OK;
}

static enum status decode_i64(const struct decoder *d, const struct place *around, const struct json_field *f,
                              struct json v, int64_t *ret)
{
	if (!json_i64(v, ret))
		return wrong_type(d, around, f, v);
	if ((f->min || f->max) && (*ret < f->min || *ret > f->max))
		return refuse(d, around, span_of(f->name, f->name_n), "%s not in [%lld, %lld]", excerpt(v).text,
		              (long long)f->min, (long long)f->max);
	return STATUS_OK;
}

static enum status decode_f64(const struct decoder *d, const struct place *around, const struct json_field *f,
                              struct json v, double *ret)
{
	if (!json_f64(v, ret))
		return wrong_type(d, around, f, v);
	if ((f->fmin != 0 || f->fmax != 0) && (*ret < f->fmin || *ret > f->fmax))
		return refuse(d, around, span_of(f->name, f->name_n), "%s not in [%g, %g]", excerpt(v).text, f->fmin, f->fmax);
	return STATUS_OK;
}

static enum status decode_bool(const struct decoder *d, const struct place *around, const struct json_field *f,
                               struct json v, bool *ret)
{
	return json_bool(v, ret) ? STATUS_OK : wrong_type(d, around, f, v);
}

static enum status decode_enum(const struct decoder *d, const struct place *around, const struct json_field *f,
                               struct json v, unsigned *ret)
{
	for (unsigned i = 0; f->names[i]; i++)
		if (json_text_is(v, span_from(f->names[i]))) {
			*ret = i;
			return STATUS_OK;
		}
	return wrong_type(d, around, f, v);
}

/* A time zone may lead out of the years that can be written in UTC. */
#define YEAR_0000_MS (-62167219200000)
#define YEAR_9999_END_MS 253402300799999

static enum status decode_time(const struct decoder *d, const struct place *around, const struct json_field *f,
                               struct json v, struct json_time *ret)
{
	int64_t ms;
	if (!rfc3339_parse(json_text(v, d->arena), &ms) || ms < YEAR_0000_MS || ms > YEAR_9999_END_MS)
		return wrong_type(d, around, f, v);
	ret->ms = ms ? ms : 1;
	return STATUS_OK;
}

static enum status decode_nested(const struct decoder *d, const struct place *around, const struct json_field *f,
                                 struct json v, void *ret_pointer)
{
	if (v.type != JSON_OBJECT)
		return wrong_type(d, around, f, v);
	void *object = arena_alloc(d->arena, f->table->size);
	memcpy(ret_pointer, &object, sizeof object);
	return decode_object(d, f->table, v, &(struct place){around, span_of(f->name, f->name_n)}, object);
}

static enum status decode_field(const struct decoder *d, const struct place *around, const struct json_field *f,
                                struct json v, void *at)
{
	switch (f->kind) {
	case JSON_KIND_TEXT:
		return decode_text(d, around, f, v, at);
	case JSON_KIND_RAW:
		return decode_raw(d, around, f, v, at);
	case JSON_KIND_I64:
		return decode_i64(d, around, f, v, at);
	case JSON_KIND_F64:
		return decode_f64(d, around, f, v, at);
	case JSON_KIND_BOOL:
		return decode_bool(d, around, f, v, at);
	case JSON_KIND_OPT_I64:
		((struct opt_i64 *)at)->set = true;
		return decode_i64(d, around, f, v, &((struct opt_i64 *)at)->v);
	case JSON_KIND_OPT_F64:
		((struct opt_f64 *)at)->set = true;
		return decode_f64(d, around, f, v, &((struct opt_f64 *)at)->v);
	case JSON_KIND_OPT_BOOL:
		((struct opt_bool *)at)->set = true;
		return decode_bool(d, around, f, v, &((struct opt_bool *)at)->v);
	case JSON_KIND_ENUM:
		return decode_enum(d, around, f, v, at);
	case JSON_KIND_TIME:
		return decode_time(d, around, f, v, at);
	case JSON_KIND_OBJECT:
		return decode_nested(d, around, f, v, at);
	}
	__builtin_unreachable();
}

/* ---- members */

/* The row of a name. Messages mostly come in table order, so the search begins behind the row found last. */
static const struct json_field *find(const struct json_table *t, struct span name, size_t from)
{
	for (size_t turn = 0, i = from; turn < t->n; turn++, i++) {
		const struct json_field *f = &t->fields[i < t->n ? i : i - t->n];
		if (f->name_n == name.n && memcmp(f->name, name.p, name.n) == 0)
			return f;
	}
	return NULL;
}

static enum status decode_object(const struct decoder *d, const struct json_table *t, struct json v,
                                 const struct place *around, void *ret)
{
	uint64_t seen = 0;
	struct json key, value;
	size_t next = 0;
	memset(ret, 0, t->size);
	for (struct json_iter it = json_iter(v); json_next(&it, &key, &value);) {
		struct span name = json_text(key, d->arena);
		const struct json_field *f = find(t, name, next);
		if (!f) {
			if (d->strictness == JSON_STRICT)
				return unknown_member(d, t, around, name);
			continue;
		}
		next = (size_t)(f - t->fields) + 1;
		if (value.type == JSON_NULL)
			continue;
		seen |= (uint64_t)1 << (f - t->fields);
		enum status s = decode_field(d, around, f, value, (char *)ret + f->offset);
		if (s != STATUS_OK)
			return s;
	}
	for (size_t i = 0; i < t->n; i++)
		if (t->fields[i].required && !(seen >> i & 1))
			return refuse(d, around, span_of(t->fields[i].name, t->fields[i].name_n), "is required");
	return STATUS_OK;
}

enum status json_decode(const struct json_table *t, struct json v, enum json_strictness s, struct arena *a, void *ret,
                        struct err *err)
{
	if (v.type != JSON_OBJECT)
		return err_set(err, STATUS_INVALID, "%s is not an object", v.type == JSON_ABSENT ? "nothing" : excerpt(v).text);
	return decode_object(&(struct decoder){s, a, err}, t, v, NULL, ret);
}
