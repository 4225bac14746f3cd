/* Reads schemas: every keyword's form is checked here, so that checking values can trust it. */
#include "json/schema.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "json/excerpt.h"
#include "json/number.h"
#include "json/scan.h"
#include "json/schema_parts.h"

struct loader {
	struct json_schema *schema;
	const char *folder; /* NULL: references stay inside the document */
	size_t documents_n;
	struct map visited; /* the schemas seen so far, by their place in memory */
	struct arena scratch;
	unsigned depth;
	struct err *err;
};

static bool walk(struct loader *l, const struct schema_document *d, struct json schema, const struct schema_at *at);

/* ---- errors */

static size_t put_token(struct span text, char *out, size_t n, size_t bytes)
{
	for (size_t i = 0; i < text.n; i++) {
		char escaped[3] = {text.p[i]};
		if (text.p[i] == '~' || text.p[i] == '/')
			memcpy(escaped, text.p[i] == '~' ? "~0" : "~1", 3);
		if (n + strlen(escaped) >= bytes)
			break;
		memcpy(out + n, escaped, strlen(escaped));
		n += strlen(escaped);
	}
	return n;
}

static size_t put_at(const struct schema_at *at, char *out, size_t bytes)
{
	if (!at->around)
		return 0;
	scoped_arena scratch = {0};
	char index[24];
	size_t n = put_at(at->around, out, bytes);
	if (n + 1 >= bytes)
		return n;
	out[n++] = '/';
	snprintf(index, sizeof index, "%zu", at->index);
	return put_token(at->name.type == JSON_STRING ? json_text(at->name, &scratch) : span_from(index), out, n, bytes);
}

void schema_pointer(const struct schema_at *at, char *out, size_t bytes)
{
	size_t n = put_at(at, out, bytes);
	while (n && ((unsigned char)out[n - 1] & 0xC0) == 0x80 && n + 4 >= bytes)
		n--; /* do not end inside a character */
	out[n] = 0;
}

static bool fail(struct loader *l, const struct schema_at *at, const char *what)
{
	char pointer[sizeof l->err->field];
	schema_pointer(at, pointer, sizeof pointer);
	err_field(l->err, STATUS_INVALID, pointer, "schema %s: %s", *pointer ? pointer : "itself", what);
	return false;
}

/* ---- references */

static bool percent_decoded(struct span s, struct arena *a, const char **ret)
{
	char *out = arena_cstr(a, s), *to = out;
	for (const char *from = out; *from; from++) {
		unsigned v;
		if (*from != '%') {
			*to++ = *from;
		} else if (from[1] && from[2] && sscanf(from + 1, "%2x", &v) == 1 && v) {
			*to++ = (char)v;
			from += 2;
		} else {
			return false;
		}
	}
	*to = 0;
	*ret = out;
	return true;
}

static const struct schema_document *find_document(const struct json_schema *s, struct span name)
{
	for (const struct schema_document *d = s->documents; d; d = d->next)
		if (d->name.p && span_eq(d->name, name))
			return d;
	return NULL;
}

bool schema_resolve(const struct json_schema *s, const struct schema_document *from, struct span reference,
                    struct arena *scratch, const struct schema_document **ret_document, struct json *ret)
{
	const char *pointer = "";
	struct span name = span_cut(&reference, '#');
	*ret_document = name.n ? find_document(s, name) : from;
	return *ret_document && (!reference.p || percent_decoded(reference, scratch, &pointer)) &&
	       json_pointer((*ret_document)->root, pointer, ret);
}

static bool read_file(struct loader *l, const char *name, struct span *ret)
{
	char path[PATH_MAX];
	if (snprintf(path, sizeof path, "%s/%s", l->folder, name) >= (int)sizeof path)
		return false;
	FILE *f = fopen(path, "re");
	if (!f)
		return false;
	struct stat st;
	bool ok = fstat(fileno(f), &st) == 0 && S_ISREG(st.st_mode);
	size_t bytes = !ok ? 0 : st.st_size > (off_t)JSON_SCHEMA_BYTES_MAX ? JSON_SCHEMA_BYTES_MAX + 1 : (size_t)st.st_size;
	char *text = arena_alloc(&l->schema->memory, bytes);
	ok = ok && fread(text, 1, bytes, f) == bytes;
	fclose(f);
	*ret = span_of(text, bytes);
	return ok;
}

/* Takes a document in and checks all of it; `text` lives as long as the schema. */
static bool add_document(struct loader *l, struct span name, struct span text)
{
	struct err inner;
	struct schema_document **end = &l->schema->documents;
	const struct schema_at top = {0};
	if (text.n > JSON_SCHEMA_BYTES_MAX || l->documents_n == JSON_SCHEMA_DOCUMENTS_MAX) {
		err_set(l->err, STATUS_TOO_LARGE, "a schema may have %zu bytes and refer to %d files", JSON_SCHEMA_BYTES_MAX,
		        JSON_SCHEMA_DOCUMENTS_MAX);
		return false;
	}
	struct schema_document *d = arena_new(&l->schema->memory, struct schema_document);
	d->name = name.p ? arena_dup(&l->schema->memory, name) : name;
	if (json_parse(text, &d->root, &inner) != STATUS_OK) {
		err_set(l->err, STATUS_INVALID, "schema %.*s: %s", SPAN_ARG(name), inner.msg);
		return false;
	}
	while (*end)
		end = &(*end)->next;
	*end = d;
	l->documents_n++;
	return walk(l, d, d->root, &top);
}

/* Names of files only: no folders, nothing hidden. */
static bool add_file(struct loader *l, struct span name)
{
	struct span text;
	char cstr[NAME_MAX + 1];
	if (!name.n || name.p[0] == '.' || memchr(name.p, '/', name.n) || memchr(name.p, 0, name.n) ||
	    !span_copy(name, cstr, sizeof cstr) || !read_file(l, cstr, &text)) {
		err_set(l->err, STATUS_NOT_FOUND, "schema %.*s cannot be read from %s", name.n > 80 ? 80 : (int)name.n, name.p,
		        l->folder);
		return false;
	}
	return add_document(l, name, text);
}

static bool follow(struct loader *l, const struct schema_document *d, struct json arg, const struct schema_at *at)
{
	struct json target;
	const struct schema_document *there;
	struct span reference = json_text(arg, &l->scratch), name = reference;
	name = span_cut(&name, '#');
	if (name.n && l->folder && !find_document(l->schema, name) && !add_file(l, name))
		return false;
	if (!schema_resolve(l->schema, d, reference, &l->scratch, &there, &target))
		return fail(l, at, "the reference leads nowhere");
	return walk(l, there, target, at);
}

/* ---- forms of keywords */

static bool add_pattern(struct loader *l, struct json source, const struct schema_at *at)
{
	struct err inner;
	const struct pattern *p;
	struct span as_written = scan_inside(source);
	if (map_get(&l->schema->patterns, as_written))
		return true;
	if (pattern_compile(json_text(source, &l->scratch), &l->schema->memory, &p, &inner) != STATUS_OK)
		return fail(l, at, inner.msg);
	map_put(&l->schema->patterns, as_written, (void *)p);
	return true;
}

static bool is_type_name(struct json v)
{
	for (const char *const *name = schema_type_names; *name; name++)
		if (json_text_is(v, span_from(*name)))
			return true;
	return false;
}

/* Whether every element or member of `list` passes; what is wrong otherwise is said by `wanted`. */
static bool all(struct loader *l, struct json list, bool (*passes)(struct json v), const struct schema_at *at,
                const char *wanted)
{
	struct json key, v;
	for (struct json_iter it = json_iter(list); json_next(&it, &key, &v);)
		if (!passes(v))
			return fail(l, at, wanted);
	return true;
}

static bool is_text(struct json v)
{
	return v.type == JSON_STRING;
}

static bool is_texts(struct json v)
{
	struct json key, element;
	for (struct json_iter it = json_iter(v); json_next(&it, &key, &element);)
		if (!is_text(element))
			return false;
	return v.type == JSON_ARRAY;
}

static bool walk_all(struct loader *l, const struct schema_document *d, struct json list, const struct schema_at *at,
                     bool by_pattern)
{
	struct json key, v;
	size_t i = 0;
	for (struct json_iter it = json_iter(list); json_next(&it, &key, &v); i++) {
		const struct schema_at here = {at, key, i};
		if ((by_pattern && !add_pattern(l, key, &here)) || !walk(l, d, v, &here))
			return false;
	}
	return true;
}

static bool check_form(struct loader *l, const struct schema_document *d, enum schema_shape shape, struct json arg,
                       const struct schema_at *at)
{
	int64_t count;
	switch (shape) {
	case SHAPE_ANY:
		return true;
	case SHAPE_TYPES:
		if (arg.type == JSON_ARRAY)
			return all(l, arg, is_type_name, at, "not the name of a type");
		return is_type_name(arg) || fail(l, at, "not the name of a type");
	case SHAPE_BOOL:
		return arg.type == JSON_BOOL || fail(l, at, "expected true or false");
	case SHAPE_COUNT:
		return (json_i64(arg, &count) && count >= 0) || fail(l, at, "expected a whole number from 0 on");
	case SHAPE_NUMBER:
		return arg.type == JSON_NUMBER || fail(l, at, "expected a number");
	case SHAPE_DIVISOR:
		return (arg.type == JSON_NUMBER && !decimal_of(arg).negative && decimal_of(arg).n > 0 &&
		        decimal_of(arg).n <= DECIMAL_DIVISOR_DIGITS) ||
		       fail(l, at, "expected a number above 0 of at most 18 digits");
	case SHAPE_TEXT:
		return is_text(arg) || fail(l, at, "expected a string");
	case SHAPE_TEXTS:
		return is_texts(arg) || fail(l, at, "expected an array of strings");
	case SHAPE_TEXTS_BY_NAME:
		if (arg.type != JSON_OBJECT)
			return fail(l, at, "expected an object of arrays of strings");
		return all(l, arg, is_texts, at, "expected an object of arrays of strings");
	case SHAPE_ARRAY:
		return arg.type == JSON_ARRAY || fail(l, at, "expected an array");
	case SHAPE_PATTERN:
		return is_text(arg) ? add_pattern(l, arg, at) : fail(l, at, "expected a pattern");
	case SHAPE_SCHEMA:
		return walk(l, d, arg, at);
	case SHAPE_SCHEMAS:
		if (arg.type != JSON_ARRAY || !json_count(arg))
			return fail(l, at, "expected an array of schemas");
		return walk_all(l, d, arg, at, false);
	case SHAPE_SCHEMAS_BY_NAME:
	case SHAPE_SCHEMAS_BY_PATTERN:
		if (arg.type != JSON_OBJECT)
			return fail(l, at, "expected an object of schemas");
		return walk_all(l, d, arg, at, shape == SHAPE_SCHEMAS_BY_PATTERN);
	case SHAPE_REFERENCE:
		return is_text(arg) ? follow(l, d, arg, at) : fail(l, at, "expected a reference");
	case SHAPE_REFUSED:
		return fail(l, at, "this keyword is not supported");
	}
	__builtin_unreachable();
}

static bool walk(struct loader *l, const struct schema_document *d, struct json schema, const struct schema_at *at)
{
	struct json name, arg;
	struct span place = span_of(&schema.text.p, sizeof schema.text.p);
	if (schema.type != JSON_OBJECT)
		return schema.type == JSON_BOOL || fail(l, at, "a schema is an object, true or false");
	if (map_has(&l->visited, place))
		return true;
	map_put(&l->visited, place, l);
	if (++l->depth > JSON_SCHEMA_DEPTH_MAX)
		return fail(l, at, "schemas nested too deeply");
	for (struct json_iter it = json_iter(schema); json_next(&it, &name, &arg);) {
		const struct schema_keyword *k = schema_keyword_find(name);
		if (k && !check_form(l, d, k->shape, arg, &(struct schema_at){at, name, 0}))
			return false;
	}
	l->depth--;
	return true;
}

/* ---- life */

static enum status finish(struct loader *l, bool ok, struct json_schema **ret)
{
	map_free(&l->visited);
	arena_free(&l->scratch);
	if (!ok) {
		json_schema_free(l->schema);
		return l->err->status;
	}
	*ret = l->schema;
	return STATUS_OK;
}

static struct json_schema *new_schema(void)
{
	struct json_schema *s = calloc(1, sizeof *s);
	if (!s)
		abort();
	return s;
}

enum status json_schema_new(struct span document, struct json_schema **ret, struct err *err)
{
	struct loader l = {.schema = new_schema(), .err = err};
	struct span text = document.n <= JSON_SCHEMA_BYTES_MAX ? arena_dup(&l.schema->memory, document) : document;
	return finish(&l, add_document(&l, (struct span){0}, text), ret);
}

enum status json_schema_load(const char *folder, const char *name, struct json_schema **ret, struct err *err)
{
	struct loader l = {.schema = new_schema(), .folder = folder, .err = err};
	return finish(&l, add_file(&l, span_from(name)), ret);
}

void json_schema_free(struct json_schema *s)
{
	if (!s)
		return;
	map_free(&s->patterns);
	arena_free(&s->memory);
	free(s);
}
