/* Message ids and job ids: who may be taken for whom. */
#include "tests/integration/path_helpers.h"

static struct bus *bus;
static struct test_process *fake;

static void start(void)
{
	bus = test_bus();
	fake = start_fake(NULL);
	start_runner(fake, NULL);
}

static void publish(const char *tenant, const char *id, const char *model, const char *msg_id)
{
	struct bus_stored stored;
	struct err err;
	const char *body = text_of("{\"job_id\":\"%s\",\"model\":\"%s\",\"template\":\"x\"}", id, model);
	struct bus_header h = {HEADER_MSG_ID, span_from(msg_id)};
	struct bus_out m = {text_of("gannet.%s.jobs.submit.llm.default", tenant), NULL, span_from(body), &h, msg_id != NULL};
	CHECK_OK(bus_store_wait(bus, &m, 5000, &stored, &err), err);
}

static bool is_queue_done(void)
{
	struct bus_stream_state s;
	struct err err;
	return bus_stream_state(bus, STREAM_JOBS, &s, &err) == STATUS_OK && !s.messages;
}

/* The first has the id that the command gives it, and is still at work or waits when the second comes with none. */
TEST(job_id_published_with_and_then_without_a_message_id_runs_once)
{
	enum { N = 20 };
	start();
	struct test_events *events = test_follow(bus, "acme");
	for (int i = 0; i < N; i++) {
		const char *id = text_of("both%d", i);
		publish("acme", id, "gpt-fake:latency=50ms..300ms", text_of("acme.%s:1", id));
		publish("acme", id, "gpt-fake:latency=50ms..300ms", NULL);
	}
	WAIT_FOR(is_queue_done(), "the queue to be done");
	CHECK_INT(test_count_events(events, "completed", NULL), N);
	CHECK_INT(fake_stat(fake, "/requests"), N);
}

TEST(job_id_created_and_then_published_runs_once)
{
	start();
	start_jobs(NULL);
	struct test_events *events = test_follow(bus, "acme");
	ask(bus, "acme", "create", "{\"job_id\":\"both\",\"model\":\"gpt-fake:latency=300ms\",\"template\":\"x\"}");
	publish("acme", "both", "gpt-fake", NULL);
	WAIT_FOR(is_queue_done(), "the queue to be done");
	CHECK_INT(test_count_events(events, "completed", NULL), 1);
	CHECK_INT(fake_stat(fake, "/requests"), 1);
}

/* The other way round nobody compares the two; there is one result, and one record, all the same. */
TEST(job_id_published_without_and_then_with_a_message_id_has_one_result)
{
	start();
	start_jobs(NULL);
	struct test_events *events = test_follow(bus, "acme");
	publish("acme", "both", "gpt-fake:latency=300ms", NULL);
	publish("acme", "both", "gpt-fake:latency=300ms", "acme.both:1");
	WAIT_FOR(is_queue_done(), "the queue to be done");
	CHECK_INT(test_count_events(events, "completed", NULL), 1);
	wait_status("acme", "both", "completed");
	CHECK_INT(count_sql("SELECT count(*) FROM ai_jobs"), 1);
}
