/* PostgreSQL: a connection that mends itself, parameters, COPY and migrations. */
#ifndef GANNET_STORE_STORE_H
#define GANNET_STORE_STORE_H

#include "core/arena.h"
#include "core/buf.h"

/*
 * One connection, for one thread at a time. Lazily (re)connected: a call on a lost connection tries once to get a new
 * one. A connection lost inside a transaction fails the next call, so that no statement ever runs outside the
 * transaction it was meant for.
 */
struct store;

struct store_options {
	const char *url;            /* postgresql://… or a keyword string; PG* variables fill the gaps */
	const char *application;    /* shown in pg_stat_activity */
	int64_t connect_timeout_ms; /* 0: 5 s */
	int64_t
	    statement_timeout_ms; /* 0: none; a server that does not even keep its own time-out is left after it and 2 s */
	bool read_only;
	const char *session_sql; /* run on each new connection, for session settings and temporary tables; or NULL */
};
enum status store_new(const struct store_options *o, struct store **ret,
                      struct err *err) must_check; /* does not connect */
void store_free(struct store *s);
/* Connects if need be and asks `SELECT 1`. */
enum status store_ping(struct store *s, struct err *err) must_check;

/*
 * Errors: UNAVAILABLE + retryable when the server is away or says so (class 08, 53, 57P, 40, 55P and a read-only
 * server), TIMEOUT + retryable for the statement timeout, CONFLICT for class 23, INVALID for class 22, TOO_LARGE for
 * class 54, INTERNAL else. Messages carry the SQLSTATE and the server's primary message, never parameters.
 */
struct store_result {
	void *impl;
	int rows, columns;
};
/* Text format; $1… from `params` (absent span = NULL). With params_n 0 the text may hold several statements. */
enum status store_query(struct store *s, const char *sql, const struct span *params, size_t params_n,
                        struct store_result *ret, struct err *err) must_check;
enum status store_exec(struct store *s, const char *sql, const struct span *params, size_t params_n,
                       struct err *err) must_check;
/* Prepared on first use on each connection; `name` must stay the same for the same text. */
enum status store_query_prepared(struct store *s, const char *name, const char *sql, const struct span *params,
                                 size_t params_n, struct store_result *ret, struct err *err) must_check;
/* Absent span for NULL. Valid until store_result_free(). */
struct span store_value(const struct store_result *r, int row, int column);
const char *store_column_name(const struct store_result *r, int column);
int store_affected(const struct store_result *r);
void store_result_free(struct store_result *r);
#define scoped_result __attribute__((cleanup(store_result_free))) struct store_result

/* One transaction at a time. Rollback does nothing when none is open; a commit that the server turned into a rollback
 * is an error. */
enum status store_begin(struct store *s, struct err *err) must_check;
enum status store_commit(struct store *s, struct err *err) must_check;
void store_rollback(struct store *s);

/*
 * COPY … FROM STDIN (FORMAT binary): rows are built from structs by a table of columns. Binary, because it needs no
 * escaping on either side. `offset` is into the row struct; the C type of each kind is named beside it.
 */
enum store_kind {
	STORE_TEXT, /* struct span; absent = NULL. text, json, varchar */
	STORE_I16,  /* int64_t that fits */
	STORE_I32,  /* int64_t that fits */
	STORE_I64,  /* int64_t; STORE_NULL = NULL */
	STORE_BOOL, /* bool */
	STORE_TIME, /* int64_t: UTC milliseconds, 0 = NULL; timestamptz */
};
#define STORE_NULL INT64_MIN
struct store_column {
	enum store_kind kind;
	size_t offset;
};
/* A whole document is begin, any number of rows, end. Overflow of `out` stays visible in it. */
void store_copy_begin(struct buf *out);
void store_copy_row(struct buf *out, const struct store_column *columns, size_t n, const void *row);
void store_copy_end(struct buf *out);
enum status store_copy(struct store *s, const char *copy_sql, struct span document, struct err *err) must_check;

/*
 * Migrations: files `NNNN_name.sql` compiled in, in order, each in a transaction, under an advisory lock, recorded with
 * a checksum in `schema_migrations(owner, version, name, checksum, applied_at)`. Forward only; a changed file that was
 * applied is CONFLICT. Also makes the table of position.h.
 */
struct store_migration {
	int version;
	const char *name, *sql;
};
/* *ret_applied (or NULL): how many were new. */
enum status store_migrate(struct store *s, const char *owner, const struct store_migration *m, size_t n,
                          int *ret_applied, struct err *err) must_check;

#endif
