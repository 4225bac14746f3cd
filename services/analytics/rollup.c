/* The one statement that keeps all sums, built from the list of counters. */
#include "rollup.h"

#include <stdio.h>

#include "core/clock.h"

const char *const grain_names[GRAINS] = {"minute", "hour", "day", "month", "quarter"};
const int64_t grain_ms[GRAINS] = {60000, 3600000, 86400000, 0, 0};
const char *const rollup_names[ROLLUP_TABLES] = {"total", "plain", "task", "person",    "habit",
                                                 "model", "work",  "user", "bins", "bins_total"};

#define COLUMN_TEXT(name, ...) #name,
const char *const rollup_column_names[ROLLUP_COLUMNS] = {ROLLUP_COUNTERS(COLUMN_TEXT) ROLLUP_ENDS(COLUMN_TEXT)};

/* The dimensions of each set from status on: as values of a row, and as what a row is made for. */
static const struct {
	const char *values, *by;
} set_dimensions[ROLLUP_SETS] = {
    [ROLLUP_TOTAL] = {"'', '', '', '', '', '', ''", ""},
    [ROLLUP_PLAIN] = {"'', provider, model, '', '', '', ''", ", provider, model"},
    [ROLLUP_TASK] = {"'', '', '', operation, pipeline, field_name, ''", ", operation, pipeline, field_name"},
    [ROLLUP_PERSON] = {"'', '', '', '', '', '', user_id", ", user_id"},
    [ROLLUP_HABIT] = {"'', provider, model, '', '', '', user_id", ", provider, model, user_id"},
    [ROLLUP_MODEL] = {"status, provider, model, '', '', '', ''", ", status, provider, model"},
    [ROLLUP_WORK] = {"status, provider, model, operation, pipeline, field_name, ''",
                     ", status, provider, model, operation, pipeline, field_name"},
    [ROLLUP_USER] = {"status, provider, model, '', '', '', user_id", ", status, provider, model, user_id"},
};

bool rollup_is_small(enum rollup_set set)
{
	return set < ROLLUP_MODEL;
}

bool rollup_keeps(enum grain g, enum rollup_set set)
{
	static const enum grain shortest[ROLLUP_TABLES] = {
	    [ROLLUP_TOTAL] = GRAIN_HOUR, [ROLLUP_PLAIN] = GRAIN_HOUR,  [ROLLUP_TASK] = GRAIN_DAY,
	    [ROLLUP_PERSON] = GRAIN_DAY, [ROLLUP_HABIT] = GRAIN_MONTH, [ROLLUP_MODEL] = GRAIN_MINUTE,
	    [ROLLUP_WORK] = GRAIN_HOUR,  [ROLLUP_USER] = GRAIN_HOUR,   [ROLLUP_BINS] = GRAIN_HOUR, [ROLLUP_BINS_TOTAL] = GRAIN_HOUR,
	};
	return g >= shortest[set] && g <= (set == ROLLUP_HABIT ? GRAIN_QUARTER : GRAIN_MONTH);
}

enum rollup_set rollup_larger(enum rollup_set set)
{
	static const enum rollup_set larger[ROLLUP_TABLES] = {
	    ROLLUP_MODEL, ROLLUP_MODEL, ROLLUP_WORK, ROLLUP_USER, ROLLUP_USER, ROLLUP_MODEL, ROLLUP_WORK, ROLLUP_USER, ROLLUP_BINS, ROLLUP_BINS,
	};
	return larger[set];
}

#define DIMENSIONS "tenant, status, provider, model, operation, pipeline, field_name, user_id"
#define COUNTER_NAME(name, sum) #name ", "
#define COUNTER_FIRST(name, sum) "(" sum ")::bigint AS " #name ", "
#define COUNTER_AGAIN(name, sum) "ai_usage_sum(" #name ") AS " #name ", "
#define COUNTER_ADD(name, sum) #name " = r." #name " + EXCLUDED." #name ", "
#define COUNTERS ROLLUP_COUNTERS(COUNTER_NAME)

#define END_NAME(status) #status ", "
#define END_COUNT(status) "coalesce(ai_usage_sum(jobs) FILTER (WHERE status = '" #status "'), 0), "
#define END_AGAIN(status) "ai_usage_sum(" #status "), "
#define END_ADD(status) #status " = r." #status " + EXCLUDED." #status ", "

static void add_set(enum grain g, enum rollup_set set, struct buf *out)
{
	const char *grain = grain_names[g], *name = rollup_names[set];
	bool small = rollup_is_small(set);
	buf_printf(out, ", %s_%s AS (INSERT INTO ai_usage_%s_%s AS r (" COUNTERS "%sbucket, " DIMENSIONS ") SELECT ", grain,
	           name, grain, name, small ? ROLLUP_ENDS(END_NAME) : "");
	buf_printf(out, ROLLUP_COUNTERS(COUNTER_AGAIN) "%sbucket, tenant, %s FROM %ss GROUP BY bucket, tenant%s",
	           small ? ROLLUP_ENDS(END_COUNT) : "", set_dimensions[set].values, grain, set_dimensions[set].by);
	buf_printf(out,
	           " ON CONFLICT (tenant, bucket, model, provider, status, operation, pipeline, field_name, user_id) "
	           "DO UPDATE SET %s" ROLLUP_COUNTERS(COUNTER_ADD),
	           small ? ROLLUP_ENDS(END_ADD) : "");
	out->len -= 2; /* the last comma */
	buf_adds(out, ")");
}

#define BINS_ARRAYS "array_agg(bin ORDER BY bin), array_agg(n ORDER BY bin)"

/* One row holds all bins of a metric, in their order: a batch touches few rows, and reading a year of them reads few. */
static void add_bins(enum grain g, enum rollup_set set, struct buf *out)
{
	const char *grain = grain_names[g], *name = rollup_names[set];
	bool total = set == ROLLUP_BINS_TOTAL;
	buf_printf(out,
	           ", %s_%s AS (INSERT INTO ai_usage_%s_%s AS r (bucket, metric, bins, counts, tenant, provider, model) SELECT bucket, metric, "
	           BINS_ARRAYS ", tenant, %s FROM (SELECT date_trunc('%s', bucket) AS bucket, metric, bin, ai_usage_sum(n) AS n, tenant%s FROM "
	           "bins GROUP BY date_trunc('%s', bucket), metric, bin, tenant%s) AS counted GROUP BY bucket, metric, tenant%s ",
	           grain, name, grain, name, total ? "'', ''" : "provider, model", grain, total ? "" : ", provider, model", grain,
	           total ? "" : ", provider, model", total ? "" : ", provider, model");
	buf_adds(out, "ON CONFLICT (tenant, bucket, metric, model, provider) DO UPDATE SET (bins, counts) = (SELECT " BINS_ARRAYS
	              " FROM (SELECT bin, ai_usage_sum(n) AS n FROM (SELECT unnest(r.bins) AS bin, unnest(r.counts) AS n UNION ALL SELECT "
	              "unnest(EXCLUDED.bins), unnest(EXCLUDED.counts)) AS counted GROUP BY bin) AS added))");
}

static void add_table(enum grain g, enum rollup_set set, struct buf *out)
{
	if (set < ROLLUP_SETS)
		add_set(g, set, out);
	else
		add_bins(g, set, out);
}

static void add_level(enum grain g, const char *from, struct buf *out)
{
	buf_printf(out,
	           ", %ss AS MATERIALIZED (SELECT " ROLLUP_COUNTERS(COUNTER_AGAIN) "date_trunc('%s', bucket) AS bucket, " DIMENSIONS
	                                                                           " FROM %s GROUP BY date_trunc('%s', bucket), " DIMENSIONS ")",
	           grain_names[g], grain_names[g], from, grain_names[g]);
}

static void sums_sql(const char *source, enum grain last, struct buf *out)
{
	buf_printf(out,
	           "WITH source AS NOT MATERIALIZED (SELECT * FROM %s AS rows), "
	           "minutes AS MATERIALIZED (SELECT " ROLLUP_COUNTERS(COUNTER_FIRST) "date_trunc('minute', at) AS bucket, tenant, status, "
	           "provider, model FROM source GROUP BY date_trunc('minute', at), tenant, status, provider, model), "
	           "hours AS MATERIALIZED (SELECT " ROLLUP_COUNTERS(COUNTER_FIRST) "date_trunc('hour', at) AS bucket, " DIMENSIONS
	           " FROM source GROUP BY date_trunc('hour', at), " DIMENSIONS ")",
	           source);
	add_level(GRAIN_DAY, "hours", out);
	if (last >= GRAIN_MONTH)
		add_level(GRAIN_MONTH, "days", out);
	if (last >= GRAIN_QUARTER)
		add_level(GRAIN_QUARTER, "months", out);
	buf_printf(out,
	           ", bins AS MATERIALIZED (SELECT date_trunc('hour', at) AS bucket, count(*) AS n, m.metric::smallint AS "
	           "metric, ai_usage_bin(m.ms)::smallint AS bin, tenant, provider, model FROM source "
	           "CROSS JOIN LATERAL (VALUES (%d, processing_ms), (%d, first_token_ms), (%d, queue_ms)) AS m (metric, ms) "
	           "WHERE " TIMED " AND m.ms IS NOT NULL GROUP BY 1, 3, 4, 5, 6, 7)",
	           BINS_PROCESSING, BINS_FIRST_TOKEN, BINS_QUEUE);
	for (int g = 0; g <= (int)last; g++)
		for (int set = 0; set < ROLLUP_TABLES; set++)
			if (rollup_keeps((enum grain)g, (enum rollup_set)set))
				add_table((enum grain)g, (enum rollup_set)set, out);
	buf_adds(out, " SELECT 1");
}

void rollup_sql(const char *source, struct buf *out)
{
	sums_sql(source, GRAIN_QUARTER, out);
}

/* ---- making them again */

#define SUM_OF(name, sum) "ai_usage_sum(" #name "), "
#define OF_BUCKET                                                                                                      \
	" WHERE tenant = $1 AND bucket >= date_trunc('%s', $2::timestamptz) AND bucket < date_trunc('%s', "                 \
	"$2::timestamptz) + interval '%d months'"

/* The bucket of months that holds $2, out of the buckets of `from` and the set `of`. */
static void add_again(enum grain g, enum rollup_set set, enum grain from, enum rollup_set of, struct buf *out)
{
	const char *grain = grain_names[g], *name = rollup_names[set];
	bool ends = set < ROLLUP_SETS && rollup_is_small(set), counted = rollup_is_small(of);
	if (set < ROLLUP_SETS)
		buf_printf(out,
		           "INSERT INTO ai_usage_%s_%s (" COUNTERS "%sbucket, " DIMENSIONS ") SELECT " ROLLUP_COUNTERS(
		               SUM_OF) "%sdate_trunc('%s', bucket), tenant, %s FROM ai_usage_%s_%s",
		           grain, name, ends ? ROLLUP_ENDS(END_NAME) : "",
		           !ends ? "" : counted ? ROLLUP_ENDS(END_AGAIN) : ROLLUP_ENDS(END_COUNT), grain, set_dimensions[set].values,
		           grain_names[from], rollup_names[of]);
	else
		buf_printf(out,
		           "INSERT INTO ai_usage_%s_%s (bucket, metric, bins, counts, tenant, provider, model) SELECT bucket, metric, " BINS_ARRAYS
		           ", tenant, provider, model FROM (SELECT date_trunc('%s', bucket) AS bucket, metric, bin, ai_usage_sum(n) AS n, tenant, "
		           "provider, model FROM ai_usage_%s_%s CROSS JOIN LATERAL unnest(bins, counts) AS u (bin, n)",
		           grain, name, grain, grain_names[from], rollup_names[of]);
	buf_printf(out, OF_BUCKET, grain, grain, g == GRAIN_QUARTER ? 3 : 1);
	if (set < ROLLUP_SETS)
		buf_printf(out, " GROUP BY date_trunc('%s', bucket), tenant%s", grain, set_dimensions[set].by);
	else
		buf_adds(out, " GROUP BY 1, 2, 3, 5, 6, 7) AS counted GROUP BY bucket, metric, tenant, provider, model");
}

/* What is longer than days. What is not kept of the next shorter buckets is made of the larger set's. */
static enum status rebuild_months(struct store *s, const struct span params[2], struct err *err)
{
	enum status status = STATUS_OK;
	for (int g = GRAIN_MONTH; g < GRAINS; g++)
		for (int set = 0; set < ROLLUP_TABLES && status == STATUS_OK; set++) {
			scoped_buf sql = {0};
			enum grain grain = (enum grain)g, from = (enum grain)(g - 1);
			enum rollup_set of = rollup_keeps(from, (enum rollup_set)set) ? (enum rollup_set)set : rollup_larger((enum rollup_set)set);
			if (!rollup_keeps(grain, (enum rollup_set)set))
				continue;
			buf_printf(&sql, "DELETE FROM ai_usage_%s_%s" OF_BUCKET, grain_names[g], rollup_names[set], grain_names[g], grain_names[g],
			           g == GRAIN_QUARTER ? 3 : 1);
			status = store_exec(s, sql.data, params, 2, err);
			buf_reset(&sql);
			add_again(grain, (enum rollup_set)set, from, of, &sql);
			if (status == STATUS_OK)
				status = store_exec(s, sql.data, params, 2, err);
		}
	return status;
}

static enum status clear_day(struct store *s, const struct span params[3], struct err *err)
{
	char sql[256];
	enum status status = STATUS_OK;
	for (int g = 0; g < GRAIN_MONTH && status == STATUS_OK; g++)
		for (int set = 0; set < ROLLUP_TABLES && status == STATUS_OK; set++) {
			if (!rollup_keeps((enum grain)g, (enum rollup_set)set))
				continue;
			snprintf(sql, sizeof sql,
			         "DELETE FROM ai_usage_%s_%s WHERE tenant = $1 AND bucket >= $2::timestamptz AND bucket < "
			         "$3::timestamptz",
			         grain_names[g], rollup_names[set]);
			status = store_exec(s, sql, params, 3, err);
		}
	return status;
}

/* `sql` makes a day's sums; with NULL those of the day's month are made. */
static enum status rebuild(struct store *s, const struct span params[3], const char *sql, struct err *err)
{
	/* The writer waits for this row, so nothing is added to the ledger meanwhile. */
	static const char stand_still[] = "SELECT 1 FROM ai_usage_position FOR UPDATE";
	enum status status = store_begin(s, err);
	if (status == STATUS_OK)
		status = store_exec(s, "SET LOCAL TIME ZONE 'UTC'; SET LOCAL work_mem = '64MB'; SET LOCAL jit = off", NULL, 0, err);
	if (status == STATUS_OK)
		status = store_exec(s, stand_still, NULL, 0, err);
	if (status == STATUS_OK && sql)
		status = clear_day(s, params, err);
	if (status == STATUS_OK)
		status = sql ? store_exec(s, sql, params, 3, err) : rebuild_months(s, params, err);
	if (status == STATUS_OK)
		status = store_commit(s, err);
	if (status != STATUS_OK)
		store_rollback(s);
	return status;
}

enum status rollup_rebuild(struct store *s, struct span tenant, int64_t from_ms, int64_t to_ms, bool (*pause)(void *arg),
                           void *arg, struct err *err)
{
	scoped_buf sql = {0};
	const int64_t day = grain_ms[GRAIN_DAY];
	sums_sql("(SELECT * FROM ai_usage_metrics WHERE tenant = $1 AND at >= $2::timestamptz AND at < $3::timestamptz)",
	         GRAIN_DAY, &sql);
	for (int64_t day_ms = from_ms; day_ms < to_ms; day_ms += day) {
		char from[RFC3339_BYTES], to[RFC3339_BYTES];
		const struct span params[] = {tenant, span_from(rfc3339_format(day_ms, from)), span_from(rfc3339_format(day_ms + day, to))};
		if (pause && pause(arg))
			return err_set(err, STATUS_CANCELLED, "told to end");
		enum status status = rebuild(s, params, sql.data, err);
		bool last_of_month = strncmp(to + 8, "01", 2) == 0;
		if (status == STATUS_OK && (last_of_month || day_ms + day >= to_ms))
			status = rebuild(s, params, NULL, err);
		if (status != STATUS_OK)
			return status;
	}
	return STATUS_OK;
}
