/* What lies in the queue although it has ended is taken out of it; nothing else is. */
#include "bus/pull.h"
#include "tests/integration/jobs_helpers.h"

static struct bus *bus;
static _Atomic int taken;

static void ensure(void)
{
	static const char *const names[] = {STREAM_JOBS, STREAM_EVENTS};
	struct err err;
	bus = test_bus();
	for (size_t i = 0; i < countof(names); i++)
		CHECK_OK(bus_topology_ensure(bus, names[i], &bus_limits_default, &err), err);
	CHECK_OK(bus_topology_ensure_kind(bus, "llm", &bus_limits_default, &err), err);
}

static void on_delivery(void *arg, struct bus_delivery *d)
{
	(void)arg;
	bus_delivery_free(d);
	taken++;
}

/*
 * Handed out and not acknowledged: so a job lies there that a broker found in its files again after it was killed; its consumers
 * remember that they handed it out.
 */
static void hand_out(const char *consumer, int n)
{
	struct bus_pull *pull;
	struct err err;
	taken = 0;
	CHECK_OK(bus_pull_open(bus, STREAM_JOBS, consumer, on_delivery, NULL, &pull, &err), err);
	bus_pull_want(pull, (size_t)n);
	WAIT_FOR(taken == n, "the jobs to be handed out");
	bus_pull_close(pull);
}

static void submit_run(const char *id, const char *run)
{
	const struct bus_header h = {HEADER_RUN, span_from(run)};
	const char *body = text_of("{\"job_id\":\"%s\"," LLM_MEMBERS "}", id);
	struct bus_out m = {"gannet.acme.jobs.submit.llm.default", NULL, span_from(body), &h, 1};
	struct err err;
	CHECK_OK(bus_store_wait(bus, &m, 5000, NULL, &err), err);
}

/* An hour ahead, so that what was stored just now is old enough; the service sweeps when it starts, and every ten seconds. */
static struct test_process *start_an_hour_ahead(void)
{
	int64_t hour_ms = 3600000;
	const char *path = text_of("%s/clock", test_dir());
	FILE *f = fopen(path, "we");
	CHECK(f && fwrite(&hour_ms, sizeof hour_ms, 1, f) == 1 && fclose(f) == 0);
	return start_jobs((const char *[]){text_of("GANNET_TEST_CLOCK=%s", path), NULL});
}

static struct bus_stream_state queue(void)
{
	struct bus_stream_state s;
	struct err err;
	CHECK_OK(bus_stream_state(bus, STREAM_JOBS, &s, &err), err);
	return s;
}

static bool is_there(uint64_t sequence)
{
	struct bus_stored_message m;
	struct err err;
	enum status s = bus_get_sequence(bus, STREAM_JOBS, sequence, &m, &err);
	CHECK(s == STATUS_OK || s == STATUS_NOT_FOUND);
	if (s == STATUS_OK)
		bus_stored_message_free(&m);
	return s == STATUS_OK;
}

TEST(job_that_has_ended_and_was_handed_out_is_removed_and_no_other)
{
	enum { COMPLETED = 1, FAILED, CANCELLED, UNNAMED, RUNNING, RETRIED, WAITING };
	ensure();
	submit_run("completed", "1");
	submit_run("failed", "1");
	submit_run("cancelled", "1");
	test_submit(bus, "acme", "llm", "default", NULL, LLM_MEMBERS);
	submit_run("running", "1");
	submit_run("retried", "2");
	hand_out("llm_default", RETRIED);
	submit_run("waiting", "1");
	CHECK_INT(queue().messages, WAITING);
	char unnamed[JOB_ID_BYTES];
	job_id_from_sequence(queue().created_ms, UNNAMED, unnamed);
	tell_state(bus, "acme", "completed", JOB_EVENT_COMPLETED);
	tell_state(bus, "acme", "failed", JOB_EVENT_FAILED);
	tell_state(bus, "acme", "cancelled", JOB_EVENT_CANCELLED);
	tell_state(bus, "acme", text_of("%s", unnamed), JOB_EVENT_COMPLETED);
	tell_state(bus, "acme", "running", JOB_EVENT_STARTED);
	tell_state(bus, "acme", "retried", JOB_EVENT_FAILED); /* of its first run */
	tell_state(bus, "acme", "waiting", JOB_EVENT_COMPLETED); /* by a double of it, say */
	struct test_process *jobs = start_an_hour_ahead();
	WAIT_FOR(queue().messages == WAITING - UNNAMED, "the sweep");
	for (uint64_t s = COMPLETED; s <= WAITING; s++)
		CHECK_MSG(is_there(s) == (s > UNNAMED), "message %llu", (unsigned long long)s);
	WAIT_FOR(strstr(log_of(jobs), "removed jobs that had ended") != NULL, "the log to tell");
}

/* nobody takes them, or not yet */
TEST(jobs_without_a_consumer_stay)
{
	ensure();
	test_submit(bus, "acme", "llm", "default", "first", LLM_MEMBERS);
	test_submit(bus, "acme", "strange", "default", "strange", "\"input_data\":{}");
	test_submit(bus, "acme", "llm", "default", "last", LLM_MEMBERS);
	hand_out("llm_default", 2);
	tell_state(bus, "acme", "first", JOB_EVENT_COMPLETED);
	tell_state(bus, "acme", "strange", JOB_EVENT_COMPLETED);
	tell_state(bus, "acme", "last", JOB_EVENT_COMPLETED);
	start_an_hour_ahead();
	WAIT_FOR(queue().messages == 1, "the sweep");
	CHECK(is_there(2));
}

/* With its clock right, the service leaves to the lease what may still be acknowledged. */
TEST(jobs_that_ended_just_now_are_left_to_their_worker)
{
	ensure();
	submit_run("ended", "1");
	hand_out("llm_default", 1);
	tell_state(bus, "acme", "ended", JOB_EVENT_COMPLETED);
	struct test_process *jobs = start_jobs(NULL);
	wait_status("acme", "ended", "completed");
	CHECK(is_there(1));
	test_kill(jobs, SIGTERM);
	CHECK_INT(test_wait_exit(jobs), 0);
	CHECK(is_there(1));
}
