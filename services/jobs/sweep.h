/* Takes out of the queue what has ended and should not be there any more. */
#ifndef GANNET_JOBS_SWEEP_H
#define GANNET_JOBS_SWEEP_H

#include "jobs.h"

/*
 * A broker that was killed may find acknowledged jobs in its files again, while its consumers remember that they handed
 * them out: nobody ever gets them. Those stored before `before_wall_ms`, handed out and with a final event are removed;
 * any other one is left alone. Stops early when `stop` becomes true.
 */
enum status sweep_queue(struct bus *b, int64_t before_wall_ms, bool (*stop)(void *arg), void *arg, int64_t *ret_removed,
                        struct err *err) must_check;

#endif
