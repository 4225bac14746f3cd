/* Finds references that nobody declared: a column named after a table, of its key's type, whose values are found there. */
#include <strings.h>

#include "services/watchers/scan.h"

#define REFERENCES_MAX 2000
#define TRIES_MAX 16    /* tables whose keys are compared with a column that is named after none */
#define SAMPLE 10000    /* rows */
#define NAMED_SHARE 0.8 /* of the rows whose value must be found */
#define NAMED_LEAST 3   /* different values that are found */
#define UNNAMED_SHARE 0.95
#define UNNAMED_LEAST 20

/* "user" of user_id, userId, user_uuid; absent when the name is no reference's. */
static struct span base_of(struct span name)
{
	static const char *const ends[] = {"_id", "_uuid", "_fk", "_ref", "Id", "ID"};
	for (size_t i = 0; i < countof(ends); i++) {
		size_t n = strlen(ends[i]);
		if (name.n > n && memcmp(name.p + name.n - n, ends[i], n) == 0)
			return span_of(name.p, name.n - n);
	}
	return (struct span){0};
}

static bool same_letters(struct span a, struct span b)
{
	return a.n == b.n && strncasecmp(a.p, b.p, a.n) == 0;
}

/* The table's name is the word or its plural. */
static bool is_plural(struct span word, struct span table)
{
	if (same_letters(word, table))
		return true;
	if (table.n == word.n + 1 && (table.p[word.n] | 0x20) == 's' && strncasecmp(word.p, table.p, word.n) == 0)
		return true;
	if (table.n == word.n + 2 && strncasecmp(table.p + word.n, "es", 2) == 0 &&
	    strncasecmp(word.p, table.p, word.n) == 0)
		return true;
	return word.n > 1 && table.n == word.n + 2 && (word.p[word.n - 1] | 0x20) == 'y' &&
	       strncasecmp(table.p + word.n - 1, "ies", 3) == 0 && strncasecmp(word.p, table.p, word.n - 1) == 0;
}

/* user_id is of users and of app_users; billing_address_id of addresses; parent_id of the table itself. */
static bool is_named_after(struct span base, const struct scan_table *t, const struct scan_table *child)
{
	if (t == child && same_letters(base, SPAN("parent")))
		return true;
	if (is_plural(base, t->name))
		return true;
	for (size_t i = 0; i + 1 < t->name.n; i++)
		if (t->name.p[i] == '_' && is_plural(base, span_of(t->name.p + i + 1, t->name.n - i - 1)))
			return true;
	for (size_t i = 0; i + 1 < base.n; i++)
		if (base.p[i] == '_' && is_plural(span_of(base.p + i + 1, base.n - i - 1), t->name))
			return true;
	return false;
}

static bool is_integer(struct span type)
{
	return span_is(type, "integer") || span_is(type, "bigint") || span_is(type, "smallint");
}

static bool is_text(const struct scan_column *c)
{
	return c->category == 'S' && !span_is(c->type, "name");
}

static bool fits(const struct scan_column *a, const struct scan_column *b)
{
	return span_eq(a->type, b->type) || (is_integer(a->type) && is_integer(b->type)) || (is_text(a) && is_text(b));
}

/* The one column that rows of a table are known by. */
static const struct scan_column *key_of(const struct scan_table *t, const struct scan_column *child)
{
	const struct scan_column *best = NULL;
	for (size_t i = 0; i < t->columns_n; i++) {
		const struct scan_column *c = &t->columns[i];
		if (!c->unique || !fits(c, child) || c == child)
			continue;
		bool usual = span_is(c->name, "id") || span_is(c->name, "uuid") ||
		             (base_of(c->name).p && is_plural(base_of(c->name), t->name));
		if (!best || usual)
			best = c;
		if (usual)
			break;
	}
	return best;
}

static bool values_match(struct scan *s, const struct scan_table *child, const struct scan_column *c,
                         const struct scan_table *parent, const struct scan_column *key, double share, int64_t least)
{
	scoped_result r = {0};
	int64_t all, found, distinct;
	struct span where = scan_text(s, "%.*s.%.*s", SPAN_ARG(child->full), SPAN_ARG(c->name));
	struct span sql =
	    scan_text(s,
	              "SELECT count(*), count(p.%.*s), count(DISTINCT p.%.*s) FROM (SELECT %.*s AS v FROM %.*s WHERE %.*s "
	              "IS NOT NULL "
	              "LIMIT %d) d LEFT JOIN %.*s p ON p.%.*s = d.v",
	              SPAN_ARG(key->quoted), SPAN_ARG(key->quoted), SPAN_ARG(c->quoted), SPAN_ARG(child->quoted),
	              SPAN_ARG(c->quoted), SAMPLE, SPAN_ARG(parent->quoted), SPAN_ARG(key->quoted));
	if (!scan_ask(s, where, sql.p, &r) || !span_i64(store_value(&r, 0, 0), &all) ||
	    !span_i64(store_value(&r, 0, 1), &found) || !span_i64(store_value(&r, 0, 2), &distinct))
		return false;
	return distinct >= least && (double)found >= share * (double)all;
}

static bool find_named(struct scan *s, struct scan_table *child, const struct scan_column *c, struct span base,
                       struct scan_reference *ret)
{
	for (size_t i = 0; i < s->tables_n && !s->over; i++) {
		struct scan_table *t = &s->tables[i];
		const struct scan_column *key = t->readable && is_named_after(base, t, child) ? key_of(t, c) : NULL;
		if (!key || !values_match(s, child, c, t, key, NAMED_SHARE, NAMED_LEAST))
			continue;
		*ret = (struct scan_reference){child, t, c, key, true};
		return true;
	}
	return false;
}

/* Small numbers are found in any table; only ids that mean one thing alone are looked for everywhere. */
static bool find_by_values(struct scan *s, struct scan_table *child, const struct scan_column *c,
                           struct scan_reference *ret)
{
	int tries = 0;
	if (!span_is(c->type, "uuid") && !is_text(c))
		return false;
	for (size_t i = 0; i < s->tables_n && !s->over && tries < TRIES_MAX; i++) {
		struct scan_table *t = &s->tables[i];
		const struct scan_column *key = t->readable && t != child && t->rows > 0 ? key_of(t, c) : NULL;
		if (!key)
			continue;
		tries++;
		if (values_match(s, child, c, t, key, UNNAMED_SHARE, UNNAMED_LEAST)) {
			*ret = (struct scan_reference){child, t, c, key, false};
			return true;
		}
	}
	return false;
}

static void find_all(struct scan *s, struct scan_reference *all, size_t *n)
{
	for (size_t i = 0; i < s->tables_n && !s->over; i++) {
		struct scan_table *t = &s->tables[i];
		for (size_t k = 0; t->readable && k < t->columns_n && !s->over && *n < REFERENCES_MAX; k++) {
			const struct scan_column *c = &t->columns[k];
			struct span base = base_of(c->name);
			if (!base.n || c->references || c->unique)
				continue;
			if (find_named(s, t, c, base, &all[*n]) || find_by_values(s, t, c, &all[*n]))
				++*n;
		}
	}
}

const struct scan_reference *scan_references(struct scan *s, size_t *ret_n)
{
	if (!s->references) {
		s->references = arena_zalloc(s->arena, (REFERENCES_MAX + 1) * sizeof *s->references);
		if (!s->options.undeclared_references.set || s->options.undeclared_references.v)
			find_all(s, s->references, &s->references_n);
	}
	*ret_n = s->references_n;
	return s->references;
}
