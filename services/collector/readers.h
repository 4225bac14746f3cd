/* A thread for each source, so that none waits for another; gathering asks all of them at once. */
#ifndef GANNET_COLLECTOR_READERS_H
#define GANNET_COLLECTOR_READERS_H

#include "services/collector/config.h"

/*
 * A reading that is late is given up by whoever waits for it, while the source's thread goes on until its own
 * time-outs; until then that source counts as late again. Thread-safe: several may gather at once, and share what is
 * being read.
 */
struct readers;

enum status readers_start(const struct config *c, struct readers **ret, struct err *err) must_check;
/* Waits for readings in hand, at most about the longest deadline. NULL is fine. */
void readers_stop(struct readers *r);

/* What became of a source in one gathering. */
enum gathered {
	GATHERED_NONE,  /* another tenant's */
	GATHERED_FRESH, /* it answered, be it with an error */
	GATHERED_KEPT,  /* not its turn: what it said last still holds */
	GATHERED_LATE,
};
struct gathering {
	int64_t began_mono_ms;
	enum gathered of[SOURCES_MAX];
};
/* Reads the sources of `tenant`, or of all (NULL), and waits for them, each until its deadline. */
void readers_gather(struct readers *r, const char *tenant, struct gathering *ret);

/* A tenant's part of a gathering. */
struct gathered_counts {
	size_t ok, stale, errors; /* metrics */
};
/* Writes it as a snapshot (proto/snapshot.json). */
enum status readers_compose(struct readers *r, const struct gathering *g, const char *tenant, const char *snapshot_id,
                            struct buf *out, struct gathered_counts *ret, struct err *err) must_check;

/* How many sources failed when they were asked last, and some of their names. */
size_t readers_failing(struct readers *r, char *names, size_t bytes);

#endif
