/* The configuration of watchers: one file of thresholds, models, switches, schedules and watches. */
#ifndef GANNET_CONTRACT_WATCHERS_H
#define GANNET_CONTRACT_WATCHERS_H

#include "contract/watch.h"
#include "core/cron.h"

#define WATCHERS_FILE_MAX ((size_t)1 << 20)
#define WATCHES_MAX 64
#define SCHEDULES_MAX 64
#define SCHEDULE_NEVER "never"

enum source_type { SOURCE_GITHUB, SOURCE_PROMETHEUS, SOURCE_LOGS };
extern const char *const source_type_names[];

/* Thresholds in the configuration of watchers. proto/watchers.thresholds.json */
struct watchers_thresholds {
	struct opt_i64 deploy_failures;       /* Failed deploys or CI runs within the deploy window that matter. */
	struct opt_f64 latency_spike_percent; /* How much longer than before requests take. */
	struct opt_f64 error_rate_percent;    /* How many requests in a hundred fail. */
	struct opt_i64 recurring_patterns;    /* How often a message recurs to be a pattern. */
	struct opt_i64 requests_min;          /* Requests in the window without which nothing is judged. */
};

/* A schedule in the configuration of watchers. proto/watchers.schedule.json */
struct watchers_schedule {
	struct span name; /* Its name. */
	/* minute hour day month weekday, or @daily and the like; a sixth field in front is the second. */
	struct span cron;
	struct span zone; /* The time zone it is meant in. */
};

/* A watch in the configuration of watchers. proto/watchers.watch.json */
struct watchers_watch {
	struct span name;        /* Its name, unique in the file. */
	struct span watcher;     /* What kind: contract, diagnosis, integrity. */
	struct span schedule;    /* The name of a schedule, or never; without it, what the watcher is used to. */
	struct opt_bool enabled; /* False keeps it in the file without running it on schedule. */
	struct span tenant;      /* Whose findings these are; without it, the tenant of the file. */
	struct json options;     /* What the watcher wants to know. */
};

/* The configuration of gannet-watchers, the file that GANNET_WATCHERS names. proto/watchers.config.json */
struct watchers_config_file {
	struct span project_ref;                      /* A name of the project, shown with findings. */
	struct span tenant;                           /* Whose findings these are. */
	struct json models;                           /* Models by purpose: reasoning, embeddings. */
	const struct watchers_thresholds *thresholds; /* What counts as trouble. */
	/* Switches by name: self_diagnosis, integrity; a watcher whose switch is false does not run. */
	struct json features;
	/* Schedules besides the built-in quarter-hourly, hourly, daily, nightly and weekly-audit; the same name replaces one. */
	struct json schedules;
	struct json watches; /* What is watched. */
};

/* Options of the watcher integrity. proto/watchers.integrity.json */
struct integrity_options {
	struct span dsn;         /* The database: postgresql://… or a keyword string, without a password. */
	struct span dsn_env;     /* The environment variable that holds it; DATABASE_URL when both are left out. */
	struct json schemas;     /* Schemas to look at; without it, all but the system's. */
	struct json exclude;     /* Tables to leave out: schema.table, * stands for any run of characters. */
	struct json checks;      /* Checks to run; without it, all. */
	struct json skip;        /* Checks not to run. */
	struct opt_i64 max_rows; /* Larger tables are sampled down to about so many rows. */
	struct opt_i64 statement_timeout_ms;   /* A statement that takes longer is given up, and said to be. */
	struct opt_i64 load_percent;           /* The share of the time in which statements run; the rest is waited. */
	struct opt_i64 sequence_percent;       /* How much of a sequence is used when it is said to be near its end. */
	struct opt_i64 wraparound_percent;     /* How much of the way to transaction id wraparound. */
	struct opt_i64 unused_index_min_bytes; /* Smaller indexes may be unused. */
	struct opt_i64 unused_index_min_days;  /* For how long the server has counted uses, at least. */
	struct opt_bool undeclared_references; /* Whether orphans are looked for along references that are not declared. */
	struct json rules;                     /* One's own checks, watchers.rule each. */
	struct span rules_file;                /* A JSON file that holds {"rules": [...]} besides. */
};

/* A rule of one's own, of the watcher integrity: either sql, or table, column and a condition. proto/watchers.rule.json */
struct integrity_rule {
	struct span name;        /* Its name. */
	struct span description; /* What it means when it is broken. */
	unsigned severity;       /* How much it matters. */
	struct span sql;         /* A SELECT that returns the rows that break it. */
	struct span table;       /* Or a table, schema.table, */
	struct span column;      /* and a column of it, of which: */
	bool not_null;           /* it is never null; */
	bool unique;             /* no value comes twice; */
	struct opt_f64 min;      /* no number is less; */
	struct opt_f64 max;      /* no number is greater; */
	struct span matches;     /* every value matches this regular expression of PostgreSQL; */
	struct json values;      /* every value is one of these; */
	struct span references;  /* every value is one of this other schema.table.column. */
};

/* Options of the watcher diagnosis. proto/watchers.diagnosis.json */
struct diagnosis_settings {
	struct opt_i64 window_minutes;      /* The last minutes, which are judged. */
	struct opt_i64 slice_minutes;       /* How finely time is cut. */
	struct opt_i64 baseline_hours;      /* How far back is looked for what is usual. */
	struct opt_i64 deploy_window_hours; /* In which failures of deploys and CI runs are counted. */
	struct opt_bool signals;            /* Whether what applications publish on gannet.<tenant>.signals is read. */
	struct json sources;                /* What is asked besides, watchers.source each. */
};

/* Something that the watcher diagnosis asks. proto/watchers.source.json */
struct diagnosis_source {
	unsigned type;          /* What kind. */
	struct span url;        /* github: the API, https://api.github.com when left out. prometheus: the server. */
	struct span token_env;  /* The environment variable that holds the token. */
	struct span repository; /* github: owner/name. */
	struct span branch;     /* github: runs of this branch only. */
	struct span service;    /* What the figures or lines are of. */
	struct span endpoint;   /* And what part of it. */
	struct span
	    latency_query; /* prometheus: a query for milliseconds; labels service and endpoint tell series apart. */
	struct span requests_query; /* prometheus: a query for requests per second. */
	struct span errors_query;   /* prometheus: a query for failed requests per second. */
	struct json paths;          /* logs: files, * and ? as in the shell. */
	struct opt_i64 max_bytes;   /* logs: of each file, the last bytes. */
};

extern const struct json_table watchers_thresholds_table, watchers_schedule_table, watchers_watch_table,
    watchers_config_table, watchers_integrity_table, watchers_rule_table, watchers_diagnosis_table,
    watchers_source_table;

/* The file as it is used: defaults filled in, names resolved. */
struct watchers_config {
	struct span project_ref, tenant;
	struct json models, features;
	struct watchers_thresholds thresholds; /* every member set */
	struct watchers_schedule schedules[SCHEDULES_MAX];
	struct cron crons[SCHEDULES_MAX];
	size_t schedules_n;
	struct watchers_watch watches[WATCHES_MAX]; /* tenant set */
	size_t watches_n;
};

/*
 * Reads a file strictly into `ret`; texts point into the document or the arena. Errors have `field` set to the path of
 * the member, "watches[2].schedule". That a watcher of this name exists, and what is in its options, is the service's to
 * check.
 */
enum status watchers_config_read(struct span document, struct arena *a, struct watchers_config *ret,
                                 struct err *err) must_check;
/* The index of a schedule by name; SIZE_MAX when there is none. */
size_t watchers_schedule_index(const struct watchers_config *c, struct span name);
/* False only when the switch is in the file and off. */
bool watchers_feature_is_on(const struct watchers_config *c, const char *name);

/* Decodes items[i] of an array strictly; errors carry "<where>[i].<member>". */
enum status watchers_item(const struct json_table *t, struct json item, const char *where, size_t i, struct arena *a,
                          void *ret, struct err *err) must_check;

#endif
