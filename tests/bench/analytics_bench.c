/*
 * Measures how fast final events become rows of the ledger with all their sums, and how long answers about a year take: one
 * JSON line per figure. ANALYTICS_BENCH_EVENTS (200000) and ANALYTICS_BENCH_ROWS (200000) say how many.
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

#define REPEATS 9

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
	char subject[128], id[JOB_ID_BYTES], output_id[OUTPUT_ID_BYTES], msg_id[FINAL_MSG_ID_BYTES], user[32];
	struct usage usage = {.input_tokens = 100 + i % 997, .output_tokens = 50 + i % 331};
	struct err err = {0};
	usage.total_tokens = usage.input_tokens + usage.output_tokens;
	snprintf(id, sizeof id, "bench-%" PRId64, i);
	snprintf(user, sizeof user, "user-%d", (int)(i % 500));
	output_id_from_job(span_from(id), output_id);
	job_final_msg_id(SPAN("acme"), span_from(id), 1, msg_id);
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
 * Rows of a busy tenant spread over a year, and beside them those of another by a tenth: 200 users with two models each, 20
 * fields of 5 pipelines. The sums of hours and days are then as many as for any number of rows beyond some hundred thousand,
 * as every combination occurs on nearly every day; only sums of minutes, and bins of hours, would be more.
 */
static void fill_year(int64_t rows)
{
	char sql[4096];
	test_sql("SET synchronous_commit = off");
	for (int month = 1; month <= 12; month++) {
		snprintf(sql, sizeof sql, "SELECT ai_usage_partition('2025-%02d-01Z')", month);
		test_sql(sql);
		snprintf(sql, sizeof sql,
		         "INSERT INTO ai_usage_metrics SELECT m + (m + interval '1 month' - m) * random(), i, %d, 1, 1 + (random() < 0.03)::int, "
		         "(random() * 3000)::bigint, 0, 0, (random() * 800)::bigint, 0, (random() * 3800)::bigint, (random() * 9000000)::bigint, 0, "
		         "0, exp(6 + 1.1 * random() + random())::bigint, (random() * 60)::bigint, (90 + random() * 400)::bigint, true, false, false, "
		         "false, false, CASE WHEN i %% 11 = 0 THEN 'other' ELSE 'acme' END, 'job-' || i, CASE WHEN random() < 0.02 THEN 'failed' ELSE "
		         "'completed' END, 'llm', (ARRAY['field_generation', 'classification', 'summary'])[1 + i %% 3], 'user-' || "
		         "(random() * 499)::int, '', CASE WHEN i %% 4 = 3 THEN 'anthropic' ELSE 'openai' END, (ARRAY['gpt-4o-mini', 'gpt-4o', "
		         "'gpt-5-mini', 'claude-sonnet-5'])[1 + i %% 4], '', 'pipeline-' || (random() * 4)::int, '', 'field-' || (random() * 9)::int, "
		         "'p', '' FROM (SELECT '2025-%02d-01 00:00Z'::timestamptz AS m) AS month, generate_series(1, %" PRId64 ") AS i",
		         month, month, rows * 11 / 10 / 12);
		test_sql(sql);
	}
	test_sql("ANALYZE ai_usage_metrics");
}

static void ask(struct bus *b, const char *verb, const char *body, int timeout_ms, struct buf *reply)
{
	char subject[96];
	struct err err = {0};
	snprintf(subject, sizeof subject, "gannet.acme.analytics.%s", verb);
	buf_reset(reply);
	CHECK_OK(bus_request(b, &(struct bus_out){.subject = subject, .data = span_from(body)}, timeout_ms, reply, &err), err);
}

static void measure(struct bus *b, const char *what, const char *verb, const char *body)
{
	double ms[REPEATS];
	scoped_buf reply = {0};
	ask(b, verb, body, 60000, &reply);
	for (int i = 0; i < REPEATS; i++) {
		double began_s = now_s();
		ask(b, verb, body, 60000, &reply);
		ms[i] = (now_s() - began_s) * 1000;
	}
	qsort(ms, REPEATS, sizeof *ms, by_value);
	printf("{\"bench\":\"analytics\",\"case\":\"%s\",\"verb\":\"%s\",\"ledger_rows\":%s,\"median_ms\":%.1f,\"best_ms\":%.1f,\"reply_bytes\":%zu}\n",
	       what, verb, test_sql("SELECT sum(jobs) FROM ai_usage_day_model"), ms[REPEATS / 2], ms[0], reply.len);
	fflush(stdout);
}

/* The sums are made from the ledger's rows, as they would have been row by row. */
static void rebuild(struct bus *b, double *ret_s)
{
	char body[128], subject[64];
	struct err err = {0};
	double began_s = now_s();
	for (int tenant = 0; tenant < 2; tenant++)
		for (int month = 1; month <= 12; month++) {
			scoped_buf reply = {0};
			snprintf(subject, sizeof subject, "gannet.%s.analytics.rebuild", tenant ? "other" : "acme");
			snprintf(body, sizeof body, "{\"from\":\"2025-%02d-01T00:00:00Z\",\"to\":\"%d-%02d-01T00:00:00Z\"}", month,
			         2025 + month / 12, month % 12 + 1);
			CHECK_OK(bus_request(b, &(struct bus_out){.subject = subject, .data = span_from(body)}, 600000, &reply, &err), err);
		}
	*ret_s = now_s() - began_s;
}

#define YEAR "\"from\":\"2025-01-01T00:00:00Z\",\"to\":\"2026-01-01T00:00:00Z\""

TEST(answers_about_a_year)
{
	int64_t rows = from_env("ANALYTICS_BENCH_ROWS", 200000);
	double rebuild_s;
	make_durable();
	struct bus *b = open_bus();
	/* What is written here must not be dropped as too old meanwhile. */
	start_analytics((const char *[]){"LOG_LEVEL=INFO", "GANNET_LEDGER_DAYS=0", "GANNET_MINUTE_DAYS=0", NULL});
	double began_s = now_s();
	fill_year(rows);
	double filled_s = now_s() - began_s;
	rebuild(b, &rebuild_s);
	printf("{\"bench\":\"analytics\",\"case\":\"sums made again\",\"ledger_rows\":%s,\"rows_per_s\":%.0f,\"fill_seconds\":%.0f}\n",
	       test_sql("SELECT sum(jobs) FROM ai_usage_day_model"), (double)rows * 1.1 / rebuild_s, filled_s);
	test_sql("VACUUM ANALYZE");
	printf("{\"bench\":\"analytics\",\"case\":\"sizes\",\"hour_model\":%s", test_sql("SELECT count(*) FROM ai_usage_hour_model"));
	printf(",\"day_model\":%s", test_sql("SELECT count(*) FROM ai_usage_day_model"));
	printf(",\"day_work\":%s", test_sql("SELECT count(*) FROM ai_usage_day_work"));
	printf(",\"day_user\":%s", test_sql("SELECT count(*) FROM ai_usage_day_user"));
	printf(",\"day_bins\":%s}\n", test_sql("SELECT count(*) FROM ai_usage_day_bins"));
	measure(b, "year by month and model, Berlin", "costs", "{" YEAR ",\"group_by\":\"month,model\",\"time_zone\":\"Europe/Berlin\"}");
	measure(b, "year by model", "usage", "{" YEAR ",\"group_by\":\"model\"}");
	measure(b, "year by day, UTC", "usage", "{" YEAR ",\"group_by\":\"day\"}");
	measure(b, "year by day, Berlin", "usage", "{" YEAR ",\"group_by\":\"day\",\"time_zone\":\"Europe/Berlin\"}");
	measure(b, "year by day and model, Berlin", "costs",
	        "{" YEAR ",\"group_by\":\"day,model\",\"time_zone\":\"Europe/Berlin\",\"limit\":5000}");
	measure(b, "year by user", "costs", "{" YEAR ",\"group_by\":\"user_id\"}");
	measure(b, "year of one user by month", "costs", "{" YEAR ",\"group_by\":\"month\",\"user_id\":\"user-17\"}");
	measure(b, "year by pipeline and field", "costs", "{" YEAR ",\"group_by\":\"pipeline,field_name\"}");
	measure(b, "year by model with percentiles", "performance", "{" YEAR ",\"group_by\":\"model\"}");
	measure(b, "year by month and model with percentiles, Berlin", "performance",
	        "{" YEAR ",\"group_by\":\"month,model\",\"time_zone\":\"Europe/Berlin\"}");
	measure(b, "a day by hour with percentiles", "performance",
	        "{\"from\":\"2025-06-01T00:00:00Z\",\"to\":\"2025-06-02T00:00:00Z\",\"group_by\":\"hour\"}");
	measure(b, "a day by user and pipeline, from the ledger", "costs",
	        "{\"from\":\"2025-06-01T00:00:00Z\",\"to\":\"2025-06-02T00:00:00Z\",\"group_by\":\"user_id,pipeline\"}");
	bus_close(b);
}
