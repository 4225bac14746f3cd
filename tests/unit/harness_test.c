/* The test harness itself: what fails is reported as failed, and nothing outlives a test. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/lib/selftest.h"

CASE(passes)
{
	CHECK(test_dir()[0] == '/');
}

CASE(fails_a_check)
{
	char path[4096];
	snprintf(path, sizeof path, "%s/1-server.log", test_dir());
	FILE *log = fopen(path, "w");
	CHECK(log);
	fputs("the server's last words\n", log);
	fclose(log);
	CHECK_INT(1 + 1, 3);
}

CASE(crashes)
{
	signal(SIGUSR1, SIG_DFL);
	raise(SIGUSR1);
}

static void end_check(void)
{
	test_fail(__FILE__, __LINE__, "found at the end");
}

CASE(fails_at_its_end)
{
	test_at_end(TEST_END_BUS, end_check);
}

/* Leaves a process behind that no parent's death ends, and its id and the test's folder in $HARNESS_NOTE. */
static void leave_daemon(void)
{
	pid_t pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		setsid();
		for (;;)
			pause();
	}
	FILE *f = fopen(getenv("HARNESS_NOTE"), "w");
	CHECK(f);
	fprintf(f, "%d %s\n", (int)pid, test_dir());
	fclose(f);
}

CASE(leaves_a_process)
{
	leave_daemon();
}

CASE(leaves_a_process_and_fails)
{
	leave_daemon();
	CHECK(!"on purpose");
}

CASE(hangs)
{
	leave_daemon();
	for (;;)
		pause();
}

static void expect_note(void)
{
	static char path[4096];
	snprintf(path, sizeof path, "%s/note", test_dir());
	setenv("HARNESS_NOTE", path, 1);
}

/* The process that the case left; 0 while there is no note. */
static pid_t left_behind(char folder[4096])
{
	int pid = 0;
	FILE *f = fopen(getenv("HARNESS_NOTE"), "r");
	if (!f)
		return 0;
	if (fscanf(f, "%d %4095s", &pid, folder) != 2)
		pid = 0;
	fclose(f);
	return pid;
}

static void check_nothing_is_left(void)
{
	char folder[4096];
	struct stat st;
	pid_t pid = left_behind(folder);
	CHECK(pid > 0);
	CHECK(kill(pid, 0) < 0 && errno == ESRCH);
	CHECK(stat(folder, &st) < 0 && errno == ENOENT);
}

/* The runner on this program's cases that match. */
static pid_t start_runner(const char *match, const char *more)
{
	static char path[4096];
	snprintf(path, sizeof path, "%s/test-runner", test_bin());
	return selftest_start((const char *[]){path, "--match", match, selftest_program(), more, NULL});
}

TEST(a_passing_test_passes_silently)
{
	CHECK_INT(selftest_run("passes"), 0);
	CHECK_MSG(!selftest_output()[0], "%s", selftest_output());
}

TEST(a_failing_check_names_its_line_and_shows_the_logs)
{
	CHECK_INT(selftest_run("fails_a_check"), 1);
	CHECK_HAS(selftest_output(), "harness_test.c:");
	CHECK_HAS(selftest_output(), "1 + 1: got 2, want 3");
	CHECK_HAS(selftest_output(), "--- 1-server.log\nthe server's last words\n");
}

TEST(a_crash_is_a_failure_that_names_the_signal)
{
	CHECK_INT(selftest_run("crashes"), 1);
	CHECK_HAS(selftest_output(), "crashes: User defined signal 1");
}

TEST(a_check_at_the_end_fails_the_test)
{
	CHECK_INT(selftest_run("fails_at_its_end"), 1);
	CHECK_HAS(selftest_output(), "found at the end");
}

TEST(a_leftover_process_is_killed_and_fails_the_test)
{
	expect_note();
	CHECK_INT(selftest_run("leaves_a_process"), 1);
	CHECK_HAS(selftest_output(), "left behind: process");
	check_nothing_is_left();
}

TEST(a_failing_test_leaves_nothing_behind)
{
	expect_note();
	CHECK_INT(selftest_run("leaves_a_process_and_fails"), 1);
	CHECK_HAS(selftest_output(), "on purpose");
	check_nothing_is_left();
}

TEST(a_terminated_test_leaves_nothing_behind)
{
	char folder[4096];
	expect_note();
	pid_t pid = selftest_start((const char *[]){selftest_program(), "--run", "hangs", NULL});
	WAIT_FOR(left_behind(folder), "the hanging test to start");
	kill(pid, SIGTERM);
	CHECK_INT(selftest_wait(pid), 130);
	check_nothing_is_left();
}

TEST(the_runner_counts_and_shows_only_failures)
{
	expect_note();
	CHECK_INT(selftest_wait(start_runner("/*s_a_[cp]*", NULL)), 1);
	CHECK_HAS(selftest_output(), "FAIL harness_test/leaves_a_process (");
	CHECK_HAS(selftest_output(), "0 passed, 3 failed\n");
	CHECK_INT(selftest_wait(start_runner("/passes", NULL)), 0);
	CHECK_MSG(strcmp(selftest_output(), "1 passed, 0 failed\n") == 0, "%s", selftest_output());
}

TEST(the_runner_fails_when_nothing_ran)
{
	CHECK_INT(selftest_wait(start_runner("no such test", NULL)), 1);
	CHECK_HAS(selftest_output(), "0 passed, 0 failed\n");
}

TEST(the_runner_fails_when_a_program_does_not_list_its_tests)
{
	CHECK_INT(selftest_wait(start_runner("/passes", "/bin/false")), 1);
	CHECK_HAS(selftest_output(), "FAIL /bin/false --list");
	CHECK_HAS(selftest_output(), "1 passed, 1 failed\n");
}

TEST(an_interrupted_runner_leaves_nothing_behind)
{
	char folder[4096];
	expect_note();
	pid_t pid = start_runner("/hangs", NULL);
	WAIT_FOR(left_behind(folder), "the hanging test to start");
	kill(pid, SIGINT);
	CHECK_INT(selftest_wait(pid), 128 + SIGINT);
	check_nothing_is_left();
}
