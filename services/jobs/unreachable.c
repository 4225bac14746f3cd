/* Rejects what was submitted where no worker can ever look. */
#include "sweep.h"

#include <stdio.h>

#include "bus/kv.h"
#include "bus/private_id.h"
#include "bus/store.h"
#include "bus/topology.h"
#include "contract/job.h"
#include "events.h"

#define SUBJECTS_MAX 32 /* in a turn */
#define MESSAGES_MAX 100
#define DEADLINE_MS 4000

struct found {
	char subjects[SUBJECTS_MAX][SUBMIT_SUBJECT_BYTES];
	size_t n;
};

struct place {
	struct span tenant, kind, priority;
};

static struct place place_of(struct span subject)
{
	struct place p;
	span_cut(&subject, '.');
	p.tenant = span_cut(&subject, '.');
	span_cut(&subject, '.');
	span_cut(&subject, '.');
	p.kind = span_cut(&subject, '.');
	p.priority = subject;
	return p;
}

static bool is_priority(struct span name)
{
	for (int i = 0; i < PRIORITY_COUNT; i++)
		if (span_is(name, priority_names[i]))
			return true;
	return false;
}

/* A kind that nobody works on yet may get its workers tomorrow; a priority that is none gets none. */
static void on_subject(void *arg, struct span subject, uint64_t messages)
{
	struct found *f = arg;
	struct place p = place_of(subject);
	(void)messages;
	if ((!is_priority(p.priority) || !id_is_kind(p.kind)) && f->n < SUBJECTS_MAX &&
	    span_copy(subject, f->subjects[f->n], SUBMIT_SUBJECT_BYTES))
		f->n++;
}

static void say_why(struct span subject, const struct place *p, struct err *err)
{
	const int shown = subject.n > 160 ? 160 : (int)subject.n;
	if (!id_is_kind(p->kind))
		err_field(err, STATUS_INVALID, "subject", "subject %.*s: kind must be 1 to 32 of a-z 0-9 _ -", shown, subject.p);
	else
		err_field(err, STATUS_INVALID, "subject", "subject %.*s: priority must be high, default or low", shown, subject.p);
}

static enum status store_rejected(struct bus *b, const struct clock *clock, const struct bus_stored_message *m,
                                  int64_t jobs_created_ms, struct err *err)
{
	struct place p = place_of(m->subject);
	struct err why;
	char id[JOB_ID_BYTES], output_id[OUTPUT_ID_BYTES], sequence[24], subject[256];
	char name[FINAL_NAME_BYTES], final_id[BUS_PRIVATE_ID_BYTES];
	scoped_arena a = {0};
	scoped_buf body = {0};
	if (p.tenant.n > TENANT_ID_MAX)
		p.tenant.n = TENANT_ID_MAX;
	say_why(m->subject, &p, &why);
	sweep_name_job(m, jobs_created_ms, &a, id);
	output_id_from_job(span_from(id), output_id);
	snprintf(sequence, sizeof sequence, "%llu", (unsigned long long)m->sequence);
	const struct job_error error = {span_from(status_code(why.status)), span_from(why.msg), span_from(why.field)};
	const struct job_event event = {
	    .job_id = span_from(id),
	    .output_id = span_from(output_id),
	    .tenant = p.tenant,
	    .kind = id_is_kind(p.kind) ? p.kind : SPAN("unknown"),
	    .priority = PRIORITY_DEFAULT,
	    .state = JOB_EVENT_REJECTED,
	    .run = header_number(&m->in, HEADER_RUN, 1),
	    .stream_seq = span_from(sequence),
	    .submitted_at = {m->stored_ms},
	    .timestamp = {clock_wall_ms(clock)},
	    .error = &error,
	};
	json_encode(&job_event_table, &event, &(struct json_writer){.out = &body});
	snprintf(subject, sizeof subject, "gannet.%.*s.jobs.event.rejected.%s", SPAN_ARG(p.tenant), id);
	job_final_name(p.tenant, event.job_id, event.run, name);
	bus_private_id(b, name, final_id);
	const struct bus_header header = {HEADER_MSG_ID, span_from(final_id)};
	return bus_store_wait(b, &(struct bus_out){subject, NULL, buf_span(&body), &header, 1}, DEADLINE_MS, NULL, err);
}

/* The oldest one under the subject; NOT_FOUND when there is none any more. */
static enum status reject_one(struct bus *b, const struct clock *clock, const char *subject, int64_t jobs_created_ms,
                              struct err *err)
{
	struct bus_stored_message m;
	enum status status = bus_get_next(b, STREAM_JOBS, 1, subject, &m, err);
	if (status != STATUS_OK)
		return status;
	status = store_rejected(b, clock, &m, jobs_created_ms, err);
	if (status == STATUS_OK)
		status = bus_delete_sequence(b, STREAM_JOBS, m.sequence, err);
	bus_stored_message_free(&m);
	return status == STATUS_NOT_FOUND ? STATUS_OK : status; /* another replica was faster */
}

enum status sweep_unreachable(struct bus *b, const struct clock *clock, int64_t *ret_rejected, struct err *err)
{
	struct found found = {.n = 0};
	struct bus_stream_state jobs;
	enum status status = bus_stream_state(b, STREAM_JOBS, &jobs, err);
	if (status != STATUS_OK || !jobs.messages)
		return status;
	status = bus_stream_subjects(b, STREAM_JOBS, "gannet.*.jobs.submit.*.*", on_subject, &found, err);
	int left = MESSAGES_MAX;
	for (size_t i = 0; status == STATUS_OK && i < found.n; i++) {
		while (left-- > 0 && (status = reject_one(b, clock, found.subjects[i], jobs.created_ms, err)) == STATUS_OK)
			++*ret_rejected;
		if (status == STATUS_NOT_FOUND)
			status = STATUS_OK;
	}
	return status;
}
