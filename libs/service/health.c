/* The HTTP face of every service: /health, /health/ready and /metrics. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json/json.h"
#include "service/internal.h"

static const char *const phase_names[] = {"starting", "ready", "draining"};

static struct metric ready_metric = {"gannet_ready", "1 while /health/ready answers 200.", METRIC_GAUGE};
static struct metric connected_metric = {"gannet_bus_connected", "1 while connected to the broker.", METRIC_GAUGE};
static struct metric reconnects_metric = {"gannet_bus_reconnects_total",
                                          "Times the broker's connection was re-established.", METRIC_COUNTER};

static enum status check_bus(void *arg, struct err *err)
{
	struct service *s = arg;
	struct bus *b = atomic_load(&s->bus);
	if (b && bus_is_connected(b))
		return STATUS_OK;
	return err_set(err, STATUS_UNAVAILABLE, "not connected to the broker");
}

/* Runs the checks that are due; false when a required one fails. Under the lock. */
static bool run_checks(struct health *h)
{
	int64_t now = clock_mono_ms(h->service->clock);
	bool good = true;
	for (size_t i = 0; i < h->checks_n; i++) {
		struct health_check *c = &h->checks[i];
		if (c->checked_mono_ms == 0 || now - c->checked_mono_ms >= c->every_ms) {
			c->failed = c->check(c->arg, &c->err) != STATUS_OK;
			c->checked_mono_ms = now;
		}
		good &= !c->failed || !c->required;
	}
	return good;
}

static void write_checks(const struct health *h, struct json_writer *w)
{
	json_key(w, SPAN("checks"));
	json_begin_object(w);
	for (size_t i = 0; i < h->checks_n; i++) {
		const struct health_check *c = &h->checks[i];
		json_key(w, span_from(c->name));
		json_begin_object(w);
		json_kv_cstr(w, "status", c->failed ? "failed" : "ok");
		json_kv_bool(w, "required", c->required);
		if (c->failed)
			json_kv_cstr(w, "error", c->err.msg);
		json_end_object(w);
	}
	json_end_object(w);
}

static void write_identity(const struct service *s, struct json_writer *w)
{
	json_kv_cstr(w, "service", s->descriptor->name);
	json_kv_cstr(w, "instance", s->instance);
	json_kv_cstr(w, "version", GANNET_VERSION);
}

static bool is_ready(struct health *h, struct json_writer *w)
{
	pthread_mutex_lock(&h->lock);
	/* While draining the service is taking its parts down: what checks look at may be gone. */
	bool good = h->phase != HEALTH_DRAINING && run_checks(h) && h->phase == HEALTH_READY;
	const char *status = h->phase == HEALTH_READY && !good ? "unavailable" : phase_names[h->phase];
	if (w) {
		json_begin_object(w);
		json_kv_cstr(w, "status", status);
		write_identity(h->service, w);
		if (h->phase != HEALTH_DRAINING)
			write_checks(h, w);
		json_end_object(w);
	}
	pthread_mutex_unlock(&h->lock);
	return good;
}

static void answer_json(struct http_exchange *x, int status, struct buf *body)
{
	buf_addc(body, '\n');
	http_exchange_add_header(x, "Cache-Control", "no-store");
	http_exchange_answer(x, status, "application/json", buf_span(body));
}

static void answer_ready(struct health *h, struct http_exchange *x)
{
	scoped_buf body = {0};
	struct json_writer w = {&body};
	bool good = is_ready(h, &w);
	answer_json(x, good ? 200 : 503, &body);
}

/* Overdue after half of the watchdog's patience, so that it can be seen before the process ends. */
static void answer_alive(struct health *h, struct http_exchange *x)
{
	struct service *s = h->service;
	int64_t stale_ms = atomic_load(&s->minder.stale_ms), watchdog_ms = s->settings.shared.watchdog_ms;
	bool overdue = watchdog_ms > 0 && stale_ms > watchdog_ms / 2;
	scoped_buf body = {0};
	struct json_writer w = {&body};
	json_begin_object(&w);
	json_kv_cstr(&w, "status", overdue ? "stuck" : "ok");
	write_identity(s, &w);
	json_kv_i64(&w, "uptime_ms", clock_mono_ms(s->clock) - s->started_mono_ms);
	json_kv_i64(&w, "no_progress_ms", stale_ms);
	json_end_object(&w);
	answer_json(x, overdue ? 503 : 200, &body);
}

static void answer_metrics(struct health *h, struct http_exchange *x)
{
	struct bus *b = atomic_load(&h->service->bus);
	metric_set(metric_series(&ready_metric, NULL, NULL), is_ready(h, NULL));
	metric_set(metric_series(&connected_metric, NULL, NULL), b && bus_is_connected(b));
	metric_set(metric_series(&reconnects_metric, NULL, NULL), b ? (int64_t)bus_reconnects(b) : 0);
	process_metrics_update();
	scoped_buf body = {0};
	metrics_write(&body);
	http_exchange_answer(x, 200, "text/plain; version=0.0.4; charset=utf-8", buf_span(&body));
}

static void handle(void *arg, struct http_exchange *x)
{
	static const struct {
		const char *path;
		void (*answer)(struct health *h, struct http_exchange *x);
	} pages[] = {{"/health", answer_alive}, {"/health/ready", answer_ready}, {"/metrics", answer_metrics}};
	struct span method = http_exchange_method(x), path = http_exchange_path(x);
	for (size_t i = 0; i < countof(pages); i++) {
		if (!span_is(path, pages[i].path))
			continue;
		if (span_is(method, "GET") || span_is(method, "HEAD")) {
			pages[i].answer(arg, x);
		} else {
			http_exchange_add_header(x, "Allow", "GET, HEAD");
			http_exchange_answer(x, 405, "text/plain", SPAN("only GET and HEAD\n"));
		}
		return;
	}
	http_exchange_answer(x, 404, "text/plain", SPAN("there are /health, /health/ready and /metrics\n"));
}

enum status health_start(struct health *h, struct service *s, struct err *err)
{
	h->service = s;
	metric_register(&ready_metric);
	metric_register(&connected_metric);
	metric_register(&reconnects_metric);
	process_metrics_register(s->clock);
	health_add_check(h, &(struct health_check){"nats", true, check_bus, s, .every_ms = 0});
	const struct http_server_options o = {.bind = s->settings.shared.health_bind,
	                                      .port = (uint16_t)s->settings.shared.health_port,
	                                      .handle = handle,
	                                      .arg = h};
	return http_server_start(&o, &h->server, err);
}

void health_stop(struct health *h)
{
	http_server_stop(h->server);
}

void health_set_phase(struct health *h, enum health_phase phase)
{
	pthread_mutex_lock(&h->lock);
	h->phase = phase;
	for (size_t i = 0; i < h->checks_n; i++)
		h->checks[i].checked_mono_ms = 0; /* what was found while starting says little about now */
	pthread_mutex_unlock(&h->lock);
}

void health_add_check(struct health *h, const struct health_check *c)
{
	pthread_mutex_lock(&h->lock);
	if (h->checks_n == countof(h->checks))
		abort();
	h->checks[h->checks_n++] = *c;
	pthread_mutex_unlock(&h->lock);
}
