/* Sequences near their end, or near the end of the column that they fill. */
#include "services/watchers/scan.h"

/* A sequence may count further than its column can hold: serial columns of bigint sequences. */
static const char sql[] =
    "SELECT q.schemaname || '.' || q.sequencename, d.refobjid::text, q.last_value::text, least(q.max_value, CASE "
    "t.typname "
    "WHEN 'int2' THEN 32767 WHEN 'int4' THEN 2147483647 ELSE q.max_value END)::text, a.attname FROM pg_sequences q "
    "JOIN pg_namespace n ON n.nspname = q.schemaname JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = "
    "q.sequencename "
    "LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.refclassid = "
    "'pg_class'::regclass "
    "AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0 "
    "LEFT JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid LEFT JOIN pg_type t ON t.oid = "
    "a.atttypid "
    "WHERE q.last_value IS NOT NULL AND q.increment_by > 0 AND NOT q.cycle ORDER BY 1";

static void run(struct scan *s)
{
	scoped_result r = {0};
	if (!scan_ask(s, SPAN("sequences"), sql, &r))
		return;
	for (int i = 0; i < r.rows; i++) {
		int64_t last, most;
		const struct scan_table *t = scan_table_by_oid(s, store_value(&r, i, 1));
		struct span name = store_value(&r, i, 0);
		if (!span_i64(store_value(&r, i, 2), &last) || !span_i64(store_value(&r, i, 3), &most) || most <= 0)
			continue;
		double percent = 100 * (double)last / (double)most;
		if (percent < (double)s->options.sequence_percent.v)
			continue;
		scan_defect(s, &(struct defect){
		                   .type = "sequence_exhausted",
		                   .severity = percent >= 95   ? SEVERITY_CRITICAL
		                               : percent >= 90 ? SEVERITY_HIGH
		                                               : SEVERITY_MEDIUM,
		                   .where = name,
		                   .table = t ? t->full : name,
		                   .title = scan_text(s, "Sequence %.*s is %.1f %% used: %lld values are left", SPAN_ARG(name),
		                                      percent, (long long)(most - last)),
		                   .description = SPAN("At its end, every insert fails."),
		                   .recommendation = SPAN("Make the column (and the sequence) a bigint before that."),
		                   .rows = -1,
		                   .sql = scan_text(
		                       s, "SELECT last_value FROM pg_sequences WHERE schemaname || '.' || sequencename = %.*s",
		                       SPAN_ARG(scan_literal(s, name))),
		               });
	}
}

const struct integrity_check integrity_check_sequences = {
    .name = "sequences", .summary = "sequences near their end", .run = run};
