/* Tables that lost or gained rows out of proportion to their past. */
#include <math.h>
#include <stdlib.h>

#include "services/watchers/past.h"
#include "stats/stats.h"

#define ROWS_MIN 100
#define CHANGES_MIN 3 /* from run to run, for a judgement by what is usual */
#define FEW_LOSS 0.5  /* without: this share is left */
#define FEW_GROWTH 10 /* or there are so many times more */
#define LEAST 0.2     /* change, in natural logarithms: about 20 % */
#define SPREADS 6

static bool is_unusual(const struct profile *p, size_t first, int64_t before)
{
	double changes[PROFILE_HISTORY], scratch[PROFILE_HISTORY],
	    change = log((double)p->rows + 1) - log((double)before + 1);
	size_t n = 0;
	for (size_t i = first; i + 1 < p->past_n; i++)
		changes[n++] = log((double)p->past_rows[i] + 1) - log((double)p->past_rows[i + 1] + 1);
	if (n < CHANGES_MIN)
		return (double)p->rows < FEW_LOSS * (double)before || (double)p->rows > FEW_GROWTH * (double)before;
	memcpy(scratch, changes, n * sizeof *changes);
	double usual = stats_median(scratch, n), spread = STATS_MAD_SIGMA * stats_mad(changes, n, usual, changes);
	double most = SPREADS * spread > LEAST ? SPREADS * spread : LEAST;
	return fabs(change - usual) > most;
}

static void check(struct scan *s, const struct scan_table *t, const struct profile *p)
{
	if (!p->past_n)
		return;
	size_t first = past_first(s, p, "row_count_jump", t->full);
	int64_t before = p->past_rows[first], more = p->rows - before;
	if (before < ROWS_MIN || llabs(more) < ROWS_MIN || !is_unusual(p, first, before))
		return;
	scan_defect(s, &(struct defect){
	                   .type = "row_count_jump",
	                   .severity = more < 0 ? SEVERITY_HIGH : SEVERITY_MEDIUM,
	                   .where = t->full,
	                   .table = t->full,
	                   .title = scan_text(s, "%.*s has %lld rows; it had %lld", SPAN_ARG(t->full), (long long)p->rows,
	                                      (long long)before),
	                   .recommendation = more < 0 ? SPAN("Find what deleted them, and whether that was meant.")
	                                              : SPAN("Find what writes so many, and whether they are duplicates."),
	                   .rows = llabs(more),
	                   .sampled = scan_is_sampled(s, t),
	                   .sql = scan_text(s, "SELECT count(*) FROM %.*s", SPAN_ARG(t->quoted)),
	               });
}

static void run(struct scan *s)
{
	for (size_t i = 0; i < s->tables_n && !s->over; i++) {
		const struct profile *p = scan_profile(s, &s->tables[i]);
		if (p)
			check(s, &s->tables[i], p);
	}
}

const struct integrity_check integrity_check_row_counts = {
    .name = "row_counts", .summary = "tables that lost or gained rows out of proportion", .run = run};
