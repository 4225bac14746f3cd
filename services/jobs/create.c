/* create: checks a submission as strictly as it can be, and queues it. */
#include "requests.h"
#include "submit.h"

#include "events.h"

/* The submission itself: the request without the parts of its subject, with an id. */
static struct span body_of(const struct micro_request *r, struct span given_id, struct span job_id)
{
	scoped_buf out = {0};
	struct json request, key, value;
	struct err err = {0};
	struct json_writer w = {.out = &out};
	json_begin_object(&w);
	if (!given_id.p)
		json_kv_text(&w, "job_id", job_id);
	if (json_parse(r->in.data, &request, &err) == STATUS_OK) {
		for (struct json_iter it = json_iter(request); json_next(&it, &key, &value);) {
			if (json_text_is(key, SPAN("kind")) || json_text_is(key, SPAN("priority")) || value.type == JSON_NULL)
				continue;
			json_key(&w, json_text(key, r->arena));
			json_put(&w, value);
		}
	}
	json_end_object(&w);
	return arena_dup(r->arena, buf_span(&out));
}

static enum status check_job(const struct jobs *j, const struct micro_request *r, const struct job *job,
                             struct err *err)
{
	if (job->reply_to.p && !job_reply_allowed(r->tenant, job->reply_to))
		return err_field(err, STATUS_INVALID, "reply_to", "reply_to: %.*s is not under _INBOX. or gannet.%.*s.reply.",
		                 (int)(job->reply_to.n < 80 ? job->reply_to.n : 80), job->reply_to.p, SPAN_ARG(r->tenant));
	if (job->run_at.ms > clock_wall_ms(j->clock) + DELAY_MAX_MS)
		return err_field(err, STATUS_INVALID, "run_at", "run_at: more than a year ahead");
	return STATUS_OK;
}

static enum priority priority_named(struct span name)
{
	for (int i = 0; name.p && i < PRIORITY_COUNT; i++)
		if (span_is(name, priority_names[i]))
			return (enum priority)i;
	return PRIORITY_DEFAULT;
}

/* Twice decoded: what may be said at all with the request's table, what this kind needs and allows with the worker's
 * own. */
enum status handle_create(void *arg, const struct micro_request *r, struct buf *reply, struct err *err)
{
	struct jobs *j = arg;
	struct create_request request;
	struct json body;
	struct job job;
	char new_id[ID_BYTES], output_id[OUTPUT_ID_BYTES];
	enum status status = micro_decode(r, &create_request_table, &request, err);
	if (status != STATUS_OK)
		return status;
	struct submission s = {.tenant = r->tenant, .kind = request.kind.p ? request.kind : SPAN("llm"), .run = 1};
	id_random(new_id);
	s.priority = priority_named(request.priority);
	s.job_id = request.job.job_id.p ? request.job.job_id : span_from(new_id);
	s.body = body_of(r, request.job.job_id, s.job_id);
	s.run_at_ms = request.job.run_at.ms;
	s.traceparent = bus_in_header(&r->in, HEADER_TRACEPARENT);
	if (s.body.n > JOB_PAYLOAD_MAX)
		return err_set(err, STATUS_TOO_LARGE,
		               "a submission of %zu bytes is larger than %zu; put big input into the object store", s.body.n,
		               JOB_PAYLOAD_MAX);
	status = json_parse(s.body, &body, err);
	if (status == STATUS_OK)
		status = json_decode(submission_table(s.kind), body, JSON_STRICT, r->arena, &job, err);
	if (status == STATUS_OK)
		status = check_job(j, r, &job, err);
	if (status == STATUS_OK)
		status = submit(j, &s, err);
	if (status != STATUS_OK)
		return status;
	output_id_from_job(s.job_id, output_id);
	const struct created_reply answer = {
	    .job_id = s.job_id,
	    .output_id = span_from(output_id),
	    .status = SPAN("queued"),
	    .estimated_completion = {estimate_completion(j->estimate, s.kind, s.priority, job.model, s.run_at_ms)},
	};
	return request_reply(&create_reply_table, &answer, reply);
}
