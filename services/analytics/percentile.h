/* Percentiles of the groups of an answer, from counts in bins. */
#ifndef GANNET_ANALYTICS_PERCENTILE_H
#define GANNET_ANALYTICS_PERCENTILE_H

#include "query.h"

#define PERCENTILES 3 /* 50, 95, 99 */

/* Of one group; -1 where nothing was timed. */
struct group_times {
	double of[BINS_METRICS][PERCENTILES];
};

struct group_percentiles;
/* Asks for the bins of all groups. The answer lies in `a`. */
enum status percentiles_ask(const struct query *q, const struct axis *axis, struct store *s, struct arena *a,
                            struct group_percentiles **ret, struct err *err) must_check;
/* `key`: values of the place on the axis and of the grouped dimensions, joined by percentile_key(). */
struct group_times percentiles_of(const struct group_percentiles *p, struct span key);
struct group_times percentiles_total(const struct group_percentiles *p);
void percentile_key(const struct store_result *r, int row, int first, size_t n, struct buf *out);

#endif
