/* What the parts of this service share. */
#ifndef GANNET_JOBS_JOBS_H
#define GANNET_JOBS_JOBS_H

#include "bus/micro.h"
#include "contract/requests.h"
#include "db.h"
#include "estimate.h"
#include "projection.h"
#include "service/service.h"

struct scheduler;
struct maintenance;

struct jobs_config {
	const char *database_url;
	int64_t cleanup_days;
	int64_t retry_failed_interval_ms;
};

struct jobs {
	struct service *service;
	struct bus *bus;
	const struct clock *clock;
	const struct jobs_config *config;
	struct db *db;
	struct estimate *estimate;
	struct projection *projection;
	struct scheduler *scheduler;
	struct maintenance *maintenance;
	struct micro *micro;
	int64_t delayed_created_ms; /* birth of DELAYED */
};

#endif
