/* Which queues are paused, live: follows the bucket `paused`. */
#ifndef GANNET_REASONING_PAUSED_H
#define GANNET_REASONING_PAUSED_H

#include "bus/bus.h"
#include "reasoning/facts.h"

#define PAUSED_MAX 64 /* queues; further ones are not noticed */

struct paused;
enum status paused_start(struct bus *b, struct paused **ret, struct err *err) must_check;
void paused_stop(struct paused *p); /* NULL is fine */
/* The queues that are paused now, longest first. */
struct paused_list {
	struct paused_queue all[PAUSED_MAX];
	size_t n;
};
void paused_list(struct paused *p, struct paused_list *ret);

#endif
