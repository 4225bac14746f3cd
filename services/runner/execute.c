/* One llm job: render the prompt, choose the model, call its provider, read and check the answer, settle. */
#include "core/utf8.h"
#include "runner.h"
#include "worker/backoff.h"

/* A 429 that names no time: everybody waits this long, plus up to as much again by the job's own jitter. */
#define UNSAID_WAIT_MS 2000
/* Partial output is sent when this much has gathered, or this much time has passed. */
#define STREAM_BYTES 256
#define STREAM_EVERY_MS 40
#define FALLBACKS_MAX 8

/* A job on its way; lives in the job's arena. */
struct execution {
	struct runner *runner;
	struct worker_job *job;
	struct span prompt;
	struct span models[FALLBACKS_MAX + 1]; /* asked so far, the last one now */
	size_t models_n;
	struct llm_route route;
	struct llm_call call;
	struct http_call *http;
	struct llm_stream stream;
	int64_t call_started_ms, call_started_ns, streamed_ns;
	bool streamed_any;
	/* the first failure that a later model may still make good */
	struct worker_result failure;
	bool has_failure;
};

static struct breaker *breaker_of(const struct execution *x)
{
	for (size_t i = 0; i < providers_n; i++)
		if (providers[i] == x->route.provider)
			return &x->runner->breakers[i];
	return &x->runner->breakers[0];
}

static struct runner_metrics_sample sample_of(const struct execution *x, const char *outcome)
{
	return (struct runner_metrics_sample){
	    .job = x->job,
	    .provider = x->route.provider,
	    .model = x->models_n ? x->models[x->models_n - 1] : x->job->job.model,
	    .outcome = outcome,
	    .started_wall_ms = x->call_started_ms,
	    .call_us = x->call_started_ns ? (clock_mono_ns(x->runner->clock) - x->call_started_ns) / 1000 : -1,
	};
}

static const char *outcome_name(enum outcome o)
{
	static const char *const names[] = {"completed", "failed", "retry", "wait", "cancelled"};
	return names[o];
}

static void end(struct execution *x, const struct worker_result *r)
{
	struct runner_metrics_sample s = sample_of(x, outcome_name(r->outcome));
	s.result = r->llm;
	s.err = r->llm ? NULL : &r->err;
	report_call(x->runner, &s);
	llm_stream_free(&x->stream);
	worker_settle(x->job, r);
}

static void ask_next_model(struct execution *x);

/* Keeps the first failure and asks the next model of the chain; without one, the first failure is the attempt's
 * outcome. */
static void fail(struct execution *x, enum outcome outcome, const struct err *err, int64_t delay_ms)
{
	if (!x->has_failure) {
		x->failure = (struct worker_result){.outcome = outcome, .err = *err, .delay_ms = delay_ms};
		x->has_failure = true;
	}
	struct runner_metrics_sample s = sample_of(x, "fallback");
	s.err = err;
	struct span next = {0};
	if (x->models_n <= FALLBACKS_MAX)
		next = llm_fallback(x->runner->router, x->job->job.model, err, x->models_n - 1);
	if (!next.p) {
		end(x, &x->failure);
		return;
	}
	report_call(x->runner, &s);
	x->models[x->models_n++] = next;
	ask_next_model(x);
}

/* ---- reading the answer */

static struct json tried_models(struct execution *x)
{
	if (x->models_n < 2)
		return (struct json){0};
	scoped_buf list = {0};
	struct json_writer w = {&list, false};
	json_begin_array(&w);
	for (size_t i = 0; i + 1 < x->models_n; i++)
		json_put_text(&w, x->models[i]);
	json_end_array(&w);
	return (struct json){arena_dup(&x->job->arena, buf_span(&list)), JSON_ARRAY};
}

/* A refusal is an answer of its own kind, also of a json job: it is kept, and there is nothing to parse. */
static bool is_refusal(const struct llm_answer *a)
{
	return span_is(a->finish_reason, "refusal") || span_is(a->finish_reason, "content_filter");
}

static bool parse_answer(struct execution *x, const struct llm_answer *a, struct json *ret)
{
	struct err err = {0};
	unsigned format = x->job->job.format;
	if (is_refusal(a) && format == FORMAT_JSON) {
		*ret = (struct json){SPAN("null"), JSON_NULL};
		return true;
	}
	if (format_parse(format, a->text, a->finish_reason, &x->job->arena, ret, &err) == STATUS_OK)
		return true;
	fail(x, err.retryable ? OUTCOME_RETRY : OUTCOME_FAILED, &err, 0);
	return false;
}

static void complete(struct execution *x, const struct llm_answer *a, int64_t first_byte_us)
{
	/* Tokens are never free: what the provider does not count is estimated, and said to be. */
	struct usage usage = a->usage_known ? a->usage : usage_estimate(x->call.system, x->prompt, a->text);
	struct llm_result result = {
	    .model = x->route.model,
	    .provider = span_from(x->route.provider->name),
	    .prompt = x->prompt,
	    .raw_response = a->text.p ? a->text : SPAN(""),
	    .finish_reason = a->finish_reason,
	    .usage = &usage,
	    .response_length = (int64_t)a->text.n,
	    .fallback_from = tried_models(x),
	};
	if (!parse_answer(x, a, &result.parsed_output))
		return;
	int64_t nanousd;
	if (price_cost(x->runner->prices, result.provider, result.model, &usage, clock_wall_ms(x->runner->clock), &nanousd,
	               &result.price_id))
		result.cost_nanousd = (struct opt_i64){true, nanousd};
	if (a->simulated)
		result.simulated = (struct opt_bool){true, true};
	if (first_byte_us > 0)
		result.time_to_first_token_ms = (struct opt_i64){true, first_byte_us / 1000};
	end(x, &(struct worker_result){.outcome = OUTCOME_COMPLETED, .llm = &result});
}

/* ---- partial output */

static void publish_partial(struct execution *x, bool all)
{
	struct llm_stream *s = &x->stream;
	int64_t now = clock_mono_ns(x->runner->clock);
	size_t waiting = s->text.len - s->told;
	bool due = waiting >= STREAM_BYTES || now - x->streamed_ns >= STREAM_EVERY_MS * INT64_C(1000000);
	if (!waiting || !(all || due))
		return;
	/* Whole characters only: the last one may still be on its way. */
	struct span delta =
	    all ? span_of(s->text.data + s->told, waiting) : utf8_cut(span_of(s->text.data + s->told, waiting), waiting);
	if (!delta.n)
		return;
	bool restart = !x->streamed_any && (x->job->attempt > 1 || x->models_n > 1);
	worker_stream(x->job, delta, restart);
	x->streamed_any = true;
	x->streamed_ns = now;
	s->told += delta.n;
}

static bool on_data(void *arg, struct span bytes)
{
	struct execution *x = arg;
	struct err ignored; /* kept by the stream: llm_stream_end() says it again */
	if (llm_stream_feed(&x->stream, x->route.provider, bytes, &x->job->arena, &ignored) != STATUS_OK)
		return false;
	publish_partial(x, false);
	return true;
}

/* ---- the provider's answer, or its absence */

static void answer_failed(struct execution *x, const struct http_response *r)
{
	struct err err = {0};
	bool money = false;
	struct breaker *b = breaker_of(x);
	int64_t now_ms = clock_mono_ms(x->runner->clock);
	if (r->transport != STATUS_OK)
		llm_failure_from_transport(r, x->route.provider->name, &err);
	else
		x->route.provider->failure(r->http_status, r->body, &x->job->arena, &err, &money);

	int64_t wait_ms = retry_after_ms(r, clock_wall_ms(x->runner->clock));
	if (err.status == STATUS_RATE_LIMITED && err.retryable) {
		if (wait_ms < 0)
			wait_ms = UNSAID_WAIT_MS;
		breaker_hold(b, now_ms, wait_ms);
		/* Spread those that wait for the same moment. */
		wait_ms += backoff_spread_ms(x->job->id, wait_ms < UNSAID_WAIT_MS ? UNSAID_WAIT_MS / 4 : UNSAID_WAIT_MS);
		fail(x, OUTCOME_WAIT, &err, wait_ms);
		return;
	}
	if (r->transport != STATUS_OK || r->http_status >= 500) {
		breaker_failure(b, now_ms);
		report_circuit(x->route.provider, breaker_is_open(b));
	} else {
		breaker_success(b); /* it answered: the fault is the call's own */
	}
	if (retry_forbidden(r))
		err.retryable = false;
	fail(x, err.retryable ? OUTCOME_RETRY : OUTCOME_FAILED, &err, wait_ms > 0 ? wait_ms : 0);
}

static enum status read_answer(struct execution *x, const struct http_response *r, struct llm_answer *ret,
                               struct err *err)
{
	if (!x->call.stream)
		return x->route.provider->response(&x->call, r->body, &x->job->arena, ret, err);
	enum status s = llm_stream_end(&x->stream, x->route.provider, &x->job->arena, ret, err);
	if (s == STATUS_OK)
		publish_partial(x, true);
	return s;
}

static void on_done(void *arg, const struct http_response *r)
{
	struct execution *x = arg;
	struct llm_answer answer = {0};
	struct err err = {0};
	x->http = NULL;
	if (atomic_load(&x->job->cancelled)) {
		end(x, &(struct worker_result){.outcome = OUTCOME_CANCELLED,
		                               .err = {.status = STATUS_CANCELLED, .msg = "given up"}});
		return;
	}
	bool stream_error =
	    x->call.stream && x->stream.failed; /* an error inside HTTP 200, after which we hung up ourselves */
	if (!stream_error && (r->transport != STATUS_OK || r->http_status < 200 || r->http_status > 299)) {
		answer_failed(x, r);
		return;
	}
	if (read_answer(x, r, &answer, &err) != STATUS_OK) {
		breaker_failure(breaker_of(x), clock_mono_ms(x->runner->clock));
		fail(x, err.retryable ? OUTCOME_RETRY : OUTCOME_FAILED, &err, 0);
		return;
	}
	breaker_success(breaker_of(x));
	report_circuit(x->route.provider, false);
	complete(x, &answer, r->first_byte_us);
}

/* ---- asking */

static void call_http(struct execution *x)
{
	struct http_request request = {0};
	struct err err = {0};
	enum status s = x->route.provider->request(x->route.config, &x->call, &x->job->arena, &request, &err);
	if (s != STATUS_OK) {
		fail(x, OUTCOME_FAILED, &err, 0);
		return;
	}
	request.timeout_ms = x->job->timeout_ms;
	request.idle_timeout_ms = x->runner->idle_timeout_ms;
	request.max_response_bytes = 2 * LLM_ANSWER_MAX; /* an answer's JSON escapes */
	request.data = x->call.stream ? on_data : NULL;
	request.done = on_done;
	request.arg = x;
	if (http_call(x->runner->http, &request, &x->http, &err) != STATUS_OK)
		fail(x, err.retryable ? OUTCOME_RETRY : OUTCOME_FAILED, &err, 0);
}

static void answer_at_once(struct execution *x)
{
	struct llm_answer answer = {0};
	struct err err = {0};
	if (x->route.provider->answer(&x->call, &x->job->arena, &answer, &err) != STATUS_OK) {
		fail(x, err.retryable ? OUTCOME_RETRY : OUTCOME_FAILED, &err, 0);
		return;
	}
	if (x->job->job.stream.v)
		worker_stream(x->job, answer.text, false);
	complete(x, &answer, 0);
}

static void ask_next_model(struct execution *x)
{
	struct worker_job *j = x->job;
	struct err err = {0};
	struct span model = x->models[x->models_n - 1];
	if (llm_route(x->runner->router, model, &x->route, &err) != STATUS_OK) {
		x->route = (struct llm_route){0};
		fail(x, OUTCOME_FAILED, &err, 0);
		return;
	}
	int64_t wait_ms = breaker_wait_ms(breaker_of(x), clock_mono_ms(x->runner->clock));
	if (wait_ms > 0) {
		err_retry(&err, STATUS_UNAVAILABLE, "%s is not asked for %lld ms, after failures or on its own request",
		          x->route.provider->name, (long long)wait_ms);
		fail(x, OUTCOME_WAIT, &err, wait_ms + backoff_spread_ms(j->id, wait_ms));
		return;
	}
	llm_stream_free(&x->stream);
	x->stream = (struct llm_stream){0};
	x->call = (struct llm_call){
	    .model = x->route.model,
	    .system = j->job.system_message,
	    .prompt = x->prompt,
	    .format = j->job.format,
	    .temperature = j->job.temperature,
	    .max_tokens = j->job.max_tokens,
	    .stream = j->job.stream.v && x->route.provider->stream_event,
	};
	x->call_started_ms = clock_wall_ms(x->runner->clock);
	x->call_started_ns = clock_mono_ns(x->runner->clock);
	if (x->route.provider->answer)
		answer_at_once(x);
	else
		call_http(x);
}

void runner_process(void *arg, struct worker_job *j)
{
	struct execution *x = arena_new(&j->arena, struct execution);
	struct err err = {0};
	x->runner = arg;
	x->job = j;
	j->state = x;
	if (template_render(j->job.template, j->job.context, LLM_PROMPT_MAX, &j->arena, &x->prompt, &err) != STATUS_OK) {
		end(x, &(struct worker_result){.outcome = OUTCOME_FAILED, .err = err});
		return;
	}
	x->models[x->models_n++] = j->job.model;
	ask_next_model(x);
}

void runner_cancel(void *arg, struct worker_job *j)
{
	(void)arg;
	struct execution *x = j->state;
	if (x && x->http)
		http_abort(x->http);
}
