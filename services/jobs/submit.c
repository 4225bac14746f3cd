/* Stores submissions with the identity that keeps the broker from taking one twice. */
#include "submit.h"

#include <inttypes.h>
#include <stdio.h>

#include "bus/kv.h"
#include "bus/private_id.h"
#include "bus/store.h"
#include "bus/topology.h"
#include "events.h"

#define SUBJECT_BYTES 256
#define MSG_ID_BYTES 192

struct headers {
	struct bus_header list[BUS_HEADERS_MAX];
	size_t n;
	char msg_id[MSG_ID_BYTES], run[24], submitted[RFC3339_BYTES];
};

static void add(struct headers *h, const char *name, struct span value)
{
	h->list[h->n++] = (struct bus_header){name, value};
}

static void fill_headers(struct headers *h, const struct submission *s)
{
	snprintf(h->msg_id, sizeof h->msg_id, "%.*s.%.*s:%" PRId64, SPAN_ARG(s->tenant), SPAN_ARG(s->job_id), s->run);
	snprintf(h->run, sizeof h->run, "%" PRId64, s->run);
	h->n = 0;
	add(h, HEADER_MSG_ID, span_from(h->msg_id));
	add(h, HEADER_JOB_ID, s->job_id);
	if (s->run > 1)
		add(h, HEADER_RUN, span_from(h->run));
	if (s->submitted_ms)
		add(h, HEADER_SUBMITTED_AT, span_from(rfc3339_format(s->submitted_ms, h->submitted)));
	if (s->traceparent.p)
		add(h, HEADER_TRACEPARENT, s->traceparent);
}

static void use_private_id(const struct jobs *j, struct headers *h, const char *what)
{
	char name[MSG_ID_BYTES + 16];
	snprintf(name, sizeof name, "%s:%s", what, h->msg_id);
	bus_private_id(j->bus, name, h->msg_id);
	h->list[0].value = span_from(h->msg_id);
}

static enum status store(struct jobs *j, const char *subject, const struct submission *s, const struct headers *h,
                         struct bus_stored *ret, struct err *err)
{
	const struct bus_out m = {subject, NULL, s->body, h->list, h->n};
	enum status status = bus_store_wait(j->bus, &m, SUBMIT_DEADLINE_MS, ret, err);
	if (status == STATUS_OK || status == STATUS_TOO_LARGE)
		return status;
	struct err why = *err;
	return err_retry(err, STATUS_UNAVAILABLE, "the queue did not take the job: %.200s", why.msg);
}

/* What the broker itself says of a submission to JOBS. */
static enum status announce(struct jobs *j, const struct submission *s, const struct headers *h, struct bus_stored *ret,
                            struct err *err)
{
	char subject[SUBJECT_BYTES];
	snprintf(subject, sizeof subject, "gannet.%.*s.jobs.event.queued.%.*s.%s", SPAN_ARG(s->tenant), SPAN_ARG(s->kind),
	         priority_names[s->priority]);
	return store(j, subject, s, h, ret, err);
}

/*
 * Whether the id, which the broker has seen, was this tenant's: the one who used it first was announced under it, so that
 * another announcement is answered with the place of that one.
 */
static enum status is_own(struct jobs *j, const struct submission *s, const struct headers *h, bool *ret, struct err *err)
{
	struct bus_stored announced;
	struct bus_stored_message first;
	char prefix[TENANT_ID_MAX + 16];
	*ret = true;
	enum status status = announce(j, s, h, &announced, err);
	if (status != STATUS_OK || !announced.duplicate)
		return status;
	status = bus_get_sequence(j->bus, STREAM_EVENTS, announced.sequence, &first, err);
	if (status != STATUS_OK)
		return status == STATUS_NOT_FOUND ? STATUS_OK : status;
	snprintf(prefix, sizeof prefix, "gannet.%.*s.", SPAN_ARG(s->tenant));
	*ret = span_starts(first.subject, span_from(prefix));
	bus_stored_message_free(&first);
	return STATUS_OK;
}

static enum status submit_now(struct jobs *j, const struct submission *s, struct err *err)
{
	char subject[SUBJECT_BYTES];
	struct headers h;
	struct bus_stored stored;
	bool own = true;
	snprintf(subject, sizeof subject, "gannet.%.*s.jobs.submit.%.*s.%s", SPAN_ARG(s->tenant), SPAN_ARG(s->kind),
	         priority_names[s->priority]);
	fill_headers(&h, s);
	enum status status = store(j, subject, s, &h, &stored, err);
	if (status == STATUS_OK && stored.duplicate)
		status = is_own(j, s, &h, &own, err);
	if (status != STATUS_OK || own)
		return status;
	use_private_id(j, &h, "submit");
	return store(j, subject, s, &h, &stored, err);
}

/* Delayed first: an announcement without a job would wait for ever, a job without one is only seen when it is due. */
static enum status submit_later(struct jobs *j, const struct submission *given, struct err *err)
{
	char subject[SUBJECT_BYTES];
	struct headers h;
	struct bus_stored stored;
	struct submission s = *given;
	if (!s.submitted_ms)
		s.submitted_ms = clock_wall_ms(j->clock);
	snprintf(subject, sizeof subject, "gannet.%.*s.jobs.delayed.%.*s.%s.%" PRId64 ".%.*s", SPAN_ARG(s.tenant),
	         SPAN_ARG(s.kind), priority_names[s.priority], s.run_at_ms, SPAN_ARG(s.job_id));
	fill_headers(&h, &s);
	add(&h, HEADER_ATTEMPT, SPAN("0"));
	enum status status = store(j, subject, &s, &h, &stored, err);
	if (status != STATUS_OK)
		return status;
	fill_headers(&h, &s);
	use_private_id(j, &h, "announce");
	return announce(j, &s, &h, &stored, err);
}

enum status submit(struct jobs *j, const struct submission *s, struct err *err)
{
	bool later = s->run_at_ms > clock_wall_ms(j->clock);
	return later ? submit_later(j, s, err) : submit_now(j, s, err);
}

struct span submit_body(struct span kind, const struct job *job, struct arena *a)
{
	scoped_buf out = {0};
	json_encode(submission_table(kind), job, &(struct json_writer){.out = &out});
	return arena_dup(a, buf_span(&out));
}

static unsigned format_named(struct span name)
{
	for (unsigned i = 0; format_names[i]; i++)
		if (span_is(name, format_names[i]))
			return i;
	return FORMAT_TEXT;
}

enum status submit_rebuild(const struct job_record *r, struct arena *a, struct job *ret, struct err *err)
{
	struct job job = {0};
	if (r->ai_config.type == JSON_OBJECT) {
		enum status status = json_decode(&ai_config_table, r->ai_config, JSON_LENIENT, a, &job, err);
		if (status != STATUS_OK)
			return status;
	}
	job.run_at = (struct json_time){0};
	job.template = r->prompt_template;
	job.model = r->model_name;
	job.context = r->context;
	job.format = format_named(r->format);
	job.user_id = r->user_id;
	job.agent_id = r->agent_id;
	job.job_type = r->job_type;
	job.pipeline = r->pipeline;
	job.record_id = r->record_id;
	job.field_name = r->field_name;
	job.input_data = r->input_data;
	job.metadata = r->metadata;
	if (span_is(r->kind, "llm") && (!job.template.p || !job.model.p))
		return err_field(err, STATUS_UNPROCESSABLE, "job_id",
		                 "job_id: the record of %.*s does not hold its submission (which was not readable, or came "
		                 "before recording began)",
		                 SPAN_ARG(r->job_id));
	*ret = job;
	return STATUS_OK;
}
