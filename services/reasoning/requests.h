/* The micro service `reasoning`: its endpoints, and what their handlers share. */
#ifndef GANNET_REASONING_REQUESTS_H
#define GANNET_REASONING_REQUESTS_H

#include "reasoner.h"

#define REASONING_ENDPOINTS 10
extern const struct micro_endpoint reasoning_endpoints[REASONING_ENDPOINTS];
enum status requests_start(struct reasoner *r, struct err *err) must_check;


/* One per verb. `arg` is the struct reasoner. */
#define HANDLER(name) enum status handle_##name(void *arg, const struct micro_request *r, struct buf *reply, struct err *err)
HANDLER(run);
HANDLER(last);
HANDLER(summary);
HANDLER(recommendations);
HANDLER(action_plan);
HANDLER(history);
HANDLER(approve);
HANDLER(action_get);
HANDLER(action_list);
HANDLER(report);

#endif
