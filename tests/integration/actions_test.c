/* Actions: nothing runs without approval, and what is approved runs once. */
#include "reasoning_helpers.h"

static const char *plan_of(int failed_jobs, int clips)
{
	struct snapshot s = next_snapshot();
	SET(s, jobs_failed, failed_jobs);
	SET(s, clips_ready, clips);
	hand_in(&s, "acme");
	wait_reasoning(&s, "acme");
	return ask_for("acme", "reasoning.action_plan", "", STATUS_OK);
}

static const char *approval(const char *plan, int step)
{
	return text_of("{\"plan_id\":\"%s\",\"step\":%d,\"by\":\"maria\"}", test_json(plan, "/plan_id"), step);
}

/* The number of the step with this action, 0 if there is none. */
static int step_of(const char *plan, const char *action)
{
	for (int i = 0; i < 16; i++)
		if (is(plan, text_of("/steps/%d/action", i), action))
			return i + 1;
	return 0;
}

static const char *wait_outcome(const char *action_id)
{
	const char *a, *body = text_of("{\"action_id\":\"%s\"}", action_id);
	WAIT_FOR(!is(a = ask_for("acme", "actions.get", body, STATUS_OK), "/status", "approved"), "the outcome");
	return a;
}

TEST(failed_jobs_are_retried_when_the_step_is_approved_and_not_before)
{
	start_jobs(NULL);
	start_reasoning(NULL);
	for (int i = 0; i < 3; i++)
		make_job(bus, "acme", text_of("job-%d", i), JOB_EVENT_FAILED);
	const char *plan = plan_of(60, 64);
	int step = step_of(plan, "retry_failed_jobs");
	CHECK(step > 0);
	CHECK_JSON(plan, text_of("/steps/%d/automated", step - 1), "true");
	CHECK_INT(stored(STREAM_ACTIONS, "gannet.>"), 0);
	CHECK_JSON(field_of(bus, "acme", "job-1", "/run"), "", "1");
	const char *a = ask_for("acme", "actions.approve", approval(plan, step), STATUS_OK);
	CHECK_JSON(a, "/already", "");
	CHECK_JSON(a, "/approved_by", "maria");
	const char *done = wait_outcome(test_json(a, "/action_id"));
	CHECK_JSON(done, "/status", "succeeded");
	CHECK_JSON(done, "/output/retried", "3");
	WAIT_FOR(has_status("acme", "job-1", "pending"), "the jobs to be queued again");
	WAIT_FOR(stored(STREAM_STATE, "gannet.acme.actions.completed") == 1, "what is told of it");
	/* once more: it has run */
	const char *again = ask_for("acme", "actions.approve", approval(plan, step), STATUS_OK);
	CHECK_JSON(again, "/already", "true");
	CHECK_JSON(again, "/status", "succeeded");
	CHECK_INT(stored(STREAM_STATE, "gannet.acme.actions.completed"), 1);
	CHECK_JSON(ask_for("acme", "actions.list", "{}", STATUS_OK), "/actions/0/status", "succeeded");
	CHECK_JSON(ask_for("acme", "actions.list", "{\"status\":\"failed\"}", STATUS_OK), "/actions", "[]");
	/* the next reasoning has a new plan, whose step may be approved */
	const char *next = plan_of(60, 64);
	CHECK(strcmp(test_json(next, "/plan_id"), test_json(plan, "/plan_id")));
	const char *second = ask_for("acme", "actions.approve", approval(next, step), STATUS_OK);
	CHECK_JSON(second, "/already", "");
	CHECK_JSON(wait_outcome(test_json(second, "/action_id")), "/status", "succeeded");
}

TEST(what_cannot_be_approved_is_refused_with_the_reason)
{
	start_reasoning((const char *[]){"GANNET_REASONING_PLAN_TTL=1s", NULL});
	struct snapshot s = next_snapshot();
	SET(s, alerts_critical, 1);
	hand_in(&s, "acme");
	wait_reasoning(&s, "acme");
	const char *plan = ask_for("acme", "reasoning.action_plan", "", STATUS_OK);
	CHECK_HAS(ask_for("acme", "actions.approve", approval(plan, 1), STATUS_UNPROCESSABLE), "not automated");
	CHECK_HAS(ask_for("acme", "actions.approve", approval(plan, 9), STATUS_NOT_FOUND), "steps 1 to 1");
	CHECK_HAS(ask_for("other", "actions.approve", approval(plan, 1), STATUS_NOT_FOUND), "no plan");
	CHECK_HAS(ask_for("acme", "actions.approve", "{\"plan_id\":\"x\",\"step\":1,\"by\":\"m\"}", STATUS_NOT_FOUND), "no plan");
	CHECK_HAS(ask_for("acme", "actions.approve", "{\"plan_id\":\"x\",\"step\":1}", STATUS_INVALID), "by");
	CHECK_HAS(ask_for("acme", "actions.approve", "{\"plan_id\":\"x\",\"step\":0,\"by\":\"m\"}", STATUS_INVALID), "step");
	CHECK_HAS(ask_for("acme", "actions.get", "{\"action_id\":\"x\"}", STATUS_NOT_FOUND), "no action");
	CHECK_HAS(ask_for("acme", "actions.report", "{\"action_id\":\"x\",\"status\":\"failed\"}", STATUS_NOT_FOUND), "no action");
	enum status got = STATUS_OK;
	struct err err = {0};
	WAIT_FOR((test_request(bus, "gannet.acme.actions.approve", approval(plan, 1), &got, &err), got == STATUS_CONFLICT), "the plan to expire");
	CHECK_HAS(err.msg, "expired");
	CHECK_INT(stored(STREAM_ACTIONS, "gannet.>"), 0);
}

TEST(an_action_of_the_application_waits_in_the_stream_until_it_is_reported)
{
	start_reasoning(NULL);
	const char *plan = plan_of(1, 4);
	int step = step_of(plan, "process_pending_jobs");
	CHECK(step > 0);
	const char *a = ask_for("acme", "actions.approve", approval(plan, step), STATUS_OK);
	ask_for("acme", "actions.approve", approval(plan, step), STATUS_OK);
	CHECK_INT(stored(STREAM_ACTIONS, "gannet.acme.actions.run.process_pending_jobs"), 1);
	/* as long as nothing came of it, the plan stays and shows it */
	CHECK_JSON(plan_of(1, 4), "/plan_id", test_json(plan, "/plan_id"));
	const char *id = test_json(a, "/action_id");
	const char *report = text_of("{\"action_id\":\"%s\",\"status\":\"succeeded\",\"message\":\"40 clips\",\"output\":{\"n\":40}}", id);
	CHECK_JSON(ask_for("acme", "actions.report", report, STATUS_OK), "/status", "succeeded");
	report = text_of("{\"action_id\":\"%s\",\"status\":\"failed\"}", id);
	CHECK_JSON(ask_for("acme", "actions.report", report, STATUS_OK), "/message", "40 clips");
	CHECK(strcmp(test_json(plan_of(1, 4), "/plan_id"), test_json(plan, "/plan_id")));
	WAIT_FOR(stored(STREAM_STATE, "gannet.acme.actions.completed") == 1, "what is told of it");
}

/* A plan with a step that pauses a queue: jobs that begin to fail, which takes half an hour to see, so it is put there. */
static const char *put_plan(const char *id, const char *action, const char *payload)
{
	struct err err;
	const char *plan = text_of("{\"plan_id\":\"%s\",\"title\":\"t\",\"objective\":\"o\",\"steps\":[{\"step\":1,\"action\":\"%s\",\"description\":"
	                           "\"d\",\"automated\":true,\"estimated_duration\":\"1 minute\",\"action_payload\":%s}],\"estimated_duration\":"
	                           "\"1 minute\",\"risk_level\":\"low\",\"automated\":true,\"expires_at\":\"2099-01-01T00:00:00Z\"}",
	                           id, action, payload);
	CHECK_OK(bus_kv_put(bus, BUCKET_PLANS, text_of("acme.%s", id), span_from(plan), NULL, &err), err);
	return plan;
}

static const char *run_step(const char *id, const char *action, const char *payload)
{
	const char *plan = put_plan(id, action, payload);
	return wait_outcome(test_json(ask_for("acme", "actions.approve", approval(plan, 1), STATUS_OK), "/action_id"));
}

TEST(a_paused_queue_stands_still_until_it_is_resumed)
{
	start_reasoning(NULL);
	test_runner(NULL);
	struct test_events *f = test_follow(bus, "acme");
	CHECK_JSON(run_step("p1", "pause_queue", "{\"kind\":\"llm\",\"priority\":\"low\"}"), "/status", "succeeded");
	const char *id;
	int round = 0;
	do {
		CHECK(round < 50);
		id = text_of("low-%d", round);
		test_submit(bus, "acme", "llm", "low", id, "\"model\":\"simulated\",\"template\":\"Hello\"");
		for (int i = 0; i < 20; i++) {
			const char *other = text_of("high-%d-%d", round, i);
			test_submit(bus, "acme", "llm", "high", other, "\"model\":\"simulated\",\"template\":\"Hello\"");
			test_wait_event(f, "completed", other);
		}
		round++;
	} while (test_count_events(f, "completed", id));
	CHECK_JSON(run_step("p2", "resume_queue", "{\"kind\":\"llm\"}"), "/status", "succeeded");
	test_wait_event(f, "completed", id);
	CHECK_HAS(run_step("p3", "pause_queue", "{\"kind\":\"llm\",\"priority\":\"urgent\"}"), "high, default or low");
	CHECK_HAS(run_step("p4", "pause_queue", "{\"kind\":\"no such kind\"}"), "kind");
	CHECK_JSON(run_step("p5", "retry_failed_jobs", "{\"limit\":0}"), "/status", "failed");
}

TEST(only_operators_may_pause_queues_of_all_tenants)
{
	start_reasoning((const char *[]){"GANNET_OPERATORS=ops, admins", NULL});
	const char *plan = put_plan("p1", "pause_queue", "{\"kind\":\"llm\"}");
	CHECK_HAS(ask_for("acme", "actions.approve", approval(plan, 1), STATUS_FORBIDDEN), "GANNET_OPERATORS");
	CHECK_INT(stored(STREAM_ACTIONS, "gannet.>"), 0);
}

TEST(a_snapshot_can_be_taken_as_a_step)
{
	start_reasoning(NULL);
	play_collector();
	CHECK_JSON(run_step("p1", "take_snapshot", "{}"), "/status", "succeeded");
	CHECK_INT(atomic_load(&played_n), 1);
}

/* Answers retry_failed like the jobs service, slowly: there is time to die meanwhile. */
static atomic_int retries_asked;
static void on_retry(void *arg, const struct bus_in *m)
{
	struct err err;
	(void)arg;
	if (atomic_fetch_add(&retries_asked, 1) == 0)
		return; /* whoever asked is killed while it waits */
	const struct bus_out reply = {.subject = arena_cstr(&kept, m->reply), .data = SPAN("{\"retried\":7,\"job_ids\":[]}")};
	CHECK_OK(bus_publish(bus, &reply, &err), err);
}

TEST(an_action_whose_executor_is_killed_is_taken_up_by_another_and_has_one_outcome)
{
	struct bus_sub *sub;
	struct err err;
	struct test_process *p = start_reasoning((const char *[]){"GANNET_LEASE=1s", NULL});
	CHECK_OK(bus_subscribe(bus, "gannet.acme.jobs.retry_failed", NULL, on_retry, NULL, &sub, &err), err);
	CHECK_OK(bus_flush(bus, 5000, &err), err);
	const char *plan = put_plan("p1", "retry_failed_jobs", "{}");
	const char *a = ask_for("acme", "actions.approve", approval(plan, 1), STATUS_OK);
	WAIT_FOR(atomic_load(&retries_asked) == 1, "the action to begin");
	test_kill(p, SIGKILL);
	test_wait_exit(p);
	start_reasoning((const char *[]){"GANNET_LEASE=1s", NULL});
	const char *done = wait_outcome(test_json(a, "/action_id"));
	CHECK_JSON(done, "/output/retried", "7");
	CHECK_JSON(ask_for("acme", "actions.approve", approval(plan, 1), STATUS_OK), "/already", "true");
	WAIT_FOR(stored(STREAM_ACTIONS, "gannet.>") == 0, "the action to be acknowledged");
	WAIT_FOR(stored(STREAM_STATE, "gannet.acme.actions.completed") == 1, "what is told of it");
}

TEST(many_that_approve_the_same_step_at_once_run_it_once)
{
	start_reasoning(NULL);
	start_reasoning(NULL);
	play_collector();
	const char *body = approval(put_plan("p1", "take_snapshot", "{}"), 1);
	for (int i = 0; i < 20; i++) {
		struct err err;
		CHECK_OK(bus_publish(bus, &(struct bus_out){.subject = "gannet.acme.actions.approve", .reply = text_of("_INBOX.mine.%d", i),
		                                            .data = span_from(body)},
		                     &err),
		         err);
	}
	WAIT_FOR(stored(STREAM_STATE, "gannet.acme.actions.completed") == 1, "the outcome");
	ask_for("acme", "actions.approve", body, STATUS_OK);
	WAIT_FOR(stored(STREAM_ACTIONS, "gannet.>") == 0, "the action to be acknowledged");
	CHECK_INT(atomic_load(&played_n), 1);
}
