/* Self-diagnosis: what deploys, CI runs, request times, errors and logs of some days say about the last minutes. */
#ifndef GANNET_DIAGNOSE_DIAGNOSE_H
#define GANNET_DIAGNOSE_DIAGNOSE_H

#include "core/arena.h"
#include "json/json.h"

/*
 * The thresholds are those of the requirement; that one is exceeded is decided on robust ground: against the median of
 * earlier time slices and their spread, with enough requests, and when chance alone would hardly do it. What is open
 * already stays so until it is well below the threshold again. Pure; not thread-safe; one conclusion per object.
 */
struct diagnosis;

enum diagnosis_kind { DIAGNOSIS_DEPLOY, DIAGNOSIS_CI };

struct diagnosis_options {
	int64_t now_ms;
	int64_t baseline_ms; /* how far back facts count */
	int64_t window_ms;   /* what is judged: the last minutes */
	int64_t slice_ms;
	int64_t deploy_window_ms; /* in which failures of deploys and CI runs are counted */
	int64_t deploy_failures;
	double latency_spike_percent, error_rate_percent;
	int64_t recurring;    /* occurrences that make a pattern */
	int64_t requests_min; /* in the window, for a judgement */
	/* Whether what has this key was open before; NULL: nothing was. */
	bool (*is_open)(void *arg, const char *key);
	void *arg;
};
/* now_ms set, all else as the requirement and common sense have it. */
struct diagnosis_options diagnosis_defaults(int64_t now_ms);

#define DIAGNOSIS_PLACES_MAX 256 /* services and endpoints; facts of further ones are counted in `left_out` */
#define DIAGNOSIS_RUNS_MAX 20000 /* deploys and CI runs */

struct diagnosis *diagnosis_new(const struct diagnosis_options *o);
void diagnosis_free(struct diagnosis *d); /* NULL is fine */

/* ---- facts, in any order; texts are copied; what lies outside of the baseline or in the future is passed over */

enum diagnosis_outcome { OUTCOME_SUCCESS, OUTCOME_FAILURE, OUTCOME_NEITHER };
struct diagnosis_run {
	enum diagnosis_kind kind;
	struct span where; /* the service, or repository and workflow */
	struct span environment, version, commit, error;
	enum diagnosis_outcome outcome;
	int64_t at_ms; /* when it ended */
};
void diagnosis_add_run(struct diagnosis *d, const struct diagnosis_run *r);
/* `requests` of about `ms`; `failed` of them failed. ms < 0: not known. */
void diagnosis_add_requests(struct diagnosis *d, struct span service, struct span endpoint, int64_t at_ms, double ms,
                            int64_t requests, int64_t failed);
/* Errors told apart from requests; `message` may be absent. */
void diagnosis_add_errors(struct diagnosis *d, struct span service, struct span endpoint, int64_t at_ms, int64_t errors,
                          struct span message);
/* A line of a log; only those that speak of an error count. */
void diagnosis_add_line(struct diagnosis *d, struct span source, int64_t at_ms, struct span line);
bool diagnosis_is_error_line(struct span line);

/* ---- conclusions, valid until diagnosis_free() */

enum diagnosis_status { DIAGNOSIS_HEALTHY, DIAGNOSIS_WARNING, DIAGNOSIS_CRITICAL };
extern const char *const diagnosis_status_names[]; /* healthy, warning, critical, NULL */

struct diagnosis_metric {
	const char *metric_type; /* deploy_failures, ci_failures, latency_spike, error_rate */
	double value, threshold;
	unsigned severity; /* index of severity_names */
	struct span recommendation;
	/* Not part of the report, but of the finding. */
	const char *key; /* metric_type and place: what is_open() is asked */
	struct span title, description;
	struct span service, endpoint;
	struct span evidence; /* a JSON object */
};
struct diagnosis_pattern {
	const char *type; /* recurring_deploy_failure, recurring_ci_failure, recurring_error, recurring_log_error */
	int64_t occurrences;
	struct span description;
	unsigned severity;
	const char *key;
	struct span where;
	int64_t first_ms, last_ms, before; /* before: how often in the baseline before the window */
};
struct diagnosis_action {
	const char *type;     /* github_issue, review_deploy */
	const char *priority; /* low, medium, high, critical */
	struct span payload;  /* a JSON object */
};
struct diagnosis_report {
	enum diagnosis_status status;
	struct diagnosis_metric *metrics;
	struct diagnosis_pattern *patterns;
	struct diagnosis_action *actions;
	size_t metrics_n, patterns_n, actions_n;
	int64_t facts, left_out;
};
#define DIAGNOSIS_PATTERNS_MAX 50 /* in a report, the most frequent first */
const struct diagnosis_report *diagnosis_conclude(struct diagnosis *d);
/* {status, metrics, patterns, actions} as proto/diagnosis.json says. */
void diagnosis_write(const struct diagnosis_report *r, struct json_writer *w);

#endif
