/* What the tests of the whole job path share: the fake provider as it is told to be, runners that ask it, its own books. */
#ifndef GANNET_TESTS_PATH_HELPERS_H
#define GANNET_TESTS_PATH_HELPERS_H

#include "tests/integration/jobs_helpers.h"

#define PATH_ENV_MAX 24

/* The fake provider, answering by `script` (rules as JSON) where the model's name says nothing; NULL: no rules. */
UNUSED static struct test_process *start_fake(const char *script)
{
	const char *env[3] = {0};
	scoped_buf body = {0};
	int port = test_free_port();
	env[0] = text_of("PORT=%d", port);
	if (script) {
		const char *path = text_of("%s/script.json", test_dir());
		FILE *f = fopen(path, "we");
		CHECK(f && fputs(script, f) >= 0 && fclose(f) == 0);
		env[1] = text_of("FAKE_SCRIPT=%s", path);
	}
	struct test_process *p = test_spawn("gannet-fakeprovider", env, NULL);
	p->health_port = port;
	WAIT_FOR(test_http_get(port, "/health", &body) == 200, "the fake provider");
	return p;
}

/* A runner for which all providers are `fake`, with short waits between tries; not waited for. `env` comes first. */
UNUSED static struct test_process *spawn_runner(const struct test_process *fake, const char *const *env)
{
	const char *all[PATH_ENV_MAX] = {0};
	size_t n = 0;
	while (env && env[n] && n < PATH_ENV_MAX - 8) {
		all[n] = env[n];
		n++;
	}
	if (fake) {
		all[n++] = "OPENAI_API_KEY=test-key";
		all[n++] = "ANTHROPIC_API_KEY=test-key";
		all[n++] = text_of("OPENAI_BASE_URL=http://127.0.0.1:%d/v1", fake->health_port);
		all[n++] = text_of("ANTHROPIC_BASE_URL=http://127.0.0.1:%d", fake->health_port);
		all[n++] = text_of("OLLAMA_URL=http://127.0.0.1:%d", fake->health_port);
	}
	all[n] = "RETRY_DELAY=50ms";
	return test_spawn("gannet-runner", all, NULL);
}

UNUSED static struct test_process *start_runner(const struct test_process *fake, const char *const *env)
{
	struct test_process *p = spawn_runner(fake, env);
	test_ready(p);
	return p;
}

/* A number of the fake's own account, by JSON pointer into GET /stats. */
UNUSED static int64_t fake_stat(const struct test_process *fake, const char *pointer)
{
	scoped_buf body = {0};
	CHECK_INT(test_http_get(fake->health_port, "/stats", &body), 200);
	const char *text = test_json(body.data, pointer);
	CHECK_MSG(text[0], "no %s in %s", pointer, body.data);
	return atoll(text);
}

/* Job `id` for `model`, which tells the fake what to do; `members` is more JSON or "". */
UNUSED static void submit_model(struct bus *b, const char *id, const char *model, const char *members)
{
	test_submit(b, "acme", "llm", "default", id,
	            text_of("\"model\":\"%s\",\"template\":\"Describe a gannet as JSON.\"%s%s", model,
	                    members[0] ? "," : "", members));
}

UNUSED static bool is(const char *body, const char *pointer, const char *want)
{
	return strcmp(test_json(body, pointer), want) == 0;
}

#define CHECK_JSON(body, pointer, want)                                                                                \
	CHECK_MSG(is(body, pointer, want), "%s: \"%s\" is not \"%s\" in %.600s", pointer, test_json(body, pointer), want,  \
	          body)

#endif
