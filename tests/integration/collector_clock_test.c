/* The collector's turns when its clock jumps: each turn once, whatever lies between, and none in a rush. */
#include "tests/integration/collector_helpers.h"

#define INTERVAL_MS INT64_C(600000)
#define TURNS_MS(n) ((n)*INTERVAL_MS)

static void set_clock(int64_t ahead_ms)
{
	const char *path = text_of("%s/clock", test_dir());
	FILE *f = fopen(path, "r+be");
	if (!f)
		f = fopen(path, "wbe");
	CHECK(f && fwrite(&ahead_ms, sizeof ahead_ms, 1, f) == 1 && fclose(f) == 0);
}

/* So far ahead that it is the middle of a turn: none comes by itself while the test runs. */
static int64_t to_middle(void)
{
	return INTERVAL_MS + INTERVAL_MS / 2 - clock_wall_ms(&clock_system) % INTERVAL_MS;
}

static uint64_t ticks_ever(void)
{
	struct bus_stream_state s;
	struct err err;
	CHECK_OK(bus_stream_state(test_bus(), STREAM_TICKS, &s, &err), err);
	return s.last_sequence;
}

static struct test_process *collectors[2];

static void start_by_the_clock(struct test_process **ret)
{
	test_nats_url();
	const char *const env[] = {
	    "GANNET_SOURCES={\"sources\":[{\"name\":\"broker\",\"kind\":\"nats\",\"fields\":{\"steady\":\"/connection/reconnects\"}}]}", "AI_WORKER_INTERVAL_SECONDS=600",
	                           text_of("GANNET_TEST_CLOCK=%s/clock", test_dir()), NULL};
	*ret = test_spawn("gannet-collector", env, NULL);
	test_ready(*ret);
}

static void stop_collectors(void)
{
	stop_process(collectors[0]);
	stop_process(collectors[1]);
}

/* A snapshot's id ends with its turn's moment. */
static void check_each_turn_once(void)
{
	uint64_t n = stored_snapshots();
	int64_t seen[16], *end = seen;
	CHECK_MSG(n <= countof(seen), "%llu turns", (unsigned long long)n);
	for (uint64_t i = 1; i <= n; i++) {
		struct bus_stored_message m;
		struct err err;
		int64_t ms;
		CHECK_OK(bus_get_sequence(test_bus(), STREAM_STATE, i, &m, &err), err);
		struct span id = bus_in_header(&m.in, "Nats-Msg-Id");
		CHECK(span_i64(span_of(id.p + strlen("snapshot-default-"), 13), &ms) && ms % INTERVAL_MS == 0);
		bus_stored_message_free(&m);
		for (int64_t *s = seen; s < end; s++)
			CHECK_MSG(*s != ms, "the turn of %lld twice", (long long)ms);
		*end++ = ms;
	}
}

TEST(a_clock_that_jumps_makes_one_turn_each_time_over_all_replicas)
{
	int64_t middle_ms = to_middle();
	set_clock(middle_ms);
	start_by_the_clock(&collectors[0]);
	start_by_the_clock(&collectors[1]);
	CHECK_INT(stored_snapshots(), 0);
	set_clock(middle_ms + TURNS_MS(1));
	WAIT_FOR(stored_snapshots() == 1, "the next turn");
	set_clock(middle_ms + TURNS_MS(1000)); /* a week: the last of the missed turns is made up for, once */
	WAIT_FOR(stored_snapshots() == 2, "one turn for all that were missed");
	set_clock(middle_ms + TURNS_MS(5)); /* noticed or not: the next jump is one from here or from there */
	set_clock(middle_ms + TURNS_MS(1001));
	WAIT_FOR(stored_snapshots() == 3, "the turn after");
	/* Had there been a storm at any of these, it would be in these sums. */
	CHECK_INT(ticks_ever(), 3);
	CHECK_INT(stored_snapshots(), 3);
}

TEST(a_clock_that_is_set_back_does_not_stop_the_turns_nor_repeat_one)
{
	int64_t middle_ms = to_middle();
	set_clock(middle_ms);
	start_by_the_clock(&collectors[0]);
	start_by_the_clock(&collectors[1]);
	set_clock(middle_ms + TURNS_MS(10));
	WAIT_FOR(stored_snapshots() == 1, "a turn");
	for (int i = 0; i < 3; i++) { /* over the same boundary again and again */
		set_clock(middle_ms + TURNS_MS(9));
		set_clock(middle_ms + TURNS_MS(10));
	}
	CHECK_INT(ticks_ever(), 1);
	/* A week back, and on from there; it goes by itself as soon as a collector has noticed. */
	int64_t at = -1000;
	WAIT_FOR((set_clock(middle_ms + TURNS_MS(at++)), stored_snapshots() > 1), "a turn in the past");
	stop_collectors();
	check_each_turn_once();
}
