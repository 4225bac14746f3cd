/* The collector's turns, requests and kinds of sources, and what its configuration may be. */
#include "tests/integration/collector_helpers.h"

#define CONSTANT "\"fields\":[\"queue_pending\"],\"query\":\"SELECT 7 AS queue_pending\""

static const char *one_source(void)
{
	return text_of("{\"sources\":[%s]}", sql_source("queue", CONSTANT));
}

/* ---- turns */

TEST(two_collectors_take_one_snapshot_each_turn)
{
	const char *every_second = "AI_WORKER_INTERVAL_SECONDS=1";
	struct test_process *a = start_collector(one_source(), every_second), *b = start_collector(one_source(), every_second);
	WAIT_FOR(stored_snapshots() >= 5, "five turns");
	stop_process(a);
	stop_process(b);
	uint64_t n = stored_snapshots();
	int64_t before = 0;
	for (uint64_t i = 1; i <= n; i++) {
		struct bus_stored_message m;
		struct err err;
		int64_t ms;
		CHECK_OK(bus_get_sequence(test_bus(), STREAM_STATE, i, &m, &err), err);
		CHECK(span_starts(bus_in_header(&m.in, "Nats-Msg-Id"), SPAN("snapshot-default-")));
		/* The id ends with the turn's time. */
		CHECK(span_i64(span_of(bus_in_header(&m.in, "Nats-Msg-Id").p + strlen("snapshot-default-"), 13), &ms));
		CHECK_MSG(ms > before && ms % 1000 == 0, "turn %lld after %lld", (long long)ms, (long long)before);
		before = ms;
		bus_stored_message_free(&m);
	}
}

TEST(a_turn_goes_on_after_an_error_and_the_last_snapshot_is_kept_up)
{
	start_collector(text_of("{\"sources\":[%s,{\"name\":\"web\",\"kind\":\"http\",\"url\":\"http://127.0.0.1:1/\","
	                        "\"fields\":{\"x\":\"/x\"}}]}",
	                        sql_source("queue", CONSTANT)),
	                "AI_WORKER_INTERVAL_SECONDS=1");
	WAIT_FOR(stored_snapshots() >= 2, "two turns");
	struct err err = {0};
	const char *last = ask_status("default", "get", STATUS_OK, &err);
	has(last, "/queue_pending", "7");
	has_failed(last, "x", "web", "cannot be reached");
}

/* ---- requests */

TEST(before_the_first_snapshot_get_says_so_and_what_to_do)
{
	struct err err = {0};
	start_collector(one_source(), NULL);
	ask_status("default", "get", STATUS_NOT_FOUND, &err);
	CHECK_HAS(err.msg, "there is no snapshot of tenant default yet; snapshot.take takes one now");
	ask_status("nobody", "get", STATUS_NOT_FOUND, &err);
	CHECK_HAS(err.msg, "no source of tenant nobody is configured");
	ask_status("nobody", "take", STATUS_NOT_FOUND, &err);
	CHECK_HAS(err.msg, "no source of tenant nobody is configured");
}

TEST(a_request_with_members_is_refused)
{
	enum status got;
	struct err err = {0};
	start_collector(one_source(), NULL);
	test_request(test_bus(), "gannet.default.snapshot.take", "{\"sources\":[]}", &got, &err);
	CHECK_STATUS(got, STATUS_INVALID);
	CHECK_INT(stored_snapshots(), 0);
}

TEST(a_snapshot_that_was_asked_for_is_published_and_kept_over_a_restart)
{
	struct err err = {0};
	struct test_process *p = start_collector(one_source(), NULL);
	const char *taken = take();
	CHECK_INT(stored_snapshots(), 1);
	has(taken, "/queue_pending", "7");
	has(taken, "/tenant", "default");
	has(taken, "/metrics/queue_pending/status", "ok");
	CHECK(strcmp(ask_status("default", "get", STATUS_OK, &err), taken) == 0);
	stop_process(p);
	start_collector(one_source(), NULL);
	CHECK(strcmp(ask_status("default", "get", STATUS_OK, &err), taken) == 0);
	CHECK_INT(stored_snapshots(), 1);
}

TEST(the_newest_snapshot_stays_the_last_one)
{
	uint64_t revision;
	scoped_buf kept = {0};
	struct err err = {0};
	static const char newer[] = "{\"snapshot_id\":\"newer\",\"tenant\":\"default\",\"timestamp\":\"2999-01-01T00:00:00Z\","
	                            "\"additional_metrics\":{},\"metrics\":{}}";
	start_collector(one_source(), NULL);
	CHECK_OK(bus_kv_put(test_bus(), BUCKET_LATEST, "default.snapshot", span_from(newer), &revision, &err), err);
	take();
	CHECK_OK(bus_kv_get(test_bus(), BUCKET_LATEST, "default.snapshot", &kept, NULL, &err), err);
	CHECK_SPAN(buf_span(&kept), newer);
}

TEST(each_tenant_has_its_own_snapshot)
{
	start_collector(text_of("{\"tenant\":\"acme\",\"sources\":[%s,{\"name\":\"queue\",\"kind\":\"sql\",\"tenant\":\"other\",\"url\":"
	                        "\"%s\",\"fields\":[\"queue_pending\"],\"query\":\"SELECT 8 AS queue_pending\"}]}",
	                        sql_source("queue", CONSTANT), test_postgres_url()),
	                NULL);
	has(take_of("acme"), "/queue_pending", "7");
	has(take_of("other"), "/queue_pending", "8");
}

/* ---- slower sources */

TEST(a_slower_source_is_stale_between_its_readings_and_says_how_old_it_is)
{
	test_postgres_url();
	start_collector(text_of("{\"sources\":[%s,%s]}",
	                        sql_source("slow", "\"interval_ms\":60000,\"fields\":[\"read_at\"],\"query\":\"SELECT extract(epoch FROM "
	                                           "clock_timestamp()) AS read_at\""),
	                        sql_source("queue", CONSTANT)),
	                NULL);
	const char *first = take();
	has(first, "/metrics/read_at/status", "ok");
	const char *value = test_json(first, "/additional_metrics/read_at");
	CHECK(*value);
	const char *second = take();
	has(second, "/metrics/read_at/status", "stale");
	has(second, "/metrics/queue_pending/status", "ok");
	has(second, "/additional_metrics/read_at", value);
	CHECK(atoll(test_json(second, "/metrics/read_at/age_ms")) >= 0 && *test_json(second, "/metrics/read_at/age_ms"));
	WAIT_FOR(atoll(test_json(take(), "/metrics/read_at/age_ms")) >= 100, "the value to grow older");
}

/* ---- kinds */

TEST(signals_become_recent_events_the_newest_fifty_first)
{
	struct err err = {0};
	struct test_process *p =
	    start_collector("{\"sources\":[{\"name\":\"events\",\"kind\":\"signals\"}]}", NULL);
	for (int i = 1; i <= 60; i++)
		test_store(test_bus(), "gannet.default.signals.ledger",
		           span_from(text_of("{\"type\":\"t%d\",\"timestamp\":\"2026-01-02T03:04:05Z\",\"entity\":\"clip\"}", i)), NULL);
	test_store(test_bus(), "gannet.default.signals.ledger", SPAN("{\"type\":\"last\"}"), NULL);
	test_store(test_bus(), "gannet.other.signals.ledger", SPAN("{\"type\":\"not ours\"}"), NULL);
	WAIT_FOR(strcmp(test_json(ask_status("default", "take", STATUS_OK, &err), "/recent_events/0/type"), "last") == 0,
	         "the events");
	const char *snapshot = take();
	has(snapshot, "/recent_events/1/type", "t60");
	has(snapshot, "/recent_events/1/timestamp", "2026-01-02T03:04:05Z");
	has(snapshot, "/recent_events/49/type", "t12");
	has(snapshot, "/recent_events/50", "");
	CHECK(*test_json(snapshot, "/recent_events/0/timestamp")); /* the broker's */
	stop_process(p);
	start_collector("{\"sources\":[{\"name\":\"events\",\"kind\":\"signals\"}]}", NULL);
	WAIT_FOR(strcmp(test_json(take(), "/recent_events/49/type"), "t12") == 0, "the events after a restart");
}

TEST(signals_that_are_no_objects_are_told_of_and_left_out)
{
	test_expect_invalid("gannet.default.signals.ledger");
	start_collector("{\"sources\":[{\"name\":\"events\",\"kind\":\"signals\"}]}", NULL);
	test_store(test_bus(), "gannet.default.signals.ledger", SPAN("[1"), NULL);
	test_store(test_bus(), "gannet.default.signals.ledger", SPAN("{\"type\":\"fine\"}"), NULL);
	WAIT_FOR(strcmp(test_json(take(), "/recent_events/0/type"), "fine") == 0, "the good one");
	has(take(), "/additional_metrics/events_error", "signals left out because they are no objects of up to 4096 bytes: 1");
}

TEST(streams_and_consumers_are_counted)
{
	start_collector("{\"sources\":[{\"name\":\"broker\",\"kind\":\"nats\",\"fields\":{\"signals\":\"/streams/SIGNALS/messages\","
	                "\"last\":\"/streams/SIGNALS/last_sequence\",\"reasoning\":\"/consumers/STATE/reasoning/waiting\","
	                "\"none\":\"/streams/NONE/messages\",\"reconnects\":\"/connection/reconnects\"}}]}",
	                NULL);
	for (int i = 0; i < 3; i++)
		test_store(test_bus(), "gannet.default.signals.ledger", SPAN("{\"type\":\"a\"}"), NULL);
	has(take(), "/additional_metrics/signals", "3");
	const char *snapshot = take();
	has(snapshot, "/additional_metrics/last", "3");
	has(snapshot, "/additional_metrics/reasoning", "1"); /* the first snapshot */
	has(snapshot, "/additional_metrics/reconnects", "0");
	has_failed(snapshot, "none", "broker", "none: no such stream");
}

TEST(workers_and_jobs_of_the_suite_are_told)
{
	test_postgres_url();
	test_nats_url();
	struct test_process *jobs = test_spawn("gannet-jobs", NULL, NULL);
	test_ready(jobs);
	test_runner((const char *const[]){"MAX_CONCURRENT_TASKS=12", NULL});
	struct test_process *p = start_collector(
	    "{\"sources\":[{\"name\":\"gannet\",\"kind\":\"gannet\",\"fields\":{\"worker_load\":\"/worker_load\",\"telemetry\":\"/telemetry\","
	    "\"jobs_pending\":\"/jobs/pending\",\"llm_waiting\":\"/worker_load/llm/waiting\"}}]}",
	    NULL);
	test_submit(test_bus(), "default", "llm", "default", "one", "\"template\":\"Hello.\",\"model\":\"simulated\"");
	WAIT_FOR(strcmp(test_json(take(), "/telemetry/jobs_completed"), "1") == 0, "the job to be recorded");
	WAIT_FOR(strcmp(test_json(take(), "/worker_load/llm/workers"), "1") == 0, "the worker to be known");
	const char *snapshot = take();
	has(snapshot, "/worker_load/llm/capacity", "12");
	has(snapshot, "/worker_load/llm/load", "0");
	has(snapshot, "/additional_metrics/llm_waiting", "0");
	has(snapshot, "/jobs_pending", "0");
	has(snapshot, "/telemetry/jobs_total", "1");
	stop_process(p);
}

TEST(without_a_configuration_the_suite_itself_is_told)
{
	test_nats_url();
	struct test_process *p = test_spawn("gannet-collector", (const char *const[]){"AI_WORKER_ENABLED=no", NULL}, NULL);
	test_ready(p);
	has(take(), "/metrics/worker_load/source", "gannet");
	CHECK(!strstr(log_of(p), "AI_WORKER"));
}

/* ---- configuration */

#define ROW(name, rest) "{\"sources\":[{\"name\":\"" name "\"," rest "}]}"
#define SQL(rest) ROW("a", "\"kind\":\"sql\",\"url\":\"postgresql://u:topsecret@127.0.0.1/x\"," rest)

static void refuses(const char *sources, const char *why)
{
	struct test_process *p =
	    test_spawn("gannet-collector", (const char *const[]){text_of("GANNET_SOURCES=%s", sources), NULL}, NULL);
	CHECK_INT(test_wait_exit(p), 1);
	CHECK_HAS(log_of(p), why);
	CHECK(!strstr(log_of(p), "topsecret"));
}

TEST(mistakes_in_the_configuration_are_named_by_row_and_member)
{
	static const char *const rows[][2] = {
	    {"/no/such/file", "GANNET_SOURCES: cannot open /no/such/file: No such file or directory"},
	    {"{", "GANNET_SOURCES: "},
	    {"{\"source\":[]}", "did you mean sources?"},
	    {"{\"sources\":[]}", "0 sources, 1 to 64 are allowed"},
	    {"{\"sources\":[7]}", "sources[0]: a row is an object"},
	    {"{\"tenant\":\"A\",\"sources\":[]}", "1 to 32 of a-z 0-9 _ -"},
	    {ROW("a", "\"url\":\"x\""), "sources[0] (a): kind: is required: one of gannet, http, nats, prometheus, signals, sql"},
	    {ROW("a", "\"kind\":\"sqlite\""), "sources[0] (a): kind: \\\"sqlite\\\" is none of gannet, http"},
	    {ROW("A b", "\"kind\":\"gannet\""), "sources[0]: name: \\\"A b\\\" is not a-z 0-9 _"},
	    {SQL("\"quey\":\"x\""), "sources[0] (a): quey: no such member; did you mean query?"},
	    {SQL("\"fields\":[\"x\"]"), "sources[0] (a): query: is required"},
	    {SQL("\"query\":\"SELECT 1\""), "sources[0] (a): fields: is required"},
	    {SQL("\"query\":\"SELECT 1\",\"fields\":[]"), "fields: 0 metrics, 1 to 64 are allowed"},
	    {SQL("\"query\":\"SELECT 1\",\"fields\":[7]"), "fields: a metric is not a string"},
	    {SQL("\"query\":\"SELECT 1\",\"fields\":[\"a\",\"a\"]"), "fields: a is there twice"},
	    {SQL("\"query\":\"SELECT 1\",\"fields\":[\"Clips\"]"), "metric \\\"Clips\\\" is not 1 to 64 of a-z 0-9 _"},
	    {SQL("\"query\":\"SELECT 1\",\"fields\":[\"snapshot_id\"]"), "is not a name that is free"},
	    {SQL("\"query\":\"SELECT 1\",\"fields\":[\"queue_error\"]"), "none that ends with _error"},
	    {SQL("\"query\":\"SELECT 1\",\"into\":\"queue_pending\""), "into: \\\"queue_pending\\\" is none of platform_stats"},
	    {SQL("\"query\":\"SELECT 1\",\"into\":\"rule_weights\",\"fields\":[\"x\"]"), "not beside a member"},
	    {SQL("\"query\":\"SELECT 1\",\"fields\":[\"x\"],\"deadline_ms\":1"), "deadline_ms: 1 not in [10, 10000]"},
	    {ROW("a", "\"kind\":\"sql\",\"url\":\"${NO_SUCH}\",\"query\":\"SELECT 1\",\"fields\":[\"x\"]"),
	     "sources[0] (a): url: NO_SUCH is neither set nor in a file"},
	    {ROW("a", "\"kind\":\"sql\",\"url\":\"${no\",\"query\":\"SELECT 1\",\"fields\":[\"x\"]"), "url: \\\"${\\\" without \\\"}\\\""},
	    {ROW("a", "\"kind\":\"sql\",\"url\":\"foo topsecret\",\"query\":\"SELECT 1\",\"fields\":[\"x\"]"),
	     "url: not a postgresql:// URL or keyword string"},
	    {ROW("a", "\"kind\":\"http\",\"url\":\"ftp://topsecret/\",\"fields\":{\"x\":\"/x\"}"), "url: begins neither with http://"},
	    {ROW("a", "\"kind\":\"http\",\"url\":\"http://x/\",\"fields\":{\"x\":\"x\"}"), "\\\"x\\\" of x is no JSON pointer"},
	    {ROW("a", "\"kind\":\"http\",\"url\":\"http://x/\",\"headers\":{\"A\":1},\"fields\":{\"x\":\"/x\"}"), "headers"},
	    {ROW("a", "\"kind\":\"http\",\"url\":\"http://x/\",\"headers\":{\"A b\":\"1\"},\"fields\":{\"x\":\"/x\"}"), "headers: \\\"A b\\\""},
	    {ROW("a", "\"kind\":\"http\",\"url\":\"http://x/\",\"headers\":{\"A\":\"1\\r\\nB: 2\"},\"fields\":{\"x\":\"/x\"}"), "holds a line end"},
	    {ROW("a", "\"kind\":\"prometheus\",\"url\":\"http://x/\",\"fields\":{\"x\":\"median(up)\"}"), "fields: x: \\\"median(up)\\\" is not name{"},
	    {ROW("a", "\"kind\":\"nats\",\"fields\":{\"x\":\"/streams/A.B/messages\"}"), "of x is none of /streams/NAME/messages"},
	    {ROW("a", "\"kind\":\"nats\",\"fields\":{\"x\":\"/streams/A/size\"}"), "of x is none of /streams/NAME/messages"},
	    {ROW("a", "\"kind\":\"signals\",\"types\":[\"a.b\"]"), "types: a type is not a text of 1 to 32"},
	    {"{\"sources\":[{\"name\":\"a\",\"kind\":\"gannet\"},{\"name\":\"a\",\"kind\":\"nats\",\"fields\":{\"x\":\"/connection/reconnects\"}}]}",
	     "sources[1] (a): name: there is a source a of this tenant already"},
	    {"{\"sources\":[{\"name\":\"a\",\"kind\":\"gannet\"},{\"name\":\"b\",\"kind\":\"gannet\"}]}",
	     "sources[1] (b): fields: worker_load is provided by source a already"},
	};
	test_nats_url();
	for (size_t i = 0; i < countof(rows); i++)
		refuses(rows[i][0], rows[i][1]);
}

TEST(secrets_come_from_files_and_are_in_no_log_and_no_snapshot)
{
	FILE *f = fopen(text_of("%s/dsn", test_dir()), "we");
	CHECK(f && fprintf(f, "postgresql://u:topsecret@127.0.0.1:1/hidden_name\n") > 0 && fclose(f) == 0);
	test_nats_url();
	struct test_process *p = test_spawn(
	    "gannet-collector",
	    (const char *const[]){"GANNET_SOURCES=" ROW("a", "\"kind\":\"sql\",\"url\":\"${THE_DSN}\",\"query\":\"SELECT 1 AS "
	                                                     "hidden_column\",\"fields\":{\"x\":\"hidden_column\"}"),
	                          text_of("THE_DSN_FILE=%s/dsn", test_dir()), NULL},
	    NULL);
	test_ready(p);
	const char *snapshot = take();
	has_failed(snapshot, "x", "a", "PostgreSQL is away or refuses the connection");
	CHECK(!strstr(snapshot, "hidden") && !strstr(snapshot, "127.0.0.1"));
	CHECK(!strstr(log_of(p), "topsecret") && !strstr(log_of(p), "hidden_column"));
}
