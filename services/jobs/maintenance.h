/* Work that comes round, by ticks of the broker. */
#ifndef GANNET_JOBS_MAINTENANCE_H
#define GANNET_JOBS_MAINTENANCE_H

#include "jobs.h"

/*
 * Publishes a tick for each turn of each schedule that is configured, and does the work of the ticks it is handed:
 * every replica publishes under the same message id, so one replica gets one message a turn.
 */
enum status maintenance_start(struct jobs *j, struct maintenance **ret, struct err *err) must_check;
void maintenance_stop(struct maintenance *m); /* NULL is fine */

#endif
