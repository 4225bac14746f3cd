/* Finds the route of a request: segments against patterns, every one of which is tried. */
#include "route.h"

#include <stdio.h>

const char *const roles_leading[] = {"admin", "manager", NULL};
const char *const roles_everyone[] = {"admin", "manager", "user", NULL};

static bool is_param(struct span s)
{
	return s.n > 2 && s.p[0] == '{' && s.p[s.n - 1] == '}';
}

/* The pattern's next segment; false at its end. */
static bool next_segment(struct span *rest, struct span *ret)
{
	while (rest->p) {
		*ret = span_cut(rest, '/');
		if (ret->n)
			return true;
	}
	return false;
}

static bool matches(const struct route *r, const struct http_target *t, struct span params[ROUTE_PARAMS_MAX])
{
	struct span rest = span_from(r->path), wanted;
	size_t i = 0, params_n = 0;
	for (; next_segment(&rest, &wanted); i++) {
		if (i == t->segments_n)
			return false;
		if (!is_param(wanted) && !span_eq(wanted, t->segments[i]))
			return false;
		if (is_param(wanted) && params_n < ROUTE_PARAMS_MAX)
			params[params_n++] = t->segments[i];
	}
	return i == t->segments_n;
}

/* A path of fixed segments goes before one with parameters: worker_health is no id. */
static bool is_more_exact(const struct route *x, const struct route *y)
{
	struct span a = span_from(x->path), b = span_from(y->path), s, t;
	while (next_segment(&a, &s) && next_segment(&b, &t))
		if (is_param(s) != is_param(t))
			return is_param(t);
	return false;
}

const struct route *route_at(size_t i)
{
	for (size_t a = 0; a < routes_n; a++) {
		if (i < routes[a]->n)
			return &routes[a]->routes[i];
		i -= routes[a]->n;
	}
	return NULL;
}

/* The most exact path that matches, with any method. */
static const struct route *find_path(const struct http_target *t)
{
	const struct route *best = NULL, *r;
	struct span params[ROUTE_PARAMS_MAX];
	for (size_t i = 0; (r = route_at(i)); i++)
		if (matches(r, t, params) && (!best || is_more_exact(r, best)))
			best = r;
	return best;
}

void route_find(const struct http_target *t, struct span method, struct route_match *ret)
{
	const struct route *path = find_path(t), *r;
	*ret = (struct route_match){.path_exists = path != NULL};
	const char *wanted = span_is(method, "HEAD") ? "GET" : NULL;
	for (size_t i = 0; path && (r = route_at(i)); i++) {
		if (strcmp(r->path, path->path) != 0 || !(wanted ? strcmp(r->method, wanted) == 0 : span_is(method, r->method)))
			continue;
		ret->route = r;
		ret->index = i;
		matches(r, t, ret->params);
		return;
	}
}

void route_allow(const struct http_target *t, char *out, size_t out_bytes)
{
	const struct route *path = find_path(t), *r;
	struct buf b = {.max_bytes = out_bytes};
	for (size_t i = 0; path && (r = route_at(i)); i++) {
		if (strcmp(r->path, path->path) != 0)
			continue;
		buf_printf(&b, "%s, ", r->method);
		if (strcmp(r->method, "GET") == 0)
			buf_adds(&b, "HEAD, ");
	}
	buf_adds(&b, "OPTIONS");
	snprintf(out, out_bytes, "%s", b.data);
	buf_free(&b);
}

size_t route_params(const struct route *r, struct span names[ROUTE_PARAMS_MAX])
{
	struct span rest = span_from(r->path), s;
	size_t n = 0;
	while (next_segment(&rest, &s))
		if (is_param(s) && n < ROUTE_PARAMS_MAX)
			names[n++] = span_of(s.p + 1, s.n - 2);
	return n;
}
