/* What tests of the job path do again and again: submit, follow events, wait for an outcome. */
#ifndef GANNET_TESTS_JOBS_H
#define GANNET_TESTS_JOBS_H

#include <pthread.h>

#include "tests/lib/servers.h"

/* All events of a tenant that EVENTS holds, in order, live; the streams must exist. Freed with the test process. */
struct test_events;
struct test_events *test_follow(struct bus *b, const char *tenant);

struct test_event {
	const char *state, *job_id, *body; /* body: the event's JSON */
};
/* Waits for an event; `state` may be NULL for any final one. Fails the test when it does not come. */
struct test_event test_wait_event(struct test_events *f, const char *state, const char *job_id);
/* Events so far; NULL matches all. */
size_t test_count_events(struct test_events *f, const char *state, const char *job_id);
/* The n-th event (0-based) that arrived; false when there are fewer. */
bool test_event_at(struct test_events *f, size_t n, struct test_event *ret);

/* Stores a submission: {"job_id":id, <members>} on gannet.<tenant>.jobs.submit.<kind>.<priority>; id may be NULL. */
void test_submit(struct bus *b, const char *tenant, const char *kind, const char *priority, const char *id,
                 const char *members);
/* Stores raw bytes on a subject. */
void test_store(struct bus *b, const char *subject, struct span body, const char *msg_id);

/* A member of a JSON text by RFC 6901 pointer, as text: strings unescaped, all else verbatim; "" when absent. Kept
 * until the test ends. */
const char *test_json(const char *body, const char *pointer);

/* A request's answer body; the status of the answer goes to ret_status (OK when it is no error), its sentence to `err`
 * if given. */
const char *test_request(struct bus *b, const char *subject, const char *body, enum status *ret_status,
                         struct err *err);

/* How many messages of EVENTS the jobs service has still to record; false while broker or database do not say. */
bool test_unrecorded(struct bus *b, uint64_t *ret);
bool test_all_recorded(struct bus *b);

/* The runner, ready; `env` NULL-terminated NAME=value, may be NULL. */
struct test_process *test_runner(const char *const *env);
/* The fake provider, ready; its base URL without a path. */
struct test_process *test_fakeprovider(void);

#endif
