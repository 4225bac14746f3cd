/* The projection: events of jobs become records in PostgreSQL. */
#ifndef GANNET_JOBS_PROJECTION_H
#define GANNET_JOBS_PROJECTION_H

#include "bus/bus.h"
#include "estimate.h"
#include "store/store.h"

struct projection;

struct projection_options {
	struct bus *bus;
	const struct clock *clock;
	const char *database_url;
	int64_t jobs_created_ms;   /* birth of JOBS, part of derived job ids */
	int64_t lease_ms;          /* after so long of silence the replica that records is replaced */
	struct estimate *estimate; /* told of every completion that this replica records */
	/* Called on the projection's thread once the schema is there, and when the schema cannot be brought up to date. */
	void (*migrated)(void *arg);
	void (*broken)(void *arg, const struct err *err);
	void *arg;
};

/*
 * Reads EVENTS behind the position that PostgreSQL keeps, merges batches and moves the position in the same transaction.
 * One replica does so at a time; when its connection to PostgreSQL ends, another one takes over. Works on a thread and a
 * connection of its own; while PostgreSQL is away it keeps what it holds and reads no more than fits beside it.
 */
enum status projection_start(const struct projection_options *o, struct projection **ret, struct err *err) must_check;
/*
 * Waits for the next commit; false when none came in time. In a replica that does not record, a short while: true, look
 * again. Any thread.
 */
bool projection_wait(struct projection *p, int64_t at_most_ms);
/* How far the records are, by what PostgreSQL has: of the EVENTS of this birth, everything up to the sequence. */
enum status projection_place(struct store *s, int64_t *ret_created_ms, uint64_t *ret_sequence, struct err *err) must_check;
/* For service_add_check(): what the latest try to record failed of, until one goes well. */
enum status projection_check(void *projection, struct err *err);
/* Ends after the batch at hand; the next to record goes on behind the last commit. */
void projection_stop(struct projection *p);

#endif
