/* Gannet's side of the comparison with other job systems: rows "gannet <figure> <value> <unit>", one run each. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bus/store.h"
#include "bus/topology.h"
#include "contract/job.h"
#include "core/clock.h"
#include "tests/lib/jobs.h"

/* As in bullmq.js. */
#define BURST 20000
#define CALLS 5000
#define PER_S 200
#define PACED 2000
#define CONCURRENCY "MAX_CONCURRENT_TASKS=32"
#define PAYLOAD_BYTES 282
#define TEXT "Gannets are seabirds that dive from thirty metres, closing their wings just before they enter the water."
#define SUBJECT "gannet.bench.jobs.submit.llm.default"

static _Atomic int completed;
static _Atomic int64_t first_ns, last_ns;
static int64_t sent_ns[PACED];
static double took_ms[PACED];

static int64_t now_ns(void)
{
	return clock_mono_ns(&clock_system);
}

static void row(const char *figure, double value, const char *unit)
{
	printf("gannet %s %.6g %s\n", figure, value, unit);
}

static void publish(struct bus *b, const char *prefix, int i, const char *model)
{
	static const char members[] =
	    "{\"job_id\":\"%s\",\"model\":\"%s\",\"template\":\"Summarise in one sentence: {{text}}\",\"context\":{\"text\":\"" TEXT
	    "\"},\"user_id\":\"%.*s\"}";
	static const char padding[] = "uuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuu";
	char body[512], id[32];
	struct err err;
	snprintf(id, sizeof id, "%s-%d", prefix, i);
	int n = snprintf(body, sizeof body, members, id, model, 0, "");
	CHECK(n > 0 && n < PAYLOAD_BYTES && PAYLOAD_BYTES - n < (int)sizeof padding);
	n = snprintf(body, sizeof body, members, id, model, PAYLOAD_BYTES - n, padding);
	CHECK_INT(n, PAYLOAD_BYTES);
	struct bus_header h = {HEADER_MSG_ID, span_from(id)};
	struct bus_out m = {SUBJECT, NULL, span_of(body, (size_t)n), &h, 1};
	CHECK_OK(bus_store(b, &m, 0, BUS_BLOCK, NULL, NULL, &err), err);
}

static void on_completed(void *arg, const struct bus_in *m)
{
	int64_t now = now_ns(), i;
	struct span rest = m->subject;
	(void)arg;
	for (int t = 0; t < 5; t++)
		span_cut(&rest, '.');
	if (span_is(span_cut(&rest, '-'), "pace") && span_i64(rest, &i) && i < PACED)
		took_ms[i] = (double)(now - sent_ns[i]) / 1e6;
	if (!first_ns)
		first_ns = now;
	last_ns = now;
	atomic_fetch_add(&completed, 1);
}

static struct bus *open_bus(bool bulk)
{
	static const char *const names[] = {STREAM_JOBS, STREAM_EVENTS, STREAM_DELAYED, BUCKET_CANCELLED, BUCKET_WORKERS, BUCKET_KEYS};
	struct bus *b;
	struct bus_sub *sub;
	struct err err;
	struct bus_options o = {.url = test_nats_url(), .name = "bench-peers", .clock = &clock_system, .bulk = bulk};
	CHECK_OK(bus_open(&o, &b, &err), err);
	for (size_t i = 0; i < countof(names); i++)
		CHECK_OK(bus_topology_ensure(b, names[i], &bus_limits_default, &err), err);
	CHECK_OK(bus_subscribe(b, "gannet.bench.jobs.event.completed.>", NULL, on_completed, NULL, &sub, &err), err);
	return b;
}

static struct test_process *start_runner(void)
{
	struct test_process *fake = test_fakeprovider();
	char base[64];
	snprintf(base, sizeof base, "OPENAI_BASE_URL=http://127.0.0.1:%d/v1", fake->health_port);
	struct test_process *p =
	    test_spawn("gannet-runner", (const char *[]){base, "OPENAI_API_KEY=bench", "LOG_LEVEL=INFO", CONCURRENCY, NULL}, NULL);
	test_ready(p);
	return p;
}

static double rss_mib(pid_t pid)
{
	char path[64], line[256];
	double kib = 0;
	snprintf(path, sizeof path, "/proc/%d/status", pid);
	FILE *f = fopen(path, "re");
	while (f && fgets(line, sizeof line, f))
		if (!strncmp(line, "VmRSS:", 6))
			kib = atof(line + 6);
	if (f)
		fclose(f);
	return kib / 1024;
}

static bool is_queue_empty(struct bus *b)
{
	struct bus_stream_state s;
	struct err err;
	return bus_stream_state(b, STREAM_JOBS, &s, &err) == STATUS_OK && s.messages == 0;
}

/* The queue is filled first, then a worker empties it; timed from the first result to the last. */
static void drain(int n, const char *model, const char *mode)
{
	char figure[64];
	struct err err;
	struct bus *b = open_bus(true);
	int64_t from_ns = now_ns();
	for (int i = 0; i < n; i++)
		publish(b, "burst", i, model);
	CHECK_OK(bus_store_drain(b, 60000, &err), err);
	if (n == BURST)
		row("enqueued_per_s", n / ((double)(now_ns() - from_ns) / 1e9), "1/s");
	struct test_process *p = start_runner();
	WAIT_FOR(completed == n && is_queue_empty(b), "all jobs to be executed");
	snprintf(figure, sizeof figure, "%s_jobs_per_s", mode);
	row(figure, (n - 1) / ((double)(last_ns - first_ns) / 1e9), "1/s");
	snprintf(figure, sizeof figure, "%s_worker_rss", mode);
	row(figure, rss_mib(p->pid), "MiB");
	bus_close(b);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

TEST(noop)
{
	drain(BURST, "simulated", "noop");
}

TEST(http)
{
	drain(CALLS, "gpt-fake", "http");
}

TEST(pace)
{
	struct bus *b = open_bus(false);
	start_runner();
	int64_t from_ns = now_ns();
	for (int i = 0; i < PACED; i++) {
		int64_t wait_ns = from_ns + i * (INT64_C(1000000000) / PER_S) - now_ns();
		if (wait_ns > 0)
			usleep((useconds_t)(wait_ns / 1000));
		sent_ns[i] = now_ns();
		publish(b, "pace", i, "simulated");
	}
	WAIT_FOR(completed == PACED, "all results");
	qsort(took_ms, PACED, sizeof *took_ms, by_value);
	row("paced_p50_ms", took_ms[PACED / 2], "ms");
	row("paced_p99_ms", took_ms[PACED * 99 / 100], "ms");
	bus_close(b);
}
