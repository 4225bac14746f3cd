/* /api/v1/ai-jobs: records of jobs and what can be done with them. */
#include "contract/requests.h"
#include "contract/rest.h"
#include "services/gateway/route.h"

#define BULK_TIMEOUT_MS 30000

static const char *const by_job_id[] = {"output_id", "", NULL}; /* the path names the job */
static const int not_found[] = {404, 0}, not_found_or_conflict[] = {404, 409, 0};

/* The part of the statistics that is about workers: who there is, and what waits for them. */
static enum status shape_workers(struct json reply, struct arena *a, struct buf *out, struct err *err)
{
	struct stats_reply stats;
	if (json_decode(&stats_reply_table, reply, JSON_LENIENT, a, &stats, err) != STATUS_OK)
		return err_set(err, STATUS_PROVIDER, "the jobs service answered what are no statistics");
	const struct worker_health_reply answer = {
	    .healthy = json_count(stats.workers) > 0,
	    .workers_n = (int64_t)json_count(stats.workers),
	    .workers = stats.workers,
	    .queues = stats.queues,
	};
	json_encode(&worker_health_reply_table, &answer, &(struct json_writer){.out = out});
	return STATUS_OK;
}

static const struct route rows[] = {
    {"GET", "/api/v1/ai-jobs/", "listJobs", "Records of jobs, newest first, in pages",
     "The next page is asked for with next_cursor as cursor. Role user sees its own jobs only.",
     .roles = roles_everyone, .scope = SCOPE_FILTER, .verb = "jobs.list", .request = &list_request_table,
     .reply = "jobs.list.reply", .success = 200},
    {"GET", "/api/v1/ai-jobs/{job_id}/", "getJob", "The whole record of a job", "Role user sees its own jobs only.",
     .roles = roles_everyone, .scope = SCOPE_RECORD, .verb = "jobs.get", .request = &get_request_table, .fixed = by_job_id,
     .reply = "jobs.get.reply", .success = 200, .errors = not_found},
    {"POST", "/api/v1/ai-jobs/{job_id}/retry/", "retryJob", "Run a failed or cancelled job again under its own id", NULL,
     .roles = roles_everyone, .scope = SCOPE_JOB, .verb = "jobs.retry", .request = &retry_request_table,
     .takes_body = true, .body_is_optional = true, .reply = "jobs.retry.reply", .success = 200, .creates = true,
     .errors = not_found_or_conflict},
    {"POST", "/api/v1/ai-jobs/{job_id}/cancel/", "cancelJob", "End a job that waits or runs", NULL,
     .roles = roles_everyone, .scope = SCOPE_JOB, .verb = "jobs.cancel", .request = &cancel_request_table,
     .takes_body = true, .body_is_optional = true, .reply = "jobs.cancel.reply", .success = 200,
     .errors = not_found_or_conflict},
    {"GET", "/api/v1/ai-jobs/worker_health/", "getWorkerHealth", "Which workers there are, and what waits for them", NULL,
     .roles = roles_leading, .verb = "jobs.stats", .request = &stats_request_table, .reply = "rest.worker_health.reply",
     .success = 200, .shape = shape_workers},
    {"POST", "/api/v1/ai-jobs/bulk_retry/", "retryJobs", "Retry all jobs that match", "Role user retries its own jobs only.",
     .roles = roles_everyone, .scope = SCOPE_FILTER, .verb = "jobs.bulk_retry", .request = &bulk_retry_request_table,
     .takes_body = true, .body_is_optional = true, .reply = "jobs.bulk_retry.reply", .success = 200,
     .timeout_ms = BULK_TIMEOUT_MS, .creates = true},
    {"POST", "/api/v1/ai-jobs/queue_pending/", "queuePendingJobs", "Queue pending jobs again that lie in no queue any more",
     "After the broker lost its files, or a stream was emptied. Role user queues its own jobs only.",
     .roles = roles_everyone, .scope = SCOPE_FILTER, .verb = "jobs.queue_pending", .request = &queue_pending_request_table,
     .takes_body = true, .body_is_optional = true, .reply = "jobs.queue_pending.reply", .success = 200,
     .timeout_ms = BULK_TIMEOUT_MS, .creates = true},
    {"GET", "/api/v1/ai-jobs/diagnostics/", "getDiagnostics", "Counts by state, queues, throughput, times and workers", NULL,
     .roles = roles_leading, .verb = "jobs.stats", .request = &stats_request_table, .reply = "jobs.stats.reply",
     .success = 200},
};

const struct route_area route_area_ai_jobs = {"AI jobs", "Records of jobs and what can be done with them.", rows,
                                              countof(rows)};
