/* The job path, measured from outside: throughput, latency, memory and start-up of the real programs on real servers. JOBS_BENCH_BURST
 * sets how many instant jobs a run has (60000). */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bus/pull.h"
#include "bus/store.h"
#include "bus/topology.h"
#include "contract/job.h"
#include "core/clock.h"
#include "tests/lib/jobs.h"

#define RUNS 3
#define TEXT "Gannets are seabirds that dive from thirty metres, closing their wings just before they enter the water."
#define INSTANT                                                                                                        \
	"\"model\":\"simulated\",\"template\":\"Summarise in one sentence: {{text}}\",\"context\":{\"text\":\"" TEXT       \
	"\"},\"user_id\":\"u-17\""

static const char *const quiet[] = {"LOG_LEVEL=INFO", NULL};

/* Of instant jobs, in each run. */
static int burst(void)
{
	const char *text = getenv("JOBS_BENCH_BURST");
	int n = text ? atoi(text) : 60000;
	CHECK(n > 0);
	return n;
}

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

static void figure(const char *name, double value, const char *unit, const char *settings)
{
	printf("{\"figure\":\"%s\",\"value\":%.6g,\"unit\":\"%s\",\"runs\":%d,\"settings\":\"%s\"}\n", name, value, unit, RUNS, settings);
	fflush(stdout);
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

/* ---- the ceiling: what the broker alone makes of the same messages */

#define RAW_RESULT_BYTES 1300 /* as large as the completed event of these jobs */
#define RAW_CREDITS 1024

struct raw {
	struct bus *bus;
	struct bus_pull *pull;
	_Atomic int acknowledged;
};

static struct raw raw;

static void on_raw_stored(void *arg, const struct bus_stored *s)
{
	struct bus_delivery *d = arg;
	struct err err;
	CHECK_INT(s->status, STATUS_OK);
	CHECK_OK(bus_ack(raw.bus, d->in.reply, &err), err);
	bus_delivery_free(d);
	free(d);
	if (++raw.acknowledged % (RAW_CREDITS / 8) == 0)
		bus_pull_want(raw.pull, RAW_CREDITS / 8);
}

static void on_raw_delivery(void *arg, struct bus_delivery *d)
{
	static const char body[RAW_RESULT_BYTES];
	struct bus_delivery *kept = malloc(sizeof *kept);
	struct err err;
	char subject[96], id[64];
	struct span job = bus_in_header(&d->in, HEADER_MSG_ID);
	(void)arg;
	CHECK(kept != NULL);
	*kept = *d;
	snprintf(subject, sizeof subject, "gannet.bench.jobs.event.completed.%.*s", SPAN_ARG(job));
	snprintf(id, sizeof id, "final:bench.%.*s:1", SPAN_ARG(job));
	struct bus_header h = {HEADER_MSG_ID, span_from(id)};
	struct bus_out m = {subject, NULL, span_of(body, sizeof body), &h, 1};
	CHECK_OK(bus_store(raw.bus, &m, 0, BUS_BLOCK, on_raw_stored, kept, &err), err);
}

static void raw_begin(struct bus *b)
{
	struct err err;
	raw.bus = b;
	CHECK_OK(bus_pull_open(b, STREAM_JOBS, "llm_default", on_raw_delivery, NULL, &raw.pull, &err), err);
	bus_pull_want(raw.pull, RAW_CREDITS);
}

static void raw_end(void)
{
	bus_pull_close(raw.pull);
	bus_close(raw.bus);
}

/*
 * Pull, store a result, acknowledge: what every durable execution costs at least, with no work, no JSON, no fairness and no leases. Beside
 * the same publisher, on the same broker.
 */
static double raw_rate(struct bus *b)
{
	double rate[RUNS];
	raw_begin(publisher());
	for (int run = 0; run < RUNS; run++) {
		double start = now_s();
		publish_burst(b, RUNS + run, burst(), INSTANT);
		WAIT_FOR(stream_is_empty(b, STREAM_JOBS), "all messages acknowledged");
		rate[run] = burst() / (now_s() - start);
	}
	raw_end();
	return quantile(rate, RUNS, .5);
}

static double raw_publish_rate(struct bus *b)
{
	double rate[RUNS];
	struct bus_stream_state s;
	struct err err;
	scoped_buf answer = {0};
	for (int run = 0; run < RUNS; run++) {
		double start = now_s();
		publish_burst(b, 2 * RUNS + run, burst(), INSTANT);
		rate[run] = burst() / (now_s() - start);
		CHECK_OK(bus_request(b, &(struct bus_out){.subject = "$JS.API.STREAM.PURGE." STREAM_JOBS}, 20000, &answer, &err), err);
		CHECK_OK(bus_stream_state(b, STREAM_JOBS, &s, &err), err);
		CHECK_INT(s.messages, 0);
	}
	return quantile(rate, RUNS, .5);
}

TEST(instant_jobs_executed_and_stored)
{
	const char *settings = "instant simulated jobs, one runner, results stored, no projection";
	double rate[RUNS], publish_rate[RUNS];
	struct bus *b = publisher();
	struct test_process *runner = test_spawn("gannet-runner", quiet, NULL);
	test_ready(runner);
	struct cost costs[] = {{"broker", test_nats_pid(), 0}, {"runner", runner->pid, 0}, {"publisher", getpid(), 0}};
	costs_begin(costs, countof(costs));
	for (int run = 0; run < RUNS; run++) {
		double start = now_s();
		publish_burst(b, run, burst(), INSTANT);
		publish_rate[run] = burst() / (now_s() - start);
		WAIT_FOR(stream_is_empty(b, STREAM_JOBS), "all jobs executed");
		rate[run] = burst() / (now_s() - start);
	}
	figure("jobs_executed_per_s", quantile(rate, RUNS, .5), "1/s", settings);
	figure("jobs_published_per_s", quantile(publish_rate, RUNS, .5), "1/s", "the same run: one publisher beside the runner");
	costs_end(costs, countof(costs), burst() * RUNS, settings);
	test_kill(runner, SIGTERM);
	CHECK_INT(test_wait_exit(runner), 0);
	double ceiling = raw_rate(b);
	figure("raw_jetstream_per_s", ceiling, "1/s", "the same messages pulled, a result stored, acknowledged, by a bare client");
	figure("executed_to_raw_ratio", quantile(rate, RUNS, .5) / ceiling, "", "jobs_executed_per_s to raw_jetstream_per_s, in the same run");
	figure("raw_publish_per_s", raw_publish_rate(b), "1/s", "the same submissions stored and republished, with nobody at work");
	bus_close(b);
}

TEST(instant_jobs_recorded)
{
	const char *settings = "instant simulated jobs: publisher, runner and projection at work";
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
		publish_burst(b, run, burst(), INSTANT);
		WAIT_FOR(stream_is_empty(b, STREAM_JOBS), "all jobs executed");
		WAIT_FOR(test_all_recorded(b), "all jobs recorded");
		rate[run] = burst() / (now_s() - start);
		CHECK_INT(atol(test_sql("SELECT count(*) FROM ai_jobs WHERE status = 'completed'")), (long)burst() * (run + 1));
	}
	figure("jobs_recorded_per_s", quantile(rate, RUNS, .5), "1/s", settings);
	costs_end(costs, countof(costs), burst() * RUNS, settings);
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

static void pace(struct bus *b, struct latencies *l, int run, int per_s, int n)
{
	struct err err;
	double start = now_s();
	for (int i = 0; i < n; i++) {
		char body[1024], id[32];
		double due = start + (double)i / per_s, wait = due - now_s();
		if (wait > 0)
			usleep((useconds_t)(wait * 1e6));
		snprintf(id, sizeof id, "pace%d-%d", run, i);
		snprintf(body, sizeof body, "{\"job_id\":\"%s\",%s}", id, INSTANT);
		struct bus_header h = {HEADER_MSG_ID, span_from(id)};
		l->sent[i] = now_s();
		CHECK_OK(bus_store(b, &(struct bus_out){"gannet.bench.jobs.submit.llm.default", NULL, span_from(body), &h, 1},
		                   0, BUS_BLOCK, NULL, NULL, &err),
		         err);
	}
	WAIT_FOR(l->n == (size_t)n, "all results");
}

static struct bus *pacer(void)
{
	struct bus *b;
	struct err err;
	const struct bus_options o = {.url = test_nats_url(), .name = "bench-pace", .clock = &clock_system};
	CHECK_OK(bus_open(&o, &b, &err), err);
	return b;
}

/* Medians over the runs of p50 and p99. */
static void pace_runs(struct bus *b, struct latencies *l, const char *what, int per_s, int n, const char *settings)
{
	static int run;
	double p50[RUNS], p99[RUNS];
	char name[96];
	for (int i = 0; i < RUNS; i++, run++) {
		l->n = 0;
		pace(b, l, run, per_s, n);
		p50[i] = quantile(l->took_ms, l->n, .5);
		p99[i] = quantile(l->took_ms, l->n, .99);
	}
	snprintf(name, sizeof name, "%s_p50_at_%d_per_s", what, per_s);
	figure(name, quantile(p50, RUNS, .5), "ms", settings);
	snprintf(name, sizeof name, "%s_p99_at_%d_per_s", what, per_s);
	figure(name, quantile(p99, RUNS, .5), "ms", settings);
}

static void measure_latency(int per_s, int n)
{
	static struct latencies l;
	struct bus *b = pacer();
	struct bus_sub *sub;
	struct err err;
	pthread_mutex_init(&l.lock, NULL);
	test_postgres_url();
	struct test_process *jobs = test_spawn("gannet-jobs", quiet, NULL), *runner = test_spawn("gannet-runner", quiet, NULL);
	test_ready(jobs);
	test_ready(runner);
	CHECK_OK(bus_subscribe(b, "gannet.bench.jobs.event.completed.>", NULL, on_completed, &l, &sub, &err), err);
	pace_runs(b, &l, "latency", per_s, n, "publish to result event, runner and projection running");
	test_kill(jobs, SIGTERM);
	CHECK_INT(test_wait_exit(jobs), 0);
	pace_runs(b, &l, "latency_unrecorded", per_s, n, "the same without the projection");
	test_kill(runner, SIGTERM);
	CHECK_INT(test_wait_exit(runner), 0);
	raw_begin(pacer());
	pace_runs(b, &l, "latency_raw", per_s, n, "the same messages pulled, a result stored, acknowledged, by a bare client");
	raw_end();
	bus_close(b);
}

TEST(latency_at_200_per_s)
{
	measure_latency(200, 2000);
}

TEST(latency_at_1000_per_s)
{
	measure_latency(1000, 10000);
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
