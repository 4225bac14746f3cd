/* retry, bulk_retry, rerun and regenerate: a record's submission is queued again. */
#include "repeat.h"

#include "lookup.h"
#include "requests.h"
#include "submit.h"

static enum priority priority_of(const struct job_record *r)
{
	for (int i = 0; i < PRIORITY_COUNT; i++)
		if (span_is(r->priority, priority_names[i]))
			return (enum priority)i;
	return PRIORITY_DEFAULT;
}

enum status queue_next_run(struct jobs *j, const struct job_record *r, struct span traceparent, struct err *err)
{
	scoped_arena a = {0};
	struct job job;
	enum status status = submit_rebuild(r, &a, &job, err);
	if (status != STATUS_OK)
		return status;
	job.job_id = r->job_id;
	const struct submission s = {
	    .tenant = r->tenant,
	    .kind = r->kind,
	    .priority = priority_of(r),
	    .job_id = r->job_id,
	    .body = submit_body(r->kind, &job, &a),
	    .run = r->run + 1,
	    .submitted_ms = r->created_at.ms,
	    .traceparent = traceparent,
	};
	return submit(j, &s, err);
}

enum status retry_record(struct jobs *j, const struct job_record *r, struct span traceparent, struct err *err)
{
	if (!span_is(r->status, job_status_names[JOB_FAILED]) && !span_is(r->status, job_status_names[JOB_CANCELLED]))
		return err_field(err, STATUS_CONFLICT, "job_id",
		                 "job_id: job %.*s is %.*s; only failed and cancelled jobs can be retried", SPAN_ARG(r->job_id),
		                 SPAN_ARG(r->status));
	return queue_next_run(j, r, traceparent, err);
}

enum status retry_if_ended(struct jobs *j, struct span tenant, struct span job_id, struct err *err)
{
	scoped_arena a = {0};
	struct job_record record;
	enum status status = lookup(j, tenant, job_id, &a, &record, err);
	return status == STATUS_OK ? retry_record(j, &record, (struct span){0}, err) : status;
}

enum status handle_retry(void *arg, const struct micro_request *r, struct buf *reply, struct err *err)
{
	struct job_request request;
	struct job_record record;
	enum status status = micro_decode(r, &retry_request_table, &request, err);
	if (status == STATUS_OK)
		status = lookup(arg, r->tenant, request.job_id, r->arena, &record, err);
	if (status == STATUS_OK)
		status = retry_record(arg, &record, bus_in_header(&r->in, HEADER_TRACEPARENT), err);
	if (status != STATUS_OK)
		return status;
	const struct job_reply answer = {
	    .job_id = record.job_id, .output_id = record.output_id, .status = SPAN("queued"), .run = record.run + 1};
	return request_reply(&retry_reply_table, &answer, reply);
}

enum status handle_bulk_retry(void *arg, const struct micro_request *r, struct buf *reply, struct err *err)
{
	struct filter_request f;
	struct lookup_page page;
	enum status status = micro_decode(r, &bulk_retry_request_table, &f, err);
	if (status == STATUS_OK)
		status = lookup_page(arg, r->tenant, &f, retry_status_names[f.status],
		                     f.limit.set ? f.limit.v : BULK_LIMIT_DEFAULT, r->arena, &page, err);
	if (status != STATUS_OK)
		return status;
	scoped_buf ids = {0};
	struct retried_reply answer = {0};
	struct json_writer w = {.out = &ids};
	json_begin_array(&w);
	for (size_t i = 0; status == STATUS_OK && i < page.n; i++) {
		status = retry_if_ended(arg, r->tenant, page.records[i].job_id, err);
		if (status == STATUS_OK) {
			json_put_text(&w, page.records[i].job_id);
			answer.retried++;
		} else if (!err->retryable) {
			status = STATUS_OK; /* changed meanwhile, or not repeatable */
		}
	}
	json_end_array(&w);
	if (status != STATUS_OK && !answer.retried)
		return status;
	answer.job_ids = (struct json){buf_span(&ids), JSON_ARRAY};
	return request_reply(&bulk_retry_reply_table, &answer, reply);
}

/* ---- new jobs from old ones */

static enum status queue_copy(struct jobs *j, const struct micro_request *r, const struct job_record *of,
                              struct job *job, const struct json_table *reply_table, struct buf *reply, struct err *err)
{
	char id[ID_BYTES], output_id[OUTPUT_ID_BYTES];
	id_random(id);
	job->job_id = span_from(id);
	job->reply_to = (struct span){0}; /* whoever waited there waited for the other job */
	const struct submission s = {
	    .tenant = of->tenant,
	    .kind = of->kind,
	    .priority = priority_of(of),
	    .job_id = job->job_id,
	    .body = submit_body(of->kind, job, r->arena),
	    .run = 1,
	    .traceparent = bus_in_header(&r->in, HEADER_TRACEPARENT),
	};
	if (s.body.n > JOB_PAYLOAD_MAX)
		return err_set(err, STATUS_TOO_LARGE, "a submission of %zu bytes is larger than %zu", s.body.n,
		               JOB_PAYLOAD_MAX);
	enum status status = submit(j, &s, err);
	if (status != STATUS_OK)
		return status;
	output_id_from_job(s.job_id, output_id);
	const struct created_reply answer = {
	    .job_id = s.job_id,
	    .output_id = span_from(output_id),
	    .status = SPAN("queued"),
	    .estimated_completion = {estimate_completion(j->estimate, s.kind, s.priority, job->model, 0)},
	    .rerun_of = of->job_id,
	};
	return request_reply(reply_table, &answer, reply);
}

enum status handle_rerun(void *arg, const struct micro_request *r, struct buf *reply, struct err *err)
{
	struct job_request request;
	struct job_record record;
	struct job job;
	enum status status = micro_decode(r, &rerun_request_table, &request, err);
	if (status == STATUS_OK)
		status = lookup(arg, r->tenant, request.job_id, r->arena, &record, err);
	if (status == STATUS_OK)
		status = submit_rebuild(&record, r->arena, &job, err);
	return status == STATUS_OK ? queue_copy(arg, r, &record, &job, &rerun_reply_table, reply, err) : status;
}

enum status handle_regenerate(void *arg, const struct micro_request *r, struct buf *reply, struct err *err)
{
	struct job_request request;
	struct job_record record;
	struct job job;
	enum status status = micro_decode(r, &regenerate_request_table, &request, err);
	if (status == STATUS_OK && !request.context.type && !request.model.p)
		status = err_field(err, STATUS_INVALID, "context",
		                   "context: a new context or a new model is needed; rerun repeats a job as it was");
	if (status == STATUS_OK)
		status = lookup(arg, r->tenant, request.job_id, r->arena, &record, err);
	if (status == STATUS_OK)
		status = submit_rebuild(&record, r->arena, &job, err);
	if (status != STATUS_OK)
		return status;
	if (request.context.type)
		job.context = request.context;
	if (request.model.p)
		job.model = request.model;
	return queue_copy(arg, r, &record, &job, &regenerate_reply_table, reply, err);
}
