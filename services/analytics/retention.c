/* Retention, by partition where it can be and by row where it must be. */
#include "retention.h"

#include <stdio.h>

#include "core/clock.h"
#include "rollup.h"

#define SLICE 10000 /* rows of one statement */

static enum status make_ahead(struct store *s, struct span now, struct err *err)
{
	return store_exec(s,
	                  "SELECT ai_usage_partition($1::timestamptz + make_interval(months => i)) FROM generate_series(0, 2) AS i",
	                  &now, 1, err);
}

/* The longest that anybody keeps rows; nothing is dropped when somebody keeps them for ever. */
#define OLD_PARTITIONS_SQL                                                                                             \
	"WITH kept AS (SELECT ledger_days FROM ai_usage_settings WHERE ledger_days IS NOT NULL UNION ALL SELECT $2::int) " \
	"SELECT c.relname FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid WHERE i.inhparent = "             \
	"'ai_usage_metrics'::regclass AND (SELECT bool_and(ledger_days > 0) FROM kept) AND "                               \
	"(to_date(right(c.relname, 6), 'YYYYMM') + interval '1 month') AT TIME ZONE 'UTC' < $1::timestamptz - "            \
	"make_interval(days => (SELECT max(ledger_days) FROM kept)) ORDER BY 1"

static enum status drop_old(struct store *s, struct span now, struct span days, struct retained *done, struct err *err)
{
	const struct span params[] = {now, days};
	scoped_result r = {0};
	enum status status = store_query(s, OLD_PARTITIONS_SQL, params, 2, &r, err);
	for (int row = 0; status == STATUS_OK && row < r.rows; row++) {
		char sql[160];
		snprintf(sql, sizeof sql, "DROP TABLE %.*s", SPAN_ARG(store_value(&r, row, 0)));
		status = store_exec(s, sql, NULL, 0, err);
		done->partitions_dropped += status == STATUS_OK;
	}
	return status;
}

static enum status delete_slices(struct store *s, const char *sql, const struct span *params, size_t n,
                                 bool (*pause)(void *arg), void *arg, struct retained *done, struct err *err)
{
	for (int deleted = SLICE; deleted == SLICE;) {
		scoped_result r = {0};
		if (pause && pause(arg))
			return err_set(err, STATUS_CANCELLED, "told to end");
		if (store_query(s, sql, params, n, &r, err) != STATUS_OK)
			return err->status;
		deleted = store_affected(&r);
		done->rows_deleted += deleted;
	}
	return STATUS_OK;
}

/* Tenants that keep less than others; those without a choice of their own keep $2 days. */
static enum status delete_old_rows(struct store *s, struct span now, struct span days, bool (*pause)(void *arg), void *arg,
                                   struct retained *done, struct err *err)
{
	const struct span params[] = {now, days};
	scoped_result r = {0};
	enum status status =
	    store_query(s,
	                "SELECT tenant, $1::timestamptz - make_interval(days => days) FROM (SELECT DISTINCT d.tenant, "
	                "coalesce(t.ledger_days, $2::int) AS days FROM (SELECT DISTINCT tenant FROM ai_usage_day_model) AS d LEFT "
	                "JOIN ai_usage_settings AS t USING (tenant)) AS kept WHERE days > 0",
	                params, 2, &r, err);
	for (int row = 0; status == STATUS_OK && row < r.rows; row++) {
		const struct span of_tenant[] = {store_value(&r, row, 0), store_value(&r, row, 1)};
		status = delete_slices(s,
		                       "DELETE FROM ai_usage_metrics AS m USING (SELECT event_seq, stream_id, at FROM ai_usage_metrics "
		                       "WHERE tenant = $1 AND at < $2::timestamptz LIMIT 10000) AS old WHERE m.event_seq = "
		                       "old.event_seq AND m.stream_id = old.stream_id AND m.at = old.at",
		                       of_tenant, 2, pause, arg, done, err);
	}
	return status;
}

static enum status delete_old_minutes(struct store *s, struct span before, bool (*pause)(void *arg), void *arg,
                                      struct retained *done, struct err *err)
{
	enum status status = STATUS_OK;
	for (int set = 0; set < ROLLUP_TABLES && status == STATUS_OK; set++) {
		char sql[256];
		if (!rollup_keeps(GRAIN_MINUTE, (enum rollup_set)set))
			continue;
		const char *table = rollup_names[set];
		snprintf(sql, sizeof sql,
		         "DELETE FROM ai_usage_minute_%s WHERE ctid = ANY (ARRAY(SELECT ctid FROM ai_usage_minute_%s WHERE bucket < "
		         "$1::timestamptz LIMIT 10000))",
		         table, table);
		status = delete_slices(s, sql, &before, 1, pause, arg, done, err);
	}
	return status;
}

enum status retention_run(struct analytics *a, struct store *s, int64_t now_ms, bool (*pause)(void *arg), void *arg,
                          struct retained *ret, struct err *err)
{
	char now[RFC3339_BYTES], before[RFC3339_BYTES], days[24];
	struct retained done = {0};
	snprintf(days, sizeof days, "%lld", (long long)a->config->ledger_days);
	rfc3339_format(now_ms, now);
	rfc3339_format(now_ms - a->config->minute_days * grain_ms[GRAIN_DAY], before);
	enum status status = make_ahead(s, span_from(now), err);
	if (status == STATUS_OK)
		status = drop_old(s, span_from(now), span_from(days), &done, err);
	if (status == STATUS_OK)
		status = delete_old_rows(s, span_from(now), span_from(days), pause, arg, &done, err);
	if (status == STATUS_OK && a->config->minute_days)
		status = delete_old_minutes(s, span_from(before), pause, arg, &done, err);
	*ret = done;
	return status;
}
