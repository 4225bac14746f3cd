/* The engine of a model: reads its answer, trusting nothing in it. */
#include <math.h>
#include <pthread.h>

#include "core/hash.h"
#include "json/schema.h"
#include "reasoning/clean.h"
#include "reasoning/draft.h"

#define SCORE_MAY_DIFFER 25.0 /* points from the rules' score; further off is no opinion but a mistake */

extern const char answer_schema[];
extern const size_t answer_schema_len;

static struct json_schema *schema;
static struct err schema_err;

static void load_schema(void)
{
	if (json_schema_new(span_of(answer_schema, answer_schema_len), &schema, &schema_err) != STATUS_OK)
		schema = NULL;
}

static enum status check_schema(struct json answer, struct err *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct err why;
	pthread_once(&once, load_schema);
	if (!schema) {
		*err = schema_err;
		return err->status;
	}
	if (json_schema_check(schema, answer, &why) == STATUS_OK)
		return STATUS_OK;
	return err_set(err, STATUS_UNPROCESSABLE, "the model's answer is not what was asked for: %.60s: %.180s", why.field, why.msg);
}

/* ---- members, all of which the schema has seen */

static struct json get(struct json v, const char *key)
{
	struct json m;
	json_member(v, span_from(key), &m);
	return m;
}

static struct span line(struct json v, const char *key, size_t max_bytes, struct arena *a)
{
	struct span s = clean_line(json_text(get(v, key), a), max_bytes, a);
	return s.n ? s : SPAN("-");
}

static unsigned choice(struct json v, const char *key, const char *const *names)
{
	for (unsigned i = 0; names[i]; i++)
		if (json_text_is(get(v, key), span_from(names[i])))
			return i;
	return 0;
}

static size_t lines(struct json list, struct span *out, size_t max, struct arena *a)
{
	struct json key, v;
	size_t n = 0;
	for (struct json_iter it = json_iter(list); n < max && json_next(&it, &key, &v);) {
		struct span s = clean_line(json_text(v, a), REASONING_LINE_MAX, a);
		out[n++] = s.n ? s : SPAN("-");
	}
	return n;
}

static struct json payload(struct json v, struct arena *a)
{
	scoped_buf compact = {0};
	struct json p = get(v, "action_payload");
	if (p.type != JSON_OBJECT)
		return (struct json){SPAN("{}"), JSON_OBJECT};
	json_compact(p, &compact);
	return (struct json){arena_dup(a, buf_span(&compact)), JSON_OBJECT};
}

static enum status read_summary(const struct question *q, struct json v, struct arena *a, struct draft *d, struct err *err)
{
	unsigned said = choice(v, "overall_health", health_names);
	if (!json_f64(get(v, "health_score"), &d->score))
		return err_set(err, STATUS_UNPROCESSABLE, "the model's health_score is no number");
	d->score = round(d->score * 10) / 10;
	if (fabs(d->score - q->judgement->score) > SCORE_MAY_DIFFER)
		return err_set(err, STATUS_UNPROCESSABLE, "the model's health_score %.1f is more than %.0f from the rules' %.1f",
		               d->score, SCORE_MAY_DIFFER, q->judgement->score);
	unsigned meant = health_of(d->score, false, 0);
	if (said > meant + 1 || meant > said + 1)
		return err_set(err, STATUS_UNPROCESSABLE, "the model's overall_health %s does not fit its health_score %.1f",
		               health_names[said], d->score);
	d->health = health_of(d->score, q->memory->known, q->memory->health);
	d->insights_n = lines(get(v, "key_insights"), d->insights, REASONING_INSIGHTS_MAX, a);
	d->concerns_n = lines(get(v, "concerns"), d->concerns, REASONING_LIST_MAX, a);
	d->positives_n = lines(get(v, "positives"), d->positives, REASONING_LIST_MAX, a);
	return STATUS_OK;
}

static bool has_id(const struct draft *d, struct span id)
{
	for (size_t i = 0; i < d->recommendations_n; i++)
		if (span_eq(d->recommendations[i].id, id))
			return true;
	return false;
}

static void read_recommendations(const struct question *q, struct json list, struct arena *a, struct draft *d)
{
	struct json key, v;
	for (struct json_iter it = json_iter(list); d->recommendations_n < REASONING_LIST_MAX && json_next(&it, &key, &v);) {
		uint64_t hash[2];
		struct recommendation r = {
		    .priority = choice(v, "priority", urgency_names),
		    .category = choice(v, "category", category_names),
		    .title = line(v, "title", REASONING_LINE_MAX, a),
		    .description = line(v, "description", REASONING_TEXT_MAX, a),
		    .impact = line(v, "impact", REASONING_TEXT_MAX, a),
		    .effort = choice(v, "effort", level_names),
		};
		hash128(arena_printf(a, "recommendation of a model %.*s %.*s", SPAN_ARG(q->tenant), SPAN_ARG(r.title)), hash);
		r.id = arena_printf(a, "%016llx%016llx", (unsigned long long)hash[0], (unsigned long long)hash[1]);
		if (get(v, "action_type").type == JSON_STRING) {
			r.action_type = json_text(get(v, "action_type"), a);
			r.action_payload = payload(v, a);
		}
		if (has_id(d, r.id))
			continue;
		size_t at = d->recommendations_n++;
		for (; at && d->recommendations[at - 1].priority > r.priority; at--)
			d->recommendations[at] = d->recommendations[at - 1];
		d->recommendations[at] = r;
	}
}

/* What a model calls automated is so only if it is an action that somebody runs; an invented one is for people. */
static void read_plan(struct json v, struct arena *a, struct draft *d)
{
	struct json key, s;
	d->plan.title = line(v, "title", REASONING_LINE_MAX, a);
	d->plan.objective = line(v, "objective", REASONING_TEXT_MAX, a);
	d->plan.estimated_duration = line(v, "estimated_duration", REASONING_LINE_MAX, a);
	d->plan.risk_level = choice(v, "risk_level", level_names);
	struct json_iter it = json_iter(get(v, "steps"));
	while (d->plan.steps_n < REASONING_STEPS_MAX && json_next(&it, &key, &s)) {
		struct plan_step *step = &d->plan.steps[d->plan.steps_n++];
		*step = (struct plan_step){
		    .step = (int64_t)d->plan.steps_n,
		    .action = json_text(get(s, "action"), a),
		    .description = line(s, "description", REASONING_TEXT_MAX, a),
		    .estimated_duration = line(s, "estimated_duration", REASONING_LINE_MAX, a),
		    .action_payload = payload(s, a),
		};
		if (!json_bool(get(s, "automated"), &step->automated) || !action_is_known(step->action))
			step->automated = false;
	}
}

static enum status draft(const struct question *q, struct arena *a, struct draft *ret, struct err *err)
{
	if (q->answer.type != JSON_OBJECT)
		return err_set(err, STATUS_UNPROCESSABLE, "the model's answer is no JSON object");
	enum status s = check_schema(q->answer, err);
	*ret = (struct draft){.confidence = q->judgement->confidence};
	if (s == STATUS_OK)
		s = read_summary(q, get(q->answer, "summary"), a, ret, err);
	if (s != STATUS_OK)
		return s;
	read_recommendations(q, get(q->answer, "recommendations"), a, ret);
	read_plan(get(q->answer, "action_plan"), a, ret);
	draft_explain(q, a, ret);
	return STATUS_OK;
}

const struct engine engine_llm = {"llm", draft};
