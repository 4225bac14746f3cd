/* Takes out of the queue what has ended and should not be there any more. */
#ifndef GANNET_JOBS_SWEEP_H
#define GANNET_JOBS_SWEEP_H

#include "jobs.h"

/*
 * A broker that was killed may find the jobs acknowledged last in its files again, while its consumers remember the
 * acknowledgement: nobody is ever handed them. Those whose final event is stored are removed; any other one is left
 * alone. Stops early when `stop` becomes true.
 */
enum status sweep_queue(struct bus *b, bool (*stop)(void *arg), void *arg, int64_t *ret_removed,
                        struct err *err) must_check;

#endif
