/* Records go to PostgreSQL through a temporary table and one statement that merges them into ai_jobs and keeps
 * ai_job_counts. */
#include "write.h"

#include <stdlib.h>

#define NAME(group, name, kind) "," #name
#define COLUMN_NAMES "tenant" RECORD_COLUMNS(NAME)

/* synchronous_commit: a record that was seen, and the position behind it, outlive a power cut. */
const char write_session_sql[] =
    "SET synchronous_commit = on; SET work_mem = '32MB';"
    "CREATE TEMPORARY TABLE batch WITH (toast_tuple_target = 8160) ON COMMIT DELETE ROWS AS "
    "SELECT " COLUMN_NAMES " FROM ai_jobs WITH NO DATA;";

#define EARLIER "EXCLUDED.submission_seq < coalesce(j.submission_seq, 9223372036854775807)"
#define NEWER "(EXCLUDED.run, EXCLUDED.state_rank) > (j.run, j.state_rank)"
#define SET_key(name) ""
#define SET_created(name)                                                                                              \
	", " #name " = CASE WHEN " EARLIER " THEN EXCLUDED." #name " WHEN j.submission_seq IS NOT NULL THEN j." #name      \
	" ELSE least(j." #name ", EXCLUDED." #name ") END"
#define SET_identity(name)                                                                                             \
	", " #name " = CASE WHEN " EARLIER " OR (j.submission_seq IS NULL AND " NEWER ") THEN EXCLUDED." #name             \
	" ELSE j." #name " END"
#define SET_submission(name) ", " #name " = CASE WHEN " EARLIER " THEN EXCLUDED." #name " ELSE j." #name " END"
#define SET_state(name) ", " #name " = CASE WHEN " NEWER " THEN EXCLUDED." #name " ELSE j." #name " END"
#define SET(group, name, kind) SET_##group(name)

/* Keep in step with record_merge(). */
#define MERGE_SQL                                                                                                      \
	"WITH merged AS ("                                                                                                 \
	"INSERT INTO ai_jobs AS j (" COLUMN_NAMES ") SELECT " COLUMN_NAMES " FROM batch "                                  \
	"ON CONFLICT (tenant, job_id) DO UPDATE SET previous_status = j.status" RECORD_COLUMNS(                            \
	    SET) " WHERE " EARLIER " OR " NEWER " RETURNING tenant, previous_status, status), "                            \
	         "changes AS (SELECT tenant, status, count(*) AS n FROM merged GROUP BY 1, 2 UNION ALL "                   \
	         "SELECT tenant, previous_status, -count(*) FROM merged WHERE previous_status IS NOT NULL GROUP BY 1, 2) " \
	         "INSERT INTO ai_job_counts AS c (tenant, status, shard, jobs) "                                           \
	         "SELECT tenant, status, pg_backend_pid() % 16, sum(n) FROM changes GROUP BY 1, 2 HAVING sum(n) <> 0 "     \
	         "ORDER BY 1, 2 "                                                                                          \
	         "ON CONFLICT (tenant, status, shard) DO UPDATE SET jobs = c.jobs + EXCLUDED.jobs"

static int by_key(const void *a, const void *b)
{
	const struct record *const *x = a, *const *y = b;
	const struct span *p = &(*x)->key.tenant, *q = &(*y)->key.tenant;
	for (int i = 0; i < 2; i++, p = &(*x)->key.job_id, q = &(*y)->key.job_id) {
		int order = memcmp(p->p, q->p, p->n < q->n ? p->n : q->n);
		if (order || p->n != q->n)
			return order ? order : p->n < q->n ? -1 : 1;
	}
	return 0;
}

static enum status merge(struct store *s, struct span document, struct err *err)
{
	scoped_result merged = {0};
	enum status status = store_copy(s, "COPY batch FROM STDIN (FORMAT binary)", document, err);
	return status == STATUS_OK ? store_query_prepared(s, "merge", MERGE_SQL, NULL, 0, &merged, err) : status;
}

enum status write_records(struct store *s, struct record **records, size_t n, struct buf *rows,
                          const struct store_position *position, uint64_t sequence, struct err *err)
{
	qsort(records, n, sizeof *records, by_key);
	buf_reset(rows);
	store_copy_begin(rows);
	for (size_t i = 0; i < n; i++)
		store_copy_row(rows, record_columns, record_columns_n, records[i]);
	store_copy_end(rows);
	if (rows->overflow)
		return err_set(err, STATUS_TOO_LARGE, "a batch of %zu records needs more than %zu bytes", n, rows->max_bytes);
	enum status status = store_begin(s, err);
	if (status == STATUS_OK && n)
		status = merge(s, buf_span(rows), err);
	if (status == STATUS_OK && position)
		status = store_position_move(s, position, sequence, err);
	if (status == STATUS_OK)
		status = store_commit(s, err);
	if (status != STATUS_OK)
		store_rollback(s);
	return status;
}
