/* gannet.<tenant>.findings.<verb>: what is open, silences and maintenance. */
#ifndef GANNET_NOTIFIER_REQUESTS_H
#define GANNET_NOTIFIER_REQUESTS_H

#include <pthread.h>

#include "board.h"
#include "bus/micro.h"
#include "core/clock.h"
#include "routing.h"

struct requests {
	struct bus *bus;
	struct board *board;
	const struct clock *clock;
	struct micro *micro;
	pthread_mutex_t lock;
	const struct routing *routing; /* under lock; NULL: none at the moment */
};
#define NOTIFIER_ENDPOINTS 6
extern const struct micro_endpoint notifier_endpoints[NOTIFIER_ENDPOINTS];
enum status requests_start(struct requests *r, struct err *err) must_check;
void requests_stop(struct requests *r);
/* From now on it is this file that answers are by; NULL: none, and the one before may be freed. */
void requests_use(struct requests *r, const struct routing *c);

/* For the files of this service that answer. */
#define REQUESTS_NAME_BYTES (TENANT_ID_MAX + FINDING_FINGERPRINT_MAX + 2)
/* "<tenant>.<fingerprint>" */
struct span requests_name(const struct micro_request *r, struct span fingerprint, char out[REQUESTS_NAME_BYTES]);
/* INVALID, naming the field, when it does not lie ahead or too far. */
enum status requests_check_until(const struct findings_request *request, int64_t now_ms, struct err *err) must_check;
/* Between these two neither the board's maps nor the routing change. */
const struct map *requests_lock(struct requests *r);
void requests_unlock(struct requests *r);
/* maintenance.c */
enum status requests_maintain(void *arg, const struct micro_request *r, struct buf *reply, struct err *err);
enum status requests_maintenance(void *arg, const struct micro_request *r, struct buf *reply, struct err *err);

#endif
