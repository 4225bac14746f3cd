/* Medians over the profiles of earlier runs. */
#include "services/watchers/past.h"

#include "stats/stats.h"

#define ROWS_MIN 100

size_t past_first(struct scan *s, const struct profile *p, const char *type, struct span where)
{
	const char *key = arena_cstr(s->arena, scan_text(s, "%s %.*s", type, SPAN_ARG(where)));
	return p->past_n && run_was_open(s->run, key) ? p->past_n - 1 : 0;
}

double past_nulls(const struct column_profile *c)
{
	return (double)c->nulls / (double)c->rows;
}

double past_misses(const struct column_profile *c)
{
	int64_t texts = c->rows - c->nulls;
	return texts > 0 ? (double)c->misses / (double)texts : 0;
}

bool past_share(struct scan *s, const struct profile *p, size_t column, const char *type, struct span where,
                double (*share)(const struct column_profile *c), double *ret)
{
	double all[PROFILE_HISTORY];
	size_t n = 0;
	for (size_t i = past_first(s, p, type, where); i < p->past_n; i++)
		if (p->past[i][column].rows >= ROWS_MIN)
			all[n++] = share(&p->past[i][column]);
	if (!n)
		return false;
	*ret = stats_median(all, n);
	return true;
}
