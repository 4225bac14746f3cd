/* What the engines share in making a draft. */
#include "reasoning/draft.h"

#include <math.h>
#include <stdio.h>

#include "contract/action.h"
#include "core/hash.h"

struct span duration_text(int minutes, struct arena *a)
{
	if (minutes < 120)
		return arena_printf(a, "%d minute%s", minutes, minutes == 1 ? "" : "s");
	return minutes % 60 < 30 ? arena_printf(a, "%d hours", minutes / 60)
	                         : arena_printf(a, "%d.5 hours", minutes / 60);
}

void draft_explain(const struct question *q, struct arena *a, struct draft *d)
{
	const struct judgement *j = q->judgement;
	double sum = 100;
	for (size_t i = 0; i < j->n; i++) {
		const struct rule_ref *r = &j->rules[j->worst[i]];
		double points = j->of[j->worst[i]].points;
		if (points >= 0)
			continue;
		scoped_buf text = {0};
		rule_text(r->rule->concern, q->facts, REASONING_LINE_MAX, &text);
		d->explanation[d->explanation_n++] = (struct contribution){
		    span_from(r->rule->name), r->category, points, arena_dup(a, buf_span(&text))};
		sum += points;
	}
	sum = fmin(100, fmax(0, round(sum * 10) / 10));
	if (fabs(d->score - sum) >= 0.05)
		d->explanation[d->explanation_n++] = (struct contribution){
		    SPAN("model"), CATEGORY_SYSTEM, round((d->score - sum) * 10) / 10,
		    arena_printf(a, "the model judged otherwise than the rules, whose score is %.1f", sum)};
}

bool action_is_known(struct span action)
{
	static const char *const own[] = {ACTION_RETRY_FAILED_JOBS, ACTION_PAUSE_QUEUE, ACTION_RESUME_QUEUE,
	                                  ACTION_TAKE_SNAPSHOT};
	struct rule_ref all[RULES_MAX];
	size_t n = rules_all(all);
	for (size_t i = 0; i < countof(own); i++)
		if (span_is(action, own[i]))
			return true;
	for (size_t i = 0; i < n; i++)
		if (all[i].rule->advice.automated && span_is(action, all[i].rule->advice.action))
			return true;
	return false;
}

void draft_steps_hash(const struct draft *d, char out[FINGERPRINT_BYTES])
{
	scoped_buf text = {0};
	uint64_t hash[2];
	for (size_t i = 0; i < d->plan.steps_n; i++) {
		const struct plan_step *s = &d->plan.steps[i];
		buf_printf(&text, "%.*s %d %.*s\n", SPAN_ARG(s->action), s->automated, SPAN_ARG(s->action_payload.text));
	}
	hash128(buf_span(&text), hash);
	snprintf(out, FINGERPRINT_BYTES, "%016llx", (unsigned long long)hash[0]);
}
