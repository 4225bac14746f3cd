/* Rows that refer to rows that do not exist, along declared and undeclared references. */
#include "services/watchers/scan.h"

static void report(struct scan *s, const struct scan_table *child, const struct scan_table *parent, struct span columns,
                   struct span test, bool declared)
{
	scoped_result r = {0};
	double scale;
	int64_t rows = 0;
	struct span from = scan_from(s, child, &scale),
	            where = scan_text(s, "%.*s.%.*s", SPAN_ARG(child->full), SPAN_ARG(columns));
	/* The alias comes before TABLESAMPLE. */
	struct span source =
	    scale > 1 ? scan_text(s, "(SELECT * FROM %.*s) c", SPAN_ARG(from)) : scan_text(s, "%.*s c", SPAN_ARG(from));
	if (!scan_ask(s, where, scan_text(s, "SELECT count(*) FROM %.*s WHERE %.*s", SPAN_ARG(source), SPAN_ARG(test)).p,
	              &r))
		return;
	if (!span_i64(store_value(&r, 0, 0), &rows) || rows <= 0)
		return;
	rows = (int64_t)((double)rows * scale);
	scan_defect(
	    s, &(struct defect){
	           .type = "orphaned_rows",
	           .severity = declared ? SEVERITY_HIGH : SEVERITY_MEDIUM,
	           .where = where,
	           .table = child->full,
	           .title = scan_text(s, "%s%lld rows of %.*s refer by %.*s to rows of %.*s that do not exist",
	                              scale > 1 ? "About " : "", (long long)rows, SPAN_ARG(child->full), SPAN_ARG(columns),
	                              SPAN_ARG(parent->full)),
	           .description =
	               declared ? SPAN("The reference is declared, and was got around: by disabled triggers, a replication "
	                               "role, or damage.")
	                        : SPAN("The reference is not declared; names, types and values show that it is meant."),
	           .recommendation = declared ? SPAN("Correct or delete the rows; find what wrote them.")
	                                      : SPAN("Correct or delete the rows, then declare the foreign key."),
	           .rows = rows,
	           .sampled = scale > 1,
	           .sql = scan_text(s, "SELECT c.* FROM %.*s c WHERE %.*s", SPAN_ARG(child->quoted), SPAN_ARG(test)),
	       });
}

static void run(struct scan *s)
{
	size_t n;
	for (size_t i = 0; i < s->keys_n && !s->over; i++) {
		const struct scan_key *k = &s->keys[i];
		if (k->validated && k->child->readable && k->parent->readable)
			report(s, k->child, k->parent, k->columns,
			       scan_text(s, "%.*s AND NOT EXISTS (SELECT 1 FROM %.*s p WHERE %.*s)", SPAN_ARG(k->present),
			                 SPAN_ARG(k->parent->quoted), SPAN_ARG(k->pairs)),
			       true);
	}
	const struct scan_reference *all = scan_references(s, &n);
	for (size_t i = 0; i < n && !s->over; i++) {
		const struct scan_reference *f = &all[i];
		/* 0 and '' often stand for none. */
		struct span none = f->column->category == 'N'   ? scan_text(s, " AND c.%.*s <> 0", SPAN_ARG(f->column->quoted))
		                   : f->column->category == 'S' ? scan_text(s, " AND c.%.*s <> ''", SPAN_ARG(f->column->quoted))
		                                                : SPAN("");
		report(s, f->child, f->parent, f->column->name,
		       scan_text(s, "c.%.*s IS NOT NULL%.*s AND NOT EXISTS (SELECT 1 FROM %.*s p WHERE p.%.*s = c.%.*s)",
		                 SPAN_ARG(f->column->quoted), SPAN_ARG(none), SPAN_ARG(f->parent->quoted),
		                 SPAN_ARG(f->key->quoted), SPAN_ARG(f->column->quoted)),
		       false);
	}
}

const struct integrity_check integrity_check_orphans = {
    .name = "orphans", .summary = "rows that refer to rows that do not exist", .run = run};
