/* Questions that this process has asked and that are not answered yet. */
#ifndef GANNET_REASONING_WAITS_H
#define GANNET_REASONING_WAITS_H

#include "core/id.h"

#define WAITS_MAX 256 /* further ones are noticed by their tenant's next cycle */

struct model_wait {
	char tenant[TENANT_ID_MAX + 1], job_id[JOB_ID_MAX + 1];
	int64_t until_ms, look_ms; /* monotonic; look_ms: when it is time to look for an outcome again */
};
struct model_waits;
void waits_add(struct model_waits *w, struct span tenant, const char *job_id, int64_t now_ms, int64_t until_ms);
void waits_remove(struct model_waits *w, struct span job_id);
/* Takes one that is over, or that it is time to look after, out; false when there is none. Any thread. */
bool waits_take_due(struct model_waits *w, int64_t now_ms, struct model_wait *ret);
#define WAITS_LOOK_MS 3000

#endif
