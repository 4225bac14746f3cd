/* Tokens, request targets and routes out of any bytes: nothing breaks, nothing is let in, and what is found holds. */
#include <stdint.h>
#include <stdlib.h>

#include "auth/auth.h"
#include "http/uri.h"
#include "services/gateway/router.c"
#include "tests/lib/keys.h"

static const struct route rows[] = {
    {"GET", "/api/v1/ai-jobs/", "list"},          {"GET", "/api/v1/ai-jobs/{job_id}/", "get"},
    {"POST", "/api/v1/ai-jobs/{job_id}/retry/", "retry"}, {"GET", "/api/v1/ai-jobs/worker_health/", "health"},
    {"POST", "/{a}/{b}/{c}/{d}", "four"},         {"GET", "/", "root"},
};
static const struct route_area area = {"fuzz", "", rows, countof(rows)};
const struct route_area *const routes[] = {&area};
const size_t routes_n = 1;

static void must(bool holds)
{
	if (!holds)
		abort();
}

/* No bytes may pass for a token but those that were signed with the secret. */
static void try_token(struct auth *a, struct span bytes)
{
	struct auth_identity who;
	struct err err = {0};
	must(auth_verify(a, bytes, &who, &err) == STATUS_UNAUTHORIZED && err.msg[0]);
}

/* The same claims, signed as they are: whatever they hold, the identity is one that fits into subjects. */
static void try_claims(struct auth *a, struct span claims)
{
	scoped_buf token = {0};
	struct auth_identity who;
	struct err err;
	must(auth_sign(span_from(key_secret), NULL, claims, &token, &err) == STATUS_OK);
	if (auth_verify(a, buf_span(&token), &who, &err) != STATUS_OK)
		return;
	must(who.user[0] && who.roles_n && who.tenant[0]);
	for (const char *p = who.tenant; *p; p++)
		must((*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9') || *p == '_' || *p == '-');
}

static void try_target(struct span bytes)
{
	scoped_arena a = {0};
	struct http_target t;
	struct route_match m;
	struct err err;
	char allow[128];
	if (http_target_parse(bytes, &a, &t, &err) != STATUS_OK)
		return;
	for (size_t i = 0; i < t.segments_n; i++)
		must(t.segments[i].n && !memchr(t.segments[i].p, '/', t.segments[i].n) && !memchr(t.segments[i].p, 0, t.segments[i].n) &&
		     !span_is(t.segments[i], ".."));
	route_find(&t, SPAN("GET"), &m);
	must(!m.route || m.path_exists);
	route_allow(&t, allow, sizeof allow);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct auth *a;
	struct err err;
	if (!a) {
		const struct auth_options o = {.secret = span_from(key_secret), .public_key = span_from(key_ec_public), .clock = &clock_system};
		must(auth_open(&o, &a, &err) == STATUS_OK);
	}
	struct span bytes = span_of(data, n);
	try_token(a, bytes);
	try_claims(a, bytes);
	try_target(bytes);
	return 0;
}
