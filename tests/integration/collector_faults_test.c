/* Sources that fail, hang or are hostile: each costs its own metrics only, and says so in words that give nothing away. */
#include <pthread.h>

#include "http/server.h"
#include "tests/integration/collector_helpers.h"

/* The steady part of each snapshot: what the broker says. */
#define STEADY "{\"name\":\"broker\",\"kind\":\"nats\",\"fields\":{\"steady\":\"/connection/reconnects\"}}"

static void is_steady(const char *snapshot)
{
	has(snapshot, "/metrics/steady/status", "ok");
	has(snapshot, "/additional_metrics/steady", "0");
}

/* ---- PostgreSQL */

static const char *sql_and_steady(const char *more)
{
	return text_of("{\"sources\":[" STEADY ",%s%s]}",
	               sql_source("queue", "\"deadline_ms\":2500,\"fields\":[\"queue_pending\"],\"query\":\"SELECT 7 AS queue_pending\""),
	               more);
}

TEST(postgresql_killed_between_snapshots_costs_its_metrics_until_it_is_back)
{
	start_collector(sql_and_steady(""), NULL);
	has(take(), "/queue_pending", "7");
	test_postgres_kill(SIGKILL);
	const char *without = take();
	is_steady(without);
	has_failed(without, "queue_pending", "queue", "PostgreSQL is away or refuses the connection");
	CHECK(atoll(test_json(without, "/metrics/queue_pending/age_ms")) >= 0 && *test_json(without, "/metrics/queue_pending/age_ms"));
	test_postgres_start();
	WAIT_FOR(strcmp(test_json(take(), "/queue_pending"), "7") == 0, "the metric to be back");
	has(take(), "/additional_metrics/queue_error", "");
}

static void *take_aside(void *arg)
{
	struct err err = {0};
	*(const char **)arg = ask_status("default", "take", STATUS_OK, &err);
	return NULL;
}

TEST(postgresql_killed_in_the_middle_of_a_query_costs_its_metrics_at_once)
{
	pthread_t thread;
	const char *snapshot = NULL;
	start_collector(
	    sql_and_steady(text_of(",%s", sql_source("slow", "\"deadline_ms\":10000,\"fields\":[\"x\"],\"query\":\"SELECT 1 AS x FROM "
	                                                     "pg_sleep(60)\""))),
	    NULL);
	test_bus();
	CHECK(pthread_create(&thread, NULL, take_aside, &snapshot) == 0);
	WAIT_FOR(atoi(test_sql("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'")) == 1, "the query to run");
	/* PostgreSQL then ends all of its connections and begins anew. */
	pid_t pid = atoi(test_sql("SELECT pid FROM pg_stat_activity WHERE wait_event = 'PgSleep'"));
	CHECK(pid > 1 && kill(pid, SIGKILL) == 0);
	CHECK(pthread_join(thread, NULL) == 0);
	is_steady(snapshot);
	has_failed(snapshot, "x", "slow", "PostgreSQL is away or refuses the connection");
}

/* Every process of the server, so that it neither answers nor closes anything. */
static void signal_postgres(int signal)
{
	static pid_t backends[64];
	static size_t n;
	if (signal == SIGSTOP) {
		struct span pids = span_from(text_of(
		    "%s", test_sql("SELECT string_agg(pid::text, ',') FROM pg_stat_activity WHERE application_name = 'gannet-collector'")));
		for (n = 0; pids.p && n < countof(backends); n++) {
			int64_t pid;
			CHECK(span_i64(span_cut(&pids, ','), &pid));
			backends[n] = (pid_t)pid;
		}
		CHECK(n > 0);
	}
	kill(test_postgres_pid(), signal);
	for (size_t i = 0; i < n; i++)
		kill(backends[i], signal);
}

TEST(a_postgresql_that_hangs_costs_no_more_than_its_deadline)
{
	struct test_process *p = start_collector(sql_and_steady(""), NULL);
	has(take(), "/queue_pending", "7");
	signal_postgres(SIGSTOP);
	for (int i = 0; i < 3; i++) {
		const char *without = take();
		is_steady(without);
		has(without, "/metrics/queue_pending/status", "error");
		CHECK(*test_json(without, "/additional_metrics/queue_error"));
	}
	signal_postgres(SIGCONT);
	WAIT_FOR(strcmp(test_json(take(), "/queue_pending"), "7") == 0, "the metric to be back");
	stop_process(p);
}

TEST(a_collector_that_waits_for_a_hung_server_ends_in_time)
{
	struct test_process *p = start_collector(sql_and_steady(""), NULL);
	take();
	signal_postgres(SIGSTOP);
	take();
	stop_process(p);
	signal_postgres(SIGCONT);
}

static const char *const hostile_sql[][2] = {
    {"SELECT 'NaN'::float8 AS x", "x: not a finite number"},
    {"SELECT 'Infinity'::float8 AS x", "x: not a finite number"},
    {"SELECT 'secret words' AS x", "x: not a finite number"},
    {"SELECT 1 AS y", "x: is not in the answer"},
    {"SELECT 1 AS x, 2 AS x", "answers text that is no valid JSON or UTF-8, or two columns of one name"},
    {"SELECT 1 AS x WHERE false", "0 rows where one is wanted"},
    {"WITH RECURSIVE n AS (SELECT 1 AS x UNION ALL SELECT x FROM n) SELECT x FROM n", "1000 rows where one is wanted"},
    {"SELECT repeat('x', 5000000) AS x", "answers more than 1048576 bytes"},
    {"SELECT x FROM hidden_table", "PostgreSQL refuses the query (SQLSTATE 42P01)"},
    {"SELECT 1 AS x) AS q; CREATE TABLE made (); SELECT (1", "PostgreSQL refuses the query (SQLSTATE 42601)"},
    {"SELECT nextval('numbers') AS x", "PostgreSQL refuses the query (SQLSTATE 25006)"},
    {"SELECT 1 / 0 AS x", "PostgreSQL refuses the query (SQLSTATE 22012)"},
    {"SELECT 1 AS x FROM pg_sleep(30)", "no answer within 700 ms"},
};

TEST(hostile_answers_of_a_database_cost_their_own_metric_only)
{
	scoped_buf sources = {0};
	test_postgres_url();
	test_sql("CREATE SEQUENCE numbers");
	buf_adds(&sources, "{\"sources\":[" STEADY);
	for (size_t i = 0; i < countof(hostile_sql); i++)
		buf_printf(&sources, ",%s", sql_source(text_of("s%zu", i), text_of("\"deadline_ms\":%d,\"fields\":{\"x%zu\":\"x\"},\"query\":\"%s\"",
		                                                                   i + 1 == countof(hostile_sql) ? 700 : 5000, i, hostile_sql[i][0])));
	buf_adds(&sources, "]}");
	start_collector(sources.data, NULL);
	const char *snapshot = take();
	is_steady(snapshot);
	for (size_t i = 0; i < countof(hostile_sql); i++) {
		const char *want = hostile_sql[i][1];
		has_failed(snapshot, text_of("x%zu", i), text_of("s%zu", i),
		           strncmp(want, "x:", 2) == 0 ? text_of("x%zu%s", i, want + 1) : want);
	}
	CHECK(!strstr(snapshot, "hidden_table") && !strstr(snapshot, "secret words"));
	CHECK(strcmp(test_sql("SELECT to_regclass('made') IS NULL AND NOT is_called FROM numbers"), "t") == 0);
}

TEST(one_bad_column_leaves_the_others_of_its_row)
{
	start_collector(text_of("{\"sources\":[%s]}",
	                        sql_source("queue", "\"fields\":[\"queue_pending\",\"queue_failed\",\"orchestrator_running\"],\"query\":\"SELECT "
	                                            "-1 AS queue_pending, 3.0 AS queue_failed, true AS orchestrator_running\"")),
	                NULL);
	const char *snapshot = take();
	has_failed(snapshot, "queue_pending", "queue", "queue_pending: not a whole number from 0 on");
	has(snapshot, "/queue_failed", "3");
	has(snapshot, "/orchestrator_running", "true");
	has(snapshot, "/metrics/queue_failed/status", "ok");
}

TEST(events_and_objects_out_of_rows_keep_to_their_limits)
{
	start_collector(
	    text_of("{\"sources\":[%s,%s,%s,%s]}",
	            sql_source("ledger", "\"into\":\"recent_events\",\"query\":\"SELECT 'e' || i AS type, CASE WHEN i = 2 THEN repeat('x', 9000) END "
	                                 "AS message FROM generate_series(1, 90) AS i\""),
	            sql_source("rules", "\"into\":\"rule_weights\",\"query\":\"SELECT 'r' || i, i FROM generate_series(1, 300) AS i\""),
	            sql_source("best", "\"into\":\"best_clips\",\"query\":\"SELECT 'tiktok', 1, 2 FROM generate_series(1, 2)\""),
	            sql_source("stats", "\"into\":\"platform_stats\",\"query\":\"SELECT 'tiktok' AS p, 5 AS clips_ready, NULL::int AS failed_24h\"")),
	    NULL);
	const char *snapshot = take();
	has(snapshot, "/recent_events/0/type", "e1");
	has(snapshot, "/recent_events/1/type", "e3");
	has(snapshot, "/recent_events/49/type", "e51");
	has(snapshot, "/recent_events/50", "");
	has(snapshot, "/additional_metrics/ledger_error", "recent_events: an event of more than 4096 bytes is left out");
	has_failed(snapshot, "rule_weights", "rules", "rule_weights: more than 256 members");
	has(snapshot, "/metrics/best_clips/status", "error");
	has(snapshot, "/platform_stats/tiktok/clips_ready", "5");
}

/* ---- HTTP: a server in this process that has a bad answer for every path */

static const struct bad_path {
	const char *path, *body, *error;
} bad_paths[] = {
    {"/nan", "{\"x\":NaN}", "the answer is not JSON"},
    {"/infinite", "{\"x\":1e999}", "x: not a finite number"},
    {"/utf8", "{\"x\":\"\xff\xfe\"}", "the answer is not JSON"},
    {"/cut", "{\"x\":1", "the answer is not JSON"},
    {"/twice", "{\"x\":1,\"x\":2}", "the answer is not JSON"},
    {"/types", "{\"x\":{\"y\":\"private\"}}", "x: not a finite number"},
    {"/elsewhere", "{\"y\":1}", "x: is not in the answer"},
    {"/array", "[]", "x: is not in the answer"},
    {"/empty", "", "the answer is not JSON"},
};

static bool is_path(struct http_exchange *x, const char *path)
{
	return span_is(http_exchange_path(x), path);
}

/* Answers that do not come. */
static struct http_exchange *kept[8];
static size_t kept_n;

static void stop_bad_server(struct http_server *s)
{
	http_server_stop(s);
	while (kept_n)
		http_exchange_stream_end(kept[--kept_n], true);
}

static void answer(void *arg, struct http_exchange *x)
{
	(void)arg;
	for (size_t i = 0; i < countof(bad_paths); i++) {
		if (is_path(x, bad_paths[i].path)) {
			http_exchange_answer(x, 200, "application/json", span_from(bad_paths[i].body));
			return;
		}
	}
	if (is_path(x, "/silent")) {
		http_exchange_later(x);
		kept[kept_n++] = x;
	} else if (is_path(x, "/begun")) {
		http_exchange_stream_begin(x, 200, "application/json", -1);
		http_exchange_stream_send(x, SPAN("{\"x\":"));
		kept[kept_n++] = x;
	} else if (is_path(x, "/loop")) {
		http_exchange_add_header(x, "Location", "/loop");
		http_exchange_answer(x, 302, "text/plain", SPAN(""));
	} else if (is_path(x, "/large")) {
		scoped_buf blanks = {0};
		memset(buf_reserve(&blanks, 2 << 20), ' ', 2 << 20);
		buf_commit(&blanks, 2 << 20);
		http_exchange_answer(x, 200, "application/json", buf_span(&blanks));
	} else if (is_path(x, "/broken")) {
		http_exchange_stream_end(x, true);
	} else if (is_path(x, "/metrics")) {
		http_exchange_answer(x, 200, "text/plain",
		                     SPAN("# HELP up 1 if up\nup{job=\"a\"} 1\nup{job=\"b\"} 0\nload NaN\nbig 1e3 1700000000000\n"));
	} else if (is_path(x, "/nonsense")) {
		http_exchange_answer(x, 200, "text/plain", SPAN("up 1\nsecret password here\n"));
	} else if (span_is(http_exchange_header(x, "Authorization"), "Bearer topsecret")) {
		http_exchange_answer(x, 200, "application/json", SPAN("{\"x\":{\"y\":[1,2.5]},\"at\":\"2026-01-02T03:04:05+01:00\",\"on\":1}"));
	} else {
		http_exchange_answer(x, 503, "application/json", SPAN("{\"x\":\"private\"}"));
	}
}

static struct http_server *start_bad_server(void)
{
	struct http_server *s;
	struct err err;
	CHECK_OK(http_server_start(&(struct http_server_options){.handle = answer}, &s, &err), err);
	return s;
}

static void add_source(struct buf *out, const char *name, const char *kind, int port, const char *path, const char *rest)
{
	buf_printf(out, ",{\"name\":\"%s\",\"kind\":\"%s\",\"url\":\"http://127.0.0.1:%d%s\",\"deadline_ms\":%d,%s}", name, kind, port,
	           path, strcmp(path, "/silent") == 0 || strcmp(path, "/begun") == 0 ? 1500 : 8000, rest);
}

TEST(hostile_http_answers_cost_their_own_metrics_only)
{
	static const char *const others[][2] = {
	    {"/silent", "no answer within 1500 ms"}, {"/loop", "HTTP 302: redirects are not followed"},
	    {"/large", "answers more than 1048576 bytes"}, {"/begun", "no answer within 1500 ms"}, {"/none", "HTTP 503"},
	};
	struct http_server *server = start_bad_server();
	int port = http_server_port(server);
	scoped_buf sources = {0};
	buf_adds(&sources, "{\"sources\":[" STEADY);
	for (size_t i = 0; i < countof(bad_paths); i++)
		add_source(&sources, text_of("b%zu", i), "http", port, bad_paths[i].path, text_of("\"fields\":{\"b%zux\":\"/x\"}", i));
	for (size_t i = 0; i < countof(others); i++)
		add_source(&sources, text_of("o%zu", i), "http", port, others[i][0], text_of("\"fields\":{\"o%zux\":\"/x\"}", i));
	add_source(&sources, "broken", "http", port, "/broken", "\"fields\":{\"brokenx\":\"/x\"}");
	buf_adds(&sources, "]}");
	start_collector(sources.data, NULL);
	const char *snapshot = take();
	is_steady(snapshot);
	for (size_t i = 0; i < countof(bad_paths); i++)
		has_failed(snapshot, text_of("b%zux", i), text_of("b%zu", i),
		           strncmp(bad_paths[i].error, "x:", 2) == 0 ? text_of("b%zu%s", i, bad_paths[i].error) : bad_paths[i].error);
	for (size_t i = 0; i < countof(others); i++)
		has_failed(snapshot, text_of("o%zux", i), text_of("o%zu", i), others[i][1]);
	has(snapshot, "/metrics/brokenx/status", "error");
	CHECK(!strstr(snapshot, "private") && !strstr(snapshot, "127.0.0.1"));
	stop_bad_server(server);
}

TEST(http_and_prometheus_metrics_are_read_by_their_selectors)
{
	struct http_server *server = start_bad_server();
	int port = http_server_port(server);
	scoped_buf sources = {0};
	buf_adds(&sources, "{\"sources\":[" STEADY);
	add_source(&sources, "api", "http", port, "/any",
	           "\"headers\":{\"Authorization\":\"Bearer ${API_TOKEN}\"},\"fields\":{\"y\":\"/x/y/1\",\"orchestrator_last_run\":\"/at\","
	           "\"orchestrator_running\":\"/on\"}");
	add_source(&sources, "scrape", "prometheus", port, "/metrics",
	           "\"fields\":{\"queue_pending\":\"big\",\"jobs_up\":\"up\",\"lowest\":\"min(up)\",\"of_a\":\"up{job=\\\"a\\\"}\",\"load\":"
	           "\"load\",\"series\":\"count(up)\",\"none\":\"down\"}");
	add_source(&sources, "nonsense", "prometheus", port, "/nonsense", "\"fields\":{\"z\":\"up\"}");
	buf_adds(&sources, "]}");
	test_nats_url();
	struct test_process *p = test_spawn(
	    "gannet-collector",
	    (const char *const[]){text_of("GANNET_SOURCES=%s", sources.data), "AI_WORKER_ENABLED=false", "API_TOKEN=topsecret", NULL}, NULL);
	test_ready(p);
	const char *snapshot = take();
	has(snapshot, "/additional_metrics/y", "2.5");
	has(snapshot, "/orchestrator_last_run", "2026-01-02T02:04:05.000Z");
	has(snapshot, "/orchestrator_running", "true");
	has(snapshot, "/queue_pending", "1000");
	has(snapshot, "/additional_metrics/jobs_up", "1");
	has(snapshot, "/additional_metrics/lowest", "0");
	has(snapshot, "/additional_metrics/of_a", "1");
	has(snapshot, "/additional_metrics/series", "2");
	has(snapshot, "/metrics/load/status", "error");
	has(snapshot, "/metrics/none/status", "error");
	has(snapshot, "/additional_metrics/scrape_error", "load: not a finite number");
	has_failed(snapshot, "z", "nonsense", "line 2 is not in the Prometheus text format");
	CHECK(!strstr(snapshot, "topsecret") && !strstr(log_of(p), "topsecret"));
	stop_bad_server(server);
}

/* ---- the broker */

TEST(a_broker_that_was_away_is_no_reason_to_stop)
{
	/* A turn whose acknowledgement went down with the broker is begun anew after the lease. */
	test_nats_url();
	struct test_process *p = test_spawn("gannet-collector",
	                                    (const char *const[]){"GANNET_SOURCES={\"sources\":[" STEADY "]}",
	                                                          "AI_WORKER_INTERVAL_SECONDS=1", "GANNET_LEASE=2s", NULL},
	                                    NULL);
	test_ready(p);
	WAIT_FOR(stored_snapshots() >= 1, "a turn");
	test_nats_kill(SIGKILL);
	test_nats_start();
	uint64_t before = stored_snapshots();
	WAIT_FOR(stored_snapshots() >= before + 2, "turns after the broker is back");
	stop_process(p);
}
