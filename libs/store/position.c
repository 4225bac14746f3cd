/* The table of positions and the lock that elects a reader. */
#include "store/position.h"

#include <inttypes.h>
#include <stdio.h>

/* The first half of the key is "gpos"; the reader's name makes the second. */
#define LOCK_CLASS "1735421811"
#define LOCK_KEY LOCK_CLASS ", hashtext($1)"
#define NUMBER_BYTES 24

const char store_position_table_sql[] =
    "CREATE TABLE IF NOT EXISTS stream_positions (reader text PRIMARY KEY, stream text NOT NULL, created_ms bigint NOT NULL, "
    "sequence bigint NOT NULL, updated_at timestamptz NOT NULL DEFAULT now()) WITH (fillfactor = 50)";

static struct span number(int64_t v, char out[NUMBER_BYTES])
{
	snprintf(out, NUMBER_BYTES, "%" PRId64, v);
	return span_from(out);
}

/*
 * The server's own time-outs do not help: none ends a session that waits for its client in the middle of a COPY. Both run
 * as the same role, so one may end the other.
 */
static enum status end_silent(struct store *s, const struct store_position *p, struct err *err)
{
	static const char sql[] =
	    "SELECT pg_terminate_backend(l.pid) FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE l.locktype = 'advisory' "
	    "AND l.granted AND l.database = a.datid AND a.datname = current_database() AND l.classid = " LOCK_CLASS "::oid "
	    "AND l.objid = (hashtext($1)::bigint & 4294967295)::oid AND l.objsubid = 2 AND a.pid <> pg_backend_pid() "
	    "AND greatest(a.state_change, a.query_start) < clock_timestamp() - $2::bigint * interval '1 ms'";
	char ms[NUMBER_BYTES];
	const struct span params[] = {span_from(p->reader), number(p->silence_ms, ms)};
	scoped_result r = {0};
	return store_query_prepared(s, "position_end", sql, params, countof(params), &r, err);
}

static enum status try_lock(struct store *s, const struct store_position *p, bool *ret_taken, struct err *err)
{
	const struct span name = span_from(p->reader);
	scoped_result r = {0};
	/* Locks of a session add up: what it may still hold of an earlier turn goes first. */
	enum status status = store_exec(s, "SELECT pg_advisory_unlock_all()", NULL, 0, err);
	if (status == STATUS_OK)
		status = store_query_prepared(s, "position_lock", "SELECT pg_try_advisory_lock(" LOCK_KEY ")", &name, 1, &r, err);
	if (status != STATUS_OK)
		return status;
	*ret_taken = r.rows && span_is(store_value(&r, 0, 0), "t");
	return *ret_taken ? STATUS_OK : end_silent(s, p, err);
}

enum status store_position_take(struct store *s, struct store_position *p, bool *ret_taken, struct err *err)
{
	const struct span name = span_from(p->reader);
	bool taken = false;
	enum status status = try_lock(s, p, &taken, err);
	if (status != STATUS_OK || !taken) {
		*ret_taken = false;
		return status;
	}
	scoped_result r = {0};
	int64_t created = 0, sequence = 0;
	status = store_query_prepared(s, "position_read", "SELECT created_ms, sequence, stream FROM stream_positions WHERE reader = $1",
	                              &name, 1, &r, err);
	if (status != STATUS_OK)
		return status;
	bool known = r.rows && span_i64(store_value(&r, 0, 0), &created) && span_i64(store_value(&r, 0, 1), &sequence) &&
	             created == p->created_ms && span_is(store_value(&r, 0, 2), p->stream);
	p->is_new = !known;
	p->sequence = known ? (uint64_t)sequence : 0;
	*ret_taken = true;
	return STATUS_OK;
}

enum status store_position_begin(struct store *s, struct store_position *p, struct err *err)
{
	char created[NUMBER_BYTES], sequence[NUMBER_BYTES];
	const struct span params[] = {span_from(p->reader), span_from(p->stream), number(p->created_ms, created),
	                              number((int64_t)p->sequence, sequence)};
	enum status status =
	    store_exec(s,
	               "INSERT INTO stream_positions (reader, stream, created_ms, sequence) VALUES ($1, $2, $3::bigint, $4::bigint) "
	               "ON CONFLICT (reader) DO UPDATE SET stream = $2, created_ms = $3::bigint, sequence = $4::bigint, updated_at = now()",
	               params, countof(params), err);
	p->is_new = status != STATUS_OK;
	return status;
}

enum status store_position_move(struct store *s, const struct store_position *p, uint64_t sequence, struct err *err)
{
	/* On the connection that holds the lock asking for it again succeeds; after a reconnection, only if nobody else has it. */
	static const char sql[] =
	    "UPDATE stream_positions SET sequence = $3::bigint, updated_at = now() WHERE reader = $1 AND sequence = $2::bigint "
	    "AND created_ms = $4::bigint AND pg_try_advisory_xact_lock(" LOCK_KEY ")";
	char from[NUMBER_BYTES], to[NUMBER_BYTES], created[NUMBER_BYTES];
	const struct span params[] = {span_from(p->reader), number((int64_t)p->sequence, from), number((int64_t)sequence, to),
	                              number(p->created_ms, created)};
	scoped_result r = {0};
	enum status status = store_query_prepared(s, "position_move", sql, params, countof(params), &r, err);
	if (status == STATUS_OK && store_affected(&r) != 1)
		status = err_set(err, STATUS_CANCELLED, "another reader \"%s\" of %s has taken over", p->reader, p->stream);
	return status;
}
