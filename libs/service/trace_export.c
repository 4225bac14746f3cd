/* Sends finished spans to an OTLP/HTTP receiver as JSON, in batches, from a thread of its own. */
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "http/client.h"
#include "service/internal.h"

#define BATCH_MAX 1024    /* spans in one request */
#define WAKE_AT 512       /* spans waiting that end the pause early */
#define PAUSE_MS 1000     /* between requests when little happens */
#define ATTRIBUTES_MAX 16 /* of one span; more are left out */
#define POST_TIMEOUT_MS 3000
#define STOP_TIMEOUT_MS 2000
#define RETRY_MIN_MS 1000
#define RETRY_MAX_MS 30000

/* Recorders push onto `waiting` with one compare-and-swap; the exporter takes the whole list at once, so there is no
 * ABA problem. */
static struct {
	atomic_bool enabled, ending;
	_Atomic(struct finished_span *) waiting;
	atomic_size_t count; /* in `waiting` and in the exporter's hands */
	int wake_fd;
	pthread_t thread;
	char url[512];
	char service[64], instance[96];
	struct finished_span *backlog, **backlog_end; /* the exporter's own: oldest first */
	int64_t stop_by_mono_ms;
} exporter = {.wake_fd = -1};

static struct metric dropped_metric = {
    "gannet_trace_dropped_total", "Spans not sent: the queue was full or the receiver refused them.", METRIC_COUNTER};
static struct metric sent_metric = {"gannet_trace_sent_total", "Spans that the receiver took.", METRIC_COUNTER};
static struct metric_series *dropped, *sent;

bool trace_enabled(void)
{
	return atomic_load_explicit(&exporter.enabled, memory_order_relaxed);
}

static char *copy(char **room, const char *p, size_t n)
{
	char *at = *room;
	memcpy(at, p, n);
	at[n] = 0;
	*room += n + 1;
	return at;
}

static struct finished_span *finished_span_new(const char *name, const char *error,
                                               const struct trace_attribute *attributes, size_t n)
{
	size_t text_bytes = strlen(name) + 1 + (error ? strlen(error) + 1 : 0);
	for (size_t i = 0; i < n; i++)
		text_bytes += strlen(attributes[i].name) + 1 + attributes[i].text.n + 1;
	struct finished_span *f = malloc(sizeof *f + n * sizeof f->attributes[0] + text_bytes);
	if (!f)
		abort();
	char *room = (char *)&f->attributes[n];
	f->name = copy(&room, name, strlen(name));
	f->error = error ? copy(&room, error, strlen(error)) : NULL;
	f->attributes_n = n;
	for (size_t i = 0; i < n; i++) {
		const struct trace_attribute *a = &attributes[i];
		f->attributes[i] = (struct trace_attribute){.name = copy(&room, a->name, strlen(a->name)), .number = a->number};
		if (a->text.p)
			f->attributes[i].text = span_of(copy(&room, a->text.p, a->text.n), a->text.n);
	}
	return f;
}

static void wake(void)
{
	/* Fails only when the counter is full: then the exporter wakes anyway. */
	if (write(exporter.wake_fd, &(uint64_t){1}, sizeof(uint64_t)) < 0)
		return;
}

void trace_record(const struct trace_context *self, uint64_t parent_span, const char *name, enum trace_kind kind,
                  int64_t start_wall_ms, int64_t duration_us, const char *error,
                  const struct trace_attribute *attributes, size_t n)
{
	if (!self->sampled || !trace_enabled())
		return;
	size_t before = atomic_fetch_add(&exporter.count, 1);
	if (before >= TRACE_QUEUE_MAX) {
		atomic_fetch_sub(&exporter.count, 1);
		metric_add(dropped, 1);
		return;
	}
	struct finished_span *f = finished_span_new(name, error, attributes, n < ATTRIBUTES_MAX ? n : ATTRIBUTES_MAX);
	f->self = *self;
	f->parent_span = parent_span;
	f->kind = kind;
	f->start_wall_ms = start_wall_ms;
	f->duration_us = duration_us;
	f->next = atomic_load(&exporter.waiting);
	while (!atomic_compare_exchange_weak(&exporter.waiting, &f->next, f))
		;
	if (before + 1 == WAKE_AT)
		wake();
}

/* ---- the thread */

/* Appends what recorders left since the last time, oldest first. */
static void take_waiting(void)
{
	struct finished_span *newest = atomic_exchange(&exporter.waiting, NULL), *oldest = NULL, *last = newest;
	while (newest) {
		struct finished_span *next = newest->next;
		newest->next = oldest;
		oldest = newest;
		newest = next;
	}
	if (!oldest)
		return;
	*exporter.backlog_end = oldest;
	exporter.backlog_end = &last->next;
}

static void forget(size_t n)
{
	atomic_fetch_sub(&exporter.count, n);
	while (n--) {
		struct finished_span *f = exporter.backlog;
		exporter.backlog = f->next;
		free(f);
	}
	if (!exporter.backlog)
		exporter.backlog_end = &exporter.backlog;
}

static int64_t stop_left_ms(void)
{
	return exporter.stop_by_mono_ms - clock_mono_ms(&clock_system);
}

/* Sends a batch. False when the receiver is away or overloaded (429, 502, 503, 504 of the OTLP specification): try
 * again later. */
static bool send_batch(void)
{
	static const struct http_header json = {"Content-Type", {"application/json", 16}};
	scoped_buf body = {0}, answer = {0};
	struct err err = {0};
	int status = 0;
	size_t n = otlp_write(exporter.backlog, BATCH_MAX, exporter.service, exporter.instance, &body);
	int64_t timeout_ms = atomic_load(&exporter.ending) ? stop_left_ms() : POST_TIMEOUT_MS;
	const struct http_request r = {.method = "POST",
	                               .url = exporter.url,
	                               .headers = &json,
	                               .headers_n = 1,
	                               .body = buf_span(&body),
	                               .timeout_ms = timeout_ms};
	if (timeout_ms <= 0 || http_fetch(&r, &answer, &status, &err) != STATUS_OK)
		return false;
	if (status == 429 || (status >= 502 && status <= 504))
		return false;
	metric_add(status >= 200 && status < 300 ? sent : dropped, (int64_t)n);
	forget(n);
	return true;
}

/* A pause that trace_stop() ends and, unless the receiver is away, a full batch too. */
static void pause_for(int64_t ms, bool any_wake)
{
	int64_t until = clock_mono_ms(&clock_system) + ms, left = ms;
	while (left > 0 && !atomic_load(&exporter.ending)) {
		uint64_t wakes;
		struct pollfd p = {exporter.wake_fd, POLLIN, 0};
		if (poll(&p, 1, (int)left) > 0 && read(exporter.wake_fd, &wakes, sizeof wakes) > 0 && any_wake)
			return;
		left = until - clock_mono_ms(&clock_system);
	}
}

static void *export(void *arg)
{
	(void)arg;
	int64_t retry_ms = RETRY_MIN_MS;
	while (true) {
		bool ending = atomic_load(&exporter.ending), reached = true;
		take_waiting();
		while (exporter.backlog && reached)
			reached = send_batch();
		if (ending)
			return NULL;
		/* What came while a batch was on its way may be a batch again, without another wake-up. */
		if (!reached || atomic_load(&exporter.count) < WAKE_AT)
			pause_for(reached ? PAUSE_MS : retry_ms, reached);
		retry_ms = reached ? RETRY_MIN_MS : retry_ms * 2 < RETRY_MAX_MS ? retry_ms * 2 : RETRY_MAX_MS;
	}
}

void trace_start(const char *endpoint, const char *service, const char *instance)
{
	if (!endpoint)
		return;
	size_t n = strlen(endpoint);
	while (n && endpoint[n - 1] == '/')
		n--;
	snprintf(exporter.url, sizeof exporter.url, "%.*s/v1/traces", (int)n, endpoint);
	snprintf(exporter.service, sizeof exporter.service, "%s", service);
	snprintf(exporter.instance, sizeof exporter.instance, "%s", instance);
	metric_register(&dropped_metric);
	metric_register(&sent_metric);
	dropped = metric_series(&dropped_metric, NULL, NULL);
	sent = metric_series(&sent_metric, NULL, NULL);
	exporter.backlog_end = &exporter.backlog;
	exporter.wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	atomic_store(&exporter.ending, false);
	if (exporter.wake_fd < 0 || pthread_create(&exporter.thread, NULL, export, NULL) != 0)
		abort();
	atomic_store(&exporter.enabled, true);
}

void trace_stop(void)
{
	if (!atomic_exchange(&exporter.enabled, false))
		return;
	exporter.stop_by_mono_ms = clock_mono_ms(&clock_system) + STOP_TIMEOUT_MS;
	atomic_store(&exporter.ending, true);
	wake();
	pthread_join(exporter.thread, NULL);
	take_waiting();
	for (; exporter.backlog; forget(1))
		metric_add(dropped, 1);
	close(exporter.wake_fd);
}
