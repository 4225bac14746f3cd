/* What the tests of the jobs service share: the service itself, events as a worker writes them, and questions. */
#ifndef GANNET_TESTS_JOBS_HELPERS_H
#define GANNET_TESTS_JOBS_HELPERS_H

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bus/kv.h"
#include "bus/private_id.h"
#include "bus/store.h"
#include "bus/topology.h"
#include "contract/requests.h"
#include "tests/lib/jobs.h"

#define UNUSED __attribute__((unused))
#define LLM_MEMBERS "\"template\":\"Say hello to {{name}}.\",\"model\":\"gpt-4o\",\"context\":{\"name\":\"Ada\"}"

/* The service, with its schema there. */
UNUSED static struct test_process *start_jobs(const char *const *env)
{
	test_postgres_url();
	test_nats_url();
	struct test_process *p = test_spawn("gannet-jobs", env, NULL);
	test_ready(p);
	WAIT_FOR(strcmp(test_sql("SELECT to_regclass('ai_job_counts') IS NOT NULL"), "t") == 0, "the schema");
	return p;
}

/* ---- events */

UNUSED static const struct llm_result answer_result = {
    .model = {"gpt-4o-2024-08-06", 17},
    .provider = {"openai", 6},
    .prompt = {"Say hello to Ada.", 17},
    .raw_response = {" Hello Ada! ", 12},
    .parsed_output = {{"\"Hello Ada!\"", 12}, JSON_STRING},
    .finish_reason = {"stop", 4},
    .usage = &(const struct usage){.input_tokens = 10, .output_tokens = 8, .total_tokens = 18},
    .cost_nanousd = {true, 45000},
    .response_length = 12,
};
UNUSED static const struct job_error unavailable = {{"unavailable", 11}, {"the provider is down", 20}, {0}};

/* A worker's event with what every event has; the caller fills in the rest. */
UNUSED static struct job_event event_of(const char *tenant, const char *id, enum job_state state)
{
	int64_t now_ms = clock_wall_ms(&clock_system);
	struct job_event e = {
	    .job_id = span_from(id),
	    .output_id = span_from(text_of("out-%s", id)),
	    .tenant = span_from(tenant),
	    .kind = SPAN("llm"),
	    .priority = PRIORITY_DEFAULT,
	    .state = state,
	    .run = 1,
	    .attempt = 1,
	    .delivery = 1,
	    .stream_seq = SPAN("1000000"), /* behind every submission of a test */
	    .worker_id = SPAN("test-worker"),
	    .model = SPAN("gpt-4o"),
	    .submitted_at = {now_ms - 20},
	    .started_at = {now_ms - 10},
	    .timestamp = {now_ms},
	};
	if (job_state_is_final(state))
		e.processing_time_ms = (struct opt_i64){true, 10};
	if (state == JOB_EVENT_COMPLETED)
		e.result = &answer_result;
	if (state == JOB_EVENT_FAILED || state == JOB_EVENT_REJECTED)
		e.error = &unavailable;
	if (state == JOB_EVENT_RETRYING) {
		e.error = &unavailable;
		e.delay_ms = (struct opt_i64){true, 5000};
		e.retry_at = (struct json_time){now_ms + 5000};
	}
	return e;
}

/* Stores it as a worker does: final events under the id that the broker keeps one of. */
UNUSED static void tell(struct bus *b, const struct job_event *e)
{
	scoped_buf body = {0};
	struct err err;
	char name[FINAL_NAME_BYTES], msg_id[BUS_PRIVATE_ID_BYTES];
	job_final_name(e->tenant, e->job_id, e->run, name);
	CHECK_OK(bus_topology_ensure(b, BUCKET_KEYS, &bus_limits_default, &err), err);
	CHECK_OK(bus_private_ids_open(b, &err), err);
	bus_private_id(b, name, msg_id);
	json_encode(&job_event_table, e, &(struct json_writer){.out = &body});
	test_store(
	    b,
	    text_of("gannet.%.*s.jobs.event.%s.%.*s", SPAN_ARG(e->tenant), job_state_names[e->state], SPAN_ARG(e->job_id)),
	    buf_span(&body), job_state_is_final(e->state) ? msg_id : NULL);
}

UNUSED static void tell_state(struct bus *b, const char *tenant, const char *id, enum job_state state)
{
	struct job_event e = event_of(tenant, id, state);
	tell(b, &e);
}

/* ---- questions */

/* The answer to gannet.<tenant>.jobs.<verb>; fails the test unless it has this status. */
UNUSED static const char *ask_status(struct bus *b, const char *tenant, const char *verb, const char *body,
                                     enum status want, struct err *err)
{
	enum status got;
	struct err own = {0};
	const char *answer = test_request(b, text_of("gannet.%s.jobs.%s", tenant, verb), body, &got, err ? err : &own);
	CHECK_MSG(got == want, "%s %s: got %s (%s), want %s", verb, body, status_code(got), (err ? err : &own)->msg,
	          status_code(want));
	return answer;
}

UNUSED static const char *ask(struct bus *b, const char *tenant, const char *verb, const char *body)
{
	return ask_status(b, tenant, verb, body, STATUS_OK, NULL);
}

UNUSED static const char *field_of(struct bus *b, const char *tenant, const char *id, const char *pointer)
{
	return test_json(ask(b, tenant, "get", text_of("{\"job_id\":\"%s\"}", id)), pointer);
}

UNUSED static bool has_status(const char *tenant, const char *id, const char *status)
{
	return strcmp(test_sql(text_of("SELECT status FROM ai_jobs WHERE tenant = '%s' AND job_id = '%s'", tenant, id)),
	              status) == 0;
}

UNUSED static void wait_status(const char *tenant, const char *id, const char *status)
{
	WAIT_FOR(has_status(tenant, id, status), status);
}

/* A job that has come to an end, with its record. */
UNUSED static void make_job(struct bus *b, const char *tenant, const char *id, enum job_state state)
{
	test_submit(b, tenant, "llm", "default", id, LLM_MEMBERS);
	tell_state(b, tenant, id, state);
	wait_status(tenant, id,
	            state == JOB_EVENT_COMPLETED   ? "completed"
	            : state == JOB_EVENT_CANCELLED ? "cancelled"
	                                           : "failed");
}

UNUSED static int64_t count_sql(const char *sql)
{
	return atoll(test_sql(sql));
}

/* The body of the submission stored last on the subject; "" when there is none. */
UNUSED static const char *stored_submission(struct bus *b, const char *subject)
{
	struct bus_stored_message m;
	struct err err;
	if (bus_get_last(b, STREAM_JOBS, subject, &m, &err) != STATUS_OK)
		return "";
	const char *body = text_of("%.*s", SPAN_ARG(m.data));
	bus_stored_message_free(&m);
	return body;
}

UNUSED static const char *stored_header(struct bus *b, const char *subject, const char *name)
{
	struct bus_stored_message m;
	struct err err;
	CHECK_OK(bus_get_last(b, STREAM_JOBS, subject, &m, &err), err);
	struct span value = bus_in_header(&m.in, name);
	const char *text = value.p ? text_of("%.*s", SPAN_ARG(value)) : "";
	bus_stored_message_free(&m);
	return text;
}

#define SUBMIT "gannet.acme.jobs.submit.llm.default"

#endif
