/* How long a reasoning takes by the rules, and a cycle from the request to the answer: with the collector on the example platform
 * (BENCH_ROWS), and storing included. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "bus/bus.h"
#include "core/clock.h"
#include "reasoning/reason.h"
#include "tests/lib/jobs.h"
#include "tests/lib/snapshots.h"

#define EXAMPLE "services/collector/examples/content-platform"
#define RUNS 5
#define CALLS 2000
#define REQUESTS 100

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double place(double *v, size_t n, double share)
{
	qsort(v, n, sizeof *v, by_value);
	size_t at = (size_t)(share * (double)n);
	return v[at < n ? at : n - 1];
}

static double cpu_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* A snapshot with trouble and with all the parts a real one has, about 20 KB. */
static struct json busy_snapshot(struct arena *a)
{
	scoped_buf events = {0};
	struct snapshot s = healthy_snapshot();
	buf_addc(&events, '[');
	for (int i = 0; i < 50; i++)
		buf_printf(&events, "%s{\"event_id\":%d,\"type\":\"publication_%s\",\"timestamp\":\"2026-01-02T03:04:12Z\",\"entity\":\"clip\","
		                    "\"entity_id\":\"%d\",\"details\":{\"platform\":\"instagram\",\"attempt\":1,\"note\":\"as planned by the "
		                    "orchestrator, slot %d\"},\"actor\":\"publisher-%d\"}",
		           i ? "," : "", i, i % 3 ? "succeeded" : "failed", i, i, i % 7);
	buf_addc(&events, ']');
	s.recent_events.text = arena_dup(a, buf_span(&events));
	s.clips_ready.v = 8;
	s.jobs_failed.v = 40;
	s.alerts_critical.v = 1;
	s.queue_pending.v = 700;
	return snapshot_json(&s, a);
}

static void figure(const char *name, double value, const char *unit, int runs, const char *settings)
{
	printf("{\"figure\":\"%s\",\"value\":%.1f,\"unit\":\"%s\",\"runs\":%d,\"settings\":\"%s\"}\n", name, value, unit, runs, settings);
	fflush(stdout);
}

static void rules(void)
{
	scoped_arena kept = {0};
	static struct memory memory;
	static struct tuning tuning;
	double medians[RUNS], all[CALLS], cpu[RUNS];
	const struct surroundings around = {0};
	const struct reason_input in = {.tenant = SPAN("acme"), .snapshot = busy_snapshot(&kept), .memory = &memory, .around = &around,
	                                .tuning = &tuning, .clock = &clock_system, .plan_ttl_ms = 3600000};
	for (size_t r = 0; r < RUNS; r++) {
		double began_cpu = cpu_us();
		for (size_t i = 0; i < CALLS; i++) {
			scoped_arena a = {0};
			static struct reason_output o;
			struct err err;
			int64_t began_ns = clock_mono_ns(&clock_system);
			CHECK_OK(reason(&in, &a, &o, &err), err);
			all[i] = (double)(clock_mono_ns(&clock_system) - began_ns) / 1e3;
			memory = o.memory;
			reason_output_free(&o);
		}
		cpu[r] = (cpu_us() - began_cpu) / CALLS;
		medians[r] = place(all, CALLS, 0.5);
	}
	char conditions[160];
	snprintf(conditions, sizeof conditions, "snapshot of %zu bytes to message, median of %d calls", in.snapshot.text.n, CALLS);
	figure("reasoning_rules_us", place(medians, RUNS, 0.5), "us", RUNS, conditions);
	figure("reasoning_rules_cpu_us", place(cpu, RUNS, 0.5), "us", RUNS, conditions);
}

static void cycle(void)
{
	const char *rows = getenv("BENCH_ROWS") ? getenv("BENCH_ROWS") : "100000"; /* a million takes longer to make than a test may last on a busy machine */
	double all[REQUESTS], rules_us[REQUESTS];
	char url[256], conditions[160];
	CHECK_INT(test_run(EXAMPLE "/generate", (const char *[]){"--rows", rows, "--condition", "backlog", "--database", test_postgres_url(), NULL},
	                   NULL, NULL),
	          0);
	struct bus *bus;
	struct err err;
	CHECK_OK(bus_open(&(struct bus_options){.url = test_nats_url(), .name = "bench", .clock = &clock_system}, &bus, &err), err);
	snprintf(url, sizeof url, "CONTENT_PLATFORM_URL=%s", test_postgres_url());
	test_ready(test_spawn("gannet-jobs", NULL, NULL));
	test_ready(test_spawn("gannet-collector",
	                      (const char *[]){"GANNET_SOURCES=" EXAMPLE "/sources.json", "AI_WORKER_ENABLED=false", url, NULL}, NULL));
	test_ready(test_spawn("gannet-reasoning", NULL, NULL));
	for (size_t i = 0; i < REQUESTS + 5; i++) {
		enum status got;
		int64_t began_ns = clock_mono_ns(&clock_system);
		const char *answer = test_request(bus, "gannet.default.reasoning.run", "{}", &got, &err);
		double us = (double)(clock_mono_ns(&clock_system) - began_ns) / 1e3;
		CHECK_MSG(got == STATUS_OK, "%s", err.msg);
		if (i >= 5) {
			all[i - 5] = us / 1e3;
			rules_us[i - 5] = atof(test_json(answer, "/execution_time_us"));
		}
	}
	bus_close(bus);
	snprintf(conditions, sizeof conditions, "example platform of %s rows, backlog, %d requests one after the other", rows, REQUESTS);
	figure("reasoning_cycle_p50_ms", place(all, REQUESTS, 0.5), "ms", 1, conditions);
	figure("reasoning_cycle_p95_ms", place(all, REQUESTS, 0.95), "ms", 1, conditions);
	figure("reasoning_cycle_rules_p50_us", place(rules_us, REQUESTS, 0.5), "us", 1, conditions);
}

TEST(reasoning)
{
	rules();
	cycle();
}
