/* What a part of a service cannot do for the time being: logged when it begins and ends, and shown by /health/ready meanwhile. */
#ifndef GANNET_SERVICE_TROUBLE_H
#define GANNET_SERVICE_TROUBLE_H

#include <pthread.h>

#include "core/status.h"

struct trouble {
	const char *begins, *ends; /* the log's words */
	pthread_mutex_t mu;
	struct err err; /* while it lasts, under the lock */
};
#define TROUBLE_INIT(begins_, ends_) {.begins = (begins_), .ends = (ends_), .mu = PTHREAD_MUTEX_INITIALIZER}

/* What a try came to: an error, or NULL for one that went well. Any thread. */
void trouble_note(struct trouble *t, const struct err *err);
/* For service_add_check(), with the trouble as its argument. */
enum status trouble_check(void *trouble, struct err *err);

#endif
