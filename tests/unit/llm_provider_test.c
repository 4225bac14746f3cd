/* What is sent to each provider and what is made of its answers, byte for byte. */
#include "llm/llm.h"
#include "tests/lib/test.h"

static const struct provider *provider(const char *name)
{
	for (size_t i = 0; i < providers_n; i++)
		if (span_is(span_from(name), providers[i]->name))
			return providers[i];
	test_fail(__FILE__, __LINE__, "no provider %s", name);
}

TEST(every_provider_fills_what_the_interface_demands)
{
	CHECK(providers_n >= 4);
	for (size_t i = 0; i < providers_n; i++) {
		const struct provider *p = providers[i];
		CHECK(p->name && p->models && p->models[0]);
		CHECK(p->answer || (p->request && p->response && p->failure));
		CHECK(!p->needs_key || (p->options[0].name && p->options[0].secret));
	}
}

/* ---- requests */

static struct http_request request(const char *name, struct provider_config c, struct llm_call call, struct arena *a)
{
	struct http_request r = {0};
	struct err err;
	CHECK_OK(provider(name)->request(&c, &call, a, &r, &err), err);
	CHECK_SPAN(span_from(r.method), "POST");
	CHECK(r.headers_n <= HTTP_HEADERS_MAX && !r.done && !r.data && !r.arg);
	return r;
}

static const char *header(const struct http_request *r, const char *name)
{
	for (size_t i = 0; i < r->headers_n; i++)
		if (strcmp(r->headers[i].name, name) == 0)
			return r->headers[i].value.p;
	return NULL;
}

static const struct provider_config openai = {.api_key = "sk-1", .base_url = "https://api.openai.com/v1"};
static const struct provider_config vllm = {.base_url = "http://127.0.0.1:8000/v1/"};
static const struct provider_config anthropic = {
    .api_key = "sk-2", .base_url = "https://api.anthropic.com", .extra = "2023-06-01"};
static const struct provider_config ollama = {.base_url = "http://127.0.0.1:11434"};

TEST(openai_gets_a_chat_completion)
{
	scoped_arena a = {0};
	struct http_request r = request("openai", openai,
	                                (struct llm_call){.model = SPAN("gpt-4o"),
	                                                  .system = SPAN("Be \"brief\"."),
	                                                  .prompt = SPAN("Hi\n"),
	                                                  .temperature = {true, 0.5},
	                                                  .max_tokens = {true, 100}},
	                                &a);
	CHECK_SPAN(span_from(r.url), "https://api.openai.com/v1/chat/completions");
	CHECK_SPAN(span_from(header(&r, "Authorization")), "Bearer sk-1");
	CHECK_SPAN(span_from(header(&r, "Content-Type")), "application/json");
	CHECK_SPAN(r.body, "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"system\",\"content\":\"Be \\\"brief\\\".\"},"
	                   "{\"role\":\"user\",\"content\":\"Hi\\n\"}],\"temperature\":0.5,\"max_completion_tokens\":100}");
}

TEST(other_servers_get_the_older_fields_and_no_key)
{
	scoped_arena a = {0};
	struct http_request r = request(
	    "openai", vllm,
	    (struct llm_call){.model = SPAN("gpt-oss"), .prompt = SPAN("Hi"), .max_tokens = {true, 7}, .stream = true}, &a);
	CHECK_SPAN(span_from(r.url), "http://127.0.0.1:8000/v1/chat/completions");
	CHECK(!header(&r, "Authorization"));
	CHECK_SPAN(r.body, "{\"model\":\"gpt-oss\",\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}],\"max_tokens\":7,"
	                   "\"stream\":true,\"stream_options\":{\"include_usage\":true}}");
}

TEST(openai_streams_with_usage_and_without_padding)
{
	scoped_arena a = {0};
	struct http_request r =
	    request("openai", openai, (struct llm_call){.model = SPAN("gpt-4o"), .prompt = SPAN("Hi"), .stream = true}, &a);
	CHECK_SPAN(r.body, "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}],\"stream\":true,"
	                   "\"stream_options\":{\"include_usage\":true,\"include_obfuscation\":false}}");
}

TEST(reasoning_models_get_no_temperature)
{
	static const struct {
		const char *model;
		bool sent;
	} rows[] = {{"o1", false},           {"o3-mini", false}, {"o4-mini", false}, {"gpt-5", false},
	            {"gpt-5.4-mini", false}, {"gpt-4o", true},   {"gpt-4.1", true}};
	for (size_t i = 0; i < countof(rows); i++) {
		scoped_arena a = {0};
		struct http_request r = request(
		    "openai", openai,
		    (struct llm_call){.model = span_from(rows[i].model), .prompt = SPAN("x"), .temperature = {true, 1}}, &a);
		CHECK_INT(!!memmem(r.body.p, r.body.n, "temperature", 11), rows[i].sent);
	}
}

TEST(json_mode_makes_sure_that_json_is_asked_for)
{
	scoped_arena a = {0};
	struct llm_call call = {.model = SPAN("gpt-4o"), .prompt = SPAN("List three colours."), .format = FORMAT_JSON};
	struct http_request r = request("openai", openai, call, &a);
	CHECK_SPAN(r.body,
	           "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"system\",\"content\":\"Answer with one JSON object and "
	           "nothing else.\"},{\"role\":\"user\",\"content\":\"List three colours.\"}],"
	           "\"response_format\":{\"type\":\"json_object\"}}");
	call.system = SPAN("Be brief.");
	r = request("anthropic", anthropic, call, &a);
	CHECK(memmem(r.body.p, r.body.n, "Be brief.\\n\\nAnswer with one JSON object", 38));
	call.prompt = SPAN("Three colours as Json.");
	r = request("anthropic", anthropic, call, &a);
	CHECK(memmem(r.body.p, r.body.n, "\"system\":\"Be brief.\"", 20));
}

TEST(anthropic_gets_a_message)
{
	scoped_arena a = {0};
	struct llm_call call = {.model = SPAN("claude-opus-5"),
	                        .system = SPAN("Be brief."),
	                        .prompt = SPAN("Hi"),
	                        .temperature = {true, 1},
	                        .stream = true};
	struct http_request r = request("anthropic", anthropic, call, &a);
	CHECK_SPAN(span_from(r.url), "https://api.anthropic.com/v1/messages");
	CHECK_SPAN(span_from(header(&r, "x-api-key")), "sk-2");
	CHECK_SPAN(span_from(header(&r, "anthropic-version")), "2023-06-01");
	CHECK_SPAN(r.body, "{\"model\":\"claude-opus-5\",\"max_tokens\":4096,\"system\":\"Be brief.\","
	                   "\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}],\"temperature\":1,\"stream\":true}");
	call = (struct llm_call){.model = SPAN("claude-opus-5"), .prompt = SPAN("Hi"), .max_tokens = {true, 5}};
	r = request("anthropic", (struct provider_config){.base_url = "http://gw.example/", .extra = "x"}, call, &a);
	CHECK_SPAN(span_from(r.url), "http://gw.example/v1/messages");
	CHECK(!header(&r, "x-api-key"));
	CHECK_SPAN(r.body,
	           "{\"model\":\"claude-opus-5\",\"max_tokens\":5,\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]}");
}

TEST(a_temperature_beyond_anthropics_range_is_refused_before_the_call)
{
	scoped_arena a = {0};
	struct http_request r;
	struct err err;
	struct llm_call call = {.model = SPAN("claude-opus-5"), .prompt = SPAN("Hi"), .temperature = {true, 1.5}};
	CHECK_STATUS(provider("anthropic")->request(&anthropic, &call, &a, &r, &err), STATUS_UNPROCESSABLE);
	CHECK_SPAN(span_from(err.field), "temperature");
	CHECK_HAS(err.msg, "1.5 not in [0, 1]");
	CHECK(!err.retryable);
}

TEST(ollama_gets_a_chat_that_streams_only_when_asked)
{
	scoped_arena a = {0};
	struct llm_call call = {.model = SPAN("llama3"),
	                        .system = SPAN("S"),
	                        .prompt = SPAN("json"),
	                        .format = FORMAT_JSON,
	                        .temperature = {true, 0},
	                        .max_tokens = {true, 9}};
	struct http_request r = request("ollama", ollama, call, &a);
	CHECK_SPAN(span_from(r.url), "http://127.0.0.1:11434/api/chat");
	CHECK_SPAN(
	    r.body,
	    "{\"model\":\"llama3\",\"messages\":[{\"role\":\"system\",\"content\":\"S\"},{\"role\":\"user\",\"content\":"
	    "\"json\"}],\"format\":\"json\",\"options\":{\"temperature\":0,\"num_predict\":9},\"stream\":false}");
	r = request("ollama", ollama, (struct llm_call){.model = SPAN("llama3"), .prompt = SPAN("Hi"), .stream = true}, &a);
	CHECK_SPAN(r.body, "{\"model\":\"llama3\",\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}],\"stream\":true}");
}

/* ---- answers */

static struct llm_answer response(const char *name, const char *body, struct arena *a)
{
	struct llm_answer answer = {0};
	struct llm_call call = {.model = SPAN("m"), .prompt = SPAN("p")};
	struct err err;
	CHECK_OK(provider(name)->response(&call, span_from(body), a, &answer, &err), err);
	const struct usage *u = &answer.usage;
	CHECK_INT(u->total_tokens, u->input_tokens + u->cache_read_tokens + u->cache_write_tokens + u->output_tokens);
	CHECK(u->reasoning_tokens <= u->output_tokens);
	return answer;
}

static void check_usage(const struct llm_answer *answer, int64_t input, int64_t cache_read, int64_t cache_write,
                        int64_t output)
{
	CHECK(answer->usage_known);
	CHECK_INT(answer->usage.input_tokens, input);
	CHECK_INT(answer->usage.cache_read_tokens, cache_read);
	CHECK_INT(answer->usage.cache_write_tokens, cache_write);
	CHECK_INT(answer->usage.output_tokens, output);
}

TEST(openais_answer_is_read_with_disjoint_token_classes)
{
	scoped_arena a = {0};
	struct llm_answer r = response(
	    "openai",
	    "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion\",\"model\":\"gpt-4o-2024-08-06\",\"choices\":[{\"index\":"
	    "0,"
	    "\"message\":{\"role\":\"assistant\",\"content\":\"Hello "
	    "\\u00fc\",\"refusal\":null},\"finish_reason\":\"stop\"}],"
	    "\"usage\":{\"prompt_tokens\":100,\"completion_tokens\":50,\"total_tokens\":150,\"prompt_tokens_details\":"
	    "{\"cached_tokens\":30},\"completion_tokens_details\":{\"reasoning_tokens\":20}}}",
	    &a);
	CHECK_SPAN(r.text, "Hello ü");
	CHECK_SPAN(r.model, "gpt-4o-2024-08-06");
	CHECK_SPAN(r.finish_reason, "stop");
	check_usage(&r, 70, 30, 0, 50);
	CHECK_INT(r.usage.reasoning_tokens, 20);
	CHECK_INT(r.usage.total_tokens, 150);
	CHECK(!r.simulated);
}

#define CHOICE(message, reason) "{\"choices\":[{\"message\":{" message "},\"finish_reason\":" reason "}]}"

TEST(openais_other_endings_have_reasons_of_their_own)
{
	scoped_arena a = {0};
	static const struct {
		const char *body, *reason, *text;
	} rows[] = {
	    {CHOICE("\"content\":\"abc\"", "\"length\""), "length", "abc"},
	    {CHOICE("\"content\":\"\"", "\"length\""), "length", ""},
	    {CHOICE("\"content\":null,\"tool_calls\":[{}]", "\"tool_calls\""), "tool_calls", NULL},
	    {CHOICE("\"content\":null", "\"function_call\""), "tool_calls", NULL},
	    {CHOICE("\"content\":null", "\"content_filter\""), "content_filter", NULL},
	    {CHOICE("\"content\":null,\"refusal\":\"I cannot.\"", "\"stop\""), "refusal", "I cannot."},
	    {CHOICE("\"content\":\"x\",\"refusal\":\"\"", "\"eos\""), "stop", "x"},
	    {CHOICE("\"content\":\"x\"", "null"), "stop", "x"},
	};
	for (size_t i = 0; i < countof(rows); i++) {
		struct llm_answer r = response("openai", rows[i].body, &a);
		CHECK_SPAN(r.finish_reason, rows[i].reason);
		CHECK_MSG(!!r.text.p == !!rows[i].text && span_is(r.text, rows[i].text ? rows[i].text : ""), "%s",
		          rows[i].body);
		CHECK(!r.usage_known);
	}
}

TEST(nonsense_counts_are_no_usage)
{
	scoped_arena a = {0};
	static const char *const usages[] = {
	    "{}",
	    "null",
	    "[]",
	    "\"x\"",
	    "{\"prompt_tokens\":-1,\"completion_tokens\":1}",
	    "{\"prompt_tokens\":1.5}",
	    "{\"prompt_tokens\":\"7\"}",
	    "{\"prompt_tokens\":99999999999999}",
	    "{\"prompt_tokens\":1e99}",
	    "{\"prompt_tokens\":0,\"completion_tokens\":0}",
	};
	for (size_t i = 0; i < countof(usages); i++) {
		struct span body = arena_printf(
		    &a, "{\"choices\":[{\"message\":{\"content\":\"x\"},\"finish_reason\":\"stop\"}],\"usage\":%s}", usages[i]);
		struct llm_answer r = response("openai", body.p, &a);
		CHECK_MSG(!r.usage_known && r.usage.total_tokens == 0, "%s", usages[i]);
	}
	struct llm_answer r = response(
	    "openai",
	    "{\"choices\":[{\"message\":{\"content\":\"x\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":5,"
	    "\"completion_tokens\":2,\"prompt_tokens_details\":{\"cached_tokens\":9},\"completion_tokens_details\":"
	    "{\"reasoning_tokens\":8}}}",
	    &a);
	check_usage(&r, 0, 5, 0, 2);
	CHECK_INT(r.usage.reasoning_tokens, 2);
}

TEST(anthropics_answer_is_read_with_its_caches)
{
	scoped_arena a = {0};
	struct llm_answer r =
	    response("anthropic",
	             "{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"claude-opus-5\","
	             "\"content\":[{\"type\":"
	             "\"thinking\",\"thinking\":\"hm\"},{\"type\":\"text\",\"text\":\"Hello "
	             "\"},{\"type\":\"text\",\"text\":\"you\"}],"
	             "\"stop_reason\":\"end_turn\",\"usage\":{\"input_tokens\":10,\"cache_creation_input_tokens\":20,"
	             "\"cache_read_input_tokens\":30,\"output_tokens\":40}}",
	             &a);
	CHECK_SPAN(r.text, "Hello you");
	CHECK_SPAN(r.model, "claude-opus-5");
	CHECK_SPAN(r.finish_reason, "stop");
	check_usage(&r, 10, 30, 20, 40);
}

TEST(anthropics_stop_reasons_are_translated)
{
	scoped_arena a = {0};
	static const struct {
		const char *reason, *want;
	} rows[] = {
	    {"end_turn", "stop"},     {"stop_sequence", "stop"},
	    {"max_tokens", "length"}, {"model_context_window_exceeded", "length"},
	    {"pause_turn", "length"}, {"tool_use", "tool_calls"},
	    {"refusal", "refusal"},
	};
	for (size_t i = 0; i < countof(rows); i++) {
		struct span body = arena_printf(&a, "{\"content\":[],\"stop_reason\":\"%s\"}", rows[i].reason);
		struct llm_answer r = response("anthropic", body.p, &a);
		CHECK_SPAN(r.finish_reason, rows[i].want);
		bool has_text = span_is(r.finish_reason, "stop") || span_is(r.finish_reason, "length");
		CHECK_INT(!!r.text.p, has_text);
	}
}

TEST(ollamas_answer_is_read_and_absent_counts_are_zero)
{
	scoped_arena a = {0};
	struct llm_answer r = response(
	    "ollama",
	    "{\"model\":\"llama3\",\"message\":{\"role\":\"assistant\",\"content\":\"Hi\"},\"done_reason\":\"stop\","
	    "\"done\":true,\"prompt_eval_count\":11,\"eval_count\":3}",
	    &a);
	CHECK_SPAN(r.text, "Hi");
	CHECK_SPAN(r.finish_reason, "stop");
	check_usage(&r, 11, 0, 0, 3);
	r = response("ollama",
	             "{\"message\":{\"content\":\"Hi\"},\"done\":true,\"done_reason\":\"length\",\"eval_count\":3}", &a);
	CHECK_SPAN(r.finish_reason, "length");
	check_usage(&r, 0, 0, 0, 3);
	r = response("ollama", "{\"message\":{\"content\":\"\",\"tool_calls\":[{\"function\":{}}]},\"done\":true}", &a);
	CHECK_SPAN(r.finish_reason, "tool_calls");
	CHECK(!r.usage_known);
}

TEST(answers_that_cannot_be_used_are_worth_another_try)
{
	static const struct {
		const char *name, *body;
	} rows[] = {
	    {"openai", ""},
	    {"openai", "{\"choices\":[{\"message\":{\"content\":\"x"},
	    {"openai", "<html>502</html>"},
	    {"openai", "null"},
	    {"openai", "{\"choices\":[]}"},
	    {"openai", "{\"choices\":[{\"finish_reason\":\"stop\"}]}"},
	    {"openai", CHOICE("\"content\":null", "\"stop\"")},
	    {"openai", CHOICE("\"content\":[]", "\"stop\"")},
	    {"anthropic", ""},
	    {"anthropic", "{}"},
	    {"anthropic", "{\"content\":[{\"type\":\"text\",\"text\":\"x\"}]}"},
	    {"anthropic", "{\"content\":\"x\",\"stop_reason\":\"end_turn\"}"},
	    {"ollama", ""},
	    {"ollama", "{\"message\":{\"content\":\"x\"},\"done\":false}"},
	    {"ollama", "{\"done\":true}"},
	    {"ollama", "{\"message\":{\"content\":\"x\"}}{\"done\":true}"},
	};
	for (size_t i = 0; i < countof(rows); i++) {
		scoped_arena a = {0};
		struct llm_answer answer = {.simulated = true};
		struct llm_call call = {.model = SPAN("m")};
		struct err err = {0};
		CHECK_MSG(provider(rows[i].name)->response(&call, span_from(rows[i].body), &a, &answer, &err) ==
		              STATUS_PROVIDER,
		          "taken: %s", rows[i].body);
		CHECK(err.retryable && answer.simulated && !answer.text.p);
		CHECK_HAS(err.msg, rows[i].name);
	}
}

/* ---- failures */

struct failure {
	const char *name;
	int http; /* 0: the error comes inside a 200 */
	const char *body;
	enum status status;
	bool retryable, money;
	const char *field, *part;
};

static const struct failure failures[] = {
    {"openai", 400, "{\"error\":{\"message\":\"Unknown parameter\",\"type\":\"invalid_request_error\"}}",
     STATUS_UNPROCESSABLE, false, false, "", "HTTP 400: Unknown parameter"},
    {"openai", 401, "{\"error\":{\"message\":\"Incorrect API key provided: sk-abcdef\"}}", STATUS_PROVIDER, false,
     false, "", "provided: [removed]"},
    {"openai", 403, "{\"error\":{\"message\":\"no\"}}", STATUS_PROVIDER, false, false, "", "no"},
    {"openai", 404, "{\"error\":{\"message\":\"no model\",\"code\":\"model_not_found\"}}", STATUS_UNPROCESSABLE, false,
     false, "", "no model"},
    {"openai", 429, "{\"error\":{\"message\":\"slow down\",\"code\":\"rate_limit_exceeded\"}}", STATUS_RATE_LIMITED,
     true, false, "", "slow down"},
    {"openai", 429,
     "{\"error\":{\"message\":\"quota\",\"type\":\"insufficient_quota\",\"code\":\"insufficient_quota\"}}",
     STATUS_PROVIDER, false, true, "", "quota"},
    {"openai", 429, "{\"error\":{\"message\":\"x\",\"code\":\"credit_balance_exhausted\"}}", STATUS_PROVIDER, false,
     true, "", "x"},
    {"openai", 429, "{\"error\":{\"message\":\"x\",\"code\":\"project_spend_limit_exceeded\"}}", STATUS_PROVIDER, false,
     true, "", "x"},
    {"openai", 429, "{\"error\":{\"message\":\"see our usage policy\",\"code\":null}}", STATUS_RATE_LIMITED, true,
     false, "", "usage policy"},
    {"openai", 402, "{}", STATUS_PROVIDER, false, true, "", "HTTP 402"},
    {"openai", 400, "{\"error\":{\"message\":\"too long\",\"code\":\"context_length_exceeded\"}}", STATUS_TOO_LARGE,
     false, false, "prompt", "too long"},
    {"openai", 400,
     "{\"object\":\"error\",\"message\":\"This model's maximum context length is 4096 tokens\",\"code\":400}",
     STATUS_TOO_LARGE, false, false, "prompt", "4096"},
    {"openai", 400,
     "{\"error\":{\"code\":400,\"message\":\"the request exceeds the available context "
     "size\",\"type\":\"exceed_context_size_error\"}}",
     STATUS_TOO_LARGE, false, false, "prompt", "exceeds"},
    {"openai", 400, "{\"error\":{\"message\":\"filtered\",\"code\":\"content_filter\"}}", STATUS_FORBIDDEN, false,
     false, "", "filtered"},
    {"openai", 400, "{\"error\":{\"message\":\"no\",\"code\":\"content_policy_violation\"}}", STATUS_FORBIDDEN, false,
     false, "", "no"},
    {"openai", 422, "{\"detail\":\"bad field\"}", STATUS_UNPROCESSABLE, false, false, "", "bad field"},
    {"openai", 500, "<html>\x01", STATUS_PROVIDER, true, false, "", "openai answered HTTP 500"},
    {"openai", 503, "", STATUS_UNAVAILABLE, true, false, "", "HTTP 503"},
    {"openai", 0, "{\"error\":{\"message\":\"boom\",\"type\":\"server_error\"}}", STATUS_PROVIDER, true, false, "",
     "in its answer: boom"},
    {"openai", 0, "{\"error\":{\"message\":\"x\",\"code\":429}}", STATUS_RATE_LIMITED, true, false, "", "x"},
    {"openai", 0, "{\"error\":{\"message\":\"x\",\"code\":\"insufficient_quota\"}}", STATUS_PROVIDER, false, true, "",
     "x"},
    {"openai", 0, "{\"error\":{\"message\":\"x\",\"type\":\"invalid_request_error\"}}", STATUS_UNPROCESSABLE, false,
     false, "", "x"},
    {"anthropic", 400,
     "{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":\"prompt is too long: 9 > 8\"}}",
     STATUS_TOO_LARGE, false, false, "prompt", "9 > 8"},
    {"anthropic", 400,
     "{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":\"Your credit balance is too low "
     "to go on\"}}",
     STATUS_PROVIDER, false, true, "", "credit"},
    {"anthropic", 413, "{\"type\":\"error\",\"error\":{\"type\":\"request_too_large\",\"message\":\"m\"}}",
     STATUS_TOO_LARGE, false, false, "prompt", "m"},
    {"anthropic", 429, "{\"type\":\"error\",\"error\":{\"type\":\"rate_limit_error\",\"message\":\"m\"}}",
     STATUS_RATE_LIMITED, true, false, "", "m"},
    {"anthropic", 429, "{\"type\":\"error\",\"error\":{\"type\":\"enforced_spend_limit_reached\",\"message\":\"m\"}}",
     STATUS_PROVIDER, false, true, "", "m"},
    {"anthropic", 529, "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}",
     STATUS_UNAVAILABLE, true, false, "", "Overloaded"},
    {"anthropic", 0, "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}",
     STATUS_UNAVAILABLE, true, false, "", "Overloaded"},
    {"ollama", 404, "{\"error\":\"model 'llama9' not found\"}", STATUS_UNPROCESSABLE, false, false, "", "llama9"},
    {"ollama", 500, "{\"error\":\"out of memory\"}", STATUS_PROVIDER, true, false, "", "out of memory"},
    {"ollama", 0, "{\"error\":\"it broke\"}", STATUS_PROVIDER, true, false, "", "it broke"},
};

TEST(every_failure_is_classified)
{
	for (size_t i = 0; i < countof(failures); i++) {
		const struct failure *f = &failures[i];
		const struct provider *p = provider(f->name);
		scoped_arena a = {0};
		struct err err = {0};
		bool money = f->money;
		if (f->http) {
			money = !f->money;
			p->failure(f->http, span_from(f->body), &a, &err, &money);
		} else {
			struct llm_answer answer;
			struct llm_call call = {.model = SPAN("m")};
			CHECK(p->response(&call, span_from(f->body), &a, &answer, &err) != STATUS_OK);
		}
		CHECK_MSG(err.status == f->status && err.retryable == f->retryable && money == f->money, "%s %d %s: %s, %s, %s",
		          f->name, f->http, f->body, status_code(err.status), err.retryable ? "retryable" : "final",
		          money ? "money" : "no money");
		CHECK_SPAN(span_from(err.field), f->field);
		CHECK_HAS(err.msg, f->part);
		CHECK_HAS(err.msg, f->name);
	}
}

TEST(huge_error_bodies_make_short_messages)
{
	scoped_arena a = {0};
	scoped_buf body = {0};
	buf_adds(&body, "{\"error\":{\"message\":\"");
	for (int i = 0; i < 1000; i++)
		buf_adds(&body, "long ");
	buf_adds(&body, "\"}}");
	struct err err;
	bool money;
	provider("openai")->failure(400, buf_span(&body), &a, &err, &money);
	CHECK_HAS(err.msg, "long long");
	CHECK(strlen(err.msg) <= LLM_MESSAGE_MAX + strlen("openai answered HTTP 400: "));
	for (int i = 0; i < 100000; i++)
		buf_adds(&body, "garbage");
	provider("openai")->failure(500, buf_span(&body), &a, &err, &money);
	CHECK_SPAN(span_from(err.msg), "openai answered HTTP 500");
}

/* ---- the simulated provider */

static struct llm_answer simulate(unsigned format, const char *prompt, struct arena *a)
{
	struct llm_answer answer = {0};
	struct llm_call call = {
	    .model = SPAN("simulated"), .system = SPAN("1234"), .prompt = span_from(prompt), .format = format};
	struct err err;
	CHECK_OK(provider("simulated")->answer(&call, a, &answer, &err), err);
	CHECK(answer.simulated && answer.usage_known);
	CHECK_SPAN(answer.finish_reason, "stop");
	CHECK_INT(answer.usage.input_tokens, (4 + (int64_t)strlen(prompt) + 3) / 4);
	CHECK_INT(answer.usage.output_tokens, ((int64_t)answer.text.n + 3) / 4);
	CHECK(answer.usage.estimated.v);
	return answer;
}

TEST(simulated_answers_say_what_they_are_and_never_change)
{
	scoped_arena a = {0};
	CHECK_SPAN(simulate(FORMAT_TEXT, "Tell me\nmore", &a).text,
	           "This is a simulated answer: no model was called. The prompt began: Tell me more");
	CHECK_SPAN(simulate(FORMAT_JSON, "a \"b\"", &a).text, "{\"simulated\":true,\"note\":\"This is a simulated answer: "
	                                                      "no model was called.\",\"prompt\":\"a \\\"b\\\"\"}");
	CHECK_SPAN(simulate(FORMAT_HTML, "<b>", &a).text, "<p><strong>This is a simulated answer: no model was "
	                                                  "called.</strong> The prompt began:</p><pre>&lt;b&gt;</pre>");
}

/* The excerpt of it ends within a character. */
static const char long_prompt[] =
    "漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字"
    "漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字";

TEST(simulated_answers_are_valid_in_their_format_whatever_the_prompt)
{
	static const char *const prompts[] = {"",
	                                      "plain",
	                                      "<script>x</script>",
	                                      "```\n[x](javascript:y)",
	                                      "![a](http://b/c)",
	                                      "\" } ] \\ \x01\x02",
	                                      long_prompt,
	                                      "a\n\nb\n\n# c\n- d"};
	for (size_t i = 0; i < countof(prompts); i++) {
		for (unsigned format = FORMAT_TEXT; format <= FORMAT_HTML; format++) {
			scoped_arena a = {0};
			struct llm_answer answer = simulate(format, prompts[i], &a);
			struct json v;
			struct err err;
			CHECK_OK(format_parse(format, answer.text, answer.finish_reason, &a, &v, &err), err);
			CHECK_INT(v.type, format == FORMAT_JSON ? JSON_OBJECT : JSON_STRING);
			struct span text = format == FORMAT_JSON ? v.text : json_text(v, &a);
			CHECK(memmem(text.p, text.n, "simulated", 9));
			if (format != FORMAT_TEXT)
				CHECK_MSG(span_eq(text, span_trim(answer.text)), "changed: \"%.*s\" to \"%.*s\"", SPAN_ARG(answer.text),
				          SPAN_ARG(text));
		}
	}
}
