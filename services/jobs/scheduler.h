/* Jobs that wait for their time are queued when it has come. Needs NATS only. */
#ifndef GANNET_JOBS_SCHEDULER_H
#define GANNET_JOBS_SCHEDULER_H

#include "bus/bus.h"
#include "core/clock.h"

struct scheduler;

/*
 * Follows DELAYED (without payloads) and keeps a heap of due times; at its time each job is stored into JOBS and
 * deleted here. Any number of replicas may run: the broker keeps one of what they store. `stream_created_ms` is the
 * birth of DELAYED.
 */
enum status scheduler_start(struct bus *b, const struct clock *clock, int64_t stream_created_ms, struct scheduler **ret,
                            struct err *err) must_check;
void scheduler_stop(struct scheduler *s);

#endif
