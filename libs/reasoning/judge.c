/* The rules' arithmetic. */
#include "reasoning/judge.h"

#include <math.h>
#include <stdio.h>

#include "core/hash.h"

static const double health_from[HEALTH_COUNT] = {90, 70, 50, 0};

unsigned health_of(double score, bool known_before, unsigned before)
{
	double below = before == HEALTH_EXCELLENT ? INFINITY : health_from[before - 1];
	if (known_before && score >= health_from[before] - HEALTH_MARGIN && score < below + HEALTH_MARGIN)
		return before;
	for (unsigned h = 0; h < HEALTH_CRITICAL; h++)
		if (score >= health_from[h])
			return h;
	return HEALTH_CRITICAL;
}

static double severity_of(const struct rule *r, double good, double bad, double value)
{
	double s = (value - good) / (bad - good);
	if (!(s > 0))
		return 0;
	return fmin(1, r->least + (1 - r->least) * s);
}

/* Figures about the figures are always known and count for nothing in how much is. */
static bool is_about_figures(enum fact_id id)
{
	return id == FACT_UNKNOWN_SHARE || id == FACT_STALE_AGE || id == FACT_PAUSED;
}

static bool applies(const struct rule *r, const struct facts *f)
{
	const struct fact *when = &f->all[r->when.fact];
	bool gated = r->when.min > 0;
	return f->all[r->fact].knowledge == FACT_KNOWN &&
	       (!gated || (when->knowledge == FACT_KNOWN && when->value >= r->when.min));
}

struct figures {
	double weight, good, bad;
};

static struct figures figures_of(const struct rule *r, const struct tuned *t)
{
	return t->set ? (struct figures){t->weight, t->good, t->bad} : (struct figures){r->weight, r->good, r->bad};
}

static void weigh_knowledge(struct facts *f, const struct tuning *t, struct judgement *j)
{
	double known = 0, unknown = 0;
	for (size_t i = 0; i < j->n; i++) {
		const struct rule *r = j->rules[i].rule;
		double weight = figures_of(r, &t->of[i]).weight;
		if (is_about_figures(r->fact))
			continue;
		if (f->all[r->fact].knowledge == FACT_KNOWN) {
			known += weight * f->all[r->fact].confidence;
			unknown += weight * (1 - f->all[r->fact].confidence);
		} else if (f->all[r->fact].knowledge == FACT_UNKNOWN) {
			unknown += weight;
		}
	}
	j->confidence = known > 0 ? known / (known + unknown) : 0;
}

/* The share that is not known at all; what is merely old has a rule of its own. */
static void set_unknown_share(struct facts *f, const struct tuning *t, const struct judgement *j)
{
	double known = 0, unknown = 0;
	for (size_t i = 0; i < j->n; i++) {
		const struct rule *r = j->rules[i].rule;
		double weight = figures_of(r, &t->of[i]).weight;
		if (is_about_figures(r->fact))
			continue;
		known += f->all[r->fact].knowledge == FACT_KNOWN ? weight : 0;
		unknown += f->all[r->fact].knowledge == FACT_UNKNOWN ? weight : 0;
	}
	double share = known > 0 ? unknown / (known + unknown) : 1;
	f->all[FACT_UNKNOWN_SHARE] = (struct fact){FACT_KNOWN, share, 1};
}

static void sort_by_points(struct judgement *j)
{
	for (size_t i = 0; i < j->n; i++) {
		size_t at = i;
		while (at && j->of[j->worst[at - 1]].points > j->of[i].points) {
			j->worst[at] = j->worst[at - 1];
			at--;
		}
		j->worst[at] = i;
	}
}

static void judge_rule(const struct rule *r, const struct figures *g, const struct facts *f, const struct memory *m,
                       struct verdict *v)
{
	*v = (struct verdict){.applies = g->weight > 0 && applies(r, f)};
	if (!v->applies)
		return;
	v->severity = severity_of(r, g->good, g->bad, f->all[r->fact].value);
	/* In tenths, so that what people see adds up. */
	v->points = -round(g->weight * v->severity * f->all[r->fact].confidence * 10) / 10;
	v->active = v->severity >= (memory_has_active(m, r->name) ? RULE_OFF : RULE_ON);
}

void judge(struct facts *f, const struct memory *m, const struct tuning *t, struct judgement *ret)
{
	*ret = (struct judgement){.score = 100};
	ret->n = rules_all(ret->rules);
	weigh_knowledge(f, t, ret);
	set_unknown_share(f, t, ret);
	for (size_t i = 0; i < ret->n; i++) {
		const struct figures g = figures_of(ret->rules[i].rule, &t->of[i]);
		judge_rule(ret->rules[i].rule, &g, f, m, &ret->of[i]);
		ret->score += ret->of[i].points;
	}
	ret->score = fmin(100, fmax(0, round(ret->score * 10) / 10));
	ret->health = health_of(ret->score, m->known, m->health);
	sort_by_points(ret);
}

/* Steps of about a half for counts and times, of five hundredths for shares. */
static long step_of(double v, enum unit unit)
{
	if (unit == UNIT_SHARE)
		return lround(v * 20);
	return lround(2 * log2(fmax(0, v) + 1));
}

void fingerprint_of(const struct facts *f, const struct judgement *j, char out[FINGERPRINT_BYTES])
{
	scoped_buf text = {0};
	uint64_t hash[2];
	for (size_t i = 0; i < FACT_COUNT; i++) {
		const struct fact *one = &f->all[i];
		if (one->knowledge == FACT_KNOWN && i != FACT_STALE_AGE && i != FACT_PAUSED && i != FACT_ORCHESTRATOR_IDLE)
			buf_printf(&text, "%zu=%ld,", i, step_of(one->value, fact_units[i]));
		else
			buf_printf(&text, "%zu:%d,", i, one->knowledge);
	}
	for (size_t i = 0; i < j->n; i++)
		if (j->of[i].active)
			buf_printf(&text, "%s,", j->rules[i].rule->name);
	buf_printf(&text, "%u", j->health);
	hash128(buf_span(&text), hash);
	snprintf(out, FINGERPRINT_BYTES, "%016llx", (unsigned long long)hash[0]);
}
