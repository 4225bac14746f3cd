/*
 * What a snapshot of the example content platform costs at a million rows in each large table: as a whole, and by
 * source. One JSON line per figure. COLLECTOR_BENCH_ROWS sets another size, COLLECTOR_BENCH_DATABASE a database that is
 * there already (and is then not generated).
 */
#include <stdio.h>
#include <stdlib.h>

#include "contract/snapshot.h"
#include "store/store.h"
#include "tests/lib/jobs.h"

#define RUNS 25
#define EXAMPLE "services/collector/examples/content-platform"

static const char *rows_text(void)
{
	const char *rows = getenv("COLLECTOR_BENCH_ROWS");
	return rows && *rows ? rows : "1000000";
}

static const char *database(void)
{
	const char *there = getenv("COLLECTOR_BENCH_DATABASE");
	if (there && *there)
		return there;
	int64_t began_ms = clock_mono_ms(&clock_system);
	CHECK_INT(test_run(EXAMPLE "/generate", (const char *[]){"--rows", rows_text(), "--database", test_postgres_url(), NULL}, NULL, NULL), 0);
	printf("{\"bench\":\"collector\",\"figure\":\"generating the example\",\"rows\":%s,\"seconds\":%.1f}\n", rows_text(),
	       (double)(clock_mono_ms(&clock_system) - began_ms) / 1000);
	return test_postgres_url();
}

static struct bus *own_bus(void)
{
	struct bus *b;
	struct err err;
	CHECK_OK(bus_open(&(struct bus_options){.url = test_nats_url(), .name = "bench", .clock = &clock_system}, &b, &err), err);
	return b;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* A counter or a histogram's member on /metrics; 0 when it is not there. */
static double metric(struct test_process *p, const char *line_start)
{
	scoped_buf page = {0};
	CHECK_INT(test_http_get(p->health_port, "/metrics", &page), 200);
	const char *at = strstr(page.data, line_start);
	return at ? strtod(at + strlen(line_start), NULL) : 0;
}

static double cpu_seconds(pid_t pid)
{
	char path[64], line[512] = "";
	unsigned long user = 0, sys = 0;
	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	FILE *f = fopen(path, "re");
	CHECK(f && fgets(line, sizeof line, f) && fclose(f) == 0);
	CHECK(sscanf(strrchr(line, ')') + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &sys) == 2);
	return (double)(user + sys) / 100;
}

/* Of the database's processes that serve the collector. */
static double database_cpu_seconds(const char *url)
{
	struct store *s;
	scoped_result r = {0};
	struct err err;
	double sum = 0;
	CHECK_OK(store_new(&(struct store_options){.url = url}, &s, &err), err);
	CHECK_OK(store_query(s, "SELECT pid FROM pg_stat_activity WHERE application_name = 'gannet-collector'", NULL, 0, &r, &err), err);
	for (int i = 0; i < r.rows; i++)
		sum += cpu_seconds(atoi(store_value(&r, i, 0).p));
	store_free(s);
	return sum;
}

static double take_ms(struct bus *b, int64_t *ret_collection_ms)
{
	enum status got;
	struct err err = {0};
	int64_t began_ns = clock_mono_ns(&clock_system);
	const char *snapshot = test_request(b, "gannet.default.snapshot.take", "{}", &got, &err);
	double ms = (double)(clock_mono_ns(&clock_system) - began_ns) / 1e6;
	CHECK_OK(got, err);
	CHECK_MSG(strcmp(test_json(snapshot, "/metrics/queue_success/status"), "ok") == 0, "%s", snapshot);
	*ret_collection_ms = atoll(test_json(snapshot, "/collection_time_ms"));
	return ms;
}

static void print_sources(struct test_process *p, double before[], const char *const *names, bool print)
{
	for (size_t i = 0; names[i]; i++) {
		char line[200];
		snprintf(line, sizeof line, "gannet_collector_source_seconds_sum{tenant=\"default\",source=\"%s\"} ", names[i]);
		double now = metric(p, line);
		if (print)
			printf("{\"bench\":\"collector\",\"figure\":\"a reading of source %s\",\"rows\":%s,\"mean_ms\":%.1f}\n", names[i], rows_text(),
			       (now - before[i]) * 1000 / RUNS);
		before[i] = now;
	}
}

TEST(snapshot_of_the_example)
{
	static const char *const names[] = {"queue", "scheduler", "orchestrator", "publishing", "clips",  "jobs",
	                                    "campaigns", "alerts", "platforms", "best_clips", "rules", "ledger", NULL};
	double took[RUNS], collection[RUNS], before[countof(names)] = {0};
	char url[600];
	const char *where = database();
	test_nats_url();
	snprintf(url, sizeof url, "CONTENT_PLATFORM_URL=%s", where);
	struct test_process *jobs = test_spawn("gannet-jobs", (const char *const[]){test_postgres_url() ? "LOG_LEVEL=WARN" : "", NULL}, NULL);
	test_ready(jobs);
	struct test_process *p = test_spawn(
	    "gannet-collector", (const char *const[]){"GANNET_SOURCES=" EXAMPLE "/sources.json", "AI_WORKER_ENABLED=false", url, NULL}, NULL);
	test_ready(p);
	struct bus *b = own_bus();
	int64_t ms;
	double first = take_ms(b, &ms);
	printf("{\"bench\":\"collector\",\"figure\":\"the first snapshot, connections included\",\"rows\":%s,\"ms\":%.1f}\n", rows_text(), first);
	for (int i = 0; i < 3; i++)
		take_ms(b, &ms);
	print_sources(p, before, names, false);
	double cpu = cpu_seconds(p->pid), database_cpu = database_cpu_seconds(where);
	for (int i = 0; i < RUNS; i++) {
		took[i] = take_ms(b, &ms);
		collection[i] = (double)ms;
	}
	cpu = cpu_seconds(p->pid) - cpu;
	database_cpu = database_cpu_seconds(where) - database_cpu;
	qsort(took, RUNS, sizeof *took, by_value);
	qsort(collection, RUNS, sizeof *collection, by_value);
	printf("{\"bench\":\"collector\",\"figure\":\"a snapshot, asked for and answered\",\"rows\":%s,\"runs\":%d,\"median_ms\":%.1f,\"min_ms\":%.1f,"
	       "\"max_ms\":%.1f,\"gathering_median_ms\":%.0f,\"collector_cpu_ms\":%.1f,\"database_cpu_ms\":%.1f}\n",
	       rows_text(), RUNS, took[RUNS / 2], took[0], took[RUNS - 1], collection[RUNS / 2], cpu * 1000 / RUNS,
	       database_cpu * 1000 / RUNS);
	print_sources(p, before, names, true);
	bus_close(b);
}
