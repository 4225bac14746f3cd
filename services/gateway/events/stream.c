/* From a message to an event in a client's stream, never faster than the client reads. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "services/gateway/events/stream.h"

#define WAIT_TURN_MS 5
#define EVENT_MAX_BYTES ((size_t)512 << 10) /* of one event; a larger one is told without its data */

struct metric streams_metric = {"gannet_gateway_streams", "Event streams that are open.", METRIC_GAUGE};
static struct metric events_metric = {"gannet_gateway_stream_events_total", "Events sent into streams.", METRIC_COUNTER};
static struct metric ends_metric = {"gannet_gateway_stream_ends_total", "Event streams that ended, by reason.",
                                    METRIC_COUNTER, "reason"};

void stream_metrics_register(void)
{
	metric_register(&streams_metric);
	metric_register(&events_metric);
	metric_register(&ends_metric);
}

static const struct {
	const char *name, *message;
} ends[] = {
    [STREAM_GONE] = {"gone", ""},
    [STREAM_SLOW] = {"slow_consumer", "events came faster than they were read; go on with Last-Event-ID"},
    [STREAM_EXPIRED] = {"unauthorized", "the token has expired"},
    [STREAM_ENDING] = {"unavailable", "the gateway is ending; connect again"},
    [STREAM_BROKEN] = {"unavailable", "what was asked for cannot be followed now; connect again"},
};

enum stream_end stream_end(struct stream *s)
{
	pthread_mutex_lock(&s->lock);
	enum stream_end end = s->end;
	pthread_mutex_unlock(&s->lock);
	return end;
}

void stream_finish(struct stream *s, enum stream_end why)
{
	pthread_mutex_lock(&s->lock);
	if (s->end == STREAM_GOES_ON)
		s->end = why;
	pthread_mutex_unlock(&s->lock);
}

/* Under the lock. */
static void put(struct stream *s, struct span bytes)
{
	if (s->end != STREAM_GOES_ON)
		return;
	if (!http_exchange_stream_send(s->x, bytes))
		s->end = STREAM_GONE;
	s->sent_ms = clock_mono_ms(s->call->gateway->clock);
	s->sent_bytes += bytes.n;
}

static void put_now(struct stream *s, const char *text)
{
	pthread_mutex_lock(&s->lock);
	put(s, span_from(text));
	pthread_mutex_unlock(&s->lock);
}

/* ---- messages */

/* Under the lock: positions are written as they are with this event. */
static void put_id(const struct stream *s, struct buf *out)
{
	buf_adds(out, "id: e");
	for (size_t i = 0; i < s->feeds_n; i++)
		buf_printf(out, ".%" PRIu64, s->feeds[i].position);
	buf_addc(out, '\n');
}

static void write_data(const struct bus_in *m, int64_t at_ms, struct buf *out)
{
	struct json doc;
	struct err err;
	struct json_writer w = {.out = out};
	json_begin_object(&w);
	json_kv_text(&w, "subject", m->subject);
	json_kv_time(&w, "timestamp", at_ms);
	json_key(&w, SPAN("data"));
	if (m->data.n > EVENT_MAX_BYTES) {
		json_put_null(&w);
		json_kv_i64(&w, "bytes", (int64_t)m->data.n);
	} else if (json_parse(m->data, &doc, &err) == STATUS_OK) {
		json_compact(doc, out);
	} else {
		json_put_text(&w, m->data);
	}
	json_end_object(&w);
}

static bool may_see(const struct stream *s, const struct bus_in *m)
{
	struct json doc, user;
	struct err err;
	return s->call->leads || (json_parse(m->data, &doc, &err) == STATUS_OK && json_member(doc, SPAN("user_id"), &user) &&
	                          json_text_is(user, span_from(s->call->who.user)));
}

/* Until there is room for more; false when the stream is over. Without `patient` it is not waited for. */
static bool wait_for_room(struct stream *s, bool patient)
{
	size_t most = (size_t)s->call->gateway->config->stream_backlog_bytes;
	for (int64_t waited_ms = 0;; waited_ms += WAIT_TURN_MS) {
		if (stream_end(s) != STREAM_GOES_ON)
			return false;
		if (http_exchange_stream_backlog(s->x) < most)
			return true;
		if (!patient || waited_ms >= SLOW_MS) {
			stream_finish(s, STREAM_SLOW);
			return false;
		}
		nanosleep(&(struct timespec){.tv_nsec = WAIT_TURN_MS * 1000000L}, NULL);
	}
}

static void tell(struct feed *f, const struct bus_in *m, uint64_t sequence, int64_t at_ms)
{
	struct stream *s = f->stream;
	scoped_buf data = {0}, event = {0};
	bool visible = may_see(s, m);
	if (visible) {
		write_data(m, at_ms, &data);
		if (!wait_for_room(s, f->stored != NULL))
			return;
	}
	pthread_mutex_lock(&s->lock);
	if (sequence)
		f->position = sequence;
	if (visible) {
		put_id(s, &event);
		buf_adds(&event, "data: ");
		buf_addspan(&event, buf_span(&data));
		buf_adds(&event, "\n\n");
		put(s, buf_span(&event));
	}
	pthread_mutex_unlock(&s->lock);
	if (visible)
		metric_add(metric_series(&events_metric, NULL, NULL), 1);
}

/* Waiting here holds up nobody else: the server sends no more than the consumer's flow control lets it. */
static void on_stored(void *arg, const struct bus_in *m, uint64_t sequence, int64_t stored_ms)
{
	tell(arg, m, sequence, stored_ms);
}

static void on_plain(void *arg, const struct bus_in *m)
{
	struct feed *f = arg;
	tell(f, m, 0, clock_wall_ms(f->stream->call->gateway->clock));
}

/* ---- beginning and end */

static enum status open_stored(struct feed *f, struct err *err)
{
	struct stream *s = f->stream;
	struct bus *b = s->call->gateway->bus;
	struct bus_stream_state state;
	if (bus_stream_state(b, f->stored, &state, err) != STATUS_OK)
		return err->status;
	bool lost = s->resumes && (f->position > state.last_sequence || f->position + 1 < state.first_sequence);
	if (lost)
		put_now(s, "event: reset\ndata: {}\n\n");
	if (!s->resumes || f->position > state.last_sequence)
		f->position = state.last_sequence;
	const struct bus_follow_options o = {.stream = f->stored,
	                                     .filter = f->subject,
	                                     .after = f->position,
	                                     .new_only = f->position == 0 && !s->resumes,
	                                     .message = on_stored,
	                                     .arg = f};
	return bus_follow_open(b, &o, &f->follow, err);
}

void stream_open(struct stream *s)
{
	struct err err;
	s->opened = true;
	metric_add(metric_series(&streams_metric, NULL, NULL), 1);
	call_put_headers(s->call);
	http_exchange_add_header(s->x, "Cache-Control", "no-store");
	http_exchange_add_header(s->x, "X-Accel-Buffering", "no");
	http_exchange_stream_begin(s->x, 200, "text/event-stream", -1);
	put_now(s, "retry: 2000\n\n");
	for (size_t i = 0; i < s->feeds_n; i++) {
		struct feed *f = &s->feeds[i];
		enum status e = f->stored ? open_stored(f, &err)
		                          : bus_subscribe(s->call->gateway->bus, f->subject, NULL, on_plain, f, &f->sub, &err);
		if (e != STATUS_OK) {
			log_error("an event stream cannot begin", &err);
			stream_finish(s, STREAM_BROKEN);
			return;
		}
	}
	put_now(s, ": following\n\n");
}

static void say_end(struct stream *s)
{
	scoped_buf text = {0};
	buf_printf(&text, "event: error\ndata: {\"error\":{\"code\":\"%s\",\"message\":\"%s\"}}\n\n", ends[s->end].name,
	           ends[s->end].message);
	(void)!http_exchange_stream_send(s->x, buf_span(&text));
}

void stream_close(struct stream *s)
{
	for (size_t i = 0; i < s->feeds_n; i++) {
		if (s->feeds[i].follow)
			bus_follow_close(s->feeds[i].follow);
		if (s->feeds[i].sub)
			bus_unsubscribe(s->feeds[i].sub);
	}
	if (s->opened) {
		metric_add(metric_series(&streams_metric, NULL, NULL), -1);
		metric_add(metric_series(&ends_metric, ends[s->end].name, NULL), 1);
		if (s->end != STREAM_GONE)
			say_end(s);
		struct http_exchange *x = s->x;
		call_end(s->call, 200, s->sent_bytes);
		http_exchange_stream_end(x, false);
	} else {
		struct err err;
		err_retry(&err, STATUS_UNAVAILABLE, "the gateway is ending");
		call_refuse(s->call, &err);
	}
	pthread_mutex_destroy(&s->lock);
	free(s);
}

void stream_tend(struct stream *s, int64_t now_mono_ms, int64_t now_wall_ms)
{
	if (now_wall_ms >= s->expires_ms)
		stream_finish(s, STREAM_EXPIRED);
	pthread_mutex_lock(&s->lock);
	if (now_mono_ms - s->sent_ms >= s->call->gateway->config->heartbeat_ms)
		put(s, SPAN(":\n\n"));
	pthread_mutex_unlock(&s->lock);
}
