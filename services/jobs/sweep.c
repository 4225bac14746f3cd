/* Looks at what lies in JOBS although its consumers were handed it long ago. */
#include "sweep.h"

#include <stdio.h>

#include "bus/kv.h"
#include "bus/topology.h"
#include "contract/job.h"
#include "events.h"

#define CONSUMERS_MAX 256
#define FILTER_BYTES 128
#define MESSAGES_MAX 1000 /* looked at in a turn */

struct places {
	struct place {
		char filter[FILTER_BYTES];
		uint64_t delivered;
	} all[CONSUMERS_MAX];
	size_t n;
};

static void on_consumer(void *arg, const struct bus_consumer_place *c)
{
	struct places *p = arg;
	if (p->n < CONSUMERS_MAX && span_copy(span_from(c->filter), p->all[p->n].filter, FILTER_BYTES))
		p->all[p->n++].delivered = c->delivered;
}

/* See admit.c of the worker library. */
void sweep_name_job(const struct bus_stored_message *m, int64_t jobs_created_ms, struct arena *a, char out[JOB_ID_BYTES])
{
	struct json body, id;
	struct err ignored;
	struct span given = bus_in_header(&m->in, HEADER_JOB_ID), own = {0};
	if (json_parse(m->data, &body, &ignored) == STATUS_OK && json_member(body, SPAN("job_id"), &id))
		own = json_text(id, a);
	if (own.p && id_is_job(own))
		given = own;
	if (!given.p || !id_is_job(given) || !span_copy(given, out, JOB_ID_BYTES))
		job_id_from_sequence(jobs_created_ms, m->sequence, out);
}

/* Each final state is asked for: a double that was run for nothing may have begun after the end. */
bool sweep_has_final(struct bus *b, struct span tenant, const char *id, int64_t run, struct arena *a)
{
	for (unsigned state = 0; state < JOB_STATE_COUNT; state++) {
		char subject[160];
		struct bus_stored_message last;
		struct json body;
		struct job_event event;
		struct err ignored;
		snprintf(subject, sizeof subject, "gannet.%.*s.jobs.event.%s.%s", SPAN_ARG(tenant), job_state_names[state], id);
		if (!job_state_is_final((enum job_state)state) ||
		    bus_get_last(b, STREAM_EVENTS, subject, &last, &ignored) != STATUS_OK)
			continue;
		bool ended = json_parse(last.data, &body, &ignored) == STATUS_OK &&
		             json_decode(&job_event_table, body, JSON_LENIENT, a, &event, &ignored) == STATUS_OK &&
		             event.run >= run;
		bus_stored_message_free(&last);
		if (ended)
			return true;
	}
	return false;
}

static bool has_ended(struct bus *b, const struct bus_stored_message *m, int64_t jobs_created_ms)
{
	char id[JOB_ID_BYTES];
	scoped_arena a = {0};
	struct span rest = m->subject;
	span_cut(&rest, '.');
	struct span tenant = span_cut(&rest, '.');
	sweep_name_job(m, jobs_created_ms, &a, id);
	return id_is_tenant(tenant) && sweep_has_final(b, tenant, id, header_number(&m->in, HEADER_RUN, 1), &a);
}

/* The sequence up to which the consumer of such messages was handed them; 0 when nobody takes them. */
static uint64_t delivered(const struct places *p, struct span subject)
{
	for (size_t i = 0; i < p->n; i++)
		if (span_glob(subject, span_from(p->all[i].filter)))
			return p->all[i].delivered;
	return 0;
}

static uint64_t highest(const struct places *p)
{
	uint64_t most = 0;
	for (size_t i = 0; i < p->n; i++)
		most = p->all[i].delivered > most ? p->all[i].delivered : most;
	return most;
}

enum status sweep_queue(struct bus *b, int64_t before_wall_ms, bool (*stop)(void *arg), void *arg, int64_t *ret_removed,
                        struct err *err)
{
	struct places places = {.n = 0};
	struct bus_stream_state jobs;
	enum status status = bus_stream_state(b, STREAM_JOBS, &jobs, err);
	if (status != STATUS_OK || !jobs.messages)
		return status;
	status = bus_stream_consumers(b, STREAM_JOBS, on_consumer, &places, err);
	uint64_t at = jobs.first_sequence, end = highest(&places);
	for (int i = 0; status == STATUS_OK && i < MESSAGES_MAX && at <= end && !stop(arg); i++) {
		struct bus_stored_message m;
		/* Not by the consumer's filter: the server's index of subjects may lack just the messages we look for. */
		status = bus_get_next(b, STREAM_JOBS, at, ">", &m, err);
		if (status != STATUS_OK)
			break;
		at = m.sequence + 1;
		if (m.stored_ms < before_wall_ms && m.sequence <= delivered(&places, m.subject) &&
		    has_ended(b, &m, jobs.created_ms)) {
			status = bus_delete_sequence(b, STREAM_JOBS, m.sequence, err);
			*ret_removed += status == STATUS_OK;
		}
		bus_stored_message_free(&m);
		status = status == STATUS_NOT_FOUND ? STATUS_OK : status; /* removed by another one */
	}
	return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}
