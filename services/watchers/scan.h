/* A look at one PostgreSQL database: its catalogue, gentle queries, and what the checks share. */
#ifndef GANNET_WATCHERS_SCAN_H
#define GANNET_WATCHERS_SCAN_H

#include "services/watchers/watcher.h"
#include "store/store.h"

#define SCAN_TABLES_MAX 5000
#define SCAN_COLUMNS_MAX 400 /* of one table */

struct scan_column {
	struct span name, quoted;
	struct span type; /* as format_type() writes it */
	char category;    /* pg_type.typcategory: N number, S text, D date, B boolean, U user-defined (uuid, json) */
	bool not_null, unique, references; /* unique: alone; references: has a foreign key of its own */
};

struct scan_table {
	struct span oid, schema, name, full, quoted; /* full: schema.name */
	double rows;                                 /* estimated */
	bool readable, keyed;                        /* keyed: has a primary key or another unique index */
	struct scan_column *columns;
	size_t columns_n;
	struct profile *profile; /* profile.c */
};

struct scan_key { /* a declared foreign key */
	struct span name;
	struct scan_table *child, *parent;
	struct span pairs;   /* c."a" = p."x" AND … */
	struct span present; /* c."a" IS NOT NULL AND … */
	struct span columns; /* a, b */
	bool validated;
};

struct scan {
	struct watch_run *run;
	struct integrity_options options; /* every number set */
	struct arena *arena;
	struct store *store;
	const struct integrity_check *check; /* the one that runs */
	struct scan_table *tables;
	size_t tables_n;
	struct scan_key *keys;
	size_t keys_n;
	struct scan_reference *references; /* references.c */
	size_t references_n;
	int64_t rows_read; /* by the estimates of what was scanned */
	size_t queries, skipped;
	struct buf skips; /* JSON array in the making: {check, where, why} */
	struct json_writer skips_out;
	bool over; /* to end now, because of `failure` */
	struct err failure;
};

/* A check is one file in checks/ that defines `const struct integrity_check integrity_check_<file>`. */
struct integrity_check {
	const char *name, *summary;
	void (*run)(struct scan *s);
};
extern const struct integrity_check *const integrity_checks[];
extern const size_t integrity_checks_n;

/*
 * Asks in a transaction that can only read, with the statement time-out, and rests afterwards as load_percent says.
 * False when there is no answer: then open findings of this check at `where` stay open, and the result says why.
 * With s->over set nothing is to be asked any more.
 */
bool scan_ask(struct scan *s, struct span where, const char *sql, struct store_result *ret);
/* The catalogue. False with s->over. */
bool scan_catalogue(struct scan *s);
struct scan_table *scan_table_by_oid(const struct scan *s, struct span oid);
struct scan_table *scan_table_named(const struct scan *s, struct span full);
struct scan_column *scan_column_named(const struct scan_table *t, struct span name);
/* Whether the table is larger than is read whole. */
bool scan_is_sampled(const struct scan *s, const struct scan_table *t);
/* "schema"."table" with TABLESAMPLE when it is; *ret_scale: what counts have to be multiplied by. */
struct span scan_from(struct scan *s, const struct scan_table *t, double *ret_scale);
void scan_skip(struct scan *s, struct span where, const char *why);
/* A literal in quotes. */
struct span scan_literal(struct scan *s, struct span text);

/* One thing that is wrong. */
struct defect {
	const char *type;
	unsigned severity;
	struct span where; /* what it is found at, such as schema.table.column; part of the fingerprint */
	struct span table;
	struct span title, description, recommendation;
	int64_t rows; /* about how many; < 0: does not apply */
	bool sampled;
	struct span sql; /* a statement that shows it */
};
void scan_defect(struct scan *s, const struct defect *d);
#define scan_text(s, ...) arena_printf((s)->arena, __VA_ARGS__)

/* ---- profile.c: what tables are like, now and in earlier runs */

#define PROFILE_HISTORY 14 /* runs */
enum form { FORM_NONE, FORM_UUID, FORM_EMAIL, FORM_URL, FORM_DATE, FORM_DIGITS, FORM_UPPER, FORM_SLUG, FORM_COUNT };
extern const char *const form_names[];
const char *form_pattern(enum form f); /* a regular expression of PostgreSQL */

struct column_profile {
	int64_t rows, nulls;
	bool ranged;
	double low, high;
	enum form form;
	int64_t misses; /* values that are not of the form */
};
struct profile {
	bool measured; /* now[] and rows are set */
	int64_t rows;
	struct column_profile *now;         /* by column */
	int64_t past_rows[PROFILE_HISTORY]; /* the latest first */
	size_t past_n;
	struct column_profile *past[PROFILE_HISTORY]; /* by column; rows 0: it was not there */
};
/* Measures the table once, whichever check asks first. NULL when it could not. */
const struct profile *scan_profile(struct scan *s, struct scan_table *t);
/* Keeps what was measured for the next run. */
void scan_keep_profiles(struct scan *s);

/* ---- references.c: references that nobody declared, by names, types and values */

struct scan_reference {
	struct scan_table *child, *parent;
	const struct scan_column *column, *key;
	bool by_name;
};
/* Found once, whichever check asks first. */
const struct scan_reference *scan_references(struct scan *s, size_t *ret_n);

#endif
