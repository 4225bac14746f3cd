/* The job path, measured from outside: throughput, latency, memory and start-up of the real programs on real servers.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bus/store.h"
#include "bus/topology.h"
#include "contract/job.h"
#include "core/clock.h"
#include "tests/lib/jobs.h"

#define RUNS 3
#define BURST 60000
#define TEXT "Gannets are seabirds that dive from thirty metres, closing their wings just before they enter the water."
#define INSTANT                                                                                                        \
	"\"model\":\"simulated\",\"template\":\"Summarise in one sentence: {{text}}\",\"context\":{\"text\":\"" TEXT       \
	"\"},\"user_id\":\"u-17\""

static const char *const quiet[] = {"LOG_LEVEL=INFO", NULL};

static double now_s(void)
{
	return (double)clock_mono_ns(&clock_system) / 1e9;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double quantile(double *v, size_t n, double q)
{
	qsort(v, n, sizeof *v, by_value);
	size_t i = (size_t)(q * (double)n);
	return v[i < n ? i : n - 1];
}

static void figure_of(int runs, const char *name, double value, const char *unit, const char *settings)
{
	printf("{\"figure\":\"%s\",\"value\":%.6g,\"unit\":\"%s\",\"runs\":%d,\"settings\":\"%s\"}\n", name, value, unit, runs, settings);
	fflush(stdout);
}

static void figure(const char *name, double value, const char *unit, const char *settings)
{
	figure_of(RUNS, name, value, unit, settings);
}

static struct bus *publisher(void)
{
	struct bus *b;
	struct err err;
	struct bus_options o = {.url = test_nats_url(), .name = "bench-publisher", .clock = &clock_system, .bulk = true};
	CHECK_OK(bus_open(&o, &b, &err), err);
	return b;
}

static void publish_burst(struct bus *b, int run, int n, const char *members)
{
	struct err err;
	for (int i = 0; i < n; i++) {
		char body[1024], id[48];
		int id_n = snprintf(id, sizeof id, "burst-%d-%d", run, i);
		int body_n = snprintf(body, sizeof body, "{\"job_id\":\"%s\",%s}", id, members);
		struct bus_header h = {HEADER_MSG_ID, span_of(id, (size_t)id_n)};
		struct bus_out m = {"gannet.bench.jobs.submit.llm.default", NULL, span_of(body, (size_t)body_n), &h, 1};
		CHECK_OK(bus_store(b, &m, 0, BUS_BLOCK, NULL, NULL, &err), err);
	}
	CHECK_OK(bus_store_drain(b, 60000, &err), err);
}

static bool stream_is_empty(struct bus *b, const char *stream)
{
	struct bus_stream_state s;
	struct err err;
	return bus_stream_state(b, stream, &s, &err) == STATUS_OK && s.messages == 0;
}

static long rss_kib(pid_t pid, const char *key, const char *file)
{
	char path[64], line[256];
	long kib = -1;
	snprintf(path, sizeof path, "/proc/%d/%s", pid, file);
	FILE *f = fopen(path, "r");
	CHECK(f != NULL);
	while (fgets(line, sizeof line, f))
		if (!strncmp(line, key, strlen(key)))
			kib = atol(line + strlen(key));
	fclose(f);
	return kib;
}

static double cpu_s(pid_t pid)
{
	char path[64], text[512];
	unsigned long user = 0, system = 0;
	snprintf(path, sizeof path, "/proc/%d/stat", pid);
	FILE *f = fopen(path, "r");
	CHECK(f != NULL && fgets(text, sizeof text, f));
	fclose(f);
	const char *p = strrchr(text, ')');
	CHECK(p && sscanf(p + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) == 2);
	return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

/* What a job costs each process: comparable also when the machine is busy with other things. */
struct cost {
	const char *name;
	pid_t pid;
	double before_s;
};

static void costs_begin(struct cost *c, size_t n)
{
	for (size_t i = 0; i < n; i++)
		c[i].before_s = cpu_s(c[i].pid);
}

static void costs_end(const struct cost *c, size_t n, int jobs, const char *settings)
{
	for (size_t i = 0; i < n; i++) {
		char name[96];
		snprintf(name, sizeof name, "cpu_per_job_%s", c[i].name);
		figure(name, (cpu_s(c[i].pid) - c[i].before_s) / jobs * 1e6, "us", settings);
	}
}

TEST(instant_jobs_executed_and_stored)
{
	const char *settings = "60000 instant simulated jobs, one runner, results stored, no projection";
	double rate[RUNS], publish_rate[RUNS];
	struct bus *b = publisher();
	struct test_process *runner = test_spawn("gannet-runner", quiet, NULL);
	test_ready(runner);
	struct cost costs[] = {{"broker", test_nats_pid(), 0}, {"runner", runner->pid, 0}, {"publisher", getpid(), 0}};
	costs_begin(costs, countof(costs));
	for (int run = 0; run < RUNS; run++) {
		double start = now_s();
		publish_burst(b, run, BURST, INSTANT);
		publish_rate[run] = BURST / (now_s() - start);
		WAIT_FOR(stream_is_empty(b, STREAM_JOBS), "all jobs executed");
		rate[run] = BURST / (now_s() - start);
	}
	figure("jobs_executed_per_s", quantile(rate, RUNS, .5), "1/s", settings);
	figure("jobs_published_per_s", quantile(publish_rate, RUNS, .5), "1/s", "the same run: one publisher beside the runner");
	costs_end(costs, countof(costs), BURST * RUNS, settings);
	bus_close(b);
}

TEST(instant_jobs_recorded)
{
	const char *settings = "60000 instant simulated jobs: publisher, runner and projection at work";
	double rate[RUNS];
	test_postgres_url();
	struct bus *b = publisher();
	struct test_process *jobs = test_spawn("gannet-jobs", quiet, NULL), *runner = test_spawn("gannet-runner", quiet, NULL);
	test_ready(jobs);
	test_ready(runner);
	struct cost costs[] = {{"recorded_broker", test_nats_pid(), 0}, {"recorded_runner", runner->pid, 0}, {"recorded_jobs", jobs->pid, 0}};
	costs_begin(costs, countof(costs));
	for (int run = 0; run < RUNS; run++) {
		double start = now_s();
		publish_burst(b, run, BURST, INSTANT);
		WAIT_FOR(stream_is_empty(b, STREAM_JOBS), "all jobs executed");
		WAIT_FOR(test_all_recorded(b), "all jobs recorded");
		rate[run] = BURST / (now_s() - start);
		CHECK_INT(atol(test_sql("SELECT count(*) FROM ai_jobs WHERE status = 'completed'")), (long)BURST * (run + 1));
	}
	figure("jobs_recorded_per_s", quantile(rate, RUNS, .5), "1/s", settings);
	costs_end(costs, countof(costs), BURST * RUNS, settings);
	bus_close(b);
}

/* ---- latency */

struct latencies {
	pthread_mutex_t lock;
	double sent[20000], took_ms[20000];
	size_t n;
};

static void on_completed(void *arg, const struct bus_in *m)
{
	struct latencies *l = arg;
	double now = now_s();
	struct span rest = m->subject;
	int64_t i;
	for (int t = 0; t < 5; t++)
		span_cut(&rest, '.');
	span_cut(&rest, '-');
	if (!span_i64(rest, &i))
		return;
	pthread_mutex_lock(&l->lock);
	l->took_ms[l->n++] = (now - l->sent[i]) * 1e3;
	pthread_mutex_unlock(&l->lock);
}

static void pace(struct bus *b, struct latencies *l, int per_s, int n)
{
	struct err err;
	double start = now_s();
	for (int i = 0; i < n; i++) {
		char body[1024], id[32];
		double due = start + (double)i / per_s, wait = due - now_s();
		if (wait > 0)
			usleep((useconds_t)(wait * 1e6));
		snprintf(id, sizeof id, "pace-%d", i);
		snprintf(body, sizeof body, "{\"job_id\":\"%s\",%s}", id, INSTANT);
		struct bus_header h = {HEADER_MSG_ID, span_from(id)};
		l->sent[i] = now_s();
		CHECK_OK(bus_store(b, &(struct bus_out){"gannet.bench.jobs.submit.llm.default", NULL, span_from(body), &h, 1},
		                   0, BUS_BLOCK, NULL, NULL, &err),
		         err);
	}
}

static void measure_latency(int per_s, int n, bool recorded)
{
	static struct latencies l;
	struct bus_options o = {.url = test_nats_url(), .name = "bench-pace", .clock = &clock_system};
	struct bus *b;
	struct bus_sub *sub;
	struct err err;
	char name[96];
	memset(&l, 0, sizeof l);
	pthread_mutex_init(&l.lock, NULL);
	CHECK_OK(bus_open(&o, &b, &err), err);
	if (recorded) {
		test_postgres_url();
		test_ready(test_spawn("gannet-jobs", quiet, NULL));
	}
	test_ready(test_spawn("gannet-runner", quiet, NULL));
	CHECK_OK(bus_subscribe(b, "gannet.bench.jobs.event.completed.>", NULL, on_completed, &l, &sub, &err), err);
	pace(b, &l, per_s, n);
	WAIT_FOR(l.n == (size_t)n, "all results");
	snprintf(name, sizeof name, "latency_p50_at_%d_per_s", per_s);
	figure_of(1, name, quantile(l.took_ms, l.n, .5), "ms", "publish to result event, runner and projection running, one run");
	snprintf(name, sizeof name, "latency_p99_at_%d_per_s", per_s);
	figure_of(1, name, quantile(l.took_ms, l.n, .99), "ms",
	       "publish to result event, runner and projection running, one run");
	bus_close(b);
}

TEST(latency_at_200_per_s)
{
	measure_latency(200, 2000, true);
}

TEST(latency_at_1000_per_s)
{
	measure_latency(1000, 10000, true);
}

/* ---- provider calls */

static struct test_process *runner_with_fake(char base[128], const char *concurrency)
{
	struct test_process *fake = test_fakeprovider();
	snprintf(base, 128, "OPENAI_BASE_URL=http://127.0.0.1:%d/v1", fake->health_port);
	struct test_process *p = test_spawn(
	    "gannet-runner", (const char *[]){base, "OPENAI_API_KEY=bench", "LOG_LEVEL=INFO", concurrency, NULL}, NULL);
	test_ready(p);
	return p;
}

TEST(slow_provider_calls_in_flight)
{
	double rate[RUNS];
	char base[128];
	struct bus *b = publisher();
	struct test_process *p = runner_with_fake(base, "MAX_CONCURRENT_TASKS=1000");
	for (int run = 0; run < RUNS; run++) {
		double start = now_s();
		publish_burst(b, run, 10000, "\"model\":\"gpt-fake:latency=200ms\",\"template\":\"" TEXT "\"");
		WAIT_FOR(stream_is_empty(b, STREAM_JOBS), "all calls answered");
		rate[run] = 10000 / (now_s() - start);
	}
	figure("slow_calls_per_s", quantile(rate, RUNS, .5), "1/s",
	       "10000 provider calls of 200 ms, 1000 in flight, one runner");
	figure("slow_calls_peak_rss", (double)rss_kib(p->pid, "VmHWM:", "status") / 1024, "MiB",
	       "the runner, highest of all runs");
	bus_close(b);
}

TEST(fast_provider_calls)
{
	double rate[RUNS];
	char base[128];
	struct bus *b = publisher();
	runner_with_fake(base, "MAX_CONCURRENT_TASKS=32");
	for (int run = 0; run < RUNS; run++) {
		double start = now_s();
		publish_burst(b, run, 20000, "\"model\":\"gpt-fake\",\"template\":\"" TEXT "\"");
		WAIT_FOR(stream_is_empty(b, STREAM_JOBS), "all calls answered");
		rate[run] = 20000 / (now_s() - start);
	}
	figure("http_jobs_per_s", quantile(rate, RUNS, .5), "1/s",
	       "20000 provider calls answered at once, 32 in flight, one runner");
	bus_close(b);
}

/* ---- what it costs to be there */

static void idle(const char *program)
{
	double ready_ms[RUNS], pss[RUNS], cpu[RUNS];
	char name[96];
	for (int run = 0; run < RUNS; run++) {
		double start = now_s();
		struct test_process *p = test_spawn(program, quiet, NULL);
		test_ready(p);
		ready_ms[run] = (now_s() - start) * 1e3;
		sleep(1);
		double before = cpu_s(p->pid);
		sleep(5); /* the time itself is what is measured here */
		cpu[run] = (cpu_s(p->pid) - before) / 5 * 100;
		pss[run] = (double)rss_kib(p->pid, "Pss:", "smaps_rollup") / 1024;
		test_kill(p, SIGTERM);
		CHECK_INT(test_wait_exit(p), 0);
	}
	snprintf(name, sizeof name, "%s_ready", program);
	figure(name, quantile(ready_ms, RUNS, .5), "ms", "exec to /health/ready");
	snprintf(name, sizeof name, "%s_idle_pss", program);
	figure(name, quantile(pss, RUNS, .5), "MiB", "proportional set size after 6 s");
	snprintf(name, sizeof name, "%s_idle_cpu", program);
	figure(name, quantile(cpu, RUNS, .5), "% of a core", "over 5 s");
}

TEST(idle_services)
{
	test_nats_url();
	test_postgres_url();
	idle("gannet-runner");
	idle("gannet-jobs");
}
