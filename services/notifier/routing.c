/* Reads the notifier's file, strictly: a mistake is refused with its place, never half-taken. */
#include "routing.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/env.h"
#include "target.h"
#include "window.h"

/* What A10 wants to be filed where, for targets that no route names. */
static const struct default_route {
	const char *kind;
	const char *sources; /* JSON arrays of globs */
	const char *types;
	enum severity least;
} default_routes[] = {
    {"github_issue", NULL, NULL, SEVERITY_HIGH},
    {"github_issue", "[\"integrity\",\"contract\"]", NULL, SEVERITY_LOW},
    {"github_issue", NULL, "[\"recurring_*\"]", SEVERITY_LOW},
    {"github_discussion", "[\"analytics\"]", "[\"cost_*\"]", SEVERITY_LOW},
    {"github_comment", NULL, NULL, SEVERITY_LOW},
    {"webhook", NULL, NULL, SEVERITY_LOW},
    {"slack", NULL, NULL, SEVERITY_MEDIUM},
};

static struct json list_of(const char *text)
{
	return text ? (struct json){span_from(text), JSON_ARRAY} : (struct json){0};
}

static enum status at_place(struct err *err, const char *list, size_t i)
{
	char field[64];
	snprintf(field, sizeof field, "%s/%zu%s%.40s", list, i, *err->field ? "/" : "", err->field);
	memcpy(err->field, field, sizeof field);
	return err->status;
}

/* Each element of a list through its table into `out`; `more` checks what a table cannot say. */
static enum status load_list(struct routing *c, struct json list, const char *name, const struct json_table *t, size_t max,
                             void *out, size_t stride, size_t *ret_n,
                             enum status (*more)(struct routing *c, size_t i, struct err *err), struct err *err)
{
	struct json key, v;
	for (struct json_iter it = json_iter(list); json_next(&it, &key, &v);) {
		size_t i = *ret_n;
		if (i == max)
			return err_field(err, STATUS_INVALID, name, "%s: more than %zu", name, max);
		if (json_decode(t, v, JSON_STRICT, &c->arena, (char *)out + i * stride, err) != STATUS_OK)
			return at_place(err, name, i);
		++*ret_n;
		if (more && more(c, i, err) != STATUS_OK)
			return at_place(err, name, i);
	}
	return STATUS_OK;
}

static enum status read_secret(struct routing *c, struct target *t, struct err *err)
{
	if (!t->is.secret.p)
		return STATUS_OK;
	struct {
		const char *value;
	} got = {NULL};
	const struct env_option option = {.name = arena_cstr(&c->arena, t->is.secret), .kind = ENV_TEXT, .secret = true};
	if (env_load(&option, 1, &got, err) != STATUS_OK)
		return err->status;
	if (!got.value)
		return err_field(err, STATUS_INVALID, "secret", "secret: %.*s is neither set nor in a file", SPAN_ARG(t->is.secret));
	t->secret = got.value;
	return STATUS_OK;
}

static enum status check_target(struct routing *c, size_t i, struct err *err)
{
	struct target *t = &c->targets[i];
	for (size_t j = 0; j < i; j++)
		if (span_eq(c->targets[j].is.name, t->is.name))
			return err_field(err, STATUS_CONFLICT, "name", "name: there are two targets \"%.*s\"", SPAN_ARG(t->is.name));
	t->kind = target_kind_named(t->is.kind);
	if (!t->kind)
		return err_field(err, STATUS_INVALID, "kind",
		                 "kind: \"%.*s\" is none of github_issue, github_discussion, github_comment, webhook, slack",
		                 SPAN_ARG(t->is.kind));
	if (t->is.weekly_summary.v && !t->kind->summaries)
		return err_field(err, STATUS_INVALID, "weekly_summary", "weekly_summary: a target of kind %s has no place for it",
		                 t->kind->kind);
	if (t->kind->group_by && !json_count(t->is.group_by))
		t->is.group_by = list_of(t->kind->group_by);
	if (read_secret(c, t, err) != STATUS_OK)
		return err->status;
	return t->kind->check(t, err);
}

static enum status check_route(struct routing *c, size_t i, struct err *err)
{
	for (size_t j = 0; j < c->targets_n; j++)
		if (span_eq(c->targets[j].is.name, c->routes[i].target))
			return STATUS_OK;
	return err_field(err, STATUS_INVALID, "target", "target: there is no target \"%.*s\"", SPAN_ARG(c->routes[i].target));
}

static enum status check_window(struct routing *c, size_t i, struct err *err)
{
	if (c->windows[i].until.ms > c->windows[i].from.ms)
		return STATUS_OK;
	return err_field(err, STATUS_INVALID, "until", "until: is not after from");
}

static void add_default_routes(struct routing *c)
{
	for (size_t i = 0; i < c->targets_n; i++)
		for (size_t j = 0; j < countof(default_routes) && c->routes_n < NOTIFIER_ROUTES_MAX; j++)
			if (span_is(c->targets[i].is.kind, default_routes[j].kind))
				c->routes[c->routes_n++] = (struct notifier_route){.target = c->targets[i].is.name,
				                                                   .sources = list_of(default_routes[j].sources),
				                                                   .types = list_of(default_routes[j].types),
				                                                   .min_severity = default_routes[j].least};
}

static enum status load(struct routing *c, struct span text, struct err *err)
{
	struct json body;
	struct notifier_file file;
	enum status s = json_parse(arena_dup(&c->arena, text), &body, err);
	if (s == STATUS_OK)
		s = json_decode(&notifier_file_table, body, JSON_STRICT, &c->arena, &file, err);
	if (s == STATUS_OK)
		s = load_list(c, file.targets, "targets", &notifier_target_table, NOTIFIER_TARGETS_MAX, c->targets,
		              sizeof *c->targets, &c->targets_n, check_target, err);
	if (s == STATUS_OK)
		s = load_list(c, file.routes, "routes", &notifier_route_table, NOTIFIER_ROUTES_MAX, c->routes, sizeof *c->routes,
		              &c->routes_n, check_route, err);
	if (s == STATUS_OK)
		s = load_list(c, file.maintenance, "maintenance", &notifier_window_table, NOTIFIER_WINDOWS_MAX, c->windows,
		              sizeof *c->windows, &c->windows_n, check_window, err);
	if (s == STATUS_OK && !c->routes_n)
		add_default_routes(c);
	return s;
}

enum status routing_parse(struct span text, struct routing **ret, struct err *err)
{
	struct routing *c = calloc(1, sizeof *c);
	if (!c)
		abort();
	_Static_assert(offsetof(struct target, is) == 0, "a target is decoded where it is kept");
	enum status s = load(c, text, err);
	if (s == STATUS_OK)
		*ret = c;
	else
		routing_free(c);
	return s;
}

enum status routing_load(const char *path, struct routing **ret, struct err *err)
{
	scoped_buf text = {.max_bytes = ROUTING_BYTES_MAX};
	if (!path)
		return routing_parse(SPAN("{}"), ret, err);
	FILE *f = fopen(path, "re");
	if (!f)
		return err_field(err, STATUS_INVALID, "GANNET_NOTIFIER", "%.200s cannot be read: %s", path, strerror(errno));
	char *at;
	size_t n;
	while ((at = buf_reserve(&text, 4096)) && (n = fread(at, 1, 4096, f)) > 0)
		buf_commit(&text, n);
	fclose(f);
	if (text.overflow)
		return err_field(err, STATUS_TOO_LARGE, "GANNET_NOTIFIER", "%.200s is larger than %zu bytes", path,
		                 ROUTING_BYTES_MAX);
	return routing_parse(buf_span(&text), ret, err);
}

void routing_free(struct routing *c)
{
	if (!c)
		return;
	arena_free(&c->arena);
	free(c);
}

/* ---- what applies to a finding */

static bool tenant_matches(struct span glob, struct span tenant)
{
	return !glob.p || span_glob(tenant, glob);
}

bool routing_has(const struct routing *c, const struct target *t, struct span tenant, const struct finding *f)
{
	for (size_t i = 0; i < c->routes_n; i++) {
		const struct notifier_route *r = &c->routes[i];
		if (span_eq(r->target, t->is.name) && tenant_matches(r->tenant, tenant) && f->severity >= r->min_severity &&
		    globs_match(r->sources, f->source) && globs_match(r->types, f->type) &&
		    (!r->min_occurrences.set || f->occurrences >= r->min_occurrences.v))
			return true;
	}
	return false;
}

bool routing_holds_back(const struct routing *c, struct span tenant, const struct finding *f, int64_t now_ms)
{
	for (size_t i = 0; i < c->windows_n; i++) {
		const struct notifier_window *w = &c->windows[i];
		if (now_ms >= w->from.ms && now_ms < w->until.ms && tenant_matches(w->tenant, tenant) &&
		    globs_match(w->sources, f->source))
			return true;
	}
	return false;
}
