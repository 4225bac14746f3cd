/* The test harness itself: what fails is reported as failed, and nothing outlives a test. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lib/test.h"

/* Tests that misbehave, known to this program only when HARNESS_CASES is set: the tests below run it again that way. */

static void passes(void)
{
	CHECK(test_dir()[0] == '/');
}

static void fails_a_check(void)
{
	char path[4096];
	snprintf(path, sizeof path, "%s/1-server.log", test_dir());
	FILE *log = fopen(path, "w");
	CHECK(log);
	fputs("the server's last words\n", log);
	fclose(log);
	CHECK_INT(1 + 1, 3);
}

static void crashes(void)
{
	signal(SIGUSR1, SIG_DFL);
	raise(SIGUSR1);
}

static void end_check(void)
{
	test_fail(__FILE__, __LINE__, "found at the end");
}

static void fails_at_its_end(void)
{
	test_at_end(TEST_END_BUS, end_check);
}

/* Leaves a process behind that no parent's death ends, and its id in $HARNESS_PID_FILE. */
static void leave_daemon(void)
{
	pid_t pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		setsid();
		for (;;)
			pause();
	}
	FILE *f = fopen(getenv("HARNESS_PID_FILE"), "w");
	CHECK(f);
	fprintf(f, "%d\n%s\n", (int)pid, test_dir());
	fclose(f);
}

static void leaves_a_process(void)
{
	leave_daemon();
}

static void leaves_a_process_and_fails(void)
{
	leave_daemon();
	CHECK(!"on purpose");
}

static void hangs(void)
{
	leave_daemon();
	for (;;)
		pause();
}

__attribute__((constructor)) static void register_cases(void)
{
	static struct test_case known[] = {
	    {"passes", __FILE__, passes, NULL},
	    {"fails_a_check", __FILE__, fails_a_check, NULL},
	    {"crashes", __FILE__, crashes, NULL},
	    {"fails_at_its_end", __FILE__, fails_at_its_end, NULL},
	    {"leaves_a_process", __FILE__, leaves_a_process, NULL},
	    {"leaves_a_process_and_fails", __FILE__, leaves_a_process_and_fails, NULL},
	    {"hangs", __FILE__, hangs, NULL},
	};
	for (size_t i = 0; getenv("HARNESS_CASES") && i < countof(known); i++)
		test_register(&known[i]);
}

static const char *self_path(void)
{
	static char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
	CHECK(n > 0);
	path[n] = 0;
	return path;
}

static const char *pid_file(void)
{
	static char path[4096];
	snprintf(path, sizeof path, "%s/pid", test_dir());
	return path;
}

static pid_t start(const char *const *argv)
{
	pid_t pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		char path[4096];
		snprintf(path, sizeof path, "%s/output", test_dir());
		int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
		dup2(fd, STDOUT_FILENO);
		dup2(fd, STDERR_FILENO);
		setenv("HARNESS_CASES", "1", 1);
		setenv("HARNESS_PID_FILE", pid_file(), 1);
		setenv("TMPDIR", test_dir(), 1);
		execv(argv[0], (char *const *)argv);
		_exit(127);
	}
	return pid;
}

static int await(pid_t pid)
{
	int status;
	CHECK(waitpid(pid, &status, 0) == pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static const char *output(void)
{
	static char text[65536];
	char path[4096];
	snprintf(path, sizeof path, "%s/output", test_dir());
	FILE *f = fopen(path, "r");
	CHECK(f);
	text[fread(text, 1, sizeof text - 1, f)] = 0;
	fclose(f);
	return text;
}

static int run_case(const char *name)
{
	return await(start((const char *[]){self_path(), "--run", name, NULL}));
}

static pid_t left_behind(void)
{
	int pid = 0;
	char folder[4096] = "";
	FILE *f = fopen(pid_file(), "r");
	if (!f)
		return 0;
	if (fscanf(f, "%d %4095s", &pid, folder) != 2)
		pid = 0;
	fclose(f);
	return pid;
}

static bool folder_is_gone(void)
{
	int pid;
	char folder[4096];
	struct stat st;
	FILE *f = fopen(pid_file(), "r");
	CHECK(f && fscanf(f, "%d %4095s", &pid, folder) == 2);
	fclose(f);
	return stat(folder, &st) < 0 && errno == ENOENT;
}

static bool is_gone(pid_t pid)
{
	return kill(pid, 0) < 0 && errno == ESRCH;
}

static const char *runner(void)
{
	static char path[8192];
	snprintf(path, sizeof path, "%s/test-runner", test_bin());
	return path;
}

TEST(a_passing_test_passes_silently)
{
	CHECK_INT(run_case("passes"), 0);
	CHECK_MSG(!output()[0], "%s", output());
}

TEST(a_failing_check_names_its_line_and_shows_the_logs)
{
	CHECK_INT(run_case("fails_a_check"), 1);
	CHECK_HAS(output(), "harness_test.c:");
	CHECK_HAS(output(), "1 + 1: got 2, want 3");
	CHECK_HAS(output(), "--- 1-server.log\nthe server's last words\n");
}

TEST(a_crash_is_a_failure_that_names_the_signal)
{
	CHECK_INT(run_case("crashes"), 1);
	CHECK_HAS(output(), "crashes: User defined signal 1");
}

TEST(a_check_at_the_end_fails_the_test)
{
	CHECK_INT(run_case("fails_at_its_end"), 1);
	CHECK_HAS(output(), "found at the end");
}

TEST(a_leftover_process_is_killed_and_fails_the_test)
{
	CHECK_INT(run_case("leaves_a_process"), 1);
	CHECK_HAS(output(), "left behind: process");
	CHECK(is_gone(left_behind()));
	CHECK(folder_is_gone());
}

TEST(a_failing_test_leaves_nothing_behind)
{
	CHECK_INT(run_case("leaves_a_process_and_fails"), 1);
	CHECK_HAS(output(), "on purpose");
	CHECK(is_gone(left_behind()));
	CHECK(folder_is_gone());
}

TEST(a_terminated_run_leaves_nothing_behind)
{
	pid_t pid = start((const char *[]){self_path(), "--run", "hangs", NULL});
	WAIT_FOR(left_behind(), "the hanging test to start");
	kill(pid, SIGTERM);
	CHECK_INT(await(pid), 130);
	CHECK(is_gone(left_behind()));
	CHECK(folder_is_gone());
}

TEST(the_runner_counts_and_shows_only_failures)
{
	CHECK_INT(await(start((const char *[]){runner(), "--match", "/*s_a_[cp]*", self_path(), NULL})), 1);
	CHECK_HAS(output(), "FAIL harness_test/leaves_a_process (");
	CHECK_HAS(output(), "0 passed, 3 failed\n");
	CHECK_INT(await(start((const char *[]){runner(), "--match", "/passes", self_path(), NULL})), 0);
	CHECK_MSG(strcmp(output(), "1 passed, 0 failed\n") == 0, "%s", output());
}

TEST(the_runner_fails_when_nothing_ran)
{
	CHECK_INT(await(start((const char *[]){runner(), "--match", "no such test", self_path(), NULL})), 1);
	CHECK_HAS(output(), "0 passed, 0 failed\n");
}

TEST(the_runner_fails_when_a_program_does_not_list_its_tests)
{
	CHECK_INT(await(start((const char *[]){runner(), "--match", "/passes", self_path(), "/bin/false", NULL})), 1);
	CHECK_HAS(output(), "FAIL /bin/false --list");
}

TEST(an_interrupted_runner_leaves_nothing_behind)
{
	pid_t pid = start((const char *[]){runner(), "--match", "/hangs", self_path(), NULL});
	WAIT_FOR(left_behind(), "the hanging test to start");
	kill(pid, SIGINT);
	CHECK_INT(await(pid), 128 + SIGINT);
	CHECK(is_gone(left_behind()));
	CHECK(folder_is_gone());
}
