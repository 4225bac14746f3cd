/* What the files of this library share; not for others. */
#ifndef GANNET_DIAGNOSE_INTERNAL_H
#define GANNET_DIAGNOSE_INTERNAL_H

#include "core/map.h"
#include "diagnose/diagnose.h"
#include "diagnose/patterns.h"

#define SLICE_SAMPLES 16 /* request times kept of a slice of one place */
#define SLICE_MIN 3      /* requests of known time that make a slice count */

struct slice {
	int64_t requests, failed, errors;
	int64_t timed; /* of known time */
	float samples[SLICE_SAMPLES];
	uint8_t samples_n;
};

/* A service or an endpoint of it. */
struct place {
	struct span service, endpoint;
	struct slice **slices; /* NULL where nothing happened */
};

/* All runs of one service or workflow. */
struct runs {
	enum diagnosis_kind kind;
	struct span where;
	struct diagnosis_run *all;
	size_t n, cap;
};

/* Messages of one kind from one place, as patterns. */
struct messages {
	const char *type;
	struct span where;
	struct patterns *patterns;
	int64_t *recent; /* by pattern: occurrences in the window */
	size_t cap;
};

struct diagnosis {
	struct diagnosis_options o;
	struct arena arena;
	int64_t begin_ms;
	size_t slices_n, window_n; /* in all; the last ones that are judged */
	struct map places, runs, messages;
	size_t runs_n;
	uint64_t random;
	int64_t facts, left_out;
	struct diagnosis_report report;
	size_t metrics_cap, patterns_cap, actions_cap;
};

/* facts.c */
void messages_add(struct diagnosis *d, const char *type, struct span where, int64_t at_ms, struct span text);

/* report.c: room for one more, zeroed. */
struct diagnosis_metric *report_metric(struct diagnosis *d);
struct diagnosis_pattern *report_pattern(struct diagnosis *d);
struct diagnosis_action *report_action(struct diagnosis *d);
bool was_open(const struct diagnosis *d, const char *key);
/* "checkout GET /pay", "checkout" */
struct span place_name(struct diagnosis *d, const struct place *p);
struct span moment_text(struct diagnosis *d, int64_t ms);

/* One judge per file: adds what it finds to the report. */
void judge_deploys(struct diagnosis *d);
void judge_latency(struct diagnosis *d, const struct place *p);
void judge_errors(struct diagnosis *d, const struct place *p);
void judge_messages(struct diagnosis *d);

/* deploys.c: the run after which something changed; NULL when none is near. The same service is preferred. */
const struct diagnosis_run *deploy_before(struct diagnosis *d, struct span service, int64_t changed_ms);

#endif
