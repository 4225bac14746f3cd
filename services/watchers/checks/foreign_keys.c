/* Foreign keys that the server does not enforce: never validated, or with their triggers off. */
#include "services/watchers/scan.h"

static int64_t broken_rows(struct scan *s, const struct scan_key *k, struct span where, struct span *ret_sql)
{
	scoped_result r = {0};
	int64_t rows = -1;
	struct span test =
	    scan_text(s, "FROM %.*s c WHERE %.*s AND NOT EXISTS (SELECT 1 FROM %.*s p WHERE %.*s)",
	              SPAN_ARG(k->child->quoted), SPAN_ARG(k->present), SPAN_ARG(k->parent->quoted), SPAN_ARG(k->pairs));
	*ret_sql = scan_text(s, "SELECT c.* %.*s", SPAN_ARG(test));
	if (scan_ask(s, where, scan_text(s, "SELECT count(*) %.*s", SPAN_ARG(test)).p, &r))
		span_i64(store_value(&r, 0, 0), &rows);
	return rows;
}

static void check_validated(struct scan *s, const struct scan_key *k)
{
	struct span sql, where = scan_text(s, "%.*s.%.*s", SPAN_ARG(k->child->full), SPAN_ARG(k->name));
	int64_t rows = k->child->readable && k->parent->readable ? broken_rows(s, k, where, &sql) : -1;
	if (s->over)
		return;
	scan_defect(
	    s,
	    &(struct defect){
	        .type = "foreign_key_not_valid",
	        .severity = rows > 0 ? SEVERITY_HIGH : SEVERITY_MEDIUM,
	        .where = where,
	        .table = k->child->full,
	        .title = rows > 0 ? scan_text(s, "Foreign key %.*s was never validated, and %lld rows break it",
	                                      SPAN_ARG(where), (long long)rows)
	                          : scan_text(s, "Foreign key %.*s was never validated", SPAN_ARG(where)),
	        .description = SPAN(
	            "It was added NOT VALID: rows that were there before may break it, and the planner cannot rely on it."),
	        .recommendation = scan_text(s, "Correct the rows, then `ALTER TABLE %.*s VALIDATE CONSTRAINT \"%.*s\"`.",
	                                    SPAN_ARG(k->child->quoted), SPAN_ARG(k->name)),
	        .rows = rows,
	        .sql = rows >= 0 ? sql : (struct span){0},
	    });
}

static void check_triggers(struct scan *s)
{
	scoped_result r = {0};
	static const char sql[] =
	    "SELECT k.conname, k.conrelid::text FROM pg_constraint k WHERE k.contype = 'f' AND EXISTS "
	    "(SELECT 1 FROM pg_trigger t WHERE t.tgconstraint = k.oid AND t.tgisinternal AND t.tgenabled = 'D') ORDER BY 1";
	if (!scan_ask(s, SPAN("triggers"), sql, &r))
		return;
	for (int i = 0; i < r.rows; i++) {
		const struct scan_table *t = scan_table_by_oid(s, store_value(&r, i, 1));
		if (!t)
			continue;
		struct span where = scan_text(s, "%.*s.%.*s", SPAN_ARG(t->full), SPAN_ARG(store_value(&r, i, 0)));
		scan_defect(
		    s,
		    &(struct defect){
		        .type = "foreign_key_disabled",
		        .severity = SEVERITY_HIGH,
		        .where = where,
		        .table = t->full,
		        .title = scan_text(s, "Foreign key %.*s is not enforced: its triggers are disabled", SPAN_ARG(where)),
		        .recommendation =
		            scan_text(s, "`ALTER TABLE %.*s ENABLE TRIGGER ALL`, and look for orphans.", SPAN_ARG(t->quoted)),
		        .rows = -1,
		        .sql = SPAN("SELECT tgrelid::regclass, tgname FROM pg_trigger WHERE tgisinternal AND tgenabled = 'D'"),
		    });
	}
}

static void run(struct scan *s)
{
	for (size_t i = 0; i < s->keys_n && !s->over; i++)
		if (!s->keys[i].validated)
			check_validated(s, &s->keys[i]);
	if (!s->over)
		check_triggers(s);
}

const struct integrity_check integrity_check_foreign_keys = {
    .name = "foreign_keys", .summary = "foreign keys that are not validated or not enforced", .run = run};
