/* Indexes that are broken, and large ones that nobody uses. */
#include <inttypes.h>

#include "services/watchers/scan.h"

#define SQL_INVALID                                                                                                    \
	"SELECT n.nspname || '.' || c.relname, i.indrelid::text, format('%I.%I', n.nspname, c.relname) FROM pg_index i "   \
	"JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace "                           \
	"WHERE (NOT i.indisvalid OR NOT i.indisready) AND c.relkind = 'i' AND NOT EXISTS "                                 \
	"(SELECT 1 FROM pg_stat_progress_create_index p WHERE p.index_relid = i.indexrelid) ORDER BY 1"
/* What a constraint stands on is needed even when it is never read, and so is what is new. */
#define SQL_UNUSED                                                                                                     \
	"SELECT n.nspname || '.' || c.relname, i.indrelid::text, format('%%I.%%I', n.nspname, c.relname), "                \
	"pg_relation_size(c.oid) "                                                                                         \
	"FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace "           \
	"JOIN pg_stat_all_indexes u ON u.indexrelid = i.indexrelid "                                                       \
	"WHERE u.idx_scan = 0 AND i.indisvalid AND NOT i.indisunique AND NOT i.indisprimary AND NOT i.indisexclusion "     \
	"AND NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = i.indexrelid) "                                  \
	"AND pg_relation_size(c.oid) >= %" PRId64 " AND coalesce((SELECT stats_reset FROM pg_stat_database WHERE "         \
	"datname = current_database()), pg_postmaster_start_time()) <= now() - %" PRId64 " * interval '1 day' ORDER BY 1"

static void find_invalid(struct scan *s)
{
	scoped_result r = {0};
	if (!scan_ask(s, SPAN("invalid"), SQL_INVALID, &r))
		return;
	for (int i = 0; i < r.rows; i++) {
		const struct scan_table *t = scan_table_by_oid(s, store_value(&r, i, 1));
		struct span name = store_value(&r, i, 0);
		if (t)
			scan_defect(s, &(struct defect){
			                   .type = "index_invalid",
			                   .severity = SEVERITY_HIGH,
			                   .where = name,
			                   .table = t->full,
			                   .title = scan_text(s, "Index %.*s is invalid: it costs writes and is never read",
			                                      SPAN_ARG(name)),
			                   .description = SPAN("Building it without locking (CONCURRENTLY) failed and left it "
			                                       "behind. If it was to be unique, it is not."),
			                   .recommendation = scan_text(s, "`REINDEX INDEX CONCURRENTLY %.*s`, or drop it.",
			                                               SPAN_ARG(store_value(&r, i, 2))),
			                   .rows = -1,
			                   .sql = SPAN("SELECT indexrelid::regclass FROM pg_index WHERE NOT indisvalid"),
			               });
	}
}

static void find_unused(struct scan *s)
{
	scoped_result r = {0};
	struct span sql = scan_text(s, SQL_UNUSED, s->options.unused_index_min_bytes.v, s->options.unused_index_min_days.v);
	if (!scan_ask(s, SPAN("unused"), sql.p, &r))
		return;
	for (int i = 0; i < r.rows; i++) {
		const struct scan_table *t = scan_table_by_oid(s, store_value(&r, i, 1));
		struct span name = store_value(&r, i, 0);
		int64_t bytes = 0;
		span_i64(store_value(&r, i, 3), &bytes);
		if (t)
			scan_defect(
			    s,
			    &(struct defect){
			        .type = "index_unused",
			        .severity = SEVERITY_LOW,
			        .where = name,
			        .table = t->full,
			        .title = scan_text(s, "Index %.*s (%lld MB) was never read since counting began", SPAN_ARG(name),
			                           (long long)(bytes >> 20)),
			        .recommendation = scan_text(s, "If no replica reads it either: `DROP INDEX CONCURRENTLY %.*s`.",
			                                    SPAN_ARG(store_value(&r, i, 2))),
			        .rows = -1,
			        .sql = SPAN("SELECT indexrelid::regclass, idx_scan FROM pg_stat_user_indexes WHERE idx_scan = 0"),
			    });
	}
}

static void run(struct scan *s)
{
	find_invalid(s);
	if (!s->over)
		find_unused(s);
}

const struct integrity_check integrity_check_indexes = {
    .name = "indexes", .summary = "invalid indexes, and large ones that nobody reads", .run = run};
