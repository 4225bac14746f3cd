/* Reads and writes what is known of actions; answers requests about them. */
#include "records.h"

#include <stdio.h>
#include <stdlib.h>

#include "bus/kv.h"
#include "bus/store.h"
#include "requests.h"
#include "store.h"

#define TRIES 8
#define SCANNED_MAX 2000 /* actions of a tenant that a list looks at */

enum status record_load(struct reasoner *r, struct span tenant, struct span id, struct arena *a, struct action_record *ret,
                        uint64_t *ret_revision, struct err *err)
{
	char key[ACTION_KEY_BYTES];
	scoped_buf value = {0};
	struct json v;
	action_key(tenant, id, key);
	enum status s = bus_kv_get(r->bus, BUCKET_ACTIONS, key, &value, ret_revision, err);
	if (s == STATUS_OK)
		s = json_parse(arena_dup(a, buf_span(&value)), &v, err);
	if (s == STATUS_OK)
		s = json_decode(&action_record_table, v, JSON_LENIENT, a, ret, err);
	return s;
}

enum status record_store(struct reasoner *r, struct span tenant, const struct action_record *record, uint64_t revision,
                         struct err *err)
{
	char key[ACTION_KEY_BYTES];
	scoped_buf value = {0};
	action_key(tenant, record->action_id, key);
	json_encode(&action_record_table, record, &(struct json_writer){.out = &value});
	return bus_kv_update(r->bus, BUCKET_ACTIONS, key, buf_span(&value), revision, NULL, err);
}

static enum status publish_outcome(struct reasoner *r, struct span tenant, const struct action_record *record, struct err *err)
{
	char subject[TENANT_ID_MAX + 32], msg_id[ACTION_KEY_BYTES + 16];
	scoped_buf body = {0};
	snprintf(subject, sizeof subject, "gannet.%.*s.actions.completed", SPAN_ARG(tenant));
	snprintf(msg_id, sizeof msg_id, "%.*s.%.*s.completed", SPAN_ARG(tenant), SPAN_ARG(record->action_id));
	json_encode(&action_record_table, record, &(struct json_writer){.out = &body});
	const struct bus_header header = {HEADER_MSG_ID, span_from(msg_id)};
	return bus_store_wait(r->bus, &(struct bus_out){subject, NULL, buf_span(&body), &header, 1}, REQUEST_MS, NULL, err);
}

enum status record_finish(struct reasoner *r, struct span tenant, struct action_record *record, unsigned status,
                          struct span message, struct json output, struct arena *a, struct err *err)
{
	enum status s = STATUS_CONFLICT;
	for (int tries = 0; s == STATUS_CONFLICT && tries < TRIES; tries++) {
		uint64_t revision = 0;
		struct action_record now;
		s = record_load(r, tenant, record->action_id, a, &now, &revision, err);
		if (s == STATUS_OK)
			*record = now;
		else if (s != STATUS_NOT_FOUND)
			return s;
		if (s == STATUS_OK && record->status != ACTION_APPROVED)
			return publish_outcome(r, tenant, record, err); /* once more, should it not have been */
		record->status = status;
		record->message = message;
		record->output = output;
		record->completed_at = (struct json_time){clock_wall_ms(r->clock)};
		s = record_store(r, tenant, record, revision, err);
	}
	if (s == STATUS_OK)
		s = memory_plan_acted(r, tenant, record->plan_id, err);
	return s == STATUS_OK ? publish_outcome(r, tenant, record, err) : s;
}

/* ---- requests */

static enum status reply_record(const struct action_record *record, struct buf *reply)
{
	json_encode(&action_record_table, record, &(struct json_writer){.out = reply});
	return STATUS_OK;
}

static enum status no_action(struct span id, struct err *err)
{
	return err_field(err, STATUS_NOT_FOUND, "action_id", "action_id: there is no action %.*s of the last 30 days", SPAN_ARG(id));
}

enum status handle_action_get(void *arg, const struct micro_request *r, struct buf *reply, struct err *err)
{
	struct action_get_request request;
	struct action_record record;
	uint64_t revision;
	enum status s = micro_decode(r, &action_get_request_table, &request, err);
	if (s == STATUS_OK)
		s = record_load(arg, r->tenant, request.action_id, r->arena, &record, &revision, err);
	if (s == STATUS_NOT_FOUND)
		return no_action(request.action_id, err);
	return s == STATUS_OK ? reply_record(&record, reply) : s;
}

enum status handle_report(void *arg, const struct micro_request *r, struct buf *reply, struct err *err)
{
	struct report_request request;
	struct action_record record;
	uint64_t revision;
	enum status s = micro_decode(r, &report_request_table, &request, err);
	if (s == STATUS_OK)
		s = record_load(arg, r->tenant, request.action_id, r->arena, &record, &revision, err);
	if (s == STATUS_NOT_FOUND)
		return no_action(request.action_id, err);
	if (s == STATUS_OK)
		s = record_finish(arg, r->tenant, &record, request.status == 0 ? ACTION_SUCCEEDED : ACTION_FAILED, request.message,
		                  request.output, r->arena, err);
	return s == STATUS_OK ? reply_record(&record, reply) : s;
}

struct found {
	struct span ids[SCANNED_MAX];
	size_t n;
	struct arena *arena;
};

static void on_subject(void *arg, struct span subject, uint64_t messages)
{
	struct found *f = arg;
	(void)messages;
	const char *dot = memrchr(subject.p, '.', subject.n);
	if (dot && f->n < SCANNED_MAX)
		f->ids[f->n++] = arena_dup(f->arena, span_of(dot + 1, (size_t)(subject.p + subject.n - dot - 1)));
}

static int newest_first(const void *a, const void *b)
{
	int64_t x = ((const struct action_record *)a)->approved_at.ms, y = ((const struct action_record *)b)->approved_at.ms;
	return (x < y) - (x > y);
}

enum status handle_action_list(void *arg, const struct micro_request *r, struct buf *reply, struct err *err)
{
	struct reasoner *reasoner = arg;
	struct action_list_request request;
	struct found *f = arena_new(r->arena, struct found);
	char filter[TENANT_ID_MAX + 32];
	enum status s = micro_decode(r, &action_list_request_table, &request, err);
	if (s != STATUS_OK)
		return s;
	f->arena = r->arena;
	snprintf(filter, sizeof filter, "$KV.actions.%.*s.>", SPAN_ARG(r->tenant));
	s = bus_stream_subjects(reasoner->bus, "KV_" BUCKET_ACTIONS, filter, on_subject, f, err);
	struct action_record *all = arena_zalloc(r->arena, (f->n + 1) * sizeof *all);
	size_t n = 0;
	for (size_t i = 0; s == STATUS_OK && i < f->n; i++) {
		uint64_t revision;
		struct err gone;
		bool there = record_load(arg, r->tenant, f->ids[i], r->arena, &all[n], &revision, &gone) == STATUS_OK;
		n += there && (request.status == 0 || all[n].status == request.status - 1);
	}
	if (s != STATUS_OK)
		return s;
	qsort(all, n, sizeof *all, newest_first);
	size_t limit = request.limit.set ? (size_t)request.limit.v : ACTION_LIST_DEFAULT;
	struct json_writer w = {.out = reply};
	json_begin_object(&w);
	json_key(&w, SPAN("actions"));
	json_begin_array(&w);
	for (size_t i = 0; i < n && i < limit; i++)
		json_encode(&action_record_table, &all[i], &w);
	json_end_array(&w);
	json_end_object(&w);
	return STATUS_OK;
}
