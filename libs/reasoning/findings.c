/* Which concerns are open findings. */
#include "reasoning/findings.h"

#include <stdio.h>

#define SERIOUS_POINTS (-10.0)

static unsigned severity_of(const struct rule *r, const struct verdict *v)
{
	static const unsigned of[URGENCY_COUNT] = {SEVERITY_CRITICAL, SEVERITY_HIGH, SEVERITY_MEDIUM, SEVERITY_LOW};
	unsigned u = r->advice.title ? r->advice.priority : URGENCY_MEDIUM;
	if (v->severity < 0.5 && u < URGENCY_LOW)
		u++;
	return of[u];
}

static bool is_serious(const struct rule *r, const struct verdict *v)
{
	return v->active && (severity_of(r, v) >= SEVERITY_HIGH || v->points <= SERIOUS_POINTS);
}

static struct kept_finding *find(struct memory *m, const char *rule)
{
	for (size_t i = 0; i < m->findings_n; i++)
		if (strcmp(m->findings[i].rule, rule) == 0)
			return &m->findings[i];
	return NULL;
}

static void tell(struct memory *m, const struct kept_finding *f, unsigned status)
{
	if (m->news_n == MEMORY_RULES_MAX)
		return;
	m->news[m->news_n] = *f;
	m->news[m->news_n++].status = status;
}

static void open_one(struct memory *m, const struct rule *r, const struct verdict *v, int64_t now_ms)
{
	struct kept_finding *f = find(m, r->name);
	unsigned severity = severity_of(r, v);
	if (!f && m->findings_n < MEMORY_RULES_MAX) {
		f = &m->findings[m->findings_n++];
		*f = (struct kept_finding){.severity = severity, .first_ms = now_ms, .occurrences = 1};
		snprintf(f->rule, sizeof f->rule, "%s", r->name);
		tell(m, f, FINDING_OPEN);
	} else if (f) {
		bool worse = severity > f->severity;
		f->occurrences++;
		f->severity = worse ? severity : f->severity;
		if (worse)
			tell(m, f, FINDING_OPEN);
	}
}

/* What became unknown is not over. */
static bool is_over(const struct facts *f, const struct judgement *j, const char *rule)
{
	int at = rule_find(span_from(rule));
	return at < 0 || (!j->of[at].active && f->all[j->rules[at].rule->fact].knowledge != FACT_UNKNOWN);
}

void findings_update(const struct facts *f, const struct judgement *j, int64_t now_ms, struct memory *m)
{
	m->news_n = 0;
	for (size_t i = 0; i < j->n; i++)
		if (is_serious(j->rules[i].rule, &j->of[i]))
			open_one(m, j->rules[i].rule, &j->of[i], now_ms);
	for (size_t i = 0; i < m->findings_n;) {
		if (!is_over(f, j, m->findings[i].rule)) {
			i++;
			continue;
		}
		tell(m, &m->findings[i], FINDING_RESOLVED);
		m->findings[i] = m->findings[--m->findings_n];
	}
}
