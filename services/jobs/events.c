/* Reads events of workers: what state a job reached, and what came out of it. */
#include "events.h"

#include "core/utf8.h"

struct recorded_result {
	struct span provider, model, prompt, raw_response;
	struct json parsed_output, usage;
	struct opt_i64 cost_nanousd;
	struct opt_bool simulated;
};

/* The members of job.event that are recorded; `usage` stays as it is written. */
struct recorded_event {
	struct span kind, user_id, agent_id, model, stream_seq;
	unsigned priority, format;
	int64_t run, attempt, delivery;
	struct json_time submitted_at, started_at, timestamp, retry_at;
	struct opt_i64 processing_time_ms;
	struct opt_bool attempt_used;
	const struct job_error *error;
	const struct recorded_result *result;
	struct json output_data, metadata;
};

#define RESULT(member, ...) JSON_FIELD(struct recorded_result, member, __VA_ARGS__)
static const struct json_field result_fields[] = {
    RESULT(provider),      RESULT(model), RESULT(prompt),       RESULT(raw_response),
    RESULT(parsed_output), RESULT(usage), RESULT(cost_nanousd), RESULT(simulated),
};
static const struct json_table result_table = {"llm.result", sizeof(struct recorded_result), result_fields,
                                               countof(result_fields)};

#define EVENT(member, ...) JSON_FIELD(struct recorded_event, member, __VA_ARGS__)
static const struct json_field event_fields[] = {
    EVENT(kind),
    EVENT(user_id),
    EVENT(agent_id),
    EVENT(model),
    EVENT(stream_seq),
    EVENT(priority, .names = priority_names),
    EVENT(format, .names = format_names),
    EVENT(run),
    EVENT(attempt),
    EVENT(delivery),
    EVENT(submitted_at),
    EVENT(started_at),
    EVENT(timestamp),
    EVENT(retry_at),
    EVENT(processing_time_ms),
    EVENT(attempt_used),
    EVENT(error, .table = &job_error_table),
    EVENT(result, .table = &result_table),
    EVENT(output_data),
    EVENT(metadata),
};
static const struct json_table event_table = {"job.event", sizeof(struct recorded_event), event_fields,
                                              countof(event_fields)};

static const struct {
	enum job_status status;
	enum record_step step; /* of states that are not final */
} meanings[JOB_STATE_COUNT] = {
    [JOB_EVENT_STARTED] = {JOB_PROCESSING, RECORD_STARTED},
    [JOB_EVENT_PROGRESSED] = {JOB_PROCESSING, RECORD_PROGRESSED},
    [JOB_EVENT_RETRYING] = {JOB_PENDING, RECORD_RETRYING},
    [JOB_EVENT_COMPLETED] = {JOB_COMPLETED, 0},
    [JOB_EVENT_FAILED] = {JOB_FAILED, 0},
    [JOB_EVENT_CANCELLED] = {JOB_CANCELLED, 0},
    [JOB_EVENT_REJECTED] = {JOB_FAILED, 0},
};

static int64_t within(int64_t v, int64_t min, int64_t max)
{
	return v < min ? min : v > max ? max : v;
}

static void set_result(struct record *r, const struct recorded_result *result)
{
	int64_t total;
	struct json tokens;
	r->state.ai_provider = result->provider;
	r->state.result_model = result->model;
	r->state.prompt = result->prompt;
	r->state.raw_response = result->raw_response;
	r->state.parsed_output = result->parsed_output.text;
	r->state.usage = result->usage.text;
	r->state.simulated = result->simulated.v;
	if (json_member(result->usage, SPAN("total_tokens"), &tokens) && json_i64(tokens, &total))
		r->state.tokens_used = total;
	if (result->cost_nanousd.set)
		r->state.cost_nanousd = result->cost_nanousd.v;
}

static void set_identity(struct record *r, const struct recorded_event *e)
{
	r->identity.kind = e->kind.p ? e->kind : SPAN("");
	r->identity.priority = span_from(priority_names[e->priority]);
	r->identity.user_id = utf8_cut(e->user_id, JOB_NAME_MAX);
	r->identity.agent_id = e->agent_id;
	r->identity.model_name = e->model;
	r->identity.format = span_from(format_names[e->format]);
	r->identity.metadata = e->metadata.text;
}

static void set_state(struct record *r, const struct recorded_event *e, enum job_state state,
                      const struct bus_delivery *d)
{
	int64_t jobs_sequence = 0;
	bool final = job_state_is_final(state);
	bool used = state == JOB_EVENT_RETRYING && !(e->attempt_used.set && !e->attempt_used.v);
	if (!span_i64(e->stream_seq, &jobs_sequence) || jobs_sequence < 0)
		jobs_sequence = 0;
	r->state.run = within(e->run, 1, INT32_MAX / 2);
	r->state.attempt = within(e->attempt, 1, INT32_MAX / 2);
	r->state.retry_count = r->state.run - 1 + r->state.attempt - 1 + used;
	r->state.state_rank =
	    final ? record_rank_final(d->stream_sequence)
	          : record_rank((uint64_t)jobs_sequence, (uint64_t)within(e->delivery, 0, INT64_MAX), meanings[state].step);
	r->state.status = span_from(job_status_names[meanings[state].status]);
	r->state.updated_at = e->timestamp.ms ? e->timestamp.ms : d->stored_ms;
	r->state.started_at = e->started_at.ms;
	r->state.completed_at = final ? r->state.updated_at : 0;
	r->state.retry_at = e->retry_at.ms;
	if (e->processing_time_ms.set)
		r->state.processing_time_ms = e->processing_time_ms.v;
	if (e->error) {
		r->state.error_code = e->error->code;
		r->state.error_message = e->error->message;
		r->state.error_field = e->error->field;
	}
	if (e->result)
		set_result(r, e->result);
	r->state.output_data = e->output_data.text;
}

/* The name's place in a NULL-terminated list, -1 when it is not there. */
static int place_of(struct span name, const char *const *names)
{
	for (int i = 0; names[i]; i++)
		if (span_is(name, names[i]))
			return i;
	return -1;
}

/* Takes `gannet.<tenant>.jobs.event.` off. */
static bool cut_prefix(struct span *subject, struct span *ret_tenant)
{
	struct span rest = *subject;
	if (!span_is(span_cut(&rest, '.'), "gannet") || !rest.p)
		return false;
	*ret_tenant = span_cut(&rest, '.');
	if (!rest.p || !span_is(span_cut(&rest, '.'), "jobs") || !rest.p || !span_is(span_cut(&rest, '.'), "event") ||
	    !rest.p)
		return false;
	*subject = rest;
	return true;
}

bool event_is_job(struct span subject)
{
	struct span tenant;
	return cut_prefix(&subject, &tenant);
}

static enum status worker_event_decode(const struct bus_delivery *d, enum job_state state, struct arena *a,
                                       struct record *ret, struct event_facts *facts, struct err *err)
{
	struct json body;
	struct recorded_event e;
	enum status status = json_parse(d->in.data, &body, err);
	if (status == STATUS_OK)
		status = json_decode(&event_table, body, JSON_LENIENT, a, &e, err);
	if (status != STATUS_OK)
		return status;
	set_identity(ret, &e);
	set_state(ret, &e, state, d);
	ret->created.created_at = e.submitted_at.ms ? e.submitted_at.ms : d->stored_ms;
	*facts =
	    (struct event_facts){job_state_is_final(state), state == JOB_EVENT_COMPLETED, ret->state.processing_time_ms};
	return STATUS_OK;
}

enum status event_decode(const struct bus_delivery *d, int64_t jobs_created_ms, struct arena *a, struct record *ret,
                         struct event_facts *ret_facts, struct err *err)
{
	struct span rest = d->in.subject, tenant;
	if (!cut_prefix(&rest, &tenant) || !id_is_tenant(tenant))
		return err_set(err, STATUS_INVALID, "not a job event");
	record_init(ret);
	*ret_facts = (struct event_facts){.processing_time_ms = STORE_NULL};
	struct span state_name = span_cut(&rest, '.');
	if (span_is(state_name, "queued")) {
		struct span kind = span_cut(&rest, '.');
		return queued_decode(d, tenant, kind, rest, jobs_created_ms, a, ret, err);
	}
	int state = place_of(state_name, job_state_names);
	if (state < 0)
		return err_set(err, STATUS_INVALID, "unknown state \"%.*s\"", (int)(state_name.n < 32 ? state_name.n : 32),
		               state_name.p);
	if (!rest.p || !id_is_job(rest))
		return err_set(err, STATUS_INVALID, "the subject does not end in a job id");
	ret->key.tenant = tenant;
	ret->key.job_id = rest;
	return worker_event_decode(d, (enum job_state)state, a, ret, ret_facts, err);
}
