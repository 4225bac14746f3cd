/* What one reading of a source brought: a value for each of its metrics, each checked as its metric wants it. */
#ifndef GANNET_COLLECTOR_READING_H
#define GANNET_COLLECTOR_READING_H

#include "contract/snapshot.h"

struct source;

#define READING_PROBLEM_BYTES 160
#define READING_MEMBERS_MAX 256    /* platforms, clips, rules: members of one object metric */
#define READING_EVENT_MAX 4096     /* bytes of one recent event as written; longer ones are left out */

struct reading_value {
	enum { VALUE_MISSING, VALUE_BAD, VALUE_NONE, VALUE_THERE } is; /* NONE: the source says that there is none */
	struct json json;
};

/* Owned by one reader. `problem` is fit for everybody's eyes: our own words, and numbers. */
struct reading {
	const struct source *source;
	struct arena arena;            /* the values' memory */
	struct reading_value *values;  /* one for each of source->fields */
	char problem[READING_PROBLEM_BYTES];
	int64_t at_mono_ms; /* when it was finished */
	bool failed;        /* as a whole */
};

void reading_init(struct reading *r, const struct source *s);
void reading_free(struct reading *r);

/*
 * Gives metric `i` a value. JSON null: there is none. Counts take whole numbers from 0 on, flags also 0 and 1, times
 * also seconds since 1970. What does not fit costs this metric alone, and its reason is noted.
 */
void reading_put(struct reading *r, size_t i, struct json v);
void reading_put_number(struct reading *r, size_t i, double v);
/* The metric is not to be had; `why` in our own words. */
void reading_bad(struct reading *r, size_t i, const char *why);

/* Notes what is said of a failure in the snapshot; the first one counts. Never texts that came from outside. */
void reading_fail(struct reading *r, const char *fmt, ...) printf_like(2, 3);
/* The failure of the whole reading; without a note, what its status means. */
void reading_failed(struct reading *r, enum status status);

/* The metrics that a source may provide: the row of a member of struct snapshot, NULL for any other name. */
const struct json_field *metric_known(struct span name);
/* For a name that is no member: NULL, or what is allowed. */
const char *metric_check_additional(struct span name);

#endif
