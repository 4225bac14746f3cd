/* From a question about usage to SQL over the sums, or the ledger where no sum can tell. */
#ifndef GANNET_ANALYTICS_QUERY_H
#define GANNET_ANALYTICS_QUERY_H

#include "contract/analytics.h"
#include "rollup.h"

enum dimension {
	DIM_MODEL,
	DIM_PROVIDER,
	DIM_STATUS,
	DIM_OPERATION,
	DIM_PIPELINE,
	DIM_FIELD,
	DIM_USER,
	DIMENSIONS_N
};
extern const char *const dimension_names[DIMENSIONS_N]; /* in requests and answers, and the columns' names */

enum time_unit { UNIT_NONE, UNIT_MINUTE, UNIT_HOUR, UNIT_DAY, UNIT_WEEK, UNIT_MONTH };
extern const char *const unit_names[];

/* A question that was understood. Texts live as long as the request. */
struct query {
	struct span tenant, zone;
	int64_t from_ms, to_ms; /* whole minutes */
	enum dimension groups[DIMENSIONS_N];
	size_t groups_n;
	enum time_unit unit;
	struct span filters[DIMENSIONS_N]; /* absent: any */
	int64_t limit;
	bool csv;
	int64_t minutes_from_ms; /* the sums of minutes reach back to here */
};

/* `zone` is the tenant's, for requests without one. */
enum status query_understand(const struct analytics_query *r, struct span tenant, struct span zone, int64_t now_ms,
                             struct query *ret, struct err *err) must_check;

/* The time axis of an answer: where each bucket begins, in the zone, and what it is called. */
struct axis {
	int64_t *starts_ms; /* n + 1: the last one is where the last bucket ends */
	struct span *labels;
	size_t n;
};
enum status query_axis(const struct query *q, struct store *s, struct arena *a, struct axis *ret,
                       struct err *err) must_check;

/* SQL with its parameters. */
#define QUERY_PARAMS_MAX 32 /* the tenant, the filters, four arrays for each source */
struct query_sql {
	struct buf text;
	struct span params[QUERY_PARAMS_MAX];
	size_t n;
	bool rollup, ledger; /* what it reads */
};
void query_sql_free(struct query_sql *s);
#define scoped_query_sql __attribute__((cleanup(query_sql_free))) struct query_sql

/*
 * Writes a statement whose rows are the groups: `i` (place on the axis), the grouped dimensions, and of the `columns`
 * (ROLLUP_BIT) those that are set, in their order.
 */
void query_groups(const struct query *q, const struct axis *axis, uint64_t columns, struct arena *a, struct query_sql *out);
/*
 * One whose rows are counts in bins: `i`, the grouped dimensions, `metric`, `bins`, `counts`, and `f`, 1 or -1, by which
 * they count. Rows of a group follow each other and are to be added up.
 */
void query_bins(const struct query *q, const struct axis *axis, struct arena *a, struct query_sql *out);
/* ", model, user_id" for the grouped dimensions. */
void query_group_columns(const struct query *q, struct buf *out);

#endif
