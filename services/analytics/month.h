/* The month of a tenant: budget and forecast, asked for or on schedule. */
#ifndef GANNET_ANALYTICS_MONTH_H
#define GANNET_ANALYTICS_MONTH_H

#include "analytics.h"
#include "projection.h"

/* All that can be said now. Texts lie in `m`. */
struct month {
	struct tenant_settings settings;
	struct spend spend;
	struct projection projection;
};
enum status month_read(struct analytics *a, struct store *s, struct span tenant, struct span zone, int64_t now_ms,
                       struct arena *m, struct month *ret, struct err *err) must_check;

/* Into cost_predictions, and as a finding when the budget will be missed for certain. */
enum status month_judge(struct analytics *a, struct store *s, struct span tenant, int64_t now_ms,
                        struct err *err) must_check;

#endif
