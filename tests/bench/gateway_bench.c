/* Measures the gateway with a load generator of its own over kept connections: one JSON line per figure. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "tests/integration/gateway_helpers.h"

#define SAMPLES 5
#define SAMPLE_MS 2000
#define WARM_MS 500
#define CONNECTIONS_MAX 64
#define LATENCIES_MAX 4000000

/* ---- the load: each connection asks again as soon as it has the whole answer */

struct connection {
	int fd;
	int64_t asked_ns;
	size_t missing; /* bytes of the answer's body; SIZE_MAX: its head is not whole */
	char head[4096];
	size_t head_n;
};

static struct load {
	int epoll;
	struct connection connections[CONNECTIONS_MAX];
	size_t n;
	const char *request;
	size_t request_n;
	float *took_us;
	size_t answers;
} load;

static void ask(struct connection *c)
{
	c->asked_ns = clock_mono_ns(&clock_system);
	c->missing = SIZE_MAX;
	c->head_n = 0;
	CHECK(send(c->fd, load.request, load.request_n, MSG_NOSIGNAL) == (ssize_t)load.request_n);
}

static void open_load(size_t n, const char *request)
{
	load.epoll = epoll_create1(EPOLL_CLOEXEC);
	load.n = n;
	load.request = request;
	load.request_n = strlen(request);
	for (size_t i = 0; i < n; i++) {
		struct connection *c = &load.connections[i];
		struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
		c->fd = gw_dial();
		CHECK(epoll_ctl(load.epoll, EPOLL_CTL_ADD, c->fd, &e) == 0);
	}
}

static void close_load(void)
{
	for (size_t i = 0; i < load.n; i++)
		close(load.connections[i].fd);
	close(load.epoll);
}

/* How many bytes of the body are still to come, once the head is whole. */
static void read_head(struct connection *c)
{
	char *end = memmem(c->head, c->head_n, "\r\n\r\n", 4), *length;
	if (!end)
		return;
	*end = 0;
	CHECK_MSG(strncmp(c->head, "HTTP/1.1 200", 12) == 0, "%s", c->head);
	length = strstr(c->head, "Content-Length: ");
	CHECK(length != NULL);
	c->missing = strtoul(length + 16, NULL, 10) - (c->head_n - (size_t)(end + 4 - c->head));
}

/* True when an answer is whole. */
static bool take(struct connection *c)
{
	static char rest[65536];
	ssize_t n = c->missing == SIZE_MAX ? recv(c->fd, c->head + c->head_n, sizeof c->head - c->head_n, MSG_DONTWAIT)
	                                   : recv(c->fd, rest, sizeof rest, MSG_DONTWAIT);
	if (n < 0 && errno == EAGAIN)
		return false;
	CHECK_MSG(n > 0, "the connection ended");
	if (c->missing == SIZE_MAX) {
		c->head_n += (size_t)n;
		read_head(c);
	} else {
		c->missing -= (size_t)n;
	}
	return c->missing == 0;
}

/* Answers a second. */
static int64_t run(int64_t ms)
{
	struct epoll_event events[CONNECTIONS_MAX];
	int64_t begin = clock_mono_ns(&clock_system), now = begin;
	load.answers = 0;
	size_t open = load.n;
	for (size_t i = 0; i < load.n; i++)
		ask(&load.connections[i]);
	while (open) {
		int n = epoll_wait(load.epoll, events, CONNECTIONS_MAX, 10000);
		CHECK(n > 0);
		now = clock_mono_ns(&clock_system);
		for (int i = 0; i < n; i++) {
			struct connection *c = events[i].data.ptr;
			if (!take(c))
				continue;
			if (load.answers < LATENCIES_MAX)
				load.took_us[load.answers] = (float)(now - c->asked_ns) / 1000;
			load.answers++;
			if (now - begin < ms * 1000000)
				ask(c);
			else
				open--;
		}
	}
	return (int64_t)load.answers * 1000000000 / (now - begin);
}

static int by_size(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;
	return (x > y) - (x < y);
}

static int64_t cpu_us(pid_t pid)
{
	char path[64];
	long user = 0, system = 0;
	snprintf(path, sizeof path, "/proc/%d/stat", pid);
	FILE *f = fopen(path, "re");
	CHECK(f && fscanf(f, "%*d %*s %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %ld %ld", &user, &system) == 2);
	fclose(f);
	return (user + system) * (1000000 / sysconf(_SC_CLK_TCK));
}

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

static void tell(const char *name, const char *figure, int64_t *values, const char *unit, const char *settings)
{
	qsort(values, SAMPLES, sizeof *values, by_value);
	printf("{\"figure\":\"gateway_%s_%s\",\"value\":%lld,\"unit\":\"%s\",\"runs\":%d,\"settings\":\"%s\"}\n", name, figure,
	       (long long)values[SAMPLES / 2], unit, SAMPLES, settings);
}

static void measure(struct test_process *gateway, const char *name, const char *target, size_t connections, const char *settings)
{
	int64_t rate[SAMPLES], p50[SAMPLES], p99[SAMPLES], cpu[SAMPLES];
	scoped_buf request = {0};
	buf_printf(&request, "GET %s HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer %s\r\n\r\n", target, gw_token("admin", "bench", "acme"));
	load.took_us = malloc(LATENCIES_MAX * sizeof *load.took_us);
	CHECK(load.took_us != NULL);
	open_load(connections, request.data);
	run(WARM_MS);
	for (int i = 0; i < SAMPLES; i++) {
		int64_t before = cpu_us(gateway->pid);
		rate[i] = run(SAMPLE_MS);
		cpu[i] = (cpu_us(gateway->pid) - before) * 1000 / (int64_t)load.answers;
		size_t n = load.answers < LATENCIES_MAX ? load.answers : LATENCIES_MAX;
		qsort(load.took_us, n, sizeof *load.took_us, by_size);
		p50[i] = (int64_t)load.took_us[n / 2];
		p99[i] = (int64_t)load.took_us[n * 99 / 100];
	}
	close_load();
	free(load.took_us);
	tell(name, "rate", rate, "1/s", settings);
	tell(name, "p50", p50, "us", settings);
	tell(name, "p99", p99, "us", settings);
	tell(name, "cpu", cpu, "ns/request", settings);
}

static struct test_process *begin(const char *access_log)
{
	struct test_process *p = gw_start((const char *const[]){"GANNET_RATE_IP=0", "GANNET_RATE_USER=0", "GANNET_RATE_TENANT=0",
	                                                        "LOG_LEVEL=INFO", access_log, NULL});
	gw_put_latest("acme.reasoning", gw_example("reasoning"));
	const char *token = gw_token("admin", "bench", "acme");
	WAIT_FOR(GET("/ai/global/last_run", token).status == 200, "the copy");
	return p;
}

TEST(last_run_from_the_copy)
{
	struct test_process *p = begin("GANNET_HTTP_ACCESS_LOG=true");
	measure(p, "last_run", "/ai/global/last_run", 64, "64 kept connections, access log on");
	measure(p, "last_run_alone", "/ai/global/last_run", 1, "1 kept connection, access log on");
}

TEST(last_run_without_the_access_log)
{
	measure(begin("GANNET_HTTP_ACCESS_LOG=false"), "last_run_unlogged", "/ai/global/last_run", 64, "64 kept connections, access log off");
}

TEST(a_request_that_a_service_answers)
{
	struct test_process *p = begin("GANNET_HTTP_ACCESS_LOG=true");
	gw_play("reasoning.summary", gw_example("reasoning.summary"));
	measure(p, "forwarded", "/ai/global/summary", 64, "64 kept connections, a NATS request each");
	measure(p, "forwarded_alone", "/ai/global/summary", 1, "1 kept connection, a NATS request each");
}
