/* Gauges of the whole suite: workers, circuits to providers, and budgets. */
#ifndef GANNET_ANALYTICS_GAUGES_H
#define GANNET_ANALYTICS_GAUGES_H

#include "analytics.h"

#define GAUGES_EVERY_MS 15000

enum status gauges_start(struct analytics *a, struct gauges **ret, struct err *err) must_check;
/* Looks again if it is time; may block for as long as its requests take. One thread at a time. */
void gauges_refresh(struct gauges *g);
void gauges_stop(struct gauges *g); /* NULL is fine */

#endif
