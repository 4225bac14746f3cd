/* What a watcher found: one message per finding and change of it, told apart by its fingerprint. */
#ifndef GANNET_CONTRACT_FINDING_H
#define GANNET_CONTRACT_FINDING_H

#include "core/id.h"
#include "json/table.h"

#define FINDING_FINGERPRINT_MAX 64
#define FINDING_SOURCE_MAX 32
#define FINDING_TITLE_MAX 200
#define FINDING_TEXT_MAX 16384     /* bytes of description and of recommendation */
#define FINDING_EVIDENCE_MAX 65536 /* bytes of the evidence object as written */

enum severity { SEVERITY_LOW, SEVERITY_MEDIUM, SEVERITY_HIGH, SEVERITY_CRITICAL, SEVERITY_COUNT };
extern const char *const severity_names[]; /* low, medium, high, critical, NULL */

/* `resolved` takes an open finding of the same fingerprint back: what was wrong is not so any more. */
enum finding_status { FINDING_OPEN, FINDING_RESOLVED };
extern const char *const finding_status_names[];

/*
 * gannet.<tenant>.findings.<source>.<severity>, proto/finding.json. The fingerprint names what is wrong and where, never
 * how badly or when, so that the same trouble found again has the same one: finding_fingerprint() makes it. A source
 * publishes when a finding opens, when it matters more or less than before, and when it is resolved; not every time it
 * looks.
 */
struct finding {
	struct span fingerprint, source, type; /* type: what kind of finding, a-z 0-9 _ - */
	unsigned severity, status;
	struct span title;          /* one line */
	struct span description;    /* Markdown */
	struct span recommendation; /* Markdown: what to do */
	struct json evidence;       /* object: the figures, samples and statements that show it */
	int64_t occurrences;        /* 1 or more */
	struct json_time first_seen, timestamp;
	struct json labels; /* object of strings: service, table, endpoint, model … */
};
extern const struct json_table finding_table;

/* A label of what was resolved although nobody knows whether it is mended. */
#define FINDING_RESOLUTION "resolution"
#define FINDING_UNWATCHED "unwatched" /* its watch was taken out of the configuration */

#define FINDING_FINGERPRINT_BYTES 25
/* 24 hex digits of a hash over the parts, each of which is told apart from its neighbours. */
void finding_fingerprint(const struct span *parts, size_t n, char out[FINDING_FINGERPRINT_BYTES]);

#define FINDING_SUBJECT_BYTES 112
void finding_subject(struct span tenant, const struct finding *f, char out[FINDING_SUBJECT_BYTES]);

#endif
