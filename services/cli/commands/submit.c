/* gannet submit: hands a job in, and waits for its answer if asked to. */
#include <stdio.h>

#include "bus/store.h"
#include "contract/job.h"
#include "services/cli/command.h"
#include "services/cli/connect.h"
#include "services/cli/field.h"
#include "services/cli/follow.h"
#include "services/cli/input.h"
#include "services/cli/show.h"
#include "services/cli/term.h"
#include "services/cli/text.h"

struct submit {
	const char *template, *template_file, *model, *context, *format, *priority, *kind, *input, *task, *parameters,
	    *user, *agent;
	const char *system, *job_id;
	struct texts vars;
	struct opt_f64 temperature;
	struct opt_i64 max_tokens, job_timeout_ms, retries;
	struct json_time run_at;
	bool stream, wait, direct;
};
static struct submit config;

#define AT(member) offsetof(struct submit, member)
static const struct option options[] = {
    {"template", "T", "TEXT", option_text, AT(template), .help = "the prompt, with {{name}} where a variable goes"},
    {"template-file", "F", "FILE", option_text, AT(template_file),
     .help = "the prompt from a file, - for standard input"},
    {"model", "m", "NAME", option_text, AT(model), .env = "GANNET_MODEL",
     .help = "which model answers; `simulated` needs no key"},
    {"var", "v", "NAME=VALUE", option_texts, AT(vars),
     .help = "a variable of the template, NAME=@FILE from a file; repeatable"},
    {"context", NULL, "JSON", option_text, AT(context), .help = "all variables as a JSON object, or @FILE"},
    {"format", "f", "NAME", option_choice, AT(format), .fallback = "text", .names = format_names,
     .help = "form of the answer"},
    {"system", NULL, "TEXT", option_text, AT(system), .help = "system message"},
    {"temperature", NULL, "NUMBER", option_f64, AT(temperature), .max = 2000,
     .help = "0 to 2; the model's own without it"},
    {"max-tokens", NULL, "N", option_i64, AT(max_tokens), .min = 1, .max = 1000000, .help = "longest answer"},
    {"kind", "k", "KIND", option_text, AT(kind), .fallback = "llm",
     .help = "llm, text, audio, document, multimodal, embed or your own"},
    {"task", NULL, "TYPE", option_text, AT(task), .help = "what a worker of another kind than llm shall do"},
    {"input", NULL, "JSON", option_text, AT(input), .help = "its input data as a JSON object, or @FILE"},
    {"parameters", NULL, "JSON", option_text, AT(parameters), .help = "its parameters as a JSON object, or @FILE"},
    {"priority", "p", "NAME", option_choice, AT(priority), .fallback = "default", .names = priority_names,
     .help = "which queue"},
    {"user", "u", "ID", option_text, AT(user), .env = "GANNET_USER", .help = "for whom"},
    {"agent", NULL, "ID", option_text, AT(agent), .help = "by which agent"},
    {"job-id", NULL, "ID", option_text, AT(job_id),
     .help = "an id of your own; a job given in twice with it runs once"},
    {"run-at", NULL, "TIME", option_future, AT(run_at), .help = "not before: 2026-01-31T08:00:00Z or +10m"},
    {"job-timeout", NULL, "TIME", option_ms, AT(job_timeout_ms), .min = 1, .max = JOB_TIMEOUT_MAX_MS,
     .help = "longest time for one attempt"},
    {"retries", NULL, "N", option_i64, AT(retries), .max = JOB_RETRIES_MAX, .help = "how often to try again"},
    {"wait", "w", NULL, option_flag, AT(wait), .help = "wait for the end and print the answer"},
    {"stream", "s", NULL, option_flag, AT(stream), .help = "wait, and print the answer as it is written"},
    {"direct", NULL, NULL, option_flag, AT(direct),
     .help = "publish to the queue itself, without asking the jobs service"},
};

static enum status require(bool holds, const char *option, const char *what, struct err *err)
{
	return holds ? STATUS_OK : err_field(err, STATUS_INVALID, option, "%s", what);
}

static enum status check(const struct submit *s, struct err *err)
{
	bool llm = strcmp(s->kind, "llm") == 0;
	if (require(id_is_kind(span_from(s->kind)), "--kind", "must be 1 to 32 of a-z 0-9 _ -", err) != STATUS_OK ||
	    require(!s->job_id || id_is_job(span_from(s->job_id)), "--job-id", "must be 1 to 64 of A-Z a-z 0-9 _ -", err) !=
	        STATUS_OK ||
	    require(!s->template || !s->template_file, "--template", "cannot be given together with --template-file",
	            err) != STATUS_OK)
		return err->status;
	if (!llm)
		return require(s->input, "--input", "is needed for this kind of job", err);
	if (require(!s->input && !s->task && !s->parameters, "--input",
	            "--task and --parameters are for other kinds; llm jobs have --template", err) != STATUS_OK)
		return err->status;
	if (require(s->template || s->template_file, "--template", "or --template-file is needed", err) != STATUS_OK)
		return err->status;
	return require(s->model, "--model", "is needed, e.g. --model simulated", err);
}

static void put_text(struct json_writer *w, const char *key, const char *text)
{
	if (text)
		json_kv_cstr(w, key, text);
}

static void put_i64(struct json_writer *w, const char *key, struct opt_i64 v)
{
	if (v.set)
		json_kv_i64(w, key, v.v);
}

static enum status put_object(struct arena *a, struct json_writer *w, const char *option, const char *key,
                              const char *text, struct err *err)
{
	struct json v;
	if (!text)
		return STATUS_OK;
	if (input_object(a, option, text, JOB_PAYLOAD_MAX, &v, err) != STATUS_OK)
		return err->status;
	json_kv(w, key, v);
	return STATUS_OK;
}

static enum status put_llm(struct arena *a, struct json_writer *w, const struct submit *s, struct err *err)
{
	struct span template = span_from(s->template);
	struct json context = {0};
	if (s->template_file &&
	    input_file(a, "--template-file", s->template_file, JOB_TEMPLATE_MAX, &template, err) != STATUS_OK)
		return err->status;
	if (s->context && input_object(a, "--context", s->context, JOB_PAYLOAD_MAX, &context, err) != STATUS_OK)
		return err->status;
	json_kv_text(w, "template", template);
	put_text(w, "model", s->model);
	put_text(w, "format", s->format);
	put_text(w, "system_message", s->system);
	if (s->temperature.set)
		json_kv_f64(w, "temperature", s->temperature.v);
	put_i64(w, "max_tokens", s->max_tokens);
	json_key(w, SPAN("context"));
	return input_variables(a, context, &s->vars, JOB_PAYLOAD_MAX, w, err);
}

static enum status put_task(struct arena *a, struct json_writer *w, const struct submit *s, struct err *err)
{
	put_text(w, "task_type", s->task);
	if (put_object(a, w, "--input", "input_data", s->input, err) != STATUS_OK)
		return err->status;
	return put_object(a, w, "--parameters", "parameters", s->parameters, err);
}

static enum status write_job(struct arena *a, struct json_writer *w, const struct submit *s, struct err *err)
{
	json_begin_object(w);
	put_text(w, "job_id", s->job_id);
	if (!s->direct) {
		put_text(w, "kind", s->kind);
		put_text(w, "priority", s->priority);
	}
	if ((strcmp(s->kind, "llm") == 0 ? put_llm : put_task)(a, w, s, err) != STATUS_OK)
		return err->status;
	put_text(w, "user_id", s->user);
	put_text(w, "agent_id", s->agent);
	put_i64(w, "timeout_ms", s->job_timeout_ms);
	put_i64(w, "max_retries", s->retries);
	if (s->run_at.ms)
		json_kv_time(w, "run_at", s->run_at.ms);
	if (s->stream)
		json_kv_bool(w, "stream", true);
	json_end_object(w);
	return STATUS_OK;
}

static enum status publish(struct cli *c, const struct submit *s, struct span body, struct buf *reply, struct err *err)
{
	char subject[128], msg_id[JOB_ID_MAX + TENANT_ID_MAX + 8], output_id[OUTPUT_ID_BYTES];
	struct bus_stored stored;
	snprintf(subject, sizeof subject, "gannet.%s.jobs.submit.%s.%s", c->global.tenant, s->kind, s->priority);
	snprintf(msg_id, sizeof msg_id, "%s.%s:1", c->global.tenant, s->job_id);
	struct bus_header header = {HEADER_MSG_ID, span_from(msg_id)};
	struct bus_out m = {.subject = subject, .data = body, .headers = &header, .headers_n = 1};
	if (bus_store_wait(c->bus, &m, cli_timeout_ms(c), &stored, err) != STATUS_OK)
		return err->status;
	output_id_from_job(span_from(s->job_id), output_id);
	struct json_writer w = {.out = reply};
	json_begin_object(&w);
	json_kv_cstr(&w, "job_id", s->job_id);
	json_kv_cstr(&w, "output_id", output_id);
	json_kv_cstr(&w, "status", "queued");
	json_end_object(&w);
	return STATUS_OK;
}

static void print_queued(struct cli *c, struct span reply)
{
	scoped_buf out = {0};
	struct json v;
	struct err err;
	if (c->global.json || json_parse(reply, &v, &err) != STATUS_OK) {
		buf_addspan(&out, reply);
		buf_addc(&out, '\n');
		cli_print(buf_span(&out));
		return;
	}
	bool colour = term_has_colour(1);
	struct span job_id = field_text(v, "job_id", &c->arena);
	if (c->global.quiet) {
		buf_printf(&out, "%.*s\n", SPAN_ARG(job_id));
		cli_print(buf_span(&out));
		return;
	}
	scoped_buf when = {0};
	int64_t estimate_ms = field_time_ms(v, "estimated_completion");
	if (estimate_ms)
		show_time(&when, estimate_ms);
	row(&out, "job", job_id, colour);
	row(&out, "output", field_text(v, "output_id", &c->arena), colour);
	row(&out, "status", field_text(v, "status", &c->arena), colour);
	row(&out, "done about", buf_span(&when), colour);
	cli_print(buf_span(&out));
}

static enum outcome submit(struct cli *c, struct follow *f)
{
	scoped_buf body = {.max_bytes = JOB_PAYLOAD_MAX}, reply = {0};
	struct json_writer w = {.out = &body};
	struct err err = {0};
	if (write_job(&c->arena, &w, &config, &err) != STATUS_OK)
		return cli_fail(c, &err);
	if (body.overflow) {
		err_set(&err, STATUS_TOO_LARGE, "the job is longer than %zu bytes: put its input into the object store",
		        JOB_PAYLOAD_MAX);
		return cli_fail(c, &err);
	}
	bool wait = config.wait || config.stream;
	if ((wait ? follow_open(f, &err) : cli_connect(c, &err)) != STATUS_OK)
		return cli_fail(c, &err);
	enum status s = config.direct ? publish(c, &config, buf_span(&body), &reply, &err)
	                              : cli_request(c, "create", buf_span(&body), &reply, &err);
	if (s != STATUS_OK)
		return cli_fail(c, &err);
	if (wait)
		return follow_to_end(f, false);
	print_queued(c, buf_span(&reply));
	return OUTCOME_OK;
}

static enum outcome run(struct cli *c, char **arguments, size_t n)
{
	static char id[ID_BYTES];
	struct err err;
	(void)arguments, (void)n;
	if (check(&config, &err) != STATUS_OK)
		return cli_usage(c, "%s %s", err.field, err.msg);
	/* Always an id of ours: events can be followed before the answer comes, and asking again never makes a second job.
	 */
	if (!config.job_id) {
		id_random(id);
		config.job_id = id;
	}
	struct follow f = {.c = c, .job_id = span_from(config.job_id), .run = 1, .stream = config.stream};
	enum outcome outcome = submit(c, &f);
	follow_close(&f);
	return outcome;
}

const struct command command_submit = {
    .name = "submit",
    .summary = "hand in a job",
    .details = "Examples:\n"
               "  gannet submit -T 'Summarise: {{text}}' -v text=@report.txt -m gpt-4o-mini --wait\n"
               "  echo 'Tell me about {{bird}}.' | gannet submit -F - -v bird=gannets -m gpt-4o --stream\n"
               "  gannet submit -k text --task sentiment --input '{\"text\":\"I like it\"}' -w\n"
               "\n"
               "With --wait and --stream the answer goes to standard output, everything else to\n"
               "standard error; the exit code tells how the job ended (3 failed, 4 cancelled).\n",
    .options = options,
    .options_n = countof(options),
    .config = &config,
    .run = run,
};
