/* What a worker tells of its jobs: builds events and sends them, stored or not. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus/private_id.h"
#include "bus/store.h"
#include "worker/internal.h"

#define PROGRESS_EVERY_MS 250

static pthread_once_t scratch_once = PTHREAD_ONCE_INIT;
static pthread_key_t scratch_key; /* frees a thread's buffer at its end */

static void free_scratch(void *b)
{
	buf_free(b);
}

static void make_scratch_key(void)
{
	if (pthread_key_create(&scratch_key, free_scratch) != 0)
		abort();
}

static struct buf *scratch(void)
{
	static _Thread_local struct buf b;
	if (!b.data) {
		pthread_once(&scratch_once, make_scratch_key);
		pthread_setspecific(scratch_key, &b);
	}
	buf_reset(&b);
	return &b;
}

static char *put(char *p, struct span s)
{
	memcpy(p, s.p, s.n);
	return p + s.n;
}

/* By hand, because every job needs one: printf's machinery costs more than the rest of an event. */
void event_subject(const struct worker_entry *e, enum job_state state, char out[EVENT_SUBJECT_MAX])
{
	struct span tenant = e->subject.tenant; /* of a malformed subject it can be anything */
	if (tenant.n > TENANT_ID_MAX)
		tenant.n = TENANT_ID_MAX;
	char *p = put(out, SPAN("gannet."));
	p = put(p, tenant);
	p = put(p, SPAN(".jobs.event."));
	p = put(p, span_from(job_state_names[state]));
	*p++ = '.';
	*put(p, e->job.id) = 0;
}

struct job_event event_of(const struct worker *w, const struct worker_entry *e, enum job_state state)
{
	const struct worker_job *j = &e->job;
	return (struct job_event){
	    .job_id = j->id,
	    .tenant = e->subject.tenant,
	    .kind = e->subject.kind,
	    .priority = e->subject.priority,
	    .state = state,
	    .run = j->run,
	    .attempt = j->attempt,
	    .delivery = (int64_t)e->delivery.delivered,
	    .stream_seq = span_from(e->sequence),
	    .worker_id = span_from(w->id),
	    .user_id = j->job.user_id,
	    .agent_id = j->job.agent_id,
	    .model = j->job.model,
	    .job_type = j->job.job_type.p ? j->job.job_type : j->job.task_type,
	    .pipeline = j->job.pipeline,
	    .record_id = j->job.record_id,
	    .field_name = j->job.field_name,
	    .format = j->job.format,
	    .submitted_at = {j->submitted_ms},
	    .started_at = {j->started_ms},
	    .timestamp = {clock_wall_ms(w->clock)},
	    .metadata = j->job.metadata,
	};
}

struct span event_encode(const struct worker_entry *e, struct job_event *ev)
{
	struct buf *out = scratch();
	char output_id[OUTPUT_ID_BYTES];
	output_id_from_job(e->job.id, output_id);
	ev->output_id = span_from(output_id);
	json_encode(&job_event_table, ev, &(struct json_writer){.out = out});
	return buf_span(out);
}

/* On a client thread: only notes what came of it; the loop does the rest. */
void event_stored(void *arg, const struct bus_stored *s)
{
	struct worker_entry *e = arg;
	e->stored = s->status;
	e->stored_duplicate = s->duplicate;
	worker_post(e->job.worker, &e->job.worker->done, e);
}

static size_t headers_of(const struct worker_entry *e, const char *msg_id, char traceparent[TRACEPARENT_BYTES],
                         struct bus_header out[2])
{
	size_t n = 0;
	if (msg_id)
		out[n++] = (struct bus_header){HEADER_MSG_ID, span_from(msg_id)};
	if (e->has_traceparent || trace_enabled())
		out[n++] = (struct bus_header){HEADER_TRACEPARENT, span_from(trace_format(&e->job.trace, traceparent))};
	return n;
}

static void store_under_id(struct worker *w, struct worker_entry *e, const char *subject, const char *msg_id, struct span data,
                           int64_t deadline_ms)
{
	char traceparent[TRACEPARENT_BYTES];
	struct bus_header headers[2];
	struct bus_out m = {.subject = subject, .data = data, .headers = headers};
	m.headers_n = headers_of(e, msg_id, traceparent, headers);
	struct err err;
	if (bus_store(w->bus, &m, deadline_ms, BUS_BLOCK, event_stored, e, &err) != STATUS_OK)
		event_stored(e, &(struct bus_stored){.status = err.status});
}

void event_store_within(struct worker *w, struct worker_entry *e, const char *subject, const char *name, struct span data,
                        int64_t deadline_ms)
{
	char id[BUS_PRIVATE_ID_BYTES];
	bus_private_id(w->bus, name, id);
	store_under_id(w, e, subject, id, data, deadline_ms);
}

void event_store(struct worker *w, struct worker_entry *e, const char *subject, const char *name, struct span data)
{
	event_store_within(w, e, subject, name, data, EVENT_DEADLINE_MS);
}

void event_publish(struct worker *w, const struct worker_entry *e, const char *subject, struct span data)
{
	char traceparent[TRACEPARENT_BYTES];
	struct bus_header headers[2];
	struct bus_out m = {.subject = subject, .data = data, .headers = headers};
	m.headers_n = headers_of(e, NULL, traceparent, headers);
	struct err ignored; /* only for what may be lost: progress, partial output, a second copy of a result */
	if (bus_publish(w->bus, &m, &ignored) != STATUS_OK)
		return;
}

void event_announce(struct worker *w, struct worker_entry *e, bool claim)
{
	char subject[EVENT_SUBJECT_MAX], msg_id[EVENT_NAME_MAX];
	struct job_event ev = event_of(w, e, JOB_EVENT_STARTED);
	if (!ev.started_at.ms)
		ev.started_at = ev.timestamp;
	if (e->history.interrupted)
		ev.interrupted = (struct opt_i64){true, e->history.interrupted};
	event_subject(e, JOB_EVENT_STARTED, subject);
	struct span body = event_encode(e, &ev);
	e->announced = true;
	if (!claim) {
		event_publish(w, e, subject, body);
		return;
	}
	/*
	 * The id that `create` and the command give their submissions: the broker has republished such a one here, id and all, so a
	 * claim also meets a submission of that kind that came before.
	 */
	snprintf(msg_id, sizeof msg_id, "%.*s.%s:%lld", SPAN_ARG(e->subject.tenant), e->job_id, (long long)e->job.run);
	store_under_id(w, e, subject, msg_id, body, EVENT_DEADLINE_MS);
}

void worker_progress(struct worker_job *j, double progress)
{
	struct worker_entry *e = j->entry;
	int64_t now = clock_mono_ms(j->worker->clock);
	if (now - e->progress_mono_ms < PROGRESS_EVERY_MS)
		return;
	e->progress_mono_ms = now;
	char subject[EVENT_SUBJECT_MAX];
	struct job_event ev = event_of(j->worker, e, JOB_EVENT_PROGRESSED);
	ev.progress = (struct opt_f64){true, progress < 0 ? 0 : progress > 1 ? 1 : progress};
	event_subject(e, JOB_EVENT_PROGRESSED, subject);
	event_publish(j->worker, e, subject, event_encode(e, &ev));
}

void worker_stream(struct worker_job *j, struct span delta, bool restart)
{
	struct worker_entry *e = j->entry;
	char subject[EVENT_SUBJECT_MAX];
	struct job_stream m = {.job_id = j->id, .seq = e->stream_seq_out++, .delta = delta};
	if (restart)
		m.restart = (struct opt_bool){true, true};
	snprintf(subject, sizeof subject, "gannet.%.*s.jobs.stream.%s", SPAN_ARG(j->tenant), e->job_id);
	struct buf *out = scratch();
	json_encode(&job_stream_table, &m, &(struct json_writer){.out = out});
	event_publish(j->worker, e, subject, buf_span(out));
}
