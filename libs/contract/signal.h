/* What applications tell of themselves on gannet.<tenant>.signals.<type>: deploys, CI runs, request times, errors. */
#ifndef GANNET_CONTRACT_SIGNAL_H
#define GANNET_CONTRACT_SIGNAL_H

#include "json/table.h"

enum deploy_status { DEPLOY_STARTED, DEPLOY_SUCCEEDED, DEPLOY_FAILED, DEPLOY_ROLLED_BACK, DEPLOY_CANCELLED };
enum ci_status { CI_QUEUED, CI_IN_PROGRESS, CI_COMPLETED };
enum ci_conclusion {
	CI_NONE,
	CI_SUCCESS,
	CI_FAILURE,
	CI_CANCELLED,
	CI_TIMED_OUT,
	CI_SKIPPED,
	CI_NEUTRAL,
	CI_ACTION_REQUIRED,
	CI_STARTUP_FAILURE,
	CI_STALE
};
extern const char *const deploy_status_names[], *const ci_status_names[], *const ci_conclusion_names[];

/* A deploy of an application, on gannet.<tenant>.signals.deploy. proto/signal.deploy.json */
struct signal_deploy {
	struct span service;          /* What was deployed. */
	struct span environment;      /* Where to: production, staging. */
	unsigned status;              /* What became of it. */
	struct span version;          /* Its version. */
	struct span commit;           /* The commit it was built from. */
	struct span error;            /* Why it failed, in one line. */
	struct span url;              /* Where to read more. */
	struct json_time started_at;  /* When it began. */
	struct json_time finished_at; /* When it ended. */
	struct json_time timestamp;   /* When this was said; without it, when it was stored. */
};

/* A run of a CI workflow, on gannet.<tenant>.signals.ci_run. proto/signal.ci_run.json */
struct signal_ci_run {
	struct span repository;       /* owner/name. */
	struct span workflow;         /* Which workflow. */
	struct span branch;           /* The branch. */
	struct span commit;           /* The commit. */
	unsigned status;              /* How far it is. */
	unsigned conclusion;          /* How it ended. */
	struct span run_id;           /* Its number where it ran. */
	struct opt_i64 attempt;       /* Which attempt. */
	struct span error;            /* Why it failed, in one line. */
	struct span url;              /* Where to read more. */
	struct json_time started_at;  /* When it began. */
	struct json_time finished_at; /* When it ended. */
	struct json_time timestamp;   /* When this was said; without it, when it was stored. */
};

/* How long a request took, or several, on gannet.<tenant>.signals.latency. proto/signal.latency.json */
struct signal_latency {
	struct span service;        /* Who answered. */
	struct span endpoint;       /* What was asked for: a method and a route, never a path with ids. */
	struct opt_f64 duration_ms; /* How long one request took. */
	struct opt_f64 p50_ms;      /* Or the median of several. */
	struct opt_i64 count;       /* How many requests this is about; 1 when left out. */
	struct opt_i64 failed;      /* How many of them failed. */
	struct opt_i64 status;      /* The HTTP status of one request; 500 and above is a failure. */
	struct json_time timestamp; /* When it was answered; without it, when it was stored. */
};

/* An error of an application, on gannet.<tenant>.signals.error. proto/signal.error.json */
struct signal_error {
	struct span service;        /* Whose error. */
	struct span endpoint;       /* What was asked for. */
	struct span message;        /* One line; numbers and ids in it do not matter. */
	struct span code;           /* A name for the kind of error. */
	struct opt_i64 count;       /* How many there were; 1 when left out. */
	struct opt_i64 requests;    /* In how many requests, if no latency signals tell of these. */
	struct json_time timestamp; /* When it happened; without it, when it was stored. */
};

extern const struct json_table signal_deploy_table, signal_ci_run_table, signal_latency_table, signal_error_table;

#endif
