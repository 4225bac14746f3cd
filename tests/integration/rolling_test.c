/* Runners replaced one after the other while jobs come in: no job has to wait for a lease to run out. */
#include <pthread.h>
#include <stdatomic.h>

#include "tests/integration/path_helpers.h"

#define RUNNERS 2
#define BACKLOG 100 /* more than both have slots for: some have to be handed back */
/* Longer than the default time of a subscription to settle, shorter than what makes the client connect anew. */
#define STALL_MS 2500

/* The lease is longer than a test may take: a job that needs it is never seen to end. */
static const char *const env[] = {"GANNET_LEASE=10m", "GANNET_DRAIN_MS=25s", "MAX_CONCURRENT_TASKS=8", NULL};
static atomic_bool enough;
static atomic_int published;
static struct test_events *events;

static size_t waiting(void)
{
	return (size_t)atomic_load(&published) - test_count_events(events, "completed", NULL);
}

static void *publish(void *arg)
{
	struct bus *b = arg;
	struct err err;
	char body[128];
	for (int i = 0; !atomic_load(&enough); i++) {
		WAIT_FOR(waiting() < BACKLOG, "jobs to end");
		/* Without a message id: its runner claims the job id before the job gets its turn. */
		int n = snprintf(body, sizeof body, "{\"job_id\":\"roll-%d\",\"model\":\"gpt-fake:latency=20ms\",\"template\":\"x\"}", i);
		struct bus_out m = {.subject = "gannet.acme.jobs.submit.llm.default", .data = span_of(body, (size_t)n)};
		CHECK_OK(bus_store_wait(b, &m, BUS_STORE_DEADLINE_MS, NULL, &err), err);
		atomic_store(&published, i + 1);
	}
	return NULL;
}

/* The broker stands still while a runner is told to end, and has then to catch up with what was sent to it meanwhile. */
static void end_while_the_broker_stalls(struct test_process *runner)
{
	kill(test_nats_pid(), SIGSTOP);
	test_kill(runner, SIGTERM);
	usleep(STALL_MS * 1000);
	kill(test_nats_pid(), SIGCONT);
}

static void replace_runners(int rounds, bool stall)
{
	struct bus *bus = test_bus();
	struct test_process *fake = start_fake(NULL), *runners[RUNNERS];
	for (size_t i = 0; i < RUNNERS; i++)
		runners[i] = start_runner(fake, env);
	events = test_follow(bus, "acme");
	pthread_t publisher;
	CHECK(pthread_create(&publisher, NULL, publish, bus) == 0);
	for (int i = 0; i < rounds; i++) {
		struct test_process **one = &runners[i % RUNNERS];
		int before = atomic_load(&published);
		WAIT_FOR(atomic_load(&published) > before + 100, "jobs to come in");
		if (stall)
			end_while_the_broker_stalls(*one);
		else
			test_kill(*one, SIGTERM);
		CHECK_INT(test_wait_exit(*one), 0);
		*one = start_runner(fake, env);
	}
	atomic_store(&enough, true);
	pthread_join(publisher, NULL);
	WAIT_FOR(waiting() == 0, "every job to end without waiting for a lease");
	CHECK_INT(test_count_events(events, "failed", NULL), 0);
}

TEST(runners_are_replaced_without_a_job_waiting_for_its_lease)
{
	replace_runners(6, false);
}

TEST(runners_are_replaced_while_the_broker_stalls_without_a_job_waiting_for_its_lease)
{
	replace_runners(3, true);
}
