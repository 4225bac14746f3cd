/* A jobs service that plays its part in one test of the gannet command, and the command run to its end. */
#ifndef GANNET_TESTS_CLI_FAKE_H
#define GANNET_TESTS_CLI_FAKE_H

#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "contract/requests.h"
#include "core/clock.h"
#include "tests/lib/servers.h"

#define FAKE_ANSWER "Gannets dive from thirty metres."

/* Every request has to be what its table says, strictly; it is answered with `reply`, or `error` as "404 sentence". */
struct fake_verb {
	const char *name;
	const struct json_table *request;
	const char *reply, *error;
	char body[65536]; /* the last request */
	int requests;
};

static struct fake_verb fake_verbs[] = {
    {"create", &create_request_table},     {"get", &get_request_table},
    {"list", &list_request_table},         {"cancel", &cancel_request_table},
    {"retry", &retry_request_table},       {"bulk_retry", &bulk_retry_request_table},
    {"rerun", &rerun_request_table},       {"regenerate", &regenerate_request_table},
    {"feedback", &feedback_request_table}, {"stats", &stats_request_table},
};
static pthread_mutex_t fake_lock = PTHREAD_MUTEX_INITIALIZER;
static struct bus *fake_bus;
static char fake_broken[400]; /* the first request that was wrong */
/* What happens to a job when it was created: called on a client thread with its id. */
static void (*fake_created_hook)(struct span job_id);

static struct fake_verb *fake_verb(struct span name)
{
	for (size_t i = 0; i < countof(fake_verbs); i++)
		if (span_is(name, fake_verbs[i].name))
			return &fake_verbs[i];
	return NULL;
}

/* What a verb answers from now on. */
static inline void fake_reply(const char *verb, const char *reply)
{
	static struct arena kept; /* for answers that are on their way */
	pthread_mutex_lock(&fake_lock);
	fake_verb(span_from(verb))->reply = arena_cstr(&kept, span_from(reply));
	fake_verb(span_from(verb))->error = NULL;
	pthread_mutex_unlock(&fake_lock);
}

static inline void fake_refuse(const char *verb, const char *error)
{
	pthread_mutex_lock(&fake_lock);
	fake_verb(span_from(verb))->error = error;
	pthread_mutex_unlock(&fake_lock);
}

static inline void fake_on_create(void (*fn)(struct span job_id))
{
	pthread_mutex_lock(&fake_lock);
	fake_created_hook = fn;
	pthread_mutex_unlock(&fake_lock);
}

static inline int fake_requests(const char *verb)
{
	pthread_mutex_lock(&fake_lock);
	int n = fake_verb(span_from(verb))->requests;
	pthread_mutex_unlock(&fake_lock);
	return n;
}

static inline void fake_send(const char *subject, struct span data, const struct bus_header *headers, size_t n)
{
	struct err err;
	CHECK_OK(bus_publish(fake_bus,
	                     &(struct bus_out){.subject = subject, .data = data, .headers = headers, .headers_n = n}, &err),
	         err);
}

static inline void fake_error(const char *reply, const char *error)
{
	scoped_buf body = {0};
	char code[4];
	snprintf(code, sizeof code, "%s", error);
	struct bus_header headers[] = {{"Nats-Service-Error-Code", span_from(code)},
	                               {"Nats-Service-Error", span_from(error + 4)}};
	buf_printf(&body, "{\"error\":{\"code\":\"%s\",\"message\":\"%s\"}}", status_code(status_from_http(atoi(code))),
	           error + 4);
	fake_send(reply, buf_span(&body), headers, 2);
}

/* {"job_id", "output_id", "status":"queued", "estimated_completion"} for the id that was asked for */
static inline void fake_created(const char *reply, struct span job_id)
{
	scoped_buf body = {0};
	buf_printf(&body,
	           "{\"job_id\":\"%.*s\",\"output_id\":\"out-%.*s\",\"status\":\"queued\","
	           "\"estimated_completion\":\"2026-01-31T08:00:00.000Z\"}",
	           SPAN_ARG(job_id), SPAN_ARG(job_id));
	fake_send(reply, buf_span(&body), NULL, 0);
}

static inline void fake_check(struct fake_verb *v, struct span body, struct span *ret_job_id)
{
	static struct arena a; /* ids live as long as the test */
	static union {
		struct create_request create;
		struct job_request job;
		struct filter_request filter;
		struct empty_request empty;
	} request;
	struct json doc, id;
	struct err err = {0};
	if (json_parse(body, &doc, &err) == STATUS_OK)
		(void)!json_decode(v->request, doc, JSON_STRICT, &a, &request, &err);
	pthread_mutex_lock(&fake_lock);
	if (err.status != STATUS_OK && !fake_broken[0])
		snprintf(fake_broken, sizeof fake_broken, "%s: %s", v->name, err.msg);
	snprintf(v->body, sizeof v->body, "%.*s", SPAN_ARG(body));
	v->requests++;
	pthread_mutex_unlock(&fake_lock);
	if (json_member(doc, SPAN("job_id"), &id))
		*ret_job_id = arena_dup(&a, json_text(id, &a));
}

static inline void fake_receive(void *arg, const struct bus_in *m)
{
	struct span rest = m->subject, verb = {0}, job_id = {0};
	char reply[256];
	(void)arg;
	while (rest.p)
		verb = span_cut(&rest, '.');
	struct fake_verb *v = fake_verb(verb);
	if (!v || !span_copy(m->reply, reply, sizeof reply))
		return;
	fake_check(v, m->data, &job_id);
	bool create = strcmp(v->name, "create") == 0;
	pthread_mutex_lock(&fake_lock);
	const char *answer = v->reply, *error = v->error;
	void (*then)(struct span id) = create ? fake_created_hook : NULL;
	pthread_mutex_unlock(&fake_lock);
	if (error)
		fake_error(reply, error);
	else if (answer)
		fake_send(reply, span_from(answer), NULL, 0);
	else if (create)
		fake_created(reply, job_id);
	if (then)
		then(job_id);
}

static inline void fake_end(void)
{
	CHECK_MSG(!fake_broken[0], "%s", fake_broken);
}

static inline void fake_start(void)
{
	struct bus_sub *sub;
	struct err err;
	fake_bus = test_bus();
	CHECK_OK(bus_subscribe(fake_bus, "gannet.default.jobs.*", NULL, fake_receive, NULL, &sub, &err), err);
	CHECK_OK(bus_flush(fake_bus, 5000, &err), err);
	test_at_end(TEST_END_BUS, fake_end);
}

static inline struct job_event fake_event(struct span job_id, enum job_state state)
{
	static char output_id[OUTPUT_ID_BYTES];
	int64_t now_ms = clock_wall_ms(&clock_system);
	output_id_from_job(job_id, output_id);
	return (struct job_event){
	    .job_id = job_id,
	    .output_id = span_from(output_id),
	    .tenant = SPAN("default"),
	    .kind = SPAN("llm"),
	    .priority = PRIORITY_DEFAULT,
	    .state = state,
	    .run = 1,
	    .attempt = 1,
	    .delivery = 1,
	    .stream_seq = SPAN("7"),
	    .worker_id = SPAN("runner-1"),
	    .model = SPAN("simulated"),
	    .submitted_at = {now_ms - 1500},
	    .started_at = {now_ms - 1420},
	    .timestamp = {now_ms},
	};
}

static inline void fake_publish(const struct job_event *ev)
{
	scoped_buf body = {0};
	char subject[128];
	struct json_writer w = {.out = &body};
	json_encode(&job_event_table, ev, &w);
	snprintf(subject, sizeof subject, "gannet.default.jobs.event.%s.%.*s", job_state_names[ev->state],
	         SPAN_ARG(ev->job_id));
	fake_send(subject, buf_span(&body), NULL, 0);
}

static inline void fake_started(struct span job_id)
{
	struct job_event ev = fake_event(job_id, JOB_EVENT_STARTED);
	fake_publish(&ev);
}

static inline void fake_completed(struct span job_id)
{
	static const struct usage usage = {.input_tokens = 1000, .output_tokens = 234, .total_tokens = 1234};
	static const struct llm_result result = {
	    .model = {"simulated", 9},
	    .provider = {"simulated", 9},
	    .prompt = {"Tell me.", 8},
	    .raw_response = {FAKE_ANSWER, sizeof FAKE_ANSWER - 1},
	    .parsed_output = {{"\"" FAKE_ANSWER "\"", sizeof FAKE_ANSWER + 1}, JSON_STRING},
	    .finish_reason = {"stop", 4},
	    .usage = &usage,
	    .cost_nanousd = {true, 125000},
	    .response_length = sizeof FAKE_ANSWER - 1,
	    .simulated = {true, true}};
	struct job_event ev = fake_event(job_id, JOB_EVENT_COMPLETED);
	ev.processing_time_ms = (struct opt_i64){true, 1420};
	ev.queue_time_ms = (struct opt_i64){true, 80};
	ev.result = &result;
	fake_publish(&ev);
}

static inline void fake_failed(struct span job_id)
{
	static const struct job_error error = {.code = {"provider_error", 14}, .message = {"it answered 500", 15}};
	struct job_event ev = fake_event(job_id, JOB_EVENT_FAILED);
	ev.processing_time_ms = (struct opt_i64){true, 1420};
	ev.error = &error;
	fake_publish(&ev);
}

static inline void fake_cancelled(struct span job_id)
{
	struct job_event ev = fake_event(job_id, JOB_EVENT_CANCELLED);
	fake_publish(&ev);
}

/* A record as jobs.get answers it; free with buf_free(). */
static inline void fake_record(const char *job_id, const char *status, struct buf *out)
{
	char output_id[OUTPUT_ID_BYTES];
	int64_t now_ms = clock_wall_ms(&clock_system);
	output_id_from_job(span_from(job_id), output_id);
	bool completed = strcmp(status, "completed") == 0, failed = strcmp(status, "failed") == 0;
	struct job_record r = {
	    .job_id = span_from(job_id),
	    .output_id = span_from(output_id),
	    .tenant = SPAN("default"),
	    .kind = SPAN("llm"),
	    .priority = SPAN("default"),
	    .status = span_from(status),
	    .model_name = SPAN("gpt-4o-mini"),
	    .prompt_template = SPAN("Tell me about {{bird}}."),
	    .template_name = SPAN("Tell me about {{bird}}."),
	    .format = SPAN("text"),
	    .feedback = SPAN("none"),
	    .run = 1,
	    .user_id = SPAN("ada"),
	    .created_at = {now_ms - 90000},
	    .updated_at = {now_ms - 88000},
	};
	if (completed) {
		r.ai_provider = SPAN("openai");
		r.prompt = SPAN("Tell me about gannets.");
		r.raw_response = SPAN(FAKE_ANSWER);
		r.parsed_output = (struct json){SPAN("\"" FAKE_ANSWER "\""), JSON_STRING};
		r.tokens_used = (struct opt_i64){true, 1234};
		r.usage =
		    (struct json){SPAN("{\"input_tokens\":1000,\"output_tokens\":234,\"total_tokens\":1234}"), JSON_OBJECT};
		r.cost_nanousd = (struct opt_i64){true, 125000};
	}
	if (completed || failed) {
		r.started_at.ms = now_ms - 89920;
		r.completed_at.ms = now_ms - 88500;
		r.processing_time_ms = (struct opt_i64){true, 1420};
	}
	if (failed) {
		r.error_code = SPAN("provider_error");
		r.error_message = SPAN("it answered 500");
	}
	struct json_writer w = {.out = out};
	json_encode(&get_reply_table, &r, &w);
}

#define FAKE_STATS                                                                                                     \
	"{\"pending\":12,\"processing\":3,\"completed\":12345,\"failed\":4,\"cancelled\":0,\"total\":12364,\"queues\":[{"  \
	"\"kind\":"                                                                                                        \
	"\"llm\",\"priority\":\"default\",\"waiting\":12,\"running\":3}],\"delayed\":0,\"throughput_per_s\":12.5,\"p50_"   \
	"processing_"                                                                                                      \
	"ms\":800,\"workers\":[{\"worker_id\":\"runner-1\",\"kind\":\"llm\",\"status\":\"running\",\"capabilities\":["     \
	"\"simulated\"],"                                                                                                  \
	"\"started_at\":\"2026-01-31T08:00:00.000Z\",\"timestamp\":\"2026-01-31T08:00:00.000Z\",\"concurrency\":256,\"in_" \
	"flight\":3,\"waiting\":0,\"succeeded\":10,\"failed\":0,\"retried\":0,\"cancelled\":0,\"average_processing_ms\":"  \
	"12.5,"                                                                                                            \
	"\"version\":\"0.1.0\",\"host\":\"h\",\"pid\":1}]}"

/* ---- the command */

struct cli_text {
	const char *data; /* NUL-terminated */
	size_t len;
};
struct cli_run {
	int status;
	struct cli_text out, err; /* kept until the test ends */
};
static struct arena cli_kept;

static inline struct cli_text cli_keep(const char *path)
{
	scoped_buf text = {0};
	test_read(path, &text);
	return (struct cli_text){arena_cstr(&cli_kept, buf_span(&text)), text.len};
}

static inline struct cli_run cli_end(struct test_process *p)
{
	struct cli_run r = {.status = test_wait_exit(p)};
	r.out = cli_keep(p->out_path);
	r.err = cli_keep(p->log_path);
	return r;
}

#define CLI_ENV(...)                                                                                                   \
	(const char *const[])                                                                                              \
	{                                                                                                                  \
		__VA_ARGS__, NULL                                                                                              \
	}
#define CLI_SPAWN(...) test_spawn("gannet", NULL, CLI_ENV(__VA_ARGS__))
/* Runs the command to its end. The texts are for the rest of the test. */
#define CLI(...) cli_end(CLI_SPAWN(__VA_ARGS__))
#define CLI_WITH(env, ...) cli_end(test_spawn("gannet", env, CLI_ENV(__VA_ARGS__)))

/* A member of the last request of a verb, as it was written; "" when it has none. */
static inline const char *cli_asked(const char *verb, const char *pointer)
{
	static char text[65536];
	struct json doc, v = {0};
	struct err err;
	pthread_mutex_lock(&fake_lock);
	struct fake_verb *of = fake_verb(span_from(verb));
	if (json_parse(span_from(of->body), &doc, &err) == STATUS_OK)
		(void)json_pointer(doc, pointer, &v);
	snprintf(text, sizeof text, "%.*s", SPAN_ARG(v.text));
	pthread_mutex_unlock(&fake_lock);
	return text;
}
#define CHECK_ASKED(verb, pointer, want) CHECK_SPAN(span_from(cli_asked(verb, pointer)), want)

#endif
