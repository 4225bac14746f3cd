/* PostgreSQL: a connection that mends itself, parameters, COPY and migrations. */
#ifndef GANNET_STORE_STORE_H
#define GANNET_STORE_STORE_H

#include "core/arena.h"
#include "core/buf.h"

/* One connection, for one thread at a time. Lazily (re)connected: a call on a lost connection tries once to get a new one. */
struct store;

struct store_options {
	const char *url; /* postgresql://… or a keyword string; PG* variables fill the gaps */
	const char *application; /* shown in pg_stat_activity */
	int64_t connect_timeout_ms;   /* 0: 5 s */
	int64_t statement_timeout_ms; /* 0: none */
	bool read_only;
};
enum status store_new(const struct store_options *o, struct store **ret, struct err *err) must_check; /* does not connect */
void store_free(struct store *s);
/* Connects if need be and asks `SELECT 1`. */
enum status store_ping(struct store *s, struct err *err) must_check;

/*
 * Errors: UNAVAILABLE + retryable when the server is away or says so (class 08, 53, 57P, 40 and 55P), CONFLICT for class 23,
 * INVALID for class 22, INTERNAL else. Messages carry the SQLSTATE and the server's primary message, never parameters.
 */
struct store_result {
	void *impl;
	int rows, columns;
};
/* Text format; $1… from `params` (absent span = NULL). With params_n 0 the text may hold several statements. */
enum status store_query(struct store *s, const char *sql, const struct span *params, size_t params_n, struct store_result *ret,
                        struct err *err) must_check;
enum status store_exec(struct store *s, const char *sql, const struct span *params, size_t params_n, struct err *err) must_check;
/* Prepared on first use on each connection; `name` must stay the same for the same text. */
enum status store_query_prepared(struct store *s, const char *name, const char *sql, const struct span *params, size_t params_n,
                                 struct store_result *ret, struct err *err) must_check;
/* Absent span for NULL. Valid until store_result_free(). */
struct span store_value(const struct store_result *r, int row, int column);
int store_affected(const struct store_result *r);
void store_result_free(struct store_result *r);
#define scoped_result __attribute__((cleanup(store_result_free))) struct store_result

/* COPY … FROM STDIN with rows already in COPY text format. */
enum status store_copy(struct store *s, const char *copy_sql, struct span rows, struct err *err) must_check;
/* Appends one COPY text column: escapes, or \N for an absent span. The caller adds tabs and newlines. */
void store_copy_text(struct buf *out, struct span value);

/*
 * Migrations: files `NNNN_name.sql` compiled in, in order, each in a transaction, under an advisory lock, recorded with a checksum in
 * `schema_migrations(owner, version, name, checksum, applied_at)`. Forward only; a changed file that was applied is CONFLICT.
 */
struct store_migration {
	int version;
	const char *name, *sql;
};
enum status store_migrate(struct store *s, const char *owner, const struct store_migration *m, size_t n, int *ret_applied,
                          struct err *err) must_check;

#endif
