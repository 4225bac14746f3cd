/* Judges messages: those of one pattern that recur in the window. */
#include <stdlib.h>

#include "contract/finding.h"
#include "core/utf8.h"
#include "diagnose/internal.h"

#define SURGE 10 /* times as often as before */
#define TEXT_MAX 400

/* More frequent than before, by how long window and baseline are. */
static unsigned severity_of(const struct diagnosis *d, int64_t recent, int64_t before)
{
	double was = (double)before * (double)d->o.window_ms / (double)(d->o.baseline_ms - d->o.window_ms);
	if ((double)recent > SURGE * was + 2)
		return before ? SEVERITY_HIGH : SEVERITY_MEDIUM;
	return SEVERITY_LOW;
}

static void tell(struct diagnosis *d, const struct messages *m, size_t i, int64_t recent)
{
	struct pattern_view v = patterns_view(m->patterns, i);
	struct diagnosis_pattern *p = report_pattern(d);
	scoped_buf text = {0};
	patterns_text(m->patterns, i, &text);
	struct span shown = utf8_cut(buf_span(&text), TEXT_MAX);
	*p = (struct diagnosis_pattern){
	    .type = m->type,
	    .occurrences = recent,
	    .description =
	        arena_printf(&d->arena, "%.*s%s%.*s", SPAN_ARG(m->where), m->where.n ? ": " : "", SPAN_ARG(shown)),
	    .severity = severity_of(d, recent, v.count - recent),
	    .key = arena_cstr(
	        &d->arena, arena_printf(&d->arena, "%s/%.*s/%.*s", m->type, SPAN_ARG(m->where), SPAN_ARG(buf_span(&text)))),
	    .where = m->where,
	    .first_ms = v.first_ms,
	    .last_ms = v.last_ms,
	    .before = v.count - recent,
	};
}

/* Deploys and CI runs are rare enough that one failure recurring is news of its own. */
static bool is_of_runs(const struct messages *m)
{
	return strcmp(m->type, "recurring_deploy_failure") == 0 || strcmp(m->type, "recurring_ci_failure") == 0;
}

static void judge(struct diagnosis *d, struct messages *m)
{
	size_t n = patterns_count(m->patterns);
	for (size_t i = 0; i < n; i++) {
		size_t now = patterns_now(m->patterns, i);
		if (now != i)
			m->recent[now] += m->recent[i];
	}
	for (size_t i = 0; i < n; i++) {
		if (patterns_now(m->patterns, i) != i || m->recent[i] < d->o.recurring)
			continue;
		tell(d, m, i, m->recent[i]);
		if (is_of_runs(m))
			d->report.patterns[d->report.patterns_n - 1].severity = SEVERITY_HIGH;
	}
}

static int by_occurrences(const void *x, const void *y)
{
	const struct diagnosis_pattern *a = x, *b = y;
	if (a->severity != b->severity)
		return a->severity < b->severity ? 1 : -1;
	return (a->occurrences < b->occurrences) - (a->occurrences > b->occurrences);
}

void judge_messages(struct diagnosis *d)
{
	for (struct map_slot *s = map_next(&d->messages, NULL); s; s = map_next(&d->messages, s))
		judge(d, s->value);
	if (d->report.patterns_n)
		qsort(d->report.patterns, d->report.patterns_n, sizeof *d->report.patterns, by_occurrences);
	if (d->report.patterns_n > DIAGNOSIS_PATTERNS_MAX)
		d->report.patterns_n = DIAGNOSIS_PATTERNS_MAX;
}
