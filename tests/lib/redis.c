/* One redis-server without persistence per test. */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "tests/lib/process.h"
#include "tests/lib/servers.h"

static pid_t pid;
static int port;

static bool answers(void)
{
	int fd, status;
	char pong[6] = "";
	CHECK_MSG(!process_ended(pid, &status), "redis-server ended with %d", status);
	if (!process_listens(port, &fd))
		return false;
	bool ok = write(fd, "PING\r\n", 6) == 6 && read(fd, pong, 5) == 5 && strcmp(pong, "+PONG") == 0;
	close(fd);
	return ok;
}

static void stop(void)
{
	kill(pid, SIGKILL);
	process_wait(pid);
}

const char *redis_known_url(void)
{
	static char url[64];
	snprintf(url, sizeof url, "redis://127.0.0.1:%d", port);
	return port ? url : NULL;
}

const char *test_redis_url(void)
{
	char path[256], port_text[8], log[512];
	if (port)
		return redis_known_url();
	port = test_free_port();
	snprintf(port_text, sizeof port_text, "%d", port);
	process_path(log, sizeof log, test_dir(), "redis.log");
	process_find("redis-server", path, sizeof path);
	pid = process_start(&(struct process){.path = path,
	                                      .argv = (const char *[]){"redis-server", "--bind", "127.0.0.1", "--port",
	                                                               port_text, "--save", "", "--dir", test_dir(), NULL},
	                                      .log_path = log});
	test_at_end(TEST_END_SERVERS, stop);
	WAIT_FOR(answers(), "redis-server to answer");
	return redis_known_url();
}
