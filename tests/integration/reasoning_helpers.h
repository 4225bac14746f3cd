/* What the tests of the reasoning service share: snapshots handed in, a collector played, questions. */
#ifndef GANNET_TESTS_REASONING_HELPERS_H
#define GANNET_TESTS_REASONING_HELPERS_H

#include <stdatomic.h>

#include "contract/action.h"
#include "contract/finding.h"
#include "contract/snapshot.h"
#include "tests/integration/path_helpers.h"
#include "tests/lib/snapshots.h"

static struct bus *bus;
static struct arena kept;

UNUSED static struct test_process *start_reasoning(const char *const *env)
{
	bus = test_bus();
	struct test_process *p = test_spawn("gannet-reasoning", env, NULL);
	test_ready(p);
	return p;
}

/* A snapshot with a name and a time of its own, each later than the one before. */
UNUSED static struct snapshot next_snapshot(void)
{
	static int n;
	static int64_t at_ms;
	struct snapshot s = healthy_snapshot();
	int64_t now_ms = clock_wall_ms(&clock_system);
	at_ms = at_ms >= now_ms ? at_ms + 1 : now_ms;
	s.snapshot_id = span_from(text_of("s-%d-%d", (int)getpid(), ++n));
	s.timestamp.ms = at_ms;
	s.orchestrator_last_run.ms = at_ms - 60000;
	return s;
}
#define SET(s, member, value) (s).member = (__typeof__((s).member)){true, value}

UNUSED static void hand_in(const struct snapshot *s, const char *tenant)
{
	test_store(bus, text_of("gannet.%s.snapshot.taken", tenant), snapshot_json(s, &kept).text, NULL);
}

UNUSED static const char *ask_for(const char *tenant, const char *what, const char *body, enum status want)
{
	enum status got;
	struct err err = {0};
	const char *answer = test_request(bus, text_of("gannet.%s.%s", tenant, what), body, &got, &err);
	CHECK_MSG(got == want, "%s %s: got %s (%s), want %s", what, body, status_code(got), err.msg, status_code(want));
	return want == STATUS_OK ? answer : arena_cstr(&kept, span_from(err.msg));
}

/* The last reasoning, or "" before there is one. */
UNUSED static const char *last_of(const char *tenant)
{
	enum status got;
	const char *answer = test_request(bus, text_of("gannet.%s.reasoning.last", tenant), "{}", &got, NULL);
	return got == STATUS_OK ? answer : "{}";
}

UNUSED static const char *wait_reasoning(const struct snapshot *s, const char *tenant)
{
	const char *id = arena_cstr(&kept, s->snapshot_id), *answer;
	WAIT_FOR(is(answer = last_of(tenant), "/snapshot/snapshot_id", id), text_of("the reasoning of %s", id));
	return answer;
}

/* How many reasonings the stream holds. */
static void add_messages(void *arg, struct span subject, uint64_t n)
{
	(void)subject;
	*(uint64_t *)arg += n;
}
UNUSED static int64_t stored(const char *stream, const char *filter)
{
	uint64_t n = 0;
	struct err err;
	CHECK_OK(bus_stream_subjects(bus, stream, filter, add_messages, &n, &err), err);
	return (int64_t)n;
}

/* A collector of which a test says what it sees. */
static struct snapshot played;
static atomic_int played_n;
static void on_take(void *arg, const struct bus_in *m)
{
	struct err err;
	(void)arg;
	struct snapshot s = next_snapshot();
	const struct snapshot mine = s;
	s = played;
	s.snapshot_id = mine.snapshot_id;
	s.timestamp = mine.timestamp;
	s.orchestrator_last_run = mine.orchestrator_last_run;
	atomic_fetch_add(&played_n, 1);
	struct span text = snapshot_json(&s, &kept).text;
	const struct bus_out stored_one = {.subject = "gannet.acme.snapshot.taken", .data = text};
	const struct bus_out reply = {.subject = arena_cstr(&kept, m->reply), .data = text};
	CHECK_OK(bus_publish(bus, &stored_one, &err), err);
	CHECK_OK(bus_publish(bus, &reply, &err), err);
}
UNUSED static void play_collector(void)
{
	struct bus_sub *sub;
	struct err err;
	played = healthy_snapshot();
	CHECK_OK(bus_subscribe(bus, "gannet.acme.snapshot.take", NULL, on_take, NULL, &sub, &err), err);
	CHECK_OK(bus_flush(bus, 5000, &err), err);
}

#endif
