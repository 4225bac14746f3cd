/* One transaction of the ledger. */
#ifndef GANNET_ANALYTICS_WRITE_H
#define GANNET_ANALYTICS_WRITE_H

#include "reader.h"

/* Settings and the temporary table that a writing connection needs. */
extern const char write_session_sql[];

/* Where the writer is in EVENTS. */
struct ledger_place {
	int64_t stream_id;
	uint64_t sequence;
};

/* Up to where this stream's events are in the ledger; for a new stream nowhere. */
enum status write_place(struct store *s, const char *stream, int64_t created_ms, struct ledger_place *ret,
                        struct err *err) must_check;

struct writer {
	struct store *store;
	struct buf document, sums_sql;
	struct ledger_place place; /* moves with every commit */
	int64_t refused;           /* rows that PostgreSQL cannot take, so far; logged */
};
void writer_init(struct writer *w, struct store *s);
void writer_free(struct writer *w);
/*
 * The batch's rows, their sums and the new place. CONFLICT with field "place": somebody else has moved it, and nothing was
 * written. Rows that PostgreSQL refuses for what they are, are found by halving and left out.
 */
enum status writer_write(struct writer *w, const struct usage_batch *b, struct err *err) must_check;

#endif
