/* Statements with parameters, and their results. */
#include <stdlib.h>

#include "store/internal.h"

#define PARAMS_MAX 64

/* libpq wants NUL-terminated text; parameters are spans. */
static void parameters(struct arena *a, const struct span *params, size_t n, const char *values[PARAMS_MAX])
{
	for (size_t i = 0; i < n; i++)
		values[i] = params[i].p ? arena_cstr(a, params[i]) : NULL;
}

static enum status check_parameters(const struct span *params, size_t n, struct err *err)
{
	if (n > PARAMS_MAX)
		return err_set(err, STATUS_INTERNAL, "%zu parameters, at most %d", n, PARAMS_MAX);
	for (size_t i = 0; i < n; i++)
		if (params[i].p && memchr(params[i].p, 0, params[i].n))
			return err_set(err, STATUS_INVALID, "parameter %zu holds a NUL byte", i + 1);
	return STATUS_OK;
}

static enum status finish(struct store *s, PGresult *r, struct store_result *ret, struct err *err)
{
	PGresult *taken;
	enum status status = store_take(s, r, &taken, err);
	if (status == STATUS_OK)
		*ret = (struct store_result){taken, PQntuples(taken), PQnfields(taken)};
	return status;
}

enum status store_query(struct store *s, const char *sql, const struct span *params, size_t params_n,
                        struct store_result *ret, struct err *err)
{
	scoped_arena a = {0};
	const char *values[PARAMS_MAX];
	enum status status = check_parameters(params, params_n, err);
	if (status == STATUS_OK)
		status = store_ready(s, err);
	if (status != STATUS_OK)
		return status;
	if (params_n == 0)
		return finish(s, store_collect(s, PQsendQuery(s->conn, sql)), ret, err);
	parameters(&a, params, params_n, values);
	return finish(s, store_collect(s, PQsendQueryParams(s->conn, sql, (int)params_n, NULL, values, NULL, NULL, 0)), ret,
	              err);
}

enum status store_exec(struct store *s, const char *sql, const struct span *params, size_t params_n, struct err *err)
{
	scoped_result r = {0};
	return store_query(s, sql, params, params_n, &r, err);
}

static enum status prepare(struct store *s, const char *name, const char *sql, struct err *err)
{
	if (map_has(&s->prepared, span_from(name)))
		return STATUS_OK;
	PGresult *r;
	enum status status = store_take(s, store_collect(s, PQsendPrepare(s->conn, name, sql, 0, NULL)), &r, err);
	if (status != STATUS_OK)
		return status;
	PQclear(r);
	map_put(&s->prepared, span_from(name), s);
	return STATUS_OK;
}

enum status store_query_prepared(struct store *s, const char *name, const char *sql, const struct span *params,
                                 size_t params_n, struct store_result *ret, struct err *err)
{
	scoped_arena a = {0};
	const char *values[PARAMS_MAX];
	enum status status = check_parameters(params, params_n, err);
	if (status == STATUS_OK)
		status = store_ready(s, err);
	if (status == STATUS_OK)
		status = prepare(s, name, sql, err);
	if (status != STATUS_OK)
		return status;
	parameters(&a, params, params_n, values);
	return finish(s, store_collect(s, PQsendQueryPrepared(s->conn, name, (int)params_n, values, NULL, NULL, 0)), ret,
	              err);
}

struct span store_value(const struct store_result *r, int row, int column)
{
	if (!r->impl || row >= r->rows || column >= r->columns || PQgetisnull(r->impl, row, column))
		return (struct span){0};
	return span_of(PQgetvalue(r->impl, row, column), (size_t)PQgetlength(r->impl, row, column));
}

const char *store_column_name(const struct store_result *r, int column)
{
	return PQfname(r->impl, column);
}

int store_affected(const struct store_result *r)
{
	return r->impl ? atoi(PQcmdTuples(r->impl)) : 0;
}

void store_result_free(struct store_result *r)
{
	PQclear(r->impl);
	*r = (struct store_result){0};
}

enum status store_ping(struct store *s, struct err *err)
{
	return store_exec(s, "SELECT 1", NULL, 0, err);
}

enum status store_begin(struct store *s, struct err *err)
{
	return store_exec(s, "BEGIN", NULL, 0, err);
}

enum status store_commit(struct store *s, struct err *err)
{
	scoped_result r = {0};
	enum status status = store_query(s, "COMMIT", NULL, 0, &r, err);
	if (status == STATUS_OK && strcmp(PQcmdStatus(r.impl), "COMMIT") != 0)
		return err_set(err, STATUS_INTERNAL, "PostgreSQL: the transaction was rolled back");
	return status;
}

void store_rollback(struct store *s)
{
	struct err ignored = {0};
	if (s->in_transaction && store_exec(s, "ROLLBACK", NULL, 0, &ignored) != STATUS_OK)
		return; /* a connection that cannot even roll back is gone, and the transaction with it */
}
