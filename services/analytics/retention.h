/* Partitions ahead of time, and what is too old goes. */
#ifndef GANNET_ANALYTICS_RETENTION_H
#define GANNET_ANALYTICS_RETENTION_H

#include "analytics.h"

struct retained {
	int64_t partitions_dropped, rows_deleted;
};
/*
 * Makes this month's partition and the next two; drops partitions of which every tenant's retention has passed all;
 * deletes older rows of tenants that keep less; and drops sums of minutes behind `minute_days`. Sums of hours and days stay.
 */
enum status retention_run(struct analytics *a, struct store *s, int64_t now_ms, bool (*pause)(void *arg), void *arg,
                          struct retained *ret, struct err *err) must_check;

#endif
