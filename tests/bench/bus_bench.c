/* Measures the bus on one broker: storing, pulling, and the way from one to the other. One JSON line per figure. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "bus/pull.h"
#include "bus/store.h"
#include "bus/topology.h"
#include "tests/lib/servers.h"

#define MESSAGES 200000
#define PAYLOAD_BYTES 300
#define CREDITS 1024
#define CREDITS_AT_ONCE 128
#define RUNS 3
#define SAMPLES 1000
#define RATE_PER_S 200

static struct bus *bus;
static struct bus_pull *pull;
static atomic_long failed, received;
static size_t unasked;
static int64_t sent_ns[SAMPLES], took_ns[SAMPLES];

static void print(const char *figure, double value, const char *unit, const char *settings)
{
	printf("{\"figure\":\"bus_%s\",\"value\":%.6g,\"unit\":\"%s\",\"runs\":%d,\"settings\":\"%s\"}\n", figure, value,
	       unit, RUNS, settings);
	fflush(stdout);
}

static double processor_s(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void open_bus(bool bulk)
{
	struct err err;
	const struct bus_options o = {.url = test_nats_url(), .name = "bench", .clock = &clock_system, .bulk = bulk};
	CHECK_OK(bus_open(&o, &bus, &err), err);
	CHECK_OK(bus_topology_ensure(bus, STREAM_TICKS, &bus_limits_default, &err), err);
}

static void on_stored(void *arg, const struct bus_stored *s)
{
	(void)arg;
	failed += s->status != STATUS_OK;
}

static void store(const char *subject, const char *run, int i, unsigned flags)
{
	static const char payload[PAYLOAD_BYTES];
	struct err err;
	char id[48];
	int n = snprintf(id, sizeof id, "%s-%d", run, i);
	const struct bus_header h = {"Nats-Msg-Id", span_of(id, (size_t)n)};
	const struct bus_out m = {
	    .subject = subject, .data = span_of(payload, sizeof payload), .headers = &h, .headers_n = 1};
	CHECK_OK(bus_store(bus, &m, 0, flags, on_stored, NULL, &err), err);
}

/* Messages stored per second, until the last acknowledgement. */
static double store_all(const char *subject, int run, double *ret_processor_us)
{
	struct err err;
	char name[16];
	snprintf(name, sizeof name, "run-%d", run);
	double processor = processor_s();
	int64_t begin = clock_mono_ns(&clock_system);
	for (int i = 0; i < MESSAGES; i++)
		store(subject, name, i, BUS_BLOCK);
	CHECK_OK(bus_store_drain(bus, 60000, &err), err);
	CHECK_INT(failed, 0);
	*ret_processor_us = (processor_s() - processor) * 1e6 / MESSAGES;
	return MESSAGES * 1e9 / (double)(clock_mono_ns(&clock_system) - begin);
}

static void on_delivery(void *arg, struct bus_delivery *d)
{
	struct err err;
	(void)arg;
	CHECK_OK(bus_ack(bus, d->in.reply, &err), err);
	bus_delivery_free(d);
	if (++unasked == CREDITS_AT_ONCE) {
		bus_pull_want(pull, unasked);
		unasked = 0;
	}
	received++;
}

/* Messages pulled and acknowledged per second; what is still in the queue, all of it. */
static double pull_all(double *ret_processor_us)
{
	struct err err;
	received = 0;
	unasked = 0;
	double processor = processor_s();
	int64_t begin = clock_mono_ns(&clock_system);
	CHECK_OK(bus_pull_open(bus, STREAM_TICKS, CONSUMER_TICKS_JOBS, on_delivery, NULL, &pull, &err), err);
	bus_pull_want(pull, CREDITS);
	WAIT_FOR(received == MESSAGES, "all messages");
	double rate = MESSAGES * 1e9 / (double)(clock_mono_ns(&clock_system) - begin);
	*ret_processor_us = (processor_s() - processor) * 1e6 / MESSAGES;
	bus_pull_close(pull);
	return rate;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double median(double v[RUNS])
{
	qsort(v, RUNS, sizeof *v, by_size);
	return v[RUNS / 2];
}

static void throughput(bool bulk)
{
	double stored[RUNS], pulled[RUNS], store_us[RUNS], pull_us[RUNS];
	const char *mode = bulk ? "bulk, 300 bytes with message id" : "each sent at once, 300 bytes with message id";
	open_bus(bulk);
	for (int run = 0; run < RUNS; run++) {
		stored[run] = store_all("gannet.tick.jobs", run, &store_us[run]);
		pulled[run] = pull_all(&pull_us[run]);
	}
	print(bulk ? "store_bulk" : "store", median(stored), "/s", mode);
	print(bulk ? "store_bulk_processor" : "store_processor", median(store_us), "us", "of this process, per message");
	print(bulk ? "pull_ack_bulk" : "pull_ack", median(pulled), "/s", mode);
	print(bulk ? "pull_ack_bulk_processor" : "pull_ack_processor", median(pull_us), "us", "of this process, per message");
	bus_close(bus);
}

TEST(throughput_when_each_message_is_sent_at_once)
{
	throughput(false);
}

TEST(throughput_in_bulk)
{
	throughput(true);
}

static void on_timed(void *arg, struct bus_delivery *d)
{
	struct err err;
	(void)arg;
	took_ns[received] = clock_mono_ns(&clock_system) - sent_ns[received];
	received++;
	CHECK_OK(bus_ack(bus, d->in.reply, &err), err);
	bus_delivery_free(d);
	bus_pull_want(pull, 1);
}

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

static void send_paced(const char *run)
{
	struct timespec next;
	clock_gettime(CLOCK_MONOTONIC, &next);
	received = 0;
	for (int i = 0; i < SAMPLES; i++) {
		next.tv_nsec += 1000000000 / RATE_PER_S;
		next.tv_sec += next.tv_nsec / 1000000000;
		next.tv_nsec %= 1000000000;
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
		sent_ns[i] = clock_mono_ns(&clock_system);
		store("gannet.tick.jobs", run, i, 0);
	}
	WAIT_FOR(received == SAMPLES, "all messages");
	qsort(took_ns, SAMPLES, sizeof took_ns[0], by_value);
}

static void latency(bool bulk)
{
	static const int permille[] = {500, 950, 990};
	double ms[countof(permille)][RUNS];
	struct err err;
	char name[64];
	open_bus(bulk);
	CHECK_OK(bus_pull_open(bus, STREAM_TICKS, CONSUMER_TICKS_JOBS, on_timed, NULL, &pull, &err), err);
	bus_pull_want(pull, 16);
	for (int run = 0; run < RUNS; run++) {
		snprintf(name, sizeof name, "latency-%d", run);
		send_paced(name);
		for (size_t i = 0; i < countof(permille); i++)
			ms[i][run] = (double)took_ns[SAMPLES * permille[i] / 1000] / 1e6;
	}
	for (size_t i = 0; i < countof(permille); i++) {
		snprintf(name, sizeof name, "latency%s_p%d", bulk ? "_bulk" : "", permille[i] / 10);
		print(name, median(ms[i]), "ms", "bus_store to delivery at 200/s");
	}
	bus_pull_close(pull);
	bus_close(bus);
}

TEST(latency_when_each_message_is_sent_at_once)
{
	latency(false);
}

TEST(latency_in_bulk)
{
	latency(true);
}

static long memory_kib(void)
{
	char line[256];
	long kib = 0;
	FILE *f = fopen("/proc/self/smaps_rollup", "re");
	CHECK(f);
	while (fgets(line, sizeof line, f))
		if (sscanf(line, "Pss: %ld", &kib) == 1)
			break;
	fclose(f);
	return kib;
}

TEST(memory_of_an_idle_bus)
{
	struct err err;
	open_bus(false);
	CHECK_OK(bus_pull_open(bus, STREAM_TICKS, CONSUMER_TICKS_JOBS, on_delivery, NULL, &pull, &err), err);
	print("idle_memory", (double)memory_kib(), "KiB", "PSS of a process with a bus and a pull");
	bus_pull_close(pull);
	bus_close(bus);
}
