/* Wall clocks of single processes that are wrong, or jump: no wait becomes longer, nothing is given up, nothing runs twice. */
#include "tests/integration/path_helpers.h"

#define MINUTES_MS(n) ((n)*INT64_C(60000))

static struct bus *bus;
static struct test_process *fake;
static struct test_events *events;

static void set_clock(const char *name, int64_t ahead_ms)
{
	const char *path = text_of("%s/%s.clock", test_dir(), name);
	FILE *f = fopen(path, "r+be");
	if (!f)
		f = fopen(path, "wbe");
	CHECK(f && fwrite(&ahead_ms, sizeof ahead_ms, 1, f) == 1 && fclose(f) == 0);
}

static const char *clock_of(const char *name)
{
	return text_of("GANNET_TEST_CLOCK=%s/%s.clock", test_dir(), name);
}

static void start(int64_t runner_ahead_ms, int64_t jobs_ahead_ms)
{
	bus = test_bus();
	fake = start_fake(NULL);
	set_clock("runner", runner_ahead_ms);
	set_clock("jobs", jobs_ahead_ms);
	start_jobs((const char *[]){clock_of("jobs"), NULL});
	start_runner(fake, (const char *[]){clock_of("runner"), NULL});
	events = test_follow(bus, "acme");
}

/* The schedule store would keep it for ten minutes if the worker's clock counted. */
TEST(wait_between_tries_is_not_lengthened_by_a_workers_clock_that_is_ahead)
{
	start(MINUTES_MS(10), 0);
	submit_model(bus, "waits", "gpt-fake:status=429,retry-after-ms=1500,first=1", "");
	const char *e = test_wait_event(events, "retrying", "waits").body;
	CHECK(atoll(test_json(e, "/delay_ms")) >= 1500); /* too long for a delayed NAK */
	CHECK_JSON(test_wait_event(events, "completed", "waits").body, "/attempt", "1");
}

TEST(wait_between_tries_is_not_shortened_by_a_workers_clock_that_is_behind)
{
	start(MINUTES_MS(-10), 0);
	int64_t from_ms = clock_mono_ms(&clock_system);
	submit_model(bus, "waits", "gpt-fake:status=429,retry-after-ms=1500,first=1", "");
	test_wait_event(events, "completed", "waits");
	CHECK(clock_mono_ms(&clock_system) - from_ms >= 1400);
}

TEST(jobs_under_way_do_not_notice_that_clocks_jump)
{
	enum { N = 200 };
	start(0, 0);
	for (int i = 0; i < N; i++)
		submit_model(bus, text_of("j%d", i), "gpt-fake:latency=20ms..400ms", "\"timeout_ms\":20000");
	for (int i = 0; test_count_events(events, "completed", NULL) < N; i++) {
		set_clock("runner", MINUTES_MS(i % 2 ? -10 : 10));
		set_clock("jobs", MINUTES_MS(i % 2 ? 10 : -10));
		size_t so_far = test_count_events(events, "completed", NULL);
		WAIT_FOR(test_count_events(events, "completed", NULL) > so_far + 10 ||
		             test_count_events(events, "completed", NULL) == N,
		         "the work to go on");
	}
	CHECK_INT(fake_stat(fake, "/requests"), N);
	CHECK_INT(test_count_events(events, "retrying", NULL), 0);
	WAIT_FOR(count_sql("SELECT count(*) FROM ai_jobs WHERE status = 'completed'") == N, "all to be recorded");
	CHECK_INT(count_sql("SELECT count(*) FROM ai_jobs WHERE processing_time_ms NOT BETWEEN 0 AND 20000"), 0);
}
