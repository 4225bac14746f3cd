/* Runs the tests of many test programs in parallel and says what failed: test-runner [--match PATTERN] PROGRAM… */
#include <errno.h>
#include <fnmatch.h>
#include <ftw.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SLOWEST_SHOWN 5
#define SLOW_MS 1000 /* faster tests are not worth a line */

/* One test: waiting (pid 0, ms −1), running (pid) or done (ms). */
struct job {
	const char *program;
	char name[256];   /* <program>/<test>, as matched and shown */
	const char *test; /* the part of `name` behind the slash */
	pid_t pid;
	int output_fd;
	long long start_ms, ms;
	int tries;
	bool failed;   /* the last try */
	char why[256]; /* what the latest try that failed said first */
};

static struct job *jobs;
static size_t jobs_n, passed, failed;
static bool again; /* TEST_AGAIN is set */
static char run_dir[PATH_MAX];
static volatile sig_atomic_t interrupted;

static long long now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

static _Noreturn void die(const char *what)
{
	perror(what);
	exit(2);
}

/* Starts `program arg1 arg2` with its output in a new memory file; it ends when we do. */
static pid_t start(const char *program, const char *arg1, const char *arg2, int *ret_output_fd)
{
	int fd = memfd_create("output", MFD_CLOEXEC);
	pid_t self = getpid(), pid = fd < 0 ? -1 : fork();
	if (pid < 0)
		die(program);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		if (getppid() != self)
			_exit(2);
		dup2(fd, STDOUT_FILENO);
		dup2(fd, STDERR_FILENO);
		execl(program, program, arg1, arg2, (char *)NULL);
		perror(program);
		_exit(2);
	}
	*ret_output_fd = fd;
	return pid;
}

/* Everything that was written to the file, NUL-terminated; the caller frees it. */
static char *slurp(int fd)
{
	off_t size = lseek(fd, 0, SEEK_END);
	char *text = calloc(1, (size_t)size + 1);
	if (!text || pread(fd, text, (size_t)size, 0) != size)
		die("read output");
	close(fd);
	return text;
}

static void add_job(const char *program, const char *base, const char *test, const char *pattern)
{
	struct job j = {.program = program, .ms = -1};
	snprintf(j.name, sizeof j.name, "%s/%s", base, test);
	if (fnmatch(pattern, j.name, 0) != 0)
		return;
	jobs = realloc(jobs, (jobs_n + 1) * sizeof *jobs);
	if (!jobs)
		die("memory");
	jobs[jobs_n++] = j;
}

static void list_program(char *program, const char *pattern)
{
	int fd, status;
	pid_t pid = start(program, "--list", NULL, &fd);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	char *text = slurp(fd), *rest = text, *path = strdup(program);
	if (!path)
		die("memory");
	if (status != 0) {
		printf("FAIL %s --list\n%s", program, text);
		failed++;
	} else {
		for (char *line; (line = strsep(&rest, "\n"));)
			if (*line)
				add_job(program, basename(path), line, pattern);
	}
	free(path);
	free(text);
}

static void show_progress(const char *name)
{
	static int tty = -1;
	if (tty < 0)
		tty = isatty(STDOUT_FILENO);
	if (!tty)
		return;
	printf("\r\033[K");
	if (name)
		printf("%zu/%zu %zu failed  %.80s", passed + failed, jobs_n, failed, name);
	fflush(stdout);
}

/* The line that names a place in the source, else the first. */
static void note_why(struct job *j, const char *output)
{
	const char *at = strstr(output, ".c:");
	while (at && at > output && at[-1] != '\n')
		at--;
	at = at ? at : output;
	snprintf(j->why, sizeof j->why, "%.*s", (int)strcspn(at, "\n"), at);
}

static void finish(struct job *j, int status)
{
	j->ms = now_ms() - j->start_ms;
	j->pid = 0;
	char *output = slurp(j->output_fd);
	j->tries++;
	j->failed = status != 0;
	if (j->failed)
		note_why(j, output);
	if (status == 0) {
		passed++;
	} else if (again && j->tries == 1) {
		show_progress(NULL);
		printf("AGAIN %s (%lld ms)\n%s", j->name, j->ms, output);
	} else {
		failed++;
		show_progress(NULL);
		printf("FAIL %s (%lld ms)\n%s", j->name, j->ms, output);
	}
	free(output);
	show_progress(j->name);
}

static void on_signal(int sig)
{
	interrupted = sig;
}

/* Every test program ends its test and what that started when it is told to. */
static void stop_running(void)
{
	for (size_t i = 0; i < jobs_n; i++)
		if (jobs[i].pid)
			kill(jobs[i].pid, SIGTERM);
	while (wait(NULL) > 0 || errno == EINTR)
		;
}

static void run_jobs(long parallel)
{
	size_t next = 0;
	long running = 0;
	while ((next < jobs_n || running) && !interrupted) {
		if (next < jobs_n && running < parallel) {
			struct job *j = &jobs[next++];
			j->test = strchr(j->name, '/') + 1;
			j->start_ms = now_ms();
			j->pid = start(j->program, "--run", j->test, &j->output_fd);
			running++;
			continue;
		}
		int status;
		pid_t pid = wait(&status);
		for (size_t i = 0; pid > 0 && i < next; i++) {
			if (jobs[i].pid == pid) {
				finish(&jobs[i], status);
				running--;
				break;
			}
		}
	}
	if (interrupted)
		stop_running();
	show_progress(NULL);
}

/* What failed among others may have failed because of them: it is tried once more by itself, and said to have been. */
static void run_again(void)
{
	for (size_t i = 0; again && i < jobs_n && !interrupted; i++) {
		struct job *j = &jobs[i];
		int status;
		if (!j->failed || j->tries != 1)
			continue;
		j->start_ms = now_ms();
		j->pid = start(j->program, "--run", j->test, &j->output_fd);
		while (waitpid(j->pid, &status, 0) < 0 && errno == EINTR && !interrupted)
			;
		if (interrupted)
			stop_running();
		else
			finish(j, status);
	}
}

/* At the end, where it is looked for: the whole output may be far above. */
static void show_failed(void)
{
	for (size_t i = 0; i < jobs_n; i++)
		if (jobs[i].failed)
			printf("failed: %s: %s\n", jobs[i].name, jobs[i].why);
		else if (jobs[i].tries > 1)
			printf("passed alone: %s: %s\n", jobs[i].name, jobs[i].why);
}

static int by_slowness(const void *a, const void *b)
{
	const struct job *x = a, *y = b;
	return (y->ms > x->ms) - (y->ms < x->ms);
}

static void show_slowest(void)
{
	if (jobs_n)
		qsort(jobs, jobs_n, sizeof *jobs, by_slowness);
	for (size_t i = 0; i < jobs_n && i < SLOWEST_SHOWN && jobs[i].ms >= SLOW_MS; i++)
		printf("%s%5.1f s %s\n", i ? "" : "slowest:\n", (double)jobs[i].ms / 1000, jobs[i].name);
}

/* All temporary files of the run lie in one folder, so that what tests share (a database template) goes with it. */
static void make_run_dir(void)
{
	const char *tmp = getenv("TMPDIR");
	snprintf(run_dir, sizeof run_dir, "%s/gannet-tests-XXXXXX", tmp && *tmp ? tmp : "/tmp");
	if (!mkdtemp(run_dir) || chmod(run_dir, 0755) || setenv("TMPDIR", run_dir, 1))
		die(run_dir);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st, (void)type, (void)at;
	remove(path);
	return 0;
}

static void remove_run_dir(void)
{
	if (!getenv("TEST_KEEP"))
		nftw(run_dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

int main(int argc, char **argv)
{
	char pattern[512] = "*";
	int first = 1;
	if (argc > 2 && strcmp(argv[1], "--match") == 0) {
		snprintf(pattern, sizeof pattern, "*%s*", argv[2]);
		first = 3;
	}
	const char *asked = getenv("JOBS");
	long parallel = asked ? atol(asked) : sysconf(_SC_NPROCESSORS_ONLN);
	setvbuf(stdout, NULL, _IOLBF, 0);
	sigaction(SIGINT, &(struct sigaction){.sa_handler = on_signal}, NULL);
	sigaction(SIGTERM, &(struct sigaction){.sa_handler = on_signal}, NULL);
	make_run_dir();
	for (int i = first; i < argc; i++)
		list_program(argv[i], pattern);
	again = getenv("TEST_AGAIN") != NULL;
	run_jobs(parallel > 0 ? parallel : 1);
	run_again();
	remove_run_dir();
	show_slowest();
	show_failed();
	printf("%zu passed, %zu failed\n", passed, failed);
	free(jobs);
	return interrupted ? 128 + interrupted : failed || !passed;
}
