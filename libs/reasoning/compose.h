/* Writes a draft as the message it becomes. */
#ifndef GANNET_REASONING_COMPOSE_H
#define GANNET_REASONING_COMPOSE_H

#include "reasoning/reason.h"

/* Fills o->message and o->plan. */
void compose(const struct reason_input *in, int64_t now_ms, int64_t began_ns, struct arena *a, struct reason_output *o);

#endif
