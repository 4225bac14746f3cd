/* The messages of the job path: what is submitted, and what is reported. */
#ifndef GANNET_CONTRACT_JOB_H
#define GANNET_CONTRACT_JOB_H

#include "core/id.h"
#include "json/table.h"

#define JOB_PAYLOAD_MAX ((size_t)1 << 20) /* bytes of a submission; bigger input belongs into the object store */
#define JOB_TEMPLATE_MAX 262144           /* bytes of template and of system_message */
#define JOB_TIMEOUT_MAX_MS 3600000
#define JOB_TIMEOUT_DEFAULT_MS 300000 /* TASK_TIMEOUT of W13 */
#define JOB_RETRIES_MAX 25
#define JOB_TOKENS_MAX 1000000         /* max_tokens */
#define JOB_METADATA_MAX 8192          /* bytes of the metadata object as written */
#define JOB_NAME_MAX 128               /* bytes of user_id, agent_id, model, pipeline, record_id, field_name */
#define JOB_TYPE_MAX 64                /* bytes of job_type and task_type */
#define JOB_COUNT_MAX 9007199254740991 /* 2^53 - 1: counts and amounts that every JSON reader holds exactly */
#define LLM_RETRIES_DEFAULT 5          /* L6 */
#define TASK_RETRIES_DEFAULT 3         /* F8, W11 */

enum priority { PRIORITY_HIGH, PRIORITY_DEFAULT, PRIORITY_LOW, PRIORITY_COUNT };
extern const char *const priority_names[]; /* high, default, low, NULL */

enum format { FORMAT_TEXT, FORMAT_JSON, FORMAT_MARKDOWN, FORMAT_HTML };
extern const char *const format_names[];

/* The states of F1 and L3, in which a record is. */
enum job_status { JOB_PENDING, JOB_PROCESSING, JOB_COMPLETED, JOB_FAILED, JOB_CANCELLED };
extern const char *const job_status_names[];

/* The <state> token of gannet.<tenant>.jobs.event.<state>.<job_id>. */
enum job_state {
	JOB_EVENT_STARTED,
	JOB_EVENT_PROGRESSED,
	JOB_EVENT_RETRYING,
	JOB_EVENT_COMPLETED,
	JOB_EVENT_FAILED,
	JOB_EVENT_CANCELLED,
	JOB_EVENT_REJECTED,
	JOB_STATE_COUNT
};
extern const char *const job_state_names[];
bool job_state_is_final(enum job_state s); /* completed, failed, cancelled, rejected */

/*
 * A submission, as published to gannet.<tenant>.jobs.submit.<kind>.<priority>. `llm_job_table` needs template and model
 * (proto/job.llm.json); `task_table` is for every other kind (proto/job.task.json).
 */
struct job {
	struct span job_id; /* chosen by the publisher, or absent */
	struct span template;
	struct span model;
	struct json context; /* object: the template's variables */
	unsigned format;     /* enum format */
	struct span user_id, agent_id;
	struct opt_f64 temperature;
	struct opt_i64 max_tokens;
	struct span system_message;
	struct opt_i64 timeout_ms, max_retries;
	struct json_time run_at;
	struct span reply_to;   /* a subject under _INBOX. or gannet.<tenant>.reply. */
	struct opt_bool stream; /* partial output on gannet.<tenant>.jobs.stream.<job_id> */
	/* F1, W11 */
	struct span job_type, task_type, pipeline, record_id, field_name;
	struct json input_data, parameters; /* objects */
	struct json metadata;               /* object of strings, handed through to every event */
};
extern const struct json_table llm_job_table, task_table;

struct usage {
	int64_t input_tokens; /* uncached */
	int64_t cache_read_tokens, cache_write_tokens;
	int64_t output_tokens;     /* reasoning included */
	int64_t reasoning_tokens;  /* part of output_tokens, for information */
	int64_t total_tokens;      /* sum of the four disjoint classes */
	struct opt_bool estimated; /* counted by us because the provider did not say */
};
extern const struct json_table usage_table;

struct job_error {
	struct span code; /* status_code() */
	struct span message;
	struct span field;
};
extern const struct json_table job_error_table;

/* What an llm job produced (L3). `parsed_output` is a string, or for format json the value itself. */
struct llm_result {
	struct span model, provider; /* the model that answered, after fallback */
	struct span prompt, raw_response;
	struct json parsed_output;
	struct span finish_reason; /* stop, length, content_filter, refusal, tool_calls */
	const struct usage *usage;
	struct opt_i64 cost_nanousd; /* left out when the model has no price */
	struct span price_id;        /* row of the price table: "<model>@<start date>" */
	int64_t response_length;     /* bytes of raw_response */
	struct opt_i64 time_to_first_token_ms;
	struct opt_bool simulated;
	struct opt_bool cached;
	struct json fallback_from; /* array of models that were tried before */
};
extern const struct json_table llm_result_table;

/*
 * gannet.<tenant>.jobs.event.<state>.<job_id>, proto/job.event.json. Which members are present depends on the state:
 * retrying has error, delay_ms, retry_at; failed/rejected have error; completed has result (llm) or output_data
 * (tasks).
 */
struct job_event {
	struct span job_id, output_id, tenant, kind;
	unsigned priority;      /* enum priority */
	unsigned state;         /* enum job_state */
	int64_t run;            /* 1, and one more each time a finished job is retried by request */
	int64_t attempt;        /* 1-based try within the run that this event speaks of */
	int64_t delivery;       /* how often the queue had handed the message out (num_delivered) */
	struct span stream_seq; /* place of the submission in JOBS, decimal */
	struct span worker_id;
	struct span user_id, agent_id, model; /* from the submission, for filters and ledgers */
	struct span job_type, pipeline, record_id, field_name; /* the same; job_type of tasks may be their task_type */
	unsigned format;
	struct json_time submitted_at, started_at, timestamp; /* timestamp: when this state was reached */
	struct opt_i64 processing_time_ms;                    /* final states: started_at to timestamp */
	struct opt_i64 queue_time_ms;                         /* submitted_at to started_at */
	const struct job_error *error;
	struct opt_i64 delay_ms;
	struct json_time retry_at;
	struct opt_bool attempt_used; /* retrying: false when the wait does not count as a try (429, circuit open) */
	struct opt_f64 progress;      /* 0..1 */
	struct opt_i64 interrupted; /* started, and a hand-back's retrying: earlier deliveries that began and ended with no outcome */
	const struct llm_result *result;
	struct json output_data;
	struct json metadata;
};
extern const struct json_table job_event_table;

/* gannet.<tenant>.jobs.stream.<job_id>: partial output. `seq` counts from 0; `restart` tells to throw earlier text
 * away. */
struct job_stream {
	struct span job_id;
	int64_t seq;
	struct span delta;
	struct opt_bool restart, done;
};
extern const struct json_table job_stream_table;

/* Value of a key in the `workers` bucket and body of workers.registered / .unregistered (W10). */
struct worker_info {
	struct span worker_id, kind, status; /* idle, running, processing, stopping, stopped */
	struct json capabilities;            /* array of strings */
	struct json_time started_at, timestamp;
	int64_t concurrency, in_flight, waiting;
	int64_t succeeded, failed, retried, cancelled;
	double average_processing_ms;
	struct span version, host;
	int64_t pid;
	struct json providers; /* [{provider, circuit}] of workers that call any: circuit is closed or open */
};
extern const struct json_table worker_info_table;

/* Value of a key "<tenant>.<job_id>.<run>" in the `cancelled` bucket: who wants that run ended, and why. */
struct job_cancel {
	struct span reason, by;
	struct json_time at;
};
extern const struct json_table job_cancel_table;

/* Body of every reply that has the Nats-Service-Error headers. */
struct error_reply {
	const struct job_error *error;
};
extern const struct json_table error_reply_table;

/* Header names used on the job path. */
#define HEADER_MSG_ID "Nats-Msg-Id"
#define HEADER_ATTEMPT "Gannet-Attempt"           /* tries already used, decimal */
#define HEADER_DELAY "Gannet-Delay-Ms"            /* of a delayed job: due so long after it was stored, whatever its subject says */
#define HEADER_RUN "Gannet-Run"                   /* the run, decimal; 1 when absent */
#define HEADER_SUBMITTED_AT "Gannet-Submitted-At" /* RFC 3339; kept when a job is published again */
#define HEADER_JOB_ID "Gannet-Job-Id"             /* id of a job whose body has none, kept when it is published again */
#define HEADER_TRACEPARENT "traceparent"

/* Id of a submission without one, from its place in the stream: "j-<stream birth, base 36>-<sequence>". */
#define JOB_ID_BYTES (JOB_ID_MAX + 1)
void job_id_from_sequence(int64_t stream_created_ms, uint64_t sequence, char out[JOB_ID_BYTES]);
/* "out-" and the job's id: the record of L3. */
#define OUTPUT_ID_BYTES (JOB_ID_MAX + 5)
void output_id_from_job(struct span job_id, char out[OUTPUT_ID_BYTES]);
/*
 * What the final event of a run is called, whoever writes it: stored under the id of that name (bus/private_id.h), so that the
 * broker keeps one of completed/failed/cancelled/rejected.
 */
#define FINAL_NAME_BYTES (JOB_ID_MAX + TENANT_ID_MAX + 40)
void job_final_name(struct span tenant, struct span job_id, int64_t run, char out[FINAL_NAME_BYTES]);

/* The tokens of a job subject; false for anything else. */
struct job_subject {
	struct span tenant, kind;
	enum priority priority;
};
bool job_subject_parse(struct span subject, struct job_subject *ret);
/* The same for gannet.<tenant>.jobs.overflow.<kind>.<priority>.<lane>, where a worker puts jobs of a long backlog. */
bool job_overflow_parse(struct span subject, struct job_subject *ret);
/* Whether a job of `tenant` may name `subject` as its reply_to: a complete subject under _INBOX. or
 * gannet.<tenant>.reply. */
bool job_reply_allowed(struct span tenant, struct span subject);

#endif
