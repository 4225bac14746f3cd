/* What the notifier reads and keeps: its configuration file, what it has told whom, silences, and its requests. */
#ifndef GANNET_CONTRACT_NOTIFIER_H
#define GANNET_CONTRACT_NOTIFIER_H

#include "contract/finding.h"

#define NOTIFIER_TARGETS_MAX 16
#define NOTIFIER_ROUTES_MAX 64
#define NOTIFIER_WINDOWS_MAX 64
#define NOTIFIER_NAME_MAX 32
#define NOTIFIER_RATE_MAX 1000
#define SILENCE_REASON_MAX 256
#define SILENCE_MAX_MS (366ll * 24 * 3600 * 1000)
#define FINDINGS_LIMIT_DEFAULT 100
#define FINDINGS_LIMIT_MAX 1000

/* One place that findings are filed in; `kind` is a file of services/notifier/targets. */
struct notifier_target {
	struct span name, kind;
	struct span repository; /* github: owner/name */
	struct span api_url;    /* github; https://api.github.com */
	struct span category;   /* github_discussion: name of the category */
	struct span url;        /* webhook, slack */
	struct span secret;     /* name of the environment variable (or NAME_FILE) with the token or signing key */
	struct json labels;     /* github_issue: array of strings, besides "gannet" */
	struct json group_by;   /* array: source, type, severity, label:<name>; findings alike in them share one entry */
	struct opt_i64 max_per_hour;
	struct opt_bool weekly_summary;
};
extern const struct json_table notifier_target_table;
#define NOTIFIER_MAX_PER_HOUR 20

/* Which findings go to a target; all that is given must match. */
struct notifier_route {
	struct span target;
	struct span tenant;         /* glob; any */
	struct json sources, types; /* arrays of globs; any */
	unsigned min_severity;
	struct opt_i64 min_occurrences;
};
extern const struct json_table notifier_route_table;

/* A time in which nothing new is told; what it held back is told after it, if it is still so. */
struct notifier_window {
	struct json_time from, until;
	struct span tenant;  /* glob; any */
	struct json sources; /* array of globs; any */
	struct span reason;
};
extern const struct json_table notifier_window_table;

/* The file itself: arrays of the three above. */
struct notifier_file {
	struct json targets, routes, maintenance;
};
extern const struct json_table notifier_file_table;

/* Bucket `notified`, key <tenant>.<entry>.<target>: what a target was told of an entry, so that it is told once. */
struct notified {
	struct span entry, target;
	unsigned state;        /* enum notified_state */
	struct span reference; /* the number, the discussion's id; "" when the target has none */
	struct span url;
	struct span revision; /* of the text that was told last */
	unsigned severity;    /* the highest that was told */
	struct json_time opened_at, updated_at;
};
/* pending: begun and not known to have ended. */
enum notified_state { NOTIFIED_PENDING, NOTIFIED_OPEN, NOTIFIED_CLOSED };
extern const char *const notified_state_names[];
extern const struct json_table notified_table;

/*
 * Bucket `silences`, key <tenant>.<fingerprint>: not told until then. With `from` it is a window of maintenance that was
 * asked for: `fingerprint` is its name, and it is about all findings of the sources.
 */
struct silence {
	struct span fingerprint;
	struct json_time from, until, at;
	struct json sources; /* array of globs; any */
	struct span reason, by;
};
extern const struct json_table silence_table;

/* gannet.<tenant>.findings.<verb> */
struct findings_request {
	struct span fingerprint;     /* get, silence; unsilence, also a window's */
	struct span source, type;    /* list */
	unsigned min_severity;       /* list */
	struct opt_i64 limit;        /* list */
	struct json_time from;       /* maintain; now */
	struct json_time until;      /* silence, maintain */
	struct json sources;         /* maintain: array of globs; any */
	struct span reason, by;      /* silence, maintain */
};
extern const struct json_table findings_list_request_table, findings_get_request_table, findings_silence_request_table,
    findings_unsilence_request_table, findings_maintain_request_table, findings_maintenance_request_table;

struct findings_reply {
	struct json findings; /* list: array of {finding, silenced_until, held_back, notified} */
	int64_t total;
	struct json finding;             /* get */
	struct json_time silenced_until; /* get, silence */
	bool held_back;                  /* get: by maintenance */
	struct json notified;            /* get: array of notified */
	struct span fingerprint;         /* silence, unsilence; maintain: the window's name */
	struct json_time from, until;    /* maintain */
	struct json windows;             /* maintenance: array of {from, until, sources, reason, by, fingerprint}, by hand only with the last */
};
extern const struct json_table findings_list_reply_table, findings_get_reply_table, findings_silence_reply_table,
    findings_unsilence_reply_table, findings_maintain_reply_table, findings_maintenance_reply_table;

#endif
