/* COPY into a temporary table, from there into ledger and sums; the place moves last. */
#include "write.h"

#include <stdio.h>

#include "core/log.h"
#include "rollup.h"

#define DOCUMENT_MAX ((size_t)64 << 20)

#define NAMES USAGE_COLUMNS(USAGE_NAME)

/* synchronous_commit: the place is told to nobody else, but what was answered from the ledger should not vanish. */
const char write_session_sql[] =
    "SET synchronous_commit = on; SET work_mem = '32MB'; SET TIME ZONE 'UTC'; SET jit = off;"
    "CREATE TEMPORARY TABLE usage_batch (LIKE ai_usage_metrics) ON COMMIT DELETE ROWS";

enum status write_place(struct store *s, const char *stream, int64_t created_ms, struct ledger_place *ret,
                        struct err *err)
{
	char created[24];
	snprintf(created, sizeof created, "%lld", (long long)created_ms);
	const struct span params[] = {span_from(stream), span_from(created)};
	scoped_result r = {0};
	enum status status =
	    store_exec(s,
	               "INSERT INTO ai_usage_position (stream, created_ms, sequence) VALUES ($1, $2::bigint, 0) "
	               "ON CONFLICT (stream, created_ms) DO NOTHING",
	               params, 2, err);
	if (status == STATUS_OK)
		status = store_query(
		    s, "SELECT stream_id, sequence FROM ai_usage_position WHERE stream = $1 AND created_ms = $2::bigint", params,
		    2, &r, err);
	if (status != STATUS_OK)
		return status;
	int64_t id, sequence;
	if (!r.rows || !span_i64(store_value(&r, 0, 0), &id) || !span_i64(store_value(&r, 0, 1), &sequence))
		return err_set(err, STATUS_INTERNAL, "ai_usage_position has no row for the stream %s", stream);
	*ret = (struct ledger_place){id, (uint64_t)sequence};
	return STATUS_OK;
}

void writer_init(struct writer *w, struct store *s)
{
	*w = (struct writer){.store = s, .document.max_bytes = DOCUMENT_MAX};
	rollup_sql("usage_batch", &w->sums_sql);
}

void writer_free(struct writer *w)
{
	buf_free(&w->document);
	buf_free(&w->sums_sql);
}

static enum status move_place(struct writer *w, uint64_t sequence, struct err *err)
{
	char id[24], to[24], from[24];
	snprintf(id, sizeof id, "%lld", (long long)w->place.stream_id);
	snprintf(to, sizeof to, "%llu", (unsigned long long)sequence);
	snprintf(from, sizeof from, "%llu", (unsigned long long)w->place.sequence);
	const struct span params[] = {span_from(id), span_from(to), span_from(from)};
	scoped_result r = {0};
	enum status status = store_query_prepared(
	    w->store, "move_place",
	    "UPDATE ai_usage_position SET sequence = $2::bigint WHERE stream_id = $1::int AND sequence = $3::bigint", params, 3,
	    &r, err);
	if (status == STATUS_OK && store_affected(&r) != 1)
		status = err_field(err, STATUS_CONFLICT, "place", "another writer has moved on from %s in EVENTS", from);
	return status;
}

/* Months of the rows that have no partition yet; those of a batch lie close together. */
static enum status make_partitions(struct writer *w, struct err *err)
{
	scoped_result r = {0};
	return store_query_prepared(w->store, "partitions",
	                            "SELECT ai_usage_partition(month) FROM (SELECT DISTINCT date_trunc('month', at) AS month "
	                            "FROM usage_batch) AS months",
	                            NULL, 0, &r, err);
}

static enum status copy_rows(struct writer *w, const struct usage_row *rows, size_t n, struct err *err)
{
	buf_reset(&w->document);
	store_copy_begin(&w->document);
	for (size_t i = 0; i < n; i++)
		store_copy_row(&w->document, usage_columns, usage_columns_n, &rows[i]);
	store_copy_end(&w->document);
	if (w->document.overflow)
		return err_set(err, STATUS_TOO_LARGE, "%zu rows need more than %zu bytes", n, w->document.max_bytes);
	return store_copy(w->store, "COPY usage_batch FROM STDIN (FORMAT binary)", buf_span(&w->document), err);
}

static enum status add_rows(struct writer *w, const struct usage_row *rows, size_t n, struct err *err)
{
	scoped_result inserted = {0}, summed = {0};
	enum status status = copy_rows(w, rows, n, err);
	if (status == STATUS_OK)
		status = make_partitions(w, err);
	if (status == STATUS_OK)
		status = store_query_prepared(w->store, "enter", "INSERT INTO ai_usage_metrics SELECT * FROM usage_batch", NULL, 0,
		                              &inserted, err);
	if (status == STATUS_OK)
		status = store_query_prepared(w->store, "sums", w->sums_sql.data, NULL, 0, &summed, err);
	return status;
}

static enum status in_transaction(struct writer *w, const struct usage_row *rows, size_t n, uint64_t sequence,
                                  struct err *err)
{
	enum status status = store_begin(w->store, err);
	/* First, so that a second writer waits here and not with half of its work done. */
	if (status == STATUS_OK)
		status = move_place(w, sequence, err);
	if (status == STATUS_OK && n)
		status = add_rows(w, rows, n, err);
	if (status == STATUS_OK)
		status = store_commit(w->store, err);
	if (status == STATUS_OK)
		w->place.sequence = sequence;
	else
		store_rollback(w->store);
	return status;
}

static bool data_is_at_fault(const struct err *e)
{
	return e->status == STATUS_INVALID || e->status == STATUS_TOO_LARGE ||
	       (e->status == STATUS_CONFLICT && !span_is(span_from(e->field), "place"));
}

static enum status write_some(struct writer *w, const struct usage_row *rows, size_t n, uint64_t sequence,
                              struct err *err)
{
	enum status status = in_transaction(w, rows, n, sequence, err);
	if (status == STATUS_OK || !n || !data_is_at_fault(err))
		return status;
	if (n == 1) {
		log_fields(LOG_ERROR, "event cannot be entered into the ledger", LOG_S("tenant", rows->tenant),
		           LOG_S("job_id", rows->job_id), LOG_I("sequence", rows->event_seq), LOG_C("error", err->msg));
		w->refused++;
		return in_transaction(w, NULL, 0, sequence, err);
	}
	size_t half = n / 2;
	status = write_some(w, rows, half, (uint64_t)rows[half - 1].event_seq, err);
	return status == STATUS_OK ? write_some(w, rows + half, n - half, sequence, err) : status;
}

enum status writer_write(struct writer *w, const struct usage_batch *b, struct err *err)
{
	return b->last_sequence ? write_some(w, b->rows, b->n, b->last_sequence, err) : STATUS_OK;
}
