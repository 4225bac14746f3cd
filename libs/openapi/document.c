/* Loads a document and finds things in it quickly: what components hold is indexed once. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "openapi/internal.h"
#include "openapi/yaml.h"

static const char *const methods[] = {"get", "put", "post", "delete", "options", "head", "patch", "trace"};

/* ---- references */

static void put_escaped(struct buf *out, struct span name)
{
	for (size_t i = 0; i < name.n; i++) {
		if (name.p[i] == '~')
			buf_adds(out, "~0");
		else if (name.p[i] == '/')
			buf_adds(out, "~1");
		else
			buf_addc(out, name.p[i]);
	}
}

static void remember(struct api *a, struct span reference, struct json v)
{
	struct json *place = arena_new(&a->arena, struct json);
	*place = v;
	map_put(&a->places, reference, place);
}

/* json_pointer() walks from the top, which for thousands of references into a large document would be its square. */
static void index_components(struct api *a)
{
	struct json components, section_name, section, name, v;
	scoped_buf reference = {0};
	if (!json_member(a->root, SPAN("components"), &components))
		return;
	for (struct json_iter i = json_iter(components); json_next(&i, &section_name, &section);)
		for (struct json_iter j = json_iter(section); json_next(&j, &name, &v);) {
			buf_reset(&reference);
			buf_adds(&reference, "#/components/");
			put_escaped(&reference, json_text(section_name, &a->arena));
			buf_addc(&reference, '/');
			put_escaped(&reference, json_text(name, &a->arena));
			remember(a, buf_span(&reference), v);
		}
}

static int hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : isxdigit((unsigned char)c) ? (c | 32) - 'a' + 10 : -1;
}

/* The fragment of a URI may be percent-encoded. */
static struct span decode_percent(struct api *a, struct span s)
{
	char *out = arena_alloc(&a->arena, s.n + 1);
	size_t n = 0;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '%' && i + 2 < s.n && hex(s.p[i + 1]) >= 0 && hex(s.p[i + 2]) >= 0) {
			out[n++] = (char)(hex(s.p[i + 1]) * 16 + hex(s.p[i + 2]));
			i += 2;
		} else {
			out[n++] = s.p[i];
		}
	}
	out[n] = 0;
	return span_of(out, n);
}

struct json api_look_up(struct api *a, struct span reference)
{
	struct json *place = map_get(&a->places, reference);
	struct json v = {0};
	if (place)
		return *place;
	if (reference.n && *reference.p == '#' && !memchr(reference.p, 0, reference.n)) {
		struct span pointer = decode_percent(a, span_of(reference.p + 1, reference.n - 1));
		json_pointer(a->root, pointer.p, &v);
	}
	a->broken += v.type == JSON_ABSENT;
	remember(a, reference, v);
	return v;
}

struct json api_follow(struct api *a, struct json v, struct span *ret_ref)
{
	struct json reference;
	struct span text = {0};
	for (int i = 0; v.type == JSON_OBJECT && json_member(v, SPAN("$ref"), &reference) && reference.type == JSON_STRING; i++) {
		text = json_text(reference, &a->arena);
		v = i < API_REFERENCES_MAX ? api_look_up(a, text) : (struct json){0};
	}
	if (ret_ref)
		*ret_ref = text;
	return v;
}

struct json api_member(struct api *a, struct json v, const char *name)
{
	struct json m;
	return json_member(v, span_from(name), &m) ? api_follow(a, m, NULL) : (struct json){0};
}

struct span api_text(struct api *a, struct json v, const char *name)
{
	struct json m;
	return json_member(v, span_from(name), &m) ? json_text(m, &a->arena) : (struct span){0};
}

bool api_flag(struct json v, const char *name)
{
	struct json m;
	bool flag = false;
	return json_member(v, span_from(name), &m) && json_bool(m, &flag) && flag;
}

/* ---- loading */

static enum status check(struct api *a, struct err *err)
{
	struct json v;
	if (a->root.type != JSON_OBJECT)
		return err_set(err, STATUS_INVALID, "an OpenAPI document is an object");
	if (json_member(a->root, SPAN("swagger"), &v))
		return err_field(err, STATUS_INVALID, "swagger", "swagger: version 2 is not read; convert it to OpenAPI 3");
	struct span version = api_text(a, a->root, "openapi");
	if (!version.p || !span_starts(version, SPAN("3.")))
		return err_field(err, STATUS_INVALID, "openapi", "openapi: \"%.*s\" is not 3.0 or 3.1",
		                 (int)(version.n < 20 ? version.n : 20), version.p ? version.p : "");
	a->is_31 = !span_starts(version, SPAN("3.0"));
	if (json_member(a->root, SPAN("paths"), &v) && v.type != JSON_OBJECT)
		return err_field(err, STATUS_INVALID, "paths", "paths: is not an object");
	return STATUS_OK;
}

static enum status load(struct api *a, struct span text, struct err *err)
{
	scoped_buf json = {.max_bytes = API_BYTES_MAX};
	struct err as_yaml;
	struct span rest = span_trim(text);
	if (text.n > API_BYTES_MAX)
		return err_set(err, STATUS_TOO_LARGE, "a document of %zu bytes is larger than %zu", text.n, API_BYTES_MAX);
	bool looks_like_json = rest.n && *rest.p == '{';
	enum status s = looks_like_json ? json_parse(arena_dup(&a->arena, text), &a->root, err) : STATUS_INVALID;
	if (s != STATUS_OK) { /* YAML's flow style begins with a brace, too; JSON's error is the better one then */
		s = yaml_to_json(text, &json, looks_like_json ? &as_yaml : err);
		if (s != STATUS_OK)
			return looks_like_json ? err->status : s;
		s = json_parse(arena_dup(&a->arena, buf_span(&json)), &a->root, err);
	}
	if (s == STATUS_OK)
		s = check(a, err);
	if (s == STATUS_OK) {
		json_member(a->root, SPAN("security"), &a->security);
		index_components(a);
	}
	return s;
}

enum status api_load(struct span text, struct api **ret, struct err *err)
{
	struct api *a = calloc(1, sizeof *a);
	if (!a)
		abort();
	enum status s = load(a, text, err);
	if (s == STATUS_OK)
		*ret = a;
	else
		api_free(a);
	return s;
}

enum status api_load_file(const char *path, struct api **ret, struct err *err)
{
	scoped_buf text = {.max_bytes = API_BYTES_MAX};
	FILE *f = fopen(path, "re");
	if (!f)
		return err_set(err, STATUS_NOT_FOUND, "%.200s cannot be read: %s", path, strerror(errno));
	char *at;
	size_t n;
	while ((at = buf_reserve(&text, 65536)) && (n = fread(at, 1, 65536, f)) > 0)
		buf_commit(&text, n);
	bool bad = ferror(f);
	fclose(f);
	if (bad || text.overflow)
		return err_set(err, text.overflow ? STATUS_TOO_LARGE : STATUS_INVALID, "%.200s cannot be read%s", path,
		               text.overflow ? ": it is too large" : "");
	return api_load(buf_span(&text), ret, err);
}

void api_free(struct api *a)
{
	if (!a)
		return;
	map_free(&a->places);
	arena_free(&a->arena);
	free(a);
}

struct json api_root(const struct api *a)
{
	return a->root;
}

bool api_is_31(const struct api *a)
{
	return a->is_31;
}

size_t api_broken_references(const struct api *a)
{
	return a->broken;
}

/* ---- operations */

static struct span upper(struct api *a, const char *method)
{
	char *out = arena_cstr(&a->arena, span_from(method));
	for (char *p = out; *p; p++)
		*p = (char)toupper((unsigned char)*p);
	return span_from(out);
}

size_t api_operations(struct api *a, struct api_operation **ret)
{
	struct json paths, path, item, operation;
	size_t n = 0;
	json_member(a->root, SPAN("paths"), &paths);
	struct api_operation *all = arena_alloc(&a->arena, (json_count(paths) * countof(methods) + 1) * sizeof *all);
	for (struct json_iter it = json_iter(paths); json_next(&it, &path, &item);) {
		struct span name = json_text(path, &a->arena);
		item = api_follow(a, item, NULL);
		if (!name.n || *name.p != '/') /* x-… */
			continue;
		for (size_t i = 0; i < countof(methods); i++)
			if (json_member(item, span_from(methods[i]), &operation) && operation.type == JSON_OBJECT)
				all[n++] = (struct api_operation){upper(a, methods[i]), name, item, operation};
	}
	*ret = all;
	return n;
}

static bool is_among(struct api *a, struct json *all, size_t n, struct json parameter)
{
	struct span name = api_text(a, parameter, "name"), in = api_text(a, parameter, "in");
	for (size_t i = 0; i < n; i++)
		if (span_eq(api_text(a, all[i], "name"), name) && span_eq(api_text(a, all[i], "in"), in))
			return true;
	return false;
}

size_t api_parameters(struct api *a, const struct api_operation *o, struct json **ret)
{
	struct json own, shared, key, v;
	size_t n = 0;
	json_member(o->operation, SPAN("parameters"), &own);
	json_member(o->item, SPAN("parameters"), &shared);
	struct json *all = arena_alloc(&a->arena, (json_count(own) + json_count(shared) + 1) * sizeof *all);
	const struct json lists[] = {own, shared};
	for (size_t i = 0; i < countof(lists); i++)
		for (struct json_iter it = json_iter(lists[i]); json_next(&it, &key, &v);) {
			v = api_follow(a, v, NULL);
			if (v.type == JSON_OBJECT && !is_among(a, all, n, v))
				all[n++] = v;
		}
	*ret = all;
	return n;
}
