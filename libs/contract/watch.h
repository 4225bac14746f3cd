/* Watches: runs of them, requests about them, and what they keep. */
#ifndef GANNET_CONTRACT_WATCH_H
#define GANNET_CONTRACT_WATCH_H

#include "json/table.h"

#define WATCH_NAME_MAX 40
#define WATCH_RESULT_MAX 262144 /* bytes of a result as written */
#define WATCH_HISTORY_DEFAULT 20
#define WATCH_HISTORY_MAX 500

/* 1 to 40 of a-z 0-9 _ - */
const char *check_watch_name(struct span s);

enum watch_trigger { WATCH_SCHEDULE, WATCH_HAND };
enum watch_status { WATCH_QUEUED, WATCH_RUNNING, WATCH_COMPLETED, WATCH_FAILED };
extern const char *const watch_trigger_names[], *const watch_status_names[];

/* A run of a watch, in the bucket watches under <tenant>.<run_id>. */
struct watch_record {
	struct span run_id;           /* The watch and the moment of the turn. */
	struct span watch;            /* Which watch. */
	struct span watcher;          /* What kind of watcher it is. */
	unsigned trigger;             /* What started it. */
	unsigned status;              /* How far it is. */
	struct json_time turn_at;     /* The moment of its turn. */
	struct json_time started_at;  /* When it was begun. */
	struct json_time finished_at; /* When it ended. */
	struct opt_i64 duration_ms;   /* How long it took. */
	struct span instance;         /* Which replica did it. */
	struct opt_i64 delivery;      /* 1, or more when a replica before died with it. */
	struct opt_i64 percent;       /* How much of it is done. */
	struct span step;             /* What it does now. */
	struct opt_i64 opened;        /* Findings that are new. */
	struct opt_i64 changed;       /* Findings that matter more or less than before. */
	struct opt_i64 resolved;      /* Findings that are no more. */
	struct opt_i64 open;          /* Findings that are open now. */
	struct span summary;          /* What came of it, in one line. */
	struct span error;            /* Why it failed. */
	struct json result;           /* The whole result, as the watcher describes it. */
};

/* Run a watch now: gannet.<tenant>.watch.run. */
struct watch_run_request {
	struct span name; /* Which watch. */
};

/* A run is queued. */
struct watch_run_reply {
	struct span run_id; /* To ask for with watch.get. */
	struct span watch;  /* Which watch. */
	struct span status; /* queued. */
};

/* A run and its result: gannet.<tenant>.watch.get. */
struct watch_get_request {
	struct span run_id; /* Which run. */
};

/* The watches of a tenant: gannet.<tenant>.watch.list. */
struct watch_list_request {
	bool unused;
};

/* The watches, when they run next, and what the last run came to. */
struct watch_list_reply {
	bool configured; /* Whether there is a configuration at all. */
	/* Something to know about the configuration: that there is none, or that the last one was refused and why. */
	struct span message;
	/* One for each watch: name, watcher, schedule, cron, zone, enabled, next_at, and last (a run without its result). */
	struct json watches;
};

/* Past runs, the latest first: gannet.<tenant>.watch.history. */
struct watch_history_request {
	struct span name;     /* Of one watch only. */
	struct opt_i64 limit; /* How many; 20 when left out. */
};

/* Past runs. */
struct watch_history_reply {
	struct json runs; /* Runs without their results. */
};

/* How far a run is, on gannet.<tenant>.watch.progress.<run_id>; not stored. */
struct watch_progress {
	struct span run_id;         /* Which run. */
	struct span watch;          /* Of which watch. */
	int64_t percent;            /* How much is done. */
	struct span step;           /* What it does now. */
	struct json_time timestamp; /* When. */
};

/* What a table was like in earlier runs, in the bucket watch_profiles. */
struct watch_profile {
	struct span watch;   /* Which watch. */
	struct span table;   /* Which table. */
	struct json history; /* The latest first: at, rows, and columns by name with nulls, rows, low, high and forms. */
};

/* The result of a self-diagnosis. */
struct diagnosis_result {
	unsigned status;      /* How things are. */
	struct json metrics;  /* What is out of the ordinary. */
	struct json patterns; /* What recurs. */
	struct json actions;  /* What to do. */
};

extern const struct json_table watch_record_table, watch_get_reply_table, watch_run_request_table,
    watch_run_reply_table, watch_get_request_table, watch_list_request_table, watch_list_reply_table,
    watch_history_request_table, watch_history_reply_table, watch_progress_table, watch_profile_table, diagnosis_table;

#endif
