/* The engine that needs no key: everything comes from the rules' rows. */
#include <stdio.h>

#include "core/hash.h"
#include "reasoning/draft.h"

static struct span text_of(const struct question *q, const char *text, size_t max_bytes, struct arena *a)
{
	scoped_buf out = {0};
	rule_text(text, q->facts, max_bytes, &out);
	return arena_dup(a, buf_span(&out));
}

/* ---- the summary */

static void add_insight(const struct question *q, const char *text, struct arena *a, struct draft *d)
{
	if (text && d->insights_n < REASONING_INSIGHTS_MAX)
		d->insights[d->insights_n++] = text_of(q, text, REASONING_LINE_MAX, a);
}

/* What can always be said, should the rules say too little. */
static void add_plain_insights(const struct question *q, struct arena *a, struct draft *d)
{
	static const struct {
		enum fact_id needs;
		const char *text;
	} plain[] = {
	    {FACT_QUEUE_PENDING, "{queue_pending|item waits|items wait} in the queue"},
	    {FACT_PUBLISH_TOTAL, "{publish_total_24h|publication|publications} within 24 hours"},
	    {FACT_CLIPS_READY, "{clips_ready|clip is|clips are} ready"},
	    {FACT_JOBS_PENDING, "{jobs_pending|job waits|jobs wait}"},
	};
	for (size_t i = 0; i < countof(plain) && d->insights_n < REASONING_INSIGHTS_MIN; i++)
		if (q->facts->all[plain[i].needs].knowledge == FACT_KNOWN)
			add_insight(q, plain[i].text, a, d);
	size_t looked_at = 0, active = 0;
	for (size_t i = 0; i < q->judgement->n; i++) {
		looked_at += q->judgement->of[i].applies;
		active += q->judgement->of[i].active;
	}
	const struct span last[] = {
	    arena_printf(a, "%zu rule%s apply to this snapshot, %zu of them complain", looked_at, looked_at == 1 ? "" : "s", active),
	    arena_printf(a, "%.0f %% of what the score looks at was known", d->confidence * 100),
	    arena_printf(a, "The score is %.1f of 100", d->score),
	};
	for (size_t i = 0; i < countof(last) && d->insights_n < REASONING_INSIGHTS_MIN; i++)
		d->insights[d->insights_n++] = last[i];
}

/* Up to three troubles, then what goes well; one place is kept for good news while there is any. */
static void summarise(const struct question *q, struct arena *a, struct draft *d)
{
	const struct judgement *j = q->judgement;
	const char *good[RULES_MAX];
	size_t good_n = 0;
	for (size_t i = 0; i < j->n; i++) {
		const struct rule *r = j->rules[i].rule;
		if (r->positive && j->of[i].applies && !j->of[i].active && j->of[i].severity == 0)
			good[good_n++] = r->positive;
	}
	for (size_t i = 0; i < j->n; i++) {
		const struct rule *r = j->rules[j->worst[i]].rule;
		if (!j->of[j->worst[i]].active)
			continue;
		if (d->concerns_n < REASONING_LIST_MAX)
			d->concerns[d->concerns_n++] = text_of(q, r->concern, REASONING_LINE_MAX, a);
		if (d->insights_n + (good_n > 0) < REASONING_INSIGHTS_MAX)
			add_insight(q, r->insight ? r->insight : r->concern, a, d);
	}
	for (size_t i = 0; i < good_n; i++) {
		if (d->positives_n < REASONING_LIST_MAX)
			d->positives[d->positives_n++] = text_of(q, good[i], REASONING_LINE_MAX, a);
		add_insight(q, good[i], a, d);
	}
	add_plain_insights(q, a, d);
}

/* ---- recommendations, and the plan made of them */

static struct json payload_of(const struct question *q, const char *text, struct arena *a)
{
	scoped_buf out = {0};
	rule_payload(text ? text : "{}", q->facts, &out);
	return (struct json){arena_dup(a, buf_span(&out)), JSON_OBJECT};
}

/* The same thing recommended has the same id. */
static struct span id_of(const struct question *q, const char *rule, struct arena *a)
{
	uint64_t hash[2];
	hash128(arena_printf(a, "recommendation %.*s %s", SPAN_ARG(q->tenant), rule), hash);
	return arena_printf(a, "%016llx%016llx", (unsigned long long)hash[0], (unsigned long long)hash[1]);
}

static unsigned urgency_of(const struct rule *r, const struct verdict *v)
{
	unsigned u = r->advice.priority;
	return v->severity < 0.5 && u < URGENCY_LOW ? u + 1 : u;
}

static void recommend(const struct question *q, const struct rule_ref *ref, const struct verdict *v, struct arena *a,
                      struct draft *d)
{
	const struct advice *advice = &ref->rule->advice;
	struct recommendation r = {
	    .id = id_of(q, ref->rule->name, a),
	    .priority = urgency_of(ref->rule, v),
	    .category = ref->category,
	    .title = text_of(q, advice->title, REASONING_LINE_MAX, a),
	    .description = text_of(q, advice->description, REASONING_TEXT_MAX, a),
	    .impact = text_of(q, advice->impact, REASONING_TEXT_MAX, a),
	    .effort = advice->effort,
	};
	if (advice->action) {
		r.action_type = span_from(advice->action);
		r.action_payload = payload_of(q, advice->payload, a);
	}
	/* Most urgent first; equally urgent ones by what they take from the score. */
	size_t at = d->recommendations_n++;
	for (; at && d->recommendations[at - 1].priority > r.priority; at--)
		d->recommendations[at] = d->recommendations[at - 1];
	d->recommendations[at] = r;
}

static const struct rule *rule_of(const struct question *q, struct span recommendation_id, struct arena *a)
{
	for (size_t i = 0; i < q->judgement->n; i++)
		if (span_eq(id_of(q, q->judgement->rules[i].rule->name, a), recommendation_id))
			return q->judgement->rules[i].rule;
	return NULL;
}

static bool has_step(const struct draft *d, const struct recommendation *r)
{
	for (size_t i = 0; i < d->plan.steps_n; i++)
		if (span_eq(d->plan.steps[i].action, r->action_type) &&
		    span_eq(d->plan.steps[i].action_payload.text, r->action_payload.text))
			return true;
	return false;
}

static void plan(const struct question *q, struct arena *a, struct draft *d)
{
	int minutes = 0;
	unsigned risk = LEVEL_LOW;
	for (size_t i = 0; i < d->recommendations_n && d->plan.steps_n < REASONING_STEPS_MAX; i++) {
		const struct recommendation *r = &d->recommendations[i];
		const struct rule *rule = rule_of(q, r->id, a);
		if (!rule || !r->action_type.p || has_step(d, r))
			continue;
		const struct advice *advice = &rule->advice;
		minutes += advice->minutes;
		risk = advice->risk > risk ? advice->risk : risk;
		size_t at = d->plan.steps_n++;
		d->plan.steps[at] = (struct plan_step){
		    .step = (int64_t)at + 1,
		    .action = r->action_type,
		    .description = advice->step ? text_of(q, advice->step, REASONING_TEXT_MAX, a) : r->description,
		    .automated = advice->automated,
		    .estimated_duration = duration_text(advice->minutes, a),
		    .action_payload = r->action_payload,
		};
	}
	d->plan.estimated_duration = duration_text(minutes, a);
	d->plan.risk_level = risk;
	if (!d->plan.steps_n) {
		d->plan.title = SPAN("Nothing to do");
		d->plan.objective = SPAN("Keep it as it is.");
		return;
	}
	d->plan.title = d->recommendations[0].title;
	d->plan.objective = arena_printf(a, "From %.1f of 100 (%s) towards excellent: %zu step%s, the most urgent first.", d->score,
	                                 health_names[d->health], d->plan.steps_n, d->plan.steps_n == 1 ? "" : "s");
}

static enum status draft(const struct question *q, struct arena *a, struct draft *ret, struct err *err)
{
	(void)err;
	const struct judgement *j = q->judgement;
	*ret = (struct draft){.health = j->health, .score = j->score, .confidence = j->confidence};
	summarise(q, a, ret);
	for (size_t i = 0; i < j->n; i++) {
		size_t at = j->worst[i];
		if (j->of[at].active && j->rules[at].rule->advice.title && ret->recommendations_n < REASONING_LIST_MAX)
			recommend(q, &j->rules[at], &j->of[at], a, ret);
	}
	plan(q, a, ret);
	draft_explain(q, a, ret);
	return STATUS_OK;
}

const struct engine engine_rules = {"rules", draft};
