/* How fast jobs come back that a dead worker held: each is looked up in the stream of events before it runs again. */
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "bus/pull.h"
#include "bus/store.h"
#include "bus/topology.h"
#include "contract/job.h"
#include "core/clock.h"
#include "tests/lib/jobs.h"

#define RUNS 3
#define HELD 10000 /* fewer than a consumer hands out without acknowledgement */
#define EARLIER 100000 /* jobs that ran before, whose events lie in the stream */
#define LEASE_MS 2000
#define LEASE "GANNET_LEASE=2s"

static _Atomic int taken, completed;
static _Atomic int64_t first_ns, last_ns;

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static void publish(struct bus *b, const char *prefix, int n)
{
	struct err err;
	for (int i = 0; i < n; i++) {
		char body[256], id[48];
		snprintf(id, sizeof id, "%s-%d", prefix, i);
		snprintf(body, sizeof body, "{\"job_id\":\"%s\",\"model\":\"simulated\",\"template\":\"x\"}", id);
		struct bus_header h = {HEADER_MSG_ID, span_from(id)};
		struct bus_out m = {"gannet.bench.jobs.submit.llm.default", NULL, span_from(body), &h, 1};
		CHECK_OK(bus_store(b, &m, 0, BUS_BLOCK, NULL, NULL, &err), err);
	}
	CHECK_OK(bus_store_drain(b, 60000, &err), err);
}

/* Taken and never answered for: what a worker leaves that was killed. */
static void on_delivery(void *arg, struct bus_delivery *d)
{
	(void)arg;
	bus_delivery_free(d);
	atomic_fetch_add(&taken, 1);
}

static void hold(struct bus *b)
{
	struct bus_pull *pull;
	struct err err;
	char consumer[72];
	taken = 0;
	bus_kind_consumer("llm", "default", consumer);
	CHECK_OK(bus_pull_open(b, STREAM_JOBS, consumer, on_delivery, NULL, &pull, &err), err);
	bus_pull_want(pull, HELD);
	WAIT_FOR(taken >= HELD, "the jobs to be taken");
	bus_pull_close(pull);
}

static void on_completed(void *arg, const struct bus_in *m)
{
	(void)arg, (void)m;
	int64_t now = clock_mono_ns(&clock_system);
	if (atomic_fetch_add(&completed, 1) == 0)
		first_ns = now;
	last_ns = now;
}

static struct bus *open_bus(void)
{
	struct bus *b;
	struct err err;
	struct bus_options o = {.url = test_nats_url(), .name = "bench-recover", .clock = &clock_system, .bulk = true};
	CHECK_OK(bus_open(&o, &b, &err), err);
	return b;
}

static void ensure(struct bus *b)
{
	static const char *const names[] = {STREAM_JOBS, STREAM_EVENTS, STREAM_DELAYED, BUCKET_CANCELLED, BUCKET_WORKERS, BUCKET_KEYS};
	struct bus_limits limits = bus_limits_default;
	struct err err;
	limits.lease_ms = LEASE_MS;
	for (size_t i = 0; i < countof(names); i++)
		CHECK_OK(bus_topology_ensure(b, names[i], &limits, &err), err);
	CHECK_OK(bus_topology_ensure_kind(b, "llm", &limits, &err), err);
}

static struct test_process *start_runner(void)
{
	struct test_process *p = test_spawn("gannet-runner", (const char *[]){LEASE, "LOG_LEVEL=INFO", NULL}, NULL);
	test_ready(p);
	return p;
}

static void stop_runner(struct test_process *p)
{
	test_kill(p, SIGTERM);
	CHECK_INT(test_wait_exit(p), 0);
}

TEST(jobs_of_a_dead_worker)
{
	double rate[RUNS];
	struct bus *b = open_bus();
	struct bus_sub *sub;
	struct err err;
	char prefix[16];
	ensure(b);
	CHECK_OK(bus_subscribe(b, "gannet.bench.jobs.event.completed.>", NULL, on_completed, NULL, &sub, &err), err);
	struct test_process *runner = start_runner();
	publish(b, "earlier", EARLIER);
	WAIT_FOR(completed == EARLIER, "the earlier jobs");
	stop_runner(runner);
	for (int run = 0; run < RUNS; run++) {
		completed = 0;
		snprintf(prefix, sizeof prefix, "held%d", run);
		publish(b, prefix, HELD);
		hold(b);
		runner = start_runner();
		WAIT_FOR(completed >= HELD, "all jobs to come back");
		rate[run] = (HELD - 1) / ((double)(last_ns - first_ns) / 1e9);
		stop_runner(runner);
	}
	qsort(rate, RUNS, sizeof *rate, by_value);
	printf("{\"figure\":\"jobs_recovered_per_s\",\"value\":%.6g,\"unit\":\"1/s\",\"runs\":%d,\"settings\":\"%d instant "
	       "jobs that a dead worker held, looked up among the events of %d earlier ones and executed by one runner\"}\n",
	       rate[RUNS / 2], RUNS, HELD, EARLIER);
	bus_close(b);
}
