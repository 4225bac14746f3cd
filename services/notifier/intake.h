/* Findings in: from their stream into the bucket of what is open. */
#ifndef GANNET_NOTIFIER_INTAKE_H
#define GANNET_NOTIFIER_INTAKE_H

#include "bus/bus.h"

/*
 * One message at a time over all replicas (the consumer's max_ack_pending), acknowledged when the bucket has it, so that
 * order and repetition do not matter: what is older than what is there is passed over.
 */
struct intake;
enum status intake_start(struct bus *b, struct intake **ret, struct err *err) must_check;
void intake_stop(struct intake *i); /* NULL is fine */

#endif
