/* Columns that have more nulls than they used to. */
#include "services/watchers/past.h"
#include "stats/chance.h"

#define ROWS_MIN 100
#define NULLS_MIN 3
#define POINTS 0.01 /* by which the share grew */
#define P_MAX 1e-6

static void check(struct scan *s, const struct scan_table *t, const struct profile *p, size_t i)
{
	const struct scan_column *c = &t->columns[i];
	const struct column_profile *now = &p->now[i];
	double was;
	struct span where = scan_text(s, "%.*s.%.*s", SPAN_ARG(t->full), SPAN_ARG(c->name));
	if (c->not_null || now->rows < ROWS_MIN || now->nulls < NULLS_MIN ||
	    !past_share(s, p, i, "null_anomaly", where, past_nulls, &was))
		return;
	double share = (double)now->nulls / (double)now->rows;
	bool never_before = was == 0;
	if (!never_before && (share < was + POINTS || chance_binomial(now->nulls, now->rows, was) > P_MAX))
		return;
	scan_defect(
	    s,
	    &(struct defect){
	        .type = "null_anomaly",
	        .severity = share >= was + 0.1      ? SEVERITY_HIGH
	                    : share >= was + POINTS ? SEVERITY_MEDIUM
	                                            : SEVERITY_LOW,
	        .where = where,
	        .table = t->full,
	        .title = scan_text(s, "%.3g %% of %.*s are null; it was %.3g %%", 100 * share, SPAN_ARG(where), 100 * was),
	        .recommendation = SPAN("Find what stopped writing the value; if it may not be null, say so with NOT NULL."),
	        .rows = (int64_t)(share * (double)p->rows),
	        .sampled = scan_is_sampled(s, t),
	        .sql = scan_text(s, "SELECT * FROM %.*s WHERE %.*s IS NULL", SPAN_ARG(t->quoted), SPAN_ARG(c->quoted)),
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

const struct integrity_check integrity_check_nulls = {
    .name = "nulls", .summary = "columns with more nulls than they used to have", .run = run};
