/* Which web pages of other origins may call, by configuration; none unless it says so. */
#include <stdio.h>

#include "gateway.h"

#define ORIGIN_MAX 256

/* "https://app.example.com, http://localhost:3000" or "*"; a path, a slash at the end or a wildcard in a name is a mistake. */
enum status cors_check(const char *origins, struct err *err)
{
	for (struct span rest = span_from(origins); rest.p;) {
		struct span one = span_trim(span_cut(&rest, ','));
		if (span_is(one, "*") || one.n == 0)
			continue;
		bool http = span_starts(one, SPAN("http://")), https = span_starts(one, SPAN("https://"));
		size_t scheme = https ? 8 : 7;
		if ((!http && !https) || one.n == scheme || one.n > ORIGIN_MAX || memchr(one.p + scheme, '/', one.n - scheme) ||
		    memchr(one.p, '*', one.n))
			return err_field(err, STATUS_INVALID, "GANNET_HTTP_CORS_ORIGINS",
			                 "GANNET_HTTP_CORS_ORIGINS: \"%.*s\" is no origin; allowed: * or scheme://host[:port], comma separated",
			                 SPAN_ARG(one));
	}
	return STATUS_OK;
}

bool cors_allows(const struct gateway *g, struct span origin)
{
	if (!origin.n || origin.n > ORIGIN_MAX)
		return false;
	for (struct span rest = span_from(g->config->cors_origins); rest.p;) {
		struct span one = span_trim(span_cut(&rest, ','));
		if (span_is(one, "*") || (one.n && span_eq(one, origin)))
			return true;
	}
	return false;
}

void cors_preflight(struct call *c)
{
	char allow[128], age[32];
	if (c->origin.p) {
		route_allow(&c->target, allow, sizeof allow);
		snprintf(age, sizeof age, "%lld", (long long)c->gateway->config->cors_max_age_s);
		http_exchange_add_header(c->x, "Access-Control-Allow-Methods", allow);
		http_exchange_add_header(c->x, "Access-Control-Allow-Headers",
		                         "Authorization, Content-Type, If-None-Match, Last-Event-ID, Traceparent, X-Request-Id");
		http_exchange_add_header(c->x, "Access-Control-Max-Age", age);
	}
	call_answer(c, 204, NULL, SPAN(""));
}
