/* Requests that run jobs once more: retry, rerun, regenerate, and queueing again what is nowhere. */
#include "tests/integration/jobs_helpers.h"

TEST(retry_runs_a_failed_job_again_under_its_own_id)
{
	struct bus *b = test_bus();
	struct err err = {0};
	start_jobs(NULL);
	test_submit(b, "acme", "llm", "default", "r-1",
	            LLM_MEMBERS ",\"user_id\":\"u1\",\"temperature\":0.5,\"metadata\":{\"k\":\"v\"},\"timeout_ms\":1234");
	tell_state(b, "acme", "r-1", JOB_EVENT_FAILED);
	wait_status("acme", "r-1", "failed");
	const char *created = field_of(b, "acme", "r-1", "/created_at");
	const char *r = ask(b, "acme", "retry", "{\"job_id\":\"r-1\"}");
	CHECK(strcmp(test_json(r, "/run"), "2") == 0);
	CHECK(strcmp(test_json(r, "/status"), "queued") == 0);
	CHECK(strcmp(stored_header(b, SUBMIT, HEADER_MSG_ID), "acme.r-1:2") == 0);
	CHECK(strcmp(stored_header(b, SUBMIT, HEADER_RUN), "2") == 0);
	const char *body = stored_submission(b, SUBMIT);
	CHECK(strcmp(test_json(body, "/job_id"), "r-1") == 0);
	CHECK(strcmp(test_json(body, "/context/name"), "Ada") == 0);
	CHECK(strcmp(test_json(body, "/temperature"), "0.5") == 0);
	CHECK(strcmp(test_json(body, "/metadata/k"), "v") == 0);
	CHECK(strcmp(test_json(body, "/timeout_ms"), "1234") == 0);
	wait_status("acme", "r-1", "pending");
	ask_status(b, "acme", "retry", "{\"job_id\":\"r-1\"}", STATUS_CONFLICT, &err);
	struct job_event done = event_of("acme", "r-1", JOB_EVENT_COMPLETED);
	done.run = 2;
	tell(b, &done);
	wait_status("acme", "r-1", "completed");
	CHECK(strcmp(field_of(b, "acme", "r-1", "/run"), "2") == 0);
	CHECK(strcmp(field_of(b, "acme", "r-1", "/retry_count"), "1") == 0);
	CHECK(strcmp(field_of(b, "acme", "r-1", "/error_code"), "") == 0);
	CHECK(strcmp(field_of(b, "acme", "r-1", "/created_at"), created) == 0);
	ask_status(b, "acme", "retry", "{\"job_id\":\"r-1\"}", STATUS_CONFLICT, &err);
	CHECK_HAS(err.msg, "completed");
}

TEST(a_job_retried_twice_at_once_runs_once_more)
{
	struct bus *b = test_bus();
	struct bus_stream_state jobs;
	enum status status;
	struct err err = {0};
	start_jobs(NULL);
	make_job(b, "acme", "twice", JOB_EVENT_FAILED);
	ask(b, "acme", "retry", "{\"job_id\":\"twice\"}");
	test_request(b, "gannet.acme.jobs.retry", "{\"job_id\":\"twice\"}", &status, &err);
	CHECK(status == STATUS_OK || status == STATUS_CONFLICT); /* by whether the record knows already */
	CHECK_OK(bus_stream_state(b, STREAM_JOBS, &jobs, &err), err);
	CHECK_INT(jobs.last_sequence, 2);
}

TEST(retry_runs_a_cancelled_job_again)
{
	struct bus *b = test_bus();
	start_jobs(NULL);
	test_submit(b, "acme", "llm", "default", "r-2", LLM_MEMBERS);
	wait_status("acme", "r-2", "pending");
	ask(b, "acme", "cancel", "{\"job_id\":\"r-2\"}");
	wait_status("acme", "r-2", "cancelled");
	ask(b, "acme", "retry", "{\"job_id\":\"r-2\"}");
	wait_status("acme", "r-2", "pending");
	struct job_event done = event_of("acme", "r-2", JOB_EVENT_COMPLETED);
	done.run = 2;
	tell(b, &done);
	wait_status("acme", "r-2", "completed");
}

TEST(bulk_retry_retries_what_matches)
{
	struct bus *b = test_bus();
	start_jobs(NULL);
	for (int i = 0; i < 6; i++) {
		const char *id = text_of("b-%d", i);
		test_submit(b, "acme", "llm", "default", id, text_of(LLM_MEMBERS ",\"user_id\":\"u%d\"", i % 2));
		tell_state(b, "acme", id, i == 5 ? JOB_EVENT_COMPLETED : JOB_EVENT_FAILED);
		wait_status("acme", id, i == 5 ? "completed" : "failed");
	}
	const char *r = ask(b, "acme", "bulk_retry", "{\"user_id\":\"u0\",\"limit\":2}");
	CHECK(strcmp(test_json(r, "/retried"), "2") == 0);
	CHECK(strcmp(test_json(r, "/job_ids"), "[\"b-4\",\"b-2\"]") == 0);
	wait_status("acme", "b-4", "pending");
	wait_status("acme", "b-2", "pending");
	CHECK(strcmp(test_json(ask(b, "acme", "bulk_retry", "{}"), "/retried"), "3") == 0);
	WAIT_FOR(count_sql("SELECT count(*) FROM ai_jobs WHERE status = 'pending'") == 5, "all to wait again");
}

/* The place of the job in JOBS. */
static uint64_t place_of(struct bus *b, const char *id)
{
	struct bus_stream_state s;
	struct err err;
	uint64_t found = 0;
	CHECK_OK(bus_stream_state(b, STREAM_JOBS, &s, &err), err);
	for (uint64_t i = s.first_sequence; i && i <= s.last_sequence && !found; i++) {
		struct bus_stored_message m;
		if (bus_get_sequence(b, STREAM_JOBS, i, &m, &err) != STATUS_OK)
			continue;
		if (memmem(m.data.p, m.data.n, id, strlen(id)))
			found = i;
		bus_stored_message_free(&m);
	}
	return found;
}

TEST(queue_pending_queues_what_is_nowhere_and_nothing_else)
{
	struct bus *b = test_bus();
	struct err err;
	char later[RFC3339_BYTES];
	rfc3339_format(clock_wall_ms(&clock_system) + 3600000, later);
	start_jobs(NULL);
	static const char *const ids[] = {"waits", "lost-1", "lost-2", "ended"};
	for (size_t i = 0; i < countof(ids); i++)
		test_submit(b, "acme", "llm", "default", ids[i], text_of(LLM_MEMBERS ",\"user_id\":\"u%zu\"", i % 2));
	ask(b, "acme", "create", text_of("{\"job_id\":\"delayed\",\"run_at\":\"%s\"," LLM_MEMBERS "}", later));
	for (size_t i = 0; i < countof(ids); i++)
		wait_status("acme", ids[i], "pending");
	wait_status("acme", "delayed", "pending");
	CHECK_OK(bus_delete_sequence(b, STREAM_JOBS, place_of(b, "lost-1"), &err), err);
	CHECK_OK(bus_delete_sequence(b, STREAM_JOBS, place_of(b, "lost-2"), &err), err);
	CHECK_OK(bus_delete_sequence(b, STREAM_JOBS, place_of(b, "\"ended\""), &err), err);
	tell_state(b, "acme", "ended", JOB_EVENT_COMPLETED);
	const char *r = ask(b, "acme", "queue_pending", "{\"user_id\":\"u0\"}");
	CHECK_MSG(strcmp(test_json(r, "/job_ids"), "[\"lost-2\"]") == 0 && strcmp(test_json(r, "/waiting"), "1") == 0, "%s", r);
	r = ask(b, "acme", "queue_pending", "{}");
	CHECK_MSG(strcmp(test_json(r, "/job_ids"), "[\"lost-1\"]") == 0 && strcmp(test_json(r, "/queued"), "1") == 0, "%s", r);
	CHECK_MSG(strcmp(test_json(r, "/waiting"), "3") == 0, "%s", r); /* waits, delayed, and lost-2, which is back */
	CHECK(place_of(b, "lost-1") && place_of(b, "lost-2"));
	struct bus_stored_message again;
	CHECK_OK(bus_get_sequence(b, STREAM_JOBS, place_of(b, "lost-1"), &again, &err), err);
	CHECK_HAS(text_of("%.*s", SPAN_ARG(again.data)), "\"context\":{\"name\":\"Ada\"}");
	bus_stored_message_free(&again);
	wait_status("acme", "ended", "completed");
	r = ask(b, "acme", "queue_pending", "{}");
	CHECK_MSG(strcmp(test_json(r, "/queued"), "0") == 0 && strcmp(test_json(r, "/waiting"), "4") == 0, "%s", r);
	CHECK_HAS(ask(b, "acme", "get", "{\"job_id\":\"lost-1\"}"), "\"run\":2");
	CHECK(strcmp(test_json(ask(b, "other", "queue_pending", "{}"), "/queued"), "0") == 0);
}

TEST(retry_failed_leaves_what_cannot_succeed)
{
	struct bus *b = test_bus();
	static const struct job_error hopeless = {{"unprocessable", 13}, {"no such model", 13}, {0}};
	start_jobs(NULL);
	make_job(b, "acme", "passing", JOB_EVENT_FAILED);
	test_submit(b, "acme", "llm", "default", "hopeless", LLM_MEMBERS);
	struct job_event e = event_of("acme", "hopeless", JOB_EVENT_FAILED);
	e.error = &hopeless;
	tell(b, &e);
	wait_status("acme", "hopeless", "failed");
	for (int run = 2; run <= 3; run++) {
		CHECK(strcmp(test_json(ask(b, "acme", "retry_failed", "{}"), "/job_ids"), "[\"passing\"]") == 0);
		wait_status("acme", "passing", "pending");
		e = event_of("acme", "passing", JOB_EVENT_FAILED);
		e.run = run;
		tell(b, &e);
		wait_status("acme", "passing", "failed");
	}
	CHECK(strcmp(test_json(ask(b, "acme", "retry_failed", "{}"), "/retried"), "0") == 0);
}

TEST(rerun_is_a_new_job_with_the_same_parameters)
{
	struct bus *b = test_bus();
	start_jobs(NULL);
	make_job(b, "acme", "old", JOB_EVENT_COMPLETED);
	const char *r = ask(b, "acme", "rerun", "{\"job_id\":\"old\"}");
	const char *id = test_json(r, "/job_id"), *body = stored_submission(b, SUBMIT);
	CHECK(strcmp(id, "old") != 0);
	CHECK(strcmp(test_json(r, "/rerun_of"), "old") == 0);
	CHECK(strcmp(test_json(body, "/job_id"), id) == 0);
	CHECK(strcmp(test_json(body, "/template"), "Say hello to {{name}}.") == 0);
	CHECK(strcmp(test_json(body, "/model"), "gpt-4o") == 0);
	CHECK(strcmp(test_json(body, "/context/name"), "Ada") == 0);
	wait_status("acme", id, "pending");
	CHECK(has_status("acme", "old", "completed"));
}

TEST(regenerate_changes_context_or_model)
{
	struct bus *b = test_bus();
	start_jobs(NULL);
	make_job(b, "acme", "old", JOB_EVENT_COMPLETED);
	const char *id =
	    test_json(ask(b, "acme", "regenerate", "{\"job_id\":\"old\",\"context\":{\"name\":\"Grace\"}}"), "/job_id");
	const char *body = stored_submission(b, SUBMIT);
	CHECK(strcmp(test_json(body, "/context/name"), "Grace") == 0);
	CHECK(strcmp(test_json(body, "/model"), "gpt-4o") == 0);
	wait_status("acme", id, "pending");
	ask(b, "acme", "regenerate", text_of("{\"job_id\":\"%s\",\"model\":\"claude-sonnet-5\"}", id));
	body = stored_submission(b, SUBMIT);
	CHECK(strcmp(test_json(body, "/context/name"), "Grace") == 0);
	CHECK(strcmp(test_json(body, "/model"), "claude-sonnet-5") == 0);
}
