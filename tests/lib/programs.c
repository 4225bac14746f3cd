/* Our own programs, run for one test; how each of them ends is part of the test. */
#include <errno.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/clock.h"
#include "tests/lib/process.h"
#include "tests/lib/servers.h"

#define PROGRAMS_MAX 64
#define ENV_MAX 128
#define END_WAIT_MS 40000 /* much longer than the drain below takes, even under sanitizers */
#define DRAIN "GANNET_DRAIN_MS=2000"

static struct program {
	struct test_process shown;
	char name[64];
	bool ended;
	int status;      /* valid when ended */
	int last_signal; /* the last one the test sent; that is an end it asked for */
} programs[PROGRAMS_MAX];
static size_t programs_n;

static struct program *of(struct test_process *p)
{
	return (struct program *)((char *)p - offsetof(struct program, shown));
}

/* An environment that is the same on every machine: no key or setting of whoever runs the tests leaks in. */
struct environment {
	char text[16384];
	size_t used, n;
	const char *vars[ENV_MAX + 1];
};

/* `text` is NAME=value or, with `value` given, just the name; the first one of a name wins. */
static void add_var(struct environment *e, const char *text, const char *value)
{
	char *at = e->text + e->used;
	int n = snprintf(at, sizeof e->text - e->used, value ? "%s=%s" : "%s", text, value);
	CHECK_MSG(e->used + (size_t)n < sizeof e->text && e->n < ENV_MAX, "too much environment");
	size_t name_n = strcspn(at, "=") + 1;
	for (size_t i = 0; i < e->n; i++)
		if (strncmp(e->vars[i], at, name_n) == 0)
			return;
	e->vars[e->n++] = at;
	e->used += (size_t)n + 1;
}

static void fill_environment(struct environment *e, const char *const *env, int health_port)
{
	static const char *const kept[] = {"PATH",        "HOME",         "TMPDIR",        "LANG",         "TZ",
	                                   "GCOV_PREFIX", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LSAN_OPTIONS"};
	char port[16];
	for (; env && *env; env++)
		add_var(e, *env, NULL);
	if (nats_known_url())
		add_var(e, "NATS_URL", nats_known_url());
	if (postgres_known_url())
		add_var(e, "DATABASE_URL", postgres_known_url());
	if (redis_known_url())
		add_var(e, "REDIS_URL", redis_known_url());
	snprintf(port, sizeof port, "%d", health_port);
	add_var(e, "PROMETHEUS_PORT", port);
	add_var(e, "LOG_LEVEL=DEBUG", NULL);
	add_var(e, DRAIN, NULL);
	for (size_t i = 0; i < countof(kept); i++)
		if (getenv(kept[i]))
			add_var(e, kept[i], getenv(kept[i]));
	e->vars[e->n] = NULL;
}

void test_read(const char *path, struct buf *out)
{
	FILE *f = fopen(path, "re");
	CHECK_MSG(f, "%s: %s", path, strerror(errno));
	char *at;
	size_t n;
	while ((at = buf_reserve(out, 65536)) && (n = fread(at, 1, 65536, f)) > 0)
		buf_commit(out, n);
	fclose(f);
}

const char *log_of(const struct test_process *p)
{
	static struct buf log;
	buf_reset(&log);
	test_read(p->log_path, &log);
	return log.data;
}

static void check_log(const struct program *p)
{
	static const char *const reports[] = {"ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "WARNING: ThreadSanitizer",
	                                      "runtime error: "};
	const char *log = log_of(&p->shown);
	for (size_t i = 0; i < countof(reports); i++)
		CHECK_MSG(!strstr(log, reports[i]), "%s: see the sanitizer's report in its log", p->name);
}

static bool has_ended(struct program *p)
{
	if (!p->ended)
		p->ended = process_ended(p->shown.pid, &p->status);
	return p->ended;
}

/*
 * A second termination signal would mean "at once": the test's own one is enough. A stopped process has to go on first; only
 * first, because the leak sanitizer stops a process that ends, and would wait for ever if that stop was taken back.
 */
static void ask_to_end(struct program *p)
{
	if (has_ended(p))
		return;
	kill(p->shown.pid, SIGCONT);
	if (p->last_signal != SIGTERM && p->last_signal != SIGINT)
		test_kill(&p->shown, SIGTERM);
}

/* After a test that passed: every program still running gets SIGTERM and has to end well and in time. */
static void end_programs(void)
{
	for (size_t i = 0; i < programs_n; i++)
		ask_to_end(&programs[i]);
	int64_t until_ms = clock_mono_ms(&clock_system) + END_WAIT_MS;
	for (size_t i = 0; i < programs_n; i++) {
		struct program *p = &programs[i];
		while (!has_ended(p)) {
			CHECK_MSG(clock_mono_ms(&clock_system) < until_ms, "%s did not end within %d ms after SIGTERM", p->name,
			          END_WAIT_MS);
			usleep(2000);
		}
		check_log(p);
		CHECK_MSG(p->status == 0 || (p->last_signal && p->status == 128 + p->last_signal), "%s ended with %d", p->name,
		          p->status);
	}
}

static struct program *start(const char *program, const char *const *env, const char *const *args)
{
	char name[96], path[1024];
	const char *argv[64] = {path};
	struct environment e = {.n = 0};
	CHECK_MSG(programs_n < PROGRAMS_MAX, "more than %d programs in one test", PROGRAMS_MAX);
	if (!programs_n)
		test_at_end(TEST_END_PROGRAMS, end_programs);
	struct program *p = &programs[programs_n++];
	snprintf(path, sizeof path, "%s", program);
	snprintf(p->name, sizeof p->name, "%s", basename(path));
	snprintf(path, sizeof path, "%s%s%s", strchr(program, '/') ? "" : test_bin(), strchr(program, '/') ? "" : "/",
	         program);
	CHECK_MSG(access(path, X_OK) == 0, "%s: %s", path, strerror(errno));
	snprintf(name, sizeof name, "%zu-%s.log", programs_n, p->name);
	process_path(p->shown.log_path, sizeof p->shown.log_path, test_dir(), name);
	snprintf(name, sizeof name, "%zu-%s.out", programs_n, p->name);
	process_path(p->shown.out_path, sizeof p->shown.out_path, test_dir(), name);
	for (size_t i = 0; args && args[i]; i++) {
		CHECK(i + 2 < countof(argv));
		argv[i + 1] = args[i];
	}
	p->shown.health_port = test_free_port();
	fill_environment(&e, env, p->shown.health_port);
	p->shown.pid = process_start(&(struct process){
	    .path = path, .argv = argv, .env = e.vars, .out_path = p->shown.out_path, .log_path = p->shown.log_path});
	return p;
}

struct test_process *test_spawn(const char *program, const char *const *env, const char *const *args)
{
	return &start(program, env, args)->shown;
}

static bool is_ready(struct program *p)
{
	scoped_buf body = {0};
	CHECK_MSG(!has_ended(p), "%s ended with %d before it was ready", p->name, p->status);
	return test_http_get(p->shown.health_port, "/health/ready", &body) == 200;
}

void test_ready(struct test_process *p)
{
	WAIT_FOR(is_ready(of(p)), of(p)->name);
}

void test_kill(struct test_process *p, int sig)
{
	CHECK_MSG(!of(p)->ended, "%s has ended already", of(p)->name);
	of(p)->last_signal = sig;
	kill(p->pid, sig);
}

int test_wait_exit(struct test_process *p)
{
	WAIT_FOR(has_ended(of(p)), of(p)->name);
	int status = of(p)->status;
	of(p)->status = 0; /* the test knows now; the end of the test need not complain */
	return status;
}

int test_run(const char *program, const char *const *args, const char *const *env, struct buf *out)
{
	struct program *p = start(program, env, args);
	int status = process_wait(p->shown.pid);
	p->ended = true;
	if (out)
		test_read(p->shown.out_path, out);
	return status;
}
