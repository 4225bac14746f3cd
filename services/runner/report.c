/* Metrics, trace spans and the log line of a finished attempt. */
#include "contract/job.h"
#include "core/utf8.h"
#include "runner.h"

/* OpenTelemetry's GenAI names (semantic conventions, still moving): this table is their only place. */
static const double seconds_bounds[] = {.01,  .02,  .04,  .08,   .16,   .32,   .64,
                                        1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92};
static const double token_bounds[] = {1,     4,     16,     64,      256,     1024,     4096,
                                      16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864};
static const double overhead_bounds[] = {.00005, .0001, .0002, .0005, .001, .002, .005, .01, .02, .05, .1};

static struct metric jobs_total = {.name = "gannet_jobs_total",
                                   .help = "Attempts at llm jobs, by outcome",
                                   .kind = METRIC_COUNTER,
                                   .label1 = "outcome"};
static struct metric call_seconds = {.name = "gen_ai_client_operation_duration_seconds",
                                     .help = "Duration of provider calls",
                                     .kind = METRIC_HISTOGRAM,
                                     .label1 = "gen_ai_provider_name",
                                     .label2 = "gen_ai_request_model",
                                     .bounds = seconds_bounds,
                                     .bounds_n = countof(seconds_bounds),
                                     .scale = 1e-6};
static struct metric tokens = {.name = "gen_ai_client_token_usage",
                               .help = "Tokens of provider calls",
                               .kind = METRIC_HISTOGRAM,
                               .label1 = "gen_ai_provider_name",
                               .label2 = "gen_ai_token_type",
                               .bounds = token_bounds,
                               .bounds_n = countof(token_bounds)};
static struct metric cost = {.name = "gannet_cost_usd_total",
                             .help = "Cost of provider calls in US dollars",
                             .kind = METRIC_COUNTER,
                             .label1 = "provider",
                             .label2 = "model",
                             .scale = 1e-9};
static struct metric unpriced = {.name = "gannet_unpriced_calls_total",
                                 .help = "Calls to models without a price",
                                 .kind = METRIC_COUNTER,
                                 .label1 = "provider",
                                 .label2 = "model"};
static struct metric retries = {.name = "gannet_retries_total",
                                .help = "Attempts that ended in waiting for another one",
                                .kind = METRIC_COUNTER,
                                .label1 = "reason"};
static struct metric overhead = {.name = "gannet_overhead_seconds",
                                 .help = "Time in an attempt that was not the provider's",
                                 .kind = METRIC_HISTOGRAM,
                                 .bounds = overhead_bounds,
                                 .bounds_n = countof(overhead_bounds),
                                 .scale = 1e-6};
static struct metric circuit = {.name = "gannet_circuit_state",
                                .help = "1 while a provider is not asked after repeated failures",
                                .kind = METRIC_GAUGE,
                                .label1 = "provider"};

/* Of a template, a log line shows its beginning only: enough to tell which one it was. */
#define TEMPLATE_SHOWN_BYTES 80

void report_init(void)
{
	struct metric *const all[] = {&jobs_total, &call_seconds, &tokens, &cost, &unpriced, &retries, &overhead, &circuit};
	for (size_t i = 0; i < countof(all); i++)
		metric_register(all[i]);
}

void report_circuit(const struct provider *p, bool open)
{
	metric_set(metric_series(&circuit, p->name, NULL), open);
}

void report_providers(void *arg, struct json_writer *w)
{
	(void)arg;
	json_begin_array(w);
	for (const struct metric_series *s = atomic_load(&circuit.first); s; s = s->next) {
		json_begin_object(w);
		json_kv_cstr(w, "provider", s->value1);
		json_kv_cstr(w, "circuit", metric_value(s) ? "open" : "closed");
		json_end_object(w);
	}
	json_end_array(w);
}

static void report_metrics(const struct runner_metrics_sample *s, const char *model)
{
	metric_add(metric_series(&jobs_total, s->outcome, NULL), 1);
	if (s->err && (span_is(span_from(s->outcome), "retry") || span_is(span_from(s->outcome), "wait")))
		metric_add(metric_series(&retries, status_code(s->err->status), NULL), 1);
	if (!s->provider || s->call_us < 0)
		return;
	const char *provider = s->provider->name;
	metric_observe(metric_series(&call_seconds, provider, model), s->call_us);
	if (!s->result)
		return;
	if (s->result->usage) {
		const struct usage *u = s->result->usage;
		metric_observe(metric_series(&tokens, provider, "input"),
		               u->input_tokens + u->cache_read_tokens + u->cache_write_tokens);
		metric_observe(metric_series(&tokens, provider, "output"), u->output_tokens);
	}
	if (s->result->cost_nanousd.set)
		metric_add(metric_series(&cost, provider, model), s->result->cost_nanousd.v);
	else
		metric_add(metric_series(&unpriced, provider, model), 1);
}

static void report_span(const struct runner_metrics_sample *s)
{
	if (!trace_enabled() || s->call_us < 0 || !s->provider)
		return;
	struct trace_context self = trace_child(&s->job->trace);
	scoped_arena a = {0};
	const struct usage *u = s->result ? s->result->usage : NULL;
	const struct trace_attribute attributes[] = {
	    {"gen_ai.operation.name", SPAN("chat"), 0},
	    {"gen_ai.provider.name", span_from(s->provider->name), 0},
	    {"gen_ai.request.model", s->model, 0},
	    {"gen_ai.response.finish_reasons", s->result ? s->result->finish_reason : SPAN("error"), 0},
	    {"gen_ai.usage.input_tokens", {0}, u ? u->input_tokens + u->cache_read_tokens + u->cache_write_tokens : 0},
	    {"gen_ai.usage.output_tokens", {0}, u ? u->output_tokens : 0},
	};
	struct span name = arena_printf(&a, "chat %.*s", SPAN_ARG(s->model));
	trace_record(&self, s->job->trace.span, name.p, TRACE_CLIENT, s->started_wall_ms, s->call_us,
	             s->err ? status_code(s->err->status) : NULL, attributes, countof(attributes));
}

static void report_log(const struct runner_metrics_sample *s)
{
	enum log_level level = s->result ? LOG_INFO : LOG_WARN;
	if (!log_enabled(level))
		return;
	char output_id[OUTPUT_ID_BYTES];
	output_id_from_job(s->job->id, output_id);
	struct span template = s->job->job.template;
	if (template.n > TEMPLATE_SHOWN_BYTES)
		template = utf8_cut(template, TEMPLATE_SHOWN_BYTES);
	static const char *const messages[] = {"llm job completed", "llm job attempt ended"};
	const struct log_field fields[] = {
	    LOG_S("job_id", s->job->id),
	    LOG_C("output_id", output_id),
	    LOG_S("tenant", s->job->tenant),
	    LOG_S("template", template),
	    LOG_S("model", s->model),
	    LOG_S("user_id", s->job->job.user_id),
	    LOG_C("outcome", s->outcome),
	    LOG_I("attempt", s->job->attempt),
	    LOG_I("response_length", s->result ? s->result->response_length : 0),
	    LOG_I("call_us", s->call_us),
	    LOG_C("error", s->err ? status_code(s->err->status) : NULL),
	    LOG_C("error_message", s->err ? s->err->msg : NULL),
	};
	log_line(level, messages[!s->result], fields, countof(fields));
}

void report_call(const struct runner *r, const struct runner_metrics_sample *s)
{
	char model[96];
	struct span shown = utf8_cut(s->model, sizeof model - 1);
	span_copy(shown, model, sizeof model);
	report_metrics(s, model);
	if (s->call_us >= 0) {
		int64_t all_us = (clock_mono_ns(r->clock) - s->job->started_mono_ns) / 1000;
		metric_observe(metric_series(&overhead, NULL, NULL), all_us > s->call_us ? all_us - s->call_us : 0);
	}
	report_span(s);
	report_log(s);
}
