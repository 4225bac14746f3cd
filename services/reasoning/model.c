/* When a model is asked, and how its answer becomes a reasoning. */
#include "model.h"

#include <stdio.h>

#include "answer.h"
#include "bus/kv.h"
#include "bus/store.h"
#include "paused.h"
#include "reasoning/prompt.h"
#include "report.h"
#include "store.h"
#include "waits.h"

#define TRIES 8

/* ---- asking */

static void job_id_of(const char *reasoning_id, char out[JOB_ID_MAX + 1])
{
	snprintf(out, JOB_ID_MAX + 1, "reasoning-%.40s", reasoning_id);
}

static void set_failed(struct model_memory *m, const char *reason)
{
	m->state = MODEL_FAILED;
	snprintf(m->reason, sizeof m->reason, "%s", reason);
}

static const char *too_late(const struct reasoner *r, char reason[320])
{
	snprintf(reason, 320, "the model did not answer within %lld s", (long long)r->config->model_timeout_ms / 1000);
	return reason;
}

/* A question nobody waits for any more: whoever asked it is gone, or the answer's message was lost. */
static void look_up(struct reasoner *r, struct span tenant, struct arena *a, struct model_memory *m)
{
	struct model_answer answer;
	struct err err = {0};
	char reason[320];
	if (!answer_find(r, tenant, m->job_id, a, &answer, reason))
		set_failed(m, too_late(r, reason));
	else if (reason[0])
		set_failed(m, reason);
	else if (answer_keep(r, tenant, m->fingerprint, &answer, &err) == STATUS_OK)
		m->state = MODEL_ANSWERED;
	else
		set_failed(m, err.msg);
}

void model_choose(struct reasoner *r, struct span tenant, const struct reason_output *o, struct buf *kept, struct arena *a,
                  struct model_choice *ret)
{
	const char *fingerprint = o->memory.fingerprint;
	int64_t since_ms = clock_wall_ms(r->clock) - o->memory.model.asked_ms;
	struct model_memory *m = &ret->model;
	*ret = (struct model_choice){.model = o->memory.model};
	if (m->state == MODEL_ASKED && since_ms > 2 * r->config->model_timeout_ms)
		look_up(r, tenant, a, m);
	bool same = m->state != MODEL_NONE && strcmp(m->fingerprint, fingerprint) == 0;
	bool ask = !same && m->state != MODEL_ASKED && since_ms >= r->config->model_interval_ms;
	if (same && m->state == MODEL_ANSWERED && answer_kept(r, tenant, fingerprint, kept, a, &ret->answer))
		return;
	ret->answer = (struct model_answer){0};
	if (same && m->state == MODEL_FAILED) {
		snprintf(ret->fallback_reason, sizeof ret->fallback_reason, "%s", m->reason);
		ask = since_ms >= r->config->model_retry_ms;
	}
	if (!ask)
		return;
	*m = (struct model_memory){.state = MODEL_ASKED, .asked_ms = clock_wall_ms(r->clock)};
	snprintf(m->fingerprint, sizeof m->fingerprint, "%s", fingerprint);
	job_id_of(o->reasoning_id, m->job_id);
}

enum status model_ask(struct reasoner *r, struct span tenant, const struct reason_output *o, struct err *err)
{
	char job_id[JOB_ID_MAX + 1], subject[TENANT_ID_MAX + 64], reply[TENANT_ID_MAX + 32], msg_id[TENANT_ID_MAX + JOB_ID_MAX + 2];
	scoped_arena a = {0};
	scoped_buf body = {0};
	job_id_of(o->reasoning_id, job_id);
	if (!r->config->model || o->memory.model.state != MODEL_ASKED || strcmp(o->memory.model.job_id, job_id) != 0)
		return STATUS_OK;
	snprintf(subject, sizeof subject, "gannet.%.*s.jobs.submit.llm.%s", SPAN_ARG(tenant), r->config->priority);
	snprintf(reply, sizeof reply, "gannet.%.*s.reply.reasoning", SPAN_ARG(tenant));
	snprintf(msg_id, sizeof msg_id, "%.*s.%s", SPAN_ARG(tenant), job_id);
	const struct prompt_options p = {.job_id = span_from(job_id),
	                                 .model = span_from(r->config->model),
	                                 .reply_to = span_from(reply),
	                                 .timeout_ms = r->config->model_timeout_ms,
	                                 .max_tokens = r->config->model_max_tokens};
	prompt_job(o, &p, &a, &body);
	int64_t now_ms = clock_mono_ms(r->clock);
	waits_add(r->waits, tenant, job_id, now_ms, now_ms + r->config->model_timeout_ms);
	const struct bus_header header = {HEADER_MSG_ID, span_from(msg_id)};
	const struct bus_out m = {subject, NULL, buf_span(&body), &header, 1};
	/* Whether it is stored nobody waits for: what does not arrive is not answered, and that is noticed. */
	return bus_store(r->bus, &m, r->config->model_timeout_ms, 0, NULL, NULL, err);
}

/* ---- the answer */

struct settlement {
	struct reasoner *r;
	struct span tenant, job_id;
	const struct model_answer *answer; /* NULL: there is none */
	const char *reason;                /* why */
	struct memory memory;
	uint64_t revision;
	struct arena arena;
	struct buf last;
	struct reason_output out;
	struct paused_list paused;
};

static void settlement_free(struct settlement *t)
{
	reason_output_free(&t->out);
	buf_free(&t->last);
	arena_free(&t->arena);
}

/* The last reasoning's snapshot, if it is of the meaning that was asked about and not refined yet. */
static bool find_snapshot(struct settlement *t, struct json *ret)
{
	char key[REASONING_KEY_BYTES];
	struct json v, fingerprint, refines, id;
	struct err ignored;
	reasoning_key(t->tenant, key);
	buf_reset(&t->last);
	if (bus_kv_get(t->r->bus, BUCKET_LATEST, key, &t->last, NULL, &ignored) != STATUS_OK ||
	    json_parse(buf_span(&t->last), &v, &ignored) != STATUS_OK)
		return false;
	json_member(v, SPAN("fingerprint"), &fingerprint);
	json_member(v, SPAN("snapshot"), ret);
	json_pointer(v, "/snapshot/snapshot_id", &id);
	return json_text_is(fingerprint, span_from(t->memory.model.fingerprint)) && !json_member(v, SPAN("refines"), &refines) &&
	       json_text_is(id, span_from(t->memory.snapshot_id));
}

static enum status think_again(struct settlement *t, struct json snapshot, struct err *err)
{
	paused_list(t->r->paused, &t->paused);
	const struct surroundings around = {t->paused.all, t->paused.n};
	struct reason_input in = {
	    .tenant = t->tenant,
	    .snapshot = snapshot,
	    .memory = &t->memory,
	    .around = &around,
	    .tuning = &t->r->tuning,
	    .clock = t->r->clock,
	    .plan_ttl_ms = t->r->config->plan_ttl_ms,
	    .refines = true,
	};
	if (t->answer)
		in.answer = *t->answer;
	else
		in.fallback_reason = span_from(t->reason);
	return reason(&in, &t->arena, &t->out, err);
}

static enum status refine(struct settlement *t, struct json snapshot, struct err *err)
{
	bool published;
	enum status s = think_again(t, snapshot, err);
	if (s != STATUS_OK)
		return s;
	if (t->out.engine == ENGINE_LLM)
		t->out.memory.model.state = MODEL_ANSWERED;
	else
		set_failed(&t->out.memory.model, t->out.fallback_reason);
	if (t->out.engine == ENGINE_LLM)
		s = answer_keep(t->r, t->tenant, t->memory.model.fingerprint, t->answer, err);
	if (s == STATUS_OK)
		s = store_plan(t->r, t->tenant, &t->out, err);
	if (s == STATUS_OK)
		s = memory_store(t->r, t->tenant, &t->out.memory, t->revision, err);
	if (s == STATUS_OK)
		s = store_reasoning(t->r, t->tenant, &t->out, true, &published, err);
	if (s == STATUS_OK)
		report_model(t->tenant, t->out.engine == ENGINE_LLM ? "answered" : "failed",
		             t->out.fallback_reason[0] ? t->out.fallback_reason : NULL);
	return s;
}

/* Things have changed meanwhile; should they change back, the answer is there. */
static enum status keep_for_later(struct settlement *t, struct err *err)
{
	enum status s = STATUS_OK;
	if (t->answer) {
		t->memory.model.state = MODEL_ANSWERED;
		s = answer_keep(t->r, t->tenant, t->memory.model.fingerprint, t->answer, err);
	} else {
		set_failed(&t->memory.model, t->reason);
	}
	if (s == STATUS_OK)
		s = memory_store(t->r, t->tenant, &t->memory, t->revision, err);
	if (s == STATUS_OK)
		report_model(t->tenant, t->answer ? "late" : "failed", t->answer ? NULL : t->reason);
	return s;
}

static enum status settle_once(struct settlement *t, struct err *err)
{
	struct json snapshot;
	enum status s = memory_load(t->r, t->tenant, &t->memory, &t->revision, err);
	if (s != STATUS_OK)
		return s;
	const struct model_memory *m = &t->memory.model;
	bool open = m->state == MODEL_ASKED || (m->state == MODEL_FAILED && t->answer);
	if (!open || !span_is(t->job_id, m->job_id))
		return STATUS_OK;
	return find_snapshot(t, &snapshot) ? refine(t, snapshot, err) : keep_for_later(t, err);
}

static void settle(struct reasoner *r, struct span tenant, struct span job_id, const struct model_answer *answer,
                   const char *reason)
{
	struct err err = {0};
	enum status s = STATUS_CONFLICT;
	waits_remove(r->waits, job_id);
	pthread_mutex_lock(&r->cycle);
	for (int tries = 0; s == STATUS_CONFLICT && tries < TRIES; tries++) {
		struct settlement t __attribute__((cleanup(settlement_free))) = {
		    .r = r, .tenant = tenant, .job_id = job_id, .answer = answer, .reason = reason};
		s = settle_once(&t, &err);
	}
	pthread_mutex_unlock(&r->cycle);
	if (s != STATUS_OK)
		log_error("a model's answer could not be used", &err);
}

void model_on_answer(struct reasoner *r, struct mail *m)
{
	scoped_arena a = {0};
	struct span rest = span_from(m->subject), job_id;
	struct model_answer answer;
	char reason[320];
	span_cut(&rest, '.');
	struct span tenant = rest.p ? span_cut(&rest, '.') : (struct span){0};
	if (!id_is_tenant(tenant) || !answer_read(span_of(m->data, m->data_n), &a, &job_id, &answer, reason) ||
	    !span_starts(job_id, SPAN("reasoning-")))
		return;
	settle(r, tenant, job_id, reason[0] ? NULL : &answer, reason);
}

void model_look_at_clock(struct reasoner *r)
{
	struct model_wait w;
	while (waits_take_due(r->waits, clock_mono_ms(r->clock), &w)) {
		scoped_arena a = {0};
		struct model_answer answer;
		char reason[320];
		struct span tenant = span_from(w.tenant);
		int64_t now_ms = clock_mono_ms(r->clock);
		/* A job that was refused before it was read has nobody to answer to; its event is there all the same. */
		if (answer_find(r, tenant, w.job_id, &a, &answer, reason))
			settle(r, tenant, span_from(w.job_id), reason[0] ? NULL : &answer, reason);
		else if (now_ms < w.until_ms)
			waits_add(r->waits, tenant, w.job_id, now_ms, w.until_ms);
		else
			settle(r, tenant, span_from(w.job_id), NULL, too_late(r, reason));
	}
}
