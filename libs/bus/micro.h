/* NATS micro services (ADR-32): what `nats micro ls`, `info` and `stats` talk to. */
#ifndef GANNET_BUS_MICRO_H
#define GANNET_BUS_MICRO_H

#include "bus/bus.h"
#include "core/arena.h"
#include "json/table.h"

struct micro;
struct micro_request {
	struct bus_in in;
	struct span tenant;  /* second token of gannet.<tenant>.… ; absent for other subjects */
	struct arena *arena; /* this request's; freed after the handler returned */
	void *impl;
};

/*
 * Writes the answer's JSON into `reply` and returns OK, or returns an error and leaves `reply` alone: then the answer
 * has the Nats-Service-Error headers and the body {"error":{"code","message","field"}}. Handlers run on the service's
 * own worker threads (MICRO_THREADS), so they may block on a database; those that are `broker_only` are not held up by
 * others that do.
 */
typedef enum status (*micro_fn)(void *arg, const struct micro_request *r, struct buf *reply, struct err *err);

struct micro_endpoint {
	const char *name;    /* "get" */
	const char *subject; /* "gannet.*.jobs.get" */
	micro_fn handle;
	const char *description;
	bool broker_only; /* the handler waits for nothing but the broker: it has threads and a queue apart from the others */
};

#define MICRO_THREADS 2 /* for all endpoints, and as many for those that are broker_only, if there are any */
#define MICRO_QUEUE_MAX 4096 /* requests waiting (for each of the two); past that the answer is 503 at once */

enum status micro_start(struct bus *b, const char *name, const char *description,
                        const struct micro_endpoint *endpoints, size_t n, void *arg, const struct clock *clock,
                        struct micro **ret, struct err *err) must_check;
/* Finishes what runs, refuses what waits, unsubscribes. */
void micro_stop(struct micro *m);
/*
 * The body of a request on gannet.<tenant>.…, {} when it is empty, into *ret by its table. Strict: unknown members are INVALID, as is
 * a tenant that is none; more than MICRO_BODY_MAX bytes are TOO_LARGE. Texts lie in the request or its arena.
 */
#define MICRO_BODY_MAX (1 << 20)
enum status micro_decode(const struct micro_request *r, const struct json_table *t, void *ret, struct err *err) must_check;
/* Answers `reply` with an error, in the form every Gannet reply has. For requests handled outside a micro service. */
void bus_reply_error(struct bus *b, struct span reply, const struct err *e);
/* The body {"error":{…}} alone. */
void err_to_json(const struct err *e, struct buf *out);

#endif
