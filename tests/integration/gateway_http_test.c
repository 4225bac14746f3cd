/* The gateway's HTTP: methods, paths and headers that try to confuse it, CORS, limits, and the end of the program. */
#include "tests/integration/gateway_helpers.h"

static const char *admin;

static void begin(const char *const *env)
{
	gw_start(env);
	admin = gw_token("admin", "root", "acme");
}

TEST(methods_that_a_path_has_not_are_refused_with_those_it_has)
{
	begin(NULL);
	struct gw_answer a = POST("/ai/global/last_run", admin, "{}");
	gw_check_error(a, 405, "method", "GET, HEAD, OPTIONS");
	CHECK_HAS(a.head, "Allow: GET, HEAD, OPTIONS\r\n");
	a = gw_ask("DELETE", "/ai/global/actions", admin, NULL, NULL);
	CHECK_INT(a.status, 405);
	CHECK_HAS(a.head, "Allow: POST, GET, HEAD, OPTIONS\r\n");
	a = gw_ask("OPTIONS", "/ai/global/run", NULL, NULL, NULL);
	CHECK_INT(a.status, 204);
	CHECK_HAS(a.head, "Allow: POST, OPTIONS\r\n");
	CHECK(!strstr(a.head, "Access-Control"));
	CHECK_INT(gw_ask("BREW", "/ai/global/run", admin, NULL, NULL).status, 405);
	CHECK_INT(gw_ask("AVERYLONGMETHODTHATNOBODYHASEVERHEARDOF", "/ai/global/run", admin, NULL, NULL).status, 405);
	gw_check_error(gw_ask("GET", "/ai/global", admin, NULL, NULL), 404, "path", "no such path");
	gw_check_error(gw_ask("OPTIONS", "/nowhere", admin, NULL, NULL), 404, "path", "no such path");
}

TEST(head_is_get_without_its_body)
{
	begin(NULL);
	gw_play("reasoning.summary", gw_example("reasoning.summary"));
	struct gw_answer a = gw_ask("HEAD", "/ai/global/summary", admin, NULL, NULL);
	char length[64];
	CHECK_INT(a.status, 200);
	CHECK_SPAN(span_from(a.body), "");
	snprintf(length, sizeof length, "Content-Length: %zu\r\n", strlen(gw_example("reasoning.summary")));
	CHECK_HAS(a.head, length);
	CHECK_INT(gw_ask("HEAD", "/ai/global/summary", NULL, NULL, NULL).status, 401);
}

TEST(paths_that_play_tricks_lead_nowhere)
{
	begin(NULL);
	static const char *const odd[] = {
	    "//ai/global/summary", "/ai//global/summary", "/ai/./global/summary", "/x/../ai/global/summary", "/ai%2fglobal/summary",
	    "/ai/global/summary%00", "/ai/global/summary/%2e%2e", "/ai/global/summary%zz", "/api/v1/ai-jobs/a%2Fb/",
	    "/api/v1/ai-jobs/..%2f..%2fx/", "/%ff", "*", "/ai/global/summary?%00=1", "/ai/global/summary#x"};
	for (size_t i = 0; i < countof(odd); i++)
		CHECK_MSG(gw_ask("GET", odd[i], admin, NULL, NULL).status == 400, "%s", odd[i]);
	CHECK_INT(gw_ask("GET", "/AI/global/summary", admin, NULL, NULL).status, 404);
	gw_play("jobs.get", NULL);
	gw_play_error("jobs.get", "404 no such job");
	CHECK_INT(gw_ask("GET", "/api/v1/ai-jobs/a%20%22b%3E/", admin, NULL, NULL).status, 404);
	CHECK_SPAN(span_from(gw_asked("jobs.get").body), "{\"job_id\":\"a \\\"b>\"}");
	test_expect_invalid("gannet.acme.jobs.get");
	gw_play("reasoning.summary", gw_example("reasoning.summary"));
	CHECK_INT(gw_ask("GET", "/%61i/global/summar%79", admin, NULL, NULL).status, 200);
	CHECK_INT(gw_ask("GET", "http://elsewhere/ai/global/summary", admin, NULL, NULL).status, 200);
}

#define SUMMARY "GET /ai/global/summary HTTP/1.1\r\n"
TEST(headers_that_two_readers_could_read_differently_are_refused)
{
	begin(NULL);
	scoped_buf text = {0};
	buf_printf(&text, SUMMARY "Host: h\r\nAuthorization: Bearer %s\r\nAuthorization: Bearer x\r\n\r\n", admin);
	gw_check_error(gw_raw(text.data), 400, "Authorization", "more than once");
	gw_check_error(gw_raw("POST /ai/global/run HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}"), 400, "Content-Length", "more than once");
	gw_check_error(gw_raw(SUMMARY "Host: h\r\nHost: i\r\n\r\n"), 400, "Host", "more than once");
	int status = gw_raw("POST /ai/global/run HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n").status;
	CHECK_INT(status, 400);
	CHECK_INT(gw_raw(SUMMARY "Connection: close\r\n\r\n").status, 400); /* no Host */
}

TEST(requests_sent_at_once_are_answered_in_their_order)
{
	begin(NULL);
	gw_play("reasoning.summary", gw_example("reasoning.summary"));
	gw_play("snapshot.get", gw_example("snapshot"));
	scoped_buf text = {0};
	for (int i = 0; i < 20; i++)
		buf_printf(&text, "GET /ai/global/%s HTTP/1.1\r\nHost: h\r\nX-Request-Id: r-%d\r\nAuthorization: Bearer %s\r\n%s\r\n",
		           i % 2 ? "summary" : "snapshot", i, admin, i == 19 ? "Connection: close\r\n" : "");
	int fd = gw_dial();
	gw_say(fd, text.data);
	const char *all = gw_hear(fd, NULL);
	for (int i = 0; i < 20; i++) {
		char id[32];
		snprintf(id, sizeof id, "X-Request-Id: r-%d\r\n", i);
		const char *at = strstr(all, id);
		CHECK_MSG(at != NULL, "%s", id);
		all = at;
	}
	close(fd);
}

TEST(request_ids_and_traces_are_handed_on)
{
	begin(NULL);
	gw_play("reasoning.summary", gw_example("reasoning.summary"));
	struct gw_answer a = gw_ask("GET", "/ai/global/summary", admin,
	                            "X-Request-Id: my-id.7\r\ntraceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n", NULL);
	CHECK_HAS(a.head, "X-Request-Id: my-id.7\r\n");
	CHECK_SPAN(span_from(gw_asked("reasoning.summary").request_id), "my-id.7");
	CHECK_HAS(gw_asked("reasoning.summary").trace, "00-0af7651916cd43dd8448eb211c80319c-");
	CHECK(!strstr(gw_asked("reasoning.summary").trace, "b7ad6b7169203331"));
	a = gw_ask("GET", "/ai/global/summary", admin, "X-Request-Id: not {good}\r\n", NULL);
	CHECK(!strstr(a.head, "not {good}"));
	CHECK_HAS(a.head, "X-Content-Type-Options: nosniff\r\n");
	CHECK_HAS(a.head, "Content-Security-Policy: default-src 'none'");
	CHECK_HAS(a.head, "Cache-Control: no-store\r\n");
}

TEST(the_access_log_has_who_and_what_and_never_the_token)
{
	struct test_process *p = gw_start(NULL);
	admin = gw_token("admin", "root", "acme");
	gw_play("jobs.list", "{\"jobs\":[]}");
	gw_ask("GET", "/api/v1/ai-jobs/?model=confidential", admin, "X-Request-Id: log-1\r\n", NULL);
	WAIT_FOR(strstr(log_of(p), "\"request_id\":\"log-1\""), "the log line");
	const char *line = strstr(log_of(p), "\"message\":\"request\"");
	CHECK_HAS(line, "\"method\":\"GET\",\"path\":\"/api/v1/ai-jobs/\",\"status\":200");
	CHECK_HAS(line, "\"tenant\":\"acme\",\"user_id\":\"root\",\"peer\":\"127.0.0.1\"");
	CHECK(!strstr(log_of(p), admin) && !strstr(log_of(p), "confidential") && !strstr(log_of(p), key_secret));
	scoped_buf metrics = {0};
	CHECK_INT(test_http_get(p->health_port, "/metrics", &metrics), 200);
	CHECK_HAS(metrics.data, "gannet_gateway_requests_total{route=\"listJobs\",status=\"200\"} 1");
	CHECK_HAS(metrics.data, "gannet_gateway_request_seconds_count{route=\"listJobs\"} 1");
}

/* ---- CORS */

TEST(pages_of_allowed_origins_may_call_and_others_not)
{
	begin((const char *const[]){"GANNET_HTTP_CORS_ORIGINS=https://app.example, http://localhost:3000", NULL});
	gw_play("reasoning.summary", gw_example("reasoning.summary"));
	struct gw_answer a = gw_ask("OPTIONS", "/ai/global/run", NULL,
	                            "Origin: https://app.example\r\nAccess-Control-Request-Method: POST\r\n"
	                            "Access-Control-Request-Headers: authorization\r\n", NULL);
	CHECK_INT(a.status, 204);
	CHECK_HAS(a.head, "Access-Control-Allow-Origin: https://app.example\r\n");
	CHECK_HAS(a.head, "Access-Control-Allow-Methods: POST, OPTIONS\r\n");
	CHECK_HAS(a.head, "Access-Control-Allow-Headers: Authorization, ");
	CHECK_HAS(a.head, "Access-Control-Max-Age: 600\r\n");
	CHECK_HAS(a.head, "Vary: Origin\r\n");
	a = gw_ask("GET", "/ai/global/summary", admin, "Origin: http://localhost:3000\r\n", NULL);
	CHECK_INT(a.status, 200);
	CHECK_HAS(a.head, "Access-Control-Allow-Origin: http://localhost:3000\r\n");
	/* Errors, too: a page could not read them otherwise. */
	CHECK_HAS(gw_ask("GET", "/ai/global/summary", NULL, "Origin: http://localhost:3000\r\n", NULL).head, "Access-Control-Allow-Origin");
	static const char *const others[] = {"https://app.example.evil", "http://app.example", "https://app.example:444", "null"};
	for (size_t i = 0; i < countof(others); i++) {
		char line[160];
		snprintf(line, sizeof line, "Origin: %s\r\nAccess-Control-Request-Method: POST\r\n", others[i]);
		CHECK(!strstr(gw_ask("OPTIONS", "/ai/global/run", NULL, line, NULL).head, "Access-Control"));
	}
}

TEST(a_bad_configuration_is_refused_with_what_to_set)
{
	static const struct {
		const char *env, *words;
	} rows[] = {
	    {"GANNET_HTTP_CORS_ORIGINS=https://app.example/path", "is no origin"},
	    {"GANNET_HTTP_BIND=localhost", "not an IPv4 or IPv6 address"},
	    {"GANNET_JWKS_PATH=/nonexistent", "GANNET_JWKS_PATH: cannot read"},
	    {"GANNET_JWT_PUBLIC_KEY=nonsense", "GANNET_JWT_PUBLIC_KEY: the public key is none"},
	};
	char secret[128];
	snprintf(secret, sizeof secret, "GANNET_JWT_SECRET=%s", key_secret);
	test_nats_url();
	for (size_t i = 0; i < countof(rows); i++) {
		struct test_process *p = test_spawn("gannet-gateway", (const char *const[]){rows[i].env, secret, "GANNET_HTTP_PORT=0", NULL}, NULL);
		CHECK(test_wait_exit(p) != 0);
		CHECK_HAS(log_of(p), rows[i].words);
	}
	struct test_process *p = test_spawn("gannet-gateway", (const char *const[]){"GANNET_HTTP_PORT=0", NULL}, NULL);
	CHECK(test_wait_exit(p) != 0);
	CHECK_HAS(log_of(p), "there is no key to check tokens with: set GANNET_JWT_SECRET");
	p = test_spawn("gannet-gateway", (const char *const[]){"GANNET_JWT_SECRET=short", NULL}, NULL);
	CHECK(test_wait_exit(p) != 0);
	CHECK_HAS(log_of(p), "GANNET_JWT_SECRET: the secret has 5 bytes");
}

/* ---- limits */

TEST(bodies_and_heads_past_their_limits_are_refused)
{
	begin((const char *const[]){"GANNET_HTTP_BODY_MAX_BYTES=1000", NULL});
	scoped_buf body = {0}, head = {0};
	buf_adds(&body, "{\"template\":\"");
	while (body.len < 2000)
		buf_addc(&body, 'a');
	buf_adds(&body, "\",\"model\":\"m\"}");
	struct gw_answer a = POST("/api/v1/llm_jobs", admin, body.data);
	CHECK_INT(a.status, 413);
	CHECK_SPAN(span_from(test_json(a.body, "/error/code")), "too_large");
	buf_adds(&head, "X: ");
	while (head.len < 40000)
		buf_addc(&head, 'a');
	buf_adds(&head, "\r\n");
	CHECK_INT(gw_ask("GET", "/ai/global/summary", admin, head.data, NULL).status, 431);
}

TEST(who_asks_too_often_is_told_when_to_come_again)
{
	begin((const char *const[]){"GANNET_RATE_USER=30", "GANNET_RATE_CREATE=6", NULL});
	gw_play("reasoning.summary", gw_example("reasoning.summary"));
	gw_play("jobs.create", gw_example("jobs.create.reply"));
	struct gw_answer a = {0};
	const char *other = gw_token("admin", "other", "acme");
	for (int i = 0; i < 20 && a.status != 429; i++)
		a = GET("/ai/global/summary", admin);
	gw_check_error(a, 429, "", "limit: user");
	int wait_s = 0;
	CHECK(sscanf(strstr(a.head, "Retry-After: "), "Retry-After: %d", &wait_s) == 1 && wait_s >= 1 && wait_s <= 3);
	CHECK(!strstr(strstr(a.head, "Retry-After") + 1, "Retry-After"));
	CHECK_INT(GET("/ai/global/summary", other).status, 200); /* others are not held up */
	WAIT_FOR(GET("/ai/global/summary", admin).status == 200, "the next token");
	const char *maker = gw_token("user", "maker", "acme"), *job = "{\"template\":\"a\",\"model\":\"m\"}";
	CHECK_INT(POST("/api/v1/llm_jobs", maker, job).status, 202);
	gw_check_error(POST("/api/v1/llm_jobs", maker, job), 429, "", "limit: create");
}

TEST(the_address_is_limited_before_any_token_is_looked_at)
{
	begin((const char *const[]){"GANNET_RATE_IP=60", "GANNET_HTTP_TRUSTED_PROXIES=1", NULL});
	struct gw_answer a = {0};
	for (int i = 0; i < 40 && a.status != 429; i++)
		a = gw_ask("GET", "/ai/global/summary", "forged", "X-Forwarded-For: 9.9.9.9, 10.0.0.1\r\n", NULL);
	gw_check_error(a, 429, "", "limit: ip");
	/* What a client wrote itself does not count, what the proxy noted does. */
	CHECK_INT(gw_ask("GET", "/ai/global/summary", "forged", "X-Forwarded-For: 8.8.8.8, 10.0.0.1\r\n", NULL).status, 429);
	CHECK_INT(gw_ask("GET", "/ai/global/summary", "forged", "X-Forwarded-For: 9.9.9.9, 10.0.0.2\r\n", NULL).status, 401);
}

TEST(slow_clients_are_cut_off_while_others_are_served)
{
	begin((const char *const[]){"GANNET_HTTP_HEAD_TIMEOUT=1", "GANNET_HTTP_BODY_TIMEOUT=1", NULL});
	gw_play("reasoning.summary", gw_example("reasoning.summary"));
	int head = gw_dial(), body = gw_dial();
	gw_say(body, "POST /ai/global/run HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n");
	char byte;
	bool head_open = true, body_open = true;
	int64_t begin_ms = clock_mono_ms(&clock_system);
	while (head_open || body_open) {
		head_open = head_open && send(head, "X", 1, MSG_NOSIGNAL) == 1 && recv(head, &byte, 1, MSG_DONTWAIT) != 0;
		body_open = body_open && send(body, "X", 1, MSG_NOSIGNAL) == 1 && recv(body, &byte, 1, MSG_DONTWAIT) != 0;
		CHECK_INT(GET("/ai/global/summary", admin).status, 200);
		usleep(20000);
	}
	CHECK(clock_mono_ms(&clock_system) - begin_ms >= 1000);
	close(head);
	close(body);
}

TEST(requests_in_flight_are_answered_before_the_program_ends)
{
	struct test_process *p = gw_start((const char *const[]){"GANNET_DRAIN_MS=20000", NULL});
	admin = gw_token("admin", "root", "acme");
	gw_play("reasoning.summary", NULL);
	int fd = gw_dial();
	scoped_buf text = {0};
	buf_printf(&text, SUMMARY "Host: h\r\nAuthorization: Bearer %s\r\nConnection: close\r\n\r\n", admin);
	gw_say(fd, text.data);
	WAIT_FOR(gw_asked("reasoning.summary").asked > 0, "the question");
	test_kill(p, SIGTERM);
	struct gw_answer a = gw_parse(gw_hear(fd, NULL));
	CHECK_INT(a.status, 504); /* nobody answered, and it was waited for */
	close(fd);
	CHECK_INT(test_wait_exit(p), 0);
}
