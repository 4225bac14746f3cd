/* One nats-server with JetStream per test. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/lib/process.h"
#include "tests/lib/servers.h"

static pid_t pid;
static int port;

/* The server greets with INFO once JetStream is up. */
static bool greets(void)
{
	int fd, status;
	char greeting[5] = "";
	CHECK_MSG(!process_ended(pid, &status), "nats-server ended with %d", status);
	if (!process_listens(port, &fd))
		return false;
	bool ok = read(fd, greeting, 4) == 4 && strcmp(greeting, "INFO") == 0;
	close(fd);
	return ok;
}

static void stop(void)
{
	if (pid)
		test_nats_kill(SIGKILL);
}

void test_nats_start(void)
{
	char path[256], port_text[8], store[512], log[512];
	if (pid)
		return;
	if (!port) {
		port = test_free_port();
		test_at_end(TEST_END_SERVERS, stop);
	}
	snprintf(port_text, sizeof port_text, "%d", port);
	process_path(store, sizeof store, test_dir(), "nats");
	process_path(log, sizeof log, test_dir(), "nats.log");
	process_find("nats-server", path, sizeof path);
	setenv("GOGC", "400", 0); /* as docs/broker.md recommends */
	pid = process_start(&(struct process){
	    .path = path,
	    .argv = (const char *[]){"nats-server", "-a", "127.0.0.1", "-p", port_text, "-js", "-sd", store, NULL},
	    .log_path = log});
	WAIT_FOR(greets(), "nats-server to greet");
}

void test_nats_kill(int sig)
{
	CHECK(pid);
	kill(pid, sig);
	process_wait(pid);
	pid = 0;
}

const char *nats_known_url(void)
{
	static char url[64];
	snprintf(url, sizeof url, "nats://127.0.0.1:%d", port);
	return port ? url : NULL;
}

const char *test_nats_url(void)
{
	if (!port)
		test_nats_start();
	return nats_known_url();
}

pid_t test_nats_pid(void)
{
	return pid;
}
