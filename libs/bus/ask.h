/* Requests whose answers come by callback: many at once, no thread waiting for any of them. */
#ifndef GANNET_BUS_ASK_H
#define GANNET_BUS_ASK_H

#include "bus/bus.h"

/* One inbox and one subscription for all requests. Thread-safe. */
struct bus_asker;
enum status bus_asker_open(struct bus *b, struct bus_asker **ret, struct err *err) must_check;
/* Requests that wait get UNAVAILABLE; no callback runs after it returns. Not from a callback. */
void bus_asker_close(struct bus_asker *a);

#define BUS_ASKS_MAX 16384 /* waiting at once; past that RATE_LIMITED, retryable */
/*
 * `m->reply` is not looked at. Exactly once, on a client thread or the keeper's: `err` NULL and the answer's data (valid
 * in the call), or what went wrong: an error answer as bus_request() reads it, nobody listening or the connection lost
 * (UNAVAILABLE), no answer in time (TIMEOUT). Must not block.
 */
typedef void (*bus_answer_fn)(void *arg, struct span data, const struct err *err);
/* While not connected it is UNAVAILABLE at once, and `fn` is not called. */
enum status bus_ask(struct bus_asker *a, const struct bus_out *m, int timeout_ms, bus_answer_fn fn, void *arg,
                    struct err *err) must_check;
size_t bus_asks_waiting(struct bus_asker *a);

#endif
