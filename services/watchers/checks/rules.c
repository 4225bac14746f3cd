/* One's own checks: statements that return what breaks a rule, and conditions on columns. */
#include "services/watchers/rules.h"

/* What breaks a rule, as FROM …; absent when it says nothing that can be asked. */
static struct span broken(struct scan *s, const struct integrity_rule *r, const struct scan_table *t,
                          const struct scan_column *c)
{
	scoped_buf where = {0};
	struct span q = c->quoted;
	if (r->unique)
		return scan_text(s, "(SELECT %.*s FROM %.*s WHERE %.*s IS NOT NULL GROUP BY 1 HAVING count(*) > 1)",
		                 SPAN_ARG(q), SPAN_ARG(t->quoted), SPAN_ARG(q));
	if (r->not_null)
		buf_printf(&where, " OR %.*s IS NULL", SPAN_ARG(q));
	if (r->min.set)
		buf_printf(&where, " OR %.*s < %.17g", SPAN_ARG(q), r->min.v);
	if (r->max.set)
		buf_printf(&where, " OR %.*s > %.17g", SPAN_ARG(q), r->max.v);
	if (r->matches.n)
		buf_printf(&where, " OR %.*s::text !~ %.*s", SPAN_ARG(q), SPAN_ARG(scan_literal(s, r->matches)));
	if (r->values.type == JSON_ARRAY) {
		struct json key, item;
		buf_printf(&where, " OR %.*s::text NOT IN (''", SPAN_ARG(q));
		for (struct json_iter it = json_iter(r->values); json_next(&it, &key, &item);)
			buf_printf(&where, ", %.*s", SPAN_ARG(scan_literal(s, json_text(item, s->arena))));
		buf_addc(&where, ')');
	}
	if (r->references.n) {
		struct span column = r->references, table = {0};
		for (size_t i = r->references.n; i-- > 0;) {
			if (r->references.p[i] != '.')
				continue;
			table = span_of(r->references.p, i);
			column = span_of(r->references.p + i + 1, r->references.n - i - 1);
			break;
		}
		const struct scan_table *parent = table.n ? scan_table_named(s, table) : NULL;
		const struct scan_column *key = parent ? scan_column_named(parent, column) : NULL;
		if (!key)
			return (struct span){0};
		buf_printf(&where, " OR %.*s IS NOT NULL AND NOT EXISTS (SELECT 1 FROM %.*s p WHERE p.%.*s = c.%.*s)",
		           SPAN_ARG(q), SPAN_ARG(parent->quoted), SPAN_ARG(key->quoted), SPAN_ARG(q));
	}
	if (!where.len)
		return (struct span){0};
	return scan_text(s, "(SELECT c.* FROM %.*s c WHERE %s)", SPAN_ARG(t->quoted), where.data + 4);
}

static struct span question(struct scan *s, const struct integrity_rule *r, struct span *ret_table)
{
	*ret_table = r->table;
	if (r->sql.n) {
		/* One statement, in brackets: it can neither end them nor write. */
		struct span sql = span_trim(r->sql);
		while (sql.n && sql.p[sql.n - 1] == ';')
			sql = span_trim(span_of(sql.p, sql.n - 1));
		return scan_text(s, "(%.*s\n)", SPAN_ARG(sql));
	}
	const struct scan_table *t = scan_table_named(s, r->table);
	const struct scan_column *c = t ? scan_column_named(t, r->column) : NULL;
	struct span from = c ? broken(s, r, t, c) : (struct span){0};
	if (!from.n)
		scan_skip(s, r->name,
		          c ? "the rule has no condition, or refers to a column that does not exist"
		            : "there is no such table or column");
	return from;
}

static void check(struct scan *s, const struct integrity_rule *r)
{
	scoped_result result = {0};
	struct span table, from = question(s, r, &table);
	int64_t rows = 0;
	if (!from.n || !scan_ask(s, r->name, scan_text(s, "SELECT count(*) FROM %.*s rule", SPAN_ARG(from)).p, &result))
		return;
	if (!span_i64(store_value(&result, 0, 0), &rows) || rows <= 0)
		return;
	scan_defect(s, &(struct defect){
	                   .type = "rule_broken",
	                   .severity = r->severity,
	                   .where = r->name,
	                   .table = table,
	                   .title = scan_text(s, "%lld rows break the rule %.*s", (long long)rows, SPAN_ARG(r->name)),
	                   .description = r->description,
	                   .recommendation = SPAN("The statement in the evidence shows the rows."),
	                   .rows = rows,
	                   .sql = scan_text(s, "SELECT * FROM %.*s rule", SPAN_ARG(from)),
	               });
}

static void run(struct scan *s)
{
	struct integrity_rule *rules;
	size_t n;
	struct err err = {0};
	if (rules_read(&s->options, s->arena, &rules, &n, &err) != STATUS_OK) {
		scan_skip(s, SPAN("rules"), err.msg);
		run_unsure(s->run, SPAN("*"));
		return;
	}
	for (size_t i = 0; i < n && !s->over; i++)
		check(s, &rules[i]);
}

const struct integrity_check integrity_check_rules = {.name = "rules", .summary = "one's own rules", .run = run};
