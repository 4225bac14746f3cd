/* Compares two documents: paths and operations, what stands beside them, and the account of it all. */
#include "openapi/compare.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/hash.h"

static struct span absent(void)
{
	return (struct span){0};
}

/* ---- noting */

size_t place_enter(struct compare *c, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	size_t before = c->place.len;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	buf_adds(&c->place, text);
	return before;
}

void place_leave(struct compare *c, size_t length)
{
	c->place.len = length;
	if (c->place.data)
		c->place.data[length] = 0;
}

static struct span shown(struct compare *c, struct span text)
{
	if (!text.p)
		return text;
	bool cut = text.n > COMPARE_TEXT_MAX;
	size_t n = cut ? COMPARE_TEXT_MAX : text.n;
	while (cut && n && ((unsigned char)text.p[n] & 0xc0) == 0x80)
		n--;
	return cut ? arena_printf(&c->out->arena, "%.*s …", (int)n, text.p) : arena_dup(&c->out->arena, text);
}

static void make_fingerprint(struct api_change *ch)
{
	scoped_buf text = {0};
	uint64_t hash[2];
	buf_printf(&text, "%s\n%.*s\n%.*s\n%.*s", ch->rule->id, SPAN_ARG(ch->operation), SPAN_ARG(ch->place),
	           SPAN_ARG(ch->subject.p ? ch->subject : SPAN("")));
	hash128(buf_span(&text), hash);
	snprintf(ch->fingerprint, sizeof ch->fingerprint, "%016llx%08llx", (unsigned long long)hash[0],
	         (unsigned long long)(hash[1] >> 32));
}

void note(struct compare *c, const struct api_rule *rule, struct span subject, struct span before, struct span after)
{
	c->out->by_level[rule->level]++;
	if (c->n == API_CHANGES_MAX) {
		c->out->left_out++;
		return;
	}
	if (c->n == c->cap) {
		c->cap = c->cap ? c->cap * 2 : 64;
		c->found = realloc(c->found, c->cap * sizeof *c->found);
		if (!c->found)
			abort();
	}
	struct span place = span_trim(buf_span(&c->place));
	struct found *f = &c->found[c->n++];
	*f = (struct found){.in = c->within,
	                    .change = {.rule = rule,
	                               .operation = arena_dup(&c->out->arena, c->operation),
	                               .place = arena_dup(&c->out->arena, place),
	                               .before = shown(c, before),
	                               .after = shown(c, after),
	                               .subject = shown(c, subject),
	                               .operations = 1}};
	make_fingerprint(&f->change);
}

static void other(struct compare *c, enum other_rule_name name, struct span subject, struct span before, struct span after)
{
	note(c, rule_of_other(name), subject, before, after);
}

/* ---- operations */

/* The path without the names of its parameters. */
static struct span path_shape(struct span path, struct arena *a)
{
	char *out = arena_alloc(a, path.n + 1);
	size_t n = 0;
	for (size_t i = 0; i < path.n; i++) {
		out[n++] = path.p[i];
		if (path.p[i] == '{') {
			while (i < path.n && path.p[i] != '}')
				i++;
			out[n++] = '}';
		}
	}
	return span_of(out, n);
}

static struct span operation_key(const struct api_operation *o, struct arena *a)
{
	return arena_printf(a, "%.*s %.*s", SPAN_ARG(o->method), SPAN_ARG(path_shape(o->path, a)));
}

static void compare_ids(struct compare *c, struct json before, struct json after)
{
	struct span was = api_text(c->base, before, "operationId"), is = api_text(c->revision, after, "operationId");
	if (was.p && is.p && !span_eq(was, is))
		other(c, OTHER_OPERATION_ID_CHANGED, absent(), was, is);
	else if ((was.p != NULL) != (is.p != NULL))
		other(c, is.p ? OTHER_OPERATION_ID_ADDED : OTHER_OPERATION_ID_REMOVED, absent(), was, is);
}

static bool lists(struct json list, struct json wanted, struct arena *a)
{
	struct json key, v;
	for (struct json_iter it = json_iter(list); json_next(&it, &key, &v);)
		if (json_text_is(v, json_text(wanted, a)))
			return true;
	return false;
}

static void compare_tags(struct compare *c, struct json before, struct json after)
{
	struct json was, is, key, v;
	json_member(before, SPAN("tags"), &was);
	json_member(after, SPAN("tags"), &is);
	for (struct json_iter it = json_iter(was); json_next(&it, &key, &v);)
		if (!lists(is, v, &c->out->arena))
			other(c, OTHER_TAG_REMOVED, json_text(v, &c->out->arena), absent(), absent());
	for (struct json_iter it = json_iter(is); json_next(&it, &key, &v);)
		if (!lists(was, v, &c->out->arena))
			other(c, OTHER_TAG_ADDED, json_text(v, &c->out->arena), absent(), absent());
}

static void compare_named(struct compare *c, struct json before, struct json after, enum other_rule_name removed,
                          enum other_rule_name added)
{
	struct json key, v, twin;
	for (struct json_iter it = json_iter(before); before.type == JSON_OBJECT && json_next(&it, &key, &v);)
		if (!json_member(after, json_text(key, &c->out->arena), &twin))
			other(c, removed, json_text(key, &c->out->arena), absent(), absent());
	for (struct json_iter it = json_iter(after); after.type == JSON_OBJECT && json_next(&it, &key, &v);)
		if (!json_member(before, json_text(key, &c->out->arena), &twin))
			other(c, added, json_text(key, &c->out->arena), absent(), absent());
}

static void compare_operation(struct compare *c, const struct api_operation *before, const struct api_operation *after)
{
	struct json b = before->operation, a = after->operation;
	struct span was = api_text(c->base, b, "x-sunset"), is = api_text(c->revision, a, "x-sunset");
	bool old = api_flag(b, "deprecated"), new = api_flag(a, "deprecated");
	if (!span_eq(before->path, after->path))
		other(c, OTHER_PATH_PARAMETER_RENAMED, absent(), before->path, after->path);
	compare_ids(c, b, a);
	compare_tags(c, b, a);
	if (old != new)
		other(c, new ? OTHER_OPERATION_DEPRECATED : OTHER_OPERATION_REVIVED, absent(), absent(), absent());
	/* ISO dates compare as text. */
	if (was.p && is.p && was.n == is.n && memcmp(is.p, was.p, is.n) < 0)
		other(c, OTHER_SUNSET_EARLIER, absent(), was, is);
	compare_parameters(c, before, after);
	compare_body(c, api_member(c->base, b, "requestBody"), api_member(c->revision, a, "requestBody"));
	compare_responses(c, api_member(c->base, b, "responses"), api_member(c->revision, a, "responses"));
	compare_security(c, before, after);
	compare_named(c, api_member(c->base, b, "callbacks"), api_member(c->revision, a, "callbacks"), OTHER_CALLBACK_REMOVED,
	              OTHER_CALLBACK_ADDED);
}

struct side {
	struct api_operation *all;
	size_t n;
	struct map by_key, paths;
};

static void take_side(struct api *a, struct arena *arena, struct side *s)
{
	s->n = api_operations(a, &s->all);
	for (size_t i = 0; i < s->n; i++) {
		map_put(&s->by_key, operation_key(&s->all[i], arena), &s->all[i]);
		map_put(&s->paths, path_shape(s->all[i].path, arena), &s->all[i]);
	}
}

static void compare_all_operations(struct compare *c)
{
	struct side b = {0}, a = {0};
	struct arena *arena = &c->out->arena;
	take_side(c->base, arena, &b);
	take_side(c->revision, arena, &a);
	for (size_t i = 0; i < b.n; i++) {
		const struct api_operation *o = &b.all[i], *twin = map_get(&a.by_key, operation_key(o, arena));
		c->operation = arena_printf(arena, "%.*s %.*s", SPAN_ARG(o->method), SPAN_ARG(twin ? twin->path : o->path));
		c->operation_number++;
		if (twin)
			compare_operation(c, o, twin);
		else if (api_flag(o->operation, "deprecated"))
			other(c, OTHER_OPERATION_RETIRED, absent(), absent(), absent());
		else
			other(c, map_has(&a.paths, path_shape(o->path, arena)) ? OTHER_OPERATION_REMOVED : OTHER_PATH_REMOVED, absent(),
			      absent(), absent());
	}
	for (size_t i = 0; i < a.n; i++) {
		const struct api_operation *o = &a.all[i];
		if (map_has(&b.by_key, operation_key(o, arena)))
			continue;
		c->operation = arena_printf(arena, "%.*s %.*s", SPAN_ARG(o->method), SPAN_ARG(o->path));
		other(c, map_has(&b.paths, path_shape(o->path, arena)) ? OTHER_OPERATION_ADDED : OTHER_PATH_ADDED, absent(), absent(),
		      absent());
	}
	map_free(&b.by_key);
	map_free(&b.paths);
	map_free(&a.by_key);
	map_free(&a.paths);
}

/* ---- beside the operations */

static bool has_server(struct api *a, struct json servers, struct span url)
{
	struct json key, v;
	for (struct json_iter it = json_iter(servers); json_next(&it, &key, &v);)
		if (span_eq(api_text(a, v, "url"), url))
			return true;
	return false;
}

static void compare_servers(struct compare *c)
{
	struct json was, is, key, v;
	json_member(c->base->root, SPAN("servers"), &was);
	json_member(c->revision->root, SPAN("servers"), &is);
	c->operation = SPAN("servers");
	for (struct json_iter it = json_iter(was); json_next(&it, &key, &v);)
		if (!has_server(c->revision, is, api_text(c->base, v, "url")))
			other(c, OTHER_SERVER_REMOVED, api_text(c->base, v, "url"), absent(), absent());
	for (struct json_iter it = json_iter(is); json_next(&it, &key, &v);)
		if (!has_server(c->base, was, api_text(c->revision, v, "url")))
			other(c, OTHER_SERVER_ADDED, api_text(c->revision, v, "url"), absent(), absent());
}

static void compare_version(struct compare *c)
{
	struct json b = api_member(c->base, c->base->root, "info"), a = api_member(c->revision, c->revision->root, "info");
	struct span was = api_text(c->base, b, "version"), is = api_text(c->revision, a, "version");
	c->operation = SPAN("info");
	if (c->out->by_level[API_BREAKING] && span_eq(was, is))
		other(c, OTHER_VERSION_SAME, absent(), was, is);
}

static int by_span(struct span a, struct span b)
{
	int order = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);
	return order ? order : (a.n > b.n) - (a.n < b.n);
}

static int worst_first(const void *x, const void *y)
{
	const struct api_change *a = x, *b = y;
	if (a->rule->level != b->rule->level)
		return a->rule->level > b->rule->level ? -1 : 1;
	int order = by_span(a->operation, b->operation);
	order = order ? order : by_span(a->place, b->place);
	order = order ? order : strcmp(a->rule->id, b->rule->id);
	return order ? order : strcmp(a->fingerprint, b->fingerprint);
}

void api_compare(struct api *base, struct api *revision, struct api_changes *ret)
{
	*ret = (struct api_changes){0};
	struct compare c = {.base = base, .revision = revision, .out = ret};
	compare_all_operations(&c);
	compare_schemes(&c);
	compare_servers(&c);
	c.operation = SPAN("webhooks");
	compare_named(&c, api_member(base, base->root, "webhooks"), api_member(revision, revision->root, "webhooks"),
	              OTHER_WEBHOOK_REMOVED, OTHER_WEBHOOK_ADDED);
	compare_version(&c);
	ret->all = arena_alloc(&ret->arena, (c.n + 1) * sizeof *ret->all);
	for (size_t i = 0; i < c.n; i++) {
		ret->all[i] = c.found[i].change;
		if (c.found[i].in)
			ret->all[i].operations = c.found[i].in->operations;
	}
	ret->n = c.n;
	qsort(ret->all, ret->n, sizeof *ret->all, worst_first);
	free(c.found);
	buf_free(&c.place);
	map_free(&c.shared);
}

void api_changes_free(struct api_changes *c)
{
	arena_free(&c->arena);
	*c = (struct api_changes){0};
}

void api_change_text(const struct api_change *c, struct buf *out)
{
	for (const char *p = c->rule->text; *p; p++) {
		if (*p == '%' && c->subject.p)
			buf_printf(out, "“%.*s”", SPAN_ARG(c->subject));
		else
			buf_addc(out, *p);
	}
	if (c->before.p && c->after.p)
		buf_printf(out, ": %.*s before, %.*s now", SPAN_ARG(c->before), SPAN_ARG(c->after));
	else if (c->before.p)
		buf_printf(out, ": %.*s before", SPAN_ARG(c->before));
	else if (c->after.p)
		buf_printf(out, ": %.*s", SPAN_ARG(c->after));
}
