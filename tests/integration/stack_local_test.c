/* The local stack as a person uses it: scripts/stack, with its data and its copy of the programs in the test's folder.
 */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/id.h"
#include "tests/lib/servers.h"
#include "tests/lib/test.h"

/* Folders with a space in their names, as people have them. */
static char built[PATH_MAX], var[PATH_MAX], bin[PATH_MAX], output[PATH_MAX];

/* Under another name first: a program that runs cannot be written to. */
static void copy_program(const char *name)
{
	scoped_buf command = {0};
	buf_printf(&command, "cp '%s/%s' '%s/new' && mv '%s/new' '%s/%s'", built, name, bin, bin, bin, name);
	CHECK_MSG(system(command.data) == 0, "%s", command.data);
}

/* One stack at a time: they look for their ports from the same ones on. */
static void take_turn(void)
{
	scoped_buf path = {0};
	buf_printf(&path, "%s/stack-test.lock", built);
	int fd = open(path.data, O_CREAT | O_RDWR | O_CLOEXEC, 0644);
	CHECK(fd >= 0 && flock(fd, LOCK_EX) == 0); /* until this process ends */
}

static void copy_programs(void)
{
	snprintf(built, sizeof built, "%s", test_bin());
	take_turn();
	snprintf(var, sizeof var, "%s/the var", test_dir());
	snprintf(bin, sizeof bin, "%s/the bin", test_dir());
	snprintf(output, sizeof output, "%s/stack.out", test_dir());
	CHECK(mkdir(bin, 0755) == 0);
	DIR *d = opendir(built);
	CHECK(d);
	for (struct dirent *e = readdir(d); e; e = readdir(d))
		if (strncmp(e->d_name, "gannet", 6) == 0)
			copy_program(e->d_name);
	closedir(d);
	setenv("GANNET_VAR", var, 1);
	setenv("GANNET_BIN", bin, 1);
}

/* Starts `scripts/stack COMMAND` in a group of its own, with its output in a file. */
static pid_t begin(const char *command)
{
	pid_t pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		setpgid(0, 0);
		int in = open("/dev/null", O_RDONLY), out = open(output, O_CREAT | O_WRONLY | O_TRUNC, 0644);
		CHECK(in >= 0 && out >= 0 && dup2(in, 0) == 0 && dup2(out, 1) == 1 && dup2(out, 2) == 2);
		execl("scripts/stack", "stack", command, NULL);
		_exit(127);
	}
	return pid;
}

static int end(pid_t pid)
{
	int status;
	CHECK(waitpid(pid, &status, 0) == pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static const char *file_text(const char *path)
{
	static char text[65536];
	int fd = open(path, O_RDONLY);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : 0;
	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = 0;
	return text;
}

static int stack(const char *command)
{
	return end(begin(command));
}

static void stack_ok(const char *command)
{
	int code = stack(command);
	CHECK_MSG(code == 0, "scripts/stack %s: %d\n%s", command, code, file_text(output));
}

/* Down, and nothing in the logs that a sanitizer complained about. */
static void take_down(void)
{
	scoped_buf command = {0};
	stack_ok("down");
	buf_printf(&command, "! grep -h -A 20 Sanitizer '%s'/log/*.log", var);
	CHECK_MSG(system(command.data) == 0, "a sanitizer has found something");
}

/* The text of a file in var/run, "" if there is none. */
static const char *in_run(const char *name, const char *kind)
{
	scoped_buf path = {0};
	buf_printf(&path, "%s/run/%s.%s", var, name, kind);
	return file_text(path.data);
}

static pid_t pid_of(const char *name)
{
	return atoi(in_run(name, "pid"));
}

static int port_of(const char *name)
{
	return atoi(in_run(name, "port"));
}

/* Ended processes may still wait to be reaped: these have no command line any more. */
static bool runs(pid_t pid)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/cmdline", pid);
	return *file_text(path) != 0;
}

static int ready(const char *service)
{
	char port[64];
	scoped_buf body = {0};
	snprintf(port, sizeof port, "%s.PROMETHEUS_PORT", service);
	return test_http_get(port_of(port), "/health/ready", &body);
}

/* Runs shell text with var/env loaded; its exit code. */
static int with_env(const char *text)
{
	scoped_buf command = {0};
	buf_printf(&command, ". '%s/env' && %s", var, text);
	int status = system(command.data);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* ---- */

TEST(stack_comes_up_healthy_keeps_its_data_and_goes_down_without_leftovers)
{
	copy_programs();
	stack_ok("up");
	CHECK_INT(ready("runner"), 200);
	CHECK_INT(ready("jobs"), 200);
	stack_ok("status");
	CHECK_INT(with_env("psql -qc 'CREATE TABLE kept (n int)' \"$DATABASE_URL\""), 0);
	pid_t runner = pid_of("runner"), nats = pid_of("nats"), postgres = pid_of("postgres"), redis = pid_of("redis");
	stack_ok("up");
	CHECK_INT(pid_of("runner"), runner);
	take_down();
	const pid_t all[] = {runner, nats, postgres, redis};
	for (size_t i = 0; i < countof(all); i++)
		CHECK(!runs(all[i]));
	CHECK_INT(pid_of("nats"), 0);
	CHECK_INT(stack("status"), 1);
	stack_ok("up");
	CHECK_INT(with_env("psql -qc 'DROP TABLE kept' \"$DATABASE_URL\""), 0);
	take_down();
}

TEST(up_starts_what_ended_and_restarts_what_was_rebuilt)
{
	copy_programs();
	stack_ok("up");
	pid_t runner = pid_of("runner"), jobs = pid_of("jobs"), nats = pid_of("nats");
	CHECK(kill(nats, SIGKILL) == 0 && kill(runner, SIGKILL) == 0);
	CHECK_INT(stack("status"), 1);
	stack_ok("up");
	CHECK(pid_of("nats") != nats && pid_of("runner") != runner);
	CHECK_INT(pid_of("jobs"), jobs);
	CHECK_INT(ready("jobs"), 200);
	runner = pid_of("runner");
	copy_program("gannet-runner");
	stack_ok("up");
	CHECK(pid_of("runner") != runner);
	CHECK_INT(pid_of("jobs"), jobs);
	take_down();
}

TEST(taken_ports_are_left_alone)
{
	struct sockaddr_in nats = {
	    .sin_family = AF_INET, .sin_port = htons(4222), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	copy_programs();
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)) == 0);
	/* When it is taken already, so much the better. */
	if (bind(fd, (struct sockaddr *)&nats, sizeof nats) == 0)
		CHECK(listen(fd, 8) == 0);
	stack_ok("up");
	CHECK(port_of("nats") > 4222);
	CHECK_INT(ready("runner"), 200);
	take_down();
	close(fd);
}

TEST(demo_runs_a_job_and_leaves_nothing_running)
{
	copy_programs();
	stack_ok("demo");
	CHECK_HAS(file_text(output), "recorded in PostgreSQL");
	CHECK_INT(pid_of("nats"), 0);
}

TEST(demo_leaves_a_stack_running_that_was_up_before)
{
	copy_programs();
	stack_ok("up");
	pid_t runner = pid_of("runner");
	stack_ok("demo");
	CHECK_INT(pid_of("runner"), runner);
	CHECK_INT(ready("runner"), 200);
	take_down();
}

TEST(run_stays_until_it_is_interrupted_and_ends_with_0)
{
	copy_programs();
	pid_t pid = begin("run");
	WAIT_FOR(strstr(file_text(output), "Ctrl-C stops everything"), "the stack to run");
	CHECK_INT(ready("runner"), 200);
	CHECK(kill(-pid, SIGINT) == 0);
	CHECK_INT(end(pid), 0);
	CHECK_INT(pid_of("nats"), 0);
}

TEST(service_that_cannot_start_is_named_with_the_end_of_its_log)
{
	copy_programs();
	char program[PATH_MAX + 64];
	snprintf(program, sizeof program, "%s/gannet-runner", bin);
	FILE *f = fopen(program, "w");
	CHECK(f && fputs("#!/bin/sh\necho the engine is missing >&2\nexit 3\n", f) > 0 && fclose(f) == 0);
	CHECK_INT(stack("up"), 1);
	CHECK_HAS(file_text(output), "runner ended while starting");
	CHECK_HAS(file_text(output), "the engine is missing");
	CHECK_INT(stack("demo"), 1);
	take_down();
}
