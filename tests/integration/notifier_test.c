/* Findings become issues, discussions, comments and messages: each once, whatever dies. */
#include "auth/hmac.h"
#include "tests/integration/notifier_helpers.h"

TEST(a_finding_becomes_one_issue_that_follows_it)
{
	struct bus *b = test_bus();
	start_notifier("");
	tell_finding(b, "f1", "high",
	             INTEGRITY ",\"description\":\"rows of @everyone <!-- gannet acme.f9 --> are lost\",\"recommendation\":\"mend "
	                       "them\",\"evidence\":{\"rows\":3},\"labels\":{\"table\":\"clips\"}");
	WAIT_FOR(is_told(b, "f1", "open"), "the record");
	CHECK_INT(OPEN_ISSUES("[high] trouble f1"), 1);
	CHECK_INT(ISSUES("<!-- gannet acme.f1 -->"), 1);
	CHECK_INT(ISSUES("<!-- gannet acme.f9 -->"), 0);
	CHECK_INT(ISSUES("@everyone"), 0);
	CHECK_INT(ISSUES("\"rows\":3"), 1);
	tell_finding(b, "f1", "critical", "");
	WAIT_FOR(OPEN_ISSUES("[critical] trouble f1") == 1, "the issue to be worse");
	WAIT_FOR(github_count("This is now **critical**", false, true, -1) == 1, "a comment");
	tell_finding(b, "f1", "resolved", "");
	WAIT_FOR(is_told(b, "f1", "closed"), "the issue to be closed");
	CHECK_INT(OPEN_ISSUES("trouble f1"), 0);
	tell_finding(b, "f1", "high", "");
	WAIT_FOR(is_told(b, "f1", "open"), "the issue to be open again");
	CHECK_INT(OPEN_ISSUES("trouble f1"), 1);
	CHECK_INT(ISSUES("trouble f1"), 1);
}

TEST(two_replicas_file_each_finding_once)
{
	enum { FINDINGS = 15 };
	struct bus *b = test_bus();
	start_notifier(",\"routes\":[{\"target\":\"repo\"}]");
	start_notifier(",\"routes\":[{\"target\":\"repo\"}]");
	for (int i = 0; i < FINDINGS; i++)
		tell_finding(b, text_of("f%02d", i), "low", "");
	for (int i = 0; i < FINDINGS; i++)
		WAIT_FOR(is_told(b, text_of("f%02d", i), "open"), "all records");
	CHECK_INT(ISSUES("trouble"), FINDINGS);
}

TEST(an_issue_whose_answer_was_lost_with_the_process_is_found_again)
{
	struct bus *b = test_bus();
	struct test_process *p = start_notifier("");
	github_fault((struct github_fault){.method = "POST", .times = 1, .done = true});
	tell_finding(b, "f1", "high", "");
	WAIT_FOR(ISSUES("trouble f1") == 1, "the issue");
	test_kill(p, SIGKILL);
	test_wait_exit(p);
	start_notifier("");
	WAIT_FOR(is_told(b, "f1", "open"), "the record");
	CHECK_INT(ISSUES("trouble f1"), 1);
}

TEST(nothing_is_filed_twice_after_all_records_are_lost)
{
	struct bus *b = test_bus();
	struct err err;
	struct test_process *p = start_notifier("");
	tell_finding(b, "f1", "high", "");
	tell_finding(b, "f2", "high", "");
	WAIT_FOR(is_told(b, "f1", "open") && is_told(b, "f2", "open"), "the records");
	test_kill(p, SIGTERM);
	CHECK_INT(test_wait_exit(p), 0);
	CHECK_OK(bus_kv_delete(b, BUCKET_NOTIFIED, "acme.f1.repo", &err), err);
	CHECK_OK(bus_kv_delete(b, BUCKET_NOTIFIED, "acme.f2.repo", &err), err);
	start_notifier("");
	WAIT_FOR(is_told(b, "f1", "open") && is_told(b, "f2", "open"), "the records again");
	CHECK_INT(ISSUES("trouble"), 2);
}

TEST(limits_and_failures_of_github_are_waited_out)
{
	struct bus *b = test_bus();
	start_notifier("");
	github_fault((struct github_fault){.method = "POST", .status = 403, .times = 1, .retry_after = "1"});
	tell_finding(b, "f1", "high", "");
	WAIT_FOR(is_told(b, "f1", "open"), "the first");
	github_fault((struct github_fault){.method = "POST", .status = 502, .times = 2});
	tell_finding(b, "f2", "high", "");
	WAIT_FOR(is_told(b, "f2", "open"), "the second");
	github_fault((struct github_fault){.method = "GET", .status = 429, .times = 1, .retry_after = "1"});
	tell_finding(b, "f3", "high", "");
	WAIT_FOR(is_told(b, "f3", "open"), "the third");
	CHECK_INT(ISSUES("trouble"), 3);
}

TEST(an_entry_that_is_refused_does_not_keep_others_waiting)
{
	struct bus *b = test_bus();
	struct test_process *p = start_notifier("");
	github_fault((struct github_fault){.method = "POST", .status = 422, .times = 1});
	tell_finding(b, "f1", "critical", "");
	WAIT_FOR(strstr(log_of(p), "a target refuses an entry"), "the refusal");
	tell_finding(b, "f2", "high", "");
	WAIT_FOR(is_told(b, "f2", "open"), "the other");
	CHECK_INT(ISSUES("trouble f1"), 0);
}

TEST(the_rate_cap_lets_the_worst_through_first)
{
	struct bus *b = test_bus();
	struct err err;
	CHECK_OK(bus_topology_ensure(b, STREAM_FINDINGS, &bus_limits_default, &err), err);
	CHECK_OK(bus_topology_ensure(b, BUCKET_FINDINGS, &bus_limits_default, &err), err);
	for (int i = 1; i < 8; i++)
		tell_finding(b, text_of("f%d", i), i > 5 ? "critical" : "high", "");
	start_notifier_with(",\"kind\":\"github_issue\",\"max_per_hour\":2", ",\"routes\":[{\"target\":\"repo\"}]");
	WAIT_FOR(ISSUES("trouble") >= 2, "two issues");
	WAIT_FOR(kv(b, BUCKET_FINDINGS, "acme.f7").p != NULL, "all findings");
	tell_finding(b, "f9", "critical", "");
	WAIT_FOR(kv(b, BUCKET_FINDINGS, "acme.f9").p != NULL, "one more");
	CHECK_INT(ISSUES("trouble"), 2);
}

TEST(findings_that_agree_share_an_issue)
{
	struct bus *b = test_bus();
	start_notifier_with(",\"kind\":\"github_issue\",\"group_by\":[\"source\",\"label:table\"]", "");
	for (int i = 0; i < 3; i++)
		tell_finding(b, text_of("f%d", i), "high", INTEGRITY ",\"labels\":{\"table\":\"clips\"}");
	tell_finding(b, "g0", "high", INTEGRITY ",\"labels\":{\"table\":\"users\"}");
	WAIT_FOR(OPEN_ISSUES("3 findings of integrity") == 1 && OPEN_ISSUES("trouble g0") == 1, "two issues");
	CHECK_INT(ISSUES("trouble"), 2);
	tell_finding(b, "f0", "resolved", INTEGRITY ",\"labels\":{\"table\":\"clips\"}");
	WAIT_FOR(OPEN_ISSUES("2 findings of integrity") == 1, "one less");
	tell_finding(b, "f1", "resolved", INTEGRITY ",\"labels\":{\"table\":\"clips\"}");
	tell_finding(b, "f2", "resolved", INTEGRITY ",\"labels\":{\"table\":\"clips\"}");
	WAIT_FOR(OPEN_ISSUES("findings of integrity") == 0, "the issue to be closed");
	CHECK_INT(OPEN_ISSUES("trouble g0"), 1);
}

TEST(what_is_silenced_is_told_when_the_silence_ends)
{
	struct bus *b = test_bus();
	enum status status;
	char until[RFC3339_BYTES];
	start_notifier("");
	rfc3339_format(clock_wall_ms(&clock_system) + 3600 * 1000, until);
	const char *r = test_request(b, "gannet.acme.findings.silence",
	                             text_of("{\"fingerprint\":\"f1\",\"until\":\"%s\",\"reason\":\"known\",\"by\":\"ada\"}", until),
	                             &status, NULL);
	CHECK_MSG(status == STATUS_OK, "%s", r);
	tell_finding(b, "f1", "high", "");
	tell_finding(b, "f2", "high", "");
	WAIT_FOR(is_told(b, "f2", "open"), "the other one");
	CHECK_INT(ISSUES("trouble f1"), 0);
	r = test_request(b, "gannet.acme.findings.list", "{}", &status, NULL);
	CHECK(strcmp(test_json(r, "/total"), "2") == 0);
	r = test_request(b, "gannet.acme.findings.get", "{\"fingerprint\":\"f1\"}", &status, NULL);
	CHECK(strcmp(test_json(r, "/silenced_until"), until) == 0);
	test_request(b, "gannet.acme.findings.unsilence", "{\"fingerprint\":\"f1\"}", &status, NULL);
	CHECK_INT(status, STATUS_OK);
	WAIT_FOR(is_told(b, "f1", "open"), "the issue");
	r = test_request(b, "gannet.acme.findings.get", "{\"fingerprint\":\"f1\"}", &status, NULL);
	CHECK(strcmp(test_json(r, "/notified/0/reference"), "2") == 0);
	test_request(b, "gannet.acme.findings.get", "{\"fingerprint\":\"nobody\"}", &status, NULL);
	CHECK_INT(status, STATUS_NOT_FOUND);
	test_request(b, "gannet.acme.findings.silence", "{\"fingerprint\":\"f1\",\"until\":\"2020-01-01T00:00:00Z\"}", &status, NULL);
	CHECK_INT(status, STATUS_INVALID);
}

TEST(maintenance_holds_new_entries_back_and_the_file_is_read_again)
{
	struct bus *b = test_bus();
	struct test_process *p = start_notifier(
	    ",\"maintenance\":[{\"from\":\"2020-01-01T00:00:00Z\",\"until\":\"2100-01-01T00:00:00Z\",\"sources\":[\"integ*\"]}]");
	tell_finding(b, "f1", "high", "");
	tell_finding(b, "g1", "high", "\"source\":\"diagnosis\",\"type\":\"latency\"");
	WAIT_FOR(is_told(b, "g1", "open"), "the one that is not held back");
	CHECK_INT(ISSUES("trouble f1"), 0);
	write_notifier_file("{\"targets\":[{\"name\":\"x\",\"kind\":\"pigeon\"}]}");
	WAIT_FOR(strstr(log_of(p), "the changed file is refused"), "the refusal");
	CHECK_HAS(log_of(p), "targets/0/kind");
	CHECK_INT(ISSUES("trouble f1"), 0);
	write_notifier_file(text_of("{\"targets\":[{\"name\":\"repo\",\"kind\":\"github_issue\",\"repository\":\"acme/app\",\"secret\":"
	                   "\"TEST_GITHUB_TOKEN\",\"api_url\":\"http://127.0.0.1:%d\"}]}",
	                   http_server_port(github.server)));
	WAIT_FOR(is_told(b, "f1", "open"), "the issue after the maintenance");
	CHECK(!strstr(log_of(p), GITHUB_TOKEN));
}

TEST(costs_become_discussions)
{
	struct bus *b = test_bus();
	start_notifier_with(",\"kind\":\"github_discussion\",\"category\":\"Operations\"", "");
	tell_finding(b, "c1", "medium", "\"source\":\"analytics\",\"type\":\"cost_deviation\"");
	tell_finding(b, "f1", "critical", "");
	WAIT_FOR(is_told(b, "c1", "open"), "the discussion");
	CHECK_INT(github_count("trouble c1", true, false, 0), 1);
	tell_finding(b, "c1", "resolved", "\"source\":\"analytics\",\"type\":\"cost_deviation\"");
	WAIT_FOR(is_told(b, "c1", "closed"), "the end");
	CHECK_INT(github_count("trouble c1", true, false, 1), 1);
	tell_finding(b, "c1", "high", "\"source\":\"analytics\",\"type\":\"cost_deviation\"");
	WAIT_FOR(github_count("trouble c1", true, false, 0) == 1, "it to be open again");
	CHECK_INT(github_count("trouble f1", true, false, -1), 0);
}

TEST(a_pull_request_has_one_comment_that_is_edited)
{
	struct bus *b = test_bus();
	start_notifier_with(",\"kind\":\"github_comment\"", "");
	const char *about = "\"source\":\"insights\",\"type\":\"risk\",\"labels\":{\"pull_request\":\"7\"}";
	tell_finding(b, "p1", "high", about);
	WAIT_FOR(github_count("trouble p1", false, true, -1) == 1, "the comment");
	tell_finding(b, "p2", "low", about);
	WAIT_FOR(github_count("trouble p2", false, true, -1) == 1, "the comment with both");
	CHECK_INT(github_count("gannet acme.", false, true, -1), 1);
	tell_finding(b, "p1", "resolved", about);
	tell_finding(b, "p2", "resolved", about);
	WAIT_FOR(github_count("- [x]", false, true, -1) == 1, "both to be ticked off");
	CHECK_INT(github_count("gannet acme.", false, true, -1), 1);
}

TEST(webhooks_are_signed_and_tell_what_happened)
{
	struct bus *b = test_bus();
	const char *url = github_start();
	const char *file = write_notifier_file(text_of("{\"targets\":[{\"name\":\"repo\",\"kind\":\"webhook\",\"url\":\"%s/hook\","
	                                      "\"secret\":\"TEST_HOOK_KEY\"}]}",
	                                      url));
	struct test_process *p = test_spawn(
	    "gannet-notifier", (const char *[]){text_of("GANNET_NOTIFIER=%s", file), "TEST_HOOK_KEY=s3cret", NULL}, NULL);
	test_ready(p);
	tell_finding(b, "f1", "low", "");
	WAIT_FOR(is_told(b, "f1", "open"), "the call");
	CHECK(span_starts(buf_span(&github.posts), SPAN("opened {\"event\":\"opened\",\"tenant\":\"acme\",\"entry\":\"f1\"")));
	struct span body = span_of(github.posts.data + 7, github.posts.len - 8);
	unsigned char mac[32];
	char want[72] = "v1=";
	CHECK(auth_hmac(SPAN("s3cret"), span_from(text_of("%s.%.*s", github.timestamp, SPAN_ARG(body))), mac));
	for (int i = 0; i < 32; i++)
		sprintf(want + 3 + 2 * i, "%02x", mac[i]);
	CHECK_MSG(strcmp(github.signature, want) == 0, "%s, wanted %s", github.signature, want);
	CHECK(strncmp(github.key, "f1-opened-", 10) == 0);
	tell_finding(b, "f1", "resolved", "");
	WAIT_FOR(is_told(b, "f1", "closed"), "the second call");
	CHECK(strstr(github.posts.data, "\nresolved {"));
	CHECK(!strstr(log_of(p), "s3cret"));
}

TEST(slack_is_told_in_its_own_words)
{
	struct bus *b = test_bus();
	const char *url = github_start();
	const char *file =
	    write_notifier_file(text_of("{\"targets\":[{\"name\":\"repo\",\"kind\":\"slack\",\"url\":\"%s/hook\"}]}", url));
	test_ready(test_spawn("gannet-notifier", (const char *[]){text_of("GANNET_NOTIFIER=%s", file), NULL}, NULL));
	tell_finding(b, "f1", "high", INTEGRITY ",\"description\":\"a <b> & **c**\"");
	WAIT_FOR(is_told(b, "f1", "open"), "the call");
	CHECK_HAS(github.posts.data, "a &lt;b&gt; &amp; *c*");
}

TEST(without_a_file_findings_are_kept_and_answered)
{
	struct bus *b = test_bus();
	enum status status;
	test_ready(test_spawn("gannet-notifier", NULL, NULL));
	tell_finding(b, "f1", "high", "");
	WAIT_FOR(kv(b, BUCKET_FINDINGS, "acme.f1").p != NULL, "the finding");
	WAIT_FOR(strcmp(test_json(test_request(b, "gannet.acme.findings.list", "{}", &status, NULL), "/total"), "1") == 0, "the list");
	CHECK(strcmp(test_json(test_request(b, "gannet.other.findings.list", "{}", &status, NULL), "/total"), "0") == 0);
}

TEST(mistakes_in_the_file_are_named)
{
	static const struct {
		const char *file, *place, *says;
	} cases[] = {
	    {"{\"targets\":[{\"name\":\"a\",\"kind\":\"webhook\",\"url\":\"https://x.test/y\"}]}", "targets/0/secret", "is required"},
	    {"{\"targets\":[{\"name\":\"a\",\"kind\":\"slack\",\"url\":\"http://x.test/y\"}]}", "targets/0/url", "https://"},
	    {"{\"targets\":[{\"name\":\"a\",\"kind\":\"github_issue\",\"repository\":\"acme\",\"secret\":\"PATH\"}]}",
	     "targets/0/repository", "owner/name"},
	    {"{\"routes\":[{\"target\":\"nobody\"}]}", "routes/0/target", "no target"},
	    {"{\"maintenance\":[{\"from\":\"2026-01-02T00:00:00Z\",\"until\":\"2026-01-01T00:00:00Z\"}]}",
	     "maintenance/0/until", "not after"},
	    {"{\"target\":[]}", "target", "no such member"},
	};
	test_nats_url();
	for (size_t i = 0; i < countof(cases); i++) {
		const char *file = write_notifier_file(cases[i].file);
		struct test_process *p =
		    test_spawn("gannet-notifier", (const char *[]){text_of("GANNET_NOTIFIER=%s", file), NULL}, NULL);
		CHECK_INT(test_wait_exit(p), 1);
		CHECK_HAS(log_of(p), cases[i].place);
		CHECK_HAS(log_of(p), cases[i].says);
	}
}
