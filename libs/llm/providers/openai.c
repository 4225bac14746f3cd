/* OpenAI's chat completions, and every server that speaks them: vLLM, llama.cpp, LM Studio, gateways. */
#include "llm/wire.h"

#define NAME "openai"
#define DEFAULT_URL "https://api.openai.com/v1"

/* ---- request */

/* Other servers know only the older fields. */
static bool is_openai_itself(const struct provider_config *c)
{
	return span_glob(span_from(c->base_url), SPAN("https://*api.openai.com/*"));
}

/* Reasoning models refuse a temperature. */
static bool is_reasoning(struct span model)
{
	return span_starts(model, SPAN("gpt-5")) ||
	       (model.n >= 2 && model.p[0] == 'o' && model.p[1] >= '0' && model.p[1] <= '9');
}

static void put_options(struct json_writer *w, const struct provider_config *c, const struct llm_call *call)
{
	bool itself = is_openai_itself(c);
	if (call->temperature.set && !is_reasoning(call->model))
		json_kv_f64(w, "temperature", call->temperature.v);
	if (call->max_tokens.set)
		json_kv_i64(w, itself ? "max_completion_tokens" : "max_tokens", call->max_tokens.v);
	if (call->format == FORMAT_JSON) {
		json_key(w, SPAN("response_format"));
		json_begin_object(w);
		json_kv_cstr(w, "type", "json_object");
		json_end_object(w);
	}
	if (call->stream) {
		json_kv_bool(w, "stream", true);
		json_key(w, SPAN("stream_options"));
		json_begin_object(w);
		json_kv_bool(w, "include_usage", true);
		if (itself)
			json_kv_bool(w, "include_obfuscation", false);
		json_end_object(w);
	}
}

static enum status request(const struct provider_config *c, const struct llm_call *call, struct arena *a,
                           struct http_request *ret, struct err *err)
{
	(void)err;
	scoped_buf body = {0};
	struct json_writer w = {&body};
	json_begin_object(&w);
	json_kv_text(&w, "model", call->model);
	wire_messages(&w, wire_system(call, a), call->prompt);
	put_options(&w, c, call);
	json_end_object(&w);

	struct http_header *headers = arena_alloc(a, 2 * sizeof *headers);
	headers[0] = (struct http_header){"Content-Type", SPAN("application/json")};
	if (c->api_key)
		headers[1] = (struct http_header){"Authorization", arena_printf(a, "Bearer %s", c->api_key)};
	*ret = (struct http_request){
	    .method = "POST",
	    .url = wire_url(c, "/chat/completions", a),
	    .headers = headers,
	    .headers_n = c->api_key ? 2 : 1,
	    .body = arena_dup(a, buf_span(&body)),
	};
	return STATUS_OK;
}

/* ---- answer */

/* prompt_tokens include what was cached, completion_tokens what was reasoned. Many servers leave usage out. */
static bool read_usage(struct json answer, struct usage *ret)
{
	struct json v;
	if (!json_pointer(answer, "/usage", &v) || v.type != JSON_OBJECT)
		return false;
	int64_t prompt, cached;
	struct usage u = {0};
	if (!wire_count(v, "/prompt_tokens", &prompt) || !wire_count(v, "/completion_tokens", &u.output_tokens) ||
	    !wire_count(v, "/prompt_tokens_details/cached_tokens", &cached) ||
	    !wire_count(v, "/completion_tokens_details/reasoning_tokens", &u.reasoning_tokens))
		return false;
	u.cache_read_tokens = cached < prompt ? cached : prompt;
	u.input_tokens = prompt - u.cache_read_tokens;
	if (u.reasoning_tokens > u.output_tokens)
		u.reasoning_tokens = u.output_tokens;
	usage_sum(&u);
	*ret = u;
	return u.total_tokens > 0;
}

/* Other servers have reasons of their own for a regular end ("eos"). */
static struct span finish_reason(struct json v)
{
	static const struct {
		struct span theirs, ours;
	} rows[] = {
	    {{"length", 6}, {"length", 6}},
	    {{"tool_calls", 10}, {"tool_calls", 10}},
	    {{"function_call", 13}, {"tool_calls", 10}},
	    {{"content_filter", 14}, {"content_filter", 14}},
	};
	for (size_t i = 0; i < countof(rows); i++)
		if (json_text_is(v, rows[i].theirs))
			return rows[i].ours;
	return SPAN("stop");
}

static enum status response(const struct llm_call *call, struct span body, struct arena *a, struct llm_answer *ret,
                            struct err *err)
{
	(void)call;
	struct json v, message, reason, content, refusal, model;
	enum status s = wire_parse(NAME, body, a, &v, err);
	if (s != STATUS_OK)
		return s;
	if (!json_pointer(v, "/choices/0/message", &message))
		return wire_malformed(NAME, "it has no choices[0].message", err);
	json_pointer(v, "/choices/0/finish_reason", &reason);
	json_pointer(message, "/content", &content);
	json_pointer(message, "/refusal", &refusal);
	json_pointer(v, "/model", &model);
	struct llm_answer answer = {.finish_reason = finish_reason(reason), .model = json_text(model, a)};
	answer.text = json_text(content, a);
	if (refusal.type == JSON_STRING && !json_text_is(refusal, SPAN(""))) {
		answer.finish_reason = SPAN("refusal");
		answer.text = answer.text.n ? answer.text : json_text(refusal, a);
	}
	if (!answer.text.p && wire_has_text(answer.finish_reason))
		return wire_malformed(NAME, "its message has no content", err);
	answer.usage_known = read_usage(v, &answer.usage);
	*ret = answer;
	return STATUS_OK;
}

static enum status stream_event(struct llm_stream *s, struct span event_name, struct span data, struct arena *a,
                                struct err *err)
{
	(void)event_name;
	struct json v, piece, reason, model;
	struct llm_answer *answer = &s->answer;
	if (span_is(span_trim(data), "[DONE]")) {
		if (!answer->finish_reason.p)
			return wire_malformed(NAME, "the stream ended without a finish_reason", err);
		s->finished = true;
		return STATUS_OK;
	}
	enum status status = wire_parse(NAME, data, a, &v, err);
	if (status != STATUS_OK)
		return status;
	if (!answer->model.p && json_pointer(v, "/model", &model))
		answer->model = arena_dup(a, json_text(model, a));
	if (read_usage(v, &answer->usage))
		answer->usage_known = true;
	bool refused = json_pointer(v, "/choices/0/delta/refusal", &piece) && piece.type == JSON_STRING;
	if (refused || span_is(answer->finish_reason, "refusal"))
		answer->finish_reason = SPAN("refusal");
	else if (json_pointer(v, "/choices/0/finish_reason", &reason) && reason.type == JSON_STRING)
		answer->finish_reason = finish_reason(reason);
	if (!refused)
		json_pointer(v, "/choices/0/delta/content", &piece);
	return wire_stream_text(s, piece, a, err);
}

static void failure(int http_status, struct span body, struct arena *a, struct err *err, bool *ret_money)
{
	struct wire_error e = wire_error_read(body, a);
	wire_fail(NAME, http_status, &e, err, ret_money);
}

static const char *const models[] = {"gpt-*", "o1*", "o3*", "o4*", "chatgpt-*", NULL};

const struct provider provider_openai = {
    .name = NAME,
    .models = models,
    .options = {{"OPENAI_API_KEY", ENV_TEXT, offsetof(struct provider_config, api_key), .secret = true,
                 .help = "key of OpenAI; other servers may do without"},
                {"OPENAI_BASE_URL", ENV_TEXT, offsetof(struct provider_config, base_url), DEFAULT_URL,
                 .help = "OpenAI, or any server that speaks its chat completions"}},
    .needs_key = true,
    .request = request,
    .response = response,
    .stream_event = stream_event,
    .failure = failure,
};
