/* What the tests of the collector share: the service with some sources, and questions about snapshots. */
#ifndef GANNET_TESTS_COLLECTOR_HELPERS_H
#define GANNET_TESTS_COLLECTOR_HELPERS_H

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bus/kv.h"
#include "bus/store.h"
#include "bus/topology.h"
#include "contract/snapshot.h"
#include "tests/lib/jobs.h"
#include "tests/lib/process.h"

#define UNUSED __attribute__((unused))

/* Without a schedule unless `more` (one NAME=value, or NULL) says otherwise; the example finds its database. */
UNUSED static struct test_process *start_collector(const char *sources, const char *more)
{
	test_nats_url();
	const char *const env[] = {text_of("GANNET_SOURCES=%s", sources), more ? more : "AI_WORKER_ENABLED=false",
	                           text_of("CONTENT_PLATFORM_URL=%s", postgres_known_url() ? postgres_known_url() : ""), NULL};
	struct test_process *p = test_spawn("gannet-collector", env, NULL);
	test_ready(p);
	return p;
}

UNUSED static void stop_process(struct test_process *p)
{
	test_kill(p, SIGTERM);
	CHECK_INT(test_wait_exit(p), 0);
}

/* The answer to gannet.<tenant>.snapshot.<verb>, which has to have this status. */
UNUSED static const char *ask_status(const char *tenant, const char *verb, enum status want, struct err *err)
{
	enum status got;
	const char *answer = test_request(test_bus(), text_of("gannet.%s.snapshot.%s", tenant, verb), "{}", &got, err);
	CHECK_MSG(got == want, "%s: got %s (%s), want %s", verb, status_code(got), err->msg, status_code(want));
	return answer;
}

UNUSED static const char *take_of(const char *tenant)
{
	struct err err = {0};
	return ask_status(tenant, "take", STATUS_OK, &err);
}
UNUSED static const char *take(void)
{
	return take_of("default");
}

/* The member of a snapshot, which is to have this text. */
UNUSED static void has(const char *snapshot, const char *pointer, const char *want)
{
	const char *got = test_json(snapshot, pointer);
	CHECK_MSG(strcmp(got, want) == 0, "%s is \"%s\", want \"%s\" in %s", pointer, got, want, snapshot);
}

/* The metric failed, and the source's error is this one. */
UNUSED static void has_failed(const char *snapshot, const char *metric, const char *source, const char *error)
{
	has(snapshot, text_of("/metrics/%s/status", metric), "error");
	has(snapshot, text_of("/metrics/%s/source", metric), source);
	has(snapshot, text_of("/additional_metrics/%s_error", source), error);
	has(snapshot, text_of("/%s", metric), "");
	has(snapshot, text_of("/additional_metrics/%s", metric), "");
}

UNUSED static const char *sql_source(const char *name, const char *rest)
{
	return text_of("{\"name\":\"%s\",\"kind\":\"sql\",\"url\":\"%s\",%s}", name, test_postgres_url(), rest);
}

UNUSED static uint64_t stored_snapshots(void)
{
	struct bus_stream_state s;
	struct err err;
	CHECK_OK(bus_stream_state(test_bus(), STREAM_STATE, &s, &err), err);
	return s.messages;
}

#endif
