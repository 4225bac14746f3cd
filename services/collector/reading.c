/* Checks and keeps the values of one reading. */
#include "services/collector/reading.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "core/clock.h"
#include "services/collector/source.h"

/* ---- metrics by name */

const struct json_field *metric_known(struct span name)
{
	for (size_t i = 0; i < snapshot_table.n; i++) {
		const struct json_field *f = &snapshot_table.fields[i];
		if (f->offset >= offsetof(struct snapshot, queue_pending) &&
		    f->offset < offsetof(struct snapshot, additional_metrics) && span_eq(name, span_of(f->name, f->name_n)))
			return f;
	}
	return NULL;
}

static bool is_reserved(struct span name)
{
	for (size_t i = 0; i < snapshot_table.n; i++)
		if (span_eq(name, span_of(snapshot_table.fields[i].name, snapshot_table.fields[i].name_n)))
			return true;
	return name.n >= 6 && memcmp(name.p + name.n - 6, "_error", 6) == 0;
}

const char *metric_check_additional(struct span name)
{
	bool fine = name.n >= 1 && name.n <= SNAPSHOT_NAME_MAX && name.p[0] >= 'a' && name.p[0] <= 'z';
	for (size_t i = 0; fine && i < name.n; i++)
		fine = (name.p[i] >= 'a' && name.p[i] <= 'z') || (name.p[i] >= '0' && name.p[i] <= '9') || name.p[i] == '_';
	if (!fine)
		return "1 to 64 of a-z 0-9 _, beginning with a letter";
	return is_reserved(name) ? "a name that is free: no other member of a snapshot, none that ends with _error" : NULL;
}

/* ---- a reading */

void reading_init(struct reading *r, const struct source *s)
{
	*r = (struct reading){.source = s};
	r->values = arena_zalloc(&r->arena, (s->fields_n + 1) * sizeof *r->values);
}

void reading_free(struct reading *r)
{
	arena_free(&r->arena);
	*r = (struct reading){0};
}

void reading_fail(struct reading *r, const char *fmt, ...)
{
	va_list ap;
	if (r->problem[0])
		return;
	va_start(ap, fmt);
	vsnprintf(r->problem, sizeof r->problem, fmt, ap);
	va_end(ap);
}

void reading_failed(struct reading *r, enum status status)
{
	r->failed = true;
	switch (status) {
	case STATUS_TIMEOUT:
		reading_fail(r, "no answer within %lld ms", (long long)r->source->deadline_ms);
		break;
	case STATUS_UNAVAILABLE:
		reading_fail(r, "cannot be reached");
		break;
	case STATUS_UNAUTHORIZED:
	case STATUS_FORBIDDEN:
		reading_fail(r, "refuses us");
		break;
	case STATUS_TOO_LARGE:
		reading_fail(r, "answers more than %zu bytes", SOURCE_ANSWER_MAX);
		break;
	case STATUS_NOT_FOUND:
		reading_fail(r, "does not have what is asked for");
		break;
	default:
		reading_fail(r, "answers what is not understood (%s)", status_code(status));
	}
}

void reading_bad(struct reading *r, size_t i, const char *why)
{
	r->values[i] = (struct reading_value){.is = VALUE_BAD};
	reading_fail(r, "%s: %s", r->source->fields[i].metric, why);
}

/* ---- values, as their metrics want them: NULL, or what is wrong */

static void keep(struct reading *r, size_t i, const struct buf *text, enum json_type type)
{
	r->values[i] = (struct reading_value){VALUE_THERE, {arena_dup(&r->arena, buf_span(text)), type}};
}

static const char *put_count(struct reading *r, size_t i, struct json v)
{
	const struct json_field *f = r->source->fields[i].known;
	scoped_buf text = {0};
	int64_t n;
	if (!json_i64(v, &n) || n < f->min || n > f->max)
		return "not a whole number from 0 on";
	buf_addi64(&text, n);
	keep(r, i, &text, JSON_NUMBER);
	return NULL;
}

static const char *put_number(struct reading *r, size_t i, struct json v)
{
	const struct json_field *f = r->source->fields[i].known;
	scoped_buf text = {0};
	double n;
	bool flag;
	if (!f && json_bool(v, &flag))
		n = flag;
	else if (!json_f64(v, &n))
		return "not a finite number";
	if (f && (n < f->fmin || n > f->fmax))
		return "not a number from 0 to 1";
	json_put_f64(&(struct json_writer){.out = &text}, n);
	keep(r, i, &text, JSON_NUMBER);
	return NULL;
}

static const char *put_flag(struct reading *r, size_t i, struct json v)
{
	scoped_buf text = {0};
	bool flag;
	int64_t n;
	if (!json_bool(v, &flag)) {
		if (!json_i64(v, &n) || (n != 0 && n != 1))
			return "neither true nor false";
		flag = n;
	}
	buf_adds(&text, flag ? "true" : "false");
	keep(r, i, &text, JSON_BOOL);
	return NULL;
}

#define TIME_MAX_S 253402300799.0 /* the end of the year 9999 */
static const char *put_time(struct reading *r, size_t i, struct json v)
{
	scoped_buf text = {0};
	char formatted[RFC3339_BYTES];
	double seconds;
	int64_t ms;
	if (json_f64(v, &seconds) && seconds >= 0 && seconds <= TIME_MAX_S)
		ms = (int64_t)(seconds * 1000);
	else if (!rfc3339_parse(json_text(v, &r->arena), &ms) || ms < 0 || (double)ms > TIME_MAX_S * 1000)
		return "neither a time of RFC 3339 nor seconds since 1970";
	json_quote(&text, span_from(rfc3339_format(ms, formatted)));
	keep(r, i, &text, JSON_STRING);
	return NULL;
}

/* Every member of the object of the wanted type, under a name of a size that one can read. */
static const char *check_members(struct json v, unsigned allowed, struct arena *a)
{
	struct json key, value;
	double number;
	if (v.type != JSON_OBJECT)
		return "not an object";
	if (json_count(v) > READING_MEMBERS_MAX)
		return "more than 256 members";
	for (struct json_iter it = json_iter(v); json_next(&it, &key, &value);) {
		if (json_text(key, a).n > SNAPSHOT_NAME_MAX)
			return "a member's name is longer than 64 bytes";
		if (!(allowed & JSON_ALLOW(value.type)))
			return allowed & JSON_ALLOW(JSON_NUMBER) ? "a member is not a number" : "a member is not an object";
		if (value.type == JSON_NUMBER && !json_f64(value, &number))
			return "a member is not a finite number";
	}
	return NULL;
}

static unsigned members_of(struct span metric)
{
	if (span_is(metric, "rule_weights"))
		return JSON_ALLOW(JSON_NUMBER);
	if (span_is(metric, "telemetry"))
		return JSON_ALLOW(JSON_NUMBER) | JSON_ALLOW(JSON_OBJECT);
	return JSON_ALLOW(JSON_OBJECT);
}

static const char *put_object(struct reading *r, size_t i, struct json v)
{
	const struct source_field *f = &r->source->fields[i];
	scoped_buf text = {0};
	const char *wrong = check_members(v, members_of(span_from(f->metric)), &r->arena);
	if (wrong)
		return wrong;
	json_compact(v, &text);
	if (text.len > (size_t)f->known->max)
		return "larger than 65536 bytes";
	keep(r, i, &text, JSON_OBJECT);
	return NULL;
}

/* The first fifty; one too long is left out and told of, and the others stay. */
static const char *put_events(struct reading *r, size_t i, struct json v)
{
	scoped_buf text = {0};
	struct json key, event;
	size_t n = 0;
	if (v.type != JSON_ARRAY)
		return "not an array";
	buf_addc(&text, '[');
	for (struct json_iter it = json_iter(v); n < SNAPSHOT_EVENTS_MAX && json_next(&it, &key, &event);) {
		scoped_buf one = {0};
		if (event.type != JSON_OBJECT)
			return "an event is not an object";
		json_compact(event, &one);
		if (one.len > READING_EVENT_MAX) {
			reading_fail(r, "%s: an event of more than %d bytes is left out", r->source->fields[i].metric,
			             READING_EVENT_MAX);
			continue;
		}
		if (n++)
			buf_addc(&text, ',');
		buf_addspan(&text, buf_span(&one));
	}
	buf_addc(&text, ']');
	keep(r, i, &text, JSON_ARRAY);
	return NULL;
}

static const char *put_value(struct reading *r, size_t i, struct json v)
{
	const struct json_field *f = r->source->fields[i].known;
	if (!f)
		return put_number(r, i, v);
	switch (f->kind) {
	case JSON_KIND_OPT_I64:
		return put_count(r, i, v);
	case JSON_KIND_OPT_F64:
		return put_number(r, i, v);
	case JSON_KIND_OPT_BOOL:
		return put_flag(r, i, v);
	case JSON_KIND_TIME:
		return put_time(r, i, v);
	default:
		return f->raw_types == JSON_ALLOW(JSON_ARRAY) ? put_events(r, i, v) : put_object(r, i, v);
	}
}

void reading_put(struct reading *r, size_t i, struct json v)
{
	if (v.type == JSON_NULL) {
		r->values[i] = (struct reading_value){.is = VALUE_NONE};
		return;
	}
	const char *wrong = v.type == JSON_ABSENT ? "is not in the answer" : put_value(r, i, v);
	if (wrong)
		reading_bad(r, i, wrong);
}

void reading_put_number(struct reading *r, size_t i, double v)
{
	scoped_buf text = {0};
	if (!isfinite(v)) {
		reading_bad(r, i, "not a finite number");
		return;
	}
	json_put_f64(&(struct json_writer){.out = &text}, v);
	reading_put(r, i, (struct json){buf_span(&text), JSON_NUMBER});
}
