/* What must hold whatever dies when: nothing acknowledged is lost, nothing is recorded twice, nobody waits for others. */
#include <errno.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "tests/integration/path_helpers.h"
#include "worker/worker.h"

#define LEASE "GANNET_LEASE=1s"

static struct bus *bus;
static struct test_process *fake, *runner, *jobs;

static void store_job(const char *tenant, const char *priority, const char *id, const char *model, bool with_msg_id,
                      bus_stored_fn fn, void *arg)
{
	char subject[96], body[256], msg_id[96];
	snprintf(subject, sizeof subject, "gannet.%s.jobs.submit.llm.%s", tenant, priority);
	snprintf(msg_id, sizeof msg_id, "%s.%s:1", tenant, id);
	snprintf(body, sizeof body, "{\"job_id\":\"%s\",\"model\":\"%s\",\"template\":\"x\"}", id, model);
	struct bus_header h = {HEADER_MSG_ID, span_from(msg_id)};
	struct bus_out m = {subject, NULL, span_from(body), &h, with_msg_id};
	struct err err;
	CHECK_OK(bus_store(bus, &m, 90000, BUS_BLOCK, fn, arg, &err), err);
}

static bool is_final(const char *state)
{
	return strcmp(state, "started") != 0 && strcmp(state, "progressed") != 0 && strcmp(state, "retrying") != 0;
}

/* Fails unless jobs "<prefix>0" to "<prefix><n - 1>" have one final event each, and that is `completed`. */
static void check_ended_once(struct test_events *events, const char *prefix, size_t n)
{
	unsigned char *ends = calloc(n, 1);
	struct test_event e;
	CHECK(ends != NULL);
	for (size_t i = 0; test_event_at(events, i, &e); i++) {
		if (!is_final(e.state) || strncmp(e.job_id, prefix, strlen(prefix)) != 0)
			continue;
		CHECK_MSG(!strcmp(e.state, "completed"), "%s is %s: %.300s", e.job_id, e.state, e.body);
		CHECK((size_t)atoi(e.job_id + strlen(prefix)) < n);
		ends[atoi(e.job_id + strlen(prefix))]++;
	}
	for (size_t i = 0; i < n; i++)
		CHECK_MSG(ends[i] == 1, "job %s%zu has %d final events", prefix, i, ends[i]);
	free(ends);
}

static bool is_queue_done(const char *kind)
{
	for (int p = 0; p < PRIORITY_COUNT; p++) {
		struct bus_consumer_state s;
		struct err err;
		if (bus_consumer_state(bus, STREAM_JOBS, text_of("%s_%s", kind, priority_names[p]), &s, &err) != STATUS_OK ||
		    s.waiting || s.ack_pending)
			return false;
	}
	return true;
}

/* Not the stream: a broker that was killed finds jobs in its files again that it has seen acknowledged. */
static void wait_queue_done(const char *kind)
{
	WAIT_FOR(is_queue_done(kind), "the queue to be done");
}

/* ---- death */

#define INSTANT 10000
#define SLOW 60

static _Atomic int stored, refused;

static void on_stored(void *arg, const struct bus_stored *s)
{
	(void)arg;
	atomic_fetch_add(s->status == STATUS_OK ? &stored : &refused, 1);
}

/* Every tenth without a message id: what is sent again because its acknowledgement was lost is then stored twice. */
static void *publish_all(void *arg)
{
	(void)arg;
	for (int i = 0; i < INSTANT; i++)
		store_job("acme", priority_names[i % PRIORITY_COUNT], text_of("i%d", i), "simulated", i % 10 != 0, on_stored,
		          NULL);
	return NULL;
}

enum victim { RUNNER, JOBS, BROKER, DATABASE, VICTIMS };

static void kill_and_restart(enum victim v)
{
	switch (v) {
	case RUNNER:
		test_kill(runner, SIGKILL);
		test_wait_exit(runner);
		runner = spawn_runner(fake, (const char *[]){LEASE, NULL});
		break;
	case JOBS:
		test_kill(jobs, SIGKILL);
		test_wait_exit(jobs);
		jobs = test_spawn("gannet-jobs", (const char *[]){LEASE, NULL}, NULL);
		break;
	case BROKER:
		test_nats_kill(SIGKILL);
		test_nats_start();
		break;
	default:
		test_postgres_kill(SIGKILL);
		test_postgres_start();
	}
}

static void survive(unsigned seed)
{
	pthread_t publisher;
	bus = test_bus();
	fake = start_fake(NULL);
	jobs = start_jobs((const char *[]){LEASE, NULL});
	runner = start_runner(fake, (const char *[]){LEASE, NULL});
	struct test_events *events = test_follow(bus, "acme");
	for (int i = 0; i < SLOW; i++)
		store_job("acme", "default", text_of("s%d", i), "gpt-fake:latency=50ms..2s", true, on_stored, NULL);
	CHECK(pthread_create(&publisher, NULL, publish_all, NULL) == 0);
	/* In an order and at moments of the work that the seed decides. */
	enum victim order[VICTIMS] = {0};
	for (unsigned i = 0; i < countof(order); i++) {
		unsigned at = (unsigned)rand_r(&seed) % (i + 1);
		order[i] = order[at];
		order[at] = i % VICTIMS;
	}
	size_t step = INSTANT / (countof(order) + 1);
	for (size_t i = 0; i < countof(order); i++) {
		size_t moment = i * step + (size_t)rand_r(&seed) % step;
		WAIT_FOR(test_count_events(events, "completed", NULL) >= moment, "the work to go on");
		kill_and_restart(order[i]);
	}
	pthread_join(publisher, NULL);
	WAIT_FOR(stored + refused == INSTANT + SLOW, "all submissions to be answered");
	CHECK_INT(refused, 0);
	WAIT_FOR(test_count_events(events, "completed", NULL) >= INSTANT + SLOW, "all jobs to complete");
	wait_queue_done("llm");
	check_ended_once(events, "i", INSTANT);
	check_ended_once(events, "s", SLOW);
	WAIT_FOR(count_sql("SELECT count(*) FROM ai_jobs WHERE status = 'completed'") == INSTANT + SLOW,
	         "all to be recorded");
	CHECK_INT(count_sql("SELECT count(*) FROM ai_jobs"), INSTANT + SLOW);
	test_ready(jobs);
	const char *stats = ask(bus, "acme", "stats", "{}");
	CHECK_JSON(stats, "/total", text_of("%d", INSTANT + SLOW));
	CHECK_JSON(stats, "/completed", text_of("%d", INSTANT + SLOW));
}

TEST(nothing_is_lost_or_repeated_when_everything_dies_in_turn)
{
	survive(1);
}

TEST(nothing_is_lost_or_repeated_when_everything_dies_in_another_order)
{
	survive(20260102);
}

/* ---- poison: an executor of our own, in a process that is started again whenever it dies */

static const char *const capabilities[] = {"crash", NULL};

static void execute(void *arg, struct worker_job *j)
{
	(void)arg;
	if (span_is(j->id, "poison"))
		_exit(77);
	worker_settle(j, &(struct worker_result){.outcome = OUTCOME_COMPLETED,
	                                         .output_data = {SPAN("{\"done\":true}"), JSON_OBJECT}});
}

static const struct worker_kind crashing = {
    .kind = "crash",
    .capabilities = capabilities,
    .table = &task_table,
    .max_retries = 3,
    .concurrency = 4,
    .process = execute,
};

static struct bus_limits short_lease(void)
{
	struct bus_limits limits = bus_limits_default;
	limits.lease_ms = 1000;
	return limits;
}

static void ensure_topology(struct bus *b)
{
	static const char *const names[] = {STREAM_JOBS, STREAM_EVENTS, STREAM_DELAYED, BUCKET_CANCELLED, BUCKET_WORKERS, BUCKET_KEYS};
	struct bus_limits limits = short_lease();
	struct err err;
	for (size_t i = 0; i < countof(names); i++)
		CHECK_OK(bus_topology_ensure(b, names[i], &limits, &err), err);
}

static void *run_loop(void *arg)
{
	loop_run(arg);
	return NULL;
}

static _Noreturn void be_worker(void)
{
	struct bus *b;
	struct loop *loop;
	struct worker *w;
	struct err err;
	pthread_t thread;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	CHECK_OK(
	    bus_open(&(struct bus_options){.url = test_nats_url(), .name = "crasher", .clock = &clock_system}, &b, &err),
	    err);
	ensure_topology(b);
	CHECK_OK(loop_new(&loop, &err), err);
	struct worker_options o = {.bus = b,
	                           .loop = loop,
	                           .clock = &clock_system,
	                           .worker_id = "crasher",
	                           .version = "1.0.0",
	                           .limits = short_lease()};
	CHECK_OK(worker_start(&crashing, &o, &w, &err), err);
	CHECK(pthread_create(&thread, NULL, run_loop, loop) == 0);
	for (;;)
		pause();
}

static volatile sig_atomic_t worker_pid, ending;

static void end_worker(int sig)
{
	(void)sig;
	ending = 1;
	kill(worker_pid, SIGKILL);
}

/* Forked before this process has threads; the process to end. */
static pid_t start_supervisor(void)
{
	pid_t pid = fork();
	CHECK(pid >= 0);
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigset_t term;
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	signal(SIGTERM, end_worker);
	while (!ending) {
		sigprocmask(SIG_BLOCK, &term, NULL);
		worker_pid = fork();
		if (!worker_pid) {
			signal(SIGTERM, SIG_DFL);
			be_worker();
		}
		sigprocmask(SIG_UNBLOCK, &term, NULL);
		while (waitpid(worker_pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	_exit(0);
}

TEST(job_that_kills_its_worker_ends_as_failed_and_blocks_nobody)
{
	enum { N = 20 };
	test_nats_start();
	pid_t supervisor = start_supervisor();
	bus = test_bus();
	ensure_topology(bus);
	struct test_events *events = test_follow(bus, "acme");
	for (int i = 0; i < N; i++)
		test_submit(bus, "acme", "crash", "default", text_of("before%d", i), "\"input_data\":{}");
	test_submit(bus, "acme", "crash", "high", "poison", "\"input_data\":{}");
	for (int i = 0; i < N; i++)
		test_submit(bus, "acme", "crash", "default", text_of("after%d", i), "\"input_data\":{}");
	const char *e = test_wait_event(events, NULL, "poison").body;
	CHECK_JSON(e, "/state", "failed");
	CHECK_JSON(e, "/error/code", "internal");
	CHECK_HAS(test_json(e, "/error/message"), "poison");
	for (int i = 0; i < N; i++) {
		CHECK_JSON(test_wait_event(events, NULL, text_of("before%d", i)).body, "/state", "completed");
		CHECK_JSON(test_wait_event(events, NULL, text_of("after%d", i)).body, "/state", "completed");
	}
	wait_queue_done("crash");
	CHECK_INT(test_count_events(events, "failed", NULL), 1);
	check_ended_once(events, "before", N);
	check_ended_once(events, "after", N);
	kill(supervisor, SIGTERM);
	CHECK(waitpid(supervisor, NULL, 0) == supervisor);
}

/* ---- turns */

static size_t place_of(struct test_events *events, const char *id)
{
	struct test_event e;
	size_t place = 0;
	for (size_t i = 0; test_event_at(events, i, &e); i++) {
		if (strcmp(e.state, "completed") != 0)
			continue;
		if (!strcmp(e.job_id, id))
			return place;
		place++;
	}
	test_fail(__FILE__, __LINE__, "%s has not completed", id);
}

TEST(urgent_jobs_go_first_and_low_ones_are_not_starved)
{
	enum { N = 50 };
	static const char *const order[] = {"low", "default", "high"};
	bus = test_bus();
	fake = start_fake(NULL);
	runner = start_runner(fake, (const char *[]){"MAX_CONCURRENT_TASKS=1", NULL});
	struct test_events *events = test_follow(bus, "acme");
	struct err err;
	store_job("acme", "default", "first", "gpt-fake:latency=1s", true, NULL, NULL);
	WAIT_FOR(fake_stat(fake, "/running") == 1, "the worker to be busy");
	for (size_t p = 0; p < countof(order); p++)
		for (int i = 0; i < N; i++)
			store_job("acme", order[p], text_of("%s%d", order[p], i), "gpt-fake:latency=5ms", true, NULL, NULL);
	CHECK_OK(bus_store_drain(bus, 30000, &err), err);
	WAIT_FOR(test_count_events(events, "completed", NULL) == 3 * N + 1, "all to complete");
	size_t sum[3] = {0}, last[3];
	for (size_t p = 0; p < countof(order); p++) {
		for (int i = 0; i < N; i++)
			sum[p] += place_of(events, text_of("%s%d", order[p], i));
		last[p] = place_of(events, text_of("%s%d", order[p], N - 1));
	}
	CHECK_MSG(sum[2] < sum[1] && sum[1] < sum[0], "places: high %zu, default %zu, low %zu", sum[2] / N, sum[1] / N,
	          sum[0] / N);
	CHECK(last[2] < last[1] && last[1] < last[0]);
	CHECK_MSG(place_of(events, "low0") < last[1], "no low job before place %zu", place_of(events, "low0"));
}

TEST(one_tenant_with_a_long_queue_delays_another_ones_job_only_briefly)
{
	enum { N = 20000 };
	bus = test_bus();
	fake = start_fake(NULL);
	runner = start_runner(fake, (const char *[]){"MAX_CONCURRENT_TASKS=8", "LOG_LEVEL=WARN", NULL});
	struct test_events *noisy = test_follow(bus, "noisy"), *quiet = test_follow(bus, "quiet");
	struct err err;
	for (int i = 0; i < N; i++)
		store_job("noisy", "default", text_of("n%d", i), "gpt-fake:latency=50ms", true, NULL, NULL);
	CHECK_OK(bus_store_drain(bus, 60000, &err), err);
	size_t before = test_count_events(noisy, "completed", NULL);
	store_job("quiet", "default", "single", "gpt-fake", true, NULL, NULL);
	test_wait_event(quiet, "completed", "single");
	size_t overtaken = test_count_events(noisy, "completed", NULL) - before;
	CHECK_MSG(overtaken < N / 4, "%zu jobs of the other tenant came first", overtaken);
	test_kill(runner, SIGKILL);
	test_wait_exit(runner);
}

/* ---- two runners */

TEST(two_runners_share_the_load_and_one_takes_over_when_the_other_dies)
{
	enum { N = 400 };
	bus = test_bus();
	fake = start_fake(NULL);
	static const char *const env_a[] = {"MAX_CONCURRENT_TASKS=5", "WORKER_ID=a", LEASE, NULL};
	static const char *const env_b[] = {"MAX_CONCURRENT_TASKS=5", "WORKER_ID=b", LEASE, NULL};
	runner = start_runner(fake, env_a);
	start_runner(fake, env_b);
	struct test_events *events = test_follow(bus, "acme");
	for (int i = 0; i < N; i++)
		store_job("acme", "default", text_of("t%d", i), "gpt-fake:latency=20ms", true, NULL, NULL);
	WAIT_FOR(test_count_events(events, "completed", NULL) >= N / 2, "half of the jobs to complete");
	test_kill(runner, SIGKILL);
	test_wait_exit(runner);
	WAIT_FOR(test_count_events(events, "completed", NULL) >= N, "all jobs to complete");
	wait_queue_done("llm");
	check_ended_once(events, "t", N);
	struct test_event e;
	int by_a = 0, by_b = 0;
	for (size_t i = 0; test_event_at(events, i, &e); i++) {
		by_a += !strcmp(e.state, "completed") && is(e.body, "/worker_id", "a");
		by_b += !strcmp(e.state, "completed") && is(e.body, "/worker_id", "b");
	}
	CHECK_INT(by_a + by_b, N);
	CHECK_MSG(by_a >= N / 10 && by_b >= N / 10, "a did %d, b did %d", by_a, by_b);
}

TEST(job_id_published_many_times_is_asked_for_once_by_two_runners)
{
	enum { N = 100 };
	bus = test_bus();
	fake = start_fake(NULL);
	start_runner(fake, (const char *[]){"WORKER_ID=a", NULL});
	start_runner(fake, (const char *[]){"WORKER_ID=b", NULL});
	struct test_events *events = test_follow(bus, "acme");
	for (int copy = 0; copy < 3; copy++)
		for (int i = 0; i < N; i++)
			store_job("acme", priority_names[copy], text_of("d%d", i), "gpt-fake:latency=5ms", false, NULL, NULL);
	WAIT_FOR(test_count_events(events, "completed", NULL) >= N, "all jobs to complete");
	wait_queue_done("llm");
	check_ended_once(events, "d", N);
	CHECK_INT(fake_stat(fake, "/requests"), N);
}
