/* Events become records: completely, once, in whatever order, whoever dies meanwhile. */
#include "bus/pull.h"
#include "tests/integration/jobs_helpers.h"

TEST(a_submission_is_visible_while_it_waits)
{
	struct bus *b = test_bus();
	start_jobs(NULL);
	test_submit(b, "acme", "llm", "high", "wait-1",
	            LLM_MEMBERS
	            ",\"format\":\"markdown\",\"user_id\":\"u1\",\"agent_id\":\"a1\",\"temperature\":0.5,"
	            "\"job_type\":\"classification\",\"pipeline\":\"p\",\"record_id\":\"r\",\"field_name\":\"f\","
	            "\"input_data\":{\"x\":1},\"metadata\":{\"k\":\"v\"}");
	wait_status("acme", "wait-1", "pending");
	const char *r = ask(b, "acme", "get", "{\"job_id\":\"wait-1\"}");
	static const struct {
		const char *pointer, *want;
	} rows[] = {
	    {"/output_id", "out-wait-1"},
	    {"/tenant", "acme"},
	    {"/kind", "llm"},
	    {"/priority", "high"},
	    {"/job_type", "classification"},
	    {"/status", "pending"},
	    {"/pipeline", "p"},
	    {"/record_id", "r"},
	    {"/field_name", "f"},
	    {"/model_name", "gpt-4o"},
	    {"/prompt_template", "Say hello to {{name}}."},
	    {"/template_name", "Say hello to {{name}}."},
	    {"/ai_config/temperature", "0.5"},
	    {"/input_data/x", "1"},
	    {"/context/name", "Ada"},
	    {"/format", "markdown"},
	    {"/feedback", "none"},
	    {"/user_id", "u1"},
	    {"/agent_id", "a1"},
	    {"/metadata/k", "v"},
	    {"/run", "1"},
	    {"/retry_count", "0"},
	    {"/started_at", ""},
	    {"/completed_at", ""},
	};
	for (size_t i = 0; i < countof(rows); i++)
		CHECK_MSG(strcmp(test_json(r, rows[i].pointer), rows[i].want) == 0, "%s: %s", rows[i].pointer,
		          test_json(r, rows[i].pointer));
}

TEST(a_completed_job_has_everything_that_came_out_of_it)
{
	struct bus *b = test_bus();
	start_jobs(NULL);
	test_submit(b, "acme", "llm", "default", "done-1", LLM_MEMBERS);
	tell_state(b, "acme", "done-1", JOB_EVENT_STARTED);
	wait_status("acme", "done-1", "processing");
	tell_state(b, "acme", "done-1", JOB_EVENT_COMPLETED);
	wait_status("acme", "done-1", "completed");
	const char *r = ask(b, "acme", "get", "{\"output_id\":\"out-done-1\"}");
	static const struct {
		const char *pointer, *want;
	} rows[] = {
	    {"/job_id", "done-1"},
	    {"/ai_provider", "openai"},
	    {"/model_name", "gpt-4o"},
	    {"/result_model", "gpt-4o-2024-08-06"},
	    {"/prompt", "Say hello to Ada."},
	    {"/raw_response", " Hello Ada! "},
	    {"/parsed_output", "Hello Ada!"},
	    {"/output_data", "Hello Ada!"},
	    {"/tokens_used", "18"},
	    {"/usage/total_tokens", "18"},
	    {"/cost_nanousd", "45000"},
	    {"/cost_cents", "0.0045"},
	    {"/processing_time_ms", "10"},
	    {"/error_message", ""},
	};
	for (size_t i = 0; i < countof(rows); i++)
		CHECK_MSG(strcmp(test_json(r, rows[i].pointer), rows[i].want) == 0, "%s: %s", rows[i].pointer,
		          test_json(r, rows[i].pointer));
	CHECK(test_json(r, "/started_at")[0] && test_json(r, "/completed_at")[0]);
	CHECK_INT(
	    count_sql(
	        "SELECT count(*) FROM llm_outputs WHERE id = 'out-done-1' AND template_name = 'Say hello to {{name}}.' "
	        "AND parsed_output #>> '{}' = 'Hello Ada!' AND cost_cents = 0.0045 AND model_name = 'gpt-4o-2024-08-06'"),
	    1);
}

TEST(failures_waits_and_rejections_are_told_with_their_reason)
{
	struct bus *b = test_bus();
	start_jobs(NULL);
	make_job(b, "acme", "fail-1", JOB_EVENT_FAILED);
	make_job(b, "acme", "reject-1", JOB_EVENT_REJECTED);
	make_job(b, "acme", "cancel-1", JOB_EVENT_CANCELLED);
	test_submit(b, "acme", "llm", "default", "retry-1", LLM_MEMBERS);
	struct job_event e = event_of("acme", "retry-1", JOB_EVENT_RETRYING);
	e.attempt = 3;
	tell(b, &e);
	WAIT_FOR(strcmp(test_sql("SELECT retry_count FROM ai_jobs WHERE job_id = 'retry-1'"), "3") == 0, "the retry");
	CHECK(strcmp(field_of(b, "acme", "retry-1", "/status"), "pending") == 0);
	CHECK(field_of(b, "acme", "retry-1", "/retry_at")[0]);
	CHECK(strcmp(field_of(b, "acme", "fail-1", "/error_code"), "unavailable") == 0);
	CHECK(strcmp(field_of(b, "acme", "fail-1", "/error_message"), "the provider is down") == 0);
	CHECK(strcmp(field_of(b, "acme", "reject-1", "/status"), "failed") == 0);
	CHECK(strcmp(field_of(b, "acme", "cancel-1", "/status"), "cancelled") == 0);
}

TEST(a_submission_that_does_not_decode_is_recorded_under_the_id_its_rejection_has)
{
	struct bus *b = test_bus();
	char id[JOB_ID_BYTES];
	struct bus_stream_state jobs;
	struct err err;
	start_jobs(NULL);
	test_expect_invalid("gannet.acme.jobs.submit.llm.default");
	CHECK_OK(bus_stream_state(b, STREAM_JOBS, &jobs, &err), err);
	test_store(b, "gannet.acme.jobs.submit.llm.default", SPAN("{\"template\":"), NULL);
	test_store(b, "gannet.acme.jobs.submit.llm.default", SPAN("{\"job_id\":\"half\",\"template\":7}"), NULL);
	job_id_from_sequence(jobs.created_ms, 1, id);
	tell_state(b, "acme", id, JOB_EVENT_REJECTED);
	tell_state(b, "acme", "half", JOB_EVENT_REJECTED);
	wait_status("acme", id, "failed");
	wait_status("acme", "half", "failed");
	WAIT_FOR(count_sql("SELECT count(*) FROM ai_jobs WHERE submission_seq IS NOT NULL") == 2, "both submissions");
	CHECK_INT(count_sql("SELECT count(*) FROM ai_jobs"), 2);
	struct err why = {0};
	ask_status(b, "acme", "retry", text_of("{\"job_id\":\"%s\"}", id), STATUS_UNPROCESSABLE, &why);
}

TEST(events_that_nobody_can_read_are_put_aside_and_hold_nothing_up)
{
	struct bus *b = test_bus();
	scoped_buf metrics = {0};
	struct test_process *p = start_jobs(NULL);
	test_expect_invalid("gannet.acme.jobs.event.");
	test_store(b, "gannet.acme.jobs.event.completed.x", SPAN("not json"), NULL);
	test_store(b, "gannet.acme.jobs.event.completed.x", SPAN("{\"run\":\"one\"}"), NULL);
	test_store(b, "gannet.acme.jobs.event.finished.x", SPAN("{}"), NULL);
	test_store(b, text_of("gannet.acme.jobs.event.completed.%065d", 1), SPAN("{}"), NULL);
	test_store(b, "gannet.acme.jobs.event.queued.llm.default", SPAN("{}"), NULL);
	make_job(b, "acme", "good", JOB_EVENT_COMPLETED);
	WAIT_FOR(test_all_recorded(b), "all events to be settled");
	CHECK_INT(count_sql("SELECT count(*) FROM ai_jobs"), 1);
	CHECK_INT(test_http_get(p->health_port, "/metrics", &metrics), 200);
	CHECK_HAS(metrics.data, "gannet_projection_events_total{outcome=\"poison\"} 5");
}

TEST(a_record_that_postgresql_refuses_costs_only_itself)
{
	struct bus *b = test_bus();
	start_jobs(NULL);
	test_sql("ALTER TABLE ai_jobs ADD CONSTRAINT no_evil CHECK (user_id <> 'evil')");
	for (int i = 0; i < 20; i++)
		test_submit(b, "acme", "llm", "default", text_of("job-%d", i),
		            text_of(LLM_MEMBERS ",\"user_id\":\"%s\"", i == 7 || i == 13 ? "evil" : "good"));
	WAIT_FOR(count_sql("SELECT count(*) FROM ai_jobs") == 18, "the other records");
	WAIT_FOR(test_all_recorded(b), "all events to be settled");
	CHECK_INT(count_sql("SELECT sum(jobs) FROM ai_job_counts"), 18);
}

/* ---- order and repetition */

struct script {
	const char *tenant;
	int job;
	int step;
};

/* One of five lives by the job's number; every event of a life is told apart by its step. */
static int steps_of(int job)
{
	static const int steps[] = {2, 3, 5, 6, 4};
	return steps[job % 5];
}

static void tell_queued(struct bus *b, const struct script *s, int64_t sequence, int64_t run, int64_t used)
{
	char at[RFC3339_BYTES];
	const char *body = text_of("{\"job_id\":\"job-%d\"," LLM_MEMBERS ",\"user_id\":\"u%d\"}", s->job, s->job % 7);
	struct bus_header headers[6] = {
	    {"Nats-Stream", SPAN(STREAM_JOBS)},
	    {"Nats-Sequence", span_from(text_of("%lld", (long long)sequence))},
	    {HEADER_RUN, span_from(text_of("%lld", (long long)run))},
	    {HEADER_SUBMITTED_AT, span_from(rfc3339_format(1767225600000 + s->job, at))},
	    {HEADER_ATTEMPT, span_from(text_of("%lld", (long long)used))},
	};
	const struct bus_out m = {text_of("gannet.%s.jobs.event.queued.llm.default", s->tenant), NULL, span_from(body),
	                          headers, used ? 5 : 4};
	struct bus_stored stored;
	struct err err;
	CHECK_OK(bus_store_wait(b, &m, 10000, &stored, &err), err);
}

static void tell_step(struct bus *b, const struct script *s)
{
	static const int finals[] = {JOB_EVENT_COMPLETED, JOB_EVENT_FAILED, JOB_EVENT_COMPLETED, JOB_EVENT_CANCELLED,
	                             JOB_EVENT_COMPLETED};
	int life = s->job % 5, last = steps_of(s->job) - 1;
	int64_t first_seq = 100 + s->job, second_seq = 5000 + s->job;
	struct job_event e = event_of(s->tenant, text_of("job-%d", s->job), JOB_EVENT_STARTED);
	e.submitted_at.ms = 1767225600000 + s->job;
	e.timestamp.ms = e.submitted_at.ms + 100 * s->step;
	e.started_at.ms = e.submitted_at.ms + 50 * s->step;
	e.retry_at.ms = 0;
	e.user_id = span_from(text_of("u%d", s->job % 7));
	e.stream_seq = span_from(text_of("%lld", (long long)first_seq));
	if (s->step == 0) {
		tell_queued(b, s, first_seq, 1, 0);
		return;
	}
	if (s->step == last) {
		e.state = (unsigned)finals[life];
		e.result = e.state == JOB_EVENT_COMPLETED ? &answer_result : NULL;
		e.error = e.state == JOB_EVENT_FAILED ? &unavailable : NULL;
		e.run = life == 3 ? 2 : 1;
		e.attempt = life == 2 ? 2 : 1;
		e.stream_seq = span_from(text_of("%lld", (long long)(life >= 2 ? second_seq : first_seq)));
		tell(b, &e);
		return;
	}
	/* Lives 2 and 4 wait and come back from the schedule store, life 3 fails and is retried by request. */
	if (life == 3 && s->step == 2) {
		e.state = JOB_EVENT_FAILED;
		e.error = &unavailable;
	} else if (life == 3 && s->step == 3) {
		tell_queued(b, s, second_seq, 2, 0);
		return;
	} else if (life == 3 && s->step == 4) {
		e.run = 2;
		e.stream_seq = span_from(text_of("%lld", (long long)second_seq));
	} else if (s->step == 2) {
		e.state = JOB_EVENT_RETRYING;
		e.error = &unavailable;
		e.delay_ms = (struct opt_i64){true, 5000};
		e.retry_at.ms = e.timestamp.ms + 5000;
	} else if (s->step == 3) {
		tell_queued(b, s, second_seq, 1, 1);
		return;
	}
	tell(b, &e);
}

#define COMPARED                                                                                                       \
	"job_id, kind, priority, status, run, attempt, retry_count, user_id, model_name, format, submission_seq, "         \
	"prompt_template, "                                                                                                \
	"context::text, created_at, started_at, completed_at, retry_at, processing_time_ms, tokens_used, cost_nanousd, "   \
	"error_code, "                                                                                                     \
	"error_message, prompt, raw_response, parsed_output::text, simulated"

TEST(order_and_repetition_of_events_do_not_matter)
{
	enum { JOBS = 60, MAX = JOBS * 12 };
	struct bus *b = test_bus();
	struct test_process *p = start_jobs(NULL);
	struct script shuffled[MAX];
	int n = 0;
	for (int job = 0; job < JOBS; job++)
		for (int step = 0; step < steps_of(job); step++)
			tell_step(b, &(struct script){"inorder", job, step});
	for (int job = 0; job < JOBS; job++)
		for (int copy = 0; copy < 2; copy++)
			for (int step = 0; step < steps_of(job); step++)
				shuffled[n++] = (struct script){"shuffled", job, step};
	srand(11);
	for (int i = n - 1; i > 0; i--) {
		int k = rand() % (i + 1);
		struct script t = shuffled[i];
		shuffled[i] = shuffled[k];
		shuffled[k] = t;
	}
	for (int i = 0; i < n; i++) {
		tell_step(b, &shuffled[i]);
		/* In pieces of any size: what waits while the service is stopped comes as one batch. */
		if (rand() % 10 == 0)
			test_kill(p, rand() % 2 ? SIGSTOP : SIGCONT);
	}
	test_kill(p, SIGCONT);
	WAIT_FOR(test_all_recorded(b), "all events to be recorded");
	CHECK_INT(count_sql("SELECT count(*) FROM ai_jobs WHERE tenant = 'inorder'"), JOBS);
	CHECK_INT(count_sql("SELECT count(*) FROM ai_jobs WHERE tenant = 'shuffled'"), JOBS);
	const char *difference = test_sql("SELECT string_agg(d::text, E'\\n') FROM ((SELECT " COMPARED
	                                  " FROM ai_jobs WHERE tenant = 'inorder' EXCEPT SELECT " COMPARED
	                                  " FROM ai_jobs WHERE tenant = 'shuffled') UNION ALL (SELECT " COMPARED
	                                  " FROM ai_jobs WHERE tenant = 'shuffled' EXCEPT SELECT " COMPARED
	                                  " FROM ai_jobs WHERE tenant = 'inorder')) AS d");
	CHECK_MSG(!*difference, "%s", difference);
	CHECK_INT(count_sql("SELECT count(*) FROM ai_jobs WHERE tenant = 'inorder' AND run = 2 AND status = 'cancelled' "
	                    "AND retry_count = 1"),
	          JOBS / 5);
	CHECK_INT(
	    count_sql(
	        "SELECT count(*) FROM (SELECT tenant, status, count(*) AS n FROM ai_jobs GROUP BY 1, 2) AS a FULL JOIN "
	        "(SELECT tenant, status, sum(jobs) AS n FROM ai_job_counts GROUP BY 1, 2 HAVING sum(jobs) <> 0) AS c "
	        "USING (tenant, status) WHERE a.n IS DISTINCT FROM c.n"),
	    0);
}

/* ---- deaths */

static void store_async(struct bus *b, const char *subject, struct span body, const char *msg_id)
{
	struct err err;
	struct bus_header id = {HEADER_MSG_ID, span_from(msg_id)};
	const struct bus_out m = {subject, NULL, body, &id, 1};
	CHECK_OK(bus_store(b, &m, 0, BUS_BLOCK, NULL, NULL, &err), err);
}

/* A submission and its result, for many jobs. */
static void make_load(struct bus *b, int from, int to)
{
	struct err err;
	for (int i = from; i < to; i++) {
		scoped_buf body = {0};
		char msg_id[FINAL_NAME_BYTES];
		const char *id = text_of("load-%d", i);
		struct job_event e = event_of("acme", id, JOB_EVENT_COMPLETED);
		store_async(b, "gannet.acme.jobs.submit.llm.default",
		            span_from(text_of("{\"job_id\":\"%s\"," LLM_MEMBERS "}", id)), text_of("acme.%s:1", id));
		job_final_name(e.tenant, e.job_id, 1, msg_id);
		json_encode(&job_event_table, &e, &(struct json_writer){.out = &body});
		store_async(b, text_of("gannet.acme.jobs.event.completed.%s", id), buf_span(&body), msg_id);
	}
	CHECK_OK(bus_store_drain(b, 30000, &err), err);
}

static void check_load(int n)
{
	WAIT_FOR(count_sql("SELECT count(*) FROM ai_jobs WHERE status = 'completed' AND prompt_template IS NOT NULL") == n,
	         "all records");
	CHECK_INT(count_sql("SELECT count(*) FROM ai_jobs"), n);
	CHECK_INT(count_sql("SELECT sum(jobs) FROM ai_job_counts WHERE status = 'completed'"), n);
	CHECK_INT(count_sql("SELECT coalesce(sum(jobs), 0) FROM ai_job_counts WHERE status <> 'completed'"), 0);
}

TEST(nothing_is_lost_or_doubled_when_postgresql_dies)
{
	enum { ROUNDS = 3, JOBS = 800 };
	struct bus *b = test_bus();
	start_jobs(NULL);
	for (int round = 0; round < ROUNDS; round++) {
		make_load(b, round * JOBS, round * JOBS + JOBS / 2);
		test_postgres_kill(SIGKILL);
		make_load(b, round * JOBS + JOBS / 2, (round + 1) * JOBS);
		test_postgres_start();
	}
	check_load(ROUNDS * JOBS);
}

/* Not the test's bus: its observer listens to everything, so that to the broker the inboxes of the dead seem to live on. */
static struct bus *quiet_bus(void)
{
	struct bus *b;
	struct err err;
	const struct bus_options o = {.url = test_nats_url(), .name = "quiet", .clock = &clock_system};
	CHECK_OK(bus_open(&o, &b, &err), err);
	return b;
}

static const char *const short_lease[] = {"GANNET_LEASE=3s", NULL};

TEST(nothing_is_lost_or_doubled_when_the_service_dies)
{
	enum { ROUNDS = 3, JOBS = 800 };
	struct bus *b = quiet_bus();
	for (int round = 0; round < ROUNDS; round++) {
		struct test_process *p = start_jobs(short_lease);
		make_load(b, round * JOBS, round * JOBS + JOBS / 2);
		test_kill(p, SIGKILL);
		CHECK_INT(test_wait_exit(p), 128 + SIGKILL);
		make_load(b, round * JOBS + JOBS / 2, (round + 1) * JOBS);
	}
	start_jobs(short_lease);
	check_load(ROUNDS * JOBS);
	bus_close(b);
}

TEST(an_orderly_end_leaves_nothing_to_wait_for)
{
	struct bus *b = quiet_bus();
	struct test_process *p = start_jobs(NULL);
	make_load(b, 0, 1000);
	test_kill(p, SIGTERM);
	CHECK_INT(test_wait_exit(p), 0);
	make_load(b, 1000, 1100);
	int64_t began_ms = clock_mono_ms(&clock_system);
	start_jobs(NULL);
	check_load(1100);
	CHECK(clock_mono_ms(&clock_system) - began_ms < bus_limits_default.lease_ms / 2);
	bus_close(b);
}

TEST(what_cannot_be_written_at_the_end_is_read_again)
{
	enum { JOBS = 500 };
	struct bus *b = quiet_bus();
	struct test_process *p = start_jobs(NULL);
	test_postgres_kill(SIGKILL);
	make_load(b, 0, JOBS);
	test_kill(p, SIGTERM);
	CHECK_INT(test_wait_exit(p), 0);
	test_postgres_start();
	start_jobs(NULL);
	check_load(JOBS);
	bus_close(b);
}

TEST(two_replicas_record_together)
{
	struct bus *b = test_bus();
	start_jobs(NULL);
	start_jobs(NULL);
	make_load(b, 0, 3000);
	check_load(3000);
}

/* The one that records, and the one that stands by. */
static void start_two(struct test_process *ret[2])
{
	ret[0] = start_jobs(short_lease);
	WAIT_FOR(strstr(log_of(ret[0]), "recording jobs"), "the first to record");
	ret[1] = start_jobs(short_lease);
	WAIT_FOR(strstr(log_of(ret[1]), "standing by"), "the second to stand by");
}

TEST(when_the_replica_that_records_dies_the_other_goes_on_at_once)
{
	struct bus *b = test_bus();
	struct test_process *p[2];
	start_two(p);
	make_load(b, 0, 1000);
	int64_t began_ms = clock_mono_ms(&clock_system);
	test_kill(p[0], SIGKILL);
	CHECK_INT(test_wait_exit(p[0]), 128 + SIGKILL);
	make_load(b, 1000, 2000);
	check_load(2000);
	CHECK_HAS(log_of(p[1]), "recording jobs");
	CHECK(clock_mono_ms(&clock_system) - began_ms < bus_limits_default.lease_ms);
}

TEST(when_the_replica_that_records_hangs_the_other_takes_over_and_the_first_steps_back)
{
	struct bus *b = test_bus();
	struct test_process *p[2];
	start_two(p);
	make_load(b, 0, 1000);
	test_kill(p[0], SIGSTOP);
	make_load(b, 1000, 2000);
	check_load(2000);
	test_kill(p[0], SIGCONT);
	make_load(b, 2000, 3000);
	check_load(3000);
	WAIT_FOR(strstr(log_of(p[0]), "standing by"), "the first to stand by");
}

static void acknowledge_the_twelfth(void *arg, struct bus_delivery *d)
{
	struct err err;
	if (d->stream_sequence == 12)
		CHECK_OK(bus_ack(arg, d->in.reply, &err), err);
	bus_delivery_free(d);
}

TEST(the_place_of_a_version_that_kept_it_in_the_broker_is_taken_over)
{
	struct bus *b = test_bus();
	struct bus_consumer_state old;
	struct err err;
	for (const char *const *name = bus_topology_names; *name; name++)
		CHECK_OK(bus_topology_ensure(b, *name, &bus_limits_default, &err), err);
	for (int i = 0; i < 20; i++)
		tell_state(b, "acme", text_of("job-%d", i), JOB_EVENT_COMPLETED);
	scoped_buf answer = {0};
	const struct bus_out create = {.subject = "$JS.API.CONSUMER.DURABLE.CREATE.EVENTS.jobs-projection",
	                               .data = SPAN("{\"stream_name\":\"EVENTS\",\"config\":{\"durable_name\":\"jobs-projection\","
	                                            "\"filter_subject\":\"gannet.*.jobs.event.>\",\"ack_policy\":\"all\"}}")};
	CHECK_OK(bus_request(b, &create, 5000, &answer, &err), err);
	struct bus_pull *pull;
	CHECK_OK(bus_pull_open(b, STREAM_EVENTS, "jobs-projection", acknowledge_the_twelfth, b, &pull, &err), err);
	bus_pull_want(pull, 20);
	WAIT_FOR(bus_consumer_state(b, STREAM_EVENTS, "jobs-projection", &old, &err) == STATUS_OK && old.acknowledged == 12,
	         "the old place");
	bus_pull_close(pull);
	start_jobs(NULL);
	WAIT_FOR(test_all_recorded(b), "the rest to be recorded");
	CHECK_INT(count_sql("SELECT count(*) FROM ai_jobs"), 8);
	CHECK_STATUS(bus_consumer_state(b, STREAM_EVENTS, "jobs-projection", &old, &err), STATUS_NOT_FOUND);
}

TEST(a_stream_that_was_made_anew_is_read_from_its_beginning)
{
	struct bus *b = test_bus();
	struct err err;
	scoped_buf answer = {0};
	start_jobs(short_lease);
	make_load(b, 0, 100);
	check_load(100);
	CHECK_OK(bus_request(b, &(struct bus_out){.subject = "$JS.API.STREAM.DELETE.EVENTS"}, 5000, &answer, &err), err);
	CHECK_OK(bus_topology_ensure(b, STREAM_EVENTS, &bus_limits_default, &err), err);
	make_load(b, 100, 130);
	check_load(130);
}
