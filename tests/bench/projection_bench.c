/* Measures how fast events become committed records: one JSON line per figure. PROJECTION_BENCH_JOBS sets how many jobs (100000). */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "bus/store.h"
#include "bus/topology.h"
#include "contract/job.h"
#include "tests/lib/servers.h"

static const char submission[] =
    "{\"template\":\"Summarise for {{name}} in at most {{n}} words: {{text}}\",\"model\":\"gpt-4o-mini\",\"context\":"
    "{\"name\":\"Ada\",\"n\":40,\"text\":\"The engine weaves algebraic patterns just as the loom weaves flowers.\"},"
    "\"format\":\"markdown\",\"user_id\":\"user-17\",\"temperature\":0.2,\"max_tokens\":256}";

static const char answer[] =
    "It computes with symbols as well as with numbers, so that whatever relations can be written down can be worked "
    "out by the machine, which makes it a tool for every science and not only for arithmetic. What it cannot do is "
    "originate anything: it does what we know how to order it to perform, and assists us in making available what "
    "we are already acquainted with. That is chiefly and primarily its use.";

static const struct usage usage = {.input_tokens = 158, .output_tokens = 121, .total_tokens = 279};

static int64_t jobs(void)
{
	const char *text = getenv("PROJECTION_BENCH_JOBS");
	return text ? atoll(text) : 100000;
}

static double now_s(void)
{
	return (double)clock_mono_ns(&clock_system) / 1e9;
}

/* A test's server forgets on a power cut; a measured one may not. */
static void make_durable(void)
{
	test_postgres_url();
	test_sql("ALTER SYSTEM SET fsync = on");
	test_sql("ALTER SYSTEM SET full_page_writes = on");
	test_sql("ALTER SYSTEM SET shared_buffers = '128MB'");
	test_sql("ALTER SYSTEM SET max_wal_size = '1GB'");
	test_postgres_kill(SIGINT);
	test_postgres_start();
}

static struct bus *open_bus(void)
{
	struct bus *b;
	struct err err = {0};
	const struct bus_options o = {.url = test_nats_url(), .name = "bench", .clock = &clock_system, .bulk = true};
	CHECK_OK(bus_open(&o, &b, &err), err);
	for (const char *const *name = bus_topology_names; *name; name++)
		CHECK_OK(bus_topology_ensure(b, *name, &bus_limits_default, &err), err);
	return b;
}

static void publish(struct bus *b, const char *subject, struct span data, const struct bus_header *headers, size_t n)
{
	struct err err = {0};
	const struct bus_out m = {subject, NULL, data, headers, n};
	CHECK_OK(bus_store(b, &m, 0, BUS_BLOCK, NULL, NULL, &err), err);
}

/* As the broker republishes a submission from JOBS. */
static void publish_queued(struct bus *b, int64_t i)
{
	char sequence[24], id[JOB_ID_BYTES];
	snprintf(sequence, sizeof sequence, "%" PRId64, i + 1);
	snprintf(id, sizeof id, "bench-%" PRId64, i);
	const struct bus_header headers[] = {{"Nats-Stream", SPAN(STREAM_JOBS)},
	                                     {"Nats-Subject", SPAN("gannet.acme.jobs.submit.llm.default")},
	                                     {"Nats-Sequence", span_from(sequence)},
	                                     {HEADER_JOB_ID, span_from(id)}};
	publish(b, "gannet.acme.jobs.event.queued.llm.default", span_of(submission, sizeof submission - 1), headers,
	        countof(headers));
}

static void publish_completed(struct bus *b, int64_t i)
{
	static struct buf body, quoted;
	char subject[128], id[JOB_ID_BYTES], output_id[OUTPUT_ID_BYTES], msg_id[FINAL_NAME_BYTES], sequence[24];
	snprintf(id, sizeof id, "bench-%" PRId64, i);
	snprintf(sequence, sizeof sequence, "%" PRId64, i + 1);
	output_id_from_job(span_from(id), output_id);
	job_final_name(SPAN("acme"), span_from(id), 1, msg_id);
	if (!quoted.len)
		json_quote(&quoted, span_of(answer, sizeof answer - 1));
	const struct llm_result result = {
	    .model = SPAN("gpt-4o-mini"),
	    .provider = SPAN("openai"),
	    .prompt = SPAN("Summarise for Ada in at most 40 words: The engine weaves algebraic patterns just as the loom "
	                   "weaves flowers."),
	    .raw_response = span_of(answer, sizeof answer - 1),
	    .parsed_output = {buf_span(&quoted), JSON_STRING},
	    .finish_reason = SPAN("stop"),
	    .usage = &usage,
	    .cost_nanousd = {true, 96300},
	    .response_length = sizeof answer - 1,
	};
	int64_t now_ms = clock_wall_ms(&clock_system);
	const struct job_event event = {
	    .job_id = span_from(id),
	    .output_id = span_from(output_id),
	    .tenant = SPAN("acme"),
	    .kind = SPAN("llm"),
	    .priority = PRIORITY_DEFAULT,
	    .state = JOB_EVENT_COMPLETED,
	    .run = 1,
	    .attempt = 1,
	    .delivery = 1,
	    .stream_seq = span_from(sequence),
	    .worker_id = SPAN("bench"),
	    .user_id = SPAN("user-17"),
	    .model = SPAN("gpt-4o-mini"),
	    .format = FORMAT_MARKDOWN,
	    .submitted_at = {now_ms - 40},
	    .started_at = {now_ms - 30},
	    .timestamp = {now_ms},
	    .processing_time_ms = {true, 30},
	    .queue_time_ms = {true, 10},
	    .result = &result,
	};
	buf_reset(&body);
	json_encode(&job_event_table, &event, &(struct json_writer){.out = &body});
	snprintf(subject, sizeof subject, "gannet.acme.jobs.event.completed.%s", id);
	publish(b, subject, buf_span(&body), &(struct bus_header){HEADER_MSG_ID, span_from(msg_id)}, 1);
}

static void drain(struct bus *b)
{
	struct err err = {0};
	CHECK_OK(bus_store_drain(b, 60000, &err), err);
}

static int64_t recorded(void)
{
	return atoll(test_sql("SELECT coalesce(sum(jobs), 0) FROM ai_job_counts WHERE status = 'completed'"));
}

/* User and system time of a process so far. */
static double cpu_s(pid_t pid)
{
	char path[64];
	unsigned long user = 0, system = 0;
	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	FILE *f = fopen(path, "re");
	CHECK(f != NULL);
	int found = fscanf(f, "%*d %*s %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system);
	fclose(f);
	CHECK_INT(found, 2);
	return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

static void wait_until_recorded(int64_t n)
{
	WAIT_FOR(recorded() >= n, "the records of all jobs");
}

static void wait_for_schema(struct test_process *p)
{
	test_ready(p);
	WAIT_FOR(strcmp(test_sql("SELECT to_regclass('ai_job_counts') IS NOT NULL"), "t") == 0, "the schema");
}

/* CPU seconds of the three processes that a record costs. */
struct cost {
	double jobs_s, postgres_s, nats_s, wall_s;
};

static struct cost cost_now(const struct test_process *p)
{
	const char *backend =
	    test_sql("SELECT pid FROM pg_stat_activity WHERE application_name = 'gannet-jobs projection'");
	return (struct cost){cpu_s(p->pid), *backend ? cpu_s(atoi(backend)) : 0, cpu_s(test_nats_pid()), now_s()};
}

static void report(const char *name, int64_t n, struct cost from, struct cost to)
{
	double us_per_job = 1e6 / (double)n;
	printf("{\"bench\":\"projection\",\"case\":\"%s\",\"jobs\":%" PRId64 ",\"seconds\":%.2f,\"jobs_per_s\":%.0f,"
	       "\"cpu_us_per_job\":{\"gannet-jobs\":%.1f,\"postgres\":%.1f,\"nats-server\":%.1f}}\n",
	       name, n, to.wall_s - from.wall_s, (double)n / (to.wall_s - from.wall_s),
	       (to.jobs_s - from.jobs_s) * us_per_job, (to.postgres_s - from.postgres_s) * us_per_job,
	       (to.nats_s - from.nats_s) * us_per_job);
	fflush(stdout);
}

/* Everything waits in EVENTS, all submissions before all results: two writes to every record. */
TEST(records_of_a_backlog)
{
	int64_t n = jobs();
	make_durable();
	struct bus *b = open_bus();
	for (int64_t i = 0; i < n; i++)
		publish_queued(b, i);
	for (int64_t i = 0; i < n; i++)
		publish_completed(b, i);
	drain(b);
	struct test_process *p = test_spawn("gannet-jobs", (const char *[]){"LOG_LEVEL=INFO", NULL}, NULL);
	wait_for_schema(p);
	struct cost before = cost_now(p);
	wait_until_recorded(n);
	report("backlog", n, before, cost_now(p));
	CHECK(strcmp(test_sql("SELECT count(*) FROM ai_jobs WHERE status = 'completed' AND prompt_template IS NOT NULL"),
	             "0") != 0);
	bus_close(b);
}

/* The broker is busy with the events that are being recorded. */
TEST(records_beside_a_busy_broker)
{
	int64_t n = jobs();
	make_durable();
	struct bus *b = open_bus();
	struct test_process *p = test_spawn("gannet-jobs", (const char *[]){"LOG_LEVEL=INFO", NULL}, NULL);
	wait_for_schema(p);
	struct cost before = cost_now(p);
	for (int64_t i = 0; i < n; i++) {
		publish_queued(b, i);
		publish_completed(b, i);
	}
	wait_until_recorded(n);
	report("live", n, before, cost_now(p));
	bus_close(b);
}
