/* Cron schedules of several replicas on a clock of the test's own: across DST, jumps and changes of the table. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "bus/topology.h"
#include "service/timetable.h"
#include "tests/lib/servers.h"

static struct test_clock {
	struct clock clock;
	atomic_llong wall_ms, reads;
} test_clock;

static int64_t read_wall(const struct clock *c)
{
	(void)c;
	test_clock.reads++;
	return test_clock.wall_ms;
}

static int64_t read_mono(const struct clock *c)
{
	return clock_system.mono_ns(c);
}

static int64_t utc(const char *text)
{
	int64_t ms = 0;
	CHECK_MSG(rfc3339_parse(span_from(text), &ms), "%s", text);
	return ms;
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int64_t runs[256];
static size_t runs_n;
static char last_name[64];

static enum status on_turn(void *arg, struct span name, const struct schedule_turn *turn, struct err *err)
{
	(void)arg, (void)err;
	pthread_mutex_lock(&lock);
	CHECK(runs_n < countof(runs));
	runs[runs_n++] = turn->at_ms;
	span_copy(name, last_name, sizeof last_name);
	pthread_mutex_unlock(&lock);
	return STATUS_OK;
}

static size_t done(void)
{
	pthread_mutex_lock(&lock);
	size_t n = runs_n;
	pthread_mutex_unlock(&lock);
	return n;
}

static struct timetable *replicas[2];
static struct zone *berlin;

static void start(const char *now)
{
	struct err err;
	test_clock.clock = (struct clock){read_wall, read_mono};
	test_clock.wall_ms = utc(now);
	CHECK_OK(zone_load("Europe/Berlin", &berlin, &err), err);
	CHECK_OK(bus_topology_ensure(test_bus(), STREAM_TICKS, &bus_limits_default, &err), err);
	for (size_t i = 0; i < 2; i++) {
		const struct timetable_options o = {.bus = test_bus(),
		                                    .clock = &test_clock.clock,
		                                    .service = "watchers",
		                                    .consumer = CONSUMER_TICKS_WATCHERS,
		                                    .lease_ms = bus_limits_default.lease_ms,
		                                    .lanes = 2,
		                                    .run = on_turn};
		CHECK_OK(timetable_start(&o, &replicas[i], &err), err);
	}
}

static void stop(void)
{
	for (size_t i = 0; i < 2; i++)
		timetable_stop(replicas[i]);
	zone_free(berlin);
}

static void set(const char *cron, const char *from)
{
	struct timetable_entry e = {.name = "nightly", .zone = berlin, .from_ms = utc(from)};
	struct err err;
	CHECK_OK(cron_parse(span_from(cron), &e.cron, &err), err);
	for (size_t i = 0; i < 2; i++)
		timetable_set(replicas[i], &e, 1);
}

/* All lanes have looked at the clock again and again: what they would do is done. */
static void let_look(void)
{
	/* A lane reads once a schedule and once a round. */
	long long until = test_clock.reads + 2 * 4 + 1;
	WAIT_FOR(test_clock.reads >= until, "the lanes to look at the clock");
	struct bus_consumer_state s;
	struct err err;
	WAIT_FOR(bus_consumer_state(test_bus(), STREAM_TICKS, CONSUMER_TICKS_WATCHERS, &s, &err) == STATUS_OK &&
	             !s.waiting && !s.ack_pending,
	         "the ticks to be done");
}

static void at(const char *now, size_t want, const char *turn)
{
	test_clock.wall_ms = utc(now);
	let_look();
	CHECK_MSG(done() == want, "at %s: %zu runs, not %zu", now, done(), want);
	if (turn) {
		pthread_mutex_lock(&lock);
		CHECK_INT(runs[runs_n - 1], utc(turn));
		pthread_mutex_unlock(&lock);
	}
}

TEST(a_turn_is_done_once_by_two_replicas_across_both_changes_of_the_clocks)
{
	start("2026-03-28T00:00:00Z");
	set("30 2 * * *", "2026-03-28T00:00:00Z");
	at("2026-03-28T01:29:59Z", 0, NULL);
	at("2026-03-28T01:30:01Z", 1, "2026-03-28T01:30:00Z");
	/* 02:30 is left out; 03:00 comes in its place, at 01:00 UTC. */
	at("2026-03-29T00:59:59Z", 1, NULL);
	at("2026-03-29T01:00:01Z", 2, "2026-03-29T01:00:00Z");
	at("2026-03-29T01:30:01Z", 2, NULL);
	at("2026-03-30T00:30:01Z", 3, "2026-03-30T00:30:00Z");
	/* 02:30 comes twice and counts once. */
	at("2026-10-24T23:59:59Z", 4, "2026-10-24T00:30:00Z");
	at("2026-10-25T00:30:01Z", 5, "2026-10-25T00:30:00Z");
	at("2026-10-25T01:30:01Z", 5, NULL);
	stop();
}

TEST(missed_turns_are_made_up_for_once_whichever_way_the_clock_jumps)
{
	start("2026-01-10T12:00:00Z");
	/* The last turn that was done is eight days ago. */
	set("0 2 * * *", "2026-01-02T01:00:00Z");
	at("2026-01-10T12:00:01Z", 1, "2026-01-10T01:00:00Z");
	/* Ten days ahead: one of ten. */
	at("2026-01-20T12:00:00Z", 2, "2026-01-20T01:00:00Z");
	/* Back by hours: nothing is repeated. */
	at("2026-01-20T00:30:00Z", 2, NULL);
	at("2026-01-20T01:00:01Z", 2, NULL);
	at("2026-01-21T01:00:01Z", 3, "2026-01-21T01:00:00Z");
	/* It had been wrong by years: turns go on from where it is now. */
	at("2031-01-20T12:00:00Z", 4, "2031-01-20T01:00:00Z");
	at("2026-01-22T00:30:00Z", 4, NULL);
	at("2026-01-22T01:00:01Z", 5, "2026-01-22T01:00:00Z");
	stop();
}

TEST(the_table_changes_while_it_runs_and_turns_are_asked_for_by_hand)
{
	struct err err;
	start("2026-01-10T12:00:00Z");
	set("0 2 * * *", "2026-01-10T12:00:00Z");
	at("2026-01-10T12:00:30Z", 0, NULL);
	set("15 13 * * *", "2026-01-10T12:00:00Z");
	at("2026-01-10T12:15:01Z", 1, "2026-01-10T12:15:00Z");
	CHECK_OK(timetable_publish(replicas[0], "nightly", utc("2026-01-10T12:16:00Z"), &err), err);
	at("2026-01-10T12:16:01Z", 2, "2026-01-10T12:16:00Z");
	CHECK_OK(timetable_publish(replicas[1], "unknown", utc("2026-01-10T12:17:00Z"), &err), err);
	at("2026-01-10T12:17:01Z", 3, "2026-01-10T12:17:00Z");
	CHECK_SPAN(span_from(last_name), "unknown");
	for (size_t i = 0; i < 2; i++)
		timetable_set(replicas[i], NULL, 0);
	let_look();
	at("2026-01-12T12:15:01Z", 3, NULL);
	stop();
}
