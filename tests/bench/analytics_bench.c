/*
 * Measures how fast final events become rows of the ledger with all their sums, and how long answers about a year of a busy
 * tenant take: one JSON line per figure. ANALYTICS_BENCH_EVENTS (200000) says how many events.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "bus/store.h"
#include "bus/topology.h"
#include "contract/job.h"
#include "tests/lib/servers.h"

#define REPEATS 5

static int64_t from_env(const char *name, int64_t otherwise)
{
	const char *text = getenv(name);
	return text ? atoll(text) : otherwise;
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
	test_sql("ALTER SYSTEM SET shared_buffers = '256MB'");
	test_sql("ALTER SYSTEM SET max_wal_size = '4GB'");
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

static struct test_process *start_analytics(const char *const *env)
{
	struct test_process *p = test_spawn("gannet-analytics", env, NULL);
	test_ready(p);
	/* The ledger's lock is asked for when the schema is there and requests are let in. */
	WAIT_FOR(strcmp(test_sql("SELECT count(*) > 0 FROM pg_locks WHERE locktype = 'advisory' AND classid::bigint << 32 | objid::bigint = "
	                         "7449356679075097963"),
	                "t") == 0,
	         "the schema and the ledger");
	return p;
}

static double cpu_s(pid_t pid)
{
	char path[64];
	unsigned long user = 0, system = 0;
	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	FILE *f = fopen(path, "re");
	if (!f)
		return 0;
	int found = fscanf(f, "%*d %*s %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system);
	fclose(f);
	CHECK_INT(found, 2);
	return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

/* ---- the ledger */

static const char answer[] = "It computes with symbols as well as with numbers, so that whatever relations can be written down can be "
                             "worked out by the machine, which makes it a tool for every science and not only for arithmetic.";

static void publish_completed(struct bus *b, int64_t i)
{
	static struct buf body;
	static const char *const models[] = {"gpt-4o-mini", "gpt-4o", "gpt-5-mini", "claude-sonnet-5"};
	char subject[128], id[JOB_ID_BYTES], output_id[OUTPUT_ID_BYTES], msg_id[FINAL_NAME_BYTES], user[32];
	struct usage usage = {.input_tokens = 100 + i % 997, .output_tokens = 50 + i % 331};
	struct err err = {0};
	usage.total_tokens = usage.input_tokens + usage.output_tokens;
	snprintf(id, sizeof id, "bench-%" PRId64, i);
	snprintf(user, sizeof user, "user-%d", (int)(i % 500));
	output_id_from_job(span_from(id), output_id);
	job_final_name(SPAN("acme"), span_from(id), 1, msg_id);
	const struct llm_result result = {.model = span_from(models[i % 4]),
	                                  .provider = i % 4 == 3 ? SPAN("anthropic") : SPAN("openai"),
	                                  .raw_response = span_of(answer, sizeof answer - 1),
	                                  .finish_reason = SPAN("stop"),
	                                  .usage = &usage,
	                                  .cost_nanousd = {true, 15000 + i % 77777},
	                                  .price_id = SPAN("gpt-4o-mini@2024-10-01"),
	                                  .response_length = sizeof answer - 1};
	int64_t now_ms = clock_wall_ms(&clock_system);
	const struct job_event event = {.job_id = span_from(id),
	                                .output_id = span_from(output_id),
	                                .tenant = SPAN("acme"),
	                                .kind = SPAN("llm"),
	                                .state = JOB_EVENT_COMPLETED,
	                                .run = 1,
	                                .attempt = 1,
	                                .delivery = 1,
	                                .stream_seq = SPAN("1"),
	                                .worker_id = SPAN("bench"),
	                                .user_id = span_from(user),
	                                .model = span_from(models[i % 4]),
	                                .job_type = i % 3 ? SPAN("field_generation") : SPAN("classification"),
	                                .pipeline = SPAN("contacts"),
	                                .field_name = i % 2 ? SPAN("summary") : SPAN("score"),
	                                .submitted_at = {now_ms - 40},
	                                .started_at = {now_ms - 30},
	                                .timestamp = {now_ms},
	                                .processing_time_ms = {true, 300 + i % 1700},
	                                .queue_time_ms = {true, i % 40},
	                                .result = &result};
	buf_reset(&body);
	json_encode(&job_event_table, &event, &(struct json_writer){.out = &body});
	snprintf(subject, sizeof subject, "gannet.acme.jobs.event.completed.%s", id);
	const struct bus_header header = {HEADER_MSG_ID, span_from(msg_id)};
	CHECK_OK(bus_store(b, &(struct bus_out){subject, NULL, buf_span(&body), &header, 1}, 0, BUS_BLOCK, NULL, NULL, &err), err);
}

static int64_t entered(void)
{
	return atoll(test_sql("SELECT coalesce(sum(jobs), 0) FROM ai_usage_day_model"));
}

static pid_t writer_backend(void)
{
	return atoi(test_sql("SELECT coalesce(max(pid), 0) FROM pg_stat_activity WHERE application_name = 'gannet-analytics ledger'"));
}

/* All events wait in EVENTS: the ledger is as fast as it can be. */
TEST(events_of_a_backlog)
{
	int64_t n = from_env("ANALYTICS_BENCH_EVENTS", 200000);
	struct err err = {0};
	make_durable();
	struct bus *b = open_bus();
	for (int64_t i = 0; i < n; i++)
		publish_completed(b, i);
	CHECK_OK(bus_store_drain(b, 60000, &err), err);
	double began_s = now_s(), nats_s = cpu_s(test_nats_pid());
	struct test_process *p = start_analytics((const char *[]){"LOG_LEVEL=INFO", NULL});
	double own_s = cpu_s(p->pid);
	WAIT_FOR(entered() >= n, "all rows");
	double took_s = now_s() - began_s, us = 1e6 / (double)n;
	printf("{\"bench\":\"analytics\",\"case\":\"ledger of a backlog\",\"events\":%" PRId64 ",\"seconds\":%.2f,\"events_per_s\":%.0f,"
	       "\"cpu_us_per_event\":{\"gannet-analytics\":%.1f,\"postgres\":%.1f,\"nats-server\":%.1f}}\n",
	       n, took_s, (double)n / took_s, (cpu_s(p->pid) - own_s) * us, cpu_s(writer_backend()) * us,
	       (cpu_s(test_nats_pid()) - nats_s) * us);
	fflush(stdout);
	bus_close(b);
}

static int by_value(const void *x, const void *y)
{
	double a = *(const double *)x, b = *(const double *)y;
	return (a > b) - (a < b);
}

/* From an event's publication to its place in all sums, at a steady pace. */
TEST(lag_of_the_sums)
{
	double lags_ms[200];
	struct err err = {0};
	make_durable();
	struct bus *b = open_bus();
	start_analytics((const char *[]){"LOG_LEVEL=INFO", NULL});
	for (int64_t i = 0; i < (int64_t)countof(lags_ms); i++) {
		for (int k = 0; k < 10; k++)
			publish_completed(b, i * 10 + k);
		CHECK_OK(bus_store_drain(b, 60000, &err), err);
		double began_s = now_s();
		while (entered() < (i + 1) * 10)
			usleep(500);
		lags_ms[i] = (now_s() - began_s) * 1000;
	}
	qsort(lags_ms, countof(lags_ms), sizeof *lags_ms, by_value);
	printf("{\"bench\":\"analytics\",\"case\":\"lag of the sums\",\"events_per_batch\":10,\"p50_ms\":%.1f,\"p99_ms\":%.1f}\n",
	       lags_ms[countof(lags_ms) / 2], lags_ms[countof(lags_ms) * 99 / 100]);
	fflush(stdout);
	bus_close(b);
}

/* ---- answers */

/*
 * A year of a busy tenant: 20 million jobs, 55,000 a day, by 12 models (Zipf), 3 operations, 20 fields of 5 pipelines and 500
 * users, each of whom uses every model; 2 % failed, 0.7 % cancelled, 0.3 % rejected. Their rows are not there: the sums are
 * generated, as many and as large as those rows would have made them, and only one day of the ledger is (for the question
 * that no sum answers). Another tenant's year, a tenth of it by its sums of hours and days, lies between them.
 * Sums of hours by model are all there. By work there are none; by user and in bins those of 21 to 23 o'clock, which zones
 * of Europe need for their edges (by user, of the last days of months), and all bins of June's.
 */
#define JOBS_A_DAY 54795.0
#define COUNTER_NAMES                                                                                                  \
	"jobs, retries, cached, fallbacks, unpriced, input_tokens, cache_read_tokens, cache_write_tokens, output_tokens, "   \
	"reasoning_tokens, total_tokens, cost_nanousd, saved_nanousd, prompt_saved_nanousd, processing_ms, processing_n, "  \
	"queue_ms, queue_n, first_token_ms, first_token_n, speed_tokens, speed_ms"
#define COUNTER_VALUES                                                                                                 \
	"n, n / 33, n / 9, n / 50, 0, n * 1500, n * 300, 0, n * 400, 0, n * 2200, n * 4500000, n * 9000, n * 2000, n * 1100, n, "  \
	"n * 30, n, n * 250, n, n * 400, n * 1100"
#define COUNTER_SUMS                                                                                                   \
	"sum(jobs), sum(retries), sum(cached), sum(fallbacks), sum(unpriced), sum(input_tokens), sum(cache_read_tokens), "  \
	"sum(cache_write_tokens), sum(output_tokens), sum(reasoning_tokens), sum(total_tokens), sum(cost_nanousd), "        \
	"sum(saved_nanousd), sum(prompt_saved_nanousd), sum(processing_ms), sum(processing_n), sum(queue_ms), "            \
	"sum(queue_n), sum(first_token_ms), sum(first_token_n), sum(speed_tokens), sum(speed_ms)"
#define PLACE "bucket, tenant, status, provider, model, operation, pipeline, field_name, user_id"
#define TENANTS_SQL "(VALUES ('acme', 1::float8), ('other', 0.1)) AS t (tenant, size)"
#define STATUSES_SQL "(VALUES ('completed', 0.97::float8), ('failed', 0.02), ('cancelled', 0.007), ('rejected', 0.003)) AS s (status, share)"
#define MODELS_SQL                                                                                                     \
	"(SELECT 'model-' || m AS model, (ARRAY['openai', 'anthropic', 'google'])[1 + mod(m, 3)] AS provider, "                    \
	"1::float8 / (m + 1) / 3.1032 AS part FROM generate_series(0, 11) AS m) AS models"
#define USERS_SQL "(SELECT 'user-' || u AS user_id, 1::float8 / (u + 10) / 3.88 AS weight FROM generate_series(1, 500) AS u) AS users"
#define WORK_SQL                                                                                                       \
	"(SELECT 'operation-' || o AS operation, 'pipeline-' || mod(f, 5) AS pipeline, 'field-' || f AS field_name FROM "       \
	"generate_series(1, 3) AS o, generate_series(1, 20) AS f) AS work"
#define BUCKETS_SQL(step)                                                                                              \
	"generate_series('2025-01-01Z'::timestamptz, '2025-12-31 23:00Z'::timestamptz, interval '1 " step "') AS bucket"
/* A count whose mean is `mean`: below 1 it is mostly none, and then there is no row. */
#define COUNT(mean) "floor(" mean " * (0.7 + 0.6 * random()) + random())::bigint AS n"

/* Rows of one table out of `from`, which gives the places and n. */
static void generate(const char *table, const char *place, const char *from)
{
	static char sql[8192];
	snprintf(sql, sizeof sql,
	         "SET synchronous_commit = off; SET work_mem = '256MB'; INSERT INTO ai_usage_%s (" COUNTER_NAMES ", " PLACE ") SELECT " COUNTER_VALUES
	         ", bucket, tenant, status, %s FROM (%s) AS generated WHERE n > 0",
	         table, place, from);
	test_sql(sql);
}

/* The sums of longer buckets out of those of shorter ones, in the order of their time as they would have come. */
static void add_up(const char *table, const char *of, const char *unit)
{
	static char sql[8192];
	snprintf(sql, sizeof sql,
	         "INSERT INTO ai_usage_%s (" COUNTER_NAMES ", " PLACE ") SELECT " COUNTER_SUMS
	         ", date_trunc('%s', bucket, 'UTC') AS b, tenant, status, provider, model, operation, pipeline, field_name, user_id FROM "
	         "ai_usage_%s GROUP BY b, tenant, status, provider, model, operation, pipeline, field_name, user_id ORDER BY b",
	         table, unit, of);
	test_sql(sql);
}

/* Small sums, which have no status but count it, out of the larger ones of the same bucket. */
static void make_small(const char *grain, const char *set, const char *of, const char *dimensions, const char *by)
{
	static char sql[8192];
	snprintf(sql, sizeof sql,
	         "INSERT INTO ai_usage_%s_%s (" COUNTER_NAMES ", completed, failed, cancelled, rejected, " PLACE ") SELECT " COUNTER_SUMS
	         ", coalesce(sum(jobs) FILTER (WHERE status = 'completed'), 0), coalesce(sum(jobs) FILTER (WHERE status = 'failed'), 0), "
	         "coalesce(sum(jobs) FILTER (WHERE status = 'cancelled'), 0), coalesce(sum(jobs) FILTER (WHERE status = 'rejected'), 0), "
	         "bucket, tenant, '', %s FROM ai_usage_%s_%s GROUP BY tenant, bucket%s ORDER BY bucket",
	         grain, set, dimensions, grain, of, by);
	test_sql(sql);
}

static void make_all_small(void)
{
	static const char *const grains[] = {"hour", "day", "month"};
	for (size_t g = 0; g < countof(grains); g++) {
		make_small(grains[g], "total", "model", "'', '', '', '', '', ''", "");
		make_small(grains[g], "plain", "model", "provider, model, '', '', '', ''", ", provider, model");
		if (g == 0)
			continue;
		make_small(grains[g], "task", "work", "'', '', operation, pipeline, field_name, ''", ", operation, pipeline, field_name");
		make_small(grains[g], "person", "user", "'', '', '', '', '', user_id", ", user_id");
	}
	make_small("month", "habit", "user", "provider, model, '', '', '', user_id", ", provider, model, user_id");
	test_sql("INSERT INTO ai_usage_quarter_habit (" COUNTER_NAMES ", completed, failed, cancelled, rejected, " PLACE ") SELECT " COUNTER_SUMS
	         ", sum(completed), sum(failed), sum(cancelled), sum(rejected), date_trunc('quarter', bucket, 'UTC') AS b, tenant, '', provider, model, "
	         "'', '', '', user_id FROM ai_usage_month_habit GROUP BY b, tenant, provider, model, user_id ORDER BY b");
}

#define MODEL "provider, model"

static void generate_sums(void)
{
	generate("hour_model", MODEL ", '', '', '', ''",
	         "SELECT *, " COUNT("size * 2283 * part * share") " FROM " BUCKETS_SQL("hour") ", " TENANTS_SQL ", " MODELS_SQL ", " STATUSES_SQL);
	add_up("day_model", "hour_model", "day");
	add_up("month_model", "day_model", "month");
	generate("day_work", MODEL ", operation, pipeline, field_name, ''",
	         "SELECT *, " COUNT("size * 54795 * part * share / 60") " FROM " BUCKETS_SQL("day") ", " TENANTS_SQL ", " MODELS_SQL ", " STATUSES_SQL
	         ", " WORK_SQL);
	add_up("month_work", "day_work", "month");
	generate("day_user", MODEL ", '', '', '', user_id",
	         "SELECT *, " COUNT("size * 54795 * part * share * weight") " FROM " BUCKETS_SQL("day") ", " TENANTS_SQL ", " MODELS_SQL ", " STATUSES_SQL
	         ", " USERS_SQL " WHERE tenant = 'acme'");
	generate("hour_user", MODEL ", '', '', '', user_id",
	         "SELECT *, " COUNT("size * 2283 * part * share * weight") " FROM " BUCKETS_SQL("hour") ", " TENANTS_SQL ", " MODELS_SQL ", " STATUSES_SQL
	         ", " USERS_SQL " WHERE tenant = 'acme' AND extract(hour FROM bucket AT TIME ZONE 'UTC') >= 21 AND extract(day FROM bucket + "
	         "interval '1 day') = 1");
	add_up("month_user", "day_user", "month");
	make_all_small();
}

/* Times of 3 metrics: log-normal, 95 % of them within 24 bins (a factor of 8), around 1.1 s, 250 ms and 30 ms. */
#define BINS_SQL                                                                                                       \
	"(SELECT metric, ai_usage_bin(middle)::int + b AS bin, exp(-b * b / 72::float8) / 15.04 AS density FROM (VALUES (1, 1100), (2, 250), (3, "  \
	"30)) AS m (metric, middle), generate_series(-20, 20) AS b) AS bins"

/* Out of counts a row each: packed by model, and all models together. */
static void pack_bins(const char *grain)
{
	static const char *const sets[][3] = {{"bins", "provider, model", ", provider, model"}, {"bins_total", "'', ''", ""}};
	for (size_t i = 0; i < countof(sets); i++) {
		char sql[1024];
		snprintf(sql, sizeof sql,
		         "INSERT INTO ai_usage_%s_%s SELECT bucket, metric, array_agg(bin ORDER BY bin), array_agg(n ORDER BY bin), tenant, %s FROM (SELECT "
		         "bucket, metric, bin, sum(n)::bigint AS n, tenant%s FROM counted GROUP BY bucket, metric, bin, tenant%s) AS c GROUP BY "
		         "bucket, metric, tenant%s ORDER BY bucket",
		         grain, sets[i][0], sets[i][1], sets[i][2], sets[i][2], sets[i][2]);
		test_sql(sql);
	}
}

static void generate_bins(const char *grain, const char *mean, const char *where)
{
	static char sql[4096];
	snprintf(sql, sizeof sql,
	         "CREATE TABLE counted AS SELECT bucket, n, metric::smallint AS metric, bin::smallint AS bin, tenant, provider, model FROM (SELECT "
	         "*, floor(size * %s * part * density * (0.7 + 0.6 * random()) + random())::bigint AS n FROM "
	         "generate_series('2025-01-01Z'::timestamptz, '2025-12-31 23:00Z'::timestamptz, interval '1 %s') AS bucket, " TENANTS_SQL
	         ", " MODELS_SQL ", " BINS_SQL " WHERE tenant = 'acme' AND %s) AS generated WHERE n > 0 AND bin > 0",
	         mean, grain, where);
	test_sql(sql);
	pack_bins(grain);
}

static void generate_all_bins(void)
{
	generate_bins("hour", "2283",
	              "(extract(hour FROM bucket AT TIME ZONE 'UTC') >= 21 OR extract(month FROM bucket AT TIME ZONE 'UTC') = 6)");
	test_sql("DROP TABLE counted");
	generate_bins("day", "54795", "true");
	test_sql("UPDATE counted SET bucket = date_trunc('month', bucket, 'UTC')");
	pack_bins("month");
	test_sql("DROP TABLE counted");
}

/* Days from the first of June on, job by job. */
static void generate_ledger(int days)
{
	static char sql[4096];
	test_sql("SELECT ai_usage_partition('2025-06-01Z')");
	snprintf(sql, sizeof sql,
	         "INSERT INTO ai_usage_metrics SELECT '2025-06-01Z'::timestamptz + interval '%d days' * random(), i, 1, 1, 1, 1500, 300, 0, 400, 0, "
	         "2200, 4500000, 9000, 2000, exp(6 + 2 * random())::bigint, 30, 250, true, false, false, false, false, 'acme', 'job-' || i, CASE "
	         "WHEN random() < 0.03 THEN 'failed' ELSE 'completed' END, 'llm', 'operation-' || 1 + i %% 3, 'user-' || (random() * "
	         "499)::int, '', 'openai', 'model-' || i %% 12, '', 'pipeline-' || i %% 5, '', 'field-' || i %% 20, 'p', '' FROM "
	         "generate_series(1, %d) AS i",
	         days, (int)JOBS_A_DAY * days);
	test_sql(sql);
}

static void print_sizes(double seconds)
{
	static const char *const tables[] = {"hour_total", "hour_plain",  "hour_model", "hour_user",  "day_total",  "day_plain",
	                                     "day_task",   "day_person",  "day_model",  "day_work",   "day_user",   "month_plain",
	                                     "month_task", "month_person", "month_work", "month_user", "month_habit", "quarter_habit",
	                                     "hour_bins", "day_bins", "month_bins", "day_bins_total"};
	printf("{\"bench\":\"analytics\",\"case\":\"year of generated sums\",\"settings\":\"20 M jobs: 365 days x 12 models x 3 operations x 20 "
	       "fields x 500 users; sums generated, not rebuilt from rows; hours by user and bins by hour only at edges\",\"jobs\":%s,\"seconds\":%.0f",
	       test_sql("SELECT sum(jobs) FROM ai_usage_month_model WHERE tenant = 'acme'"), seconds);
	for (size_t i = 0; i < countof(tables); i++) {
		char sql[96];
		snprintf(sql, sizeof sql, "SELECT count(*) FROM ai_usage_%s", tables[i]);
		printf(",\"%s\":%s", tables[i], test_sql(sql));
	}
	printf("}\n");
	fflush(stdout);
}

static void ask(struct bus *b, const char *verb, const char *body, int timeout_ms, struct buf *reply)
{
	char subject[96];
	struct err err = {0};
	snprintf(subject, sizeof subject, "gannet.acme.analytics.%s", verb);
	buf_reset(reply);
	CHECK_OK(bus_request(b, &(struct bus_out){.subject = subject, .data = span_from(body)}, timeout_ms, reply, &err), err);
}

/* Of the service and its sessions that answer; what else the machine does is not in it. */
static double answering_cpu_s(const struct test_process *p)
{
	const char *pids = test_sql("SELECT string_agg(pid::text, ' ') FROM pg_stat_activity WHERE application_name = 'gannet-analytics requests'");
	double s = cpu_s(p->pid);
	for (char *end; *pids; pids = *end ? end + 1 : end)
		s += cpu_s((pid_t)strtol(pids, &end, 10));
	return s;
}

static void measure(struct bus *b, const struct test_process *p, const char *what, const char *verb, const char *body)
{
	double ms[REPEATS];
	scoped_buf reply = {0};
	ask(b, verb, body, 60000, &reply);
	double cpu_before_s = answering_cpu_s(p);
	for (int i = 0; i < REPEATS; i++) {
		double began_s = now_s();
		ask(b, verb, body, 60000, &reply);
		ms[i] = (now_s() - began_s) * 1000;
	}
	double cpu_ms = (answering_cpu_s(p) - cpu_before_s) * 1000 / REPEATS;
	qsort(ms, REPEATS, sizeof *ms, by_value);
	printf("{\"bench\":\"analytics\",\"case\":\"%s\",\"verb\":\"%s\",\"median_ms\":%.1f,\"best_ms\":%.1f,\"cpu_ms\":%.0f,\"reply_bytes\":%zu}\n",
	       what, verb, ms[REPEATS / 2], ms[0], cpu_ms, reply.len);
	fflush(stdout);
}

#define YEAR "\"from\":\"2025-01-01T00:00:00Z\",\"to\":\"2026-01-01T00:00:00Z\""
#define BERLIN "\"from\":\"2024-12-31T23:00:00Z\",\"to\":\"2025-12-31T23:00:00Z\",\"time_zone\":\"Europe/Berlin\""

static const struct {
	const char *what, *verb, *body;
} questions[] = {
    {"year by model", "usage", "{" YEAR ",\"group_by\":\"model\"}"},
    {"year by month and model, Berlin", "costs", "{" BERLIN ",\"group_by\":\"month,model\"}"},
    {"year by day, UTC", "usage", "{" YEAR ",\"group_by\":\"day\"}"},
    {"year by day, Berlin", "usage", "{" BERLIN ",\"group_by\":\"day\"}"},
    {"year by day and model, Berlin", "costs", "{" BERLIN ",\"group_by\":\"day,model\",\"limit\":5000,\"format\":\"csv\"}"},
    {"year by user", "costs", "{" YEAR ",\"group_by\":\"user_id\"}"},
    {"year by user, Berlin", "costs", "{" BERLIN ",\"group_by\":\"user_id\"}"},
    {"year by user and model", "costs", "{" YEAR ",\"group_by\":\"user_id,model\",\"limit\":5000,\"format\":\"csv\"}"},
    {"from 20 January to 10 December by user and model", "costs",
     "{\"from\":\"2025-01-20T00:00:00Z\",\"to\":\"2025-12-10T00:00:00Z\",\"group_by\":\"user_id,model\",\"limit\":5000,\"format\":\"csv\"}"},
    {"year of one user by month", "costs", "{" YEAR ",\"group_by\":\"month\",\"user_id\":\"user-17\"}"},
    {"year of one user by month, Berlin", "costs", "{" BERLIN ",\"group_by\":\"month\",\"user_id\":\"user-17\"}"},
    {"year of one user by model", "costs", "{" YEAR ",\"group_by\":\"model\",\"user_id\":\"user-17\"}"},
    {"year by pipeline and field", "costs", "{" YEAR ",\"group_by\":\"pipeline,field_name\"}"},
    {"year by model, pipeline and field", "costs", "{" YEAR ",\"group_by\":\"model,pipeline,field_name\"}"},
    {"year by status and model, Berlin", "costs", "{" BERLIN ",\"group_by\":\"status,model\"}"},
    {"year by model with percentiles", "performance", "{" YEAR ",\"group_by\":\"model\"}"},
    {"year by month and model with percentiles, Berlin", "performance", "{" BERLIN ",\"group_by\":\"month,model\"}"},
    {"year by day with percentiles, UTC", "performance", "{" YEAR ",\"group_by\":\"day\"}"},
    {"a day by hour with percentiles", "performance",
     "{\"from\":\"2025-06-01T00:00:00Z\",\"to\":\"2025-06-02T00:00:00Z\",\"group_by\":\"hour\"}"},
    {"a day by user and pipeline, from the ledger", "costs",
     "{\"from\":\"2025-06-01T00:00:00Z\",\"to\":\"2025-06-02T00:00:00Z\",\"group_by\":\"user_id,pipeline\"}"},
};

TEST(answers_about_a_year)
{
	make_durable();
	struct bus *b = open_bus();
	/* What is written here must not be dropped as too old meanwhile. */
	struct test_process *p = start_analytics((const char *[]){"LOG_LEVEL=INFO", "GANNET_LEDGER_DAYS=0", "GANNET_MINUTE_DAYS=0", NULL});
	double began_s = now_s();
	/* A copy of a data folder where they are, in the place of the one all tests copy, saves minutes. */
	if (!atoll(test_sql("SELECT count(*) FROM ai_usage_month_model"))) {
		generate_sums();
		generate_all_bins();
		generate_ledger(1);
		test_sql("VACUUM ANALYZE");
	}
	print_sizes(now_s() - began_s);
	for (size_t i = 0; i < countof(questions); i++)
		measure(b, p, questions[i].what, questions[i].verb, questions[i].body);
	bus_close(b);
}

/* Sums made again from the ledger: first where there are none, then where there are. */
TEST(rebuild_of_days)
{
	enum { DAYS = 4 };
	scoped_buf reply = {0};
	make_durable();
	struct bus *b = open_bus();
	struct test_process *p = start_analytics((const char *[]){"LOG_LEVEL=INFO", "GANNET_LEDGER_DAYS=0", "GANNET_MINUTE_DAYS=0", NULL});
	generate_ledger(DAYS);
	test_sql("VACUUM ANALYZE");
	for (int round = 0; round < 2; round++) {
		double began_s = now_s(), cpu_before_s = answering_cpu_s(p);
		ask(b, "rebuild", "{\"from\":\"2025-06-01T00:00:00Z\",\"to\":\"2025-06-05T00:00:00Z\"}", 600000, &reply);
		double took_s = now_s() - began_s, rows = JOBS_A_DAY * DAYS;
		printf("{\"bench\":\"analytics\",\"case\":\"rebuild, %s\",\"rows\":%.0f,\"seconds\":%.1f,\"rows_per_s\":%.0f,\"cpu_us_per_row\":%.1f}\n",
		       round ? "again" : "first", rows, took_s, rows / took_s, (answering_cpu_s(p) - cpu_before_s) * 1e6 / rows);
		fflush(stdout);
	}
	bus_close(b);
}
