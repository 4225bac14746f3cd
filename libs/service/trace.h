/* OpenTelemetry traces: spans gathered in the background and sent by OTLP/HTTP as JSON. */
#ifndef GANNET_SERVICE_TRACE_H
#define GANNET_SERVICE_TRACE_H

#include "core/clock.h"
#include "core/span.h"

/* W3C trace context (https://www.w3.org/TR/trace-context/). A zeroed one is invalid. */
struct trace_context {
	uint64_t trace[2], span;
	bool sampled;
};
#define TRACEPARENT_BYTES 56
/* False, and *ret untouched, for anything but a valid traceparent; newer versions are read as the standard says. */
bool trace_parse(struct span traceparent, struct trace_context *ret);
char *trace_format(const struct trace_context *c, char out[TRACEPARENT_BYTES]);
/*
 * The context of a job that came without one: trace id and parent span id derived from tenant and job id, so that every
 * service that sees the job arrives at the same trace.
 */
struct trace_context trace_of_job(struct span tenant, struct span job_id);
/* The same trace with a span id of its own (random, from this thread's generator). */
struct trace_context trace_child(const struct trace_context *parent);

enum trace_kind { TRACE_INTERNAL = 1, TRACE_SERVER, TRACE_CLIENT, TRACE_PRODUCER, TRACE_CONSUMER };
struct trace_attribute {
	const char *name;
	struct span text; /* absent: `number` counts */
	int64_t number;
};
/*
 * Records a finished span; everything is copied. Costs nothing but a test when no endpoint is configured or the context
 * is not sampled. Thread-safe, never blocks: past TRACE_QUEUE_MAX spans waiting, spans are dropped and counted in
 * gannet_trace_dropped_total.
 */
#define TRACE_QUEUE_MAX 8192
void trace_record(const struct trace_context *self, uint64_t parent_span, const char *name, enum trace_kind kind,
                  int64_t start_wall_ms, int64_t duration_us, const char *error,
                  const struct trace_attribute *attributes, size_t n);
bool trace_enabled(void);

/* Called by service_main; a test may use them alone. `endpoint` is the base URL, /v1/traces is added. */
void trace_start(const char *endpoint, const char *service, const char *instance); /* NULL endpoint: stays off */
void trace_stop(void); /* sends what waits, for up to 3 s; nobody records any more */

#endif
