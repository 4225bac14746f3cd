/* queue_pending: pending jobs that lie in no stream any more are queued as their next run. */
#include <stdio.h>

#include "bus/kv.h"
#include "bus/topology.h"
#include "lookup.h"
#include "record.h"
#include "repeat.h"
#include "requests.h"
#include "sweep.h"

#define CATCH_UP_MS 5000
#define SUBJECT_BYTES 256

/* ---- whether a job is where it should be */

static enum status is_delayed(struct jobs *j, const struct job_record *r, bool *ret, struct err *err)
{
	char subject[SUBJECT_BYTES];
	struct bus_stored_message m;
	snprintf(subject, sizeof subject, "gannet.%.*s.jobs.delayed.*.*.*.%.*s", SPAN_ARG(r->tenant), SPAN_ARG(r->job_id));
	enum status status = bus_get_last(j->bus, STREAM_DELAYED, subject, &m, err);
	*ret = status == STATUS_OK;
	if (status == STATUS_OK)
		bus_stored_message_free(&m);
	return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

/* The place in JOBS that the record knows of last; 0 when it knows of none. Not pending any more: *ret_pending false. */
static enum status find_place(struct jobs *j, const struct job_record *r, bool *ret_pending, uint64_t *ret_sequence,
                              struct err *err)
{
	static const char sql[] = "SELECT state_rank FROM ai_jobs WHERE tenant = $1 AND job_id = $2 AND status = 'pending'";
	const struct span params[] = {r->tenant, r->job_id};
	struct store *s;
	scoped_result row = {0};
	int64_t rank = 0;
	enum status status = db_take(j->db, &s, err);
	if (status != STATUS_OK)
		return status;
	status = store_query_prepared(s, "place_in_jobs", sql, params, countof(params), &row, err);
	db_give(j->db, s);
	*ret_pending = status == STATUS_OK && row.rows && span_i64(store_value(&row, 0, 0), &rank);
	*ret_sequence = record_rank_sequence(rank);
	return status;
}

/* Another job may have the place when the stream was made anew. */
static enum status is_in_jobs(struct jobs *j, const struct job_record *r, uint64_t sequence, int64_t jobs_created_ms,
                              bool *ret, struct err *err)
{
	scoped_arena a = {0};
	struct bus_stored_message m;
	char id[JOB_ID_BYTES];
	*ret = false;
	if (!sequence)
		return STATUS_OK;
	enum status status = bus_get_sequence(j->bus, STREAM_JOBS, sequence, &m, err);
	if (status != STATUS_OK)
		return status == STATUS_NOT_FOUND ? STATUS_OK : status;
	sweep_name_job(&m, jobs_created_ms, &a, id);
	*ret = span_is(r->job_id, id);
	bus_stored_message_free(&m);
	return STATUS_OK;
}

static enum status is_lost(struct jobs *j, const struct job_record *r, int64_t jobs_created_ms, bool *ret, struct err *err)
{
	scoped_arena a = {0};
	bool pending, there;
	uint64_t sequence;
	*ret = false;
	enum status status = find_place(j, r, &pending, &sequence, err);
	if (status == STATUS_OK && pending)
		status = is_in_jobs(j, r, sequence, jobs_created_ms, &there, err);
	if (status == STATUS_OK && pending && !there)
		*ret = !sweep_has_final(j->bus, r->tenant, arena_cstr(&a, r->job_id), r->run, &a);
	return status;
}

/* ---- only when the records are not behind what was stored until now: an old one says nothing about where a job is */

static enum status catch_up(struct jobs *j, struct err *err)
{
	struct bus_stream_state events;
	int64_t until_ms = clock_mono_ms(j->clock) + CATCH_UP_MS, created_ms;
	enum status status = bus_stream_state(j->bus, STREAM_EVENTS, &events, err);
	while (status == STATUS_OK) {
		struct store *s;
		uint64_t sequence;
		status = db_take(j->db, &s, err);
		if (status != STATUS_OK)
			break;
		status = projection_place(s, &created_ms, &sequence, err);
		db_give(j->db, s);
		if (status == STATUS_OK && created_ms == events.created_ms && sequence >= events.last_sequence)
			return STATUS_OK;
		int64_t left_ms = until_ms - clock_mono_ms(j->clock);
		if (status == STATUS_OK && left_ms <= 0)
			return err_retry(err, STATUS_UNAVAILABLE, "the records are behind the events; try again in a while");
		(void)projection_wait(j->projection, left_ms);
	}
	return status;
}

/* ---- the request */

static enum status queue_lost(struct jobs *j, const struct job_record *r, int64_t jobs_created_ms, struct json_writer *ids,
                              struct queued_reply *answer, struct err *err)
{
	bool lost;
	scoped_arena a = {0};
	struct job_record whole; /* a page's records are without what is long */
	enum status status = is_lost(j, r, jobs_created_ms, &lost, err);
	if (status == STATUS_OK && lost)
		status = lookup(j, r->tenant, r->job_id, &a, &whole, err);
	if (status == STATUS_OK && lost)
		status = queue_next_run(j, &whole, (struct span){0}, err);
	if (status == STATUS_OK && lost) {
		json_put_text(ids, r->job_id);
		answer->queued++;
	} else if (status == STATUS_OK) {
		answer->waiting++;
	}
	return status;
}

enum status handle_queue_pending(void *arg, const struct micro_request *r, struct buf *reply, struct err *err)
{
	struct jobs *j = arg;
	struct filter_request f;
	struct lookup_page page = {0};
	struct bus_stream_state jobs;
	struct queued_reply answer = {0};
	scoped_buf ids = {0};
	struct json_writer w = {.out = &ids};
	enum status status = micro_decode(r, &queue_pending_request_table, &f, err);
	if (status == STATUS_OK)
		status = bus_stream_state(j->bus, STREAM_JOBS, &jobs, err);
	if (status == STATUS_OK)
		status = lookup_page(j, r->tenant, &f, job_status_names[JOB_PENDING], f.limit.set ? f.limit.v : BULK_LIMIT_DEFAULT,
		                     r->arena, &page, err);
	/* Before catching up: what is taken out of DELAYED is in JOBS already, and its record says where. */
	bool *delayed = arena_zalloc(r->arena, page.n + 1);
	for (size_t i = 0; status == STATUS_OK && i < page.n; i++)
		status = is_delayed(j, &page.records[i], &delayed[i], err);
	if (status == STATUS_OK && page.n)
		status = catch_up(j, err);
	json_begin_array(&w);
	for (size_t i = 0; status == STATUS_OK && i < page.n; i++) {
		if (delayed[i])
			answer.waiting++;
		else
			status = queue_lost(j, &page.records[i], jobs.created_ms, &w, &answer, err);
		if (status != STATUS_OK && !err->retryable)
			status = STATUS_OK; /* its submission is not known: the others still can */
	}
	json_end_array(&w);
	if (status != STATUS_OK && !answer.queued)
		return status;
	answer.job_ids = (struct json){buf_span(&ids), JSON_ARRAY};
	return request_reply(&queue_pending_reply_table, &answer, reply);
}
