/* history: follows the list that the stream's reasonings form, from the newest back. */
#include <inttypes.h>
#include <stdio.h>

#include "bus/kv.h"
#include "requests.h"
#include "store.h"

#define PAGE_BYTES ((size_t)900 * 1024) /* of a page; one reasoning is always on it */

/* The rest is left out unless the whole of it is wanted. */
static enum status put_entry(struct span text, bool full, struct arena *a, struct json_writer *w, struct err *err)
{
	struct json v;
	struct reasoning r;
	enum status s = json_parse(text, &v, err);
	if (s != STATUS_OK)
		return s;
	if (full) {
		json_put(w, v);
		return STATUS_OK;
	}
	s = json_decode(&reasoning_table, v, JSON_LENIENT, a, &r, err);
	if (s != STATUS_OK)
		return s;
	r.snapshot = r.recommendations = r.score_explanation = (struct json){0};
	r.action_plan = NULL;
	json_encode(&reasoning_table, &r, w);
	return STATUS_OK;
}

static enum status at(struct reasoner *r, const char *subject, uint64_t sequence, struct bus_stored_message *ret, struct err *err)
{
	return sequence ? bus_get_sequence(r->bus, STREAM_STATE, sequence, ret, err)
	                : bus_get_last(r->bus, STREAM_STATE, subject, ret, err);
}

static uint64_t previous_of(const struct bus_stored_message *m)
{
	int64_t n = 0;
	return span_i64(bus_in_header(&m->in, HEADER_PREVIOUS), &n) && n > 0 ? (uint64_t)n : 0;
}

struct page {
	struct reasoner *r;
	const struct micro_request *request;
	char subject[REASONING_SUBJECT_BYTES];
	uint64_t sequence; /* 0: the newest */
	int64_t limit;
	bool full;
	uint64_t next; /* 0: there are no more */
};

static enum status fill(struct page *p, struct json_writer *w, struct err *err)
{
	for (int64_t n = 0; n < p->limit; n++) {
		struct bus_stored_message m;
		enum status s = at(p->r, p->subject, p->sequence, &m, err);
		p->next = 0;
		if (s == STATUS_NOT_FOUND)
			return STATUS_OK; /* the stream has forgotten it */
		if (s != STATUS_OK)
			return s;
		/* A sequence that somebody made up may be anybody's. */
		bool ours = span_is(m.subject, p->subject);
		bool fits = !n || w->out->len + m.data.n <= PAGE_BYTES;
		if (!ours)
			err_field(err, STATUS_INVALID, "cursor", "cursor: %" PRIu64 " is no next_cursor of this tenant", p->sequence);
		s = !ours ? STATUS_INVALID : fits ? put_entry(m.data, p->full, p->request->arena, w, err) : STATUS_OK;
		p->next = fits ? previous_of(&m) : m.sequence;
		bus_stored_message_free(&m);
		if (s != STATUS_OK)
			return s;
		p->sequence = p->next;
		if (!fits || !p->next)
			return STATUS_OK;
	}
	return STATUS_OK;
}

enum status handle_history(void *arg, const struct micro_request *r, struct buf *reply, struct err *err)
{
	struct history_request request;
	struct page p = {.r = arg, .request = r};
	scoped_buf list = {0};
	struct json_writer w = {.out = &list};
	char cursor[24];
	int64_t sequence = 0;
	enum status s = micro_decode(r, &history_request_table, &request, err);
	if (s != STATUS_OK)
		return s;
	if (request.cursor.p && (!span_i64(request.cursor, &sequence) || sequence <= 0))
		return err_field(err, STATUS_INVALID, "cursor", "cursor: \"%.*s\" is no next_cursor", SPAN_ARG(request.cursor));
	reasoning_subject(r->tenant, p.subject);
	p.sequence = (uint64_t)sequence;
	p.limit = request.limit.set ? request.limit.v : REASONING_HISTORY_DEFAULT;
	p.full = request.full.v;
	json_begin_array(&w);
	s = fill(&p, &w, err);
	json_end_array(&w);
	if (s != STATUS_OK)
		return s;
	snprintf(cursor, sizeof cursor, "%" PRIu64, p.next);
	const struct history_reply answer = {.reasonings = {buf_span(&list), JSON_ARRAY},
	                                     .next_cursor = p.next ? span_from(cursor) : (struct span){0}};
	json_encode(&history_reply_table, &answer, &(struct json_writer){.out = reply});
	return STATUS_OK;
}
