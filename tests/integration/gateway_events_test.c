/* Event streams: what comes, in which order, for whom, from where on, and how they end. */
#include "tests/integration/gateway_helpers.h"

static const char *admin;

static void begin(const char *const *env)
{
	gw_start(env);
	admin = gw_token("admin", "root", "acme");
	test_expect_invalid("gannet.acme.signals.");
	test_expect_invalid("gannet.acme.jobs.event.");
	test_expect_invalid("gannet.acme.jobs.stream.");
	test_expect_invalid("gannet.other.jobs.event.");
}

/* Asks for a stream and waits until it follows; `headers` may be NULL. */
static int follow(const char *token, const char *query, const char *headers)
{
	scoped_buf text = {0};
	int fd = gw_dial();
	buf_printf(&text, "GET /events?%s HTTP/1.1\r\nHost: h\r\nConnection: close\r\nAccept: text/event-stream\r\nAuthorization: Bearer %s\r\n%s\r\n",
	           query, token, headers ? headers : "");
	gw_say(fd, text.data);
	const char *head = gw_hear(fd, ": following\n\n");
	CHECK_HAS(head, "HTTP/1.1 200");
	CHECK_HAS(head, "Content-Type: text/event-stream\r\n");
	CHECK_HAS(head, "retry: 2000\n\n");
	return fd;
}

static void store(const char *subject, const char *body)
{
	struct err err;
	const struct bus_out m = {.subject = subject, .data = span_from(body)};
	CHECK_OK(bus_store_wait(test_bus(), &m, 10000, NULL, &err), err);
}

/* The id of the last event in a text. */
static const char *last_id(const char *text)
{
	const char *at = NULL;
	char id[128];
	for (const char *p = text; (p = strstr(p, "id: ")); p++)
		at = p;
	CHECK(at && sscanf(at, "id: %127s", id) == 1);
	return arena_cstr(&gw_kept, span_from(id));
}

TEST(events_come_as_they_happen_with_subject_time_and_data)
{
	begin(NULL);
	int fd = follow(admin, "subjects=signals.deploy,jobs.event.completed.*,jobs.stream.*", NULL);
	store("gannet.acme.signals.deploy", "{\"version\":\n \"1.2\"}");
	const char *text = gw_hear(fd, "\"version\":\"1.2\"}}\n\n");
	CHECK_HAS(text, "data: {\"subject\":\"gannet.acme.signals.deploy\",\"timestamp\":\"2");
	CHECK_HAS(text, "id: e.1.0.0\n");
	store("gannet.acme.signals.build", "{}");
	store("gannet.acme.jobs.event.started.j1", "{}");
	store("gannet.other.jobs.event.completed.j1", "{}");
	store("gannet.acme.jobs.event.completed.j1", "{\"n\":1}");
	text = gw_hear(fd, "{\"n\":1}");
	CHECK(!strstr(text, "build") && !strstr(text, "started") && !strstr(text, "other"));
	gw_send("gannet.acme.jobs.stream.j1", SPAN("no JSON \"at all\""), NULL, 0);
	gw_hear(fd, "\"data\":\"no JSON \\\"at all\\\"\"}\n\n");
	close(fd);
}

TEST(a_stream_goes_on_where_it_broke_and_misses_nothing)
{
	begin(NULL);
	int fd = follow(admin, "subjects=signals.%3E,jobs.event.%3E", NULL);
	store("gannet.acme.signals.a", "{\"n\":1}");
	const char *id = last_id(gw_hear(fd, "{\"n\":1}"));
	close(fd);
	store("gannet.acme.signals.a", "{\"n\":2}");
	store("gannet.acme.jobs.event.started.j1", "{\"n\":3}");
	char header[160];
	snprintf(header, sizeof header, "Last-Event-ID: %s\r\n", id);
	scoped_buf text = {0};
	fd = gw_dial();
	buf_printf(&text, "GET /events?subjects=signals.%%3E,jobs.event.%%3E HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer %s\r\n%s\r\n", admin, header);
	gw_say(fd, text.data);
	/* Two streams: their own order holds, not that between them. */
	const char *got = gw_hear(fd, "{\"n\":2}");
	if (!strstr(got, "{\"n\":3}"))
		gw_hear(fd, "{\"n\":3}");
	CHECK(!strstr(got, "{\"n\":1}") && !strstr(got, "event: reset"));
	store("gannet.acme.signals.a", "{\"n\":4}");
	gw_hear(fd, "{\"n\":4}");
	close(fd);
	/* A place that the stream has not reached yet, and nonsense. */
	fd = gw_dial();
	buf_reset(&text);
	buf_printf(&text, "GET /events?subjects=signals.a&last_event_id=e.999 HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer %s\r\n\r\n", admin);
	gw_say(fd, text.data);
	gw_hear(fd, "event: reset\n");
	close(fd);
	static const char *const bad[] = {"x", "e", "e.", "e.1.2", "e.-1", "e.a", "1"};
	for (size_t i = 0; i < countof(bad); i++) {
		char target[80];
		snprintf(target, sizeof target, "/events?subjects=signals.a&last_event_id=%s", bad[i]);
		gw_check_error(GET(target, admin), 400, "Last-Event-ID", "1 subjects");
	}
}

TEST(a_stream_survives_the_brokers_restart_without_a_gap)
{
	begin(NULL);
	int fd = follow(admin, "subjects=signals.%3E", NULL);
	store("gannet.acme.signals.a", "{\"n\":1}");
	gw_hear(fd, "{\"n\":1}");
	test_nats_kill(SIGKILL);
	test_nats_start();
	for (int i = 2; i < 50; i++) {
		char body[32];
		snprintf(body, sizeof body, "{\"n\":%d}", i);
		store("gannet.acme.signals.a", body);
	}
	const char *text = gw_hear(fd, "{\"n\":49}");
	for (int i = 2; i < 49; i++) {
		char body[32];
		snprintf(body, sizeof body, "\"data\":{\"n\":%d}", i);
		text = strstr(text, body);
		CHECK_MSG(text != NULL, "%s is missing, or not in order", body);
	}
	close(fd);
}

TEST(role_user_follows_its_own_jobs_only)
{
	begin(NULL);
	const char *user = gw_token("user", "ada", "acme");
	int fd = follow(user, "subjects=jobs.event.%3E", NULL);
	store("gannet.acme.jobs.event.started.j1", "{\"user_id\":\"eve\",\"n\":1}");
	store("gannet.acme.jobs.event.started.j2", "{\"n\":2}");
	store("gannet.acme.jobs.event.started.j3", "no JSON");
	store("gannet.acme.jobs.event.started.j4", "{\"user_id\":\"ada\",\"n\":4}");
	const char *text = gw_hear(fd, "\"n\":4");
	CHECK(!strstr(text, "\"eve\"") && !strstr(text, "started.j2") && !strstr(text, "started.j3"));
	close(fd);
	gw_check_error(GET("/events?subjects=signals.a", user), 403, "subjects", "admin, manager");
	gw_check_error(GET("/events?subjects=jobs.stream.j1", user), 403, "subjects", "admin, manager");
}

TEST(findings_are_followed_all_or_those_of_a_source)
{
	begin(NULL);
	int all = follow(admin, "subjects=findings.%3E", NULL), some = follow(admin, "subjects=findings.reasoning.%3E,findings.*.low", NULL);
	test_expect_invalid("gannet.acme.findings."); /* where they go, not what they say */
	store("gannet.acme.findings.analytics.high", "{\"n\":1}");
	store("gannet.acme.findings.reasoning.high", "{\"n\":2}");
	store("gannet.acme.findings.analytics.low", "{\"n\":3}");
	gw_hear(all, "{\"n\":3}");
	const char *text = gw_hear(some, "{\"n\":3}");
	CHECK(!strstr(text, "{\"n\":1}"));
	close(all);
	close(some);
}

TEST(filters_outside_of_what_may_be_seen_are_refused)
{
	begin(NULL);
	static const char *const bad[] = {"%3E", "*", "jobs.%3E", "jobs.*.x", "jobs.submit.llm.default", "jobs.create", "jobs.event",
	                                  "findings", "findings.a", "findings.a.b.c", "findings.a.b.%3E", "snapshot.get", "jobs.event..x", "jobs.event.%3E.x", "jobs.event.a%20b",
	                                  "$KV.latest.%3E", "signals.a%0d%0aPUB", "", "jobs.event.a%3E"};
	for (size_t i = 0; i < countof(bad); i++) {
		char target[128];
		snprintf(target, sizeof target, "/events?subjects=%s", bad[i]);
		struct gw_answer a = GET(target, admin);
		CHECK_MSG(a.status == 400, "%s: %d", bad[i], a.status);
	}
	gw_check_error(GET("/events", admin), 400, "subjects", "missing");
	gw_check_error(GET("/events?subjects=signals.a&x=1", admin), 400, "query", "known are subjects");
	gw_check_error(GET("/events?subjects=signals.a,signals.b,signals.c,signals.d,signals.e,signals.f,signals.g,signals.h,signals.i", admin), 400, "subjects", "more than 8");
	CHECK_INT(gw_ask("HEAD", "/events?subjects=signals.a", admin, NULL, NULL).status, 200);
}

TEST(comments_keep_an_idle_stream_alive_and_its_end_is_noticed)
{
	struct test_process *p = gw_start((const char *const[]){"GANNET_STREAM_HEARTBEAT=100ms", NULL});
	admin = gw_token("admin", "root", "acme");
	int fd = follow(admin, "subjects=signals.a", NULL);
	gw_hear(fd, ":\n\n");
	gw_hear(fd, ":\n\n");
	scoped_buf metrics = {0};
	CHECK(test_http_get(p->health_port, "/metrics", &metrics) == 200 && strstr(metrics.data, "gannet_gateway_streams 1"));
	close(fd);
	WAIT_FOR(test_http_get(p->health_port, "/metrics", &metrics) == 200 &&
	             strstr(metrics.data, "gannet_gateway_streams 0") &&
	             strstr(metrics.data, "gannet_gateway_stream_ends_total{reason=\"gone\"} 1"),
	         "its end");
}

TEST(a_user_has_so_many_streams_and_no_more)
{
	begin((const char *const[]){"GANNET_STREAMS_PER_USER=2", "GANNET_STREAM_HEARTBEAT=100ms", "GANNET_STREAMS=3", NULL});
	int one = follow(admin, "subjects=signals.a", NULL), two = follow(admin, "subjects=signals.a", NULL);
	struct gw_answer a = GET("/events?subjects=signals.a", admin);
	gw_check_error(a, 429, "", "2 event streams of one user");
	int three = follow(gw_token("admin", "root", "other"), "subjects=signals.a", NULL);
	gw_check_error(GET("/events?subjects=signals.a", gw_token("admin", "x", "acme")), 503, "", "3 event streams are open");
	close(one);
	WAIT_FOR(process_listens(gw_port, &one), "a connection");
	close(one);
	close(two);
	close(three);
}

TEST(a_reader_that_is_too_slow_is_told_and_let_go)
{
	struct test_process *p = gw_start((const char *const[]){"GANNET_STREAM_BACKLOG_BYTES=4096", NULL});
	admin = gw_token("admin", "root", "acme");
	test_expect_invalid("gannet.acme.");
	int fd = follow(admin, "subjects=signals.%3E,jobs.stream.%3E", NULL);
	static char large[100001];
	memset(large, 'a', sizeof large - 1);
	scoped_buf metrics = {0};
	for (int i = 0; i < 400; i++) { /* more than sockets hold; nobody reads */
		gw_send("gannet.acme.jobs.stream.j1", span_from(large), NULL, 0);
		if (i % 50 == 0 && test_http_get(p->health_port, "/metrics", &metrics) == 200 && strstr(metrics.data, "reason=\"slow_consumer\""))
			break;
	}
	WAIT_FOR(test_http_get(p->health_port, "/metrics", &metrics) == 200 && strstr(metrics.data, "gannet_gateway_stream_ends_total{reason=\"slow_consumer\"} 1"), "its end");
	/* What was sent is still read, and the reason at its end. */
	static char tail[1 << 16];
	char all_of_it[200] = "";
	for (ssize_t n; (n = read(fd, tail, sizeof tail - 1)) > 0;) {
		size_t keep = (size_t)n < 190 ? (size_t)n : 190, have = strlen(all_of_it);
		if (have + keep > 190) {
			size_t drop = have + keep - 190;
			memmove(all_of_it, all_of_it + drop, have - drop + 1);
			have -= drop;
		}
		memcpy(all_of_it + have, tail + n - keep, keep);
		all_of_it[have + keep] = 0;
	}
	CHECK_HAS(all_of_it, "event: error\ndata: {\"error\":{\"code\":\"slow_consumer\"");
	close(fd);
}

TEST(a_stored_stream_waits_for_a_slow_reader)
{
	begin((const char *const[]){"GANNET_STREAM_BACKLOG_BYTES=4096", NULL});
	int fd = follow(admin, "subjects=signals.%3E", NULL);
	for (int i = 0; i < 200; i++) {
		char body[2100];
		int n = snprintf(body, sizeof body, "{\"n\":%d,\"pad\":\"%02000d\"}", i, 0);
		CHECK(n < (int)sizeof body);
		store("gannet.acme.signals.a", body);
	}
	gw_hear(fd, "{\"n\":199,");
	close(fd);
}

TEST(a_stream_ends_with_its_token_and_with_the_program)
{
	struct test_process *p = gw_start((const char *const[]){"GANNET_JWT_SKEW=0", NULL});
	char claims[256];
	snprintf(claims, sizeof claims, "{\"sub\":\"ada\",\"tenant\":\"acme\",\"aud\":\"gannet\",\"role\":\"admin\",\"exp\":%lld}",
	         (long long)(clock_wall_ms(&clock_system) / 1000 + 8));
	int fd = follow(gw_sign(key_secret, NULL, claims), "subjects=signals.a", NULL);
	gw_hear(fd, "event: error\ndata: {\"error\":{\"code\":\"unauthorized\",\"message\":\"the token has expired\"}}\n\n");
	gw_hear(fd, NULL); /* and the connection's end, or its last chunk */
	close(fd);
	fd = follow(gw_token("admin", "root", "acme"), "subjects=signals.a", NULL);
	test_kill(p, SIGTERM);
	gw_hear(fd, "the gateway is ending");
	close(fd);
	CHECK_INT(test_wait_exit(p), 0);
}
