/* What goes wrong with an answer. */
#ifndef GANNET_FAKE_FAULT_H
#define GANNET_FAKE_FAULT_H

#include "delivery.h"

/* The text with the place marked that `bad-utf8` and `flood` need; to be put into the answer before it is written. */
struct span fault_mark(struct span text, struct arena *a);
/* Applies b->fault to a delivery whose pieces are written. */
void fault_strike(struct delivery *d, const struct behaviour *b, const struct face *face, bool stream);

#endif
