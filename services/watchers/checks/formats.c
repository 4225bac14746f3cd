/* Texts that are not of the form that all the others have had. */
#include "services/watchers/past.h"
#include "stats/chance.h"

#define ROWS_MIN 100
#define MISSES_MIN 3
#define P_MAX 1e-6
#define POINTS 0.001

static void check(struct scan *s, const struct scan_table *t, const struct profile *p, size_t i)
{
	const struct scan_column *c = &t->columns[i];
	const struct column_profile *now = &p->now[i];
	double was;
	int64_t texts = now->rows - now->nulls;
	struct span where = scan_text(s, "%.*s.%.*s", SPAN_ARG(t->full), SPAN_ARG(c->name));
	if (!now->form || texts < ROWS_MIN || now->misses < MISSES_MIN ||
	    !past_share(s, p, i, "format_anomaly", where, past_misses, &was))
		return;
	double share = (double)now->misses / (double)texts;
	if (was > 0 && (share < was + POINTS || chance_binomial(now->misses, texts, was) > P_MAX))
		return;
	scan_defect(s, &(struct defect){
	                   .type = "format_anomaly",
	                   .severity = share >= 0.05     ? SEVERITY_HIGH
	                               : share >= POINTS ? SEVERITY_MEDIUM
	                                                 : SEVERITY_LOW,
	                   .where = where,
	                   .table = t->full,
	                   .title = scan_text(s, "%lld values of %.*s are not of the form %s, as it used to be",
	                                      (long long)now->misses, SPAN_ARG(where), form_names[now->form]),
	                   .recommendation = SPAN("Find what writes them; a CHECK constraint would keep them out."),
	                   .rows = (int64_t)(share * (double)p->rows),
	                   .sampled = scan_is_sampled(s, t),
	                   .sql = scan_text(s, "SELECT * FROM %.*s WHERE %.*s::text !~ '%s'", SPAN_ARG(t->quoted),
	                                    SPAN_ARG(c->quoted), form_pattern(now->form)),
	               });
}

static void run(struct scan *s)
{
	for (size_t i = 0; i < s->tables_n && !s->over; i++) {
		const struct profile *p = scan_profile(s, &s->tables[i]);
		for (size_t k = 0; p && k < s->tables[i].columns_n; k++)
			check(s, &s->tables[i], p, k);
	}
}

const struct integrity_check integrity_check_formats = {
    .name = "formats", .summary = "texts that are not of their column's form", .run = run};
