/* The way of a request: what it says, which route it means, who asks, whether they may and how often, then the answer. */
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "core/hash.h"
#include "gateway.h"

static struct metric limited_metric = {"gannet_gateway_rate_limited_total", "Requests refused with 429, by limit.",
                                       METRIC_COUNTER, "limit"};
static struct metric refused_metric = {"gannet_gateway_auth_failures_total", "Requests refused with 401 or 403.",
                                       METRIC_COUNTER, "status"};

void calls_register(void)
{
	metric_register(&limited_metric);
	metric_register(&refused_metric);
}

/* ---- what every request has */

static bool request_id_is_good(struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (!((c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '-' || c == '_' || c == '.'))
			return false;
	}
	return s.n > 0 && s.n <= REQUEST_ID_MAX;
}

static void name_request(struct call *c)
{
	struct span given = http_exchange_header(c->x, "X-Request-Id");
	char id[ID_BYTES];
	if (!given.p || !request_id_is_good(given)) {
		id_random(id);
		given = span_from(id);
	}
	span_copy(given, c->request_id, sizeof c->request_id);
	if (trace_parse(http_exchange_header(c->x, "traceparent"), &c->parent)) {
		c->trace = trace_child(&c->parent);
	} else {
		struct trace_context root = {.sampled = true};
		hash128(span_from(c->request_id), root.trace);
		c->trace = trace_child(&root);
	}
}

/* The address of who asked: with n proxies of ours in front, the n-th from the right of what they noted. */
static void find_peer(struct call *c)
{
	http_exchange_peer(c->x, c->peer);
	struct span noted = http_exchange_header(c->x, "X-Forwarded-For");
	int64_t proxies = c->gateway->config->trusted_proxies, n = 1;
	if (!proxies || !noted.p)
		return;
	for (size_t i = 0; i < noted.n; i++)
		n += noted.p[i] == ',';
	struct span one = {0};
	for (int64_t skip = n > proxies ? n - proxies : 0; skip >= 0 && noted.p; skip--)
		one = span_trim(span_cut(&noted, ','));
	char text[HTTP_PEER_BYTES];
	if (one.n && span_copy(one, text, sizeof text))
		memcpy(c->peer, text, sizeof text);
}

/* Headers of which a second one could be read differently by somebody before us. */
struct once {
	const char *name;
	bool seen, twice;
};

static void look_at_header(void *arg, struct span name, struct span value)
{
	(void)value;
	for (struct once *o = arg; o->name; o++)
		if (name.n == strlen(o->name) && strncasecmp(name.p, o->name, name.n) == 0) {
			o->twice |= o->seen;
			o->seen = true;
		}
}

static enum status check_headers(struct call *c, struct err *err)
{
	struct once all[] = {{"Host"},         {"Content-Length"}, {"Transfer-Encoding"}, {"Authorization"},
	                     {"Content-Type"}, {"Origin"},         {"Last-Event-ID"},     {NULL}};
	http_exchange_each_header(c->x, look_at_header, all);
	for (struct once *o = all; o->name; o++)
		if (o->twice)
			return err_field(err, STATUS_INVALID, o->name, "the header %s is there more than once", o->name);
	if (all[1].seen && all[2].seen)
		return err_field(err, STATUS_INVALID, "Transfer-Encoding", "both Content-Length and Transfer-Encoding are there");
	return STATUS_OK;
}

/* ---- who, and how often */

static enum status authenticate(struct call *c, struct err *err)
{
	struct span header = http_exchange_header(c->x, "Authorization");
	if (!header.p) {
		c->tokenless = true;
		return err_field(err, STATUS_UNAUTHORIZED, "Authorization", "a token is needed: Authorization: Bearer <token>");
	}
	if (header.n < 7 || strncasecmp(header.p, "Bearer ", 7) != 0)
		return err_field(err, STATUS_UNAUTHORIZED, "Authorization", "Authorization is not \"Bearer <token>\"");
	if (auth_verify(c->gateway->auth, span_trim(span_of(header.p + 7, header.n - 7)), &c->who, err) != STATUS_OK) {
		snprintf(err->field, sizeof err->field, "Authorization");
		return err->status;
	}
	c->known = true;
	c->leads = auth_has_role(&c->who, "admin") || auth_has_role(&c->who, "manager");
	return STATUS_OK;
}

static enum status authorize(struct call *c, struct err *err)
{
	struct buf names = {.max_bytes = 128};
	for (const char *const *role = c->match.route->roles; *role; role++) {
		if (auth_has_role(&c->who, *role)) {
			buf_free(&names);
			return STATUS_OK;
		}
		buf_printf(&names, "%s%s", names.len ? ", " : "", *role);
	}
	err_field(err, STATUS_FORBIDDEN, "role", "this needs one of the roles %s", names.data);
	buf_free(&names);
	return err->status;
}

static enum status take_from(struct call *c, enum limit_kind kind, struct span key, struct err *err)
{
	int64_t wait_s = 0;
	char text[24];
	if (limits_take(c->gateway->limits, kind, key, &wait_s))
		return STATUS_OK;
	snprintf(text, sizeof text, "%lld", (long long)wait_s);
	http_exchange_add_header(c->x, "Retry-After", text);
	c->wait_told = true;
	metric_add(metric_series(&limited_metric, limit_names[kind], NULL), 1);
	return err_retry(err, STATUS_RATE_LIMITED, "too many requests (limit: %s); again in %lld s", limit_names[kind],
	                 (long long)wait_s);
}

static enum status check_rates(struct call *c, struct err *err)
{
	struct span user = arena_printf(&c->arena, "%s/%s", c->who.tenant, c->who.user);
	enum status s = take_from(c, LIMIT_USER, user, err);
	if (s == STATUS_OK)
		s = take_from(c, LIMIT_TENANT, span_from(c->who.tenant), err);
	if (s == STATUS_OK && c->match.route->creates)
		s = take_from(c, LIMIT_CREATE, user, err);
	return s;
}

/* ---- the way */

static void answer_without_route(struct call *c)
{
	struct err err = {0};
	char allow[128];
	if (!c->match.path_exists) {
		err_field(&err, STATUS_NOT_FOUND, "path", "there is no such path");
		call_refuse(c, &err);
		return;
	}
	route_allow(&c->target, allow, sizeof allow);
	http_exchange_add_header(c->x, "Allow", allow);
	if (span_is(c->method, "OPTIONS")) {
		call_answer(c, 204, NULL, SPAN(""));
		return;
	}
	struct buf body = {0};
	buf_printf(&body, "{\"error\":{\"code\":\"method_not_allowed\",\"message\":\"allowed here: %s\",\"field\":\"method\"}}", allow);
	struct span text = arena_dup(&c->arena, buf_span(&body));
	buf_free(&body);
	call_answer(c, 405, "application/json", text);
}

static enum status admit(struct call *c, struct err *err)
{
	enum status s = authenticate(c, err);
	if (s == STATUS_OK)
		s = authorize(c, err);
	if (s == STATUS_UNAUTHORIZED || s == STATUS_FORBIDDEN)
		metric_add(metric_series(&refused_metric, s == STATUS_FORBIDDEN ? "403" : "401", NULL), 1);
	return s == STATUS_OK ? check_rates(c, err) : s;
}

static void go(struct call *c)
{
	struct err err = {0};
	enum status s = atomic_load(&c->gateway->ends) ? err_retry(&err, STATUS_UNAVAILABLE, "the gateway is ending")
	                                               : check_headers(c, &err);
	if (s != STATUS_OK) {
		http_exchange_add_header(c->x, "Connection", "close");
		call_refuse(c, &err);
		return;
	}
	if (take_from(c, LIMIT_IP, span_from(c->peer), &err) != STATUS_OK ||
	    http_target_parse(http_exchange_target(c->x), &c->arena, &c->target, &err) != STATUS_OK) {
		call_refuse(c, &err);
		return;
	}
	route_find(&c->target, c->method, &c->match);
	if (!c->match.route && c->match.path_exists && span_is(c->method, "OPTIONS") &&
	    http_exchange_header(c->x, "Access-Control-Request-Method").p) {
		cors_preflight(c);
		return;
	}
	if (!c->match.route) {
		answer_without_route(c);
		return;
	}
	if (admit(c, &err) != STATUS_OK || call_request(c, &err) != STATUS_OK) {
		call_refuse(c, &err);
		return;
	}
	if (!c->match.route->handle || !c->match.route->handle(c))
		call_forward(c);
}

void call_handle(void *gateway, struct http_exchange *x)
{
	struct gateway *g = gateway;
	struct call *c = calloc(1, sizeof *c);
	if (!c)
		abort();
	c->gateway = g;
	c->x = x;
	c->began_ns = clock_mono_ns(g->clock);
	span_copy(http_exchange_method(x), c->method_text, sizeof c->method_text); /* an unknown long one becomes "" */
	c->method = span_from(c->method_text);
	struct span target = http_exchange_target(x);
	c->path = span_cut(&target, '?');
	struct span origin = http_exchange_header(x, "Origin");
	if (cors_allows(g, origin))
		c->origin = arena_dup(&c->arena, origin);
	name_request(c);
	find_peer(c);
	http_exchange_later(x);
	go(c);
}
