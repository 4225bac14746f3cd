/* What the tests of the watchers service share: the service with a configuration, runs by hand, and what they found. */
#ifndef GANNET_TESTS_WATCHERS_HELPERS_H
#define GANNET_TESTS_WATCHERS_HELPERS_H

#include <signal.h>

#include "contract/finding.h"
#include "tests/integration/jobs_helpers.h"

UNUSED static const char *config_path(void)
{
	return text_of("%s/watchers.json", test_dir());
}

/* Replaced in one step, as an editor or a mounted volume does. */
UNUSED static void write_config(const char *text)
{
	const char *path = config_path(), *fresh = text_of("%s.new", path);
	FILE *f = fopen(fresh, "we");
	CHECK(f && fputs(text, f) >= 0 && fclose(f) == 0);
	CHECK(rename(fresh, path) == 0);
}

/* The service, ready, with this configuration (NULL: without any) and one more variable, if given. */
UNUSED static struct test_process *start_watchers_with(const char *config, const char *variable)
{
	if (config)
		write_config(config);
	const char *file = text_of("GANNET_WATCHERS=%s", config ? config_path() : "");
	test_nats_url();
	struct test_process *p =
	    test_spawn("gannet-watchers", (const char *[]){file, "GANNET_WATCHERS_RELOAD=50ms", variable, NULL}, NULL);
	test_ready(p);
	return p;
}

UNUSED static struct test_process *start_watchers(const char *config)
{
	return start_watchers_with(config, NULL);
}

/* NULL when nobody answered in time. */
UNUSED static const char *try_watch(const char *verb, const char *body)
{
	enum status got;
	struct err err = {0};
	const char *answer = test_request(test_bus(), text_of("gannet.acme.watch.%s", verb), body, &got, &err);
	CHECK_MSG(got == STATUS_OK || got == STATUS_TIMEOUT, "%s %s: %s %s", verb, body, status_code(got), err.msg);
	return got == STATUS_OK ? answer : NULL;
}

UNUSED static const char *ask_watch(const char *verb, const char *body)
{
	const char *answer = try_watch(verb, body);
	CHECK_MSG(answer, "%s %s: no answer in time", verb, body);
	return answer;
}

UNUSED static bool is_over(const char *run_id, const char **ret)
{
	*ret = try_watch("get", text_of("{\"run_id\":\"%s\"}", run_id));
	if (!*ret) /* a replica that had just been killed was asked */
		return false;
	const char *status = test_json(*ret, "/status");
	return strcmp(status, "completed") == 0 || strcmp(status, "failed") == 0;
}

/* Runs a watch by hand to its end; its record. */
UNUSED static const char *run_watch(const char *name)
{
	const char *record, *id = test_json(ask_watch("run", text_of("{\"name\":\"%s\"}", name)), "/run_id");
	WAIT_FOR(is_over(id, &record), "the run to end");
	return record;
}

/* A finding of this type whose title has this part, latest status; NULL when there was none. */
UNUSED static const char *finding_status(const char *type, const char *part)
{
	static const char *found;
	struct bus *b = test_bus();
	struct bus_stream_state s;
	struct err err;
	found = NULL;
	CHECK_OK(bus_stream_state(b, STREAM_FINDINGS, &s, &err), err);
	for (uint64_t i = s.first_sequence; i && i <= s.last_sequence; i++) {
		struct bus_stored_message m;
		if (bus_get_sequence(b, STREAM_FINDINGS, i, &m, &err) != STATUS_OK)
			continue;
		const char *body = text_of("%.*s", SPAN_ARG(m.data));
		if (strcmp(test_json(body, "/type"), type) == 0 && strstr(test_json(body, "/title"), part))
			found = test_json(body, "/status");
		bus_stored_message_free(&m);
	}
	return found;
}

UNUSED static void check_finding(const char *type, const char *part, const char *status)
{
	const char *got = finding_status(type, part);
	CHECK_MSG(got && strcmp(got, status) == 0, "%s with '%s' is %s, not %s", type, part, got ? got : "not there",
	          status);
}

#endif
