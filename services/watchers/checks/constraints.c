/* CHECK constraints that were never validated, and how many rows break them. */
#include "services/watchers/scan.h"

static const char sql[] = "SELECT k.conname, k.conrelid::text, quote_ident(k.conname), pg_get_expr(k.conbin, "
                          "k.conrelid) FROM pg_constraint k "
                          "WHERE k.contype = 'c' AND NOT k.convalidated AND k.conrelid <> 0 ORDER BY 2, 1";

static void report(struct scan *s, const struct scan_table *t, struct span name, struct span quoted,
                   struct span expression)
{
	scoped_result r = {0};
	int64_t rows = -1;
	struct span where = scan_text(s, "%.*s.%.*s", SPAN_ARG(t->full), SPAN_ARG(name));
	struct span broken = scan_text(s, "FROM %.*s WHERE NOT (%.*s)", SPAN_ARG(t->quoted), SPAN_ARG(expression));
	if (t->readable && scan_ask(s, where, scan_text(s, "SELECT count(*) %.*s", SPAN_ARG(broken)).p, &r))
		span_i64(store_value(&r, 0, 0), &rows);
	if (s->over)
		return;
	scan_defect(
	    s, &(struct defect){
	           .type = "constraint_not_valid",
	           .severity = rows > 0 ? SEVERITY_HIGH : SEVERITY_MEDIUM,
	           .where = where,
	           .table = t->full,
	           .title = rows > 0 ? scan_text(s, "Constraint %.*s was never validated, and %lld rows break it",
	                                         SPAN_ARG(where), (long long)rows)
	                             : scan_text(s, "Constraint %.*s was never validated", SPAN_ARG(where)),
	           .recommendation = scan_text(s, "Correct the rows, then `ALTER TABLE %.*s VALIDATE CONSTRAINT %.*s`.",
	                                       SPAN_ARG(t->quoted), SPAN_ARG(quoted)),
	           .rows = rows,
	           .sql = scan_text(s, "SELECT * %.*s", SPAN_ARG(broken)),
	       });
}

static void run(struct scan *s)
{
	scoped_result r = {0};
	if (!scan_ask(s, SPAN("constraints"), sql, &r))
		return;
	for (int i = 0; i < r.rows && !s->over; i++) {
		const struct scan_table *t = scan_table_by_oid(s, store_value(&r, i, 1));
		if (t)
			report(s, t, store_value(&r, i, 0), store_value(&r, i, 2), store_value(&r, i, 3));
	}
}

const struct integrity_check integrity_check_constraints = {
    .name = "constraints", .summary = "CHECK constraints that were never validated", .run = run};
