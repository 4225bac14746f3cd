/* Paused queues: workers begin no job of theirs, and go on as soon as they may. */
#include <signal.h>
#include <stdio.h>

#include "bus/kv.h"
#include "bus/topology.h"
#include "tests/lib/jobs.h"

#define SIMULATED "\"model\":\"simulated\",\"template\":\"Hello\""

static struct bus *bus;

static void pause_queue(const char *key)
{
	struct err err;
	CHECK_OK(bus_kv_put(bus, BUCKET_PAUSED, key, SPAN("{\"by\":\"test\",\"at\":\"2026-01-02T03:04:05Z\"}"), NULL, &err), err);
}

static void resume_queue(const char *key)
{
	struct err err;
	CHECK_OK(bus_kv_delete(bus, BUCKET_PAUSED, key, &err), err);
}

static void submit(const char *priority, const char *id)
{
	test_submit(bus, "acme", "llm", priority, id, SIMULATED);
}

TEST(jobs_of_a_paused_queue_wait_while_others_run_and_go_on_when_it_is_resumed)
{
	bus = test_bus();
	struct test_process *p = test_runner(NULL);
	struct test_events *f = test_follow(bus, "acme");
	submit("low", "before");
	test_wait_event(f, "completed", "before");
	pause_queue("llm.low");
	pause_queue("text.high"); /* not this kind */
	/* The pause may reach the worker behind the first jobs: held back is one that others, submitted later, overtake. */
	char id[32], other[32];
	size_t round = 0;
	do {
		CHECK(round < 50);
		snprintf(id, sizeof id, "low-%zu", round);
		submit("low", id);
		for (int i = 0; i < 20; i++) {
			snprintf(other, sizeof other, "other-%zu-%d", round, i);
			submit(i % 2 ? "high" : "default", other);
			test_wait_event(f, "completed", other);
		}
		round++;
	} while (test_count_events(f, "completed", id));
	/* a new worker knows of it before it takes anything */
	test_kill(p, SIGTERM);
	CHECK_INT(test_wait_exit(p), 0);
	test_runner(NULL);
	submit("high", "after-restart");
	test_wait_event(f, "completed", "after-restart");
	CHECK_INT(test_count_events(f, "completed", id), 0);
	resume_queue("llm.low");
	test_wait_event(f, "completed", id);
	CHECK_INT(test_count_events(f, "completed", id), 1);
}

TEST(a_worker_that_holds_paused_jobs_hands_them_back_when_it_ends)
{
	bus = test_bus();
	struct test_process *p = test_runner(NULL);
	struct test_events *f = test_follow(bus, "acme");
	for (const char *const *q = (const char *const[]){"llm.low", "llm.default", "llm.high", NULL}; *q; q++)
		pause_queue(*q);
	struct test_process *idle = test_runner(NULL); /* has read the bucket */
	test_kill(p, SIGTERM);
	CHECK_INT(test_wait_exit(p), 0);
	submit("default", "held");
	submit("low", "held-too");
	struct bus_consumer_state state;
	struct err err;
	WAIT_FOR(bus_consumer_state(bus, STREAM_JOBS, "llm_default", &state, &err) == STATUS_OK && state.waiting + state.ack_pending == 1,
	         "the job to be stored");
	test_kill(idle, SIGTERM);
	CHECK_INT(test_wait_exit(idle), 0);
	CHECK_INT(test_count_events(f, NULL, NULL), 0);
	resume_queue("llm.default");
	resume_queue("llm.low");
	resume_queue("llm.high");
	test_runner(NULL);
	test_wait_event(f, "completed", "held");
	test_wait_event(f, "completed", "held-too");
}
