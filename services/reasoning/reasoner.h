/* What the parts of this service share. */
#ifndef GANNET_REASONING_REASONER_H
#define GANNET_REASONING_REASONER_H

#include <pthread.h>

#include "bus/micro.h"
#include "bus/pull.h"
#include "core/map.h"
#include "mailbox.h"
#include "reasoning/reason.h"
#include "service/service.h"

struct paused;

struct reasoner_config {
	const char *model;     /* GANNET_REASONING_MODEL; NULL: rules only */
	const char *priority;  /* of the model's jobs */
	const char *rules;     /* GANNET_REASONING_RULES */
	const char *operators; /* GANNET_OPERATORS: tenants that may pause queues */
	int64_t model_timeout_ms, model_interval_ms, model_retry_ms, model_max_tokens;
	int64_t plan_ttl_ms;
};

struct reasoner {
	struct service *service;
	struct bus *bus;
	const struct clock *clock;
	const struct reasoner_config *config;
	struct tuning tuning;
	pthread_mutex_t cycle; /* one at a time here; across replicas, the memory's revision sees to it */
	struct map told; /* under cycle: tenant → id of the snapshot whose findings were published last (char *) */
	struct paused *paused;
	struct micro *micro;
	struct mailbox *thinker, *actor;
	struct bus_pull *snapshots, *actions[4];
	struct bus_sub *answers;
	struct model_waits *waits;
};

#define REQUEST_MS 5000 /* for requests to other services and for storing */

#endif
