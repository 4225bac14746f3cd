/* From DELAYED to JOBS. */
#include "delayed.h"

#include <inttypes.h>
#include <stdio.h>

#include "bus/kv.h"
#include "bus/private_id.h"
#include "bus/topology.h"
#include "contract/job.h"

#define SUBJECT_BYTES 256
#define DEADLINE_MS 4000

bool delayed_subject_parse(struct span subject, struct delayed_subject *ret)
{
	struct delayed_subject found;
	char submit[SUBJECT_BYTES];
	struct job_subject checked;
	if (!span_is(span_cut(&subject, '.'), "gannet"))
		return false;
	found.tenant = span_cut(&subject, '.');
	if (!span_is(span_cut(&subject, '.'), "jobs") || !span_is(span_cut(&subject, '.'), "delayed"))
		return false;
	found.kind = span_cut(&subject, '.');
	found.priority = span_cut(&subject, '.');
	if (!span_i64(span_cut(&subject, '.'), &found.due_ms) || !id_is_job(subject))
		return false;
	found.job_id = subject;
	int n = snprintf(submit, sizeof submit, "gannet.%.*s.jobs.submit.%.*s.%.*s", SPAN_ARG(found.tenant),
	                 SPAN_ARG(found.kind), SPAN_ARG(found.priority));
	if (n < 0 || (size_t)n >= sizeof submit || !job_subject_parse(span_of(submit, (size_t)n), &checked))
		return false;
	*ret = found;
	return true;
}

struct outgoing {
	char subject[SUBJECT_BYTES], msg_id[BUS_PRIVATE_ID_BYTES];
	struct bus_header headers[BUS_HEADERS_MAX];
	struct bus_out m;
};

/* What the job was delayed with goes back into the queue with it. */
static bool prepare(const struct bus *b, const struct bus_stored_message *stored, int64_t stream_created_ms, struct outgoing *out)
{
	static const char *const kept[] = {HEADER_ATTEMPT, HEADER_RUN, HEADER_SUBMITTED_AT, HEADER_JOB_ID,
	                                   HEADER_TRACEPARENT};
	struct delayed_subject s;
	char name[80];
	if (!delayed_subject_parse(stored->subject, &s))
		return false;
	snprintf(out->subject, sizeof out->subject, "gannet.%.*s.jobs.submit.%.*s.%.*s", SPAN_ARG(s.tenant),
	         SPAN_ARG(s.kind), SPAN_ARG(s.priority));
	snprintf(name, sizeof name, "delayed-%" PRId64 "-%" PRIu64, stream_created_ms, stored->sequence);
	bus_private_id(b, name, out->msg_id);
	size_t n = 0;
	out->headers[n++] = (struct bus_header){HEADER_MSG_ID, span_from(out->msg_id)};
	for (size_t i = 0; i < countof(kept); i++) {
		struct span value = bus_in_header(&stored->in, kept[i]);
		if (value.p)
			out->headers[n++] = (struct bus_header){kept[i], value};
	}
	out->m = (struct bus_out){out->subject, NULL, stored->data, out->headers, n};
	return true;
}

enum status delayed_release(struct bus *b, int64_t stream_created_ms, uint64_t sequence, bus_stored_fn fn, void *arg,
                            struct err *err)
{
	struct bus_stored_message stored;
	enum status status = bus_get_sequence(b, STREAM_DELAYED, sequence, &stored, err);
	if (status != STATUS_OK)
		return status;
	struct outgoing out;
	if (prepare(b, &stored, stream_created_ms, &out))
		status = bus_store(b, &out.m, DEADLINE_MS, BUS_BLOCK, fn, arg, err);
	else
		status = err_set(err, STATUS_INVALID, "not the subject of a delayed job");
	bus_stored_message_free(&stored);
	return status;
}

enum status delayed_release_job(struct bus *b, int64_t stream_created_ms, struct span tenant, struct span job_id,
                                struct err *err)
{
	char subject[SUBJECT_BYTES];
	struct bus_stored_message stored;
	struct bus_stored answer;
	snprintf(subject, sizeof subject, "gannet.%.*s.jobs.delayed.*.*.*.%.*s", SPAN_ARG(tenant), SPAN_ARG(job_id));
	enum status status = bus_get_last(b, STREAM_DELAYED, subject, &stored, err);
	if (status != STATUS_OK)
		return status;
	struct outgoing out;
	uint64_t sequence = stored.sequence;
	if (prepare(b, &stored, stream_created_ms, &out))
		status = bus_store_wait(b, &out.m, DEADLINE_MS, &answer, err);
	else
		status = err_set(err, STATUS_INVALID, "not the subject of a delayed job");
	bus_stored_message_free(&stored);
	if (status == STATUS_OK)
		status = bus_delete_sequence(b, STREAM_DELAYED, sequence, err);
	return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}
