/* Reads one's own rules, and refuses what cannot be one. */
#include "services/watchers/rules.h"

#include <errno.h>
#include <stdio.h>

static enum status check_rule(const struct integrity_rule *r, struct err *err)
{
	bool conditions = r->not_null || r->unique || r->min.set || r->max.set || r->matches.n ||
	                  r->values.type == JSON_ARRAY || r->references.n;
	if (r->sql.n && (r->table.n || r->column.n || conditions))
		return err_set(err, STATUS_INVALID, "a rule has either sql, or table, column and a condition");
	struct span end = span_trim(r->sql);
	const char *semicolon = end.n ? memchr(end.p, ';', end.n) : NULL;
	if (semicolon && semicolon < end.p + end.n - 1)
		return err_set(err, STATUS_INVALID, "sql is one statement, without ';' inside: chr(59) stands for the character");
	if (!r->sql.n && (!r->table.n || !r->column.n))
		return err_set(err, STATUS_INVALID, "a rule needs sql, or table and column");
	if (!r->sql.n && !conditions)
		return err_set(err, STATUS_INVALID,
		               "a rule on a column needs not_null, unique, min, max, matches, values or references");
	if (r->unique &&
	    (r->not_null || r->min.set || r->max.set || r->matches.n || r->values.type == JSON_ARRAY || r->references.n))
		return err_set(err, STATUS_INVALID, "unique stands alone: make two rules");
	return STATUS_OK;
}

static enum status add(struct json list, const char *where, struct arena *a, struct integrity_rule *all, size_t *n,
                       struct err *err)
{
	struct json key, item;
	size_t i = 0;
	for (struct json_iter it = json_iter(list); json_next(&it, &key, &item); i++) {
		char place[64];
		if (*n == RULES_MAX)
			return err_set(err, STATUS_TOO_LARGE, "more than %d rules", RULES_MAX);
		if (watchers_item(&watchers_rule_table, item, where, i, a, &all[*n], err) != STATUS_OK)
			return err->status;
		snprintf(place, sizeof place, "%s[%zu]", where, i);
		if (check_rule(&all[*n], err) != STATUS_OK) {
			struct err why = *err;
			return err_field(err, why.status, place, "%s: %s", place, why.msg);
		}
		for (size_t k = 0; k < *n; k++)
			if (span_eq(all[k].name, all[*n].name))
				return err_field(err, STATUS_INVALID, place, "%s: rule '%.*s' is there twice", place,
				                 SPAN_ARG(all[k].name));
		++*n;
	}
	return STATUS_OK;
}

static enum status read_file(struct span path, struct arena *a, struct json *ret_rules, struct err *err)
{
	struct json v;
	const char *name = arena_cstr(a, path);
	FILE *f = fopen(name, "re");
	if (!f)
		return err_field(err, STATUS_NOT_FOUND, "rules_file", "rules_file: cannot read %s: %s", name, strerror(errno));
	char *text = arena_alloc(a, RULES_FILE_MAX);
	size_t n = fread(text, 1, RULES_FILE_MAX, f);
	fclose(f);
	if (json_parse(span_of(text, n), &v, err) != STATUS_OK || !json_member(v, SPAN("rules"), ret_rules) ||
	    ret_rules->type != JSON_ARRAY)
		return err_field(err, STATUS_INVALID, "rules_file", "rules_file: %s is not {\"rules\": [...]}: %.150s", name,
		                 err->msg);
	return STATUS_OK;
}

enum status rules_read(const struct integrity_options *o, struct arena *a, struct integrity_rule **ret, size_t *ret_n,
                       struct err *err)
{
	struct json more = {0};
	*err = (struct err){0};
	*ret = arena_zalloc(a, (RULES_MAX + 1) * sizeof **ret);
	*ret_n = 0;
	enum status s = add(o->rules, "rules", a, *ret, ret_n, err);
	if (s == STATUS_OK && o->rules_file.n)
		s = read_file(o->rules_file, a, &more, err);
	if (s == STATUS_OK)
		s = add(more, "rules_file", a, *ret, ret_n, err);
	return s;
}
