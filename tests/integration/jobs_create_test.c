/* Requests that make jobs: what is queued, also without PostgreSQL, and what is said to bad input. */
#include "tests/integration/jobs_helpers.h"

TEST(create_queues_what_was_asked_for)
{
	struct bus *b = test_bus();
	start_jobs(NULL);
	const char *r =
	    ask(b, "acme", "create", "{" LLM_MEMBERS ",\"priority\":\"high\",\"user_id\":\"u1\",\"max_tokens\":5}");
	const char *id = test_json(r, "/job_id");
	int64_t done_ms = 0;
	CHECK(strcmp(test_json(r, "/status"), "queued") == 0);
	CHECK(strcmp(test_json(r, "/output_id"), text_of("out-%s", id)) == 0);
	CHECK(rfc3339_parse(span_from(test_json(r, "/estimated_completion")), &done_ms) &&
	      done_ms > clock_wall_ms(&clock_system));
	const char *stored = stored_submission(b, "gannet.acme.jobs.submit.llm.high");
	CHECK(strcmp(test_json(stored, "/job_id"), id) == 0);
	CHECK(strcmp(test_json(stored, "/max_tokens"), "5") == 0);
	CHECK(!*test_json(stored, "/priority") && !*test_json(stored, "/kind"));
	CHECK(strcmp(stored_header(b, "gannet.acme.jobs.submit.llm.high", HEADER_MSG_ID), text_of("acme.%s:1", id)) == 0);
	wait_status("acme", id, "pending");
	CHECK(strcmp(field_of(b, "acme", id, "/user_id"), "u1") == 0);
}

TEST(create_takes_jobs_of_other_kinds_by_their_own_rules)
{
	struct bus *b = test_bus();
	struct err err = {0};
	start_jobs(NULL);
	ask(b, "acme", "create",
	    "{\"kind\":\"text\",\"priority\":\"low\",\"task_type\":\"sentiment\",\"input_data\":{\"text\":\"fine\"}}");
	CHECK(strcmp(test_json(stored_submission(b, "gannet.acme.jobs.submit.text.low"), "/task_type"), "sentiment") == 0);
	ask_status(b, "acme", "create", "{\"kind\":\"text\",\"template\":\"x\"}", STATUS_INVALID, &err);
	CHECK(strcmp(err.field, "template") == 0 || strstr(err.msg, "template"));
}

TEST(create_says_what_is_wrong)
{
	struct bus *b = test_bus();
	start_jobs(NULL);
	static const struct {
		const char *body, *said;
	} rows[] = {
	    {"", "template"},
	    {"{}", "template"},
	    {"{\"template\":\"x\"}", "model"},
	    {"[]", "object"},
	    {"{\"template\"", ""},
	    {"{" LLM_MEMBERS ",\"temprature\":1}", "temperature"},
	    {"{" LLM_MEMBERS ",\"temperature\":\"hot\"}", "temperature"},
	    {"{" LLM_MEMBERS ",\"max_tokens\":0}", "max_tokens"},
	    {"{" LLM_MEMBERS ",\"job_id\":\"a b\"}", "job_id"},
	    {"{" LLM_MEMBERS ",\"kind\":\"LLM\"}", "kind"},
	    {"{" LLM_MEMBERS ",\"priority\":\"urgent\"}", "priority"},
	    {"{" LLM_MEMBERS ",\"task_type\":\"x\"}", "task_type"},
	    {"{" LLM_MEMBERS ",\"reply_to\":\"gannet.other.reply.x\"}", "reply_to"},
	    {"{" LLM_MEMBERS ",\"reply_to\":\"gannet.acme.jobs.submit.llm.high\"}", "reply_to"},
	    {"{" LLM_MEMBERS ",\"run_at\":\"soon\"}", "run_at"},
	    {"{" LLM_MEMBERS ",\"run_at\":\"2999-01-01T00:00:00Z\"}", "run_at"},
	    {"{" LLM_MEMBERS ",\"context\":{}}", "twice"},
	    {"{" LLM_MEMBERS ",\"input_data\":7}", "input_data"},
	    {"{" LLM_MEMBERS ",\"user_id\":\"\\u0000\"}", ""},
	    {"{" LLM_MEMBERS ",\"user_id\":\"\xff\"}", ""},
	};
	for (size_t i = 0; i < countof(rows); i++) {
		struct err err = {0};
		ask_status(b, "acme", "create", rows[i].body, STATUS_INVALID, &err);
		CHECK_MSG(strstr(err.msg, rows[i].said), "%s: \"%s\" does not name %s", rows[i].body, err.msg, rows[i].said);
	}
	struct bus_stream_state jobs;
	struct err err;
	CHECK_OK(bus_stream_state(b, STREAM_JOBS, &jobs, &err), err);
	CHECK_INT(jobs.last_sequence, 0);
}

TEST(create_with_an_id_twice_is_one_job)
{
	struct bus *b = test_bus();
	struct bus_stream_state jobs;
	struct err err;
	start_jobs(NULL);
	for (int i = 0; i < 2; i++)
		CHECK(strcmp(test_json(ask(b, "acme", "create", "{\"job_id\":\"mine\"," LLM_MEMBERS "}"), "/job_id"), "mine") ==
		      0);
	ask(b, "other", "create", "{\"job_id\":\"mine\"," LLM_MEMBERS "}");
	CHECK_OK(bus_stream_state(b, STREAM_JOBS, &jobs, &err), err);
	CHECK_INT(jobs.messages, 2);
	wait_status("acme", "mine", "pending");
	wait_status("other", "mine", "pending");
}

TEST(create_works_while_postgresql_is_away)
{
	struct bus *b = test_bus();
	struct err err = {0};
	start_jobs(NULL);
	test_postgres_kill(SIGKILL);
	const char *id = test_json(ask(b, "acme", "create", "{" LLM_MEMBERS "}"), "/job_id");
	ask_status(b, "acme", "get", text_of("{\"job_id\":\"%s\"}", id), STATUS_UNAVAILABLE, &err);
	ask_status(b, "acme", "stats", "{}", STATUS_UNAVAILABLE, &err);
	test_postgres_start();
	wait_status("acme", id, "pending");
	CHECK(strcmp(field_of(b, "acme", id, "/status"), "pending") == 0);
}

TEST(create_works_before_postgresql_was_ever_there)
{
	test_postgres_url();
	test_postgres_kill(SIGKILL);
	struct bus *b = test_bus();
	struct err err = {0};
	test_ready(test_spawn("gannet-jobs", NULL, NULL));
	const char *id = test_json(ask(b, "acme", "create", "{" LLM_MEMBERS "}"), "/job_id");
	ask_status(b, "acme", "list", "{}", STATUS_UNAVAILABLE, &err);
	test_postgres_start();
	WAIT_FOR(strcmp(test_sql("SELECT to_regclass('ai_job_counts') IS NOT NULL"), "t") == 0, "the schema");
	wait_status("acme", id, "pending");
}

/* All of PostgreSQL at once, so that connections stay open and nobody answers. */
static void signal_postgres(const char *pids, int sig)
{
	struct span rest = span_from(pids);
	int64_t pid;
	while (rest.p)
		if (span_i64(span_cut(&rest, ' '), &pid))
			CHECK(kill((pid_t)pid, sig) == 0);
	CHECK(kill(test_postgres_pid(), sig) == 0);
}

TEST(create_works_while_postgresql_hangs)
{
	struct bus *b = test_bus();
	struct err err = {0};
	start_jobs(NULL);
	const char *pids = text_of("%s", test_sql("SELECT string_agg(pid::text, ' ') FROM pg_stat_activity"));
	signal_postgres(pids, SIGSTOP);
	ask_status(b, "acme", "stats", "{}", STATUS_UNAVAILABLE, &err);
	const char *id = test_json(ask(b, "acme", "create", "{" LLM_MEMBERS "}"), "/job_id");
	signal_postgres(pids, SIGCONT);
	wait_status("acme", id, "pending");
}

static _Atomic int hanging_answered;

/* Answered when the database is given up, or goes on. */
static void *ask_stats(void *arg)
{
	struct err err;
	scoped_buf reply = {0};
	struct bus_out m = {.subject = "gannet.acme.jobs.stats", .data = SPAN("{}")};
	if (bus_request(arg, &m, 30000, &reply, &err) != STATUS_OK)
		CHECK_INT(err.status, STATUS_UNAVAILABLE);
	hanging_answered++;
	return NULL;
}

/* More requests wait for the database than there are threads for them. */
TEST(create_is_not_held_up_by_requests_for_records_that_hang)
{
	enum { HANGING = 8, CREATIONS = 20 };
	pthread_t threads[HANGING];
	struct bus *b = test_bus();
	struct err err;
	start_jobs(NULL);
	const char *pids = text_of("%s", test_sql("SELECT string_agg(pid::text, ' ') FROM pg_stat_activity"));
	signal_postgres(pids, SIGSTOP);
	for (int i = 0; i < HANGING; i++)
		CHECK(pthread_create(&threads[i], NULL, ask_stats, b) == 0);
	CHECK_OK(bus_flush(b, 5000, &err), err);
	for (int i = 0; i < CREATIONS; i++)
		ask(b, "acme", "create", text_of("{\"job_id\":\"quick%d\"," LLM_MEMBERS "}", i));
	CHECK_INT(hanging_answered, 0);
	signal_postgres(pids, SIGCONT);
	for (int i = 0; i < HANGING; i++)
		pthread_join(threads[i], NULL);
	wait_status("acme", "quick0", "pending");
}

TEST(a_full_queue_is_said_to_be_full)
{
	struct bus *b = test_bus();
	struct err err = {0};
	start_jobs((const char *[]){"GANNET_JOBS_MAX_BYTES=4096", NULL});
	const char *big = text_of("{\"template\":\"%02500d\",\"model\":\"m\"}", 7);
	ask(b, "acme", "create", big);
	ask_status(b, "acme", "create", big, STATUS_UNAVAILABLE, &err);
	CHECK_HAS(err.msg, "maximum bytes exceeded");
}
