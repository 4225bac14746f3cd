/* NATS and JetStream: how many messages a stream holds, what a consumer has before it, how the connection fares. */
#include <stdio.h>

#include "bus/topology.h"
#include "services/collector/source.h"

static const struct json_field fields[] = {SOURCE_ROW(struct source_row_alone)};
static const struct json_table table = {"collector.sources", sizeof(struct source_row_alone), fields, countof(fields)};

/* The last step of a selector, and where its figure is. */
struct figure {
	const char *name;
	size_t offset; /* of an uint64_t */
};
static const struct figure stream_figures[] = {
    {"messages", offsetof(struct bus_stream_state, messages)},
    {"bytes", offsetof(struct bus_stream_state, bytes)},
    {"first_sequence", offsetof(struct bus_stream_state, first_sequence)},
    {"last_sequence", offsetof(struct bus_stream_state, last_sequence)},
};
static const struct figure consumer_figures[] = {
    {"waiting", offsetof(struct bus_consumer_state, waiting)},
    {"ack_pending", offsetof(struct bus_consumer_state, ack_pending)},
    {"redelivered", offsetof(struct bus_consumer_state, redelivered)},
};

/* A selector taken apart. */
struct place {
	char stream[128], consumer[128]; /* both "": the connection; no consumer: the stream */
	const struct figure *figure;
};

static const struct figure *find_figure(const struct figure *all, size_t n, struct span name)
{
	for (size_t i = 0; i < n; i++)
		if (span_is(name, all[i].name))
			return &all[i];
	return NULL;
}

/* What JetStream allows in names; they become parts of subjects. */
static bool take_name(struct span *rest, char out[128])
{
	struct span name = span_cut(rest, '/');
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] <= ' ' || name.p[i] > '~' || strchr(".*>/\\", name.p[i]))
			return false;
	return name.n && span_copy(name, out, 128);
}

static bool parse_place(const char *selector, struct place *ret)
{
	struct span rest = span_from(selector);
	*ret = (struct place){0};
	if (strcmp(selector, "/connection/reconnects") == 0)
		return true;
	if (span_cut(&rest, '/').n || !rest.p)
		return false;
	struct span what = span_cut(&rest, '/');
	if (!rest.p || !take_name(&rest, ret->stream) || !rest.p)
		return false;
	if (span_is(what, "streams"))
		ret->figure = find_figure(stream_figures, countof(stream_figures), rest);
	else if (span_is(what, "consumers") && take_name(&rest, ret->consumer) && rest.p)
		ret->figure = find_figure(consumer_figures, countof(consumer_figures), rest);
	return ret->figure != NULL;
}

static enum status open_nats(struct source *s, const void *row, struct arena *a, struct err *err)
{
	struct place *places = arena_zalloc(a, s->fields_n * sizeof *places);
	(void)row;
	for (size_t i = 0; i < s->fields_n; i++)
		if (!parse_place(s->fields[i].selector, &places[i]))
			return err_field(err, STATUS_INVALID, "fields",
			                 "fields: \"%.60s\" of %s is none of /streams/NAME/messages, bytes, first_sequence or "
			                 "last_sequence, /consumers/STREAM/NAME/waiting, ack_pending or redelivered, "
			                 "/connection/reconnects",
			                 s->fields[i].selector, s->fields[i].metric);
	s->state = places;
	return STATUS_OK;
}

/* The facts about a place, and whose they are: several metrics of one stream ask once. */
struct facts {
	const struct place *of;
	struct bus_stream_state stream;
	struct bus_consumer_state consumer;
	enum status status;
};

static void ask(const struct source *s, const struct place *p, struct facts *f, struct err *err)
{
	if (f->of && strcmp(f->of->stream, p->stream) == 0 && strcmp(f->of->consumer, p->consumer) == 0)
		return;
	f->of = p;
	f->status = p->consumer[0] ? bus_consumer_state(s->bus, p->stream, p->consumer, &f->consumer, err)
	                           : bus_stream_state(s->bus, p->stream, &f->stream, err);
}

static enum status read_nats(const struct source *s, struct reading *r, struct err *err)
{
	const struct place *places = s->state;
	struct facts f = {0};
	for (size_t i = 0; i < s->fields_n; i++) {
		const struct place *p = &places[i];
		if (!p->figure) {
			reading_put_number(r, i, (double)bus_reconnects(s->bus));
			continue;
		}
		ask(s, p, &f, err);
		if (f.status == STATUS_NOT_FOUND)
			reading_bad(r, i, p->consumer[0] ? "no such consumer" : "no such stream");
		else if (f.status != STATUS_OK)
			return f.status;
		else
			reading_put_number(
			    r, i,
			    (double)*(const uint64_t *)((const char *)(p->consumer[0] ? (const void *)&f.consumer : &f.stream) +
			                                p->figure->offset));
	}
	return STATUS_OK;
}

static void close_nats(struct source *s)
{
	(void)s;
}

const struct source_kind source_kind_nats = {
    .name = "nats", .table = &table, .open = open_nats, .read = read_nats, .close = close_nats};
