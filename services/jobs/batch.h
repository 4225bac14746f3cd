/* A batch of events on its way to PostgreSQL: taken in, folded, written. */
#ifndef GANNET_JOBS_BATCH_H
#define GANNET_JOBS_BATCH_H

#include "bus/pull.h"
#include "estimate.h"
#include "fold.h"
#include "store/position.h"

#define BATCH_EVENTS FOLD_EVENTS_MAX
#define BATCH_BYTES ((size_t)24 << 20) /* payload; one more event may go past it */

/* Empty when zeroed but for the members of the first block. Belongs to one thread; too big for a stack. */
struct batch {
	const struct clock *clock;
	struct estimate *estimate; /* told of every final event */
	int64_t jobs_created_ms;   /* birth of JOBS, part of derived job ids */

	struct held {
		struct bus_delivery delivery;
		uint32_t record; /* index into the fold */
		bool is_job, is_final;
	} held[BATCH_EVENTS];
	size_t n, bytes;
	uint64_t last_sequence; /* in EVENTS, of the last one added */
	struct fold fold;
	struct arena arena;
	struct buf rows;
	bool refused[BATCH_EVENTS]; /* by record: PostgreSQL cannot take it, now or later */
};

/* Once in a process, before threads. */
void batch_register_metrics(void);
/* How many events, and about how many bytes of them, may still be added. */
void batch_room(const struct batch *b, size_t *ret_events, size_t *ret_bytes);
/* Takes an event over that there is room for. */
void batch_add(struct batch *b, const struct bus_delivery *d);
/* Decodes all events into records. What nobody can read is logged, counted and left out. */
void batch_fold(struct batch *b);
/*
 * Writes all records, and the position behind the last event, in one transaction; records that PostgreSQL refuses for what they are, are
 * found by halving and left out, and then the position comes after all others. CANCELLED: another replica records. Any other error leaves
 * the batch as it is, to be written again.
 */
enum status batch_write(struct batch *b, struct store *s, struct store_position *position, struct err *err) must_check;
/* After it was written: counts and traces. */
void batch_recorded(struct batch *b);
void batch_reset(struct batch *b);
void batch_free(struct batch *b);

#endif
