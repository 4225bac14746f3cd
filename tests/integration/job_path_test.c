/* The whole path, with nothing replaced but the provider: publisher, runner, jobs, PostgreSQL, and back by requests. */
#include <regex.h>

#include "tests/integration/path_helpers.h"

static struct bus *bus;
static struct test_process *fake, *runner, *jobs;

static void start(const char *script, const char *const *runner_env)
{
	bus = test_bus();
	fake = start_fake(script);
	jobs = start_jobs(NULL);
	runner = start_runner(fake, runner_env);
}

/* The id of a job created by request. */
static const char *create(const char *members)
{
	const char *r = ask(bus, "acme", "create", text_of("{%s}", members));
	CHECK_JSON(r, "/status", "queued");
	CHECK_JSON(r, "/output_id", text_of("out-%s", test_json(r, "/job_id")));
	return test_json(r, "/job_id");
}

static const char *get(const char *id)
{
	return ask(bus, "acme", "get", text_of("{\"job_id\":\"%s\"}", id));
}

static const char *wait_record(const char *id, const char *status)
{
	wait_status("acme", id, status);
	return get(id);
}

static size_t count_of(const char *body, const char *array)
{
	size_t n = 0;
	while (test_json(body, text_of("%s/%zu", array, n))[0])
		n++;
	return n;
}

/* ---- records */

#define ANSWER                                                                                                         \
	"{\"rules\":[{\"model\":\"gpt-4o\",\"answers\":[{\"text\":\"{\\\"verdict\\\":\\\"good\\\"}\",\"in\":120,"          \
	"\"cached\":20,\"out\":10}]}]}"
#define FULL_JOB                                                                                                       \
	"\"template\":\"Judge {{review}} as JSON.\",\"model\":\"gpt-4o\",\"context\":{\"review\":\"Works well.\"},"        \
	"\"format\":\"json\",\"user_id\":\"user-17\",\"agent_id\":\"shop\",\"temperature\":0.2,\"max_tokens\":64,"         \
	"\"system_message\":\"You are terse.\",\"timeout_ms\":60000,\"max_retries\":3,\"job_type\":\"classification\","    \
	"\"pipeline\":\"reviews\",\"record_id\":\"4711\",\"field_name\":\"verdict\",\"input_data\":{\"stars\":4},"         \
	"\"metadata\":{\"batch\":\"b-9\"}"

static void check_full_record(const char *r, const char *priority)
{
	static const struct {
		const char *pointer, *want;
	} rows[] = {
	    {"/tenant", "acme"},
	    {"/kind", "llm"},
	    {"/job_type", "classification"},
	    {"/status", "completed"},
	    {"/pipeline", "reviews"},
	    {"/record_id", "4711"},
	    {"/field_name", "verdict"},
	    {"/ai_provider", "openai"},
	    {"/model_name", "gpt-4o"},
	    {"/prompt_template", "Judge {{review}} as JSON."},
	    {"/template_name", "Judge {{review}} as JSON."},
	    {"/ai_config/temperature", "0.2"},
	    {"/ai_config/max_tokens", "64"},
	    {"/ai_config/system_message", "You are terse."},
	    {"/input_data/stars", "4"},
	    {"/output_data/verdict", "good"},
	    {"/context/review", "Works well."},
	    {"/format", "json"},
	    {"/prompt", "Judge Works well. as JSON."},
	    {"/raw_response", "{\"verdict\":\"good\"}"},
	    {"/parsed_output/verdict", "good"},
	    {"/feedback", "none"},
	    {"/tokens_used", "130"},
	    {"/usage/input_tokens", "100"},
	    {"/usage/cache_read_tokens", "20"},
	    {"/cost_nanousd", "375000"}, /* 100 × 2.5 + 20 × 1.25 + 10 × 10 dollars a million */
	    {"/cost_cents", "0.0375"},
	    {"/error_code", ""},
	    {"/error_message", ""},
	    {"/retry_count", "0"},
	    {"/run", "1"},
	    {"/user_id", "user-17"},
	    {"/agent_id", "shop"},
	    {"/metadata/batch", "b-9"},
	};
	for (size_t i = 0; i < countof(rows); i++)
		CHECK_JSON(r, rows[i].pointer, rows[i].want);
	CHECK_JSON(r, "/priority", priority);
	static const char *const times[] = {"/created_at", "/started_at", "/completed_at", "/updated_at"};
	int64_t ms, before_ms = 0;
	for (size_t i = 0; i < countof(times); i++) {
		CHECK_MSG(rfc3339_parse(span_from(test_json(r, times[i])), &ms), "%s: %s", times[i], test_json(r, times[i]));
		CHECK(i == 3 || ms >= before_ms);
		before_ms = ms;
	}
	CHECK(test_json(r, "/processing_time_ms")[0] != 0);
}

TEST(created_job_ends_as_a_record_with_every_field)
{
	start(ANSWER, NULL);
	const char *r = ask(bus, "acme", "create", "{\"priority\":\"high\"," FULL_JOB "}");
	int64_t ms;
	CHECK(rfc3339_parse(span_from(test_json(r, "/estimated_completion")), &ms));
	CHECK(ms > clock_wall_ms(&clock_system) - 60000 && ms < clock_wall_ms(&clock_system) + 3600000);
	check_full_record(wait_record(test_json(r, "/job_id"), "completed"), "high");
}

TEST(plainly_published_job_ends_as_the_same_record)
{
	start(ANSWER, NULL);
	test_submit(bus, "acme", "llm", "low", "plain-1", FULL_JOB);
	check_full_record(wait_record("plain-1", "completed"), "low");
	const char *by_output = ask(bus, "acme", "get", "{\"output_id\":\"out-plain-1\"}");
	CHECK(!strcmp(by_output, get("plain-1")));
	test_submit(bus, "acme", "llm", "low", NULL, FULL_JOB);
	WAIT_FOR(count_sql("SELECT count(*) FROM ai_jobs WHERE status = 'completed' AND job_id LIKE 'j-%'") == 1,
	         "the record of the job without an id");
	struct err err;
	ask_status(bus, "other", "get", "{\"job_id\":\"plain-1\"}", STATUS_NOT_FOUND, &err);
}

TEST(failed_job_is_recorded_with_its_reason_and_tries)
{
	start(NULL, NULL);
	submit_model(bus, "f1", "gpt-fake:status=503,message=Under%20repair", "\"max_retries\":2");
	const char *r = wait_record("f1", "failed");
	CHECK_JSON(r, "/error_code", "unavailable");
	CHECK_HAS(test_json(r, "/error_message"), "Under repair");
	CHECK_JSON(r, "/retry_count", "2");
	test_expect_invalid("gannet.acme.jobs.submit.");
	test_submit(bus, "acme", "llm", "default", "f2", "\"model\":\"gpt-fake\",\"template\":\"x\",\"max_tokens\":0");
	r = wait_record("f2", "failed");
	CHECK_JSON(r, "/error_code", "invalid");
	CHECK_JSON(r, "/error_field", "max_tokens");
}

/* ---- requests on real runs */

TEST(list_filters_and_pages_real_runs)
{
	start(NULL, NULL);
	for (int i = 0; i < 9; i++)
		submit_model(bus, text_of("l%d", i), i % 3 == 2 ? "claude-fake:status=400" : "gpt-fake",
		             i % 3 ? "\"user_id\":\"u1\"" : "\"user_id\":\"u2\"");
	WAIT_FOR(count_sql("SELECT count(*) FROM ai_jobs WHERE completed_at IS NOT NULL") == 9, "all records");
	CHECK_INT(count_of(ask(bus, "acme", "list", "{\"status\":\"completed\"}"), "/jobs"), 6);
	CHECK_INT(count_of(ask(bus, "acme", "list", "{\"status\":\"failed\",\"user_id\":\"u1\"}"), "/jobs"), 3);
	CHECK_INT(count_of(ask(bus, "acme", "list", "{\"model\":\"gpt-fake\",\"user_id\":\"u2\"}"), "/jobs"), 3);
	CHECK_INT(count_of(ask(bus, "acme", "list", "{\"created_before\":\"2020-01-01T00:00:00Z\"}"), "/jobs"), 0);
	const char *page, *cursor = "";
	size_t seen = 0, pages = 0;
	do {
		page = ask(bus, "acme", "list",
		           text_of("{\"limit\":4%s%s%s}", cursor[0] ? ",\"cursor\":\"" : "", cursor, cursor[0] ? "\"" : ""));
		seen += count_of(page, "/jobs");
		cursor = test_json(page, "/next_cursor");
		pages++;
	} while (cursor[0]);
	CHECK_INT(seen, 9);
	CHECK_INT(pages, 3);
}

TEST(job_is_cancelled_while_it_runs_while_it_waits_and_while_it_is_delayed)
{
	start(NULL, (const char *[]){"MAX_CONCURRENT_TASKS=1", NULL});
	char at[RFC3339_BYTES];
	const char *running = create("\"model\":\"gpt-fake:latency=60s\",\"template\":\"x\"");
	WAIT_FOR(fake_stat(fake, "/running") == 1, "the call to run");
	const char *waiting = create("\"model\":\"gpt-fake\",\"template\":\"x\"");
	const char *delayed = create(text_of("\"model\":\"gpt-fake\",\"template\":\"x\",\"run_at\":\"%s\"",
	                                     rfc3339_format(clock_wall_ms(&clock_system) + 3600000, at)));
	wait_status("acme", running, "processing");
	wait_status("acme", waiting, "pending");
	wait_status("acme", delayed, "pending");
	CHECK_JSON(ask(bus, "acme", "cancel", text_of("{\"job_id\":\"%s\"}", waiting)), "/status", "cancelled");
	CHECK_JSON(ask(bus, "acme", "cancel", text_of("{\"job_id\":\"%s\"}", delayed)), "/status", "cancelled");
	CHECK_JSON(ask(bus, "acme", "cancel", text_of("{\"job_id\":\"%s\",\"reason\":\"test\"}", running)), "/status",
	           "cancelling");
	wait_record(running, "cancelled");
	wait_record(waiting, "cancelled");
	wait_record(delayed, "cancelled");
	WAIT_FOR(fake_stat(fake, "/outcomes/gone") == 1, "the call to be hung up");
	const char *last = create("\"model\":\"gpt-fake\",\"template\":\"x\"");
	wait_record(last, "completed");
	struct err err;
	ask_status(bus, "acme", "cancel", text_of("{\"job_id\":\"%s\"}", last), STATUS_CONFLICT, &err);
	struct bus_stream_state in_jobs, in_delayed;
	WAIT_FOR(bus_stream_state(bus, STREAM_JOBS, &in_jobs, &err) == STATUS_OK && !in_jobs.messages &&
	             bus_stream_state(bus, STREAM_DELAYED, &in_delayed, &err) == STATUS_OK && !in_delayed.messages,
	         "the queues to be empty");
	CHECK_INT(fake_stat(fake, "/requests"), 2);
}

TEST(failed_job_that_is_retried_runs_again_under_its_id)
{
	start(NULL, NULL);
	const char *id =
	    create("\"model\":\"gpt-fake:status=400,first=1\",\"template\":\"Say {{x}}\",\"context\":{\"x\":\"y\"}");
	wait_record(id, "failed");
	const char *r = ask(bus, "acme", "retry", text_of("{\"job_id\":\"%s\"}", id));
	CHECK_JSON(r, "/run", "2");
	CHECK_JSON(r, "/status", "queued");
	r = wait_record(id, "completed");
	CHECK_JSON(r, "/run", "2");
	CHECK_JSON(r, "/prompt", "Say y");
	CHECK_JSON(r, "/error_code", "");
	struct err err;
	ask_status(bus, "acme", "retry", text_of("{\"job_id\":\"%s\"}", id), STATUS_CONFLICT, &err);
	CHECK_INT(count_sql("SELECT count(*) FROM ai_jobs"), 1);
}

TEST(bulk_retry_runs_all_failed_jobs_again)
{
	enum { N = 20 };
	start(NULL, NULL);
	for (int i = 0; i < N; i++)
		submit_model(bus, text_of("b%d", i), text_of("gpt-fake:status=400,first=1,id=%d", i), "");
	submit_model(bus, "other", "claude-fake:status=400", "");
	WAIT_FOR(count_sql("SELECT count(*) FROM ai_jobs WHERE status = 'failed'") == N + 1, "all to fail");
	const char *r = ask(bus, "acme", "bulk_retry", "{\"created_after\":\"2020-01-01T00:00:00Z\",\"limit\":100}");
	CHECK_JSON(r, "/retried", "21");
	CHECK_INT(count_of(r, "/job_ids"), N + 1);
	WAIT_FOR(count_sql("SELECT count(*) FROM ai_jobs WHERE status = 'completed' AND run = 2") == N, "all to complete");
	wait_status("acme", "other", "failed");
	CHECK_INT(fake_stat(fake, "/requests"), 2 * (N + 1));
}

TEST(rerun_repeats_a_job_and_regenerate_changes_it)
{
	start(NULL, NULL);
	const char *id =
	    create("\"model\":\"gpt-fake:echo\",\"template\":\"Say {{x}}\",\"context\":{\"x\":\"y\"},\"user_id\":\"u1\"");
	wait_record(id, "completed");
	const char *r = ask(bus, "acme", "rerun", text_of("{\"job_id\":\"%s\"}", id));
	CHECK_JSON(r, "/rerun_of", id);
	CHECK(!is(r, "/job_id", id));
	r = wait_record(test_json(r, "/job_id"), "completed");
	CHECK_JSON(r, "/raw_response", "Say y");
	CHECK_JSON(r, "/user_id", "u1");
	r = ask(bus, "acme", "regenerate",
	        text_of("{\"job_id\":\"%s\",\"context\":{\"x\":\"z\"},\"model\":\"claude-fake:echo\"}", id));
	r = wait_record(test_json(r, "/job_id"), "completed");
	CHECK_JSON(r, "/raw_response", "Say z");
	CHECK_JSON(r, "/ai_provider", "anthropic");
	CHECK_JSON(get(id), "/raw_response", "Say y");
}

TEST(feedback_stays_with_the_answer)
{
	start(NULL, NULL);
	submit_model(bus, "liked", "gpt-fake", "");
	wait_record("liked", "completed");
	const char *r =
	    ask(bus, "acme", "feedback", "{\"job_id\":\"liked\",\"feedback\":\"thumbs_up\",\"user_id\":\"u1\"}");
	CHECK_JSON(r, "/feedback", "thumbs_up");
	CHECK_JSON(get("liked"), "/feedback", "thumbs_up");
	ask(bus, "acme", "feedback", "{\"job_id\":\"liked\",\"feedback\":\"none\"}");
	CHECK_JSON(get("liked"), "/feedback", "none");
}

TEST(stats_count_what_happened_and_who_works)
{
	start(NULL, (const char *[]){"MAX_CONCURRENT_TASKS=2", "WORKER_ID=runner-7", NULL});
	for (int i = 0; i < 5; i++)
		submit_model(bus, text_of("s%d", i), i ? "gpt-fake:latency=20ms" : "gpt-fake:status=400", "");
	WAIT_FOR(count_sql("SELECT count(*) FROM ai_jobs WHERE completed_at IS NOT NULL") == 5, "the first to end");
	for (int i = 0; i < 4; i++)
		create("\"model\":\"gpt-fake:fault=hang\",\"template\":\"x\"");
	WAIT_FOR(fake_stat(fake, "/running") == 2, "two to run");
	const char *r;
	WAIT_FOR((r = ask(bus, "acme", "stats", "{}")) && is(r, "/processing", "2") && is(r, "/pending", "2"),
	         "the tenant's counts");
	CHECK_JSON(r, "/completed", "4");
	CHECK_JSON(r, "/failed", "1");
	CHECK_JSON(r, "/total", "9");
	CHECK(atoll(test_json(r, "/p95_processing_ms")) >= 20);
	CHECK_JSON(r, "/workers/0/worker_id", "runner-7");
	CHECK_JSON(r, "/workers/0/concurrency", "2");
	CHECK_INT(atoll(test_json(ask(bus, "nobody", "stats", "{}"), "/total")), 0);
}

TEST(job_published_with_run_at_runs_then_and_not_before)
{
	start(NULL, NULL);
	char at[RFC3339_BYTES];
	int64_t due_ms = clock_wall_ms(&clock_system) + 2000, started_ms;
	submit_model(bus, "later", "gpt-fake", text_of("\"run_at\":\"%s\"", rfc3339_format(due_ms, at)));
	const char *r = wait_record("later", "completed");
	CHECK(rfc3339_parse(span_from(test_json(r, "/started_at")), &started_ms));
	CHECK_MSG(started_ms >= due_ms - 100, "started %lld ms early", (long long)(due_ms - started_ms));
	CHECK_JSON(r, "/retry_count", "0");
	CHECK_INT(count_sql("SELECT count(*) FROM ai_jobs"), 1);
}

/* ---- what can be seen of it */

TEST(log_line_of_a_job_has_the_fields_people_search_by)
{
	start(NULL, NULL);
	submit_model(bus, "logged", "gpt-fake:text=four", "\"user_id\":\"u1\"");
	wait_record("logged", "completed");
	char *line = NULL;
	size_t cap = 0;
	bool found = false;
	FILE *f = fopen(runner->log_path, "re");
	CHECK(f != NULL);
	while (getline(&line, &cap, f) > 0) {
		struct json parsed;
		struct err err;
		CHECK_OK(json_parse(span_from(line), &parsed, &err), err);
		int64_t ms;
		CHECK(rfc3339_parse(span_from(test_json(line, "/timestamp")), &ms));
		if (!is(line, "/job_id", "logged"))
			continue;
		found = true;
		CHECK_JSON(line, "/output_id", "out-logged");
		CHECK_JSON(line, "/template", "Describe a gannet as JSON.");
		CHECK_JSON(line, "/model", "gpt-fake:text=four");
		CHECK_JSON(line, "/user_id", "u1");
		CHECK_JSON(line, "/response_length", "4");
		CHECK(!strstr(line, "test-key"));
	}
	free(line);
	fclose(f);
	CHECK(found);
}

/* A series of the Prometheus text format, every line of which has to be well-formed; 0 when it is not there. */
static double metric(const struct test_process *p, const char *series)
{
	static regex_t form;
	static bool compiled;
	scoped_buf body = {0};
	double value = 0;
	if (!compiled)
		CHECK(regcomp(&form,
		              "^(# (HELP|TYPE) [a-z_0-9]+ .*|[a-z_0-9]+(\\{[a-z_0-9]+=\"[^\"]*\"(,[a-z_0-9]+=\"[^\"]*\")*\\})? "
		              "([0-9.e+-]+|\\+Inf|NaN))$",
		              REG_EXTENDED | REG_NOSUB) == 0);
	compiled = true;
	CHECK_INT(test_http_get(p->health_port, "/metrics", &body), 200);
	char *rest = body.data, *line;
	while ((line = strsep(&rest, "\n")) && *line) {
		CHECK_MSG(regexec(&form, line, 0, NULL, 0) == 0, "no metric: %s", line);
		if (strncmp(line, series, strlen(series)) == 0 && line[strlen(series)] == ' ')
			value = atof(line + strlen(series) + 1);
	}
	return value;
}

TEST(metrics_of_both_services_move_with_the_work)
{
	start(ANSWER, NULL);
	submit_model(bus, "m1", "gpt-4o", "");
	submit_model(bus, "m2", "claude-fake:status=503,first=1", "");
	submit_model(bus, "m3", "llama-fake:status=400", "");
	wait_record("m1", "completed");
	wait_record("m2", "completed");
	wait_record("m3", "failed");
	static const struct {
		const char *series;
		double want;
	} rows[] = {
	    {"gannet_jobs_total{outcome=\"completed\"}", 2},
	    {"gannet_jobs_total{outcome=\"failed\"}", 1},
	    {"gannet_jobs_total{outcome=\"retry\"}", 1},
	    {"gannet_retries_total{reason=\"unavailable\"}", 1},
	    {"gen_ai_client_operation_duration_seconds_count{gen_ai_provider_name=\"openai\",gen_ai_request_model=\"gpt-"
	     "4o\"}",
	     1},
	    {"gen_ai_client_token_usage_sum{gen_ai_provider_name=\"openai\",gen_ai_token_type=\"output\"}", 10},
	    {"gannet_cost_usd_total{provider=\"openai\",model=\"gpt-4o\"}", 0.000375},
	    {"gannet_ready", 1},
	    {"gannet_bus_connected", 1},
	};
	for (size_t i = 0; i < countof(rows); i++)
		CHECK_MSG(metric(runner, rows[i].series) == rows[i].want, "%s is %g, not %g", rows[i].series,
		          metric(runner, rows[i].series), rows[i].want);
	WAIT_FOR(metric(jobs, "gannet_projection_events_total{outcome=\"recorded\"}") >= 7, "the projection to have counted its events");
	CHECK(metric(jobs, "gannet_projection_batch_seconds_count") >= 1);
}

/* ---- without PostgreSQL */

TEST(jobs_that_ended_while_postgresql_was_down_are_all_recorded)
{
	enum { N = 2000 };
	start(NULL, NULL);
	struct test_events *events = test_follow(bus, "acme");
	submit_model(bus, "before", "simulated", "");
	wait_record("before", "completed");
	test_postgres_kill(SIGKILL);
	for (int i = 0; i < N; i++) {
		const char *body = text_of("{\"job_id\":\"d%d\",\"model\":\"simulated\",\"template\":\"x\"}", i);
		struct bus_header h = {HEADER_MSG_ID, span_from(text_of("acme.d%d:1", i))};
		struct bus_out m = {"gannet.acme.jobs.submit.llm.default", NULL, span_from(body), &h, 1};
		struct err err;
		CHECK_OK(bus_store(bus, &m, 0, BUS_BLOCK, NULL, NULL, &err), err);
	}
	const char *created = create("\"model\":\"gpt-fake\",\"template\":\"x\"");
	test_wait_event(events, "completed", created);
	WAIT_FOR(test_count_events(events, "completed", NULL) == N + 2, "all to complete without a database");
	struct err err;
	ask_status(bus, "acme", "get", "{\"job_id\":\"d1\"}", STATUS_UNAVAILABLE, &err);
	test_postgres_start();
	WAIT_FOR(count_sql("SELECT count(*) FROM ai_jobs WHERE status = 'completed'") == N + 2, "all to be recorded");
	CHECK_INT(count_sql("SELECT count(*) FROM ai_jobs"), N + 2);
	wait_record(created, "completed");
	CHECK_JSON(ask(bus, "acme", "stats", "{}"), "/completed", "2002");
}
