/* Child processes that die with their parent, and ports that no two tests share. */
#include "tests/lib/process.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lib/servers.h"

/* Below what the kernel hands out for outgoing connections (32768 and up), which would take a stopped server's port. */
#define PORT_FIRST 20000
#define PORT_COUNT 10000

static int open_log(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	CHECK_MSG(fd >= 0, "%s: %s", path, strerror(errno));
	return fd;
}

/* Only calls that are safe between fork and exec: other threads of ours may hold any lock. */
static _Noreturn void child(const struct process *p, pid_t parent, int out_fd, int log_fd)
{
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	bool ok = dup2(out_fd, STDOUT_FILENO) >= 0 && dup2(log_fd, STDERR_FILENO) >= 0;
	int null = open("/dev/null", O_RDONLY);
	ok = ok && null >= 0 && dup2(null, STDIN_FILENO) >= 0;
	if (p->uid)
		ok = ok && setgroups(0, NULL) == 0 && setgid(p->gid) == 0 && setuid(p->uid) == 0;
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* after the change of user, which clears it */
	if (ok && getppid() == parent)
		execve(p->path, (char *const *)p->argv, p->env ? (char *const *)p->env : environ);
	_exit(127);
}

pid_t process_start(const struct process *p)
{
	int log_fd = open_log(p->log_path), out_fd = p->out_path ? open_log(p->out_path) : log_fd;
	pid_t self = getpid(), pid = fork();
	CHECK_MSG(pid >= 0, "fork: %s", strerror(errno));
	if (pid == 0)
		child(p, self, out_fd, log_fd);
	if (out_fd != log_fd)
		close(out_fd);
	close(log_fd);
	return pid;
}

static int decode(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int process_wait(pid_t pid)
{
	int status;
	pid_t got;
	do
		got = waitpid(pid, &status, 0);
	while (got < 0 && errno == EINTR);
	CHECK_MSG(got == pid, "wait for %d: %s", (int)pid, strerror(errno));
	return decode(status);
}

bool process_ended(pid_t pid, int *ret_status)
{
	int status;
	if (waitpid(pid, &status, WNOHANG) != pid)
		return false;
	*ret_status = decode(status);
	return true;
}

void process_run(const struct process *p)
{
	int status = process_wait(process_start(p));
	CHECK_MSG(status == 0, "%s ended with %d", p->path, status);
}

const char *process_find(const char *name, char *out, size_t out_bytes)
{
	static const char more[] = ":/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin";
	char places[8192];
	const char *path = getenv("PATH");
	snprintf(places, sizeof places, "%s%s", path ? path : "", more);
	char *rest = places;
	for (char *folder; (folder = strsep(&rest, ":"));) {
		int n = snprintf(out, out_bytes, "%s/%s", folder, name);
		if (n < (int)out_bytes && access(out, X_OK) == 0)
			return out;
	}
	test_fail(__FILE__, __LINE__, "%s is not installed", name);
}

void process_path(char *out, size_t out_bytes, const char *folder, const char *name)
{
	int n = snprintf(out, out_bytes, "%s/%s", folder, name);
	CHECK_MSG(n < (int)out_bytes, "%s/%s is too long", folder, name);
}

bool process_listens(int port, int *ret_fd)
{
	struct sockaddr_in at = {
	    .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(fd >= 0);
	if (connect(fd, (struct sockaddr *)&at, sizeof at) < 0) {
		close(fd);
		return false;
	}
	if (ret_fd)
		*ret_fd = fd;
	else
		close(fd);
	return true;
}

/* A name in the abstract socket namespace is ours until we end: tests of all runs on this machine share that namespace.
 */
static bool reserve(int port)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	int n = snprintf(name.sun_path + 1, sizeof name.sun_path - 1, "gannet-test-port-%d", port);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(fd >= 0);
	if (bind(fd, (struct sockaddr *)&name, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n)) == 0)
		return true;
	close(fd);
	return false;
}

static bool is_free(int port)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(fd >= 0);
	bool ok = bind(fd, (struct sockaddr *)&at, sizeof at) == 0;
	close(fd);
	return ok;
}

int test_free_port(void)
{
	for (int tries = 0; tries < 1000; tries++) {
		unsigned random;
		CHECK(getrandom(&random, sizeof random, 0) == sizeof random);
		int port = PORT_FIRST + (int)(random % PORT_COUNT);
		if (reserve(port)) {
			if (is_free(port))
				return port;
		}
	}
	test_fail(__FILE__, __LINE__, "no free port from %d on", PORT_FIRST);
}
