/* The requests that the jobs service answers on gannet.<tenant>.jobs.<verb>: what is asked, what is replied. */
#ifndef GANNET_CONTRACT_REQUESTS_H
#define GANNET_CONTRACT_REQUESTS_H

#include "contract/job.h"

#define LIST_LIMIT_DEFAULT 50
#define LIST_LIMIT_MAX 500
#define BULK_LIMIT_DEFAULT 100
#define BULK_LIMIT_MAX 1000
#define CLEANUP_DAYS_MAX 36500
#define FEEDBACK_COMMENT_MAX 4096
#define CANCEL_REASON_MAX 256
#define CURSOR_MAX 128
#define DELAY_MAX_MS (366ll * 24 * 3600 * 1000) /* run_at at most a year ahead */

extern const char *const feedback_names[]; /* none, thumbs_up, thumbs_down, NULL */

/*
 * create: a submission with the two parts of its subject. The table has the members of every kind; which of them a job
 * may have, and which it needs, the kind's own table decides.
 */
struct create_request {
	struct job job;
	struct span kind, priority; /* "llm" and "default" when left out */
};
extern struct json_table create_request_table; /* filled before main() from the kinds' tables */

/* Answer of create, rerun and regenerate. */
struct created_reply {
	struct span job_id, output_id, status;
	struct json_time estimated_completion;
	struct span rerun_of; /* rerun, regenerate */
};
extern const struct json_table create_reply_table, rerun_reply_table, regenerate_reply_table;

/* A request that names one job; `output_id` only in get. */
struct job_request {
	struct span job_id, output_id;
	struct span reason;  /* cancel */
	struct json context; /* regenerate */
	struct span model;   /* regenerate */
	unsigned feedback;   /* feedback: index of feedback_names */
	struct span user_id; /* feedback */
	struct span comment; /* feedback */
};
extern const struct json_table get_request_table, cancel_request_table, retry_request_table, rerun_request_table,
    regenerate_request_table, feedback_request_table;

/* Answers that say what became of one job. */
struct job_reply {
	struct span job_id, output_id, status, feedback;
	int64_t run;
};
extern const struct json_table cancel_reply_table, retry_reply_table, feedback_reply_table;

/* Which jobs: list, bulk_retry, queue_pending. */
struct filter_request {
	unsigned status; /* index of list_status_names */
	struct span kind, model, user_id, template;
	struct json_time created_after, created_before; /* both exclusive */
	struct opt_i64 limit;
	struct span cursor; /* list: next_cursor of the page before */
};
extern const char *const list_status_names[];  /* any, then job_status_names */
extern const char *const retry_status_names[]; /* failed, cancelled */
extern const struct json_table list_request_table, bulk_retry_request_table, queue_pending_request_table;

struct list_reply {
	struct json jobs;        /* records, newest first, without context, prompt, raw_response and parsed_output */
	struct span next_cursor; /* absent on the last page */
};
extern const struct json_table list_reply_table;

struct retried_reply {
	int64_t retried;
	struct json job_ids;
};
extern const struct json_table bulk_retry_reply_table, retry_failed_reply_table;

/* Jobs that are pending and lie in no queue any more, such as after the broker lost its files. */
struct queued_reply {
	int64_t queued;
	struct json job_ids; /* those that are queued again */
	int64_t waiting;     /* pending jobs that were looked at and are where they should be */
};
extern const struct json_table queue_pending_reply_table;

struct cleanup_request {
	int64_t days;
};
struct cleanup_reply {
	int64_t deleted;
};
extern const struct json_table cleanup_request_table, cleanup_reply_table;

/* stats, retry_failed */
struct empty_request {
	bool unused;
};
extern const struct json_table stats_request_table, retry_failed_request_table;

/* Counts and processing times are the tenant's; queues, throughput and workers the whole suite's. */
struct stats_reply {
	int64_t pending, processing, completed, failed, cancelled, total;
	struct json queues; /* [{kind, priority, waiting, running}] */
	int64_t delayed;
	double throughput_per_s;
	struct opt_i64 p50_processing_ms, p95_processing_ms; /* of the last completed jobs */
	struct json workers;                                 /* [worker.info] */
};
extern const struct json_table stats_reply_table;

/* gannet.tick.<service>: a turn of a schedule, published by every replica and kept once. */
struct tick {
	struct span schedule;
	struct json_time at;
};
extern const struct json_table tick_table;

/* One job as get and list answer it: F1 and L3 in one flat object. */
struct job_record {
	struct span job_id, output_id, tenant, kind, priority, job_type, status, pipeline, record_id, field_name;
	struct span ai_provider, model_name, result_model; /* model_name was asked for, result_model answered */
	struct span prompt_template, template_name;        /* template_name: the template's first 80 characters */
	struct json ai_config, input_data, output_data, context;
	struct span format, prompt, raw_response;
	struct json parsed_output;
	struct span feedback;
	struct opt_i64 tokens_used;
	struct json usage;
	struct opt_f64 cost_cents;
	struct opt_i64 cost_nanousd, processing_time_ms;
	struct span error_code, error_message, error_field;
	int64_t retry_count, run;
	struct span user_id, agent_id;
	struct opt_bool simulated;
	struct json metadata;
	struct json_time created_at, started_at, completed_at, updated_at, retry_at;
};
extern const struct json_table get_reply_table;

#endif
