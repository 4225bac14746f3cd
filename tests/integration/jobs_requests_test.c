/* Requests about jobs that are there: what they answer, and what they say to bad input. */
#include "core/map.h"
#include "tests/integration/jobs_helpers.h"

/* ---- get, list, stats */

TEST(jobs_of_other_tenants_do_not_exist)
{
	struct bus *b = test_bus();
	start_jobs(NULL);
	make_job(b, "acme", "secret", JOB_EVENT_FAILED);
	static const char *const verbs[] = {"get", "cancel", "retry", "rerun"};
	for (size_t i = 0; i < countof(verbs); i++) {
		struct err err = {0};
		ask_status(b, "other", verbs[i], "{\"job_id\":\"secret\"}", STATUS_NOT_FOUND, &err);
		CHECK_HAS(err.msg, "secret");
	}
	ask_status(b, "other", "regenerate", "{\"job_id\":\"secret\",\"model\":\"x\"}", STATUS_NOT_FOUND, NULL);
	ask_status(b, "other", "feedback", "{\"job_id\":\"secret\",\"feedback\":\"none\"}", STATUS_NOT_FOUND, NULL);
	CHECK(strcmp(test_json(ask(b, "other", "list", "{}"), "/jobs"), "[]") == 0);
	CHECK(strcmp(test_json(ask(b, "other", "stats", "{}"), "/total"), "0") == 0);
	CHECK(strcmp(test_json(ask(b, "other", "bulk_retry", "{}"), "/retried"), "0") == 0);
	ask(b, "other", "cleanup", "{\"days\":1}");
	CHECK(has_status("acme", "secret", "failed"));
}

TEST(bad_requests_are_refused_with_the_member_at_fault)
{
	struct bus *b = test_bus();
	start_jobs(NULL);
	static const struct {
		const char *verb, *body, *said;
	} rows[] = {
	    {"get", "{}", "job_id"},
	    {"get", "{\"job_id\":\"a\",\"output_id\":\"out-a\"}", "job_id"},
	    {"get", "{\"job_id\":7}", "job_id"},
	    {"get", "{\"output_id\":\"a\"}", "output_id"},
	    {"get", "{\"id\":\"a\"}", "id"},
	    {"list", "{\"status\":\"done\"}", "status"},
	    {"list", "{\"limit\":0}", "limit"},
	    {"list", "{\"limit\":501}", "limit"},
	    {"list", "{\"cursor\":\"'; DROP TABLE ai_jobs; --\"}", "cursor"},
	    {"list", "{\"created_after\":\"yesterday\"}", "created_after"},
	    {"cancel", "{}", "job_id"},
	    {"cancel", "{\"job_id\":\"../x\"}", "job_id"},
	    {"retry", "{\"job_id\":\"\"}", "job_id"},
	    {"bulk_retry", "{\"status\":\"completed\"}", "status"},
	    {"bulk_retry", "{\"limit\":1001}", "limit"},
	    {"regenerate", "{\"job_id\":\"a\"}", "context"},
	    {"regenerate", "{\"job_id\":\"a\",\"context\":[]}", "context"},
	    {"feedback", "{\"job_id\":\"a\"}", "feedback"},
	    {"feedback", "{\"job_id\":\"a\",\"feedback\":\"meh\"}", "feedback"},
	    {"cleanup", "{}", "days"},
	    {"cleanup", "{\"days\":0}", "days"},
	    {"stats", "{\"x\":1}", "x"},
	    {"stats", "nonsense", ""},
	};
	for (size_t i = 0; i < countof(rows); i++) {
		struct err err = {0};
		ask_status(b, "acme", rows[i].verb, rows[i].body, STATUS_INVALID, &err);
		CHECK_MSG(strstr(err.msg, rows[i].said), "%s %s: \"%s\" does not name %s", rows[i].verb, rows[i].body, err.msg,
		          rows[i].said);
	}
	ask_status(b, "No-Tenant", "stats", "{}", STATUS_INVALID, NULL);
}

/* Rows put into the table directly: listing does not care where they came from. */
static void insert_jobs(int n)
{
	test_sql(text_of("INSERT INTO ai_jobs (created_at, updated_at, state_rank, run, attempt, retry_count, tenant, "
	                 "job_id, kind, priority, "
	                 "status, user_id, model_name, prompt_template, context) SELECT timestamptz '2026-01-01' + (i / 3) "
	                 "* interval '1 second', "
	                 "now(), 1, 1, 1, 0, 'acme', 'job-' || i, 'llm', 'default', (ARRAY['completed', 'failed', "
	                 "'pending', 'cancelled'])[1 + i %% 4], "
	                 "'u' || i %% 5, 'm' || i %% 2, 't' || i %% 3, '{}' FROM generate_series(1, %d) AS i",
	                 n));
}

static int count_members(const char *reply)
{
	struct json document, jobs;
	struct err err;
	CHECK_OK(json_parse(span_from(reply), &document, &err), err);
	CHECK(json_member(document, SPAN("jobs"), &jobs));
	return (int)json_count(jobs);
}

TEST(a_long_list_is_paged_without_gaps_or_repetition_while_jobs_come_in)
{
	enum { JOBS = 2000, PAGE = 150 };
	struct bus *b = test_bus();
	start_jobs(NULL);
	insert_jobs(JOBS);
	struct map seen = {0};
	const char *cursor = "", *before = "~";
	int pages = 0;
	do {
		const char *body =
		    text_of("{\"limit\":%d%s%s%s}", PAGE, *cursor ? ",\"cursor\":\"" : "", cursor, *cursor ? "\"" : "");
		const char *reply = ask(b, "acme", "list", body);
		int n = count_members(reply);
		for (int i = 0; i < n; i++) {
			const char *id = test_json(reply, text_of("/jobs/%d/job_id", i)),
			           *at = test_json(reply, text_of("/jobs/%d/created_at", i));
			CHECK(strcmp(at, before) <= 0);
			CHECK_MSG(!map_put(&seen, span_from(id), b), "%s is on two pages", id);
			before = at;
		}
		test_submit(b, "acme", "llm", "default", text_of("new-%d", pages++), LLM_MEMBERS);
		cursor = test_json(reply, "/next_cursor");
	} while (*cursor);
	CHECK_INT(seen.count, JOBS);
	CHECK_INT(pages, (JOBS + PAGE - 1) / PAGE);
	map_free(&seen);
}

TEST(lists_are_filtered_by_every_condition)
{
	struct bus *b = test_bus();
	start_jobs(NULL);
	insert_jobs(600);
	static const struct {
		const char *body, *sql;
	} rows[] = {
	    {"{\"limit\":500,\"status\":\"failed\"}", "status = 'failed'"},
	    {"{\"limit\":500,\"status\":\"pending\",\"user_id\":\"u3\"}", "status = 'pending' AND user_id = 'u3'"},
	    {"{\"limit\":500,\"status\":\"any\",\"user_id\":\"u3\",\"model\":\"m1\"}",
	     "user_id = 'u3' AND model_name = 'm1'"},
	    {"{\"limit\":500,\"template\":\"t2\"}", "prompt_template = 't2'"},
	    {"{\"limit\":500,\"kind\":\"text\"}", "kind = 'text'"},
	    {"{\"limit\":500,\"created_after\":\"2026-01-01T00:00:10Z\",\"created_before\":\"2026-01-01T00:01:00+00:00\"}",
	     "created_at > '2026-01-01 00:00:10+00' AND created_at < '2026-01-01 00:01:00+00'"},
	    {"{\"limit\":500,\"user_id\":\"' OR 1=1 --\"}", "false"},
	};
	for (size_t i = 0; i < countof(rows); i++)
		CHECK_INT(count_members(ask(b, "acme", "list", rows[i].body)),
		          count_sql(text_of("SELECT count(*) FROM ai_jobs WHERE %s", rows[i].sql)));
	const char *first = ask(b, "acme", "list", "{\"limit\":1}");
	CHECK(!*test_json(first, "/jobs/0/context") && *test_json(first, "/jobs/0/template_name"));
}

TEST(a_page_of_big_records_ends_early)
{
	struct bus *b = test_bus();
	start_jobs(NULL);
	insert_jobs(30);
	test_sql("UPDATE ai_jobs SET prompt_template = repeat('x', 100000)");
	const char *first = ask(b, "acme", "list", "{\"limit\":30}");
	int n = count_members(first);
	CHECK(n > 1 && n < 30);
	const char *second = ask(b, "acme", "list", text_of("{\"cursor\":\"%s\"}", test_json(first, "/next_cursor")));
	CHECK(strcmp(test_json(first, text_of("/jobs/%d/job_id", n - 1)), test_json(second, "/jobs/0/job_id")) != 0);
}

TEST(stats_count_jobs_queues_and_workers)
{
	struct bus *b = test_bus();
	struct err err;
	start_jobs(NULL);
	CHECK_OK(bus_topology_ensure_kind(b, "llm", &bus_limits_default, &err), err);
	make_job(b, "acme", "s-1", JOB_EVENT_COMPLETED);
	make_job(b, "acme", "s-2", JOB_EVENT_FAILED);
	test_submit(b, "acme", "llm", "default", "s-3", LLM_MEMBERS);
	wait_status("acme", "s-3", "pending");
	const struct worker_info worker = {.worker_id = SPAN("w1"),
	                                   .kind = SPAN("llm"),
	                                   .status = SPAN("idle"),
	                                   .capabilities = {SPAN("[\"llm\"]"), JSON_ARRAY},
	                                   .started_at = {clock_wall_ms(&clock_system)},
	                                   .timestamp = {clock_wall_ms(&clock_system)},
	                                   .concurrency = 5,
	                                   .average_processing_ms = 10};
	scoped_buf value = {0};
	json_encode(&worker_info_table, &worker, &(struct json_writer){.out = &value});
	CHECK_OK(bus_kv_put(b, BUCKET_WORKERS, "w1", buf_span(&value), NULL, &err), err);
	/* Queues are looked at once a second. */
	WAIT_FOR(strcmp(test_json(ask(b, "acme", "stats", "{}"), "/queues/1/waiting"), "3") == 0, "the queue's depth");
	const char *r = ask(b, "acme", "stats", "{}");
	CHECK(strcmp(test_json(r, "/pending"), "1") == 0);
	CHECK(strcmp(test_json(r, "/completed"), "1") == 0);
	CHECK(strcmp(test_json(r, "/failed"), "1") == 0);
	CHECK(strcmp(test_json(r, "/total"), "3") == 0);
	CHECK(strcmp(test_json(r, "/p50_processing_ms"), "10") == 0);
	CHECK(strcmp(test_json(r, "/queues/1/kind"), "llm") == 0);
	CHECK(strcmp(test_json(r, "/workers/0/worker_id"), "w1") == 0);
}

TEST(an_estimate_grows_with_the_queue_and_shrinks_with_workers)
{
	struct bus *b = test_bus();
	struct err err;
	start_jobs(NULL);
	CHECK_OK(bus_topology_ensure_kind(b, "llm", &bus_limits_default, &err), err);
	for (int i = 0; i < 20; i++)
		test_submit(b, "acme", "llm", "default", text_of("q-%d", i), LLM_MEMBERS);
	struct worker_info worker = {.worker_id = SPAN("w1"),
	                             .kind = SPAN("llm"),
	                             .status = SPAN("processing"),
	                             .capabilities = {SPAN("[]"), JSON_ARRAY},
	                             .started_at = {1},
	                             .timestamp = {1},
	                             .concurrency = 1,
	                             .average_processing_ms = 3000};
	int64_t expected_ms[2] = {60000, 6000}, tolerance_ms = 5000;
	for (int i = 0; i < 2; i++) {
		scoped_buf value = {0};
		int64_t done_ms = 0, now_ms;
		worker.concurrency = i ? 10 : 1;
		json_encode(&worker_info_table, &worker, &(struct json_writer){.out = &value});
		CHECK_OK(bus_kv_put(b, BUCKET_WORKERS, "w1", buf_span(&value), NULL, &err), err);
		WAIT_FOR(strcmp(test_json(ask(b, "acme", "stats", "{}"), "/workers/0/concurrency"), i ? "10" : "1") == 0 &&
		             strcmp(test_json(ask(b, "acme", "stats", "{}"), "/queues/1/waiting"), "20") == 0,
		         "the queue and the worker to be known");
		/* Before all others, so that the default queue keeps its length. */
		const char *high = ask(b, "acme", "create", "{" LLM_MEMBERS ",\"priority\":\"high\",\"job_id\":\"h\"}");
		const char *low = ask(b, "acme", "create", "{" LLM_MEMBERS ",\"priority\":\"low\",\"job_id\":\"l\"}");
		now_ms = clock_wall_ms(&clock_system);
		CHECK(rfc3339_parse(span_from(test_json(low, "/estimated_completion")), &done_ms));
		CHECK_MSG(llabs(done_ms - now_ms - expected_ms[i]) < tolerance_ms, "%lld ms", (long long)(done_ms - now_ms));
		CHECK(rfc3339_parse(span_from(test_json(high, "/estimated_completion")), &done_ms) &&
		      done_ms - now_ms < tolerance_ms + 3000);
	}
}

/* ---- cancel */

TEST(a_waiting_job_is_cancelled_at_once)
{
	struct bus *b = test_bus();
	scoped_buf note = {0};
	struct err err = {0};
	start_jobs(NULL);
	struct test_events *events = test_follow(b, "acme");
	test_submit(b, "acme", "llm", "default", "c-1", LLM_MEMBERS);
	wait_status("acme", "c-1", "pending");
	const char *r = ask(b, "acme", "cancel", "{\"job_id\":\"c-1\",\"reason\":\"changed my mind\"}");
	CHECK(strcmp(test_json(r, "/status"), "cancelled") == 0);
	test_wait_event(events, "cancelled", "c-1");
	wait_status("acme", "c-1", "cancelled");
	CHECK_HAS(field_of(b, "acme", "c-1", "/error_message"), "changed my mind");
	CHECK_OK(bus_kv_get(b, BUCKET_CANCELLED, "acme.c-1.1", &note, NULL, &err), err);
	CHECK_HAS(note.data, "changed my mind");
	CHECK(strcmp(test_json(ask(b, "acme", "cancel", "{\"job_id\":\"c-1\"}"), "/status"), "cancelled") == 0);
	CHECK_INT(test_count_events(events, "cancelled", "c-1"), 1);
}

TEST(a_running_job_is_left_to_its_worker)
{
	struct bus *b = test_bus();
	scoped_buf note = {0};
	struct err err = {0};
	start_jobs(NULL);
	struct test_events *events = test_follow(b, "acme");
	test_submit(b, "acme", "llm", "default", "c-2", LLM_MEMBERS);
	tell_state(b, "acme", "c-2", JOB_EVENT_STARTED);
	wait_status("acme", "c-2", "processing");
	CHECK(strcmp(test_json(ask(b, "acme", "cancel", "{\"job_id\":\"c-2\"}"), "/status"), "cancelling") == 0);
	CHECK_OK(bus_kv_get(b, BUCKET_CANCELLED, "acme.c-2.1", &note, NULL, &err), err);
	CHECK_INT(test_count_events(events, "cancelled", "c-2"), 0);
}

TEST(a_job_that_ended_before_its_cancellation_stays_as_it_ended)
{
	struct bus *b = test_bus();
	struct err err = {0};
	start_jobs(NULL);
	make_job(b, "acme", "c-3", JOB_EVENT_COMPLETED);
	ask_status(b, "acme", "cancel", "{\"job_id\":\"c-3\"}", STATUS_CONFLICT, &err);
	CHECK_HAS(err.msg, "completed");
}

TEST(of_a_result_and_a_cancellation_the_first_one_counts)
{
	struct bus *b = test_bus();
	start_jobs(NULL);
	struct test_events *events = test_follow(b, "acme");
	test_submit(b, "acme", "llm", "default", "c-4", LLM_MEMBERS);
	wait_status("acme", "c-4", "pending");
	ask(b, "acme", "cancel", "{\"job_id\":\"c-4\"}");
	tell_state(b, "acme", "c-4", JOB_EVENT_COMPLETED);
	wait_status("acme", "c-4", "cancelled");
	CHECK_INT(test_count_events(events, "completed", "c-4"), 0);
}

/* ---- feedback, cleanup */

TEST(feedback_is_recorded_listed_and_logged)
{
	struct bus *b = test_bus();
	struct test_process *p = start_jobs(NULL);
	make_job(b, "acme", "f-1", JOB_EVENT_COMPLETED);
	const char *r = ask(b, "acme", "feedback",
	                    "{\"job_id\":\"f-1\",\"feedback\":\"thumbs_up\",\"user_id\":\"u1\",\"comment\":\"nice\"}");
	CHECK(strcmp(test_json(r, "/output_id"), "out-f-1") == 0);
	CHECK(strcmp(test_json(r, "/feedback"), "thumbs_up") == 0);
	ask(b, "acme", "feedback", "{\"job_id\":\"f-1\",\"feedback\":\"thumbs_down\"}");
	CHECK(strcmp(field_of(b, "acme", "f-1", "/feedback"), "thumbs_down") == 0);
	CHECK(strcmp(test_sql("SELECT string_agg(feedback || coalesce(user_id, '-') || coalesce(comment, '-'), ' ' ORDER "
	                      "BY id) FROM llm_feedback"),
	             "thumbs_upu1nice thumbs_down--") == 0);
	const char *line = strstr(log_of(p), "\"message\":\"feedback\"");
	CHECK(line != NULL);
	static const char *const parts[] = {
	    "\"job_id\":\"f-1\"",        "\"output_id\":\"out-f-1\"", "\"template\":\"Say hello to {{name}}.\"",
	    "\"model\":\"gpt-4o\"",      "\"user_id\":\"u1\"",        "\"response_length\":12",
	    "\"feedback\":\"thumbs_up\""};
	for (size_t i = 0; i < countof(parts); i++)
		CHECK_HAS(line, parts[i]);
}

TEST(feedback_outlives_later_events)
{
	struct bus *b = test_bus();
	start_jobs(NULL);
	make_job(b, "acme", "f-2", JOB_EVENT_FAILED);
	ask(b, "acme", "feedback", "{\"job_id\":\"f-2\",\"feedback\":\"thumbs_down\"}");
	ask(b, "acme", "retry", "{\"job_id\":\"f-2\"}");
	wait_status("acme", "f-2", "pending");
	CHECK(strcmp(field_of(b, "acme", "f-2", "/feedback"), "thumbs_down") == 0);
}

TEST(cleanup_deletes_old_finished_jobs_only)
{
	struct bus *b = test_bus();
	start_jobs(NULL);
	make_job(b, "acme", "old-done", JOB_EVENT_COMPLETED);
	make_job(b, "acme", "new-done", JOB_EVENT_COMPLETED);
	make_job(b, "other", "old-other", JOB_EVENT_FAILED);
	test_submit(b, "acme", "llm", "default", "old-waiting", LLM_MEMBERS);
	wait_status("acme", "old-waiting", "pending");
	ask(b, "acme", "feedback", "{\"job_id\":\"old-done\",\"feedback\":\"thumbs_up\"}");
	test_sql("UPDATE ai_jobs SET created_at = created_at - interval '40 days', completed_at = completed_at - interval "
	         "'40 days' "
	         "WHERE job_id LIKE 'old-%'");
	CHECK(strcmp(test_json(ask(b, "acme", "cleanup", "{\"days\":41}"), "/deleted"), "0") == 0);
	CHECK(strcmp(test_json(ask(b, "acme", "cleanup", "{\"days\":30}"), "/deleted"), "1") == 0);
	CHECK(strcmp(test_sql("SELECT string_agg(job_id, ' ' ORDER BY job_id) FROM ai_jobs"),
	             "new-done old-other old-waiting") == 0);
	CHECK(strcmp(test_json(ask(b, "acme", "stats", "{}"), "/completed"), "1") == 0);
	CHECK_INT(count_sql("SELECT count(*) FROM llm_feedback"), 0);
}

/* ---- the micro service */

TEST(the_service_introduces_itself_as_a_micro_service)
{
	struct bus *b = test_bus();
	scoped_buf info = {0};
	struct err err;
	start_jobs(NULL);
	CHECK_OK(bus_request(b, &(struct bus_out){.subject = "$SRV.INFO.jobs"}, 5000, &info, &err), err);
	CHECK(strcmp(test_json(info.data, "/name"), "jobs") == 0);
	static const char *const verbs[] = {"create", "get",        "list",     "cancel", "retry",   "bulk_retry",
	                                    "rerun",  "regenerate", "feedback", "stats",  "cleanup", "retry_failed", "queue_pending"};
	for (size_t i = 0; i < countof(verbs); i++)
		CHECK_HAS(info.data, text_of("\"gannet.*.jobs.%s\"", verbs[i]));
}
