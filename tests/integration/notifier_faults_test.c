/* The notifier when its broker dies in the middle of a call, and when its clock jumps: still everything once. */
#include "tests/integration/notifier_helpers.h"

#define EVERYTHING ",\"routes\":[{\"target\":\"repo\"}]"
#define SHORT_LEASE "GANNET_LEASE=2s" /* what was not acknowledged when the broker died comes again after it */
#define HOURS_MS(n) ((n)*INT64_C(3600000))

/* ---- the broker */

static void restart_broker(struct bus *b)
{
	test_nats_kill(SIGKILL);
	test_nats_start();
	WAIT_FOR(bus_is_connected(b), "the connection");
}

/* GitHub has filed the issue and has not answered when the broker dies; then it answers, and nobody can write it down. */
static void kill_broker_during_a_call(struct bus *b, const char *fingerprint, bool answer_first)
{
	github_fault((struct github_fault){.method = "POST", .times = 1, .held = true});
	tell_finding(b, fingerprint, "high", "");
	WAIT_FOR(github_is_holding(), "the call");
	test_nats_kill(SIGKILL);
	if (answer_first)
		github_release();
	test_nats_start();
	WAIT_FOR(bus_is_connected(b), "the connection");
	if (!answer_first)
		github_release();
	WAIT_FOR(is_told(b, fingerprint, "open"), "the record");
}

TEST(a_broker_killed_during_a_call_makes_no_issue_twice_and_loses_none)
{
	struct bus *b = test_bus();
	notifier_variable = SHORT_LEASE;
	start_notifier(EVERYTHING);
	kill_broker_during_a_call(b, "f1", true);
	kill_broker_during_a_call(b, "f2", false);
	CHECK_INT(ISSUES("trouble f1"), 1);
	CHECK_INT(ISSUES("trouble f2"), 1);
	CHECK_INT(OPEN_ISSUES("trouble"), 2);
}

TEST(two_replicas_file_once_while_the_broker_is_killed_again_and_again)
{
	enum { ROUNDS = 3, EACH = 6 };
	struct bus *b = test_bus();
	notifier_variable = SHORT_LEASE;
	start_notifier(EVERYTHING);
	start_notifier(EVERYTHING);
	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < EACH; i++)
			tell_finding(b, text_of("f%d%d", round, i), "low", "");
		WAIT_FOR(ISSUES(text_of("trouble f%d", round)) > round, "some of them");
		restart_broker(b);
	}
	for (int round = 0; round < ROUNDS; round++)
		for (int i = 0; i < EACH; i++)
			WAIT_FOR(is_told(b, text_of("f%d%d", round, i), "open"), "all records");
	for (int round = 0; round < ROUNDS; round++)
		for (int i = 0; i < EACH; i++)
			CHECK_INT(ISSUES(text_of("trouble f%d%d", round, i)), 1);
}

/* ---- the clock */

static void set_clock(int64_t ms)
{
	const char *path = text_of("%s/notifier.clock", test_dir());
	FILE *f = fopen(path, "r+be");
	if (!f)
		f = fopen(path, "wbe");
	CHECK(f && fwrite(&ms, sizeof ms, 1, f) == 1 && fclose(f) == 0);
	notifier_variable = text_of("GANNET_TEST_CLOCK=%s", path);
}

/* So that it is Sunday, noon, for the notifier. */
static int64_t to_sunday(void)
{
	const int64_t week_ms = HOURS_MS(24 * 7), sunday_noon_ms = HOURS_MS(3 * 24 + 12); /* 1970-01-04 12:00 */
	int64_t now_ms = clock_wall_ms(&clock_system);
	return week_ms - (now_ms - sunday_noon_ms) % week_ms;
}

/* Another finding that is told: the notifier has looked at everything since. */
static void nudge(struct bus *b)
{
	static int n;
	const char *name = text_of("nudge%d", n++);
	tell_finding(b, name, "low", "");
	WAIT_FOR(is_told(b, name, "open"), "the nudge");
}

TEST(a_clock_that_jumps_makes_one_summary_a_week)
{
	struct bus *b = test_bus();
	int64_t sunday_ms = to_sunday();
	set_clock(sunday_ms);
	start_notifier_with(",\"kind\":\"github_issue\",\"weekly_summary\":true", EVERYTHING);
	start_notifier_with(",\"kind\":\"github_issue\",\"weekly_summary\":true", EVERYTHING);
	nudge(b);
	CHECK_INT(ISSUES("Findings of the week"), 0);
	set_clock(sunday_ms + HOURS_MS(22)); /* Monday, ten o'clock */
	nudge(b);
	WAIT_FOR(ISSUES("Findings of the week") == 1, "the summary");
	for (int i = 0; i < 3; i++) { /* back and forth over nine o'clock */
		set_clock(sunday_ms);
		nudge(b);
		set_clock(sunday_ms + HOURS_MS(22 + i));
		nudge(b);
	}
	CHECK_INT(ISSUES("Findings of the week"), 1);
	set_clock(sunday_ms + HOURS_MS(22 + 4 * 7 * 24)); /* weeks that were missed are not made up for */
	nudge(b);
	WAIT_FOR(ISSUES("Findings of the week") == 2, "the next summary");
	nudge(b);
	CHECK_INT(ISSUES("Findings of the week"), 2);
}

TEST(a_clock_that_jumps_tells_nothing_again_and_holds_nothing_back_for_ever)
{
	struct bus *b = test_bus();
	enum status status;
	char until[RFC3339_BYTES];
	set_clock(0);
	start_notifier(EVERYTHING);
	rfc3339_format(clock_wall_ms(&clock_system) + HOURS_MS(2), until);
	test_request(b, "gannet.acme.findings.silence", text_of("{\"fingerprint\":\"quiet\",\"until\":\"%s\"}", until), &status, NULL);
	CHECK_INT(status, STATUS_OK);
	tell_finding(b, "quiet", "high", "");
	tell_finding(b, "f1", "high", "");
	WAIT_FOR(is_told(b, "f1", "open"), "the first");
	CHECK_INT(ISSUES("trouble quiet"), 0);
	set_clock(HOURS_MS(3));
	nudge(b);
	WAIT_FOR(is_told(b, "quiet", "open"), "what was silenced");
	set_clock(HOURS_MS(-48));
	nudge(b);
	/* What was told of by a clock that is ahead now is still brought up to date. */
	tell_finding(b, "f1", "critical", "");
	WAIT_FOR(OPEN_ISSUES("[critical] trouble f1") == 1, "the issue to be worse");
	tell_finding(b, "f1", "high", "");
	WAIT_FOR(OPEN_ISSUES("[high] trouble f1") == 1, "the issue to be better");
	tell_finding(b, "f1", "resolved", "");
	WAIT_FOR(is_told(b, "f1", "closed"), "the end");
	set_clock(HOURS_MS(48));
	nudge(b);
	CHECK_INT(ISSUES("trouble f1"), 1);
	CHECK_INT(ISSUES("trouble quiet"), 1);
	CHECK_INT(OPEN_ISSUES("trouble f1"), 0);
}
