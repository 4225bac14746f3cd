/* What is made of a snapshot: how healthy the system is, what should be done about it, and in which steps. */
#ifndef GANNET_CONTRACT_REASONING_H
#define GANNET_CONTRACT_REASONING_H

#include "contract/job.h"

#define REASONING_INSIGHTS_MIN 3
#define REASONING_INSIGHTS_MAX 5
#define REASONING_LIST_MAX 32       /* concerns, positives, recommendations */
#define REASONING_STEPS_MAX 16      /* of a plan */
#define REASONING_LINE_MAX 300      /* bytes of an insight, a concern, a positive, a title, a duration */
#define REASONING_TEXT_MAX 2000     /* bytes of a description, an impact, an objective */
#define REASONING_PAYLOAD_MAX 8192  /* bytes of an action_payload as written */
#define REASONING_SNAPSHOT_MAX 1048576
#define REASONING_HISTORY_DEFAULT 20
#define REASONING_HISTORY_MAX 100

enum health { HEALTH_EXCELLENT, HEALTH_GOOD, HEALTH_WARNING, HEALTH_CRITICAL, HEALTH_COUNT };
extern const char *const health_names[]; /* excellent, good, warning, critical, NULL */
enum urgency { URGENCY_CRITICAL, URGENCY_HIGH, URGENCY_MEDIUM, URGENCY_LOW, URGENCY_COUNT };
extern const char *const urgency_names[]; /* the priorities of G4: critical, high, medium, low, NULL */
enum category { CATEGORY_PERFORMANCE, CATEGORY_CONTENT, CATEGORY_CAMPAIGNS, CATEGORY_SYSTEM, CATEGORY_COUNT };
extern const char *const category_names[]; /* performance, content, campaigns, system, NULL */
enum level { LEVEL_LOW, LEVEL_MEDIUM, LEVEL_HIGH };
extern const char *const level_names[]; /* effort and risk: low, medium, high, NULL */
enum reasoning_engine { ENGINE_RULES, ENGINE_LLM };
extern const char *const engine_names[]; /* rules, llm, NULL */

/* G3; the answer to reasoning.summary. Lists are arrays of strings. */
struct reasoning_summary {
	unsigned overall_health; /* enum health */
	double health_score;     /* 0..100 */
	struct json key_insights; /* 3 to 5 */
	struct json concerns, positives;
	double confidence; /* 0..1: the share of what the score looks at that was known when it was made */
	struct json_time generated_at;
};
extern const struct json_table reasoning_summary_table;

/* G4. An id stays the same as long as the same thing is recommended. */
struct recommendation {
	struct span id;
	unsigned priority, category; /* enum urgency, enum category */
	struct span title, description, impact;
	unsigned effort;            /* enum level */
	struct span action_type;    /* left out: nothing that a program could do */
	struct json action_payload; /* object */
};
extern const struct json_table recommendation_table;

/* A step of G5; `step` counts from 1. `automated`: actions.approve runs it; the others are for people. */
struct plan_step {
	int64_t step;
	struct span action, description;
	bool automated;
	struct span estimated_duration; /* for people: "15 minutes" */
	struct json action_payload;     /* object */
};
extern const struct json_table plan_step_table;

/*
 * G5; the answer to reasoning.action_plan. The id stays as long as the steps stay the same, the plan is young and none
 * of its steps has an outcome: what a person looks at can be approved.
 */
struct action_plan {
	struct span plan_id, title, objective;
	struct json steps; /* array of plan_step, in order; empty when there is nothing to do */
	struct span estimated_duration;
	unsigned risk_level; /* enum level */
	bool automated;      /* every step is */
	struct json_time expires_at; /* after it no step is approved any more */
};
extern const struct json_table action_plan_table;

/* One row of the score's explanation: 100 and all points make the score, cut to 0..100. */
struct contribution {
	struct span rule;
	unsigned category;
	double points;     /* below 0: takes from the score */
	struct span detail; /* the figures that it comes from */
};
extern const struct json_table contribution_table;

/*
 * G6: gannet.<tenant>.reasoning.completed, proto/reasoning.json; the answer to reasoning.run and reasoning.last; the
 * last one is the value of <tenant>.reasoning in the bucket `latest`. One by the rules for each snapshot; a second one,
 * with `refines`, when a model's answer to the same snapshot came or failed to come.
 */
struct reasoning {
	struct span reasoning_id;
	struct json_time timestamp;
	struct json snapshot; /* proto/snapshot.json */
	const struct reasoning_summary *summary;
	struct json recommendations; /* array of recommendation, the most urgent first */
	const struct action_plan *action_plan;
	int64_t execution_time_ms;
	int64_t execution_time_us;
	unsigned engine;             /* enum reasoning_engine */
	struct span fallback_reason; /* the rules answer because the model did not: why */
	struct json score_explanation; /* array of contribution */
	struct span fingerprint;       /* of the snapshot's meaning: what is alike has the same one */
	struct span refines;           /* reasoning_id of the rules' answer to the same snapshot */
	struct span model, job_id;     /* engine llm: who answered, in which job */
	struct opt_bool cached;        /* engine llm: the answer was given to an earlier snapshot of the same meaning */
	const struct usage *usage;     /* of the job, once, where it was not cached */
	struct opt_i64 cost_nanousd;
};
extern const struct json_table reasoning_table;

/* Answer of reasoning.recommendations. */
struct recommendations_reply {
	struct span reasoning_id;
	struct json_time timestamp;
	struct json recommendations; /* array of recommendation */
};
extern const struct json_table recommendations_reply_table;

/* Nothing to say: run, last, summary, recommendations, action_plan. */
extern const struct json_table reasoning_request_table;

struct history_request {
	struct opt_i64 limit; /* 1..100, 20 */
	struct span cursor;   /* next_cursor of the page before */
	struct opt_bool full; /* with snapshot, recommendations and plan */
};
struct history_reply {
	struct json reasonings; /* array of reasoning, newest first; without those three unless `full` */
	struct span next_cursor; /* absent on the last page */
};
extern const struct json_table history_request_table, history_reply_table;

#define REASONING_KEY_BYTES (TENANT_ID_MAX + 16)
/* "<tenant>.reasoning", the key in the bucket `latest`. */
void reasoning_key(struct span tenant, char out[REASONING_KEY_BYTES]);
#define REASONING_SUBJECT_BYTES (TENANT_ID_MAX + 32)
/* "gannet.<tenant>.reasoning.completed" */
void reasoning_subject(struct span tenant, char out[REASONING_SUBJECT_BYTES]);

#endif
