/* Tokens at the gateway: whom it lets in, whom not, and what it says to them. */
#include "tests/integration/gateway_helpers.h"

#define TARGET "/ai/global/summary"

static void begin(const char *const *env)
{
	gw_start(env);
	gw_play("reasoning.summary", gw_example("reasoning.summary"));
}

static const char *claims(const char *more, int64_t exp_in_s)
{
	static char text[512];
	snprintf(text, sizeof text, "{\"sub\":\"ada\",\"tenant\":\"acme\",\"exp\":%lld%s}",
	         (long long)(clock_wall_ms(&clock_system) / 1000 + exp_in_s), more);
	return text;
}

#define GOOD ",\"aud\":\"gannet\",\"role\":\"admin\""

static void check_refused(const char *token, const char *words)
{
	struct gw_answer a = GET(TARGET, token);
	gw_check_error(a, 401, "Authorization", words);
	CHECK_HAS(a.head, "WWW-Authenticate: Bearer realm=\"gannet\", error=\"invalid_token\", error_description=\"");
}

TEST(only_good_tokens_are_let_in)
{
	begin((const char *const[]){"GANNET_JWT_SKEW=0", "GANNET_JWT_ISSUER=https://id.example", NULL});
#define ISSUED GOOD ",\"iss\":\"https://id.example\""
	CHECK_INT(GET(TARGET, gw_sign(key_secret, NULL, claims(ISSUED, 60))).status, 200);
	check_refused(gw_sign(key_secret, NULL, claims(ISSUED, -1)), "has expired");
	check_refused(gw_sign(key_secret, NULL, claims(ISSUED ",\"nbf\":99999999999", 60)), "not valid yet");
	check_refused(gw_sign("another secret, which is just as long as it", NULL, claims(ISSUED, 60)), "signature is wrong");
	check_refused(gw_sign(key_rsa_private, NULL, claims(ISSUED, 60)), "alg is not that of the key");
	check_refused(gw_sign(key_secret, NULL, claims(GOOD, 60)), "another issuer");
	check_refused(gw_sign(key_secret, NULL, claims(",\"aud\":\"x\",\"role\":\"admin\",\"iss\":\"https://id.example\"", 60)), "another audience");
	check_refused("eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZGEifQ.", "alg is not that of the key");
	check_refused("x", "three parts");
	struct gw_answer a = gw_ask("GET", TARGET, NULL, "Authorization: Basic YTpi\r\n", NULL);
	gw_check_error(a, 401, "Authorization", "not \"Bearer <token>\"");
	a = GET(TARGET, NULL);
	gw_check_error(a, 401, "Authorization", "a token is needed");
	CHECK_HAS(a.head, "WWW-Authenticate: Bearer realm=\"gannet\"\r\n");
	CHECK_INT(gw_asked("reasoning.summary").asked, 1);
}

TEST(a_token_that_expires_on_a_kept_connection_is_refused_from_then_on)
{
	begin((const char *const[]){"GANNET_JWT_SKEW=0", NULL});
	const char *token = gw_sign(key_secret, NULL, claims(GOOD, 6));
	scoped_buf text = {0};
	int fd = gw_dial();
	buf_printf(&text, "GET " TARGET " HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer %s\r\n\r\n", token);
	gw_say(fd, text.data);
	CHECK_HAS(gw_hear(fd, "generated_at"), "HTTP/1.1 200");
	WAIT_FOR(GET(TARGET, token).status == 401, "the token's end");
	gw_say(fd, text.data);
	gw_hear(fd, "HTTP/1.1 401");
	close(fd);
}

TEST(roles_are_looked_at_route_by_route)
{
	begin(NULL);
	static const struct {
		const char *roles;
		int status;
	} rows[] = {
	    {",\"role\":\"admin\"", 200},   {",\"role\":\"manager\"", 200},  {",\"roles\":[\"user\",\"manager\"]", 200},
	    {",\"role\":\"user\"", 403},    {",\"role\":\"Admin\"", 403},    {",\"role\":\"admin \"", 403},
	    {",\"role\":\"viewer\"", 403},  {",\"roles\":[]", 401},          {",\"role\":[\"admin\"]", 401},
	};
	for (size_t i = 0; i < countof(rows); i++) {
		char more[128];
		snprintf(more, sizeof more, ",\"aud\":\"gannet\"%s", rows[i].roles);
		struct gw_answer a = GET(TARGET, gw_sign(key_secret, NULL, claims(more, 60)));
		CHECK_MSG(a.status == rows[i].status, "%s: %d", rows[i].roles, a.status);
		if (a.status == 403)
			CHECK_HAS(a.head, "WWW-Authenticate: Bearer realm=\"gannet\", error=\"insufficient_scope\"\r\n");
	}
}

TEST(a_tenant_is_the_tokens_and_nobody_elses)
{
	begin(NULL);
	gw_play("jobs.list", "{\"jobs\":[]}");
	CHECK_INT(GET("/api/v1/ai-jobs/", gw_token("admin", "a", "one")).status, 200);
	CHECK_SPAN(span_from(gw_asked("jobs.list").subject), "gannet.one.jobs.list");
	gw_check_error(GET("/api/v1/ai-jobs/?tenant=two", gw_token("admin", "a", "one")), 400, "tenant", "not known");
	gw_check_error(GET("/events?subjects=gannet.two.jobs.event.%3E", gw_token("admin", "a", "one")), 403, "subjects", "own tenant");
	gw_check_error(GET("/api/v1/ai-jobs/", gw_token("admin", "a", "one.jobs.list.x")), 401, "Authorization", "tenant");
	gw_check_error(GET("/api/v1/ai-jobs/", gw_token("admin", "a", ">")), 401, "Authorization", "tenant");
}

static void write_jwks(const char *path, const char *key)
{
	char fresh[640];
	snprintf(fresh, sizeof fresh, "%s.new", path);
	FILE *f = fopen(fresh, "we");
	CHECK(f && fprintf(f, "{\"keys\":[%s]}", key) > 0 && fclose(f) == 0 && rename(fresh, path) == 0);
}

TEST(keys_are_rotated_without_a_restart)
{
	char path[600], env[640];
	scoped_buf metrics = {0};
	snprintf(path, sizeof path, "%s/jwks.json", test_dir());
	snprintf(env, sizeof env, "GANNET_JWKS_PATH=%s", path);
	write_jwks(path, key_rsa_jwk);
	struct test_process *p = gw_start((const char *const[]){env, NULL});
	gw_play("reasoning.summary", gw_example("reasoning.summary"));
	const char *of_rsa = gw_sign(key_rsa_private, "rsa-1", claims(GOOD, 600)), *of_ed = gw_sign(key_ed_private, "ed-1", claims(GOOD, 600));
	CHECK_INT(GET(TARGET, of_rsa).status, 200);
	/* The secret of the options has no kid, so that it is tried for any, and does not fit. */
	check_refused(of_ed, "alg is not that of the key");
	write_jwks(path, key_ed_jwk);
	WAIT_FOR(GET(TARGET, of_ed).status == 200, "the new key");
	check_refused(of_rsa, "alg is not that of the key");
	write_jwks(path, "nonsense");
	scoped_buf health = {0};
	WAIT_FOR(test_http_get(p->health_port, "/health/ready", &health) == 200 && strstr(health.data, "key set is not JSON"), "the complaint");
	CHECK_INT(GET(TARGET, of_ed).status, 200);
	WAIT_FOR(test_http_get(p->health_port, "/metrics", &metrics) == 200 && strstr(metrics.data, "gannet_gateway_auth_failures_total{status=\"401\"}"), "the count");
}

TEST(gannet_token_makes_tokens_that_the_gateway_takes)
{
	char path[600], option[640];
	snprintf(path, sizeof path, "%s/key", test_dir());
	snprintf(option, sizeof option, "--key=%s", path);
	FILE *f = fopen(path, "we");
	CHECK(f && fprintf(f, "%s\n", key_secret) > 0 && fclose(f) == 0);
	begin(NULL);
	scoped_buf token = {0}, json = {0}, other = {0};
	CHECK_INT(test_run("gannet", (const char *const[]){"token", "--role", "manager", "--tenant", "acme", option, NULL}, NULL, &token), 0);
	token.data[--token.len] = 0;
	CHECK_INT(GET(TARGET, token.data).status, 200);
	CHECK_SPAN(span_from(gw_asked("reasoning.summary").subject), "gannet.acme.reasoning.summary");
	CHECK_INT(test_run("gannet", (const char *const[]){"token", "--json", "-r", "user", "-u", "ada", "--ttl", "10m", option, NULL}, NULL, &json), 0);
	CHECK_INT(GET(TARGET, test_json(json.data, "/token")).status, 403);
	CHECK(test_json(json.data, "/expires_at")[0]);
	/* Other kinds of keys sign, too. */
	f = fopen(path, "we");
	CHECK(f && fputs(key_ed_private, f) >= 0 && fclose(f) == 0);
	CHECK_INT(test_run("gannet", (const char *const[]){"token", "--kid", "ed-1", option, NULL}, NULL, &other), 0);
	other.data[--other.len] = 0;
	check_refused(other.data, "alg is not that of the key");
	CHECK_INT(test_run("gannet", (const char *const[]){"token", "--key", "/nonexistent", NULL}, NULL, NULL), 1);
}
