/* Measures the HTTP client on one loop against the fake provider in another process: one JSON line per figure. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/clock.h"
#include "http/client.h"
#include "tests/lib/servers.h"

#define SAMPLES 3

struct load {
	struct loop *loop;
	struct http_client *client;
	struct http_request request;
	long to_start, running;
};

static void start_one(struct load *l)
{
	struct http_call *call;
	struct err err;
	l->to_start--;
	l->running++;
	CHECK_OK(http_call(l->client, &l->request, &call, &err), err);
}

static void on_done(void *arg, const struct http_response *r)
{
	struct load *l = arg;
	CHECK_MSG(r->transport == STATUS_OK && r->http_status == 200, "%d %s", r->http_status, r->reason ? r->reason : "");
	l->running--;
	if (l->to_start > 0)
		start_one(l);
	else if (l->running == 0)
		loop_stop(l->loop);
}

/* Nanoseconds for so many calls, so many at once. */
static int64_t run(struct load *l, long calls, long at_once)
{
	l->to_start = calls;
	int64_t begin = clock_mono_ns(&clock_system);
	for (long i = 0; i < at_once; i++)
		start_one(l);
	loop_run(l->loop);
	return clock_mono_ns(&clock_system) - begin;
}

static void open_load(struct load *l, const char *url, struct span body)
{
	static const struct http_header headers[] = {{"Content-Type", {"application/json", 16}},
	                                             {"Authorization", {"Bearer sk-bench", 15}}};
	struct err err;
	CHECK_OK(loop_new(&l->loop, &err), err);
	const struct http_client_options o = {.max_connections = 2048, .max_host_connections = 2048};
	CHECK_OK(http_client_new(l->loop, &o, &l->client, &err), err);
	l->request = (struct http_request){.method = "POST",
	                                   .url = url,
	                                   .headers = headers,
	                                   .headers_n = countof(headers),
	                                   .body = body,
	                                   .timeout_ms = 30000,
	                                   .idle_timeout_ms = 30000,
	                                   .done = on_done,
	                                   .arg = l};
}

static int64_t cpu_us(void)
{
	struct rusage u;
	getrusage(RUSAGE_SELF, &u);
	return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000LL + u.ru_utime.tv_usec + u.ru_stime.tv_usec;
}

static long peak_kib(pid_t pid)
{
	char path[64], line[256];
	long kib = 0;
	snprintf(path, sizeof path, "/proc/%d/status", pid);
	FILE *f = fopen(path, "re");
	while (f && fgets(line, sizeof line, f))
		if (sscanf(line, "VmHWM: %ld", &kib) == 1)
			break;
	if (f)
		fclose(f);
	return kib;
}

static void tell(const char *figure, int64_t value, const char *unit, const char *settings)
{
	printf("{\"figure\":\"http_%s\",\"value\":%lld,\"unit\":\"%s\",\"runs\":%d,\"settings\":\"%s\"}\n", figure,
	       (long long)value, unit, SAMPLES, settings);
}

static void measure(const char *figure, const char *model, long calls, long at_once, const char *settings)
{
	char name[64], url[96], variable[32], body[1024];
	scoped_buf answer = {0};
	struct load l = {0};
	int port = test_free_port();
	snprintf(variable, sizeof variable, "PORT=%d", port);
	struct test_process *fake =
	    test_spawn("gannet-fakeprovider", (const char *const[]){variable, "LOG_LEVEL=INFO", NULL}, NULL);
	WAIT_FOR(test_http_get(port, "/health", &answer) == 200, "the fake provider");
	snprintf(url, sizeof url, "http://127.0.0.1:%d/v1/chat/completions", port);
	int n = snprintf(body, sizeof body, "{\"model\":\"%s\",\"messages\":[{\"role\":\"user\",\"content\":\"%0400d\"}]}",
	                 model, 0);
	open_load(&l, url, span_of(body, (size_t)n));
	run(&l, at_once, at_once); /* connects */
	int64_t best = INT64_MAX, cpu = cpu_us();
	for (int i = 0; i < SAMPLES; i++) {
		int64_t took = run(&l, calls, at_once);
		best = took < best ? took : best;
	}
	cpu = cpu_us() - cpu;
	snprintf(name, sizeof name, "%s_calls", figure);
	tell(name, calls * 1000000000LL / best, "1/s", settings);
	snprintf(name, sizeof name, "%s_client_cpu", figure);
	tell(name, cpu * 1000 / (calls * SAMPLES), "ns/call", settings);
	snprintf(name, sizeof name, "%s_client_memory", figure);
	tell(name, peak_kib(getpid()), "KiB", settings);
	snprintf(name, sizeof name, "%s_fake_provider_memory", figure);
	tell(name, peak_kib(fake->pid), "KiB", settings);
	http_client_free(l.client);
	loop_free(l.loop);
}

TEST(small_calls)
{
	measure("small", "gpt-fake", 60000, 32, "32 at once on kept connections");
}

TEST(slow_calls)
{
	measure("slow", "gpt-fake:latency=200ms", 15000, 1000, "1000 at once, 200 ms each");
}
