/* What a watcher is, and what it can do while it looks. */
#ifndef GANNET_WATCHERS_WATCHER_H
#define GANNET_WATCHERS_WATCHER_H

#include "contract/finding.h"
#include "services/watchers/watchers.h"

#define RUN_FINDINGS_MAX 1000 /* of one run; further ones are counted in its summary */

/* Something found, before it is known whether it is new. Texts are kept in the run's arena. */
struct draft {
	struct span key; /* what is wrong and where; makes the fingerprint together with the watch */
	const char *type;
	unsigned severity;
	struct span title, description, recommendation;
	struct span evidence; /* a JSON object, or absent */
	struct span area;     /* what was looked at: see run_unsure() */
	const char *label;    /* a label of its own, such as table or service, with `place`; or NULL */
	struct span place;
};

/* One turn of a watch, in hand. */
struct watch_run {
	struct watchers *w;
	const struct watchers_config *config;
	const struct watchers_watch *watch;
	const struct watcher *watcher;
	const struct schedule_turn *turn;
	struct arena *arena; /* lives as long as the run */
	char run_id[JOB_ID_MAX + 1];
	struct buf result; /* a JSON object, the watcher's to write; may stay empty */
	char summary[500];

	/* The rest belongs to run.c and findings.c. */
	struct draft *drafts;
	size_t drafts_n, drafts_cap, left_out;
	struct span *unsure;
	size_t unsure_n;
	struct open_finding *open;
	struct watch_record *record;
	int64_t told_mono_ms, touched_mono_ms;
	int percent;
	char step[200];
};

/* To be called between pieces of work: keeps the lease and the record; true when the run is to end now with CANCELLED. */
bool run_pause(struct watch_run *r);
/* How far it is. */
void run_step(struct watch_run *r, int percent, const char *step);
void run_found(struct watch_run *r, const struct draft *d);
/* What lies in this area could not be looked at: open findings of it stay open. */
void run_unsure(struct watch_run *r, struct span area);
/* Whether the finding of this key was open before. */
bool run_was_open(const struct watch_run *r, const char *key);

/*
 * A watcher is one file in watchers/ that defines `const struct watcher watcher_<file>`; make gathers them. Its source
 * of findings is its name.
 */
struct watcher {
	const char *name, *summary;
	const char *source;   /* of its findings; NULL: its name */
	const char *schedule; /* the schedule of a watch that names none */
	const char *feature;  /* the switch in `features` */
	/* MUST. Whether the options of a watch make sense; errors name the member. */
	enum status (*check)(struct json options, struct arena *a, struct err *err);
	/* MUST. Looks, and tells by run_found(). An error makes the run failed and resolves nothing. */
	enum status (*run)(struct watch_run *r, struct err *err);
};
extern const struct watcher *const watcher_kinds[];
extern const size_t watcher_kinds_n;
const struct watcher *watcher_named(struct span name); /* NULL when there is none */

/* findings.c */
enum status findings_load(struct watch_run *r, struct err *err) must_check;
/* Publishes what opened, changed and is no more; counts go into the record. */
enum status findings_settle(struct watch_run *r, struct err *err) must_check;
void findings_free(struct watch_run *r);

/* A finding of a watch, as the bucket has it. */
struct finding_kept {
	struct span tenant, watch;
	struct finding finding; /* open, or resolved and not yet taken away */
	uint64_t revision;
};
/* Those that match the filter, in `a`; `each` is called on a thread of the client, until this returns. */
enum status findings_each(struct bus *b, const char *filter, struct arena *a,
                          void (*each)(void *arg, const struct finding_kept *k), void *arg, struct err *err) must_check;
/* Stored when this returns OK. The same of one `turn` is stored once. */
enum status finding_publish(struct bus *b, struct span tenant, const struct finding *f, const char *turn,
                            struct err *err) must_check;

#endif
