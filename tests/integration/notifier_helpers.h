/* What the tests of the notifier share: the service with a file, findings told to it, and what it keeps. */
#ifndef GANNET_TESTS_NOTIFIER_HELPERS_H
#define GANNET_TESTS_NOTIFIER_HELPERS_H

#include "contract/notifier.h"
#include "tests/integration/fake_github.h"

#define INTEGRITY "\"source\":\"integrity\",\"type\":\"orphaned_rows\""

UNUSED static const char *write_notifier_file(const char *text)
{
	const char *path = text_of("%s/notifier.json", test_dir()), *new = text_of("%s.new", path);
	FILE *f = fopen(new, "we");
	CHECK(f && fputs(text, f) >= 0 && fclose(f) == 0 && rename(new, path) == 0);
	return path;
}

/* One variable more of notifiers started from now on, or NULL. */
UNUSED static const char *notifier_variable;

/* A notifier with one target of GitHub (members of the target) and, if given, other members of the file. */
UNUSED static struct test_process *start_notifier_with(const char *target, const char *more)
{
	static const char *url;
	if (!url)
		url = github_start();
	const char *file = write_notifier_file(text_of("{\"targets\":[{\"name\":\"repo\",\"repository\":\"acme/app\",\"api_url\":\"%s\","
	                                      "\"secret\":\"TEST_GITHUB_TOKEN\"%s}]%s}",
	                                      url, target, more));
	static const char *env[8];
	env[0] = text_of("GANNET_NOTIFIER=%s", file);
	env[1] = "TEST_GITHUB_TOKEN=" GITHUB_TOKEN;
	env[2] = "GANNET_NOTIFIER_CLAIM=1s";
	env[3] = "GANNET_NOTIFIER_UPDATE_EVERY=100ms";
	env[4] = notifier_variable;
	struct test_process *p = test_spawn("gannet-notifier", env, NULL);
	test_ready(p);
	return p;
}

UNUSED static struct test_process *start_notifier(const char *more)
{
	return start_notifier_with(",\"kind\":\"github_issue\"", more);
}

/* Publishes a finding; `severity` of the open ones, "resolved" takes it back. */
UNUSED static void tell_finding(struct bus *b, const char *fingerprint, const char *severity, const char *members)
{
	static int64_t at_ms;
	char at[RFC3339_BYTES];
	bool resolved = strcmp(severity, "resolved") == 0;
	const char *level = resolved ? "high" : severity;
	int64_t now_ms = clock_wall_ms(&clock_system);
	at_ms = now_ms > at_ms ? now_ms : at_ms + 1;
	test_store(b, text_of("gannet.acme.findings.integrity.%s", level),
	           span_from(text_of("{\"fingerprint\":\"%s\",\"severity\":\"%s\",\"status\":\"%s\",\"title\":\"trouble %s\","
	                             "\"occurrences\":1,\"timestamp\":\"%s\"%s%s}",
	                             fingerprint, level, resolved ? "resolved" : "open", fingerprint, rfc3339_format(at_ms, at),
	                             *members ? "," : "", *members ? members : "," INTEGRITY)),
	           NULL);
}

UNUSED static struct span kv(struct bus *b, const char *bucket, const char *key)
{
	static struct buf value;
	struct err err;
	buf_reset(&value);
	return bus_kv_get(b, bucket, key, &value, NULL, &err) == STATUS_OK ? buf_span(&value) : (struct span){0};
}

UNUSED static bool is_told(struct bus *b, const char *fingerprint, const char *state)
{
	struct span r = kv(b, BUCKET_NOTIFIED, text_of("acme.%s.repo", fingerprint));
	return r.p && strcmp(test_json(text_of("%.*s", SPAN_ARG(r)), "/state"), state) == 0;
}

#endif
