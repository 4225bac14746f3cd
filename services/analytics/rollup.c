/* The one statement that keeps all sums, built from the list of counters. */
#include "rollup.h"

#include <stdio.h>

#include "core/clock.h"

const char *const grain_names[GRAINS] = {"minute", "hour", "day", "month"};
const int64_t grain_ms[GRAINS] = {60000, 3600000, 86400000, 0};
const char *const rollup_names[ROLLUP_SETS] = {"total", "plain", "task", "person", "model", "work", "user"};

/* The dimensions of each set from status on: as values of a row, and as what a row is made for. */
static const struct {
	const char *values, *by;
} set_dimensions[ROLLUP_SETS] = {
    [ROLLUP_TOTAL] = {"'', '', '', '', '', '', ''", ""},
    [ROLLUP_PLAIN] = {"'', provider, model, '', '', '', ''", ", provider, model"},
    [ROLLUP_TASK] = {"'', '', '', operation, pipeline, field_name, ''", ", operation, pipeline, field_name"},
    [ROLLUP_PERSON] = {"'', '', '', '', '', '', user_id", ", user_id"},
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
	if (!rollup_is_small(set))
		return true;
	return g >= (set == ROLLUP_TASK || set == ROLLUP_PERSON ? GRAIN_DAY : GRAIN_HOUR);
}

enum rollup_set rollup_larger(enum rollup_set set)
{
	if (!rollup_is_small(set))
		return set;
	return set == ROLLUP_TASK ? ROLLUP_WORK : set == ROLLUP_PERSON ? ROLLUP_USER : ROLLUP_MODEL;
}

#define DIMENSIONS "tenant, status, provider, model, operation, pipeline, field_name, user_id"
#define COUNTER_NAME(name, sum) #name ", "
#define COUNTER_FIRST(name, sum) "(" sum ")::bigint AS " #name ", "
#define COUNTER_AGAIN(name, sum) "sum(" #name ")::bigint AS " #name ", "
#define COUNTER_ADD(name, sum) #name " = r." #name " + EXCLUDED." #name ", "
#define COUNTERS ROLLUP_COUNTERS(COUNTER_NAME)

#define END_NAME(status) #status ", "
#define END_COUNT(status) "coalesce(sum(jobs) FILTER (WHERE status = '" #status "'), 0)::bigint, "
#define END_AGAIN(status) "sum(" #status ")::bigint, "
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

static void add_bins(enum grain g, struct buf *out)
{
	buf_printf(out,
	           ", %s_bins AS (INSERT INTO ai_usage_%s_bins AS r (bucket, n, metric, bin, tenant, provider, model) "
	           "SELECT date_trunc('%s', bucket) AS b, sum(n)::bigint, metric, bin, tenant, provider, model FROM bins "
	           "GROUP BY b, metric, bin, tenant, provider, model "
	           "ON CONFLICT (tenant, bucket, metric, model, provider, bin) DO UPDATE SET n = r.n + EXCLUDED.n)",
	           grain_names[g], grain_names[g], grain_names[g]);
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
	           "minutes AS MATERIALIZED (SELECT " ROLLUP_COUNTERS(
	               COUNTER_FIRST) "date_trunc('minute', at) AS bucket, " DIMENSIONS
	                              " FROM source GROUP BY date_trunc('minute', at), " DIMENSIONS ")",
	           source);
	add_level(GRAIN_HOUR, "minutes", out);
	add_level(GRAIN_DAY, "hours", out);
	if (last == GRAIN_MONTH)
		add_level(GRAIN_MONTH, "days", out);
	buf_printf(out,
	           ", bins AS MATERIALIZED (SELECT date_trunc('minute', at) AS bucket, count(*) AS n, m.metric::smallint AS "
	           "metric, ai_usage_bin(m.ms)::smallint AS bin, tenant, provider, model FROM source "
	           "CROSS JOIN LATERAL (VALUES (%d, processing_ms), (%d, first_token_ms), (%d, queue_ms)) AS m (metric, ms) "
	           "WHERE " TIMED " AND m.ms IS NOT NULL GROUP BY 1, 3, 4, 5, 6, 7)",
	           BINS_PROCESSING, BINS_FIRST_TOKEN, BINS_QUEUE);
	for (int g = 0; g <= (int)last; g++) {
		for (int set = 0; set < ROLLUP_SETS; set++)
			if (rollup_keeps((enum grain)g, (enum rollup_set)set))
				add_set((enum grain)g, (enum rollup_set)set, out);
		add_bins((enum grain)g, out);
	}
	buf_adds(out, " SELECT 1");
}

void rollup_sql(const char *source, struct buf *out)
{
	sums_sql(source, GRAIN_MONTH, out);
}

/* ---- making them again */

#define SUM_OF(name, sum) "sum(" #name ")::bigint, "
#define OF_MONTH                                                                                                       \
	" WHERE tenant = $1 AND bucket >= date_trunc('month', $2::timestamptz) AND bucket < date_trunc('month', "          \
	"$2::timestamptz) + interval '1 month'"

static enum status rebuild_month(struct store *s, const struct span params[2], struct err *err)
{
	enum status status = STATUS_OK;
	for (int set = 0; set <= ROLLUP_SETS && status == STATUS_OK; set++) {
		scoped_buf sql = {0};
		const char *name = set < ROLLUP_SETS ? rollup_names[set] : "bins";
		buf_printf(&sql, "DELETE FROM ai_usage_month_%s" OF_MONTH, name);
		status = store_exec(s, sql.data, params, 2, err);
		buf_reset(&sql);
		if (set < ROLLUP_SETS)
			buf_printf(&sql,
			           "INSERT INTO ai_usage_month_%s (" COUNTERS "%sbucket, " DIMENSIONS ") SELECT " ROLLUP_COUNTERS(
			               SUM_OF) "%sdate_trunc('month', bucket), " DIMENSIONS " FROM ai_usage_day_%s" OF_MONTH
			                       " GROUP BY date_trunc('month', bucket), " DIMENSIONS,
			           name, rollup_is_small((enum rollup_set)set) ? ROLLUP_ENDS(END_NAME) : "",
			           rollup_is_small((enum rollup_set)set) ? ROLLUP_ENDS(END_AGAIN) : "", name);
		else
			buf_adds(&sql, "INSERT INTO ai_usage_month_bins (bucket, n, metric, bin, tenant, provider, model) SELECT "
			               "date_trunc('month', bucket), sum(n)::bigint, metric, bin, tenant, provider, model FROM "
			               "ai_usage_day_bins" OF_MONTH " GROUP BY 1, 3, 4, 5, 6, 7");
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
		for (int set = 0; set <= ROLLUP_SETS && status == STATUS_OK; set++) {
			if (!rollup_keeps((enum grain)g, (enum rollup_set)set))
				continue;
			snprintf(sql, sizeof sql,
			         "DELETE FROM ai_usage_%s_%s WHERE tenant = $1 AND bucket >= $2::timestamptz AND bucket < "
			         "$3::timestamptz",
			         grain_names[g], set < ROLLUP_SETS ? rollup_names[set] : "bins");
			status = store_exec(s, sql, params, 3, err);
		}
	return status;
}

static enum status rebuild_day(struct store *s, const struct span params[3], struct span sql, struct err *err)
{
	/* The writer waits for this row, so nothing is added to the ledger meanwhile. */
	static const char stand_still[] = "SELECT 1 FROM ai_usage_position FOR UPDATE";
	enum status status = store_begin(s, err);
	if (status == STATUS_OK)
		status = store_exec(s, "SET LOCAL TIME ZONE 'UTC'", NULL, 0, err);
	if (status == STATUS_OK)
		status = store_exec(s, stand_still, NULL, 0, err);
	if (status == STATUS_OK)
		status = clear_day(s, params, err);
	if (status == STATUS_OK)
		status = store_exec(s, sql.p, params, 3, err);
	if (status == STATUS_OK)
		status = rebuild_month(s, params, err);
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
	sums_sql("(SELECT * FROM ai_usage_metrics WHERE tenant = $1 AND at >= $2::timestamptz AND at < $3::timestamptz)",
	         GRAIN_DAY, &sql);
	for (int64_t day_ms = from_ms; day_ms < to_ms; day_ms += grain_ms[GRAIN_DAY]) {
		char from[RFC3339_BYTES], to[RFC3339_BYTES];
		const struct span params[] = {tenant, span_from(rfc3339_format(day_ms, from)),
		                              span_from(rfc3339_format(day_ms + grain_ms[GRAIN_DAY], to))};
		if (pause && pause(arg))
			return err_set(err, STATUS_CANCELLED, "told to end");
		enum status status = rebuild_day(s, params, buf_span(&sql), err);
		if (status != STATUS_OK)
			return status;
	}
	return STATUS_OK;
}
