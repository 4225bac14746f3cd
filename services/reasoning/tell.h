/* Telling the world about serious concerns. */
#ifndef GANNET_REASONING_TELL_H
#define GANNET_REASONING_TELL_H

#include "reasoner.h"

/*
 * Publishes the memory's news as findings (source `reasoning`), under message ids that are the same for the same snapshot.
 * The bucket of what is open is the notifier's.
 */
enum status tell_findings(struct reasoner *r, struct span tenant, const struct reason_output *o, struct err *err) must_check;

#endif
