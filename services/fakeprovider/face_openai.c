/* OpenAI's chat completions and embeddings, and with them those of every compatible server. */
#include <stdio.h>
#include <strings.h>

#include "face.h"

#define DIMENSIONS_DEFAULT 1536
#define DIMENSIONS_LARGE 3072 /* text-embedding-3-large */

/* ---- requests */

static bool says_json(struct span text)
{
	for (size_t i = 0; i + 4 <= text.n; i++)
		if (strncasecmp(text.p + i, "json", 4) == 0)
			return true;
	return false;
}

static enum status read_format(struct json body, struct request *r, struct err *err)
{
	struct json type, messages;
	if (!json_pointer(body, "/response_format/type", &type) || json_text_is(type, SPAN("text")))
		return STATUS_OK;
	json_pointer(body, "/messages", &messages);
	r->wants_json = true;
	if (json_text_is(type, SPAN("json_object")))
		return says_json(messages.text) ? STATUS_OK
		                                : err_field(err, STATUS_INVALID, "messages",
		                                            "'messages' must contain the word 'json' in some form, to use "
		                                            "'response_format' of type 'json_object'.");
	if (json_text_is(type, SPAN("json_schema")) &&
	    json_pointer(body, "/response_format/json_schema/schema", &r->schema))
		return STATUS_OK;
	return face_bad(err, "response_format", "of type text, json_object or json_schema with a schema");
}

static enum status read_chat(struct json body, struct request *r, struct arena *a, struct err *err)
{
	struct json v;
	enum status s = face_read_model(body, r, a, err);
	if (s == STATUS_OK)
		s = face_read_messages(body, r, a, err);
	if (s == STATUS_OK)
		s = read_format(body, r, err);
	if (s != STATUS_OK)
		return s;
	r->stream = face_flag(body, "/stream");
	r->include_usage = face_flag(body, "/stream_options/include_usage");
	r->max_tokens = face_count(body, "/max_completion_tokens");
	if (r->max_tokens < 0)
		r->max_tokens = face_count(body, "/max_tokens");
	if (!r->stream && json_member(body, SPAN("stream_options"), &v) && v.type != JSON_NULL)
		return err_field(err, STATUS_INVALID, "stream_options",
		                 "The 'stream_options' parameter is only allowed when 'stream' is enabled.");
	return STATUS_OK;
}

/* ---- answers */

static const char *finish_reason(enum finish f)
{
	return f == FINISH_REFUSAL ? "stop" : finish_names[f];
}

static void put_head(struct json_writer *w, const struct request *r, const struct answer *a, const char *object)
{
	char id[40];
	snprintf(id, sizeof id, "chatcmpl-%016llx", (unsigned long long)a->id);
	json_kv_cstr(w, "id", id);
	json_kv_cstr(w, "object", object);
	json_kv_i64(w, "created", a->at_wall_ms / 1000);
	json_kv_text(w, "model", r->model);
}

static void put_usage(struct json_writer *w, const struct answer *a)
{
	int64_t prompt = a->input + a->cached;
	json_key(w, SPAN("usage"));
	json_begin_object(w);
	json_kv_i64(w, "prompt_tokens", prompt);
	json_kv_i64(w, "completion_tokens", a->output);
	json_kv_i64(w, "total_tokens", prompt + a->output);
	json_key(w, SPAN("prompt_tokens_details"));
	json_begin_object(w);
	json_kv_i64(w, "cached_tokens", a->cached);
	json_end_object(w);
	json_key(w, SPAN("completion_tokens_details"));
	json_begin_object(w);
	json_kv_i64(w, "reasoning_tokens", a->reasoning);
	json_end_object(w);
	json_end_object(w);
}

static void write_chat(const struct request *r, const struct answer *a, struct buf *out)
{
	struct json_writer w = {out};
	json_begin_object(&w);
	put_head(&w, r, a, "chat.completion");
	json_key(&w, SPAN("choices"));
	json_begin_array(&w);
	json_begin_object(&w);
	json_kv_i64(&w, "index", 0);
	json_key(&w, SPAN("message"));
	json_begin_object(&w);
	json_kv_cstr(&w, "role", "assistant");
	json_kv_text(&w, "content", a->text);
	json_kv_text(&w, "refusal", a->refusal);
	json_end_object(&w);
	json_kv_cstr(&w, "finish_reason", finish_reason(a->finish));
	json_end_object(&w);
	json_end_array(&w);
	if (!a->no_usage)
		put_usage(&w, a);
	json_end_object(&w);
}

/* One chunk: `member` of the delta, if any, and the reason to finish, if any. */
static void put_chunk(const struct request *r, const struct answer *a, struct pieces *out, const char *member,
                      struct span text, const char *finish)
{
	struct json_writer w = {&out->bytes};
	buf_adds(&out->bytes, "data: ");
	json_begin_object(&w);
	put_head(&w, r, a, "chat.completion.chunk");
	json_key(&w, SPAN("choices"));
	json_begin_array(&w);
	json_begin_object(&w);
	json_kv_i64(&w, "index", 0);
	json_key(&w, SPAN("delta"));
	json_begin_object(&w);
	if (member)
		json_kv_text(&w, member, text);
	json_end_object(&w);
	json_kv_text(&w, "finish_reason", span_from(finish));
	json_end_object(&w);
	json_end_array(&w);
	if (r->include_usage && !a->no_usage)
		json_kv_text(&w, "usage", (struct span){0});
	json_end_object(&w);
	buf_adds(&out->bytes, "\n\n");
	pieces_close(out);
}

static void stream_chat(const struct request *r, const struct answer *a, struct pieces *out)
{
	struct span rest = a->text.p ? a->text : a->refusal, piece;
	put_chunk(r, a, out, "role", SPAN("assistant"), NULL);
	out->text_from = pieces_count(out);
	while (face_next_piece(a, &rest, &piece))
		put_chunk(r, a, out, a->text.p ? "content" : "refusal", piece, NULL);
	out->text_to = pieces_count(out);
	put_chunk(r, a, out, NULL, (struct span){0}, finish_reason(a->finish));
	if (r->include_usage && !a->no_usage) {
		struct json_writer w = {&out->bytes};
		buf_adds(&out->bytes, "data: ");
		json_begin_object(&w);
		put_head(&w, r, a, "chat.completion.chunk");
		json_key(&w, SPAN("choices"));
		json_begin_array(&w);
		json_end_array(&w);
		put_usage(&w, a);
		json_end_object(&w);
		buf_adds(&out->bytes, "\n\n");
		pieces_close(out);
	}
	out->mark = pieces_count(out);
	buf_adds(&out->bytes, "data: [DONE]\n\n");
	pieces_close(out);
}

/* ---- errors */

static void write_error(int status, const struct behaviour *b, struct buf *out)
{
	static const struct {
		int status;
		const char *type, *code, *message;
	} rows[] = {
	    {400, "invalid_request_error", NULL, "The request is invalid."},
	    {401, "invalid_request_error", "invalid_api_key", "Incorrect API key provided."},
	    {403, "invalid_request_error", "unsupported_country_region_territory",
	     "Country, region, or territory not supported"},
	    {404, "invalid_request_error", "model_not_found", "The model does not exist or you do not have access to it."},
	    {429, "requests", "rate_limit_exceeded", "Rate limit reached for requests."},
	    {503, "server_error", "overloaded", "The engine is currently overloaded, please try again later"},
	    {0, "server_error", NULL, "The server had an error while processing your request."},
	};
	size_t i = 0;
	while (rows[i].status && rows[i].status != status)
		i++;
	struct json_writer w = {out};
	bool quota = span_is(b->code, "insufficient_quota");
	json_begin_object(&w);
	json_key(&w, SPAN("error"));
	json_begin_object(&w);
	json_kv_text(&w, "message",
	             b->message.p ? b->message
	             : quota      ? SPAN("You exceeded your current quota, please check your plan and billing details.")
	                          : span_from(rows[i].message));
	json_kv_text(&w, "type", b->type.p ? b->type : quota ? b->code : span_from(rows[i].type));
	json_kv_text(&w, "param", (struct span){0});
	json_kv_text(&w, "code", b->code.p ? b->code : span_from(rows[i].code));
	json_end_object(&w);
	json_end_object(&w);
}

static void stream_error(const struct behaviour *b, struct pieces *out)
{
	buf_adds(&out->bytes, "data: ");
	write_error(0, b, &out->bytes);
	buf_adds(&out->bytes, "\n\n");
	pieces_close(out);
}

static void stream_garbage(struct pieces *out)
{
	buf_adds(&out->bytes, "data: {\"choices\":[{\"delta\":{\"content\":\n\n");
	pieces_close(out);
}

const struct face face_openai = {"openai",    "text/event-stream", read_chat,      write_chat,
                                 stream_chat, stream_error,        stream_garbage, write_error};

/* ---- embeddings */

static enum status read_embeddings(struct json body, struct request *r, struct arena *a, struct err *err)
{
	struct json format;
	enum status s = face_read_model(body, r, a, err);
	if (s == STATUS_OK)
		s = face_read_inputs(body, r, a, err);
	if (s != STATUS_OK)
		return s;
	json_member(body, SPAN("encoding_format"), &format);
	r->base64 = json_text_is(format, SPAN("base64"));
	return STATUS_OK;
}

static void write_embeddings(const struct request *r, const struct answer *a, struct buf *out)
{
	struct json_writer w = {out};
	struct json input;
	int64_t dimensions = r->dimensions > 0                                       ? r->dimensions
	                     : span_starts(r->model, SPAN("text-embedding-3-large")) ? DIMENSIONS_LARGE
	                                                                             : DIMENSIONS_DEFAULT;
	scoped_arena memory = {0};
	json_begin_object(&w);
	json_kv_cstr(&w, "object", "list");
	json_key(&w, SPAN("data"));
	json_begin_array(&w);
	int64_t index = 0;
	for (struct face_inputs in = face_inputs(r); face_next_input(&in, &input); index++) {
		json_begin_object(&w);
		json_kv_cstr(&w, "object", "embedding");
		json_kv_i64(&w, "index", index);
		json_key(&w, SPAN("embedding"));
		face_put_vector(&w, json_text(input, &memory), (size_t)dimensions, r->base64);
		json_end_object(&w);
	}
	json_end_array(&w);
	json_kv_text(&w, "model", r->model);
	if (!a->no_usage) {
		json_key(&w, SPAN("usage"));
		json_begin_object(&w);
		json_kv_i64(&w, "prompt_tokens", a->input);
		json_kv_i64(&w, "total_tokens", a->input);
		json_end_object(&w);
	}
	json_end_object(&w);
}

const struct face face_openai_embeddings = {
    .name = "openai", .read = read_embeddings, .write = write_embeddings, .error = write_error};
