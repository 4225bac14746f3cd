/* Runs cycles, one at a time here, and as if one at a time across replicas. */
#include "cycle.h"

#include "bus/kv.h"
#include "contract/snapshot.h"
#include "model.h"
#include "paused.h"
#include "report.h"
#include "store.h"
#include "tell.h"

#define TRIES 8
#define AGAIN_MS 1000
#define BACKLOG_MS 60000 /* a snapshot that waited longer is reasoned about only if none came after it */

struct attempt {
	struct reasoner *r;
	struct span tenant;
	struct json snapshot;
	struct memory before;
	uint64_t revision;
	struct paused_list paused;
	struct surroundings around;
	struct arena arena;
	struct reason_output out;
	bool repeated; /* the snapshot had been reasoned about before, perhaps not to the end */
};

static void attempt_free(struct attempt *t)
{
	reason_output_free(&t->out);
	arena_free(&t->arena);
}

static enum status think(struct attempt *t, const struct model_answer *answer, struct span fallback, struct err *err)
{
	const struct reason_input in = {
	    .tenant = t->tenant,
	    .snapshot = t->snapshot,
	    .memory = &t->before,
	    .around = &t->around,
	    .tuning = &t->r->tuning,
	    .clock = t->r->clock,
	    .plan_ttl_ms = t->r->config->plan_ttl_ms,
	    .answer = *answer,
	    .fallback_reason = fallback,
	};
	reason_output_free(&t->out);
	return reason(&in, &t->arena, &t->out, err);
}

/* The rules first: what the snapshot means decides whether there is an answer of the model to it already. */
static enum status think_twice(struct attempt *t, struct err *err)
{
	const struct model_answer none = {0};
	scoped_buf kept = {0};
	struct model_choice choice;
	enum status s = think(t, &none, (struct span){0}, err);
	if (s != STATUS_OK || !t->r->config->model)
		return s;
	model_choose(t->r, t->tenant, &t->out, &kept, &t->arena, &choice);
	if (choice.answer.answer.type != JSON_ABSENT || choice.fallback_reason[0])
		s = think(t, &choice.answer, span_from(choice.fallback_reason), err);
	t->out.memory.model = choice.model;
	return s;
}

/* Everything that others can see, in an order that lets a repetition complete it. */
static enum status publish(struct attempt *t, bool *ret_done, struct err *err)
{
	enum status s = store_reasoning(t->r, t->tenant, &t->out, false, ret_done, err);
	if (s == STATUS_OK)
		s = tell_findings(t->r, t->tenant, &t->out.memory, &t->out, err);
	if (s == STATUS_OK)
		s = model_ask(t->r, t->tenant, &t->out, err);
	return s;
}

static enum status attempt(struct attempt *t, bool *ret_done, struct err *err)
{
	enum status s = memory_load(t->r, t->tenant, &t->before, &t->revision, err);
	if (s == STATUS_OK)
		s = think_twice(t, err);
	if (s != STATUS_OK)
		return s;
	*ret_done = !t->before.known || t->out.snapshot_ms >= t->before.snapshot_ms;
	if (!*ret_done)
		return STATUS_OK;
	t->repeated = t->before.known && span_is(t->out.snapshot.snapshot_id, t->before.snapshot_id);
	if (t->repeated || strcmp(t->out.memory.plan.id, t->before.plan.id) != 0)
		s = store_plan(t->r, t->tenant, &t->out, err);
	if (s == STATUS_OK && !t->repeated)
		s = tell_findings(t->r, t->tenant, &t->before, &t->out, err);
	if (s == STATUS_OK && !t->repeated)
		s = memory_store(t->r, t->tenant, &t->out.memory, t->revision, err);
	return s == STATUS_OK ? publish(t, ret_done, err) : s;
}

static enum status run(struct reasoner *r, struct span tenant, struct json snapshot, struct buf *message, bool *ret_done,
                       struct err *err)
{
	for (int tries = 0;; tries++) {
		struct attempt t __attribute__((cleanup(attempt_free))) = {.r = r, .tenant = tenant, .snapshot = snapshot};
		int64_t began_ns = clock_mono_ns(r->clock);
		paused_list(r->paused, &t.paused);
		t.around = (struct surroundings){t.paused.all, t.paused.n};
		enum status s = attempt(&t, ret_done, err);
		if (s == STATUS_CONFLICT && tries < TRIES)
			continue;
		if (s != STATUS_OK)
			return s;
		if (*ret_done && !t.repeated)
			report_reasoning(tenant, &t.out, (clock_mono_ns(r->clock) - began_ns) / 1000);
		if (message)
			buf_addspan(message, buf_span(&t.out.message));
		return STATUS_OK;
	}
}

enum status cycle_run(struct reasoner *r, struct span tenant, struct span snapshot, struct buf *message, bool *ret_done,
                      struct err *err)
{
	struct json v;
	enum status s = json_parse(snapshot, &v, err);
	*ret_done = false;
	if (s != STATUS_OK)
		return s;
	pthread_mutex_lock(&r->cycle);
	s = run(r, tenant, v, message, ret_done, err);
	pthread_mutex_unlock(&r->cycle);
	return s;
}

/* ---- the consumer */

static bool was_overtaken(struct reasoner *r, struct span tenant, const struct bus_delivery *d)
{
	char subject[SNAPSHOT_SUBJECT_BYTES];
	struct bus_stored_message last;
	struct err ignored;
	if (clock_wall_ms(r->clock) - d->stored_ms < BACKLOG_MS)
		return false;
	snapshot_subject(tenant, subject);
	if (bus_get_last(r->bus, STREAM_STATE, subject, &last, &ignored) != STATUS_OK)
		return false;
	bool overtaken = last.sequence > d->stream_sequence;
	bus_stored_message_free(&last);
	return overtaken;
}

static struct span tenant_of(struct span subject)
{
	span_cut(&subject, '.');
	return subject.p ? span_cut(&subject, '.') : (struct span){0};
}

void cycle_on_snapshot(struct reasoner *r, struct mail *m)
{
	struct bus_delivery *d = &m->delivery;
	struct span tenant = tenant_of(d->in.subject);
	struct err err = {0}, lost;
	bool done;
	enum status s = STATUS_OK;
	if (!id_is_tenant(tenant))
		s = err_set(&err, STATUS_INVALID, "%.60s: no tenant", d->in.subject.p);
	else if (!was_overtaken(r, tenant, d))
		s = cycle_run(r, tenant, d->in.data, NULL, &done, &err);
	/* A snapshot that cannot be read will not be readable later; everything else may pass. */
	bool hopeless = s == STATUS_INVALID || s == STATUS_UNPROCESSABLE || s == STATUS_TOO_LARGE;
	if (s != STATUS_OK)
		log_error(hopeless ? "a snapshot was given up" : "a snapshot could not be reasoned about, will try again", &err);
	if (s == STATUS_OK)
		s = bus_ack(r->bus, d->in.reply, &lost);
	else
		s = hopeless ? bus_term(r->bus, d->in.reply, &lost) : bus_nak(r->bus, d->in.reply, AGAIN_MS, &lost);
	if (s != STATUS_OK)
		log_error("an acknowledgement was lost", &lost);
	bus_pull_want(r->snapshots, 1);
}
