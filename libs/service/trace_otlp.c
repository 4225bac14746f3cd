/* The message of OTLP/HTTP: opentelemetry-proto's trace.proto in its JSON mapping, with ids in hex and 64-bit integers
 * as strings. */
#include <stdio.h>

#include "json/json.h"
#include "service/internal.h"

#define STATUS_CODE_ERROR 2

static void begin_array(struct json_writer *w, const char *key)
{
	json_key(w, span_from(key));
	json_begin_array(w);
}

static void begin_object(struct json_writer *w, const char *key)
{
	json_key(w, span_from(key));
	json_begin_object(w);
}

static void put_attribute(struct json_writer *w, const char *name, struct span text, int64_t number)
{
	char digits[24];
	json_begin_object(w);
	json_kv_cstr(w, "key", name);
	begin_object(w, "value");
	if (text.p) {
		json_kv_text(w, "stringValue", text);
	} else {
		snprintf(digits, sizeof digits, "%lld", (long long)number);
		json_kv_cstr(w, "intValue", digits);
	}
	json_end_object(w);
	json_end_object(w);
}

static void put_nanoseconds(struct json_writer *w, const char *key, int64_t wall_ms, int64_t plus_us)
{
	char digits[32];
	snprintf(digits, sizeof digits, "%lld", (long long)wall_ms * 1000000 + (long long)plus_us * 1000);
	json_kv_cstr(w, key, digits);
}

static void put_id(struct json_writer *w, const char *key, uint64_t id)
{
	char hex[17];
	snprintf(hex, sizeof hex, "%016llx", (unsigned long long)id);
	json_kv_cstr(w, key, hex);
}

static void put_span(struct json_writer *w, const struct finished_span *f)
{
	char trace[33];
	snprintf(trace, sizeof trace, "%016llx%016llx", (unsigned long long)f->self.trace[0],
	         (unsigned long long)f->self.trace[1]);
	json_begin_object(w);
	json_kv_cstr(w, "traceId", trace);
	put_id(w, "spanId", f->self.span);
	if (f->parent_span)
		put_id(w, "parentSpanId", f->parent_span);
	json_kv_cstr(w, "name", f->name);
	json_kv_i64(w, "kind", f->kind);
	put_nanoseconds(w, "startTimeUnixNano", f->start_wall_ms, 0);
	put_nanoseconds(w, "endTimeUnixNano", f->start_wall_ms, f->duration_us);
	begin_array(w, "attributes");
	for (size_t i = 0; i < f->attributes_n; i++)
		put_attribute(w, f->attributes[i].name, f->attributes[i].text, f->attributes[i].number);
	json_end_array(w);
	if (f->error) {
		begin_object(w, "status");
		json_kv_i64(w, "code", STATUS_CODE_ERROR);
		json_kv_cstr(w, "message", f->error);
		json_end_object(w);
	}
	json_end_object(w);
}

static void put_resource(struct json_writer *w, const char *service, const char *instance)
{
	begin_object(w, "resource");
	begin_array(w, "attributes");
	put_attribute(w, "service.name", span_from(service), 0);
	put_attribute(w, "service.instance.id", span_from(instance), 0);
	put_attribute(w, "service.version", SPAN(GANNET_VERSION), 0);
	json_end_array(w);
	json_end_object(w);
}

static size_t put_scope(struct json_writer *w, const struct finished_span *first, size_t max)
{
	size_t n = 0;
	begin_object(w, "scope");
	json_kv_cstr(w, "name", "gannet");
	json_kv_cstr(w, "version", GANNET_VERSION);
	json_end_object(w);
	begin_array(w, "spans");
	for (const struct finished_span *f = first; f && n < max; f = f->next, n++)
		put_span(w, f);
	json_end_array(w);
	return n;
}

size_t otlp_write(const struct finished_span *first, size_t max, const char *service, const char *instance,
                  struct buf *out)
{
	struct json_writer writer = {out}, *w = &writer;
	json_begin_object(w);
	begin_array(w, "resourceSpans");
	json_begin_object(w);
	put_resource(w, service, instance);
	begin_array(w, "scopeSpans");
	json_begin_object(w);
	size_t n = put_scope(w, first, max);
	json_end_object(w);
	json_end_array(w);
	json_end_object(w);
	json_end_array(w);
	json_end_object(w);
	return n;
}
