/* get, list and stats: answers from the records. */
#include "lookup.h"
#include "requests.h"

#define LIST_BYTES_MAX                                                                                                 \
	((size_t)768                                                                                                       \
	 << 10) /* a page ends early at this size: the broker's messages have a limit too                      \
	                     */

enum status handle_get(void *arg, const struct micro_request *r, struct buf *reply, struct err *err)
{
	struct job_request request;
	struct job_record record;
	enum status status = micro_decode(r, &get_request_table, &request, err);
	if (status != STATUS_OK)
		return status;
	if (!request.job_id.p == !request.output_id.p)
		return err_field(err, STATUS_INVALID, "job_id", "job_id: one of job_id and output_id is needed");
	struct span id = request.job_id.p ? request.job_id : span_of(request.output_id.p + 4, request.output_id.n - 4);
	status = lookup(arg, r->tenant, id, r->arena, &record, err);
	return status == STATUS_OK ? request_reply(&get_reply_table, &record, reply) : status;
}

enum status handle_list(void *arg, const struct micro_request *r, struct buf *reply, struct err *err)
{
	struct filter_request f;
	struct lookup_page page;
	char cursor[CURSOR_MAX + 1];
	enum status status = micro_decode(r, &list_request_table, &f, err);
	if (status != STATUS_OK)
		return status;
	int64_t limit = f.limit.set ? f.limit.v : LIST_LIMIT_DEFAULT;
	status =
	    lookup_page(arg, r->tenant, &f, f.status ? list_status_names[f.status] : NULL, limit, r->arena, &page, err);
	if (status != STATUS_OK)
		return status;
	scoped_buf jobs = {0};
	size_t n = 0;
	struct json_writer w = {.out = &jobs};
	json_begin_array(&w);
	for (; n < page.n && jobs.len < LIST_BYTES_MAX; n++)
		json_encode(&get_reply_table, &page.records[n], &w);
	json_end_array(&w);
	struct list_reply answer = {.jobs = {buf_span(&jobs), JSON_ARRAY}};
	if (n && (page.more || n < page.n)) {
		lookup_cursor(&page.records[n - 1], cursor);
		answer.next_cursor = span_from(cursor);
	}
	return request_reply(&list_reply_table, &answer, reply);
}

static void add_count(struct stats_reply *s, struct span name, int64_t n)
{
	int64_t *const members[] = {&s->pending, &s->processing, &s->completed, &s->failed, &s->cancelled};
	for (size_t i = 0; i < countof(members); i++)
		if (span_is(name, job_status_names[i]))
			*members[i] = n;
	s->total += n;
}

/* Percentiles of the tenant's last completed jobs: a bounded piece of an index, whatever the size of the table. */
#define STATS_SQL                                                                                                      \
	"SELECT status, sum(jobs)::bigint FROM ai_job_counts WHERE tenant = $1 GROUP BY status UNION ALL "                 \
	"SELECT 'p' || n, (percentile_disc(n / 100.0) WITHIN GROUP (ORDER BY ms)) FROM (VALUES (50), (95)) AS p (n), "     \
	"(SELECT processing_time_ms AS ms FROM ai_jobs WHERE tenant = $1 AND status = 'completed' ORDER BY created_at "    \
	"DESC LIMIT 500) AS last "                                                                                         \
	"WHERE ms IS NOT NULL GROUP BY n"

static enum status count_records(struct jobs *j, struct span tenant, struct stats_reply *ret, struct err *err)
{
	struct store *s;
	enum status status = db_take(j->db, &s, err);
	if (status != STATUS_OK)
		return status;
	scoped_result r = {0};
	status = store_query(s, STATS_SQL, &tenant, 1, &r, err);
	db_give(j->db, s);
	for (int i = 0; status == STATUS_OK && i < r.rows; i++) {
		int64_t n = 0;
		struct span name = store_value(&r, i, 0);
		if (!span_i64(store_value(&r, i, 1), &n))
			continue;
		if (span_is(name, "p50"))
			ret->p50_processing_ms = (struct opt_i64){true, n};
		else if (span_is(name, "p95"))
			ret->p95_processing_ms = (struct opt_i64){true, n};
		else
			add_count(ret, name, n);
	}
	return status;
}

enum status handle_stats(void *arg, const struct micro_request *r, struct buf *reply, struct err *err)
{
	struct jobs *j = arg;
	struct empty_request request;
	struct stats_reply answer = {0};
	struct estimate_view view;
	enum status status = micro_decode(r, &stats_request_table, &request, err);
	if (status == STATUS_OK)
		status = count_records(j, r->tenant, &answer, err);
	if (status != STATUS_OK)
		return status;
	estimate_look(j->estimate, r->arena, &view);
	answer.queues = view.queues;
	answer.delayed = view.delayed;
	answer.throughput_per_s = view.throughput_per_s;
	answer.workers = view.workers;
	return request_reply(&stats_reply_table, &answer, reply);
}
