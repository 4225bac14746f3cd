/* Starts, stops, pauses and restarts everything that a fault may strike, and notes whoever ends badly. */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/clock.h"
#include "tests/chaos/chaos.h"
#include "tests/lib/process.h"

#define ORDERLY_MS 20000 /* from SIGTERM to the end; the drain takes up to 5 s of it */
#define SAMPLE_MS 1000
#define ENV_MAX 16
#define SETTING_BYTES 4096

const char *const member_names[] = {"runner 1", "runner 2", "jobs 1", "jobs 2", "broker", "database", "provider"};
const char *const link_names[] = {"runner 1 – broker",   "runner 2 – broker",  "jobs 1 – broker",
                                  "jobs 2 – broker",     "jobs 1 – database",  "jobs 2 – database",
                                  "runner 1 – provider", "runner 2 – provider"};

static const struct program {
	const char *program, *log;
	int link_broker, link_database, link_provider; /* enum link, -1 none */
} programs[MEMBER_COUNT] = {
    [RUNNER_1] = {"gannet-runner", "runner-1", RUNNER_1_BROKER, -1, RUNNER_1_PROVIDER},
    [RUNNER_2] = {"gannet-runner", "runner-2", RUNNER_2_BROKER, -1, RUNNER_2_PROVIDER},
    [JOBS_1] = {"gannet-jobs", "jobs-1", JOBS_1_BROKER, JOBS_1_DATABASE, -1},
    [JOBS_2] = {"gannet-jobs", "jobs-2", JOBS_2_BROKER, JOBS_2_DATABASE, -1},
    [PROVIDER] = {"gannet-fakeprovider", "provider", -1, -1, -1},
};

static struct {
	struct process_state {
		pid_t pid;
		bool wanted, paused;
		int told; /* the signal it was sent to end by */
		int64_t told_ms;
		int port; /* health; of the provider: its own */
		int clock; /* file of eight bytes: how many ms its wall clock is ahead; of services */
		int64_t peak_kib;
		char settings[ENV_MAX][SETTING_BYTES];
		const char *env[ENV_MAX + 1];
		size_t env_n;
	} members[MEMBER_COUNT];
	struct proxy *links[LINK_COUNT];
	struct buf bad_ends;
	int64_t sampled_ms;
	bool ending;
} stack;

static bool is_ours(enum member m)
{
	return programs[m].program;
}

static pid_t pid_of(enum member m)
{
	return m == BROKER ? test_nats_pid() : m == DATABASE ? test_postgres_pid() : stack.members[m].pid;
}

static void set(struct process_state *p, const char *fmt, ...) printf_like(2, 3);
static void set(struct process_state *p, const char *fmt, ...)
{
	va_list ap;
	CHECK(p->env_n < ENV_MAX);
	va_start(ap, fmt);
	CHECK(vsnprintf(p->settings[p->env_n], SETTING_BYTES, fmt, ap) < SETTING_BYTES);
	va_end(ap);
	p->env[p->env_n] = p->settings[p->env_n];
	p->env[++p->env_n] = NULL;
}

static void keep(struct process_state *p, const char *name)
{
	if (getenv(name))
		set(p, "%s=%s", name, getenv(name));
}

static void set_addresses(struct process_state *p, const struct program *r)
{
	if (r->link_broker >= 0)
		set(p, "NATS_URL=nats://127.0.0.1:%d", proxy_port(stack.links[r->link_broker]));
	if (r->link_database >= 0)
		set(p, "DATABASE_URL=postgresql://gannet@127.0.0.1:%d/gannet", proxy_port(stack.links[r->link_database]));
	if (r->link_provider >= 0)
		set(p, "OPENAI_BASE_URL=http://127.0.0.1:%d/v1", proxy_port(stack.links[r->link_provider]));
}

static void give_clock(enum member m)
{
	struct process_state *p = &stack.members[m];
	char path[600], name[32];
	snprintf(name, sizeof name, "%s.clock", programs[m].log);
	process_path(path, sizeof path, test_dir(), name);
	p->clock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	CHECK(p->clock >= 0);
	stack_jump(m, 0);
	set(p, "GANNET_TEST_CLOCK=%s", path);
}

void stack_jump(enum member m, int64_t ahead_ms)
{
	CHECK(pwrite(stack.members[m].clock, &ahead_ms, sizeof ahead_ms, 0) == sizeof ahead_ms);
}

static void set_environment(enum member m)
{
	struct process_state *p = &stack.members[m];
	const char *level = getenv("LOG_LEVEL");
	keep(p, "PATH");
	keep(p, "ASAN_OPTIONS");
	keep(p, "UBSAN_OPTIONS");
	keep(p, "TSAN_OPTIONS");
	set(p, "LOG_LEVEL=%s", level && *level ? level : "WARN");
	p->port = test_free_port();
	set(p, "%s=%d", m == PROVIDER ? "PORT" : "PROMETHEUS_PORT", p->port);
	if (m == PROVIDER) {
		set(p, "FAKE_SCRIPT=%s/script.json", test_dir());
		set(p, "FAKE_LOG_ENTRIES=100000");
		set(p, "FAKE_LOG_BODIES=0");
		return;
	}
	give_clock(m);
	set_addresses(p, &programs[m]);
	set(p, "OPENAI_API_KEY=chaos");
	set(p, "GANNET_LEASE=2s");
	set(p, "GANNET_DRAIN_MS=5000");
	set(p, "RETRY_DELAY=100ms");
}

/* One rule for each class of jobs that asks; the class's name stands in the prompt. */
static void write_script(void)
{
	char path[600];
	bool first = true;
	process_path(path, sizeof path, test_dir(), "script.json");
	FILE *f = fopen(path, "we");
	CHECK(f);
	fputs("{\"rules\":[", f);
	for (size_t i = 0; i < classes_n; i++) {
		if (!classes[i].asks)
			continue;
		fprintf(f, "%s{\"prompt\":\"[%s]*\",\"answers\":[{%s}]}", first ? "" : ",\n", classes[i].name,
		        classes[i].answer);
		first = false;
	}
	CHECK(fputs("]}\n", f) >= 0 && fclose(f) == 0);
}

static void launch(enum member m)
{
	struct process_state *p = &stack.members[m];
	char path[1024], log[600], name[32];
	process_path(path, sizeof path, test_bin(), programs[m].program);
	snprintf(name, sizeof name, "%s.log", programs[m].log);
	process_path(log, sizeof log, test_dir(), name);
	const char *argv[] = {path, NULL};
	p->told = 0;
	p->paused = false;
	p->pid = process_start(&(struct process){.path = path, .argv = argv, .env = p->env, .log_path = log});
}

static int port_in(const char *url)
{
	const char *colon = strrchr(url, ':');
	CHECK(colon);
	return atoi(colon + 1);
}

static void start_links(void)
{
	int broker = port_in(test_nats_url()), database = port_in(test_postgres_url());
	for (int l = 0; l < LINK_COUNT; l++)
		stack.links[l] = proxy_start(l <= JOBS_2_BROKER     ? broker
		                             : l <= JOBS_2_DATABASE ? database
		                                                    : stack.members[PROVIDER].port);
}

void stack_start(uint32_t submissions_max)
{
	disk_prepare(submissions_max);
	write_script();
	set_environment(PROVIDER);
	start_links();
	for (int m = 0; m < MEMBER_COUNT; m++) {
		if (is_ours(m) && m != PROVIDER)
			set_environment(m);
		stack.members[m].wanted = true;
		if (is_ours(m))
			launch(m);
	}
}

struct proxy *stack_link(enum link l)
{
	return stack.links[l];
}

int stack_provider_port(void)
{
	return stack.members[PROVIDER].port;
}

/* Looks without reaping: the server's own file waits for it. */
static bool server_has_ended(pid_t pid, int *ret_status)
{
	siginfo_t info = {.si_pid = 0};
	if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid != pid)
		return false;
	*ret_status = info.si_status;
	return true;
}

static void reap_server(enum member m)
{
	m == BROKER ? test_nats_kill(0) : test_postgres_kill(0);
}

/* One that does not end is killed, as whoever runs it would do. */
static void stop_server(enum member m, int sig)
{
	int status;
	int64_t until_ms = clock_mono_ms(&clock_system) + ORDERLY_MS;
	kill(pid_of(m), sig);
	while (!server_has_ended(pid_of(m), &status)) {
		if (clock_mono_ms(&clock_system) > until_ms)
			kill(pid_of(m), SIGKILL);
		usleep(5000);
	}
	reap_server(m);
}

void stack_stop(enum member m, int sig)
{
	struct process_state *p = &stack.members[m];
	p->wanted = false;
	if (!is_ours(m) && pid_of(m)) {
		stop_server(m, m == DATABASE && sig == SIGTERM ? SIGINT : sig);
	} else if (is_ours(m) && p->pid && p->told == SIGTERM && sig == SIGTERM) {
		return; /* it still drains: told twice, it would end at once */
	} else if (is_ours(m) && p->pid) {
		p->told = sig;
		p->told_ms = clock_mono_ms(&clock_system);
		kill(p->pid, sig);
	}
}

void stack_run(enum member m)
{
	stack.members[m].wanted = true;
}

/* ---- pauses: PostgreSQL is a family, and its sessions lead groups of their own */

static void signal_children(pid_t parent, int sig)
{
	DIR *proc = opendir("/proc");
	for (struct dirent *e; proc && (e = readdir(proc));) {
		char path[300], text[512];
		int ppid, pid = atoi(e->d_name);
		snprintf(path, sizeof path, "/proc/%s/stat", e->d_name);
		FILE *f = pid > 0 ? fopen(path, "re") : NULL;
		size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;
		if (f)
			fclose(f);
		text[n] = 0;
		char *end = strrchr(text, ')');
		if (end && sscanf(end + 1, " %*c %d", &ppid) == 1 && ppid == parent)
			kill(pid, sig);
	}
	if (proc)
		closedir(proc);
}

void stack_pause(enum member m, bool pause)
{
	pid_t pid = pid_of(m);
	int sig = pause ? SIGSTOP : SIGCONT;
	stack.members[m].paused = pause && pid;
	if (!pid)
		return;
	kill(pid, sig);
	if (m == DATABASE)
		signal_children(pid, sig);
}

bool stack_is_paused(enum member m)
{
	return stack.members[m].paused;
}

/* ---- watching */

static void complain(enum member m, const char *fmt, ...) printf_like(2, 3);
static void complain(enum member m, const char *fmt, ...)
{
	char text[200];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	buf_printf(&stack.bad_ends, "%s %s\n", member_names[m], text);
}

static void watch_ours(enum member m, int64_t now_ms)
{
	struct process_state *p = &stack.members[m];
	int status;
	if (p->pid && process_ended(p->pid, &status)) {
		if (!p->told)
			complain(m, "ended by itself with %d", status);
		else if (p->told == SIGTERM && status != 0)
			complain(m, "ended with %d after SIGTERM", status);
		p->pid = 0;
	} else if (p->pid && p->told == SIGTERM && now_ms - p->told_ms > ORDERLY_MS) {
		complain(m, "still ran %d ms after SIGTERM", ORDERLY_MS);
		p->told = SIGKILL;
		kill(p->pid, SIGKILL);
	}
	if (!p->pid && p->wanted)
		launch(m);
}

static void watch_server(enum member m)
{
	int status;
	if (pid_of(m) && server_has_ended(pid_of(m), &status)) {
		complain(m, "ended by itself with %d", status);
		reap_server(m);
	}
	if (!pid_of(m) && stack.members[m].wanted)
		m == BROKER ? test_nats_start() : test_postgres_start();
}

static void sample(enum member m)
{
	char path[64], line[256];
	struct process_state *p = &stack.members[m];
	snprintf(path, sizeof path, "/proc/%d/status", (int)pid_of(m));
	FILE *f = fopen(path, "re");
	while (f && fgets(line, sizeof line, f))
		if (strncmp(line, "VmHWM:", 6) == 0 && atoll(line + 6) > p->peak_kib)
			p->peak_kib = atoll(line + 6);
	if (f)
		fclose(f);
}

void stack_watch(void)
{
	int64_t now_ms = clock_mono_ms(&clock_system);
	bool sampling = now_ms - stack.sampled_ms >= SAMPLE_MS;
	for (int m = 0; m < MEMBER_COUNT; m++) {
		is_ours(m) ? watch_ours(m, now_ms) : watch_server(m);
		if (sampling)
			sample(m);
	}
	if (sampling)
		stack.sampled_ms = now_ms;
}

int64_t stack_peak_kib(enum member m)
{
	return stack.members[m].peak_kib;
}

bool stack_is_ready(int64_t wait_ms)
{
	int64_t until_ms = clock_mono_ms(&clock_system) + wait_ms;
	for (;;) {
		int ready = 0;
		stack_watch();
		for (int m = 0; m < MEMBER_COUNT; m++) {
			scoped_buf body = {0};
			ready += is_ours(m) ? test_http_get(stack.members[m].port, "/health/ready", &body) == 200 : pid_of(m) > 0;
		}
		if (ready == MEMBER_COUNT)
			return true;
		if (clock_mono_ms(&clock_system) > until_ms)
			return false;
		usleep(50000);
	}
}

/* ---- the end */

static bool any_of_ours(void)
{
	for (int m = 0; m < MEMBER_COUNT; m++)
		if (is_ours(m) && stack.members[m].pid)
			return true;
	return false;
}

static void search_log(enum member m)
{
	static const char *const reports[] = {"ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "WARNING: ThreadSanitizer",
	                                      "runtime error: "};
	char path[600], name[32], line[4096];
	snprintf(name, sizeof name, "%s.log", programs[m].log);
	process_path(path, sizeof path, test_dir(), name);
	FILE *f = fopen(path, "re");
	while (f && fgets(line, sizeof line, f))
		for (size_t i = 0; i < countof(reports); i++)
			if (strstr(line, reports[i]))
				complain(m, "has a sanitizer's report in its log");
	if (f)
		fclose(f);
}

const char *stack_end(void)
{
	for (int m = 0; m < MEMBER_COUNT; m++)
		if (is_ours(m))
			stack_stop(m, SIGTERM);
	while (any_of_ours()) {
		stack_watch();
		usleep(10000);
	}
	for (int m = 0; m < MEMBER_COUNT; m++)
		if (is_ours(m))
			search_log(m);
	for (int l = 0; l < LINK_COUNT; l++)
		proxy_stop(stack.links[l]);
	return stack.bad_ends.len ? stack.bad_ends.data : "";
}
