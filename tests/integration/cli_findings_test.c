/* gannet findings: what the command shows and does, against the real notifier. */
#include "tests/integration/notifier_helpers.h"

/* Runs `gannet --tenant acme findings …`; standard output goes to `out`. */
static int findings(struct buf *out, const char *const *args)
{
	const char *all[24] = {"--tenant", "acme", "findings"};
	for (size_t n = 0; args[n] && n < countof(all) - 4; n++)
		all[3 + n] = args[n];
	buf_reset(out);
	int code = test_run("gannet", all, NULL, out);
	buf_addc(out, 0);
	return code;
}
#define FINDINGS(out, ...) findings(out, (const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})

static void find_two(struct bus *b)
{
	tell_finding(b, "f1", "critical",
	             INTEGRITY ",\"description\":\"Rows of clips\\nlost\\u001b[2J\",\"recommendation\":\"mend them\","
	                       "\"evidence\":{\"rows\":3},\"labels\":{\"table\":\"clips\"}");
	tell_finding(b, "g1", "low", "\"source\":\"diagnosis\",\"type\":\"latency\"");
	WAIT_FOR(is_told(b, "f1", "open") && kv(b, BUCKET_FINDINGS, "acme.g1").p, "both findings");
}

TEST(what_is_open_is_listed_worst_first_and_narrowed_down)
{
	struct bus *b = test_bus();
	scoped_buf out = {0};
	start_notifier("");
	CHECK_INT(FINDINGS(&out), 0);
	CHECK(!*out.data);
	find_two(b);
	WAIT_FOR(FINDINGS(&out) == 0 && strstr(out.data, "repo"), "the record to be seen");
	CHECK_HAS(out.data, "SEVERITY");
	CHECK(strstr(out.data, "trouble f1") < strstr(out.data, "trouble g1"));
	CHECK_INT(FINDINGS(&out, "-q"), 0);
	CHECK(strcmp(out.data, "f1\ng1\n") == 0);
	CHECK_INT(FINDINGS(&out, "list", "-q", "--severity", "high"), 0);
	CHECK(strcmp(out.data, "f1\n") == 0);
	CHECK_INT(FINDINGS(&out, "-q", "--source", "diagnosis"), 0);
	CHECK(strcmp(out.data, "g1\n") == 0);
	CHECK_INT(FINDINGS(&out, "-q", "--type", "latency", "--limit", "1"), 0);
	CHECK(strcmp(out.data, "g1\n") == 0);
	CHECK_INT(FINDINGS(&out, "--json"), 0);
	CHECK(strcmp(test_json(out.data, "/findings/0/finding/fingerprint"), "f1") == 0);
	CHECK(strcmp(test_json(out.data, "/total"), "2") == 0);
	CHECK_INT(FINDINGS(&out, "--fail-on", "high"), 8);
	CHECK_INT(FINDINGS(&out, "--source", "diagnosis", "--fail-on", "medium"), 0);
}

TEST(one_is_shown_with_who_was_told)
{
	struct bus *b = test_bus();
	scoped_buf out = {0};
	start_notifier("");
	find_two(b);
	WAIT_FOR(FINDINGS(&out, "show", "f1") == 0 && strstr(out.data, "repo: open https://github.test/1"), "who was told");
	CHECK_HAS(out.data, "critical, open");
	CHECK_HAS(out.data, "integrity / orphaned_rows");
	CHECK_HAS(out.data, "table=clips");
	CHECK_HAS(out.data, "What to do\nmend them");
	CHECK_HAS(out.data, "{\"rows\":3}");
	CHECK(!strchr(out.data, 0x1b));
	CHECK_INT(FINDINGS(&out, "show", "f1", "--json"), 0);
	CHECK(strcmp(test_json(out.data, "/notified/0/target"), "repo") == 0);
	CHECK_INT(FINDINGS(&out, "show", "nobody"), 6);
}

TEST(a_silence_is_begun_shown_and_ended)
{
	struct bus *b = test_bus();
	scoped_buf out = {0};
	start_notifier("");
	CHECK_INT(FINDINGS(&out, "silence", "f2", "--for", "2h", "--reason", "known", "--by", "ada"), 0);
	CHECK(strcmp(out.data, "f2\n") == 0);
	tell_finding(b, "f2", "critical", "");
	find_two(b);
	CHECK_INT(ISSUES("trouble f2"), 0);
	CHECK_INT(FINDINGS(&out), 0);
	CHECK_HAS(out.data, "silenced until ");
	CHECK_INT(FINDINGS(&out, "--fail-on", "critical", "--type", "orphaned_rows"), 8);
	CHECK_INT(FINDINGS(&out, "silence", "f1", "--until", "+1h"), 0);
	WAIT_FOR(FINDINGS(&out, "--fail-on", "critical") == 0, "both to be silenced");
	CHECK_INT(FINDINGS(&out, "unsilence", "f2"), 0);
	WAIT_FOR(is_told(b, "f2", "open"), "the issue");
}

TEST(maintenance_holds_back_what_is_new_until_it_is_ended)
{
	struct bus *b = test_bus();
	scoped_buf out = {0};
	start_notifier(",\"maintenance\":[{\"from\":\"2020-01-01T00:00:00Z\",\"until\":\"2020-01-02T00:00:00Z\"},"
	               "{\"from\":\"2090-01-01T00:00:00Z\",\"until\":\"2090-01-02T00:00:00Z\",\"reason\":\"the great move\"}]");
	CHECK_INT(FINDINGS(&out, "maintain", "--source", "inte*", "--source", "x", "--for", "1h", "--reason", "upgrade"), 0);
	const char *window = text_of("%.*s", (int)strlen(out.data) - 1, out.data);
	WAIT_FOR(FINDINGS(&out, "maintenance") == 0 && strstr(out.data, window), "the window");
	CHECK_HAS(out.data, "inte*");
	CHECK_HAS(out.data, "the great move");
	CHECK(!strstr(out.data, "2020"));
	CHECK_INT(FINDINGS(&out, "maintenance", "--json"), 0);
	CHECK(strcmp(test_json(out.data, "/windows/0/reason"), "upgrade") == 0);
	CHECK_HAS(test_json(out.data, "/windows/1/from"), "2090-01-01T00:00:00");
	tell_finding(b, "f1", "critical", "");
	tell_finding(b, "g1", "critical", "\"source\":\"diagnosis\",\"type\":\"latency\"");
	WAIT_FOR(is_told(b, "g1", "open"), "what is not held back");
	CHECK_INT(ISSUES("trouble f1"), 0);
	CHECK_INT(FINDINGS(&out), 0);
	CHECK_HAS(out.data, "maintenance");
	CHECK_INT(FINDINGS(&out, "unsilence", window), 0);
	WAIT_FOR(is_told(b, "f1", "open"), "what was held back");
	CHECK_INT(FINDINGS(&out, "maintain", "--from", "+3h", "--until", "+2h"), 1);
}

TEST(mistakes_are_named)
{
	scoped_buf out = {0};
	test_nats_url(); /* nobody listens there, the observer neither */
	CHECK_INT(FINDINGS(&out, "frobnicate"), 2);
	CHECK_INT(FINDINGS(&out, "show"), 2);
	CHECK_INT(FINDINGS(&out, "list", "f1"), 2);
	CHECK_INT(FINDINGS(&out, "silence", "f1"), 2);
	CHECK_INT(FINDINGS(&out, "silence", "f1", "--for", "1h", "--until", "+1h"), 2);
	CHECK_INT(FINDINGS(&out, "show", "f1", "--for", "1h"), 2);
	CHECK_INT(FINDINGS(&out, "maintain", "--severity", "high", "--for", "1h"), 2);
	CHECK_INT(FINDINGS(&out, "silence", "f1", "--from", "+1h", "--for", "1h"), 2);
	CHECK_INT(FINDINGS(&out, "--severity", "awful"), 2);
	CHECK_INT(FINDINGS(&out), 7);
}
