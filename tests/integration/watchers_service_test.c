/* The watchers service as its users see it: configuration, schedules of several replicas, diagnosis, the command. */
#include "http/server.h"
#include "tests/integration/watchers_helpers.h"

#define DIAGNOSIS "{\"name\":\"diagnosis\",\"watcher\":\"diagnosis\",\"schedule\":\"never\"%s}"
#define CONFIG(watches)                                                                                                \
	"{\"tenant\":\"acme\",\"schedules\":[{\"name\":\"often\",\"cron\":\"*/2 * * * * *\"}],\"watches\":[" watches "]}"

static bool says(const struct test_process *p, const char *part)
{
	return strstr(log_of(p), part) != NULL;
}

/* ---- configuration */

TEST(without_a_configuration_it_watches_nothing_and_says_so)
{
	struct test_process *p = start_watchers(NULL);
	const char *list = ask_watch("list", "{}");
	CHECK(strcmp(test_json(list, "/configured"), "false") == 0 && strcmp(test_json(list, "/watches"), "[]") == 0);
	CHECK_HAS(test_json(list, "/message"), "GANNET_WATCHERS");
	CHECK(says(p, "there is nothing to do"));
}

TEST(a_bad_configuration_keeps_it_from_starting_and_never_replaces_a_good_one)
{
	test_nats_url();
	write_config(CONFIG("{\"name\":\"a\",\"watcher\":\"integrity\",\"options\":{\"max_rows\":1}}"));
	struct test_process *bad =
	    test_spawn("gannet-watchers", (const char *[]){text_of("GANNET_WATCHERS=%s", config_path()), NULL}, NULL);
	CHECK_INT(test_wait_exit(bad), 1);
	CHECK(says(bad, "watches[0].options.max_rows"));
	struct test_process *p = start_watchers(text_of(CONFIG(DIAGNOSIS), ""));
	write_config(CONFIG("{\"name\":\"b\",\"watcher\":\"nonsense\"}"));
	WAIT_FOR(says(p, "the old one stays"), "the bad file to be refused");
	CHECK(says(p, "watches[0].watcher"));
	const char *list = ask_watch("list", "{}");
	CHECK(strcmp(test_json(list, "/watches/0/name"), "diagnosis") == 0);
	CHECK_HAS(test_json(list, "/message"), "there is no watcher 'nonsense'");
	write_config(
	    text_of(CONFIG(DIAGNOSIS ",{\"name\":\"second\",\"watcher\":\"diagnosis\",\"schedule\":\"nightly\"}"), ""));
	WAIT_FOR(strcmp(test_json(ask_watch("list", "{}"), "/watches/1/name"), "second") == 0, "the good file to be read");
	CHECK(strcmp(test_json(ask_watch("list", "{}"), "/watches/1/cron"), "0 2 * * *") == 0);
	CHECK(strlen(test_json(ask_watch("list", "{}"), "/watches/1/next_at")) > 0);
}

TEST(only_ones_own_watches_are_seen_and_run)
{
	start_watchers(text_of(CONFIG(DIAGNOSIS), ",\"tenant\":\"other\""));
	enum status got;
	struct err err = {0};
	CHECK(strcmp(test_json(ask_watch("list", "{}"), "/watches"), "[]") == 0);
	test_request(test_bus(), "gannet.acme.watch.run", "{\"name\":\"diagnosis\"}", &got, &err);
	CHECK(got == STATUS_NOT_FOUND && strcmp(err.field, "name") == 0);
	test_request(test_bus(), "gannet.acme.watch.get", "{\"run_id\":\"diagnosis-1\"}", &got, &err);
	CHECK(got == STATUS_NOT_FOUND);
	test_request(test_bus(), "gannet.acme.watch.run", "{\"nam\":\"x\"}", &got, &err);
	CHECK_INT(got, STATUS_INVALID);
}

/* ---- schedules */

static size_t runs_so_far(void)
{
	const char *runs = ask_watch("history", "{\"limit\":500}");
	size_t n = 0;
	while (*test_json(runs, text_of("/runs/%zu", n)))
		n++;
	return n;
}

TEST(replicas_run_every_turn_once_and_go_on_when_one_dies)
{
	static const char *const watch = CONFIG("{\"name\":\"often\",\"watcher\":\"diagnosis\",\"schedule\":\"often\"}");
	struct test_process *a = start_watchers(watch), *b = start_watchers(watch);
	WAIT_FOR(runs_so_far() >= 3, "three turns");
	test_kill(a, SIGKILL);
	test_wait_exit(a);
	size_t before = runs_so_far();
	WAIT_FOR(runs_so_far() >= before + 2, "further turns");
	/* A turn is named by its moment, so that two runs of one would be two claims of one record. */
	const char *runs = ask_watch("history", "{\"limit\":500}");
	for (size_t i = 1; *test_json(runs, text_of("/runs/%zu", i)); i++)
		CHECK(strcmp(test_json(runs, text_of("/runs/%zu/turn_at", i - 1)),
		             test_json(runs, text_of("/runs/%zu/turn_at", i))) > 0);
	int done = 0;
	for (const char *at = log_of(b); (at = strstr(at, "\"watch done\"")); at++)
		done++;
	CHECK(done >= 2);
	struct bus_stream_state s;
	struct err err;
	CHECK_OK(bus_stream_state(test_bus(), "KV_watches", &s, &err), err);
	CHECK(s.messages >= 5);
}

TEST(a_turn_that_was_missed_is_made_up_for_once)
{
	/* As if the last turn of a nightly watch had been days ago. */
	test_nats_url();
	struct err err;
	uint64_t revision;
	CHECK_OK(bus_topology_ensure(test_bus(), BUCKET_WATCHES, &bus_limits_default, &err), err);
	static const char record[] =
	    "{\"run_id\":\"night-1000\",\"watch\":\"night\",\"watcher\":\"diagnosis\",\"trigger\":\"schedule\","
	    "\"status\":\"completed\",\"turn_at\":\"2026-01-01T02:00:00Z\"}";
	CHECK_OK(bus_kv_put(test_bus(), BUCKET_WATCHES, "acme.night-1000", span_from(record), &revision, &err), err);
	static const char *const watch = CONFIG("{\"name\":\"night\",\"watcher\":\"diagnosis\",\"schedule\":\"nightly\"},"
	                                        "{\"name\":\"often\",\"watcher\":\"diagnosis\",\"schedule\":\"often\"}");
	start_watchers(watch);
	struct test_process *second = start_watchers(watch);
	WAIT_FOR(*test_json(ask_watch("history", "{\"name\":\"night\"}"), "/runs/1"), "the missed turn");
	size_t others = runs_so_far();
	WAIT_FOR(runs_so_far() >= others + 2, "time to pass");
	CHECK(!*test_json(ask_watch("history", "{\"name\":\"night\"}"), "/runs/2"));
	CHECK_HAS(test_json(ask_watch("history", "{\"name\":\"night\"}"), "/runs/0/turn_at"), "T02:00:00");
	CHECK(second->pid > 0);
}

/* ---- diagnosis */

static void signal_of(const char *type, const char *body)
{
	test_store(test_bus(), text_of("gannet.acme.signals.%s", type), span_from(body), NULL);
}

static const char *moment_ago(int64_t ms)
{
	char text[RFC3339_BYTES];
	return text_of("%s", rfc3339_format(clock_wall_ms(&clock_system) - ms, text));
}

TEST(signals_become_a_report_and_findings_that_are_resolved)
{
	start_watchers(text_of(CONFIG(DIAGNOSIS), ""));
	const char *quiet = run_watch("diagnosis");
	CHECK_MSG(strcmp(test_json(quiet, "/result/status"), "healthy") == 0, "%s", quiet);
	for (int i = 0; i < 3; i++)
		signal_of(
		    "deploy",
		    text_of("{\"service\":\"checkout\",\"status\":\"failed\",\"version\":\"v%d\",\"error\":\"exit status %d\","
		            "\"timestamp\":\"%s\"}",
		            i, i, moment_ago((10 - i) * 60000)));
	for (int i = 0; i < 36; i++)
		for (int k = 0; k < 5; k++)
			signal_of("latency", text_of("{\"service\":\"pay\",\"endpoint\":\"GET "
			                             "/x\",\"duration_ms\":%d,\"status\":%d,\"timestamp\":\"%s\"}",
			                             (i < 6 ? 300 : 100) + (i + k) % 7, i < 6 && k < 2 ? 500 : 200,
			                             moment_ago(i * 300000 + 1000 + k * 1000)));
	test_expect_invalid("gannet.acme.signals.error");
	signal_of("error", "{\"message\":1}");
	signal_of("error", "not JSON");
	const char *r = run_watch("diagnosis");
	CHECK_MSG(strcmp(test_json(r, "/result/status"), "critical") == 0, "%s", r);
	CHECK_HAS(test_json(r, "/result/metrics"), "\"deploy_failures\"");
	CHECK_HAS(test_json(r, "/result/metrics"), "\"latency_spike\"");
	CHECK_HAS(test_json(r, "/result/metrics"), "\"error_rate\"");
	CHECK_HAS(test_json(r, "/result/patterns"), "\"recurring_deploy_failure\"");
	CHECK_HAS(test_json(r, "/result/actions"), "\"github_issue\"");
	CHECK_HAS(test_json(r, "/summary"), "2 signals were none");
	check_finding("deploy_failures", "checkout", "open");
	check_finding("latency_spike", "pay GET /x", "open");
	check_finding("error_rate", "pay GET /x", "open");
	check_finding("recurring_deploy_failure", "exit status <*>", "open");
	for (int i = 0; i < 2; i++)
		signal_of("deploy", text_of("{\"service\":\"checkout\",\"status\":\"succeeded\",\"timestamp\":\"%s\"}",
		                            moment_ago(2000 - i * 1000)));
	run_watch("diagnosis");
	check_finding("deploy_failures", "checkout", "resolved");
	check_finding("latency_spike", "pay GET /x", "open");
}

/* A GitHub and a Prometheus that answer what they are told. */
static void answer(void *arg, struct http_exchange *x)
{
	scoped_buf body = {0};
	(void)arg;
	struct span path = http_exchange_path(x);
	if (span_is(path, "/repos/acme/shop/actions/runs")) {
		CHECK_SPAN(http_exchange_header(x, "Authorization"), "Bearer t0ken");
		buf_adds(&body, "{\"total_count\":4,\"workflow_runs\":[");
		for (int i = 0; i < 4; i++)
			buf_printf(&body,
			           "%s{\"name\":\"build\",\"head_branch\":\"main\",\"head_sha\":\"abc%d\",\"status\":\"completed\","
			           "\"conclusion\":\"%s\","
			           "\"created_at\":\"%s\",\"updated_at\":\"%s\",\"display_title\":\"change\"}",
			           i ? "," : "", i, i < 3 ? "failure" : "success", moment_ago(i * 600000 + 60000),
			           moment_ago(i * 600000 + 30000));
		buf_adds(&body, "]}");
	} else {
		int64_t now_s = clock_wall_ms(&clock_system) / 1000;
		bool latency = span_is(http_exchange_query(x, "query"), "latency{a=\"b\"}");
		buf_adds(&body, "{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":[{\"metric\":{"
		                "\"service\":\"api\"},\"values\":[");
		for (int i = 300; i > 0; i--)
			buf_printf(&body, "[%lld.5,\"%s\"],", (long long)(now_s - i * 60),
			           latency ? (i < 25 ? "250" : "100") : "NaN");
		buf_printf(&body, "[%lld,\"NaN\"]]}]}}", (long long)now_s);
	}
	http_exchange_answer(x, 200, "application/json", buf_span(&body));
}

TEST(github_prometheus_and_log_files_are_asked)
{
	struct http_server *server;
	struct err err;
	const struct http_server_options o = {.handle = answer};
	CHECK_OK(http_server_start(&o, &server, &err), err);
	const char *log = text_of("%s/app.log", test_dir());
	FILE *f = fopen(log, "we");
	CHECK(f != NULL);
	for (int i = 0; i < 4; i++) {
		fprintf(f, "%s ERROR cannot reach 10.0.0.%d: refused\n", moment_ago(60000 * (i + 1)), i);
		fprintf(f, "{\"timestamp\":\"%s\",\"level\":\"ERROR\",\"message\":\"payment %d declined\"}\n",
		        moment_ago(60000 * (i + 1)), i);
		fprintf(f, "%s INFO fine %d\n", moment_ago(60000 * (i + 1)), i);
	}
	fclose(f);
	write_config(
	    text_of(CONFIG(DIAGNOSIS), text_of(",\"options\":{\"signals\":false,\"sources\":[{\"type\":\"github\",\"url\":"
	                                       "\"http://127.0.0.1:%d\",\"repository\":\"acme/shop\","
	                                       "\"token_env\":\"SHOP_TOKEN\"},{\"type\":\"prometheus\",\"url\":\"http://"
	                                       "127.0.0.1:%d\",\"latency_query\":\"latency{a=\\\"b\\\"}\"},"
	                                       "{\"type\":\"logs\",\"paths\":[\"%s/*.log\"]}]}",
	                                       http_server_port(server), http_server_port(server), test_dir())));
	test_nats_url();
	struct test_process *p =
	    test_spawn("gannet-watchers",
	               (const char *[]){text_of("GANNET_WATCHERS=%s", config_path()), "SHOP_TOKEN=t0ken", NULL}, NULL);
	test_ready(p);
	const char *r = run_watch("diagnosis");
	CHECK_MSG(strstr(test_json(r, "/result/metrics"), "\"ci_failures\""), "%s", r);
	CHECK_HAS(test_json(r, "/result/metrics"), "\"latency_spike\"");
	CHECK_HAS(test_json(r, "/result/patterns"), "cannot reach <*>: refused");
	CHECK_HAS(test_json(r, "/result/patterns"), "payment <*> declined");
	CHECK(!says(p, "t0ken"));
	check_finding("ci_failures", "acme/shop build in main", "open");
	/* A source that is away resolves nothing. */
	http_server_stop(server);
	r = run_watch("diagnosis");
	CHECK_HAS(test_json(r, "/summary"), "2 sources did not answer");
	check_finding("ci_failures", "acme/shop build in main", "open");
}

/* ---- the command */

TEST(the_command_lists_runs_and_shows_history)
{
	scoped_buf out = {0};
	start_watchers(text_of(CONFIG(DIAGNOSIS), ""));
	const char *env[] = {text_of("NATS_URL=%s", test_nats_url()), "GANNET_TENANT=acme", NULL};
	CHECK_INT(test_run("gannet", (const char *[]){"watch", "list", NULL}, env, &out), 0);
	CHECK_HAS(out.data, "diagnosis");
	buf_reset(&out);
	CHECK_INT(test_run("gannet", (const char *[]){"watch", "run", "diagnosis", NULL}, env, &out), 0);
	CHECK_HAS(out.data, "healthy");
	buf_reset(&out);
	CHECK_INT(test_run("gannet", (const char *[]){"watch", "history", "diagnosis", NULL}, env, &out), 0);
	CHECK_HAS(out.data, "completed");
	buf_reset(&out);
	CHECK_INT(test_run("gannet", (const char *[]){"watch", "run", "diagnosis", "--json", NULL}, env, &out), 0);
	CHECK(strcmp(test_json(out.data, "/result/status"), "healthy") == 0);
	CHECK_INT(test_run("gannet", (const char *[]){"watch", "run", "nothing", NULL}, env, &out), 6);
	CHECK_INT(test_run("gannet", (const char *[]){"watch", "run", NULL}, env, &out), 2);
}
