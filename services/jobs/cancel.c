/* cancel: a job that waits is ended here, one that runs is ended by its worker. */
#include <inttypes.h>
#include <stdio.h>

#include "bus/kv.h"
#include "bus/private_id.h"
#include "bus/store.h"
#include "bus/topology.h"
#include "delayed.h"
#include "lookup.h"
#include "requests.h"

#define DEADLINE_MS 4000

/* For the workers: they watch the bucket and give the job up, whether they hold it already or get it later. */
static enum status tell_workers(struct jobs *j, const struct job_record *r, struct span reason, struct err *err)
{
	char key[TENANT_ID_MAX + JOB_ID_MAX + 32];
	scoped_buf value = {0};
	const struct job_cancel note = {.reason = reason, .at = {clock_wall_ms(j->clock)}};
	snprintf(key, sizeof key, "%.*s.%.*s.%" PRId64, SPAN_ARG(r->tenant), SPAN_ARG(r->job_id), r->run);
	json_encode(&job_cancel_table, &note, &(struct json_writer){.out = &value});
	return bus_kv_put(j->bus, BUCKET_CANCELLED, key, buf_span(&value), NULL, err);
}

static unsigned index_of(struct span name, const char *const *names)
{
	unsigned i = 0;
	while (names[i] && !span_is(name, names[i]))
		i++;
	return names[i] ? i : 0;
}

/* The final event of a job that waits. The broker keeps the first final event of a run: a worker that was faster has
 * won. */
static enum status store_cancelled(struct jobs *j, const struct job_record *r, struct span reason, bool *ret_first,
                                   struct err *err)
{
	char subject[256], name[FINAL_NAME_BYTES], final_id[BUS_PRIVATE_ID_BYTES], message[CANCEL_REASON_MAX + 64];
	struct bus_stored stored;
	scoped_buf body = {0};
	snprintf(message, sizeof message, "cancelled by request%s%.*s", reason.p ? ": " : "", SPAN_ARG(reason));
	const struct job_error error = {span_from(status_code(STATUS_CANCELLED)), span_from(message), {0}};
	const struct job_event event = {
	    .job_id = r->job_id,
	    .output_id = r->output_id,
	    .tenant = r->tenant,
	    .kind = r->kind,
	    .priority = index_of(r->priority, priority_names),
	    .state = JOB_EVENT_CANCELLED,
	    .run = r->run,
	    .attempt = 1,
	    .user_id = r->user_id,
	    .agent_id = r->agent_id,
	    .model = r->model_name,
	    .format = index_of(r->format, format_names),
	    .submitted_at = r->created_at,
	    .timestamp = {clock_wall_ms(j->clock)},
	    .error = &error,
	    .metadata = r->metadata,
	};
	json_encode(&job_event_table, &event, &(struct json_writer){.out = &body});
	snprintf(subject, sizeof subject, "gannet.%.*s.jobs.event.cancelled.%.*s", SPAN_ARG(r->tenant),
	         SPAN_ARG(r->job_id));
	job_final_name(r->tenant, r->job_id, r->run, name);
	bus_private_id(j->bus, name, final_id);
	const struct bus_header header = {HEADER_MSG_ID, span_from(final_id)};
	const struct bus_out m = {subject, NULL, buf_span(&body), &header, 1};
	enum status status = bus_store_wait(j->bus, &m, DEADLINE_MS, &stored, err);
	*ret_first = status == STATUS_OK && !stored.duplicate;
	return status;
}

/* A job in the schedule store would hear of it only when it is due. */
static enum status release(struct jobs *j, const struct job_record *r, struct err *err)
{
	enum status status = delayed_release_job(j->bus, j->delayed_created_ms, r->tenant, r->job_id, err);
	return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

static enum status cancel(struct jobs *j, const struct job_record *r, struct span reason, struct span *ret_status,
                          struct err *err)
{
	bool first = false;
	enum status status = tell_workers(j, r, reason, err);
	if (status == STATUS_OK && span_is(r->status, job_status_names[JOB_PENDING])) {
		status = store_cancelled(j, r, reason, &first, err);
		if (status == STATUS_OK)
			status = release(j, r, err);
	}
	*ret_status = first ? SPAN("cancelled") : SPAN("cancelling");
	return status;
}

enum status handle_cancel(void *arg, const struct micro_request *r, struct buf *reply, struct err *err)
{
	struct job_request request;
	struct job_record record;
	enum status status = micro_decode(r, &cancel_request_table, &request, err);
	if (status == STATUS_OK)
		status = lookup(arg, r->tenant, request.job_id, r->arena, &record, err);
	if (status != STATUS_OK)
		return status;
	if (span_is(record.status, job_status_names[JOB_COMPLETED]) || span_is(record.status, job_status_names[JOB_FAILED]))
		return err_field(err, STATUS_CONFLICT, "job_id", "job_id: job %.*s is %.*s already", SPAN_ARG(record.job_id),
		                 SPAN_ARG(record.status));
	struct job_reply answer = {.job_id = record.job_id, .status = record.status};
	if (!span_is(record.status, job_status_names[JOB_CANCELLED]))
		status = cancel(arg, &record, request.reason, &answer.status, err);
	return status == STATUS_OK ? request_reply(&cancel_reply_table, &answer, reply) : status;
}
