/* Reads what tables, columns and keys a database has. */
#include <stdlib.h>

#include "core/map.h"
#include "services/watchers/scan.h"

/* Partitions are looked at through their parent. */
static const char tables_sql[] =
    "SELECT c.oid::text, n.nspname, c.relname, n.nspname || '.' || c.relname, format('%I.%I', n.nspname, c.relname), "
    "coalesce((SELECT sum(CASE WHEN p.reltuples > 0 AND p.relpages > 0 "
    "THEN p.reltuples / p.relpages * (pg_relation_size(p.oid) / current_setting('block_size')::float8) "
    "ELSE pg_relation_size(p.oid) / 100.0 END) FROM pg_class p WHERE p.oid = c.oid OR c.relkind = 'p' AND p.oid IN "
    "(SELECT relid FROM pg_partition_tree(c.oid) WHERE isleaf)), 0), "
    "has_table_privilege(c.oid, 'SELECT'), EXISTS (SELECT 1 FROM pg_index i WHERE i.indrelid = c.oid AND i.indisunique "
    "AND i.indisvalid) "
    "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
    "WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence <> 't' "
    "AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' ORDER BY 2, 3 LIMIT 5001";

static const char columns_sql[] =
    "SELECT a.attrelid::text, a.attname, quote_ident(a.attname), format_type(a.atttypid, NULL), t.typcategory, "
    "a.attnotnull, "
    "EXISTS (SELECT 1 FROM pg_index i WHERE i.indrelid = a.attrelid AND i.indisunique AND i.indisvalid AND "
    "i.indnkeyatts = 1 "
    "AND i.indpred IS NULL AND i.indkey[0] = a.attnum), "
    "EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conrelid = a.attrelid AND k.contype = 'f' AND a.attnum = ANY "
    "(k.conkey)) "
    "FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace "
    "JOIN pg_type t ON t.oid = a.atttypid WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p') "
    "AND NOT c.relispartition AND c.relpersistence <> 't' AND n.nspname !~ '^pg_' AND n.nspname <> "
    "'information_schema' "
    "ORDER BY a.attrelid, a.attnum";

static const char keys_sql[] =
    "SELECT k.conname, k.conrelid::text, k.confrelid::text, k.convalidated, "
    "string_agg(format('c.%I = p.%I', a.attname, b.attname), ' AND ' ORDER BY o.n), "
    "string_agg(format('c.%I IS NOT NULL', a.attname), ' AND ' ORDER BY o.n), string_agg(a.attname, ', ' ORDER BY o.n) "
    "FROM pg_constraint k CROSS JOIN LATERAL unnest(k.conkey, k.confkey) WITH ORDINALITY AS o(child, parent, n) "
    "JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = o.child "
    "JOIN pg_attribute b ON b.attrelid = k.confrelid AND b.attnum = o.parent "
    "WHERE k.contype = 'f' AND k.conparentid = 0 GROUP BY k.oid, k.conname, k.conrelid, k.confrelid, k.convalidated "
    "ORDER BY 2, 1";

static struct span value(struct scan *s, const struct store_result *r, int row, int column)
{
	return arena_dup(s->arena, store_value(r, row, column));
}

static bool yes(const struct store_result *r, int row, int column)
{
	return span_is(store_value(r, row, column), "t");
}

static bool is_listed(struct json list, struct span text)
{
	struct json key, item;
	for (struct json_iter it = json_iter(list); json_next(&it, &key, &item);)
		if (json_text_is(item, text))
			return true;
	return false;
}

static bool is_excluded(struct scan *s, struct span full)
{
	struct json key, item;
	for (struct json_iter it = json_iter(s->options.exclude); json_next(&it, &key, &item);)
		if (span_glob(full, json_text(item, s->arena)))
			return true;
	return false;
}

static bool read_tables(struct scan *s)
{
	scoped_result r = {0};
	if (!scan_ask(s, SPAN("tables"), tables_sql, &r))
		return false;
	s->tables = arena_zalloc(s->arena, ((size_t)r.rows + 1) * sizeof *s->tables);
	for (int i = 0; i < r.rows; i++) {
		struct scan_table t = {value(s, &r, i, 0), value(s, &r, i, 1), value(s, &r, i, 2), value(s, &r, i, 3),
		                       value(s, &r, i, 4)};
		t.rows = strtod(arena_cstr(s->arena, store_value(&r, i, 5)), NULL);
		t.readable = yes(&r, i, 6);
		t.keyed = yes(&r, i, 7);
		bool wanted = s->options.schemas.type != JSON_ARRAY || is_listed(s->options.schemas, t.schema);
		if (!wanted || is_excluded(s, t.full))
			continue;
		if (s->tables_n == SCAN_TABLES_MAX) {
			scan_skip(s, t.full, "more tables than are looked at");
			break;
		}
		s->tables[s->tables_n++] = t;
	}
	return true;
}

static bool read_columns(struct scan *s)
{
	scoped_result r = {0};
	if (!scan_ask(s, SPAN("columns"), columns_sql, &r))
		return false;
	for (int i = 0, end; i < r.rows; i = end) {
		struct span oid = store_value(&r, i, 0);
		for (end = i; end < r.rows && span_eq(store_value(&r, end, 0), oid); end++)
			continue;
		struct scan_table *t = scan_table_by_oid(s, oid);
		if (!t)
			continue;
		t->columns_n = end - i < SCAN_COLUMNS_MAX ? (size_t)(end - i) : SCAN_COLUMNS_MAX;
		t->columns = arena_zalloc(s->arena, (t->columns_n + 1) * sizeof *t->columns);
		for (size_t k = 0; k < t->columns_n; k++) {
			int row = i + (int)k;
			struct span category = store_value(&r, row, 4);
			t->columns[k] = (struct scan_column){
			    value(s, &r, row, 1), value(s, &r, row, 2), value(s, &r, row, 3), category.n ? category.p[0] : 'X',
			    yes(&r, row, 5),      yes(&r, row, 6),      yes(&r, row, 7)};
		}
	}
	return true;
}

static bool read_keys(struct scan *s)
{
	scoped_result r = {0};
	if (!scan_ask(s, SPAN("foreign keys"), keys_sql, &r))
		return false;
	s->keys = arena_zalloc(s->arena, ((size_t)r.rows + 1) * sizeof *s->keys);
	for (int i = 0; i < r.rows; i++) {
		struct scan_key k = {.name = value(s, &r, i, 0),
		                     .child = scan_table_by_oid(s, store_value(&r, i, 1)),
		                     .parent = scan_table_by_oid(s, store_value(&r, i, 2)),
		                     .validated = yes(&r, i, 3),
		                     .pairs = value(s, &r, i, 4),
		                     .present = value(s, &r, i, 5),
		                     .columns = value(s, &r, i, 6)};
		if (k.child && k.parent)
			s->keys[s->keys_n++] = k;
	}
	return true;
}

bool scan_catalogue(struct scan *s)
{
	bool read = read_tables(s) && read_columns(s) && read_keys(s);
	if (!read && !s->over) {
		s->over = true;
		err_set(&s->failure, STATUS_UNPROCESSABLE, "the catalogue of the database cannot be read");
	}
	return read;
}

struct scan_table *scan_table_by_oid(const struct scan *s, struct span oid)
{
	for (size_t i = 0; i < s->tables_n; i++)
		if (span_eq(s->tables[i].oid, oid))
			return &s->tables[i];
	return NULL;
}

struct scan_table *scan_table_named(const struct scan *s, struct span full)
{
	for (size_t i = 0; i < s->tables_n; i++)
		if (span_eq(s->tables[i].full, full))
			return &s->tables[i];
	return NULL;
}

struct scan_column *scan_column_named(const struct scan_table *t, struct span name)
{
	for (size_t i = 0; i < t->columns_n; i++)
		if (span_eq(t->columns[i].name, name))
			return &t->columns[i];
	return NULL;
}
