/* Stores reasonings so that their order and number are right whoever else is at work. */
#include "store.h"

#include <inttypes.h>
#include <stdio.h>

#include "bus/kv.h"
#include "bus/store.h"

#define TRIES 8

/* ---- memory */

enum status memory_load(struct reasoner *r, struct span tenant, struct memory *ret, uint64_t *ret_revision, struct err *err)
{
	char key[MEMORY_KEY_BYTES];
	scoped_buf value = {0};
	memory_key(tenant, key);
	*ret = (struct memory){0};
	*ret_revision = 0;
	enum status s = bus_kv_get(r->bus, BUCKET_LATEST, key, &value, ret_revision, err);
	if (s == STATUS_NOT_FOUND)
		return STATUS_OK;
	if (s == STATUS_OK && !memory_decode(buf_span(&value), ret))
		log_fields(LOG_WARN, "what was remembered cannot be read and is forgotten", LOG_S("tenant", tenant));
	return s;
}

enum status memory_store(struct reasoner *r, struct span tenant, const struct memory *m, uint64_t revision, struct err *err)
{
	char key[MEMORY_KEY_BYTES];
	scoped_buf value = {0};
	memory_key(tenant, key);
	memory_encode(m, &value);
	return bus_kv_update(r->bus, BUCKET_LATEST, key, buf_span(&value), revision, NULL, err);
}

enum status memory_plan_acted(struct reasoner *r, struct span tenant, struct span plan_id, struct err *err)
{
	for (int tries = 0;; tries++) {
		struct memory m;
		uint64_t revision;
		enum status s = memory_load(r, tenant, &m, &revision, err);
		if (s != STATUS_OK || !span_is(plan_id, m.plan.id) || m.plan.acted)
			return s;
		m.plan.acted = true;
		s = memory_store(r, tenant, &m, revision, err);
		if (s != STATUS_CONFLICT || tries == TRIES)
			return s;
	}
}

enum status store_plan(struct reasoner *r, struct span tenant, const struct reason_output *o, struct err *err)
{
	char key[TENANT_ID_MAX + JOB_ID_MAX + 2];
	snprintf(key, sizeof key, "%.*s.%s", SPAN_ARG(tenant), o->memory.plan.id);
	return bus_kv_put(r->bus, BUCKET_PLANS, key, buf_span(&o->plan), NULL, err);
}

/* ---- the stream */

struct last {
	uint64_t sequence;
	int64_t snapshot_ms;
	char reasoning_id[JOB_ID_MAX + 1], snapshot_id[JOB_ID_MAX + 1];
};

static void copy_header(const struct bus_in *in, const char *name, char out[JOB_ID_MAX + 1])
{
	if (!span_copy(bus_in_header(in, name), out, JOB_ID_MAX + 1))
		out[0] = 0;
}

static enum status find_last(struct reasoner *r, const char *subject, struct last *ret, struct err *err)
{
	struct bus_stored_message m;
	*ret = (struct last){0};
	enum status s = bus_get_last(r->bus, STREAM_STATE, subject, &m, err);
	if (s == STATUS_NOT_FOUND)
		return STATUS_OK;
	if (s != STATUS_OK)
		return s;
	ret->sequence = m.sequence;
	if (!span_i64(bus_in_header(&m.in, HEADER_SNAPSHOT_MS), &ret->snapshot_ms))
		ret->snapshot_ms = 0;
	copy_header(&m.in, HEADER_REASONING_ID, ret->reasoning_id);
	copy_header(&m.in, HEADER_SNAPSHOT_ID, ret->snapshot_id);
	bus_stored_message_free(&m);
	return STATUS_OK;
}

static bool is_outdated(const struct last *last, const struct reason_output *o, bool refines, const char *refined)
{
	if (refines)
		return strcmp(last->reasoning_id, refined) != 0;
	return last->snapshot_ms > o->snapshot_ms || strcmp(last->snapshot_id, o->memory.snapshot_id) == 0;
}

static enum status publish_after(struct reasoner *r, struct span tenant, const char *subject, const struct last *last,
                                 const struct reason_output *o, struct err *err)
{
	char msg_id[TENANT_ID_MAX + 64], previous[24], at[24];
	snprintf(msg_id, sizeof msg_id, "%.*s.%s", SPAN_ARG(tenant), o->reasoning_id);
	snprintf(previous, sizeof previous, "%" PRIu64, last->sequence);
	snprintf(at, sizeof at, "%" PRId64, o->snapshot_ms);
	const struct bus_header headers[] = {
	    {HEADER_MSG_ID, span_from(msg_id)},
	    {"Nats-Expected-Last-Subject-Sequence", span_from(previous)},
	    {HEADER_PREVIOUS, last->sequence ? span_from(previous) : (struct span){0}},
	    {HEADER_REASONING_ID, span_from(o->reasoning_id)},
	    {HEADER_SNAPSHOT_ID, span_from(o->memory.snapshot_id)},
	    {HEADER_SNAPSHOT_MS, span_from(at)},
	};
	const struct bus_out m = {subject, NULL, buf_span(&o->message), headers, countof(headers)};
	return bus_store_wait(r->bus, &m, REQUEST_MS, NULL, err);
}

static enum status publish(struct reasoner *r, struct span tenant, const struct reason_output *o, bool refines,
                           const char *refined, bool *ret_published, struct err *err)
{
	char subject[REASONING_SUBJECT_BYTES];
	reasoning_subject(tenant, subject);
	for (int tries = 0;; tries++) {
		struct last last;
		enum status s = find_last(r, subject, &last, err);
		if (s != STATUS_OK)
			return s;
		*ret_published = strcmp(last.reasoning_id, o->reasoning_id) == 0;
		if (*ret_published || is_outdated(&last, o, refines, refined))
			return STATUS_OK;
		s = publish_after(r, tenant, subject, &last, o, err);
		*ret_published = s == STATUS_OK;
		if (s != STATUS_CONFLICT || tries == TRIES)
			return s;
	}
}

/* ---- the last one */

/* What stands there is of a later snapshot, or a refinement of this one. */
static bool is_later(struct span value, const struct reason_output *o, bool refines, const char *refined)
{
	struct json v, at, id, snapshot_id;
	struct err ignored;
	int64_t ms = 0;
	if (json_parse(value, &v, &ignored) != STATUS_OK)
		return false;
	json_pointer(v, "/reasoning_id", &id);
	json_pointer(v, "/snapshot/snapshot_id", &snapshot_id);
	json_pointer(v, "/snapshot/timestamp", &at);
	if (refines)
		return !json_text_is(id, span_from(refined));
	if (at.type == JSON_STRING && !rfc3339_parse(span_of(at.text.p + 1, at.text.n - 2), &ms))
		ms = 0;
	return ms > o->snapshot_ms || json_text_is(snapshot_id, span_from(o->memory.snapshot_id));
}

static enum status make_last(struct reasoner *r, struct span tenant, const struct reason_output *o, bool refines,
                             const char *refined, struct err *err)
{
	char key[REASONING_KEY_BYTES];
	reasoning_key(tenant, key);
	for (int tries = 0;; tries++) {
		scoped_buf value = {0};
		uint64_t revision = 0;
		enum status s = bus_kv_get(r->bus, BUCKET_LATEST, key, &value, &revision, err);
		if (s != STATUS_OK && s != STATUS_NOT_FOUND)
			return s;
		if (s == STATUS_OK && is_later(buf_span(&value), o, refines, refined))
			return STATUS_OK;
		s = bus_kv_update(r->bus, BUCKET_LATEST, key, buf_span(&o->message), revision, NULL, err);
		if (s != STATUS_CONFLICT || tries == TRIES)
			return s;
	}
}

enum status store_reasoning(struct reasoner *r, struct span tenant, const struct reason_output *o, bool refines,
                            bool *ret_published, struct err *err)
{
	char refined[40];
	reasoning_id_of(tenant, o->snapshot.snapshot_id, false, refined);
	enum status s = publish(r, tenant, o, refines, refined, ret_published, err);
	if (s == STATUS_OK && *ret_published)
		s = make_last(r, tenant, o, refines, refined, err);
	return s;
}
