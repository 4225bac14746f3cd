/* The runner against a real broker: what a publisher with nothing but a NATS client sees. */
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>

#include "bus/kv.h"
#include "bus/store.h"
#include "bus/topology.h"
#include "contract/job.h"
#include "tests/lib/jobs.h"

#define SIMULATED                                                                                                      \
	"\"model\":\"simulated\",\"template\":\"Summarise: {{text}}\",\"context\":{\"text\":\"Gannets dive from 30 "       \
	"metres.\"}"

static struct bus *bus;

static struct test_events *start(const char *const *env)
{
	bus = test_bus();
	test_runner(env);
	return test_follow(bus, "acme");
}

static void submit(const char *priority, const char *id, const char *members)
{
	test_submit(bus, "acme", "llm", priority, id, members);
}

/* The tests above `create` need the jobs service; here a job is cancelled as that service would do it. */
static void cancel(const char *id)
{
	char key[128];
	struct err err;
	snprintf(key, sizeof key, "acme.%s.1", id);
	CHECK_OK(bus_kv_put(bus, BUCKET_CANCELLED, key, SPAN("{\"reason\":\"test\",\"at\":\"2026-01-02T03:04:05Z\"}"), NULL, &err), err);
}

TEST(published_job_is_answered_with_everything_a_record_needs)
{
	struct test_events *f = start(NULL);
	submit("default", "job-1", SIMULATED ",\"user_id\":\"u1\",\"agent_id\":\"a1\"");
	const char *e = test_wait_event(f, "completed", "job-1").body;
	CHECK_HAS(test_json(e, "/result/prompt"), "Summarise: Gannets dive from 30 metres.");
	CHECK_HAS(test_json(e, "/result/raw_response"), "imulated");
	CHECK(!strcmp(test_json(e, "/result/simulated"), "true"));
	CHECK(!strcmp(test_json(e, "/result/provider"), "simulated"));
	CHECK(!strcmp(test_json(e, "/result/cost_nanousd"), "0"));
	CHECK(!strcmp(test_json(e, "/output_id"), "out-job-1"));
	CHECK(!strcmp(test_json(e, "/user_id"), "u1"));
	CHECK(!strcmp(test_json(e, "/agent_id"), "a1"));
	CHECK(!strcmp(test_json(e, "/attempt"), "1"));
	CHECK_INT(test_count_events(f, "completed", "job-1"), 1);
}

TEST(job_without_an_id_gets_one_from_its_place_in_the_stream)
{
	struct test_events *f = start(NULL);
	submit("high", NULL, SIMULATED);
	struct test_event e = test_wait_event(f, "completed", NULL);
	CHECK(!strncmp(e.job_id, "j-", 2));
	CHECK(!strcmp(e.job_id, test_json(e.body, "/job_id")));
}

/* Counts on a client thread, read on the test's. */
static void count_reply(void *arg, const struct bus_in *m)
{
	if (memmem(m->data.p, m->data.n, "\"state\":\"completed\"", 19))
		atomic_fetch_add((atomic_int *)arg, 1);
}

TEST(result_goes_to_reply_to_and_to_no_other_tenants_subject)
{
	static atomic_int mine, others;
	struct bus_sub *sub;
	struct err err;
	struct test_events *f = start(NULL);
	CHECK_OK(bus_subscribe(bus, "gannet.acme.reply.here", NULL, count_reply, &mine, &sub, &err), err);
	CHECK_OK(bus_subscribe(bus, "gannet.other.reply.here", NULL, count_reply, &others, &sub, &err), err);
	CHECK_OK(bus_flush(bus, 5000, &err), err);
	submit("default", "job-r", SIMULATED ",\"reply_to\":\"gannet.acme.reply.here\"");
	test_wait_event(f, "completed", "job-r");
	WAIT_FOR(atomic_load(&mine) == 1, "the result at reply_to");
	submit("default", "job-x", SIMULATED ",\"reply_to\":\"gannet.other.reply.here\"");
	const char *e = test_wait_event(f, "rejected", "job-x").body;
	CHECK(!strcmp(test_json(e, "/error/field"), "reply_to"));
	CHECK_OK(bus_flush(bus, 5000, &err), err);
	CHECK_INT(atomic_load(&others), 0);
	CHECK_INT(atomic_load(&mine), 1);
}

TEST(every_format_is_parsed_and_checked)
{
	struct test_events *f = start(NULL);
	submit("default", "t", SIMULATED ",\"format\":\"text\"");
	submit("default", "j", SIMULATED ",\"format\":\"json\"");
	submit("default", "m", SIMULATED ",\"format\":\"markdown\"");
	submit("default", "h", SIMULATED ",\"format\":\"html\"");
	CHECK(test_json(test_wait_event(f, "completed", "t").body, "/result/parsed_output")[0] != 0);
	CHECK(test_json(test_wait_event(f, "completed", "j").body, "/result/parsed_output")[0] == '{');
	CHECK(test_json(test_wait_event(f, "completed", "m").body, "/result/parsed_output")[0] != 0);
	CHECK_HAS(test_json(test_wait_event(f, "completed", "h").body, "/result/parsed_output"), "<");
}

TEST(missing_template_variables_fail_the_job_and_are_named)
{
	struct test_events *f = start(NULL);
	submit("default", "v", "\"model\":\"simulated\",\"template\":\"{{who}} and {{what}}\",\"context\":{}");
	const char *e = test_wait_event(f, "failed", "v").body;
	CHECK(!strcmp(test_json(e, "/error/code"), "unprocessable"));
	CHECK_HAS(test_json(e, "/error/message"), "who");
	CHECK_HAS(test_json(e, "/error/message"), "what");
}

TEST(model_without_a_key_fails_at_once_and_names_the_variable)
{
	struct test_events *f = start(NULL);
	submit("default", "k1", "\"model\":\"gpt-4o\",\"template\":\"x\"");
	submit("default", "k2", "\"model\":\"claude-sonnet-4-5\",\"template\":\"x\"");
	submit("default", "k3", "\"model\":\"unheard-of\",\"template\":\"x\"");
	CHECK_HAS(test_json(test_wait_event(f, "failed", "k1").body, "/error/message"), "OPENAI_API_KEY");
	CHECK_HAS(test_json(test_wait_event(f, "failed", "k2").body, "/error/message"), "ANTHROPIC_API_KEY");
	CHECK_HAS(test_json(test_wait_event(f, "failed", "k3").body, "/error/message"), "unheard-of");
	CHECK_INT(test_count_events(f, "retrying", NULL), 0);
}

TEST(bad_submissions_are_rejected_with_the_field_at_fault)
{
	struct test_events *f = start(NULL);
	static const struct {
		const char *id, *members, *field;
	} cases[] = {
	    {"b1", "\"model\":\"simulated\"", "template"},
	    {"b2", "\"template\":\"x\"", "model"},
	    {"b3", SIMULATED ",\"format\":\"yaml\"", "format"},
	    {"b4", SIMULATED ",\"max_tokens\":0", "max_tokens"},
	    {"b5", SIMULATED ",\"timeout_ms\":99999999", "timeout_ms"},
	    {"b6", SIMULATED ",\"temperature\":\"hot\"", "temperature"},
	    {"b7", "\"model\":\"simulated\",\"template\":\"x\",\"context\":[1]", "context"},
	};
	test_expect_invalid("gannet.acme.jobs.submit.");
	for (size_t i = 0; i < countof(cases); i++)
		submit("default", cases[i].id, cases[i].members);
	for (size_t i = 0; i < countof(cases); i++) {
		const char *e = test_wait_event(f, "rejected", cases[i].id).body;
		CHECK_MSG(!strcmp(test_json(e, "/error/field"), cases[i].field), "case %s: field %s, message %s", cases[i].id,
		          test_json(e, "/error/field"), test_json(e, "/error/message"));
	}
}

TEST(hostile_bytes_are_rejected_and_block_nothing)
{
	struct test_events *f = start(NULL);
	static const char *const bodies[] = {
	    "",
	    "{",
	    "null",
	    "[]",
	    "\"x\"",
	    "{\"job_id\":\"a\",\"job_id\":\"b\"}",
	    "{\"template\":\"\\u0000\"}",
	    "{\"a\":\"\xff\xfe\"}",
	    "{\"model\":\"simulated\",\"template\":\"x\"} trailing",
	    "{\"job_id\":\"has space\",\"model\":\"simulated\",\"template\":\"x\"}",
	};
	test_expect_invalid("gannet.acme.jobs.submit.");
	test_expect_invalid("gannet.acme.jobs.event.queued.");
	for (size_t i = 0; i < countof(bodies); i++)
		test_store(bus, "gannet.acme.jobs.submit.llm.default", span_from(bodies[i]), NULL);
	scoped_buf deep = {0};
	for (int i = 0; i < 5000; i++)
		buf_adds(&deep, "{\"a\":");
	test_store(bus, "gannet.acme.jobs.submit.llm.default", buf_span(&deep), NULL);
	submit("default", "after", SIMULATED);
	test_wait_event(f, "completed", "after");
	WAIT_FOR(test_count_events(f, "rejected", NULL) == countof(bodies) + 1, "all rejections");
}

TEST(job_id_published_twice_runs_once)
{
	struct test_events *f = start(NULL);
	for (int i = 0; i < 5; i++)
		submit("default", "twice", SIMULATED);
	submit("low", "twice", SIMULATED);
	test_wait_event(f, "completed", "twice");
	submit("default", "twice", SIMULATED);
	submit("default", "last", SIMULATED);
	test_wait_event(f, "completed", "last");
	CHECK_INT(test_count_events(f, "completed", "twice"), 1);
	struct bus_consumer_state c;
	struct err err;
	WAIT_FOR(bus_consumer_state(bus, STREAM_JOBS, "llm_default", &c, &err) == STATUS_OK && !c.waiting && !c.ack_pending,
	         "the queue to be empty");
	CHECK_INT(test_count_events(f, "completed", "twice"), 1);
}

TEST(delayed_job_waits_in_the_schedule_store)
{
	struct test_events *f = start(NULL);
	char members[512], at[RFC3339_BYTES];
	snprintf(members, sizeof members, SIMULATED ",\"run_at\":\"%s\"",
	         rfc3339_format(clock_wall_ms(&clock_system) + 3600000, at));
	submit("default", "later", members);
	struct bus_stream_state delayed, jobs;
	struct err err;
	WAIT_FOR(bus_stream_state(bus, STREAM_DELAYED, &delayed, &err) == STATUS_OK && delayed.messages == 1,
	         "the job in DELAYED");
	WAIT_FOR(bus_stream_state(bus, STREAM_JOBS, &jobs, &err) == STATUS_OK && jobs.messages == 0, "JOBS to be empty");
	CHECK_INT(test_count_events(f, NULL, "later"), 0);
}

TEST(waiting_job_that_is_cancelled_never_runs)
{
	bus = test_bus();
	struct test_process *first = test_runner(NULL); /* makes the streams */
	test_kill(first, SIGTERM);
	CHECK_INT(test_wait_exit(first), 0);
	struct test_events *f = test_follow(bus, "acme");
	submit("default", "never", SIMULATED);
	submit("default", "other", SIMULATED);
	cancel("never");
	test_runner(NULL);
	test_wait_event(f, "cancelled", "never");
	test_wait_event(f, "completed", "other");
	CHECK_INT(test_count_events(f, "completed", "never"), 0);
}

TEST(worker_announces_itself_and_says_goodbye)
{
	bus = test_bus();
	struct test_process *p = test_runner((const char *[]){"WORKER_ID=runner-7", NULL});
	scoped_buf value = {0};
	struct err err;
	WAIT_FOR(bus_kv_get(bus, BUCKET_WORKERS, "runner-7", &value, NULL, &err) == STATUS_OK,
	         "the worker in the registry");
	CHECK(!strcmp(test_json(value.data, "/worker_id"), "runner-7"));
	CHECK(!strcmp(test_json(value.data, "/kind"), "llm"));
	test_kill(p, SIGTERM);
	CHECK_INT(test_wait_exit(p), 0);
	WAIT_FOR(bus_kv_get(bus, BUCKET_WORKERS, "runner-7", &value, NULL, &err) == STATUS_NOT_FOUND,
	         "the worker to be gone");
}

TEST(burst_of_jobs_is_answered_completely_and_once)
{
	struct test_events *f = start(NULL);
	enum { N = 3000 };
	for (int i = 0; i < N; i++) {
		char id[32], body[512], subject[96];
		snprintf(id, sizeof id, "b%d", i);
		snprintf(body, sizeof body, "{\"job_id\":\"%s\"," SIMULATED "}", id);
		snprintf(subject, sizeof subject, "gannet.acme.jobs.submit.llm.%s", priority_names[i % 3]);
		struct bus_header h = {HEADER_MSG_ID, span_from(id)};
		struct err err;
		CHECK_OK(
		    bus_store(bus, &(struct bus_out){subject, NULL, span_from(body), &h, 1}, 0, BUS_BLOCK, NULL, NULL, &err),
		    err);
	}
	WAIT_FOR(test_count_events(f, "completed", NULL) >= N, "all completions");
	CHECK_INT(test_count_events(f, "completed", NULL), N);
	CHECK_INT(test_count_events(f, "failed", NULL), 0);
}

TEST(killed_runner_loses_no_job_and_repeats_no_result)
{
	struct test_events *f;
	bus = test_bus();
	struct test_process *p = test_runner((const char *[]){"GANNET_LEASE=2s", NULL});
	f = test_follow(bus, "acme");
	enum { N = 4000 };
	for (int i = 0; i < N; i++) {
		char id[32], body[512];
		snprintf(id, sizeof id, "k%d", i);
		snprintf(body, sizeof body, "{\"job_id\":\"%s\"," SIMULATED "}", id);
		struct bus_header h = {HEADER_MSG_ID, span_from(id)};
		struct err err;
		CHECK_OK(bus_store(bus, &(struct bus_out){"gannet.acme.jobs.submit.llm.default", NULL, span_from(body), &h, 1},
		                   0, BUS_BLOCK, NULL, NULL, &err),
		         err);
		if (i == N / 4)
			test_kill(p, SIGKILL);
	}
	test_wait_exit(p);
	test_runner((const char *[]){"GANNET_LEASE=2s", NULL});
	/* What the dead one held comes back after its lease. */
	WAIT_FOR(test_count_events(f, "completed", NULL) >= N, "all completions");
	struct bus_stream_state jobs;
	struct err err;
	WAIT_FOR(bus_stream_state(bus, STREAM_JOBS, &jobs, &err) == STATUS_OK && jobs.messages == 0, "JOBS to be empty");
	CHECK_INT(test_count_events(f, "completed", NULL), N);
}
