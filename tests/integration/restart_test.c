/* Workers that come and go: a hand-back is no crash, and a crash is not forgotten for a hand-back. */
#include "tests/integration/path_helpers.h"

#define LEASE "GANNET_LEASE=1s"
#define DRAIN "GANNET_DRAIN_MS=100ms"

static struct bus *bus;
static struct test_process *fake, *runner;
static struct test_events *events;

static void begin(const char *const *env)
{
	bus = test_bus();
	fake = start_fake(NULL);
	runner = start_runner(fake, env);
	events = test_follow(bus, "acme");
}

static void end_runner(int sig)
{
	test_kill(runner, sig);
	int status = test_wait_exit(runner);
	if (sig == SIGTERM)
		CHECK_INT(status, 0);
}

/* Runs until the provider is asked the `calls`th time, then ends by `sig`. */
static void run_until_called(int64_t calls, int sig)
{
	WAIT_FOR(fake_stat(fake, "/requests") == calls && fake_stat(fake, "/running") == 1, "the job to be under way");
	/* What a redelivery says before it runs, so that a death is counted. */
	WAIT_FOR(test_count_events(events, "started", "long") >= (size_t)calls, "the start to be announced");
	end_runner(sig);
}

/* Without a message id: its runner claims the job id with a `started` event before the job gets its turn. */
static void submit_claimed(const char *id)
{
	struct err err;
	const char *body = text_of("{\"job_id\":\"%s\",\"model\":\"gpt-fake\",\"template\":\"x\"}", id);
	struct bus_out m = {.subject = "gannet.acme.jobs.submit.llm.default", .data = span_from(body)};
	CHECK_OK(bus_store_wait(bus, &m, 5000, NULL, &err), err);
}

TEST(job_handed_back_by_six_restarts_is_no_poison)
{
	enum { RESTARTS = 6, WAITING = 8 };
	static const char *const env[] = {LEASE, DRAIN, "MAX_CONCURRENT_TASKS=1", NULL};
	begin(env);
	submit_model(bus, "long", "gpt-fake:fault=hang,first=6", "");
	WAIT_FOR(fake_stat(fake, "/running") == 1, "the job to run");
	for (int i = 0; i < WAITING; i++)
		submit_claimed(text_of("waiting%d", i));
	for (int i = 1; i <= RESTARTS; i++) {
		/* Whichever of the jobs comes first is run; the long one is under way each time sooner or later. */
		WAIT_FOR(test_count_events(events, "started", "long") >= (size_t)i && fake_stat(fake, "/running") == 1,
		         "the long job to run again");
		end_runner(SIGTERM);
		WAIT_FOR(test_count_events(events, "retrying", "long") == (size_t)i, "the hand-back to be told");
		runner = start_runner(fake, env);
	}
	struct test_event e = test_wait_event(events, "completed", "long");
	CHECK_JSON(e.body, "/attempt", "1");
	for (int i = 0; i < WAITING; i++)
		CHECK_JSON(test_wait_event(events, "completed", text_of("waiting%d", i)).body, "/attempt", "1");
	CHECK_INT(test_count_events(events, "failed", NULL), 0);
}

TEST(hand_back_is_told_with_its_reason_and_uses_up_no_try)
{
	begin((const char *[]){LEASE, DRAIN, NULL});
	submit_model(bus, "long", "gpt-fake:fault=hang,first=1", "");
	run_until_called(1, SIGTERM);
	const char *e = test_wait_event(events, "retrying", "long").body;
	CHECK_JSON(e, "/error/code", "unavailable");
	CHECK_HAS(test_json(e, "/error/message"), "handed back");
	CHECK_JSON(e, "/delay_ms", "0");
	CHECK_JSON(e, "/attempt_used", "false");
	CHECK_JSON(e, "/interrupted", "0");
}

TEST(crashes_before_and_after_a_hand_back_are_added_up)
{
	static const int ends[] = {SIGKILL, SIGKILL, SIGKILL, SIGTERM, SIGKILL, SIGKILL};
	static const char *const env[] = {LEASE, DRAIN, NULL};
	begin(env);
	submit_model(bus, "long", "gpt-fake:fault=hang", "");
	for (size_t i = 0; i < countof(ends); i++) {
		run_until_called((int64_t)i + 1, ends[i]);
		runner = start_runner(fake, env);
	}
	const char *e = test_wait_event(events, "failed", "long").body;
	CHECK_HAS(test_json(e, "/error/message"), "poison: 5 deliveries");
	CHECK_INT(fake_stat(fake, "/requests"), countof(ends));
}
