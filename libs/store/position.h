/* How far a reader of a stream has come, kept in the database that its work goes to. */
#ifndef GANNET_STORE_POSITION_H
#define GANNET_STORE_POSITION_H

#include "store/store.h"

/*
 * A reader moves its position in the transaction that stores what it read: both are there or neither is, whoever dies
 * when. Of several replicas one reads at a time: the one whose connection holds the reader's advisory lock. It is free the
 * moment that connection ends, and the next replica that asks goes on behind the last commit. Whoever asks also ends the
 * connection of a reader that hangs or cannot be reached: one that sent no statement for `silence_ms`. So ping (store_ping)
 * at least three times as often, and let no statement take longer. Should two ever believe to be the one, the second move
 * fails, and its transaction with it.
 *
 * Life: store_migrate() (makes the table), then take until `ret_taken`; begin when `is_new`; then, as often as there is
 * something to store: store_begin, write, move, store_commit.
 */
struct store_position {
	const char *reader; /* its name, one row: "jobs" */
	const char *stream; /* what it reads */
	int64_t silence_ms;
	int64_t created_ms; /* birth of the stream: another one of the same name begins anew */
	uint64_t sequence;  /* everything up to here is in the database */
	bool is_new;        /* by take: nothing is known of this reader and this stream */
};

/* Tries once to become the one that reads, without waiting. */
enum status store_position_take(struct store *s, struct store_position *p, bool *ret_taken, struct err *err) must_check;
/* Sets where a new reader begins: p->sequence. */
enum status store_position_begin(struct store *s, struct store_position *p, struct err *err) must_check;
/*
 * Inside a transaction: everything up to `sequence` is now stored. CANCELLED: somebody else reads, or has moved the
 * position meanwhile; roll back and take again. The caller sets p->sequence after the commit.
 */
enum status store_position_move(struct store *s, const struct store_position *p, uint64_t sequence,
                                struct err *err) must_check;

/* For store_migrate(). */
extern const char store_position_table_sql[];

#endif
