/* The summary of a week, from real streams and buckets, at times of the test's own. */
#include "services/notifier/board.c"
#include "services/notifier/entry.c"
#include "services/notifier/render.c"
#include "services/notifier/routing.c"
#include "services/notifier/target.c"
#include "services/notifier/weekly.c"
#include "services/notifier/window.c"
#include "tests/integration/jobs_helpers.h"

static enum status check_nothing(const struct target *t, struct err *err)
{
	(void)t, (void)err;
	return STATUS_OK;
}
static const struct target_kind kind = {.kind = "webhook", .summaries = true, .check = check_nothing};
const struct target_kind *const target_kinds[] = {&kind};
const size_t target_kinds_n = 1;

static void on_change(void *arg)
{
	(void)arg;
}

static void finding(struct bus *b, const char *fingerprint, const char *status, const char *severity)
{
	char at[RFC3339_BYTES];
	struct err err;
	rfc3339_format(clock_wall_ms(&clock_system), at);
	const char *body = text_of("{\"fingerprint\":\"%s\",\"source\":\"integrity\",\"type\":\"orphans\",\"severity\":\"%s\","
	                           "\"status\":\"%s\",\"title\":\"trouble %s\",\"occurrences\":1,\"timestamp\":\"%s\"}",
	                           fingerprint, severity, status, fingerprint, at);
	test_store(b, text_of("gannet.acme.findings.integrity.%s", severity), span_from(body), NULL);
	CHECK_OK(bus_kv_put(b, BUCKET_FINDINGS, text_of("acme.%s", fingerprint), span_from(body), NULL, &err), err);
}

TEST(the_week_is_summed_up_once_for_each_tenant)
{
	struct bus *b = test_bus();
	struct board *board;
	struct routing *routing;
	struct entry *entries = NULL;
	struct err err;
	scoped_arena a = {0};
	static const char *const names[] = {STREAM_FINDINGS, BUCKET_FINDINGS, BUCKET_NOTIFIED, BUCKET_SILENCES, NULL};
	for (const char *const *n = names; *n; n++)
		CHECK_OK(bus_topology_ensure(b, *n, &bus_limits_default, &err), err);
	finding(b, "f1", "open", "critical");
	finding(b, "f2", "open", "low");
	finding(b, "f3", "resolved", "low");
	CHECK_OK(routing_parse(SPAN("{\"targets\":[{\"name\":\"x\",\"kind\":\"webhook\",\"weekly_summary\":true}]}"), &routing, &err), err);
	CHECK_OK(board_open(b, on_change, NULL, &board, &err), err);
	WAIT_FOR(board_ready(board), "the board");
	int64_t next_ms = weekly_turn_ms(clock_wall_ms(&clock_system)) + WEEK_MS;
	const struct target *t = &routing->targets[0];
	CHECK_INT(weekly_entries(b, board, t, next_ms + WEEKLY_LATE_MS + 1, &a, &entries, 0), 0);
	CHECK_INT(weekly_entries(b, board, t, next_ms + 1000, &a, &entries, 0), 1);
	CHECK_HAS(arena_cstr(&a, entries[0].body), "2 opened and 1 resolved in the week, 2 open now");
	CHECK_HAS(arena_cstr(&a, entries[0].body), "| critical | 1 |");
	CHECK_HAS(arena_cstr(&a, entries[0].body), "- **critical** integrity: trouble f1\n- **low**");
	const char *record = text_of("{\"entry\":\"%.*s\",\"target\":\"x\",\"state\":\"open\",\"revision\":\"weekly\"}",
	                             SPAN_ARG(entries[0].key));
	CHECK_OK(bus_kv_put(b, BUCKET_NOTIFIED, text_of("acme.%.*s.x", SPAN_ARG(entries[0].key)), span_from(record), NULL, &err), err);
	const struct pace pace = {1000, 1000};
	int64_t due_ms = INT64_MAX;
	WAIT_FOR(weekly_entries(b, board, t, next_ms + 2000, &a, &entries, 0) == 1 &&
	             entry_step(&entries[0], &pace, next_ms + 2000, &due_ms) == STEP_NONE,
	         "the record to be known");
	board_close(board);
	routing_free(routing);
}
