/* The field tables of the job path, and the names and ids that go with them. */
#include "contract/job.h"

#include <stdio.h>
#include <string.h>

#include "contract/check.h"

const char *const priority_names[] = {"high", "default", "low", NULL};
const char *const format_names[] = {"text", "json", "markdown", "html", NULL};
const char *const job_status_names[] = {"pending", "processing", "completed", "failed", "cancelled", NULL};
const char *const job_state_names[] = {"started", "progressed", "retrying", "completed",
                                       "failed",  "cancelled",  "rejected", NULL};

bool job_state_is_final(enum job_state s)
{
	return s >= JOB_EVENT_COMPLETED && s < JOB_STATE_COUNT;
}

/* ---- what text members may hold */

/* Free of what would break a log line, a metric's label or a header. */
static const char *check_visible(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~')
			return "visible ASCII characters without spaces";
	return NULL;
}

static bool is_subject(struct span s)
{
	if (!s.n || check_visible(s))
		return false;
	while (s.p) {
		struct span token = span_cut(&s, '.');
		if (!token.n || memchr(token.p, '*', token.n) || memchr(token.p, '>', token.n))
			return false;
	}
	return true;
}

static const char *check_subject(struct span s)
{
	return is_subject(s) ? NULL : "a subject without wildcards";
}

static const char *check_digits(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return "a decimal number";
	return NULL;
}

/* Codes may grow in number; their form stays. */
static const char *check_code(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!(s.p[i] >= 'a' && s.p[i] <= 'z') && s.p[i] != '_')
			return "a code of a-z and _";
	return NULL;
}

static const char *check_worker_status(struct span s)
{
	static const char *const names[] = {"idle", "running", "processing", "stopping", "stopped"};
	for (size_t i = 0; i < countof(names); i++)
		if (span_is(s, names[i]))
			return NULL;
	return "idle, running, processing, stopping or stopped";
}

/* ---- tables */

#define NAME .min = 1, .max = JOB_NAME_MAX
#define MODEL NAME, .check = check_visible
#define OBJECT .raw_types = JSON_ALLOW(JSON_OBJECT)
#define METADATA OBJECT, .max = JOB_METADATA_MAX, .check_raw = check_strings
#define STRINGS .raw_types = JSON_ALLOW(JSON_ARRAY), .check_raw = check_strings
#define COUNT .min = 0, .max = JOB_COUNT_MAX
#define REQUIRED .required = true
#define TABLE(title, type, fields)                                                                                     \
	{                                                                                                                  \
		title, sizeof(type), fields, countof(fields)                                                                   \
	}

#define F(member, ...) JSON_FIELD(struct job, member, __VA_ARGS__)
#define JOB_ID F(job_id, .min = 1, .max = JOB_ID_MAX, .check = check_job_id)
#define JOB_WHO F(user_id, NAME), F(agent_id, NAME)
#define JOB_HOW                                                                                                        \
	F(timeout_ms, .min = 1, .max = JOB_TIMEOUT_MAX_MS), F(max_retries, .min = 0, .max = JOB_RETRIES_MAX), F(run_at),   \
	    F(reply_to, .min = 1, .max = 255, .check = check_subject), F(stream)
#define JOB_RECORD                                                                                                     \
	F(job_type, .min = 1, .max = JOB_TYPE_MAX), F(pipeline, NAME), F(record_id, NAME), F(field_name, NAME),            \
	    F(input_data, OBJECT), F(metadata, METADATA)

static const struct json_field llm_job_fields[] = {
    JOB_ID,
    F(template, .min = 1, .max = JOB_TEMPLATE_MAX, REQUIRED),
    F(model, MODEL, REQUIRED),
    F(context, OBJECT),
    F(format, .names = format_names),
    JOB_WHO,
    F(temperature, .fmin = 0, .fmax = 2),
    F(max_tokens, .min = 1, .max = JOB_TOKENS_MAX),
    F(system_message, .max = JOB_TEMPLATE_MAX),
    JOB_HOW,
    JOB_RECORD,
};
const struct json_table llm_job_table = TABLE("job.llm", struct job, llm_job_fields);

static const struct json_field task_fields[] = {
    JOB_ID,
    F(task_type, .min = 1, .max = JOB_TYPE_MAX),
    F(model, MODEL),
    F(parameters, OBJECT),
    F(format, .names = format_names),
    JOB_WHO,
    JOB_HOW,
    JOB_RECORD,
};
const struct json_table task_table = TABLE("job.task", struct job, task_fields);
#undef F

#define F(member, ...) JSON_FIELD(struct usage, member, __VA_ARGS__)
static const struct json_field usage_fields[] = {
    F(input_tokens, COUNT, REQUIRED),
    F(cache_read_tokens, COUNT),
    F(cache_write_tokens, COUNT),
    F(output_tokens, COUNT, REQUIRED),
    F(reasoning_tokens, COUNT),
    F(total_tokens, COUNT, REQUIRED),
    F(estimated),
};
const struct json_table usage_table = TABLE("usage", struct usage, usage_fields);
#undef F

#define F(member, ...) JSON_FIELD(struct job_error, member, __VA_ARGS__)
static const struct json_field job_error_fields[] = {
    F(code, .min = 1, .max = 32, .check = check_code, REQUIRED),
    F(message, REQUIRED),
    F(field, .max = 64),
};
const struct json_table job_error_table = TABLE("job.error", struct job_error, job_error_fields);
#undef F

#define F(member, ...) JSON_FIELD(struct llm_result, member, __VA_ARGS__)
static const struct json_field llm_result_fields[] = {
    F(model, MODEL, REQUIRED),
    F(provider, .min = 1, .max = 32, .check = check_visible, REQUIRED),
    F(prompt),
    F(raw_response, REQUIRED),
    F(parsed_output),
    F(finish_reason, .max = 32, .check = check_code),
    F(usage, .table = &usage_table),
    F(cost_nanousd, COUNT),
    F(price_id, .min = 1, .max = 192),
    F(response_length, COUNT, REQUIRED),
    F(time_to_first_token_ms, COUNT),
    F(simulated),
    F(cached),
    F(fallback_from, STRINGS),
};
const struct json_table llm_result_table = TABLE("llm.result", struct llm_result, llm_result_fields);
#undef F

#define F(member, ...) JSON_FIELD(struct job_event, member, __VA_ARGS__)
static const struct json_field job_event_fields[] = {
    F(job_id, .min = 1, .max = JOB_ID_MAX, .check = check_job_id, REQUIRED),
    F(output_id, .min = 5, .max = OUTPUT_ID_BYTES - 1, .check = check_output_id, REQUIRED),
    F(tenant, .min = 1, .max = 255, REQUIRED), /* a rejected job's may be none of ours */
    F(kind, .min = 1, .max = 32, .check = check_kind, REQUIRED),
    F(priority, .names = priority_names, REQUIRED),
    F(state, .names = job_state_names, REQUIRED),
    F(run, .min = 1, .max = JOB_COUNT_MAX, REQUIRED),
    F(attempt, COUNT, REQUIRED),
    F(delivery, COUNT),
    F(stream_seq, .min = 1, .max = 20, .check = check_digits),
    F(worker_id, NAME),
    F(user_id, NAME),
    F(agent_id, NAME),
    F(model, MODEL),
    F(job_type, .min = 1, .max = JOB_TYPE_MAX),
    F(pipeline, NAME),
    F(record_id, NAME),
    F(field_name, NAME),
    F(format, .names = format_names),
    F(submitted_at),
    F(started_at),
    F(timestamp, REQUIRED),
    F(processing_time_ms, COUNT),
    F(queue_time_ms, COUNT),
    F(error, .table = &job_error_table),
    F(delay_ms, COUNT),
    F(retry_at),
    F(attempt_used),
    F(progress, .fmin = 0, .fmax = 1),
    F(interrupted, COUNT),
    F(result, .table = &llm_result_table),
    F(output_data),
    F(metadata, METADATA),
};
const struct json_table job_event_table = TABLE("job.event", struct job_event, job_event_fields);
#undef F

#define F(member, ...) JSON_FIELD(struct job_stream, member, __VA_ARGS__)
static const struct json_field job_stream_fields[] = {
    F(job_id, .min = 1, .max = JOB_ID_MAX, .check = check_job_id, REQUIRED),
    F(seq, COUNT, REQUIRED),
    F(delta),
    F(restart),
    F(done),
};
const struct json_table job_stream_table = TABLE("job.stream", struct job_stream, job_stream_fields);
#undef F

#define F(member, ...) JSON_FIELD(struct worker_info, member, __VA_ARGS__)
static const struct json_field worker_info_fields[] = {
    F(worker_id, NAME, REQUIRED),
    F(kind, .min = 1, .max = 32, .check = check_kind, REQUIRED),
    F(status, .check = check_worker_status, REQUIRED),
    F(capabilities, STRINGS, REQUIRED),
    F(started_at, REQUIRED),
    F(timestamp, REQUIRED),
    F(concurrency, COUNT),
    F(in_flight, COUNT),
    F(waiting, COUNT),
    F(succeeded, COUNT),
    F(failed, COUNT),
    F(retried, COUNT),
    F(cancelled, COUNT),
    F(average_processing_ms, .fmin = 0, .fmax = 1e15),
    F(version, .max = 64),
    F(host, .max = 255),
    F(pid, COUNT),
    F(providers, .raw_types = JSON_ALLOW(JSON_ARRAY)),
};
const struct json_table worker_info_table = TABLE("worker.info", struct worker_info, worker_info_fields);
#undef F

#define F(member, ...) JSON_FIELD(struct job_cancel, member, __VA_ARGS__)
static const struct json_field job_cancel_fields[] = {
    F(reason, .max = 256),
    F(by, NAME),
    F(at, REQUIRED),
};
const struct json_table job_cancel_table = TABLE("job.cancel", struct job_cancel, job_cancel_fields);
#undef F

static const struct json_field error_reply_fields[] = {
    JSON_FIELD(struct error_reply, error, .table = &job_error_table, REQUIRED),
};
const struct json_table error_reply_table = TABLE("error", struct error_reply, error_reply_fields);

/* ---- ids and subjects */

void job_id_from_sequence(int64_t stream_created_ms, uint64_t sequence, char out[JOB_ID_BYTES])
{
	char birth[16], *p = birth + sizeof birth;
	uint64_t rest = (uint64_t)stream_created_ms;
	*--p = 0;
	do
		*--p = "0123456789abcdefghijklmnopqrstuvwxyz"[rest % 36];
	while (rest /= 36);
	snprintf(out, JOB_ID_BYTES, "j-%s-%llu", p, (unsigned long long)sequence);
}

/* By hand, because every job needs both several times: printf's machinery costs more than the rest. */
static char *put(char *at, struct span s, size_t max)
{
	size_t n = s.n < max ? s.n : max;
	if (n)
		memcpy(at, s.p, n);
	return at + n;
}

static char *put_number(char *at, int64_t v)
{
	char digits[24], *p = digits + sizeof digits;
	uint64_t u = v < 0 ? -(uint64_t)v : (uint64_t)v;
	do
		*--p = (char)('0' + u % 10);
	while (u /= 10);
	if (v < 0)
		*--p = '-';
	return put(at, span_of(p, (size_t)(digits + sizeof digits - p)), sizeof digits);
}

void output_id_from_job(struct span job_id, char out[OUTPUT_ID_BYTES])
{
	*put(put(out, SPAN("out-"), 4), job_id, JOB_ID_MAX) = 0;
}

void job_final_name(struct span tenant, struct span job_id, int64_t run, char out[FINAL_NAME_BYTES])
{
	char *at = put(put(out, SPAN("final:"), 6), tenant, TENANT_ID_MAX);
	*at++ = '.';
	at = put(at, job_id, JOB_ID_MAX);
	*at++ = ':';
	*put_number(at, run) = 0;
}

static bool find_priority(struct span s, enum priority *ret)
{
	for (unsigned i = 0; i < PRIORITY_COUNT; i++)
		if (span_is(s, priority_names[i])) {
			*ret = (enum priority)i;
			return true;
		}
	return false;
}

/* gannet.<tenant>.jobs.<verb>.<kind>.<rest> */
static bool parse_subject(struct span subject, const char *verb, struct job_subject *found, struct span *rest)
{
	if (!span_is(span_cut(&subject, '.'), "gannet"))
		return false;
	found->tenant = span_cut(&subject, '.');
	if (!span_is(span_cut(&subject, '.'), "jobs") || !span_is(span_cut(&subject, '.'), verb))
		return false;
	found->kind = span_cut(&subject, '.');
	*rest = subject;
	return id_is_tenant(found->tenant) && id_is_kind(found->kind);
}

bool job_subject_parse(struct span subject, struct job_subject *ret)
{
	struct job_subject found;
	struct span priority;
	if (!parse_subject(subject, "submit", &found, &priority) || !find_priority(priority, &found.priority))
		return false;
	*ret = found;
	return true;
}

bool job_overflow_parse(struct span subject, struct job_subject *ret)
{
	struct job_subject found;
	struct span rest;
	if (!parse_subject(subject, "overflow", &found, &rest) || !find_priority(span_cut(&rest, '.'), &found.priority))
		return false;
	*ret = found;
	return true;
}

bool job_reply_allowed(struct span tenant, struct span subject)
{
	struct span rest = subject;
	if (!is_subject(subject))
		return false;
	struct span first = span_cut(&rest, '.');
	if (span_is(first, "_INBOX"))
		return rest.p != NULL;
	return span_is(first, "gannet") && span_eq(span_cut(&rest, '.'), tenant) &&
	       span_is(span_cut(&rest, '.'), "reply") && rest.p;
}
