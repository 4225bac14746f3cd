/* Reads EVENTS in order behind a place, and has the final events decoded by the time somebody writes them. */
#ifndef GANNET_ANALYTICS_READER_H
#define GANNET_ANALYTICS_READER_H

#include "bus/bus.h"
#include "usage.h"

#define BATCH_ROWS 8192
#define BATCH_SEEN_MAX 65536 /* events of all kinds that a batch stands for */

/* What was read between two places of the stream. */
struct usage_batch {
	struct usage_row rows[BATCH_ROWS];
	size_t n;
	size_t seen, poison;    /* events, and those nobody can read */
	uint64_t last_sequence; /* 0: nothing was seen */
	int64_t last_stored_ms; /* the broker's time of the last row's event */
	struct arena memory;
};

struct reader;
/* `prices` must outlive the reader. Rows get `stream_id`. */
enum status reader_open(struct bus *b, const struct price_table *prices, int64_t stream_id, uint64_t after_sequence,
                        struct reader **ret, struct err *err) must_check;
/*
 * What was read since, in *ret until the next call; while it is being written the next batch fills up, and when that is
 * full the broker waits. Returns after `wait_ms` at the latest, with an empty batch if nothing came.
 */
void reader_take(struct reader *r, int64_t wait_ms, struct usage_batch **ret);
/* Makes reader_take() return; any thread. */
void reader_interrupt(struct reader *r);
void reader_close(struct reader *r);

#endif
