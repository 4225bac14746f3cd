/* Signals that applications publish: the last ones of some types, newest first, as recent_events. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "bus/kv.h"
#include "bus/topology.h"
#include "services/collector/source.h"

#define TYPES_MAX 8

struct signals_row {
	struct source_row common;
	struct json types; /* array of strings; "ledger" when left out */
};
static const struct json_field fields[] = {
    SOURCE_ROW(struct signals_row),
    JSON_FIELD(struct signals_row, types, .raw_types = JSON_ALLOW(JSON_ARRAY)),
};
static const struct json_table table = {"collector.sources", sizeof(struct signals_row), fields, countof(fields)};

struct event {
	char *text; /* a JSON object */
	size_t n;
	uint64_t sequence; /* in the stream, which all types share */
};

struct signals {
	const char *types[TYPES_MAX];
	size_t types_n;
	struct bus_follow *follows[TYPES_MAX];
	pthread_mutex_t lock; /* of what follows: messages come on the client's threads */
	struct event events[SNAPSHOT_EVENTS_MAX]; /* the newest of all types, in no order */
	size_t events_n, caught_up, too_large;
};

static struct span row_metric(const void *row)
{
	(void)row;
	return SPAN("recent_events");
}

static enum status take_types(struct signals *g, struct json types, struct arena *a, struct err *err)
{
	struct json key, v;
	if (!types.type)
		g->types[g->types_n++] = "ledger";
	else if (json_count(types) == 0 || json_count(types) > TYPES_MAX)
		return err_field(err, STATUS_INVALID, "types", "types: %zu types, 1 to %d are allowed", json_count(types),
		                 TYPES_MAX);
	for (struct json_iter it = json_iter(types); json_next(&it, &key, &v);) {
		struct span type = json_text(v, a);
		if (!type.p || !id_is_kind(type))
			return err_field(err, STATUS_INVALID, "types", "types: a type is not a text of 1 to 32 of a-z 0-9 _ -");
		g->types[g->types_n++] = arena_cstr(a, type);
	}
	return STATUS_OK;
}

static enum status open_signals(struct source *s, const void *row, struct arena *a, struct err *err)
{
	const struct signals_row *r = row;
	struct signals *g = arena_new(a, struct signals);
	if (take_types(g, r->types, a, err) != STATUS_OK)
		return err->status;
	pthread_mutex_init(&g->lock, NULL);
	s->state = g;
	return STATUS_OK;
}

/* ---- messages */

static void add_member(struct buf *out, const char *name, struct span value)
{
	buf_addc(out, out->len > 1 ? ',' : '{');
	json_quote(out, span_from(name));
	buf_addc(out, ':');
	json_quote(out, value);
}

/* The signal as it came, with its type and time if it does not say them itself. False for what is no object. */
static bool write_event(struct buf *out, const struct bus_in *m, int64_t stored_ms)
{
	struct json v, member, key;
	struct err ignored;
	char time[RFC3339_BYTES];
	if (m->data.n > READING_EVENT_MAX || json_parse(m->data, &v, &ignored) != STATUS_OK || v.type != JSON_OBJECT)
		return false;
	const char *dot = memrchr(m->subject.p, '.', m->subject.n);
	struct span type = span_of(dot + 1, (size_t)(m->subject.p + m->subject.n - dot) - 1);
	if (!json_member(v, SPAN("type"), &member))
		add_member(out, "type", type);
	if (!json_member(v, SPAN("timestamp"), &member))
		add_member(out, "timestamp", span_from(rfc3339_format(stored_ms, time)));
	for (struct json_iter it = json_iter(v); json_next(&it, &key, &member);) {
		buf_addc(out, out->len > 0 ? ',' : '{');
		buf_addspan(out, key.text);
		buf_addc(out, ':');
		buf_addspan(out, member.text);
	}
	buf_addc(out, '}');
	return out->len <= READING_EVENT_MAX;
}

static struct event *oldest(struct signals *g)
{
	struct event *e = &g->events[0];
	for (size_t i = 1; i < g->events_n; i++)
		if (g->events[i].sequence < e->sequence)
			e = &g->events[i];
	return e;
}

static void on_signal(void *arg, const struct bus_in *m, uint64_t sequence, int64_t stored_ms)
{
	struct signals *g = arg;
	scoped_buf text = {0};
	bool fine = write_event(&text, m, stored_ms);
	pthread_mutex_lock(&g->lock);
	g->too_large += !fine;
	struct event *e = g->events_n < SNAPSHOT_EVENTS_MAX ? &g->events[g->events_n] : oldest(g);
	if (fine && (g->events_n < SNAPSHOT_EVENTS_MAX || e->sequence < sequence)) {
		if (g->events_n < SNAPSHOT_EVENTS_MAX)
			g->events_n++;
		else
			free(e->text);
		*e = (struct event){strndup(text.data, text.len), text.len, sequence};
		if (!e->text)
			abort();
	}
	pthread_mutex_unlock(&g->lock);
}

static void on_caught_up(void *arg)
{
	struct signals *g = arg;
	pthread_mutex_lock(&g->lock);
	g->caught_up++;
	pthread_mutex_unlock(&g->lock);
}

/* ---- reading */

static enum status follow_all(const struct source *s, struct signals *g, struct err *err)
{
	char filter[128];
	for (size_t i = 0; i < g->types_n; i++) {
		if (g->follows[i])
			continue;
		snprintf(filter, sizeof filter, "gannet.%s.signals.%s", s->tenant, g->types[i]);
		const struct bus_follow_options o = {.stream = STREAM_SIGNALS,
		                                     .filter = filter,
		                                     .message = on_signal,
		                                     .caught_up = on_caught_up,
		                                     .arg = g};
		if (bus_follow_open(s->bus, &o, &g->follows[i], err) != STATUS_OK)
			return err->status;
	}
	return STATUS_OK;
}

static int newer_first(const void *a, const void *b)
{
	const struct event *x = a, *y = b;
	return (x->sequence < y->sequence) - (x->sequence > y->sequence);
}

static void put_events(struct signals *g, struct reading *r)
{
	scoped_buf text = {0};
	struct json v;
	struct err ignored;
	buf_addc(&text, '[');
	qsort(g->events, g->events_n, sizeof *g->events, newer_first);
	for (size_t i = 0; i < g->events_n; i++) {
		buf_adds(&text, i ? "," : "");
		buf_add(&text, g->events[i].text, g->events[i].n);
	}
	buf_addc(&text, ']');
	if (json_parse(buf_span(&text), &v, &ignored) == STATUS_OK)
		reading_put(r, 0, v);
	if (g->too_large)
		reading_fail(r, "signals left out because they are no objects of up to %d bytes: %zu", READING_EVENT_MAX, g->too_large);
}

static enum status read_signals(const struct source *s, struct reading *r, struct err *err)
{
	struct signals *g = s->state;
	enum status status = follow_all(s, g, err);
	if (status != STATUS_OK)
		return status;
	pthread_mutex_lock(&g->lock);
	if (g->caught_up < g->types_n) {
		reading_fail(r, "the signals so far are still being read");
		status = err_retry(err, STATUS_UNAVAILABLE, "the signals so far are still being read");
	} else {
		put_events(g, r);
	}
	pthread_mutex_unlock(&g->lock);
	return status;
}

static void close_signals(struct source *s)
{
	struct signals *g = s->state;
	for (size_t i = 0; i < g->types_n; i++)
		if (g->follows[i])
			bus_follow_close(g->follows[i]);
	for (size_t i = 0; i < g->events_n; i++)
		free(g->events[i].text);
	pthread_mutex_destroy(&g->lock);
}

const struct source_kind source_kind_signals = {.name = "signals",
                                                .table = &table,
                                                .open = open_signals,
                                                .read = read_signals,
                                                .close = close_signals,
                                                .row_metric = row_metric};
