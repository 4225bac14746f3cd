/* The collector's parts, and who holds them. */
#ifndef GANNET_COLLECTOR_COLLECTOR_H
#define GANNET_COLLECTOR_COLLECTOR_H

#include "bus/micro.h"
#include "service/schedule.h"
#include "services/collector/config.h"
#include "services/collector/readers.h"

struct collector_config {
	const char *sources, *tenant;
	int64_t interval_ms;
	bool enabled;
};

struct collector {
	struct service *service;
	struct bus *bus;
	const struct clock *clock;
	const struct collector_config *options;
	struct config config;
	struct readers *readers;
	struct schedule schedule;
	struct schedules *schedules;
	struct micro *micro;
};

/* requests.c: snapshot.get and snapshot.take */
#define COLLECTOR_ENDPOINTS 2
extern const struct micro_endpoint collector_endpoints[COLLECTOR_ENDPOINTS];
enum status requests_start(struct collector *c, struct err *err) must_check;

#endif
