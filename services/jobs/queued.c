/* Reads submissions as they were queued: the server's copy of what went into JOBS, and what `create` announces of
 * delayed jobs. */
#include "bus/topology.h"
#include "events.h"

#define CONFIG(member) JSON_FIELD(struct job, member)
static const struct json_field ai_config_fields[] = {
    CONFIG(temperature), CONFIG(max_tokens), CONFIG(system_message), CONFIG(timeout_ms), CONFIG(max_retries),
    CONFIG(reply_to),    CONFIG(stream),     CONFIG(task_type),      CONFIG(parameters), CONFIG(run_at),
};
const struct json_table ai_config_table = {"ai_config", sizeof(struct job), ai_config_fields,
                                           countof(ai_config_fields)};

const struct json_table *submission_table(struct span kind)
{
	return span_is(kind, "llm") ? &llm_job_table : &task_table;
}

int64_t header_number(const struct bus_in *in, const char *name, int64_t fallback)
{
	int64_t v;
	struct span text = bus_in_header(in, name);
	return text.p && span_i64(text, &v) && v >= 0 ? v : fallback;
}

static struct span ai_config_of(const struct job *j, struct arena *a)
{
	if (!j->temperature.set && !j->max_tokens.set && !j->system_message.p && !j->timeout_ms.set &&
	    !j->max_retries.set && !j->reply_to.p && !j->stream.set && !j->task_type.p && !j->parameters.type &&
	    !j->run_at.ms)
		return (struct span){0};
	scoped_buf out = {0};
	json_encode(&ai_config_table, j, &(struct json_writer){.out = &out});
	return arena_dup(a, buf_span(&out));
}

static void set_submission(struct record *r, const struct job *j, struct arena *a)
{
	r->identity.user_id = j->user_id;
	r->identity.agent_id = j->agent_id;
	r->identity.model_name = j->model;
	r->identity.format = span_from(format_names[j->format]);
	r->identity.metadata = j->metadata.text;
	r->submission.job_type = j->job_type;
	r->submission.pipeline = j->pipeline;
	r->submission.record_id = j->record_id;
	r->submission.field_name = j->field_name;
	r->submission.prompt_template = j->template;
	r->submission.ai_config = ai_config_of(j, a);
	r->submission.input_data = j->input_data.text;
	r->submission.context = j->context.text;
}

static void set_queued(struct record *r, const struct bus_delivery *d, int64_t sequence, int64_t run_at_ms)
{
	int64_t run = header_number(&d->in, HEADER_RUN, 1), used = header_number(&d->in, HEADER_ATTEMPT, 0);
	int64_t submitted_ms = d->stored_ms;
	struct span at = bus_in_header(&d->in, HEADER_SUBMITTED_AT);
	int64_t ms;
	if (at.p && rfc3339_parse(at, &ms))
		submitted_ms = ms;
	r->created.created_at = submitted_ms;
	r->submission.submission_seq = sequence;
	r->state.run = run < 1 ? 1 : run > INT32_MAX / 2 ? INT32_MAX / 2 : run;
	r->state.attempt = used > INT32_MAX / 4 ? INT32_MAX / 4 : used + 1;
	r->state.retry_count = r->state.run - 1 + r->state.attempt - 1;
	r->state.state_rank = record_rank((uint64_t)sequence, 0, RECORD_QUEUED);
	r->state.status = span_from(job_status_names[JOB_PENDING]);
	r->state.updated_at = d->stored_ms;
	/* Comes back from DELAYED with the header; until then it waits for its time. */
	if (!bus_in_header(&d->in, HEADER_ATTEMPT).p && run_at_ms > submitted_ms)
		r->state.retry_at = run_at_ms;
}

/* The same order as the worker's: the body's own id, the one it was given earlier, its place in the stream. */
static bool name_job(struct record *r, const struct bus_delivery *d, struct span own_id, int64_t jobs_created_ms,
                     int64_t sequence, struct arena *a)
{
	char derived[JOB_ID_BYTES];
	struct span given = bus_in_header(&d->in, HEADER_JOB_ID);
	if (own_id.p && id_is_job(own_id)) {
		r->key.job_id = own_id;
	} else if (given.p && id_is_job(given)) {
		r->key.job_id = given;
	} else if (sequence > 0) {
		job_id_from_sequence(jobs_created_ms, (uint64_t)sequence, derived);
		r->key.job_id = arena_dup(a, span_from(derived));
	}
	return r->key.job_id.p != NULL;
}

/*
 * A body that does not decode is a job too: the worker rejects it under the id that it can be known by, and so it is
 * recorded. An announcement by `create` has no place in JOBS yet; it counts as place 0, before all others.
 */
enum status queued_decode(const struct bus_delivery *d, struct span tenant, struct span kind, struct span priority,
                          int64_t jobs_created_ms, struct arena *a, struct record *ret, struct err *err)
{
	struct json body = {0}, id;
	struct job job = {0};
	struct span own_id = {0};
	struct err unread = {0};
	struct span stream = bus_in_header(&d->in, "Nats-Stream");
	int64_t sequence = stream.p && span_is(stream, STREAM_JOBS) ? header_number(&d->in, "Nats-Sequence", 0) : 0;
	if (!id_is_kind(kind) || !priority.p)
		return err_set(err, STATUS_INVALID, "the subject does not end in kind and priority");
	if (json_parse(d->in.data, &body, &unread) == STATUS_OK && json_member(body, SPAN("job_id"), &id))
		own_id = json_text(id, a);
	if (!name_job(ret, d, own_id, jobs_created_ms, sequence, a))
		return err_set(err, STATUS_INVALID, "a submission without an id that did not come from " STREAM_JOBS);
	ret->key.tenant = tenant;
	ret->identity.kind = kind;
	ret->identity.priority = priority;
	bool read = body.type == JSON_OBJECT &&
	            json_decode(submission_table(kind), body, JSON_LENIENT, a, &job, &unread) == STATUS_OK;
	if (read)
		set_submission(ret, &job, a);
	set_queued(ret, d, sequence, read ? job.run_at.ms : 0);
	return STATUS_OK;
}
