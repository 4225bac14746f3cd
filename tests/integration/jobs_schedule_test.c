/* Delayed jobs, ticks and the schema: what several replicas do together. */
#include "tests/integration/jobs_helpers.h"

static const char *in_ms(int64_t ms)
{
	char text[RFC3339_BYTES];
	return text_of("%s", rfc3339_format(clock_wall_ms(&clock_system) + ms, text));
}

static uint64_t messages(struct bus *b, const char *stream)
{
	struct bus_stream_state s;
	struct err err;
	CHECK_OK(bus_stream_state(b, stream, &s, &err), err);
	return s.messages;
}

static void wait_queued(struct bus *b, uint64_t n)
{
	WAIT_FOR(messages(b, STREAM_JOBS) >= n && messages(b, STREAM_DELAYED) == 0, "the delayed jobs to be queued");
	CHECK_INT(messages(b, STREAM_JOBS), n);
}

/* As a worker puts a job aside. */
static void delay_job(struct bus *b, const char *id, int64_t ms, const char *attempts)
{
	const struct bus_header headers[] = {
	    {HEADER_MSG_ID, span_from(text_of("delay:%s", id))},
	    {HEADER_JOB_ID, span_from(id)},
	    {HEADER_ATTEMPT, span_from(attempts)},
	    {HEADER_RUN, SPAN("2")},
	    {HEADER_SUBMITTED_AT, SPAN("2026-01-01T00:00:00.000Z")},
	    {HEADER_TRACEPARENT, SPAN("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")},
	};
	const struct bus_out m = {
	    text_of("gannet.acme.jobs.delayed.llm.low.%lld.%s", (long long)(clock_wall_ms(&clock_system) + ms), id), NULL,
	    SPAN("{" LLM_MEMBERS "}"), headers, countof(headers)};
	struct bus_stored stored;
	struct err err;
	CHECK_OK(bus_store_wait(b, &m, 10000, &stored, &err), err);
}

/* ---- delayed jobs */

TEST(a_delayed_job_has_a_record_and_is_queued_when_it_is_due)
{
	struct bus *b = test_bus();
	start_jobs(NULL);
	int64_t due_ms = clock_wall_ms(&clock_system) + 1500;
	const char *r = ask(b, "acme", "create", text_of("{" LLM_MEMBERS ",\"run_at\":\"%s\"}", in_ms(1500)));
	const char *id = test_json(r, "/job_id");
	int64_t estimate_ms = 0;
	CHECK(rfc3339_parse(span_from(test_json(r, "/estimated_completion")), &estimate_ms) && estimate_ms >= due_ms);
	wait_status("acme", id, "pending");
	CHECK(*field_of(b, "acme", id, "/retry_at"));
	CHECK_INT(messages(b, STREAM_JOBS), 0);
	CHECK_INT(messages(b, STREAM_DELAYED), 1);
	wait_queued(b, 1);
	CHECK(clock_wall_ms(&clock_system) >= due_ms - 50);
	WAIT_FOR(!*field_of(b, "acme", id, "/retry_at"), "the record to know");
	CHECK(strcmp(field_of(b, "acme", id, "/status"), "pending") == 0);
	CHECK_INT(count_sql("SELECT count(*) FROM ai_jobs"), 1);
}

TEST(a_job_put_aside_by_its_worker_comes_back_with_all_it_had)
{
	struct bus *b = test_bus();
	struct bus_stored_message m;
	struct err err;
	start_jobs(NULL);
	delay_job(b, "later", 300, "3");
	wait_queued(b, 1);
	CHECK_OK(bus_get_last(b, STREAM_JOBS, "gannet.acme.jobs.submit.llm.low", &m, &err), err);
	CHECK(span_is(m.data, "{" LLM_MEMBERS "}"));
	CHECK_SPAN(bus_in_header(&m.in, HEADER_JOB_ID), "later");
	CHECK_SPAN(bus_in_header(&m.in, HEADER_ATTEMPT), "3");
	CHECK_SPAN(bus_in_header(&m.in, HEADER_RUN), "2");
	CHECK_SPAN(bus_in_header(&m.in, HEADER_SUBMITTED_AT), "2026-01-01T00:00:00.000Z");
	CHECK(bus_in_header(&m.in, HEADER_TRACEPARENT).p != NULL);
	CHECK_INT(bus_in_header(&m.in, HEADER_MSG_ID).n, BUS_PRIVATE_ID_BYTES - 1);
	bus_stored_message_free(&m);
	wait_status("acme", "later", "pending");
	CHECK(strcmp(field_of(b, "acme", "later", "/retry_count"), "4") == 0); /* three tries, and a second run */
}

TEST(delayed_jobs_are_queued_in_order_of_their_time_once_by_many_replicas_without_postgresql)
{
	enum { JOBS = 60 };
	struct bus *b = test_bus();
	for (int i = 0; i < 3; i++)
		start_jobs(NULL);
	test_postgres_kill(SIGKILL);
	for (int i = 0; i < JOBS; i++)
		delay_job(b, text_of("d-%02d", i), 400 + (JOBS - i) * 15, "1");
	wait_queued(b, JOBS);
	test_postgres_start();
	WAIT_FOR(count_sql("SELECT count(*) FROM ai_jobs") == JOBS, "all records");
	CHECK_INT(
	    count_sql(
	        "SELECT count(*) FROM (SELECT submission_seq - lag(submission_seq) OVER (ORDER BY job_id DESC) AS step "
	        "FROM ai_jobs) AS s WHERE step < -3"),
	    0);
}

TEST(delayed_jobs_survive_a_restart_and_are_queued_late_rather_than_never)
{
	struct bus *b = test_bus();
	struct test_process *p = start_jobs(NULL);
	delay_job(b, "soon", 200, "1");
	delay_job(b, "much-later", 3600 * 1000, "1");
	test_kill(p, SIGKILL);
	test_wait_exit(p);
	int64_t due_ms = clock_wall_ms(&clock_system) + 300;
	WAIT_FOR(clock_wall_ms(&clock_system) > due_ms, "the job to be overdue");
	start_jobs(NULL);
	WAIT_FOR(messages(b, STREAM_DELAYED) == 1, "the overdue job to be queued");
	CHECK_INT(messages(b, STREAM_JOBS), 1);
}

TEST(a_delayed_job_that_is_cancelled_is_ended_and_queued_for_its_worker_to_see)
{
	struct bus *b = test_bus();
	start_jobs(NULL);
	const char *id = test_json(
	    ask(b, "acme", "create", text_of("{" LLM_MEMBERS ",\"run_at\":\"%s\"}", in_ms(3600 * 1000))), "/job_id");
	wait_status("acme", id, "pending");
	CHECK(strcmp(test_json(ask(b, "acme", "cancel", text_of("{\"job_id\":\"%s\"}", id)), "/status"), "cancelled") == 0);
	wait_status("acme", id, "cancelled");
	wait_queued(b, 1);
	/* What is queued again does not bring it back to life. */
	WAIT_FOR(count_sql("SELECT count(*) FROM ai_jobs WHERE submission_seq = 0 AND status = 'cancelled'") == 1,
	         "the record");
	CHECK(has_status("acme", id, "cancelled"));
}

TEST(what_is_no_job_is_thrown_out_of_the_schedule)
{
	struct bus *b = test_bus();
	start_jobs(NULL);
	test_expect_invalid("gannet.acme.jobs.delayed.");
	test_store(b, "gannet.acme.jobs.delayed.llm.urgent.1.x", SPAN("{}"), NULL);
	test_store(b, "gannet.acme.jobs.delayed.llm.low.soon.x", SPAN("{}"), NULL);
	WAIT_FOR(messages(b, STREAM_DELAYED) == 0, "the schedule to be empty");
	CHECK_INT(messages(b, STREAM_JOBS), 0);
}

/* ---- ticks */

static int count_text(const char *text, const char *part)
{
	int n = 0;
	for (; (text = strstr(text, part)); text++)
		n++;
	return n;
}

TEST(a_turn_of_a_schedule_is_done_by_one_of_two_replicas)
{
	struct bus *b = test_bus();
	struct bus_stream_state ticks = {0};
	struct err err;
	static const char *const env[] = {"GANNET_RETRY_FAILED_INTERVAL=2s", NULL};
	struct test_process *p = start_jobs(env), *q = start_jobs(env);
	make_job(b, "acme", "passing", JOB_EVENT_FAILED);
	wait_status("acme", "passing", "pending");
	struct job_event e = event_of("acme", "passing", JOB_EVENT_FAILED);
	e.run = 2;
	tell(b, &e);
	WAIT_FOR(count_sql("SELECT count(*) FROM ai_jobs WHERE run = 3 AND status = 'pending'") == 1, "the second turn");
	CHECK_INT(messages(b, STREAM_JOBS), 3);
	WAIT_FOR(bus_stream_state(b, STREAM_TICKS, &ticks, &err) == STATUS_OK && ticks.messages == 0,
	         "the ticks to be done");
	int done = count_text(log_of(p), "\"schedule\":\"retry_failed_jobs\"") +
	           count_text(log_of(q), "\"schedule\":\"retry_failed_jobs\"");
	CHECK_OK(bus_stream_state(b, STREAM_TICKS, &ticks, &err), err);
	CHECK_MSG(done <= (int)ticks.last_sequence && done + 1 >= (int)ticks.last_sequence, "%d turns done, %d ticks", done,
	          (int)ticks.last_sequence);
}

TEST(cleanup_runs_by_tick_for_all_tenants)
{
	struct bus *b = test_bus();
	start_jobs((const char *[]){"GANNET_CLEANUP_DAYS=30", NULL});
	make_job(b, "acme", "old-1", JOB_EVENT_COMPLETED);
	make_job(b, "other", "old-2", JOB_EVENT_FAILED);
	make_job(b, "other", "new-1", JOB_EVENT_FAILED);
	test_sql("UPDATE ai_jobs SET created_at = created_at - interval '40 days', completed_at = completed_at - interval "
	         "'40 days' "
	         "WHERE job_id LIKE 'old-%'");
	test_store(b, "gannet.tick.jobs",
	           SPAN("{\"schedule\":\"cleanup_old_jobs\",\"at\":\"2026-01-01T00:00:00Z\"}"), NULL);
	WAIT_FOR(strcmp(test_sql("SELECT string_agg(job_id, ' ') FROM ai_jobs"), "new-1") == 0, "the cleanup");
}

/* ---- the schema */

TEST(replicas_that_start_together_migrate_once)
{
	test_nats_url();
	test_postgres_url();
	struct test_process *p[3];
	for (int i = 0; i < 3; i++)
		p[i] = test_spawn("gannet-jobs", NULL, NULL);
	for (int i = 0; i < 3; i++)
		test_ready(p[i]);
	int applied = 0;
	for (int i = 0; i < 3; i++) {
		WAIT_FOR(strstr(log_of(p[i]), "schema is up to date"), "the schema");
		applied += count_text(log_of(p[i]), "\"applied\":1");
	}
	CHECK_INT(applied, 1);
	CHECK_INT(count_sql("SELECT count(*) FROM schema_migrations WHERE owner = 'jobs'"), 1);
}

TEST(a_migration_changed_after_it_was_applied_ends_the_service)
{
	struct test_process *p = start_jobs(NULL);
	test_kill(p, SIGTERM);
	CHECK_INT(test_wait_exit(p), 0);
	test_sql("UPDATE schema_migrations SET checksum = 'another'");
	p = test_spawn("gannet-jobs", NULL, NULL);
	CHECK_INT(test_wait_exit(p), 1);
	CHECK_HAS(log_of(p), "was changed after it had been applied");
}

TEST(a_bad_database_url_is_said_without_its_password)
{
	test_nats_url();
	struct test_process *p =
	    test_spawn("gannet-jobs", (const char *[]){"DATABASE_URL=postgresql://u:geheim@[::1/x", NULL}, NULL);
	CHECK_INT(test_wait_exit(p), 1);
	CHECK_HAS(log_of(p), "DATABASE_URL");
	CHECK(!strstr(log_of(p), "geheim"));
}
