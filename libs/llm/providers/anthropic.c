/* Anthropic's messages. */
#include "llm/wire.h"

#define NAME "anthropic"
#define MAX_TOKENS_DEFAULT 4096 /* the field is required */

/* ---- request */

static void put_body(struct json_writer *w, const struct llm_call *call, struct arena *a)
{
	struct span system = wire_system(call, a);
	json_begin_object(w);
	json_kv_text(w, "model", call->model);
	json_kv_i64(w, "max_tokens", call->max_tokens.set ? call->max_tokens.v : MAX_TOKENS_DEFAULT);
	if (system.n)
		json_kv_text(w, "system", system);
	wire_messages(w, (struct span){NULL, 0}, call->prompt);
	if (call->temperature.set)
		json_kv_f64(w, "temperature", call->temperature.v);
	if (call->stream)
		json_kv_bool(w, "stream", true);
	json_end_object(w);
}

static enum status request(const struct provider_config *c, const struct llm_call *call, struct arena *a,
                           struct http_request *ret, struct err *err)
{
	if (call->temperature.set && call->temperature.v > 1)
		return err_field(err, STATUS_UNPROCESSABLE, "temperature",
		                 "temperature: %g not in [0, 1], which " NAME " allows", call->temperature.v);
	scoped_buf body = {0};
	struct json_writer w = {&body};
	put_body(&w, call, a);
	struct http_header *headers = arena_alloc(a, 3 * sizeof *headers);
	headers[0] = (struct http_header){"Content-Type", SPAN("application/json")};
	headers[1] = (struct http_header){"anthropic-version", span_from(c->extra)};
	if (c->api_key)
		headers[2] = (struct http_header){"x-api-key", span_from(c->api_key)};
	*ret = (struct http_request){
	    .method = "POST",
	    .url = wire_url(c, "/v1/messages", a),
	    .headers = headers,
	    .headers_n = c->api_key ? 3 : 2,
	    .body = arena_dup(a, buf_span(&body)),
	};
	return STATUS_OK;
}

/* ---- answer */

static struct span finish_reason(struct json v)
{
	static const struct {
		struct span theirs, ours;
	} rows[] = {
	    {{"max_tokens", 10}, {"length", 6}},   {{"model_context_window_exceeded", 29}, {"length", 6}},
	    {{"pause_turn", 10}, {"length", 6}}, /* not at its end either */
	    {{"tool_use", 8}, {"tool_calls", 10}}, {{"refusal", 7}, {"refusal", 7}},
	};
	for (size_t i = 0; i < countof(rows); i++)
		if (json_text_is(v, rows[i].theirs))
			return rows[i].ours;
	return SPAN("stop");
}

/* Takes over the counts that are there: a stream tells them in two parts, the later ones cumulative. */
static bool read_usage(struct json usage, struct usage *u)
{
	const struct {
		const char *pointer;
		int64_t *count;
	} rows[] = {
	    {"/input_tokens", &u->input_tokens},
	    {"/cache_read_input_tokens", &u->cache_read_tokens},
	    {"/cache_creation_input_tokens", &u->cache_write_tokens},
	    {"/output_tokens", &u->output_tokens},
	};
	if (usage.type != JSON_OBJECT)
		return false;
	for (size_t i = 0; i < countof(rows); i++) {
		struct json v;
		int64_t count;
		if (!json_pointer(usage, rows[i].pointer, &v) || v.type == JSON_NULL)
			continue;
		if (!wire_count(usage, rows[i].pointer, &count))
			return false;
		*rows[i].count = count;
	}
	usage_sum(u);
	return u->total_tokens > 0;
}

/* The text blocks, one after another. */
static struct span read_text(struct json content, struct arena *a)
{
	struct json_iter it = json_iter(content);
	struct json key, block, type, text;
	scoped_buf joined = {0};
	bool any = false;
	while (json_next(&it, &key, &block)) {
		json_pointer(block, "/type", &type);
		if (!json_text_is(type, SPAN("text")) || !json_pointer(block, "/text", &text))
			continue;
		any = true;
		buf_addspan(&joined, json_text(text, a));
	}
	return any ? arena_dup(a, buf_span(&joined)) : (struct span){NULL, 0};
}

static enum status response(const struct llm_call *call, struct span body, struct arena *a, struct llm_answer *ret,
                            struct err *err)
{
	(void)call;
	struct json v, content, reason, usage, model;
	enum status s = wire_parse(NAME, body, a, &v, err);
	if (s != STATUS_OK)
		return s;
	if (!json_pointer(v, "/content", &content) || content.type != JSON_ARRAY)
		return wire_malformed(NAME, "it has no content", err);
	if (!json_pointer(v, "/stop_reason", &reason) || reason.type != JSON_STRING)
		return wire_malformed(NAME, "it has no stop_reason", err);
	json_pointer(v, "/usage", &usage);
	json_pointer(v, "/model", &model);
	struct llm_answer answer = {.finish_reason = finish_reason(reason), .model = json_text(model, a)};
	answer.text = read_text(content, a);
	if (!answer.text.p && wire_has_text(answer.finish_reason))
		answer.text = SPAN("");
	answer.usage_known = read_usage(usage, &answer.usage);
	*ret = answer;
	return STATUS_OK;
}

static enum status stream_event(struct llm_stream *s, struct span event_name, struct span data, struct arena *a,
                                struct err *err)
{
	(void)event_name; /* the data repeats it */
	struct json v, type, piece = {0}, member;
	struct llm_answer *answer = &s->answer;
	enum status status = wire_parse(NAME, data, a, &v, err);
	if (status != STATUS_OK)
		return status;
	json_pointer(v, "/type", &type);
	if (json_text_is(type, SPAN("message_start"))) {
		if (json_pointer(v, "/message/model", &member))
			answer->model = arena_dup(a, json_text(member, a));
		json_pointer(v, "/message/usage", &member);
		answer->usage_known = read_usage(member, &answer->usage);
	} else if (json_text_is(type, SPAN("content_block_delta"))) {
		json_pointer(v, "/delta/type", &member);
		if (json_text_is(member, SPAN("text_delta")))
			json_pointer(v, "/delta/text", &piece);
	} else if (json_text_is(type, SPAN("message_delta"))) {
		if (json_pointer(v, "/delta/stop_reason", &member) && member.type == JSON_STRING)
			answer->finish_reason = finish_reason(member);
		if (json_pointer(v, "/usage", &member))
			answer->usage_known = read_usage(member, &answer->usage);
	} else if (json_text_is(type, SPAN("message_stop"))) {
		if (!answer->finish_reason.p)
			return wire_malformed(NAME, "the stream ended without a stop_reason", err);
		s->finished = true;
	}
	return wire_stream_text(s, piece, a, err);
}

static void failure(int http_status, struct span body, struct arena *a, struct err *err, bool *ret_money)
{
	struct wire_error e = wire_error_read(body, a);
	wire_fail(NAME, http_status, &e, err, ret_money);
}

static const char *const models[] = {"claude-*", NULL};

const struct provider provider_anthropic = {
    .name = NAME,
    .models = models,
    .options = {{"ANTHROPIC_API_KEY", ENV_TEXT, offsetof(struct provider_config, api_key), .secret = true,
                 .help = "key of Anthropic"},
                {"ANTHROPIC_BASE_URL", ENV_TEXT, offsetof(struct provider_config, base_url),
                 "https://api.anthropic.com", .help = "Anthropic, or a gateway that speaks its messages"},
                {"ANTHROPIC_VERSION", ENV_TEXT, offsetof(struct provider_config, extra), "2023-06-01",
                 .help = "value of the anthropic-version header"}},
    .needs_key = true,
    .request = request,
    .response = response,
    .stream_event = stream_event,
    .failure = failure,
};
