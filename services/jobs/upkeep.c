/* cleanup and retry_failed, for one tenant. */
#include "upkeep.h"

#include <inttypes.h>
#include <stdio.h>

#include "repeat.h"
#include "requests.h"

/* At most 1000 records in a transaction. */
#define CLEANUP_SQL                                                                                                    \
	"WITH old AS (SELECT job_id FROM ai_jobs WHERE tenant = $1 AND status IN ('completed', 'failed', 'cancelled') "    \
	"AND created_at < now() - $2::int * interval '1 day' AND completed_at < now() - $2::int * interval '1 day' "       \
	"ORDER BY created_at LIMIT 1000 FOR UPDATE SKIP LOCKED), "                                                         \
	"gone AS (DELETE FROM ai_jobs j USING old WHERE j.tenant = $1 AND j.job_id = old.job_id RETURNING j.status), "     \
	"counted AS (INSERT INTO ai_job_counts AS c (tenant, status, shard, jobs) "                                        \
	"SELECT $1, status, pg_backend_pid() % 16, -count(*) FROM gone GROUP BY status ORDER BY status "                   \
	"ON CONFLICT (tenant, status, shard) DO UPDATE SET jobs = c.jobs + EXCLUDED.jobs) SELECT count(*) FROM gone"

enum status cleanup_old_jobs(struct jobs *j, struct span tenant, int64_t days, bool (*stop)(void *arg), void *arg,
                             int64_t *ret_deleted, struct err *err)
{
	char text[24];
	struct store *s;
	snprintf(text, sizeof text, "%" PRId64, days);
	const struct span params[] = {tenant, span_from(text)};
	enum status status = db_take(j->db, &s, err);
	if (status != STATUS_OK)
		return status;
	int64_t deleted = 0, chunk = 1;
	while (status == STATUS_OK && chunk > 0 && !(stop && stop(arg))) {
		scoped_result r = {0};
		status = store_query_prepared(s, "cleanup", CLEANUP_SQL, params, countof(params), &r, err);
		if (status == STATUS_OK && !span_i64(store_value(&r, 0, 0), &chunk))
			chunk = 0;
		deleted += status == STATUS_OK ? chunk : 0;
	}
	db_give(j->db, s);
	*ret_deleted = deleted;
	return status;
}

enum status retry_failed_jobs(struct jobs *j, struct span tenant, struct json_writer *job_ids, int64_t *ret_retried,
                              struct err *err)
{
	static const char sql[] =
	    "SELECT job_id FROM ai_jobs WHERE tenant = $1 AND status = 'failed' AND run < $2::int AND error_code IN "
	    "('rate_limited', 'provider_error', 'unavailable', 'timeout') ORDER BY created_at LIMIT $3::int";
	char runs[12], limit[12];
	snprintf(runs, sizeof runs, "%d", RETRY_FAILED_RUNS_MAX);
	snprintf(limit, sizeof limit, "%d", RETRY_FAILED_JOBS_MAX);
	const struct span params[] = {tenant, span_from(runs), span_from(limit)};
	struct store *s;
	enum status status = db_take(j->db, &s, err);
	if (status != STATUS_OK)
		return status;
	scoped_result r = {0};
	status = store_query(s, sql, params, countof(params), &r, err);
	db_give(j->db, s);
	int64_t retried = 0;
	for (int i = 0; status == STATUS_OK && i < r.rows; i++) {
		struct span id = store_value(&r, i, 0);
		status = retry_if_ended(j, tenant, id, err);
		if (status == STATUS_OK && ++retried && job_ids)
			json_put_text(job_ids, id);
		else if (status == STATUS_CONFLICT || status == STATUS_NOT_FOUND || status == STATUS_UNPROCESSABLE)
			status = STATUS_OK; /* changed meanwhile, or cannot be repeated: the others still can */
	}
	*ret_retried = retried;
	return status;
}

enum status handle_cleanup(void *arg, const struct micro_request *r, struct buf *reply, struct err *err)
{
	struct cleanup_request request;
	struct cleanup_reply answer = {0};
	enum status status = micro_decode(r, &cleanup_request_table, &request, err);
	if (status == STATUS_OK)
		status = cleanup_old_jobs(arg, r->tenant, request.days, NULL, NULL, &answer.deleted, err);
	return status == STATUS_OK ? request_reply(&cleanup_reply_table, &answer, reply) : status;
}

enum status handle_retry_failed(void *arg, const struct micro_request *r, struct buf *reply, struct err *err)
{
	struct empty_request request;
	struct retried_reply answer = {0};
	enum status status = micro_decode(r, &retry_failed_request_table, &request, err);
	if (status != STATUS_OK)
		return status;
	scoped_buf ids = {0};
	struct json_writer w = {.out = &ids};
	json_begin_array(&w);
	status = retry_failed_jobs(arg, r->tenant, &w, &answer.retried, err);
	json_end_array(&w);
	if (status != STATUS_OK)
		return status;
	answer.job_ids = (struct json){buf_span(&ids), JSON_ARRAY};
	return request_reply(&retry_failed_reply_table, &answer, reply);
}
