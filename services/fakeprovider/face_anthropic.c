/* Anthropic's messages. */
#include <stdio.h>

#include "face.h"

static enum status read_messages(struct json body, struct request *r, struct arena *a, struct err *err)
{
	struct json v;
	struct span system;
	enum status s = face_read_model(body, r, a, err);
	if (s == STATUS_OK)
		s = face_read_messages(body, r, a, err);
	if (s != STATUS_OK)
		return s;
	r->max_tokens = face_count(body, "/max_tokens");
	if (r->max_tokens < 1)
		return err_field(err, STATUS_INVALID, "max_tokens", "max_tokens: Field required, greater than or equal to 1");
	if (json_member(body, SPAN("system"), &v))
		r->prompt_bytes += face_text_bytes(v, a, &system);
	r->stream = face_flag(body, "/stream");
	r->wants_json = json_pointer(body, "/output_config/format/schema", &r->schema);
	return STATUS_OK;
}

/* ---- answers */

static const char *stop_reason(enum finish f)
{
	return f == FINISH_STOP ? "end_turn" : f == FINISH_LENGTH ? "max_tokens" : "refusal";
}

static void put_usage(struct json_writer *w, const struct answer *a, int64_t output)
{
	json_key(w, SPAN("usage"));
	json_begin_object(w);
	json_kv_i64(w, "input_tokens", a->input);
	json_kv_i64(w, "cache_creation_input_tokens", a->cache_write);
	json_kv_i64(w, "cache_read_input_tokens", a->cached);
	json_kv_i64(w, "output_tokens", output);
	json_end_object(w);
}

/* A message without the members that come last: in a stream it is empty at first. */
static void put_message(struct json_writer *w, const struct request *r, const struct answer *a, bool empty)
{
	char id[40];
	snprintf(id, sizeof id, "msg_%016llx", (unsigned long long)a->id);
	json_begin_object(w);
	json_kv_cstr(w, "id", id);
	json_kv_cstr(w, "type", "message");
	json_kv_cstr(w, "role", "assistant");
	json_kv_text(w, "model", r->model);
	json_key(w, SPAN("content"));
	json_begin_array(w);
	if (!empty && a->text.p) {
		json_begin_object(w);
		json_kv_cstr(w, "type", "text");
		json_kv_text(w, "text", a->text);
		json_end_object(w);
	}
	json_end_array(w);
	json_kv_text(w, "stop_reason", empty ? (struct span){0} : span_from(stop_reason(a->finish)));
	json_kv_text(w, "stop_sequence", (struct span){0});
	if (!a->no_usage)
		put_usage(w, a, empty ? 1 : a->output);
	json_end_object(w);
}

static void write_message(const struct request *r, const struct answer *a, struct buf *out)
{
	struct json_writer w = {out};
	put_message(&w, r, a, false);
}

static void begin_event(struct pieces *out, struct json_writer *w, const char *type)
{
	buf_printf(&out->bytes, "event: %s\ndata: ", type);
	*w = (struct json_writer){&out->bytes};
	json_begin_object(w);
	json_kv_cstr(w, "type", type);
}

static void end_event(struct pieces *out, struct json_writer *w)
{
	json_end_object(w);
	buf_adds(&out->bytes, "\n\n");
	pieces_close(out);
}

static void stream_text(const struct answer *a, struct pieces *out)
{
	struct json_writer w;
	struct span rest = a->text, piece;
	begin_event(out, &w, "content_block_start");
	json_kv_i64(&w, "index", 0);
	json_key(&w, SPAN("content_block"));
	json_begin_object(&w);
	json_kv_cstr(&w, "type", "text");
	json_kv_cstr(&w, "text", "");
	json_end_object(&w);
	end_event(out, &w);
	begin_event(out, &w, "ping");
	end_event(out, &w);
	out->text_from = pieces_count(out);
	while (face_next_piece(a, &rest, &piece)) {
		begin_event(out, &w, "content_block_delta");
		json_kv_i64(&w, "index", 0);
		json_key(&w, SPAN("delta"));
		json_begin_object(&w);
		json_kv_cstr(&w, "type", "text_delta");
		json_kv_text(&w, "text", piece);
		json_end_object(&w);
		end_event(out, &w);
	}
	out->text_to = pieces_count(out);
	begin_event(out, &w, "content_block_stop");
	json_kv_i64(&w, "index", 0);
	end_event(out, &w);
}

static void stream_message(const struct request *r, const struct answer *a, struct pieces *out)
{
	struct json_writer w;
	begin_event(out, &w, "message_start");
	json_key(&w, SPAN("message"));
	put_message(&w, r, a, true);
	end_event(out, &w);
	out->text_from = out->text_to = pieces_count(out);
	if (a->text.p)
		stream_text(a, out);
	begin_event(out, &w, "message_delta");
	json_key(&w, SPAN("delta"));
	json_begin_object(&w);
	json_kv_cstr(&w, "stop_reason", stop_reason(a->finish));
	json_kv_text(&w, "stop_sequence", (struct span){0});
	json_end_object(&w);
	if (!a->no_usage)
		put_usage(&w, a, a->output);
	end_event(out, &w);
	out->mark = pieces_count(out);
	begin_event(out, &w, "message_stop");
	end_event(out, &w);
}

/* ---- errors */

static void put_error(int status, const struct behaviour *b, struct json_writer *w)
{
	static const struct {
		int status;
		const char *type, *message;
	} rows[] = {
	    {400, "invalid_request_error", "The request is invalid."},
	    {401, "authentication_error", "invalid x-api-key"},
	    {402, "billing_error", "Your credit balance is too low to access the Anthropic API."},
	    {403, "permission_error", "Your API key does not have permission to use the specified resource."},
	    {404, "not_found_error", "The requested resource could not be found."},
	    {413, "request_too_large", "Request exceeds the maximum allowed number of bytes."},
	    {429, "rate_limit_error", "This request would exceed your account's rate limit. Please try again later."},
	    {504, "timeout_error", "Request timed out."},
	    {529, "overloaded_error", "Overloaded"},
	    {0, "api_error", "Internal server error"},
	};
	size_t i = 0;
	while (rows[i].status && rows[i].status != status)
		i++;
	json_key(w, SPAN("error"));
	json_begin_object(w);
	json_kv_text(w, "type", b->type.p ? b->type : span_from(rows[i].type));
	json_kv_text(w, "message", b->message.p ? b->message : span_from(rows[i].message));
	if (b->code.p)
		json_kv_text(w, "code", b->code);
	json_end_object(w);
}

static void write_error(int status, const struct behaviour *b, struct buf *out)
{
	struct json_writer w = {out};
	json_begin_object(&w);
	json_kv_cstr(&w, "type", "error");
	put_error(status, b, &w);
	json_kv_cstr(&w, "request_id", "req_fake");
	json_end_object(&w);
}

static void stream_error(const struct behaviour *b, struct pieces *out)
{
	struct json_writer w;
	begin_event(out, &w, "error");
	put_error(b->type.p ? 0 : 529, b, &w);
	end_event(out, &w);
}

static void stream_garbage(struct pieces *out)
{
	buf_adds(&out->bytes, "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"delta\":\n\n");
	pieces_close(out);
}

const struct face face_anthropic = {"anthropic",    "text/event-stream", read_messages,  write_message,
                                    stream_message, stream_error,        stream_garbage, write_error};
