/* What this service does on schedule: partitions, retention, forecasts, and watching models. */
#ifndef GANNET_ANALYTICS_UPKEEP_H
#define GANNET_ANALYTICS_UPKEEP_H

#include "analytics.h"

enum status upkeep_start(struct analytics *a, struct upkeep **ret, struct err *err) must_check;
void upkeep_stop(struct upkeep *u); /* NULL is fine */

#endif
