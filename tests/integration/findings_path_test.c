/* Findings from a watch to an issue and back: what is found no more, and what nobody looks for any more. */
#include "tests/integration/notifier_helpers.h"
#include "tests/integration/watchers_helpers.h"

#define WATCHES "{\"tenant\":\"acme\",\"watches\":[%s]}"
#define DEPLOYS "{\"name\":\"deploys\",\"watcher\":\"diagnosis\",\"schedule\":\"never\"}"
#define OTHER "{\"name\":\"other\",\"watcher\":\"diagnosis\",\"schedule\":\"never\"}"
#define BY_ISSUE ",\"routes\":[{\"target\":\"repo\",\"types\":[\"deploy_failures\"]}]"

static void deploy(const char *status, int minutes_ago)
{
	char at[RFC3339_BYTES];
	rfc3339_format(clock_wall_ms(&clock_system) - minutes_ago * 60000, at);
	test_store(test_bus(), "gannet.acme.signals.deploy",
	           span_from(text_of("{\"service\":\"checkout\",\"status\":\"%s\",\"timestamp\":\"%s\"}", status, at)), NULL);
}

/* A watch that finds three failed deploys, and the issue of it. */
static void find_failed_deploys(void)
{
	for (int i = 0; i < 3; i++)
		deploy("failed", 20 - i);
	run_watch("deploys");
	WAIT_FOR(OPEN_ISSUES("checkout") == 1, "the issue");
	check_finding("deploy_failures", "checkout", "open");
}

static void mend(void)
{
	deploy("succeeded", 1);
	deploy("succeeded", 0);
}

TEST(what_a_watch_finds_no_more_closes_its_issue)
{
	test_bus();
	start_notifier(BY_ISSUE);
	start_watchers(text_of(WATCHES, DEPLOYS));
	find_failed_deploys();
	mend();
	run_watch("deploys");
	check_finding("deploy_failures", "checkout", "resolved");
	WAIT_FOR(ISSUES("checkout") - OPEN_ISSUES("checkout") == 1, "the issue to be closed");
	WAIT_FOR(github_count("Recovered", false, true, -1) == 1, "the comment");
	for (int i = 0; i < 3; i++)
		deploy("failed", 0);
	run_watch("deploys");
	check_finding("deploy_failures", "checkout", "open");
	WAIT_FOR(OPEN_ISSUES("checkout") == 1, "the same issue to be open again");
	CHECK_INT(ISSUES("checkout"), 1);
}

TEST(findings_of_a_watch_that_is_gone_are_closed_as_no_longer_watched)
{
	test_bus();
	start_notifier(BY_ISSUE);
	start_watchers_with(text_of(WATCHES, DEPLOYS), "GANNET_WATCH_UNWATCHED=200ms");
	struct test_process *second = start_watchers_with(text_of(WATCHES, DEPLOYS), "GANNET_WATCH_UNWATCHED=200ms");
	find_failed_deploys();
	run_watch("deploys"); /* a watch that is there keeps its findings, however long that is */
	check_finding("deploy_failures", "checkout", "open");
	write_config(text_of(WATCHES, OTHER));
	WAIT_FOR(OPEN_ISSUES("checkout") == 0, "the issue to be closed");
	check_finding("deploy_failures", "checkout", "resolved");
	WAIT_FOR(github_count("No longer watched", false, true, -1) == 1, "the comment");
	CHECK_INT(github_count("Recovered", false, true, -1), 0);
	test_kill(second, SIGTERM);
	CHECK_INT(test_wait_exit(second), 0);
	write_config(text_of(WATCHES, DEPLOYS));
	WAIT_FOR(strcmp(test_json(ask_watch("list", "{}"), "/watches/0/name"), "deploys") == 0, "the watch to be back");
	run_watch("deploys");
	WAIT_FOR(OPEN_ISSUES("checkout") == 1, "the same issue to be open again");
	CHECK_INT(ISSUES("checkout"), 1);
}

TEST(a_watch_that_is_gone_for_a_moment_or_switched_off_keeps_its_findings)
{
	test_bus();
	start_notifier(BY_ISSUE);
	struct test_process *p = start_watchers_with(text_of(WATCHES, DEPLOYS), "GANNET_WATCH_UNWATCHED=1h");
	find_failed_deploys();
	write_config(text_of(WATCHES, OTHER));
	WAIT_FOR(strcmp(test_json(ask_watch("list", "{}"), "/watches/0/name"), "other") == 0, "the watch to be gone");
	write_config(text_of(WATCHES, DEPLOYS));
	WAIT_FOR(strcmp(test_json(ask_watch("list", "{}"), "/watches/0/name"), "deploys") == 0, "the watch to be back");
	test_kill(p, SIGTERM);
	CHECK_INT(test_wait_exit(p), 0);
	/* Switched off it is still a watch: another one's findings are closed, its own are not. */
	const char *off = "{\"name\":\"deploys\",\"watcher\":\"diagnosis\",\"enabled\":false},";
	p = start_watchers_with(text_of(WATCHES, text_of("%s" OTHER, off)), "GANNET_WATCH_UNWATCHED=200ms");
	run_watch("other");
	WAIT_FOR(OPEN_ISSUES("checkout") == 2, "the other one's issue");
	write_config(text_of(WATCHES, "{\"name\":\"deploys\",\"watcher\":\"diagnosis\",\"enabled\":false}"));
	WAIT_FOR(strstr(log_of(p), "no longer watched"), "the other one's to be closed");
	CHECK(!strstr(log_of(p), "\"watch\":\"deploys\""));
	WAIT_FOR(OPEN_ISSUES("checkout") == 1, "one issue to be left");
}
