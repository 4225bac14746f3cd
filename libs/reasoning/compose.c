/* From a draft to JSON. */
#include "reasoning/compose.h"

static struct json list_of(const struct json_table *t, const void *items, size_t n, struct arena *a)
{
	scoped_buf out = {0};
	struct json_writer w = {.out = &out};
	json_begin_array(&w);
	for (size_t i = 0; i < n; i++)
		json_encode(t, (const char *)items + i * t->size, &w);
	json_end_array(&w);
	return (struct json){arena_dup(a, buf_span(&out)), JSON_ARRAY};
}

static struct json texts_of(const struct span *texts, size_t n, struct arena *a)
{
	scoped_buf out = {0};
	struct json_writer w = {.out = &out};
	json_begin_array(&w);
	for (size_t i = 0; i < n; i++)
		json_put_text(&w, texts[i]);
	json_end_array(&w);
	return (struct json){arena_dup(a, buf_span(&out)), JSON_ARRAY};
}

/* Without the parts that are long and not needed to understand the reasoning. */
static struct json shortened(struct json snapshot, struct arena *a)
{
	static const char *const spared[] = {"recent_events", "best_clips", "platform_stats", "telemetry", "metrics", "additional_metrics"};
	scoped_buf out = {0};
	struct json_writer w = {.out = &out};
	struct json key, v;
	json_begin_object(&w);
	for (struct json_iter it = json_iter(snapshot); json_next(&it, &key, &v);) {
		bool is_spared = false;
		for (size_t i = 0; i < countof(spared); i++)
			is_spared |= json_text_is(key, span_from(spared[i]));
		if (is_spared && v.text.n > 1024)
			v = v.type == JSON_ARRAY ? (struct json){SPAN("[]"), JSON_ARRAY} : (struct json){SPAN("{}"), JSON_OBJECT};
		json_key(&w, json_text(key, a));
		json_put(&w, v);
	}
	json_end_object(&w);
	return (struct json){arena_dup(a, buf_span(&out)), JSON_OBJECT};
}

static struct action_plan plan_of(const struct reason_output *o, struct arena *a)
{
	bool automated = o->draft.plan.steps_n > 0;
	for (size_t i = 0; i < o->draft.plan.steps_n; i++)
		automated &= o->draft.plan.steps[i].automated;
	return (struct action_plan){
	    .plan_id = span_from(o->memory.plan.id),
	    .title = o->draft.plan.title,
	    .objective = o->draft.plan.objective,
	    .steps = list_of(&plan_step_table, o->draft.plan.steps, o->draft.plan.steps_n, a),
	    .estimated_duration = o->draft.plan.estimated_duration,
	    .risk_level = o->draft.plan.risk_level,
	    .automated = automated,
	    .expires_at = {o->memory.plan.expires_ms},
	};
}

static struct reasoning_summary summary_of(const struct reason_output *o, int64_t now_ms, struct arena *a)
{
	return (struct reasoning_summary){
	    .overall_health = o->draft.health,
	    .health_score = o->draft.score,
	    .key_insights = texts_of(o->draft.insights, o->draft.insights_n, a),
	    .concerns = texts_of(o->draft.concerns, o->draft.concerns_n, a),
	    .positives = texts_of(o->draft.positives, o->draft.positives_n, a),
	    .confidence = (double)(int)(o->draft.confidence * 1000 + 0.5) / 1000,
	    .generated_at = {now_ms},
	};
}

void compose(const struct reason_input *in, int64_t now_ms, int64_t began_ns, struct arena *a, struct reason_output *o)
{
	const struct reasoning_summary summary = summary_of(o, now_ms, a);
	const struct action_plan plan = plan_of(o, a);
	char rules_id[40];
	struct reasoning r = {
	    .reasoning_id = span_from(o->reasoning_id),
	    .timestamp = {now_ms},
	    .snapshot = in->snapshot,
	    .summary = &summary,
	    .recommendations = list_of(&recommendation_table, o->draft.recommendations, o->draft.recommendations_n, a),
	    .action_plan = &plan,
	    .engine = o->engine,
	    .fallback_reason = o->fallback_reason[0] ? span_from(o->fallback_reason) : (struct span){0},
	    .score_explanation = list_of(&contribution_table, o->draft.explanation, o->draft.explanation_n, a),
	    .fingerprint = span_from(o->memory.fingerprint),
	};
	if (in->refines) {
		reasoning_id_of(in->tenant, o->snapshot.snapshot_id, false, rules_id);
		r.refines = span_from(rules_id);
	}
	if (o->engine == ENGINE_LLM) {
		r.model = in->answer.model;
		r.job_id = in->answer.job_id;
		r.cached = (struct opt_bool){true, in->answer.cached};
		r.usage = in->answer.usage;
		r.cost_nanousd = in->answer.cost_nanousd;
	}
	r.execution_time_us = (clock_mono_ns(in->clock) - began_ns) / 1000;
	r.execution_time_ms = r.execution_time_us / 1000;
	json_encode(&action_plan_table, &plan, &(struct json_writer){.out = &o->plan});
	json_encode(&reasoning_table, &r, &(struct json_writer){.out = &o->message});
	if (o->message.len <= REASONING_MESSAGE_MAX)
		return;
	buf_reset(&o->message);
	r.snapshot = shortened(in->snapshot, a);
	json_encode(&reasoning_table, &r, &(struct json_writer){.out = &o->message});
}
