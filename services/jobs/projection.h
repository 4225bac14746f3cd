/* The projection: events of jobs become records in PostgreSQL. */
#ifndef GANNET_JOBS_PROJECTION_H
#define GANNET_JOBS_PROJECTION_H

#include "bus/bus.h"
#include "estimate.h"

struct projection;

struct projection_options {
	struct bus *bus;
	const struct clock *clock;
	const char *database_url;
	int64_t jobs_created_ms;   /* birth of JOBS, part of derived job ids */
	int64_t lease_ms;          /* how long an event may be in hand before the broker hands it out again */
	struct estimate *estimate; /* told of every completion */
	/* Called on the projection's thread once the schema is there, and when the schema cannot be brought up to date. */
	void (*migrated)(void *arg);
	void (*broken)(void *arg, const struct err *err);
	void *arg;
};

/*
 * Pulls EVENTS by its durable consumer, merges batches and acknowledges a batch after its commit. Works on a thread and
 * a connection of its own; while PostgreSQL is away it keeps what it holds, renews the lease and asks for no more.
 */
enum status projection_start(const struct projection_options *o, struct projection **ret, struct err *err) must_check;
/* Waits for the next commit; false when none came in time. Any thread. */
bool projection_wait(struct projection *p, int64_t at_most_ms);
/* Writes what it holds, at most until the deadline; the rest is handed out again by the broker. */
void projection_stop(struct projection *p, int64_t deadline_mono_ms);

#endif
