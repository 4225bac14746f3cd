/* Numbers and dates far outside of where their column has been. */
#include "services/watchers/past.h"

#define ROWS_MIN 100
#define GROWTH 10 /* times the usual step from run to run */

/* What a column may grow to: its span once more, and many times what it grows from run to run. */
static void limits(struct scan *s, const struct profile *p, size_t i, struct span where, double *ret_low,
                   double *ret_high, double *ret_was_low, double *ret_was_high)
{
	const struct column_profile *one = &p->past[past_first(s, p, "range_anomaly", where)][i];
	double low = one->low, high = one->high, step_down = 0, step_up = 0;
	for (size_t k = past_first(s, p, "range_anomaly", where); k + 1 < p->past_n; k++) {
		const struct column_profile *a = &p->past[k][i], *b = &p->past[k + 1][i];
		if (!a->ranged || !b->ranged)
			continue;
		step_up = a->high - b->high > step_up ? a->high - b->high : step_up;
		step_down = b->low - a->low > step_down ? b->low - a->low : step_down;
	}
	double span = high - low;
	*ret_was_low = low;
	*ret_was_high = high;
	*ret_high = high + span + GROWTH * step_up;
	/* What has never been negative is not meant to be. */
	*ret_low = low >= 0 ? (low - span < 0 ? 0 : low - span) : low - span - GROWTH * step_down;
}

static struct span moment_or_number(struct scan *s, const struct scan_column *c, double v)
{
	char text[RFC3339_BYTES];
	if (c->category == 'D' && v > -6e10 && v < 2.5e11)
		return scan_text(s, "%s", rfc3339_format((int64_t)(v * 1000), text));
	return scan_text(s, "%.10g", v);
}

static void check(struct scan *s, const struct scan_table *t, const struct profile *p, size_t i)
{
	const struct scan_column *c = &t->columns[i];
	const struct column_profile *now = &p->now[i];
	struct span where = scan_text(s, "%.*s.%.*s", SPAN_ARG(t->full), SPAN_ARG(c->name));
	if (!now->ranged || now->rows < ROWS_MIN || !p->past_n)
		return;
	const struct column_profile *before = &p->past[past_first(s, p, "range_anomaly", where)][i];
	double low, high, was_low, was_high;
	if (!before->ranged || before->rows < ROWS_MIN)
		return;
	limits(s, p, i, where, &low, &high, &was_low, &was_high);
	/* Ids and moments of writing go on for ever; keys are not values. */
	bool grows = c->unique || c->references;
	bool too_low = now->low<low, too_high = now->high> high && !grows;
	if (!too_low && !too_high)
		return;
	struct span edge = too_low ? moment_or_number(s, c, was_low) : moment_or_number(s, c, was_high);
	struct span literal = c->category == 'D' ? scan_text(s, "'%.*s'", SPAN_ARG(edge)) : edge;
	scan_defect(
	    s,
	    &(struct defect){
	        .type = "range_anomaly",
	        .severity = SEVERITY_MEDIUM,
	        .where = where,
	        .table = t->full,
	        .title = scan_text(s, "%.*s reaches %.*s; it used to lie between %.*s and %.*s", SPAN_ARG(where),
	                           SPAN_ARG(moment_or_number(s, c, too_low ? now->low : now->high)),
	                           SPAN_ARG(moment_or_number(s, c, was_low)), SPAN_ARG(moment_or_number(s, c, was_high))),
	        .recommendation =
	            SPAN("Look at the rows: units mixed up, defaults such as 0 or 9999, or a moment in the wrong century."),
	        .rows = -1,
	        .sampled = scan_is_sampled(s, t),
	        .sql = scan_text(s, "SELECT * FROM %.*s WHERE %.*s %s %.*s", SPAN_ARG(t->quoted), SPAN_ARG(c->quoted),
	                         too_low ? "<" : ">", SPAN_ARG(literal)),
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

const struct integrity_check integrity_check_ranges = {
    .name = "ranges", .summary = "numbers and dates far outside of where they used to be", .run = run};
