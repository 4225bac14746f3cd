/* Kinds of work that block: a worker in this process whose executors run on threads of their own. */
#include <stdatomic.h>
#include <unistd.h>

#include "tests/integration/jobs_helpers.h"
#include "worker/worker.h"

#define THREADS 3
#define LEASE_MS 1000

static struct bus *bus;
static struct loop *loop;
static struct worker *worker;
static pthread_t loop_thread;
static struct test_events *events;

/* What executors do is told by the job's task_type; `gate` opens for those that wait. */
static _Atomic int running, most, began, gave_up;
static _Atomic bool gate;

static bool wants(const struct worker_job *j, const char *what)
{
	return span_is(j->job.task_type, what);
}

static void end(struct worker_job *j)
{
	atomic_fetch_sub(&running, 1);
	worker_settle(j, &(struct worker_result){.outcome = OUTCOME_COMPLETED, .output_data = {SPAN("{\"done\":true}"), JSON_OBJECT}});
}

/* Blocks, as the model of an engine would. */
static void execute(void *arg, struct worker_job *j)
{
	(void)arg;
	int now = atomic_fetch_add(&running, 1) + 1;
	for (int seen = most; now > seen && !atomic_compare_exchange_weak(&most, &seen, now);)
		continue;
	atomic_fetch_add(&began, 1);
	while ((wants(j, "wait") && !gate) || wants(j, "obey")) {
		if (atomic_load(&j->cancelled)) {
			atomic_fetch_add(&gave_up, 1);
			atomic_fetch_sub(&running, 1);
			worker_settle(j, &(struct worker_result){.outcome = OUTCOME_CANCELLED});
			return;
		}
		worker_progress(j, 0.5);
		usleep(1000);
	}
	end(j);
}

static const char *const capabilities[] = {"block", NULL};
static const struct worker_kind blocking = {
    .kind = "block",
    .capabilities = capabilities,
    .table = &task_table,
    .max_retries = 0,
    .concurrency = THREADS,
    .threads = THREADS,
    .process = execute,
};

static struct bus_limits short_lease(void)
{
	struct bus_limits limits = bus_limits_default;
	limits.lease_ms = LEASE_MS;
	return limits;
}

static void *run_loop(void *arg)
{
	loop_run(arg);
	return NULL;
}

static void start_worker(const struct worker_kind *kind)
{
	struct err err;
	struct worker_options o = {.bus = bus,
	                           .loop = loop,
	                           .clock = &clock_system,
	                           .worker_id = "blocker",
	                           .version = "1.0.0",
	                           .limits = short_lease()};
	CHECK_OK(worker_start(kind, &o, &worker, &err), err);
}

static void begin(const struct worker_kind *kind)
{
	static const char *const names[] = {STREAM_JOBS, STREAM_EVENTS, STREAM_DELAYED, BUCKET_CANCELLED, BUCKET_WORKERS, BUCKET_KEYS};
	struct bus_limits limits = short_lease();
	struct err err;
	bus = test_bus();
	for (size_t i = 0; i < countof(names); i++)
		CHECK_OK(bus_topology_ensure(bus, names[i], &limits, &err), err);
	CHECK_OK(loop_new(&loop, &err), err);
	start_worker(kind);
	CHECK(pthread_create(&loop_thread, NULL, run_loop, loop) == 0);
	events = test_follow(bus, "acme");
}

static void stop_worker(int64_t ms)
{
	worker_stop(worker, clock_mono_ms(&clock_system) + ms);
}

static void finish(void)
{
	stop_worker(5000);
	loop_stop(loop);
	pthread_join(loop_thread, NULL);
	loop_free(loop);
}

static void submit(const char *id, const char *task_type, const char *members)
{
	test_submit(bus, "acme", "block", "default", id,
	            text_of("\"input_data\":{},\"task_type\":\"%s\"%s%s", task_type, *members ? "," : "", members));
}

static struct bus_consumer_state queue(void)
{
	struct bus_consumer_state s;
	struct err err;
	CHECK_OK(bus_consumer_state(bus, STREAM_JOBS, "block_default", &s, &err), err);
	return s;
}

TEST(as_many_block_at_once_as_there_are_threads)
{
	enum { N = 60 };
	begin(&blocking);
	for (int i = 0; i < N; i++)
		submit(text_of("j%d", i), i < THREADS ? "wait" : "pass", "");
	WAIT_FOR(running == THREADS, "all threads to be busy");
	CHECK_INT(test_count_events(events, "completed", NULL), 0);
	gate = true;
	WAIT_FOR(test_count_events(events, "completed", NULL) == N, "all jobs to complete");
	CHECK_INT(most, THREADS);
	CHECK_INT(began, N);
	WAIT_FOR(queue().ack_pending == 0 && queue().waiting == 0, "the acknowledgements");
	finish();
}

/* More may run than there are threads: the others wait for one, and run when it is their turn. */
TEST(jobs_without_a_thread_wait_for_one)
{
	struct worker_kind more = blocking;
	more.concurrency = 4 * THREADS;
	begin(&more);
	for (int i = 0; i < 4 * THREADS; i++)
		submit(text_of("j%d", i), "wait", "");
	WAIT_FOR(running == THREADS, "all threads to be busy");
	CHECK_INT(began, THREADS);
	gate = true;
	WAIT_FOR(test_count_events(events, "completed", NULL) == 4 * THREADS, "all jobs to complete");
	CHECK_INT(most, THREADS);
	finish();
}

TEST(job_that_blocks_longer_than_its_lease_is_not_handed_to_another)
{
	begin(&blocking);
	submit("long", "wait", "");
	WAIT_FOR(running == 1, "the job to run");
	int64_t until_ms = clock_mono_ms(&clock_system) + 3 * LEASE_MS;
	WAIT_FOR(clock_mono_ms(&clock_system) > until_ms, "three leases to pass");
	gate = true;
	CHECK_MSG(!strcmp(test_json(test_wait_event(events, "completed", "long").body, "/delivery"), "1"), "%s", test_json(test_wait_event(events, "completed", "long").body, "/delivery"));
	CHECK_INT(began, 1);
	CHECK(test_count_events(events, "progressed", "long") > 0);
	finish();
}

TEST(blocking_job_that_is_cancelled_is_told)
{
	struct err err;
	begin(&blocking);
	submit("stopped", "obey", "");
	WAIT_FOR(running == 1, "the job to run");
	CHECK_OK(bus_kv_put(bus, BUCKET_CANCELLED, "acme.stopped.1", SPAN("{\"reason\":\"test\",\"at\":\"2026-01-02T03:04:05Z\"}"), NULL,
	                    &err),
	         err);
	test_wait_event(events, "cancelled", "stopped");
	CHECK_INT(gave_up, 1);
	finish();
}

TEST(blocking_job_that_takes_too_long_is_told_and_fails)
{
	begin(&blocking);
	submit("late", "obey", "\"timeout_ms\":300");
	const char *e = test_wait_event(events, "failed", "late").body;
	CHECK_MSG(!strcmp(test_json(e, "/error/code"), "timeout"), "%s", test_json(e, "/error/code"));
	CHECK_INT(gave_up, 1);
	finish();
}

TEST(blocking_jobs_are_handed_back_at_the_deadline_and_run_again)
{
	begin(&blocking);
	for (int i = 0; i < THREADS; i++)
		submit(text_of("j%d", i), "wait", "");
	submit("waiting", "pass", "");
	WAIT_FOR(running == THREADS && test_count_events(events, "started", NULL) >= THREADS, "all threads to be busy");
	stop_worker(200);
	CHECK_INT(running, 0);
	CHECK_INT(gave_up, THREADS);
	for (int i = 0; i < THREADS; i++)
		test_wait_event(events, "retrying", text_of("j%d", i));
	CHECK_INT(test_count_events(events, "completed", NULL), 0);
	gate = true;
	start_worker(&blocking);
	WAIT_FOR(test_count_events(events, "completed", NULL) == THREADS + 1, "all jobs to complete");
	for (int i = 0; i < THREADS; i++)
		CHECK_MSG(!strcmp(test_json(test_wait_event(events, "completed", text_of("j%d", i)).body, "/attempt"), "1"), "%s", test_json(test_wait_event(events, "completed", text_of("j%d", i)).body, "/attempt"));
	finish();
}

TEST(worker_that_ends_waits_for_blocking_jobs_that_end_in_time)
{
	begin(&blocking);
	submit("ends", "wait", "");
	WAIT_FOR(running == 1, "the job to run");
	gate = true;
	stop_worker(10000);
	CHECK_INT(running, 0);
	test_wait_event(events, "completed", "ends");
	CHECK_INT(test_count_events(events, "retrying", NULL), 0);
	loop_stop(loop);
	pthread_join(loop_thread, NULL);
	loop_free(loop);
}
