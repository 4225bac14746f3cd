/* The table of endpoints, and the way from bytes to a request and from a reply to bytes. */
#include "requests.h"

const struct micro_endpoint jobs_endpoints[JOBS_ENDPOINTS] = {
    {"create", "gannet.*.jobs.create", handle_create, "Queue a job, now or at run_at", .broker_only = true},
    {"get", "gannet.*.jobs.get", handle_get, "A job's whole record"},
    {"list", "gannet.*.jobs.list", handle_list, "Records by status, model, user, template, kind and time, in pages"},
    {"cancel", "gannet.*.jobs.cancel", handle_cancel, "End a job that waits or runs"},
    {"retry", "gannet.*.jobs.retry", handle_retry, "Run a failed or cancelled job again under its own id"},
    {"bulk_retry", "gannet.*.jobs.bulk_retry", handle_bulk_retry, "Retry all jobs that match"},
    {"queue_pending", "gannet.*.jobs.queue_pending", handle_queue_pending, "Queue pending jobs again that lie in no queue"},
    {"rerun", "gannet.*.jobs.rerun", handle_rerun, "A new job with the same parameters"},
    {"regenerate", "gannet.*.jobs.regenerate", handle_regenerate, "A new job with another context or model"},
    {"feedback", "gannet.*.jobs.feedback", handle_feedback, "Thumbs up or down for an output"},
    {"feedback_report", "gannet.*.jobs.feedback_report", handle_feedback_report, "How outputs are rated, by template and model"},
    {"stats", "gannet.*.jobs.stats", handle_stats, "Counts, queues, throughput and workers"},
    {"cleanup", "gannet.*.jobs.cleanup", handle_cleanup, "Delete old records of finished jobs"},
    {"retry_failed", "gannet.*.jobs.retry_failed", handle_retry_failed, "Retry jobs that failed for passing reasons"},
};

enum status requests_start(struct jobs *j, struct err *err)
{
	return micro_start(j->bus, "jobs", "Records of jobs, and what can be done with jobs", jobs_endpoints,
	                   JOBS_ENDPOINTS, j, j->clock, &j->micro, err);
}

enum status request_reply(const struct json_table *t, const void *object, struct buf *reply)
{
	json_encode(t, object, &(struct json_writer){.out = reply});
	return STATUS_OK;
}
