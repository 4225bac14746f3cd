/* A batch of events on its way to PostgreSQL: taken in, folded, written, acknowledged. */
#ifndef GANNET_JOBS_BATCH_H
#define GANNET_JOBS_BATCH_H

#include "bus/pull.h"
#include "estimate.h"
#include "fold.h"

#define BATCH_EVENTS FOLD_EVENTS_MAX
#define BATCH_BYTES ((size_t)24 << 20) /* payload; one more event may go past it */

/* Empty when zeroed but for the members of the first block. Belongs to one thread; too big for a stack. */
struct batch {
	struct bus *bus;
	const struct clock *clock;
	struct estimate *estimate; /* told of every final event */
	int64_t jobs_created_ms;   /* birth of JOBS, part of derived job ids */

	struct held {
		struct bus_delivery delivery;
		uint32_t record; /* index into the fold */
		bool is_job, is_final;
	} held[BATCH_EVENTS];
	size_t n, bytes;
	struct fold fold;
	struct arena arena;
	struct buf rows;
	bool refused[BATCH_EVENTS]; /* by record: PostgreSQL cannot take it, now or later */
};

/* Once in a process, before threads. */
void batch_register_metrics(void);
/* Takes the event over; false when the batch is full. */
bool batch_add(struct batch *b, const struct bus_delivery *d);
/* Decodes all events into records. What nobody can read is logged, counted and never comes again. */
void batch_fold(struct batch *b);
/*
 * Writes all records in one transaction; records that PostgreSQL refuses for what they are, are found by halving and left out. Any other
 * error leaves the batch as it is, to be written again.
 */
enum status batch_write(struct batch *b, struct store *s, struct err *err) must_check;
/* After it was written, and only then. An acknowledgement that gets lost brings its event back, which changes nothing. */
void batch_acknowledge(struct batch *b);
/* Gives the events back, for another replica, now rather than when the lease is over. */
void batch_hand_back(struct batch *b);
/* Keeps the leases of all events. */
void batch_renew(const struct batch *b);
void batch_reset(struct batch *b);
void batch_free(struct batch *b);

#endif
