/* The sums that are kept of the ledger: what they are, how they follow it, and making them again from it. */
#ifndef GANNET_ANALYTICS_ROLLUP_H
#define GANNET_ANALYTICS_ROLLUP_H

#include "store/store.h"

enum grain { GRAIN_MINUTE, GRAIN_HOUR, GRAIN_DAY, GRAIN_MONTH, GRAIN_QUARTER, GRAINS };
extern const char *const grain_names[GRAINS];
extern const int64_t grain_ms[GRAINS]; /* 0 for months and quarters, which differ */

/*
 * Sets of dimensions: what a table of sums can tell apart, the smallest first. Those before ROLLUP_MODEL are `small`: they
 * have no status but counters of it, and are not kept of hours (TASK, PERSON) or of anything shorter than months (HABIT).
 * Behind the sums come the tables of bins, of completed calls only. Of minutes there is MODEL alone: what tells more apart
 * would have nearly as many rows as the ledger.
 */
enum rollup_set {
	ROLLUP_TOTAL,  /* nothing */
	ROLLUP_PLAIN,  /* provider, model */
	ROLLUP_TASK,   /* operation, pipeline, field */
	ROLLUP_PERSON, /* user */
	ROLLUP_HABIT,  /* provider, model, user */
	ROLLUP_MODEL,  /* status, provider, model */
	ROLLUP_WORK,   /* those, and the task's */
	ROLLUP_USER,   /* the model's, and the user */
	ROLLUP_SETS,
	ROLLUP_BINS = ROLLUP_SETS, /* provider, model */
	ROLLUP_BINS_TOTAL,         /* nothing */
	ROLLUP_TABLES
};
extern const char *const rollup_names[ROLLUP_TABLES];
bool rollup_is_small(enum rollup_set set);
bool rollup_keeps(enum grain g, enum rollup_set set);
/* The set that is kept of hours to months and tells all that `set` does. */
enum rollup_set rollup_larger(enum rollup_set set);

/* X(status): how jobs end, and the columns that count it in the small sums. */
#define ROLLUP_ENDS(X) X(completed) X(failed) X(cancelled) X(rejected)

/* X(name, sum over rows of the ledger): the counters. The names are columns of every table ai_usage_<grain>_<set>. */
#define TIMED "status = 'completed' AND NOT cached"
#define ROLLUP_COUNTERS(X)                                                                                             \
	X(jobs, "count(*)")                                                                                                \
	X(retries, "sum(greatest(attempt - 1, 0))")                                                                        \
	X(cached, "count(*) FILTER (WHERE cached)")                                                                        \
	X(fallbacks, "count(*) FILTER (WHERE fallback)")                                                                   \
	X(unpriced, "count(*) FILTER (WHERE NOT priced)")                                                                  \
	X(input_tokens, "ai_usage_sum(input_tokens)")                                                                      \
	X(cache_read_tokens, "ai_usage_sum(cache_read_tokens)")                                                            \
	X(cache_write_tokens, "ai_usage_sum(cache_write_tokens)")                                                          \
	X(output_tokens, "ai_usage_sum(output_tokens)")                                                                    \
	X(reasoning_tokens, "ai_usage_sum(reasoning_tokens)")                                                              \
	X(total_tokens, "ai_usage_sum(total_tokens)")                                                                      \
	X(cost_nanousd, "coalesce(ai_usage_sum(cost_nanousd), 0)")                                                         \
	X(saved_nanousd, "ai_usage_sum(saved_nanousd)")                                                                    \
	X(prompt_saved_nanousd, "ai_usage_sum(prompt_saved_nanousd)")                                                      \
	X(processing_ms, "coalesce(ai_usage_sum(processing_ms) FILTER (WHERE " TIMED "), 0)")                              \
	X(processing_n, "count(processing_ms) FILTER (WHERE " TIMED ")")                                                   \
	X(queue_ms, "coalesce(ai_usage_sum(queue_ms), 0)")                                                                 \
	X(queue_n, "count(queue_ms)")                                                                                      \
	X(first_token_ms, "coalesce(ai_usage_sum(first_token_ms) FILTER (WHERE " TIMED "), 0)")                            \
	X(first_token_n, "count(first_token_ms) FILTER (WHERE " TIMED ")")                                                 \
	X(speed_tokens, "coalesce(ai_usage_sum(output_tokens) FILTER (WHERE " TIMED " AND processing_ms > 0), 0)")         \
	X(speed_ms, "coalesce(ai_usage_sum(processing_ms) FILTER (WHERE " TIMED " AND processing_ms > 0), 0)")

/* The columns that can be asked for: counters, then ends. Sets of them are masks of ROLLUP_BIT. */
#define ROLLUP_COLUMN(name, ...) COLUMN_##name,
enum rollup_column { ROLLUP_COUNTERS(ROLLUP_COLUMN) ROLLUP_ENDS(ROLLUP_COLUMN) ROLLUP_COLUMNS };
#define ROLLUP_BIT(name) (UINT64_C(1) << COLUMN_##name)
extern const char *const rollup_column_names[ROLLUP_COLUMNS];

/* What is counted in bins; the values of ai_usage_<grain>_bins.metric. */
enum bins_metric { BINS_PROCESSING = 1, BINS_FIRST_TOKEN, BINS_QUEUE, BINS_METRICS };

/*
 * The statement that adds all rows of `source` (a table, or a query in brackets) to all sums. The same one follows the
 * ledger batch by batch and makes the sums again, so they cannot differ but by what it was given. Times are truncated in
 * the session's time zone, which must be UTC.
 */
void rollup_sql(const char *source, struct buf *out);

/*
 * Makes a tenant's sums again for whole days (UTC) in [from_ms, to_ms), day by day, each in a transaction of its own in
 * which the ledger stands still. After the last day of a month its sums are made of those of its days, which may reach further
 * back than the ledger; so when this fails half-way, months wait for the next time.
 * `pause` (or NULL) is called between days; true ends with CANCELLED.
 */
enum status rollup_rebuild(struct store *s, struct span tenant, int64_t from_ms, int64_t to_ms, bool (*pause)(void *arg),
                           void *arg, struct err *err) must_check;

#endif
