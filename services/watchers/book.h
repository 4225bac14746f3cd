/* The runs of all watches: the bucket that keeps them, and a copy of it to look at. */
#ifndef GANNET_WATCHERS_BOOK_H
#define GANNET_WATCHERS_BOOK_H

#include "bus/bus.h"
#include "contract/watch.h"

struct book;
/* Follows the bucket; returns when all that was there is known. */
enum status book_open(struct bus *b, const struct clock *clock, struct book **ret, struct err *err) must_check;
void book_close(struct book *b); /* NULL is fine */

/* The whole record with its result. NOT_FOUND when there is none. */
enum status book_get(struct book *b, struct span tenant, struct span run_id, struct buf *text, uint64_t *ret_revision,
                     struct err *err) must_check;
/* Writes it if the last revision is this (0: if there is none); CONFLICT otherwise. */
enum status book_put(struct book *b, struct span tenant, const struct watch_record *r, uint64_t revision,
                     uint64_t *ret_revision, struct err *err) must_check;

/* The moment of the last scheduled turn that was begun; INT64_MIN when there was none. */
int64_t book_last_turn(struct book *b, struct span tenant, struct span watch);
/* Whether a run of the watch other than this one is queued or runs, and was heard of within `fresh_ms`. */
bool book_is_busy(struct book *b, struct span tenant, struct span watch, struct span but_run_id, int64_t fresh_ms);
/* Writes up to `limit` records without results as elements of an array, the latest first; watch absent: of all. */
void book_list(struct book *b, struct span tenant, struct span watch, size_t limit, struct json_writer *w);
/* Deletes all but the last `keep` runs of a watch. */
void book_prune(struct book *b, struct span tenant, struct span watch, size_t keep);

#endif
