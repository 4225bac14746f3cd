/* Which provider a model's name leads to, what an operator can configure, and what is refused at start-up. */
#include <stdlib.h>

#include "llm/llm.h"
#include "tests/lib/test.h"

static struct llm_router *router(void)
{
	struct llm_router *r = NULL;
	struct err err;
	CHECK_OK(llm_router_new(&r, &err), err);
	return r;
}

static void clear(void)
{
	static const char *const names[] = {"OPENAI_API_KEY",     "OPENAI_BASE_URL",   "ANTHROPIC_API_KEY",
	                                    "ANTHROPIC_BASE_URL", "ANTHROPIC_VERSION", "OLLAMA_URL",
	                                    "GANNET_MODELS",      "GANNET_FALLBACKS"};
	for (size_t i = 0; i < countof(names); i++)
		unsetenv(names[i]);
}

static void check_route(const struct llm_router *r, const char *model, const char *provider, const char *name)
{
	struct llm_route route;
	struct err err;
	CHECK_OK(llm_route(r, span_from(model), &route, &err), err);
	CHECK_SPAN(span_from(route.provider->name), provider);
	CHECK_SPAN(route.model, name);
}

static struct err check_no_route(const struct llm_router *r, const char *model)
{
	struct llm_route route;
	struct err err = {0};
	CHECK_STATUS(llm_route(r, span_from(model), &route, &err), STATUS_UNPROCESSABLE);
	CHECK_SPAN(span_from(err.field), "model");
	CHECK(!err.retryable);
	return err;
}

TEST(models_route_by_their_names)
{
	clear();
	setenv("OPENAI_API_KEY", "sk-test", 1);
	setenv("ANTHROPIC_API_KEY", "sk-ant-test", 1);
	struct llm_router *r = router();
	static const struct {
		const char *model, *provider;
	} rows[] = {
	    {"gpt-4o", "openai"},           {"gpt-5.4-mini", "openai"},      {"o1", "openai"},
	    {"o3-mini", "openai"},          {"o4-mini", "openai"},           {"chatgpt-4o", "openai"},
	    {"claude-opus-5", "anthropic"}, {"llama-3", "ollama"},           {"llama3.2:3b", "ollama"},
	    {"simulated", "simulated"},     {"simulated-slow", "simulated"},
	};
	for (size_t i = 0; i < countof(rows); i++)
		check_route(r, rows[i].model, rows[i].provider, rows[i].model);
	llm_router_free(r);
}

TEST(an_unknown_model_is_refused_with_the_known_patterns)
{
	clear();
	setenv("GANNET_MODELS", "mistral-*=ollama", 1);
	struct llm_router *r = router();
	static const char *const models[] = {"mistral",    "oranges", "ollama", "GPT-4o",
	                                     "simulatedx", "",        "xgpt-4", "claude"};
	for (size_t i = 0; i < countof(models); i++) {
		struct err err = check_no_route(r, models[i]);
		CHECK_HAS(err.msg, "mistral-*, claude-*, llama*, gpt-*");
		CHECK_HAS(err.msg, "simulated-*");
	}
	llm_router_free(r);
}

TEST(a_missing_key_names_the_variable_to_set)
{
	clear();
	struct llm_router *r = router();
	CHECK_HAS(check_no_route(r, "gpt-4o").msg, "OPENAI_API_KEY");
	CHECK_HAS(check_no_route(r, "claude-opus-5").msg, "ANTHROPIC_API_KEY");
	check_route(r, "llama3", "ollama", "llama3");
	check_route(r, "simulated", "simulated", "simulated");
	llm_router_free(r);
}

TEST(another_server_may_do_without_a_key)
{
	clear();
	setenv("OPENAI_BASE_URL", "http://127.0.0.1:8000/v1", 1);
	struct llm_router *r = router();
	struct llm_route route;
	struct err err;
	CHECK_OK(llm_route(r, SPAN("gpt-oss"), &route, &err), err);
	CHECK(!route.config->api_key);
	CHECK_SPAN(span_from(route.config->base_url), "http://127.0.0.1:8000/v1");
	llm_router_free(r);
}

TEST(defaults_are_the_providers_own_addresses)
{
	clear();
	setenv("OPENAI_API_KEY", "k", 1);
	setenv("ANTHROPIC_API_KEY", "k", 1);
	struct llm_router *r = router();
	struct llm_route route;
	struct err err;
	CHECK_OK(llm_route(r, SPAN("gpt-4o"), &route, &err), err);
	CHECK_SPAN(span_from(route.config->base_url), "https://api.openai.com/v1");
	CHECK_OK(llm_route(r, SPAN("claude-x"), &route, &err), err);
	CHECK_SPAN(span_from(route.config->base_url), "https://api.anthropic.com");
	CHECK_SPAN(span_from(route.config->extra), "2023-06-01");
	CHECK_OK(llm_route(r, SPAN("llama3"), &route, &err), err);
	CHECK_SPAN(span_from(route.config->base_url), "http://127.0.0.1:11434");
	llm_router_free(r);
}

TEST(configured_patterns_come_first_and_can_rename)
{
	clear();
	setenv("OPENAI_API_KEY", "k", 1);
	setenv("GANNET_MODELS",
	       " mistral-*=ollama, fast = openai:gpt-4o-mini,local-*=ollama:*,gpt-oss*=ollama,tag=ollama:qwen2:7b,", 1);
	struct llm_router *r = router();
	check_route(r, "mistral-7b", "ollama", "mistral-7b");
	check_route(r, "fast", "openai", "gpt-4o-mini");
	check_route(r, "local-qwen2", "ollama", "qwen2");
	check_route(r, "gpt-oss-20b", "ollama", "gpt-oss-20b");
	check_route(r, "gpt-4o", "openai", "gpt-4o");
	check_route(r, "tag", "ollama", "qwen2:7b");
	check_no_route(r, "faster");
	llm_router_free(r);
}

static void check_fallback(const struct llm_router *r, const char *model, const struct err *why, size_t n,
                           const char *want)
{
	struct span got = llm_fallback(r, span_from(model), why, n);
	if (want)
		CHECK_SPAN(got, want);
	else
		CHECK(!got.p);
}

TEST(fallbacks_depend_on_how_the_model_failed)
{
	clear();
	setenv("GANNET_FALLBACKS",
	       "gpt-4o=gpt-4o-mini, claude-haiku-4-5;gpt-4o@context=gpt-4.1;claude-*@policy=gpt-5; claude-*=gpt-4.1", 1);
	struct llm_router *r = router();
	const struct err plain = {.status = STATUS_UNAVAILABLE}, context = {.status = STATUS_TOO_LARGE, .field = "prompt"};
	const struct err policy = {.status = STATUS_FORBIDDEN}, big_answer = {.status = STATUS_TOO_LARGE};
	check_fallback(r, "gpt-4o", NULL, 0, "gpt-4o-mini");
	check_fallback(r, "gpt-4o", &plain, 1, "claude-haiku-4-5");
	check_fallback(r, "gpt-4o", &plain, 2, NULL);
	check_fallback(r, "gpt-4o", &context, 0, "gpt-4.1");
	check_fallback(r, "gpt-4o", &context, 1, NULL);
	check_fallback(r, "gpt-4o", &policy, 0, "gpt-4o-mini");
	check_fallback(r, "gpt-4o", &big_answer, 0, "gpt-4o-mini");
	check_fallback(r, "claude-x", &policy, 0, "gpt-5");
	check_fallback(r, "claude-x", &context, 0, "gpt-4.1");
	check_fallback(r, "gpt-5", &plain, 0, NULL);
	llm_router_free(r);
}

static void check_bad(const char *name, const char *value, const char *part)
{
	clear();
	setenv(name, value, 1);
	struct llm_router *r = NULL;
	struct err err = {0};
	CHECK_MSG(llm_router_new(&r, &err) == STATUS_INVALID, "%s=%s was taken", name, value);
	CHECK(!r);
	CHECK_SPAN(span_from(err.field), name);
	CHECK_HAS(err.msg, part);
}

TEST(bad_rows_are_refused_at_start)
{
	check_bad("GANNET_MODELS", "mistral-*", "pattern=provider");
	check_bad("GANNET_MODELS", "=openai", "pattern=provider");
	check_bad("GANNET_MODELS", "a=nobody", "anthropic, ollama, openai, simulated");
	check_bad("GANNET_MODELS", "a=openai:", "pattern=provider:name");
	check_bad("GANNET_MODELS", "a=openai:*", "prefix*=provider:*");
	check_bad("GANNET_MODELS", "*-a=openai:*", "prefix*=provider:*");
	check_bad("GANNET_FALLBACKS", "gpt-4o", "model=other");
	check_bad("GANNET_FALLBACKS", "gpt-4o=", "model=other");
}

TEST(base_urls_must_be_plain_http_and_not_link_local)
{
	static const char *const bad[] = {
	    "ftp://x.example",
	    "x.example",
	    "http://",
	    "https:///v1",
	    "http://user:secret@x.example",
	    "http://x.example/?key=1",
	    "http://x.example/#a",
	    "http://x.example/a b",
	    "http://x.example\\@y",
	    "http://169.254.169.254/latest",
	    "http://169.254.1.1:80",
	    "http://0xa9fea9fe/",
	    "http://2852039166/",
	    "http://0251.0376.0251.0376/",
	    "http://169.16689662/",
	    "http://[fe80::1]/",
	    "http://[FEBF::1]:8080/",
	    "http://[::ffff:169.254.169.254]/",
	    "http://[fd00:ec2::254]/",
	    "http://metadata.google.internal/",
	    "http://METADATA.google.internal./",
	    "http://metadata",
	    "http://[::1",
	    "file:///etc/passwd",
	};
	for (size_t i = 0; i < countof(bad); i++)
		check_bad("OPENAI_BASE_URL", bad[i], "OPENAI_BASE_URL");
	check_bad("OLLAMA_URL", "http://169.254.169.254", "not link-local");
	check_bad("ANTHROPIC_BASE_URL", "javascript:x", "http");
	static const char *const good[] = {
	    "http://localhost:8080", "https://api.x.example/v1/",     "HTTP://10.0.0.1",         "http://[::1]:11434",
	    "http://169.253.1.1",    "http://host.docker.internal:1", "https://x.example:8443/a"};
	for (size_t i = 0; i < countof(good); i++) {
		clear();
		setenv("OPENAI_BASE_URL", good[i], 1);
		llm_router_free(router());
	}
}

TEST(help_names_every_variable)
{
	static const char *const names[] = {"OPENAI_API_KEY", "OPENAI_BASE_URL",  "ANTHROPIC_API_KEY", "OLLAMA_URL",
	                                    "GANNET_MODELS",  "GANNET_FALLBACKS", "GANNET_PRICES"};
	scoped_buf out = {0};
	llm_help(&out);
	for (size_t i = 0; i < countof(names); i++)
		CHECK_HAS(out.data, names[i]);
}

TEST(secrets_do_not_appear_in_errors)
{
	clear();
	setenv("OPENAI_BASE_URL", "http://user:hunter2@x.example", 1);
	struct llm_router *r = NULL;
	struct err err = {0};
	CHECK_STATUS(llm_router_new(&r, &err), STATUS_INVALID);
	CHECK(!strstr(err.msg, "hunter2"));
	clear();
	setenv("OPENAI_API_KEY", "sk-hunter2\r\nX-Evil: 1", 1);
	CHECK_STATUS(llm_router_new(&r, &err), STATUS_INVALID);
	CHECK_HAS(err.msg, "OPENAI_API_KEY");
	CHECK(!strstr(err.msg, "hunter2"));
}
