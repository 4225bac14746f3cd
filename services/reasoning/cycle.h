/* A cycle: a snapshot comes in, a reasoning goes out. */
#ifndef GANNET_REASONING_CYCLE_H
#define GANNET_REASONING_CYCLE_H

#include "reasoner.h"

/*
 * Reasons about a snapshot and stores all that comes of it. A snapshot older than the last one reasoned about is left
 * alone: *ret_done is false. `message` (or NULL) gets the reasoning. Any thread; may be repeated after a failure or a
 * crash anywhere.
 */
enum status cycle_run(struct reasoner *r, struct span tenant, struct span snapshot, struct buf *message, bool *ret_done,
                      struct err *err) must_check;
/* Mail of the consumer `reasoning`: reasons, then acknowledges. */
void cycle_on_snapshot(struct reasoner *r, struct mail *m);

#endif
