/* Cuts a streamed answer into events (server-sent events or lines of JSON), however its bytes arrive. */
#include "llm/llm.h"
#include "llm/wire.h"

/* Runs the provider on one event. */
static enum status dispatch(struct llm_stream *s, const struct provider *p, struct span data, struct arena *a)
{
	struct span name = s->event.len ? buf_span(&s->event) : (struct span){NULL, 0};
	return s->finished ? STATUS_OK : p->stream_event(s, name, data, a, &s->err);
}

static enum status end_event(struct llm_stream *s, const struct provider *p, struct arena *a)
{
	enum status status = STATUS_OK;
	/* The newline of the last data line is no part of the data. Data without a byte is a sign of life. */
	if (s->data.len > 1)
		status = dispatch(s, p, span_of(s->data.data, s->data.len - 1), a);
	buf_reset(&s->event);
	buf_reset(&s->data);
	return status;
}

static enum status sse_line(struct llm_stream *s, const struct provider *p, struct span line, struct arena *a)
{
	if (line.n == 0)
		return end_event(s, p, a);
	/* Gateways answer a stream's request with a bare JSON error under HTTP 200. */
	if (line.p[0] == '{')
		return dispatch(s, p, line, a);
	struct span value = line, field = span_cut(&value, ':');
	if (!value.p)
		value = SPAN("");
	if (value.n && value.p[0] == ' ')
		value = span_of(value.p + 1, value.n - 1);
	if (span_is(field, "data")) {
		buf_addspan(&s->data, value);
		buf_addc(&s->data, '\n');
	} else if (span_is(field, "event")) {
		buf_reset(&s->event);
		buf_addspan(&s->event, value);
	}
	if (s->data.overflow || s->event.overflow)
		return err_set(&s->err, STATUS_PROVIDER, "%s: an event of the stream is over %zu bytes", p->name,
		               LLM_EVENT_MAX);
	return STATUS_OK;
}

static enum status ndjson_line(struct llm_stream *s, const struct provider *p, struct span line, struct arena *a)
{
	line = span_trim(line);
	return line.n ? dispatch(s, p, line, a) : STATUS_OK;
}

static enum status whole_line(struct llm_stream *s, const struct provider *p, struct span line, struct arena *a)
{
	if (!s->began && span_starts(line, SPAN("\xef\xbb\xbf")))
		line = span_of(line.p + 3, line.n - 3);
	s->began = true;
	return p->stream_is_ndjson ? ndjson_line(s, p, line, a) : sse_line(s, p, line, a);
}

static size_t line_length(struct span s)
{
	size_t n = 0;
	while (n < s.n && s.p[n] != '\n' && s.p[n] != '\r')
		n++;
	return n;
}

static enum status feed(struct llm_stream *s, const struct provider *p, struct span bytes, struct arena *a)
{
	s->text.max_bytes = LLM_ANSWER_MAX;
	s->line.max_bytes = s->event.max_bytes = s->data.max_bytes = LLM_EVENT_MAX;
	while (bytes.n && !s->finished) {
		if (s->after_cr && bytes.p[0] == '\n') {
			s->after_cr = false;
			bytes.p++, bytes.n--;
			continue;
		}
		s->after_cr = false;
		size_t n = line_length(bytes);
		bool ended = n < bytes.n;
		struct span line = span_of(bytes.p, n);
		if (!ended || s->line.len) {
			buf_addspan(&s->line, line);
			line = buf_span(&s->line);
		}
		if (s->line.overflow || line.n > LLM_EVENT_MAX)
			return err_set(&s->err, STATUS_PROVIDER, "%s: a line of the stream is over %zu bytes", p->name,
			               LLM_EVENT_MAX);
		if (!ended)
			break;
		s->after_cr = bytes.p[n] == '\r';
		enum status status = whole_line(s, p, line, a);
		if (status != STATUS_OK)
			return status;
		buf_reset(&s->line);
		bytes = span_of(bytes.p + n + 1, bytes.n - n - 1);
	}
	return STATUS_OK;
}

enum status llm_stream_feed(struct llm_stream *s, const struct provider *p, struct span bytes, struct arena *a,
                            struct err *err)
{
	if (!s->failed)
		s->failed = feed(s, p, bytes, a) != STATUS_OK;
	if (s->failed)
		*err = s->err;
	return s->failed ? s->err.status : STATUS_OK;
}

enum status llm_stream_end(struct llm_stream *s, const struct provider *p, struct arena *a, struct llm_answer *ret,
                           struct err *err)
{
	/* The last line and event may lack their ends. */
	enum status status = llm_stream_feed(s, p, SPAN("\n\n"), a, err);
	if (status != STATUS_OK)
		return status;
	if (!s->finished)
		return err_retry(err, STATUS_PROVIDER, "%s: the stream broke off after %zu bytes of answer", p->name,
		                 s->text.len);
	*ret = s->answer;
	if (s->text.len || wire_has_text(s->answer.finish_reason))
		ret->text = arena_dup(a, buf_span(&s->text));
	return STATUS_OK;
}

void llm_stream_free(struct llm_stream *s)
{
	buf_free(&s->text);
	buf_free(&s->line);
	buf_free(&s->event);
	buf_free(&s->data);
}
