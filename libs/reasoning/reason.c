/* Puts facts, judgement, engine and memory together into one reasoning. */
#include "reasoning/reason.h"

#include <stdio.h>

#include "reasoning/compose.h"
#include "core/hash.h"
#include "reasoning/findings.h"

void reasoning_id_of(struct span tenant, struct span snapshot_id, bool refines, char out[40])
{
	scoped_buf text = {0};
	uint64_t h[2];
	buf_printf(&text, "reasoning %.*s %.*s %d", SPAN_ARG(tenant), SPAN_ARG(snapshot_id), refines);
	hash128(buf_span(&text), h);
	snprintf(out, 40, "%08llx-%04llx-8%03llx-%04llx-%012llx", (unsigned long long)(h[0] >> 32),
	         (unsigned long long)(h[0] >> 16 & 0xffff), (unsigned long long)(h[0] & 0xfff),
	         (unsigned long long)((h[1] >> 48 & 0x3fff) | 0x8000), (unsigned long long)(h[1] & 0xffffffffffff));
}

/* ---- the next memory */

static void copy(const char *from, char *out, size_t out_bytes)
{
	if (!span_copy(span_from(from), out, out_bytes))
		out[0] = 0;
}

static void remember_rules(struct reason_output *o)
{
	struct memory *m = &o->memory;
	m->active_n = 0;
	for (size_t i = 0; i < o->judgement.n && m->active_n < MEMORY_RULES_MAX; i++)
		if (o->judgement.of[i].active)
			copy(o->judgement.rules[i].rule->name, m->active[m->active_n++], MEMORY_NAME_BYTES);
}

static void remember_sample(struct reason_output *o)
{
	struct memory *m = &o->memory;
	if (m->samples_n && o->snapshot_ms - m->samples[m->samples_n - 1].at_ms < MEMORY_SAMPLE_EVERY_MS)
		return;
	if (m->samples_n == MEMORY_SAMPLES_MAX)
		memmove(m->samples, m->samples + 1, --m->samples_n * sizeof *m->samples);
	facts_sample(&o->facts, o->snapshot_ms, &m->samples[m->samples_n++]);
}

static void remember_plan(const struct reason_input *in, int64_t now_ms, struct reason_output *o)
{
	struct memory *m = &o->memory;
	char steps[FINGERPRINT_BYTES];
	scoped_buf text = {0};
	uint64_t hash[2];
	draft_steps_hash(&o->draft, steps);
	bool stays = m->plan.id[0] && !m->plan.acted && strcmp(steps, m->plan.steps) == 0 &&
	             m->plan.expires_ms - now_ms > in->plan_ttl_ms / 2;
	if (stays)
		return;
	buf_printf(&text, "plan %.*s %s %s", SPAN_ARG(in->tenant), steps, o->reasoning_id);
	hash128(buf_span(&text), hash);
	snprintf(m->plan.id, sizeof m->plan.id, "%016llx", (unsigned long long)hash[0]);
	copy(steps, m->plan.steps, sizeof m->plan.steps);
	copy(o->reasoning_id, m->plan.reasoning_id, sizeof m->plan.reasoning_id);
	m->plan.expires_ms = now_ms + in->plan_ttl_ms;
	m->plan.acted = false;
}

static void remember(const struct reason_input *in, int64_t now_ms, struct reason_output *o)
{
	struct memory *m = &o->memory;
	bool new_snapshot = !in->memory->known || o->snapshot_ms > in->memory->snapshot_ms;
	m->known = true;
	m->health = o->draft.health;
	m->snapshot_ms = o->snapshot_ms;
	if (!span_copy(o->snapshot.snapshot_id, m->snapshot_id, sizeof m->snapshot_id))
		m->snapshot_id[0] = 0;
	copy(o->reasoning_id, m->reasoning_id, sizeof m->reasoning_id);
	fingerprint_of(&o->facts, &o->judgement, m->fingerprint);
	remember_plan(in, now_ms, o);
	if (!new_snapshot)
		return;
	remember_rules(o);
	remember_sample(o);
	findings_update(&o->facts, &o->judgement, now_ms, m);
}

/* ---- */

static void ask_engine(const struct question *q, const struct reason_input *in, struct arena *a, struct reason_output *o)
{
	struct err err = {0};
	o->engine = ENGINE_RULES;
	o->fallback_reason[0] = 0;
	if (q->answer.type != JSON_ABSENT) {
		if (engine_llm.draft(q, a, &o->draft, &err) == STATUS_OK) {
			o->engine = ENGINE_LLM;
			return;
		}
		copy(err.msg, o->fallback_reason, sizeof o->fallback_reason);
	} else if (in->fallback_reason.n) {
		(void)span_copy(in->fallback_reason, o->fallback_reason, sizeof o->fallback_reason);
	}
	if (engine_rules.draft(q, a, &o->draft, &err) != STATUS_OK)
		o->draft = (struct draft){.health = q->judgement->health, .score = q->judgement->score};
}

enum status reason(const struct reason_input *in, struct arena *a, struct reason_output *ret, struct err *err)
{
	int64_t began_ns = clock_mono_ns(in->clock), now_ms = clock_wall_ms(in->clock);
	memset(ret, 0, sizeof *ret);
	enum status s = json_decode(&snapshot_table, in->snapshot, JSON_LENIENT, a, &ret->snapshot, err);
	if (s != STATUS_OK)
		return s;
	ret->snapshot_ms = ret->snapshot.timestamp.ms;
	ret->memory = *in->memory;
	reasoning_id_of(in->tenant, ret->snapshot.snapshot_id, in->refines, ret->reasoning_id);
	facts_read(&ret->snapshot, in->memory, in->around, a, &ret->facts);
	judge(&ret->facts, in->memory, in->tuning, &ret->judgement);
	const struct question q = {in->tenant,   &ret->snapshot,  in->memory,
	                           &ret->facts, &ret->judgement, in->answer.answer};
	ask_engine(&q, in, a, ret);
	remember(in, now_ms, ret);
	compose(in, now_ms, began_ns, a, ret);
	return STATUS_OK;
}

void reason_output_free(struct reason_output *o)
{
	buf_free(&o->message);
	buf_free(&o->plan);
}
