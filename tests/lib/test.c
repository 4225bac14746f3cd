/* Runs tests: each in a process and a folder of its own, watched by a parent that leaves nothing behind. */
#include "tests/lib/test.h"

#include "core/arena.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SLOWNESS 4
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SLOWNESS 4
#endif
#endif
#ifndef SLOWNESS
#define SLOWNESS 1
#endif

/* A test may end with its connections open, and with threads of theirs that have ended but were not joined. */
const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
	return "report_thread_leaks=0:atexit_sleep_ms=50";
}

#define WAIT_FOR_S 30
#define LEFTOVER_GRACE_MS 1500 /* for grandchildren that end by themselves once their parent is gone */
#define LOG_TAIL_BYTES 16384
#define AT_END_MAX 16

static struct test_case *cases, **cases_end = &cases;
static char dir[PATH_MAX];
static struct {
	void (*fn[AT_END_MAX])(void);
	size_t n;
} at_end[TEST_STAGES];

void test_register(struct test_case *t)
{
	*cases_end = t;
	cases_end = &t->next;
}

const char *text_of(const char *fmt, ...)
{
	static struct arena kept;
	char *text;
	va_list ap;
	va_start(ap, fmt);
	int n = vasprintf(&text, fmt, ap);
	va_end(ap);
	CHECK(n >= 0);
	const char *copy = arena_cstr(&kept, span_of(text, (size_t)n));
	free(text);
	return copy;
}

const char *test_dir(void)
{
	return dir;
}

void test_at_end(enum test_stage stage, void (*fn)(void))
{
	CHECK(at_end[stage].n < AT_END_MAX);
	at_end[stage].fn[at_end[stage].n++] = fn;
}

/* May be called on any thread: no exit handlers run, the watching parent cleans up. */
void test_fail(const char *file, int line, const char *fmt, ...)
{
	char text[2048];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	fflush(stdout);
	fprintf(stderr, "%s:%d: %s\n", file, line, text);
	_exit(1);
}

static long long now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void nap_ms(long ms)
{
	nanosleep(&(struct timespec){.tv_nsec = ms * 1000000}, NULL);
}

void test_wait_turn(struct test_wait *w, const char *file, int line, const char *what)
{
	long long now = now_ns();
	if (!w->until_ns)
		w->until_ns = now + WAIT_FOR_S * SLOWNESS * 1000000000LL;
	if (now > w->until_ns)
		test_fail(file, line, "waited %d s in vain: %s", WAIT_FOR_S * SLOWNESS, what);
	nap_ms(3);
}

static void make_dir(void)
{
	const char *tmp = getenv("TMPDIR");
	int n = snprintf(dir, sizeof dir, "%s/gannet-test-XXXXXX", tmp && *tmp ? tmp : "/tmp");
	/* Others may enter: PostgreSQL runs as another user when we are root. */
	if (n >= (int)sizeof dir || !mkdtemp(dir) || chmod(dir, 0755)) {
		fprintf(stderr, "cannot make %s: %s\n", dir, strerror(errno));
		exit(2);
	}
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st, (void)type, (void)at;
	remove(path);
	return 0;
}

static void remove_dir(void)
{
	if (getenv("TEST_KEEP"))
		fprintf(stderr, "kept %s\n", dir);
	else
		nftw(dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static void run_here(const struct test_case *t)
{
	t->run();
	for (int stage = 0; stage < TEST_STAGES; stage++)
		while (at_end[stage].n)
			at_end[stage].fn[--at_end[stage].n]();
}

/* Calls `fn` for every process whose parent we are; orphans of the test are among them, because we are their reaper. */
static int each_child(void (*fn)(pid_t pid, const char *name))
{
	DIR *proc = opendir("/proc");
	int found = 0;
	for (struct dirent *e; proc && (e = readdir(proc));) {
		char path[300], stat[512], *name, *end, state;
		int ppid, pid = atoi(e->d_name);
		snprintf(path, sizeof path, "/proc/%s/stat", e->d_name);
		int fd = pid > 0 ? open(path, O_RDONLY | O_CLOEXEC) : -1;
		ssize_t n = fd < 0 ? -1 : read(fd, stat, sizeof stat - 1);
		if (fd >= 0)
			close(fd);
		if (n <= 0)
			continue;
		stat[n] = 0;
		if (!(name = strchr(stat, '(')) || !(end = strrchr(stat, ')')) || sscanf(end + 1, " %c %d", &state, &ppid) != 2)
			continue;
		*end = 0;
		if (ppid == getpid() && state != 'Z')
			found++, fn(pid, name + 1);
	}
	if (proc)
		closedir(proc);
	return found;
}

static void complain_and_kill(pid_t pid, const char *name)
{
	fprintf(stderr, "left behind: process %d (%s)\n", pid, name);
	kill(pid, SIGKILL);
}

static void just_kill(pid_t pid, const char *name)
{
	(void)name;
	kill(pid, SIGKILL);
}

/* Waits until nobody is left. Returns how many had to be killed after the grace; without grace nobody is counted. */
static int sweep(int grace_ms)
{
	long long until = now_ns() + grace_ms * 1000000LL;
	int killed = 0;
	for (;;) {
		pid_t p = waitpid(-1, NULL, WNOHANG);
		if (p > 0)
			continue;
		if (p < 0 && errno == ECHILD)
			return killed;
		if (now_ns() >= until) {
			int n = each_child(grace_ms && !killed ? complain_and_kill : just_kill);
			killed += grace_ms && !killed ? n : 0;
		}
		nap_ms(2);
	}
}

static void show_log(const char *name)
{
	char path[PATH_MAX + 300], text[LOG_TAIL_BYTES];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	off_t size = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
	off_t from = size > LOG_TAIL_BYTES ? size - LOG_TAIL_BYTES : 0;
	ssize_t n = size > 0 ? pread(fd, text, sizeof text, from) : 0;
	if (n > 0)
		fprintf(stderr, "--- %s%s\n%.*s%s", name, from ? " (its end)" : "", (int)n, text,
		        text[n - 1] == '\n' ? "" : "\n");
	if (fd >= 0)
		close(fd);
}

static int is_log(const struct dirent *e)
{
	const char *dot = strrchr(e->d_name, '.');
	return dot && strcmp(dot, ".log") == 0;
}

static void show_logs(void)
{
	struct dirent **names;
	int n = scandir(dir, &names, is_log, alphasort);
	for (int i = 0; i < n; i++) {
		show_log(names[i]->d_name);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
}

static _Noreturn void child_main(const struct test_case *t, pid_t parent, const sigset_t *mask)
{
	static const int of_terminals[] = {SIGHUP, SIGINT, SIGQUIT};
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	setpgid(0, 0);
	sigprocmask(SIG_SETMASK, mask, NULL);
	/* A shell ignores these for what it runs in the background, and what is ignored stays so in the programs of a test. */
	for (size_t i = 0; i < countof(of_terminals); i++)
		signal(of_terminals[i], SIG_DFL);
	run_here(t);
	exit(0);
}

/* TEST_TIMEOUT_S, or what the variable of that name says: programs that measure take longer. */
static long long timeout_s(void)
{
	const char *chosen = getenv("TEST_TIMEOUT_S");
	return chosen && atoi(chosen) > 0 ? atoi(chosen) : TEST_TIMEOUT_S * SLOWNESS;
}

/* Waits for the test's process; false on time-out. A termination signal to us kills the test and ends us. */
static bool await(pid_t pid, const sigset_t *signals, int *ret_status)
{
	long long until = now_ns() + timeout_s() * 1000000000LL;
	while (waitpid(pid, ret_status, WNOHANG) == 0) {
		long long left = until - now_ns();
		if (left <= 0)
			return false;
		int sig = sigtimedwait(signals, NULL, &(struct timespec){left / 1000000000, left % 1000000000});
		if (sig == SIGTERM || sig == SIGINT) {
			kill(-pid, SIGKILL);
			sweep(0);
			remove_dir();
			exit(130);
		}
	}
	return true;
}

static bool run_watched(const struct test_case *t)
{
	sigset_t signals, before;
	sigemptyset(&signals);
	sigaddset(&signals, SIGCHLD);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigprocmask(SIG_BLOCK, &signals, &before);
	make_dir();
	fflush(NULL);
	pid_t self = getpid(), pid = fork();
	if (pid == 0)
		child_main(t, self, &before);
	if (pid < 0) {
		perror("fork");
		exit(2);
	}
	int status = 0;
	bool in_time = await(pid, &signals, &status), ok = in_time && WIFEXITED(status) && WEXITSTATUS(status) == 0;
	if (!in_time)
		fprintf(stderr, "%s: still running after %lld s\n", t->name, timeout_s());
	else if (WIFSIGNALED(status))
		fprintf(stderr, "%s: %s\n", t->name, strsignal(WTERMSIG(status)));
	if (!in_time)
		kill(-pid, SIGKILL);
	if (sweep(ok ? LEFTOVER_GRACE_MS : 0) > 0)
		ok = false;
	if (!ok)
		show_logs();
	remove_dir();
	sigprocmask(SIG_SETMASK, &before, NULL);
	return ok;
}

static bool run_all(void)
{
	int failed = 0;
	for (struct test_case *t = cases; t; t = t->next) {
		long long start = now_ns();
		bool ok = run_watched(t);
		failed += !ok;
		printf("%-4s %s (%lld ms)\n", ok ? "ok" : "FAIL", t->name, (now_ns() - start) / 1000000);
	}
	return !failed;
}

static const struct test_case *find(const char *name)
{
	for (const struct test_case *t = cases; t; t = t->next)
		if (strcmp(t->name, name) == 0)
			return t;
	fprintf(stderr, "no test is called %s\n", name);
	exit(2);
}

/* Test programs are <root>/build/<mode>/tests/<group>/<name>: cuts `up` names off the end of that path. */
static bool own_path(char path[PATH_MAX], int up)
{
	ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - 1);
	if (n < 0)
		return false;
	path[n] = 0;
	for (char *slash; up && (slash = strrchr(path, '/')) && slash != path; up--)
		*slash = 0;
	return !up;
}

const char *test_bin(void)
{
	static char path[PATH_MAX + 8];
	char build[PATH_MAX];
	const char *set = getenv("GANNET_BIN");
	if (set && *set)
		return set;
	CHECK(own_path(build, 3));
	snprintf(path, sizeof path, "%s/bin", build);
	return path;
}

int main(int argc, char **argv)
{
	char root[PATH_MAX];
	if (own_path(root, 5) && chdir(root))
		perror(root);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc == 1)
		return run_all() ? 0 : 1;
	if (argc == 2 && strcmp(argv[1], "--list") == 0) {
		for (struct test_case *t = cases; t; t = t->next)
			puts(t->name);
		return 0;
	}
	if (argc == 3 && strcmp(argv[1], "--run") == 0)
		return run_watched(find(argv[2])) ? 0 : 1;
	if (argc == 2 && argv[1][0] != '-') {
		const struct test_case *t = find(argv[1]);
		make_dir();
		run_here(t);
		remove_dir();
		return 0;
	}
	fprintf(stderr, "usage: %s [--list | --run NAME | NAME]\n", argv[0]);
	return 2;
}
