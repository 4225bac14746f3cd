/* Telling the world about serious concerns. */
#ifndef GANNET_REASONING_TELL_H
#define GANNET_REASONING_TELL_H

#include "reasoner.h"

/*
 * Publishes the news of `m` as findings (source `reasoning`), in the words of `o`, unless this process has; under message ids that are
 * the same for the same snapshot. `m` is the output's own memory, or the one before it: whoever stored that may have died before it
 * told. Under r->cycle. The bucket of what is open is the notifier's.
 */
enum status tell_findings(struct reasoner *r, struct span tenant, const struct memory *m, const struct reason_output *o,
                          struct err *err) must_check;
void tell_free(struct reasoner *r);

#endif
