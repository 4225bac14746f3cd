/* Reads and writes what the wire formats of the providers have in common. */
#include "llm/wire.h"

#include <strings.h>

#define ERROR_BODY_MAX 65536 /* bytes of an error body that are worth parsing */
#define COUNT_MAX 1000000000 /* tokens: beyond it a count is nonsense */

const char *wire_url(const struct provider_config *c, const char *path, struct arena *a)
{
	struct span base = span_from(c->base_url);
	while (base.n && base.p[base.n - 1] == '/')
		base.n--;
	return arena_printf(a, "%.*s%s", SPAN_ARG(base), path).p;
}

static bool mentions_json(struct span s)
{
	for (size_t i = 0; i + 4 <= s.n; i++)
		if ((s.p[i] | 0x20) == 'j' && strncasecmp(s.p + i, "json", 4) == 0)
			return true;
	return false;
}

struct span wire_system(const struct llm_call *call, struct arena *a)
{
	if (call->format != FORMAT_JSON || mentions_json(call->prompt) || mentions_json(call->system))
		return call->system;
	return arena_printf(a, "%.*s%sAnswer with one JSON object and nothing else.", SPAN_ARG(call->system),
	                    call->system.n ? "\n\n" : "");
}

static void put_message(struct json_writer *w, const char *role, struct span content)
{
	json_begin_object(w);
	json_kv_cstr(w, "role", role);
	json_kv_text(w, "content", content);
	json_end_object(w);
}

void wire_messages(struct json_writer *w, struct span system, struct span prompt)
{
	json_key(w, SPAN("messages"));
	json_begin_array(w);
	if (system.n)
		put_message(w, "system", system);
	put_message(w, "user", prompt);
	json_end_array(w);
}

bool wire_count(struct json v, const char *pointer, int64_t *ret)
{
	struct json count;
	if (!json_pointer(v, pointer, &count) || count.type == JSON_NULL) {
		*ret = 0;
		return true;
	}
	return json_i64(count, ret) && *ret >= 0 && *ret <= COUNT_MAX;
}

bool wire_has_text(struct span finish_reason)
{
	return span_is(finish_reason, "stop") || span_is(finish_reason, "length");
}

enum status wire_stream_text(struct llm_stream *s, struct json piece, struct arena *a, struct err *err)
{
	buf_addspan(&s->text, json_text(piece, a));
	if (s->text.overflow)
		return err_set(err, STATUS_TOO_LARGE, "the answer is over %zu bytes", LLM_ANSWER_MAX);
	return STATUS_OK;
}

/* ---- errors */

static struct span text_of(struct json v, const char *pointer, struct arena *a)
{
	struct json member;
	return json_pointer(v, pointer, &member) ? json_text(member, a) : (struct span){NULL, 0};
}

static struct wire_error read_object(struct json v, struct arena *a)
{
	struct wire_error e = {text_of(v, "/message", a), text_of(v, "/type", a), text_of(v, "/code", a), 0};
	struct json code;
	int64_t http;
	if (json_pointer(v, "/code", &code) && json_i64(code, &http) && http >= 400 && http <= 599)
		e.http_status = (int)http;
	if (!e.message.p)
		e.message = text_of(v, "/detail", a);
	return e;
}

static bool error_inside(struct json answer, struct arena *a, struct wire_error *ret)
{
	struct json error;
	if (!json_pointer(answer, "/error", &error) || (error.type != JSON_OBJECT && error.type != JSON_STRING))
		return false;
	*ret = error.type == JSON_OBJECT ? read_object(error, a) : (struct wire_error){.message = json_text(error, a)};
	return true;
}

struct wire_error wire_error_read(struct span body, struct arena *a)
{
	struct wire_error e = {0};
	struct json v;
	struct err ignored;
	if (body.n > ERROR_BODY_MAX || json_parse(body, &v, &ignored) != STATUS_OK)
		return e;
	return error_inside(v, a, &e) ? e : read_object(v, a);
}

/* Whether the type, the code or the message matches one of the patterns; those for messages hold a space. */
static bool is_about(const struct wire_error *e, const char *const *patterns)
{
	for (; *patterns; patterns++) {
		struct span pattern = span_from(*patterns);
		if (memchr(pattern.p, ' ', pattern.n) ? span_glob(e->message, pattern)
		                                      : span_glob(e->type, pattern) || span_glob(e->code, pattern))
			return true;
	}
	return false;
}

static const char *const money_signs[] = {"insufficient_quota",          "credit_balance_exhausted",
                                          "*_spend_limit_exceeded",      "enforced_spend_limit_reached",
                                          "billing_hard_limit_reached",  "billing_error",
                                          "*credit balance is too low*", NULL};
static const char *const context_signs[] = {"context_length_exceeded",
                                            "exceed_context_size_error",
                                            "string_above_max_length",
                                            "*maximum context length*",
                                            "*prompt is too long*",
                                            "*context window*",
                                            "*exceeds the available context size*",
                                            NULL};
static const char *const policy_signs[] = {"content_policy_violation",
                                           "content_filter",
                                           "invalid_prompt",
                                           "*content management policy*",
                                           "*content policy*",
                                           "*usage policy*",
                                           NULL};

/* The HTTP status that an error inside a 200 would have had. */
static int http_of(const struct wire_error *e)
{
	static const struct {
		const char *type;
		int http;
	} rows[] = {
	    {"invalid_request_error", 400}, {"authentication_error", 401}, {"billing_error", 402},
	    {"permission_error", 403},      {"not_found_error", 404},      {"request_too_large", 413},
	    {"rate_limit_error", 429},      {"rate_limit_exceeded", 429},  {"timeout_error", 504},
	    {"overloaded_error", 529},      {"insufficient_quota", 429},
	};
	if (e->http_status)
		return e->http_status;
	for (size_t i = 0; i < countof(rows); i++)
		if (span_is(e->type, rows[i].type) || span_is(e->code, rows[i].type))
			return rows[i].http;
	return 500;
}

enum status wire_fail(const char *provider, int http_status, const struct wire_error *e, struct err *err,
                      bool *ret_money)
{
	llm_failure_from_http(provider, http_status ? http_status : http_of(e), e->message, err);
	if (!http_status) {
		char clean[LLM_MESSAGE_MAX + 1];
		struct span said = wire_message(e->message.n ? e->message : e->type, clean);
		enum status status = err->status;
		bool retryable = err->retryable;
		err_set(err, status, "%s sent an error in its answer%s%.*s", provider, said.n ? ": " : "", SPAN_ARG(said));
		err->retryable = retryable;
	}
	*ret_money = http_status == 402 || is_about(e, money_signs);
	if (*ret_money) {
		err->status = STATUS_PROVIDER;
		err->retryable = false;
	} else if (!err->retryable && is_about(e, context_signs)) {
		err->status = STATUS_TOO_LARGE;
	} else if (!err->retryable && is_about(e, policy_signs)) {
		err->status = STATUS_FORBIDDEN;
	}
	if (err->status == STATUS_TOO_LARGE)
		span_copy(SPAN("prompt"), err->field, sizeof err->field);
	return err->status;
}

enum status wire_parse(const char *provider, struct span text, struct arena *a, struct json *ret, struct err *err)
{
	struct json v;
	struct wire_error e;
	bool money;
	if (json_parse(text, &v, err) != STATUS_OK)
		return wire_malformed(provider, "it is no JSON", err);
	if (error_inside(v, a, &e))
		return wire_fail(provider, 0, &e, err, &money);
	*ret = v;
	return STATUS_OK;
}

enum status wire_malformed(const char *provider, const char *what, struct err *err)
{
	return err_retry(err, STATUS_PROVIDER, "%s sent an answer that cannot be used: %s", provider, what);
}
