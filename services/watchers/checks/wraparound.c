/* How far transaction ids are on their way to wraparound, at which the server stops taking writes. */
#include "services/watchers/scan.h"

#define WAY 2000000000.0 /* transactions; a little later the server refuses more */

static const char sql[] = "SELECT datname, age(datfrozenxid)::text, mxid_age(datminmxid)::text FROM pg_database WHERE "
                          "datname = current_database()";

static void report(struct scan *s, struct span database, const char *what, const char *type, int64_t age)
{
	double percent = 100 * (double)age / WAY;
	if (percent < (double)s->options.wraparound_percent.v)
		return;
	scan_defect(
	    s, &(struct defect){
	           .type = type,
	           .severity = percent >= 90   ? SEVERITY_CRITICAL
	                       : percent >= 75 ? SEVERITY_HIGH
	                                       : SEVERITY_MEDIUM,
	           .where = database,
	           .table = database,
	           .title = scan_text(s, "The oldest %s id of %.*s is %lld old: %.0f %% of the way to wraparound", what,
	                              SPAN_ARG(database), (long long)age, percent),
	           .description = SPAN(
	               "Freezing does not keep up. At the end of the way the server takes no writes until it is vacuumed."),
	           .recommendation = SPAN("Look for long transactions, prepared transactions and stale replication slots; "
	                                  "then `VACUUM (FREEZE)` the oldest tables."),
	           .rows = -1,
	           .sql = SPAN("SELECT oid::regclass, age(relfrozenxid) FROM pg_class WHERE relkind IN ('r', 'm', 't') "
	                       "ORDER BY 2 DESC LIMIT 20"),
	       });
}

static void run(struct scan *s)
{
	scoped_result r = {0};
	int64_t age;
	if (!scan_ask(s, SPAN("wraparound"), sql, &r) || !r.rows)
		return;
	if (span_i64(store_value(&r, 0, 1), &age))
		report(s, store_value(&r, 0, 0), "transaction", "xid_wraparound", age);
	if (span_i64(store_value(&r, 0, 2), &age))
		report(s, store_value(&r, 0, 0), "multixact", "multixact_wraparound", age);
}

const struct integrity_check integrity_check_wraparound = {
    .name = "wraparound", .summary = "transaction ids on their way to wraparound", .run = run};
