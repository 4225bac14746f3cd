/* Steps of action plans that somebody approved: what is to be run, and what came out of it. */
#ifndef GANNET_CONTRACT_ACTION_H
#define GANNET_CONTRACT_ACTION_H

#include "contract/reasoning.h"

#define ACTION_MESSAGE_MAX 500  /* bytes of what an outcome says */
#define ACTION_OUTPUT_MAX 65536 /* bytes of an outcome's output object as written */
#define ACTION_LIST_DEFAULT 50
#define ACTION_LIST_MAX 200

/* The actions that Gannet itself runs; every other one waits in the stream for the application that knows it. */
#define ACTION_RETRY_FAILED_JOBS "retry_failed_jobs" /* {limit?} */
#define ACTION_PAUSE_QUEUE "pause_queue"             /* {kind, priority?} */
#define ACTION_RESUME_QUEUE "resume_queue"           /* {kind, priority?} */
#define ACTION_TAKE_SNAPSHOT "take_snapshot"

enum action_status { ACTION_APPROVED, ACTION_SUCCEEDED, ACTION_FAILED };
extern const char *const action_status_names[];     /* approved, succeeded, failed, NULL */
extern const char *const action_outcome_names[];    /* succeeded, failed, NULL: of actions.report */
extern const char *const action_list_status_names[]; /* any, and the three */

/* actions.approve: `by` says who takes responsibility. */
struct approve_request {
	struct span plan_id;
	int64_t step;
	struct span by;
};
extern const struct json_table approve_request_table;

/*
 * gannet.<tenant>.actions.run.<action_type>, proto/action.run.json. The message id is made of tenant, plan and step, and
 * the record of the action is made first: a step approved twice runs once.
 */
struct action_run {
	struct span action_id; /* "<plan_id>-<step>" */
	struct span plan_id, reasoning_id;
	int64_t step;
	struct span action_type, description;
	struct json action_payload; /* object */
	struct span approved_by;
	struct json_time approved_at;
};
extern const struct json_table action_run_table;

/*
 * An action and what became of it: the answer to approve, get and report, the value of <tenant>.<action_id> in the
 * bucket `actions`, and with an outcome gannet.<tenant>.actions.completed.
 */
struct action_record {
	struct span action_id, plan_id, reasoning_id;
	int64_t step;
	struct span action_type, description;
	struct json action_payload;
	struct span approved_by;
	struct json_time approved_at;
	unsigned status; /* enum action_status */
	struct json_time completed_at;
	struct span message;  /* one sentence */
	struct json output;   /* object */
	struct opt_bool already; /* approve: it had been approved before, nothing new was run */
};
extern const struct json_table action_record_table;

/* actions.report: whoever ran an action says what came of it. The first report counts. */
struct report_request {
	struct span action_id;
	unsigned status; /* 0 succeeded, 1 failed */
	struct span message;
	struct json output;
};
struct action_get_request {
	struct span action_id;
};
struct action_list_request {
	unsigned status; /* any, or enum action_status and one */
	struct opt_i64 limit;
};
struct action_list_reply {
	struct json actions; /* array of action_record, newest first */
};
extern const struct json_table report_request_table, action_get_request_table, action_list_request_table,
    action_list_reply_table;

/* Value of a key "<kind>.<priority>" in the bucket `paused`: workers take no job of that queue while it is there. */
struct queue_pause {
	struct span by, reason;
	struct json_time at;
};
extern const struct json_table queue_pause_table;

#define ACTION_ID_BYTES (JOB_ID_MAX + 1)
/* false when the plan's id is too long to leave room for the step. */
bool action_id(struct span plan_id, int64_t step, char out[ACTION_ID_BYTES]);
#define ACTION_SUBJECT_BYTES (TENANT_ID_MAX + 64)
void action_run_subject(struct span tenant, struct span action_type, char out[ACTION_SUBJECT_BYTES]);
#define ACTION_KEY_BYTES (TENANT_ID_MAX + JOB_ID_MAX + 2)
/* "<tenant>.<action_id>", the key in the bucket `actions`. */
void action_key(struct span tenant, struct span action_id, char out[ACTION_KEY_BYTES]);

#endif
