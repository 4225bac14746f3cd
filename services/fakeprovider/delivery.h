/* Deliveries: answers on their way, at their time, in their pieces, and with what is to go wrong. */
#ifndef GANNET_FAKE_DELIVERY_H
#define GANNET_FAKE_DELIVERY_H

#include "face.h"
#include "http/server.h"
#include "ledger.h"
#include "loop/loop.h"

enum ending { END_WELL, END_CUT, END_NEVER };

/*
 * Filled by the maker between delivery_new() and delivery_start(), which takes it over. Everything the request was read
 * into lives in `memory`.
 */
struct delivery {
	struct http_exchange *exchange;
	struct arena memory;
	struct pieces pieces;
	int http_status;
	const char *content_type;
	bool silent;    /* no answer at all: `ending` comes first */
	bool whole;     /* one answer with its length; otherwise piece by piece */
	int64_t length; /* to announce for pieces; -1: none */
	size_t stop;    /* pieces to send */
	enum ending ending;
	bool flood; /* repeats `flood_piece` for `flood_left` bytes */
	size_t flood_piece;
	int64_t flood_left;
	size_t step_bytes; /* send so many at a time; 0: piece by piece, or all at once without a gap */
	struct latency gap;
	struct randomness random;
	int64_t latency_ms;
	int64_t sequence; /* in the ledger */
	struct tokens tokens;

	bool begun;
	int64_t begun_at_ns, waits_until_ms;
	size_t next, sent;     /* piece, byte */
	int64_t sent_bytes;    /* repetitions included */
	struct delivery *free; /* next one */
};

struct schedule;

/* Runs on the loop's thread; everything else here may be called on the server's. */
struct schedule *schedule_new(struct loop *l, struct ledger *ledger);
/* After the server was stopped: cuts what is still on its way. */
void schedule_free(struct schedule *s);
struct delivery *delivery_new(struct schedule *s, struct http_exchange *x);
/* Only inside the exchange's handler. */
void delivery_start(struct schedule *s, struct delivery *d);

#endif
