/* What operators see of the service: a log line and figures for each reasoning. */
#ifndef GANNET_REASONING_REPORT_H
#define GANNET_REASONING_REPORT_H

#include "reasoner.h"

void report_init(void); /* before threads start */
void report_reasoning(struct span tenant, const struct reason_output *o, int64_t cycle_us);
/* answered, failed */
void report_model(struct span tenant, const char *outcome, const char *reason);
void report_action(struct span tenant, struct span type, const char *outcome);

#endif
