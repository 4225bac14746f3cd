/* Schema migrations: applied once, in order, by one process at a time. */
#include <inttypes.h>
#include <stdio.h>

#include "core/hash.h"
#include "store/internal.h"
#include "store/position.h"

#define LOCK_SQL "SELECT pg_advisory_xact_lock(7449356679075097961)" /* "gannetmi"; the same for every owner */
#define TABLE_SQL                                                                                                      \
	"CREATE TABLE IF NOT EXISTS schema_migrations (owner text NOT NULL, version int NOT NULL, name text NOT NULL, "    \
	"checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (owner, version))"

static void checksum(const char *sql, char out[33])
{
	uint64_t h[2];
	hash128(span_from(sql), h);
	snprintf(out, 33, "%016" PRIx64 "%016" PRIx64, h[0], h[1]);
}

static enum status apply(struct store *s, const char *owner, const struct store_migration *m, int *applied,
                         struct err *err)
{
	char version[12], sum[33];
	snprintf(version, sizeof version, "%d", m->version);
	checksum(m->sql, sum);
	const struct span params[] = {span_from(owner), span_from(version), span_from(m->name), span_from(sum)};
	scoped_result found = {0};
	enum status status = store_query(s, "SELECT checksum FROM schema_migrations WHERE owner = $1 AND version = $2::int",
	                                 params, 2, &found, err);
	if (status != STATUS_OK)
		return status;
	if (found.rows) {
		if (span_is(store_value(&found, 0, 0), sum))
			return STATUS_OK;
		return err_set(err, STATUS_CONFLICT,
		               "migration %s/%04d_%s was changed after it had been applied; migrations only go forward", owner,
		               m->version, m->name);
	}
	status = store_exec(s, m->sql, NULL, 0, err);
	if (status == STATUS_OK)
		status =
		    store_exec(s, "INSERT INTO schema_migrations (owner, version, name, checksum) VALUES ($1, $2::int, $3, $4)",
		               params, 4, err);
	if (status == STATUS_OK)
		++*applied;
	return status;
}

static enum status in_transaction(struct store *s, const char *owner, const struct store_migration *m, int *applied,
                                  struct err *err)
{
	enum status status = store_begin(s, err);
	if (status == STATUS_OK)
		status = store_exec(s, LOCK_SQL, NULL, 0, err);
	if (status == STATUS_OK)
		status = store_exec(s, TABLE_SQL, NULL, 0, err);
	if (status == STATUS_OK)
		status = store_exec(s, store_position_table_sql, NULL, 0, err);
	if (status == STATUS_OK)
		status = apply(s, owner, m, applied, err);
	if (status == STATUS_OK)
		status = store_commit(s, err);
	if (status != STATUS_OK)
		store_rollback(s);
	return status;
}

enum status store_migrate(struct store *s, const char *owner, const struct store_migration *m, size_t n,
                          int *ret_applied, struct err *err)
{
	int applied = 0;
	for (size_t i = 0; i < n; i++) {
		enum status status = in_transaction(s, owner, &m[i], &applied, err);
		if (status != STATUS_OK)
			return status;
	}
	if (ret_applied)
		*ret_applied = applied;
	return STATUS_OK;
}
