/* Ollama's chat. */
#include "llm/wire.h"

#define NAME "ollama"

/* ---- request */

static void put_body(struct json_writer *w, const struct llm_call *call, struct arena *a)
{
	json_begin_object(w);
	json_kv_text(w, "model", call->model);
	wire_messages(w, wire_system(call, a), call->prompt);
	if (call->format == FORMAT_JSON)
		json_kv_cstr(w, "format", "json");
	if (call->temperature.set || call->max_tokens.set) {
		json_key(w, SPAN("options"));
		json_begin_object(w);
		if (call->temperature.set)
			json_kv_f64(w, "temperature", call->temperature.v);
		if (call->max_tokens.set)
			json_kv_i64(w, "num_predict", call->max_tokens.v);
		json_end_object(w);
	}
	json_kv_bool(w, "stream", call->stream); /* it streams unless told otherwise */
	json_end_object(w);
}

static enum status request(const struct provider_config *c, const struct llm_call *call, struct arena *a,
                           struct http_request *ret, struct err *err)
{
	(void)err;
	static const struct http_header headers[] = {{"Content-Type", {"application/json", 16}}};
	scoped_buf body = {0};
	struct json_writer w = {&body};
	put_body(&w, call, a);
	*ret = (struct http_request){
	    .method = "POST",
	    .url = wire_url(c, "/api/chat", a),
	    .headers = headers,
	    .headers_n = countof(headers),
	    .body = arena_dup(a, buf_span(&body)),
	};
	return STATUS_OK;
}

/* ---- answer */

/* The last line of a stream and a whole answer end alike. */
static void read_end(struct json v, struct llm_answer *ret)
{
	struct json reason, calls;
	json_pointer(v, "/done_reason", &reason);
	ret->finish_reason = json_text_is(reason, SPAN("length")) ? SPAN("length") : SPAN("stop");
	if (json_pointer(v, "/message/tool_calls", &calls) && json_count(calls) > 0)
		ret->finish_reason = SPAN("tool_calls");
	struct usage u = {0};
	ret->usage_known = wire_count(v, "/prompt_eval_count", &u.input_tokens) &&
	                   wire_count(v, "/eval_count", &u.output_tokens) && u.input_tokens + u.output_tokens > 0;
	usage_sum(&u);
	ret->usage = ret->usage_known ? u : (struct usage){0};
}

static bool is_done(struct json v)
{
	struct json done;
	bool b;
	return json_pointer(v, "/done", &done) && json_bool(done, &b) && b;
}

static enum status response(const struct llm_call *call, struct span body, struct arena *a, struct llm_answer *ret,
                            struct err *err)
{
	(void)call;
	struct json v, content, model;
	enum status s = wire_parse(NAME, body, a, &v, err);
	if (s != STATUS_OK)
		return s;
	if (!is_done(v))
		return wire_malformed(NAME, "it is not done", err);
	if (!json_pointer(v, "/message/content", &content) || content.type != JSON_STRING)
		return wire_malformed(NAME, "it has no message.content", err);
	json_pointer(v, "/model", &model);
	struct llm_answer answer = {.text = json_text(content, a), .model = json_text(model, a)};
	read_end(v, &answer);
	*ret = answer;
	return STATUS_OK;
}

static enum status stream_event(struct llm_stream *s, struct span event_name, struct span data, struct arena *a,
                                struct err *err)
{
	(void)event_name;
	struct json v, piece, model;
	enum status status = wire_parse(NAME, data, a, &v, err);
	if (status != STATUS_OK)
		return status;
	if (!s->answer.model.p && json_pointer(v, "/model", &model))
		s->answer.model = arena_dup(a, json_text(model, a));
	if (is_done(v)) {
		read_end(v, &s->answer);
		s->finished = true;
	}
	json_pointer(v, "/message/content", &piece);
	return wire_stream_text(s, piece, a, err);
}

static void failure(int http_status, struct span body, struct arena *a, struct err *err, bool *ret_money)
{
	struct wire_error e = wire_error_read(body, a);
	wire_fail(NAME, http_status, &e, err, ret_money);
}

static const char *const models[] = {"llama*", NULL};

const struct provider provider_ollama = {
    .name = NAME,
    .models = models,
    .options = {{"OLLAMA_URL", ENV_TEXT, offsetof(struct provider_config, base_url), "http://127.0.0.1:11434",
                 .help = "Ollama's server"}},
    .request = request,
    .response = response,
    .stream_event = stream_event,
    .stream_is_ndjson = true,
    .failure = failure,
};
