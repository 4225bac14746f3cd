/* The inside of an exchange, shared by the server's thread and whoever answers. */
#ifndef GANNET_HTTP_EXCHANGE_H
#define GANNET_HTTP_EXCHANGE_H

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

#include "http/lane.h"

/*
 * Owners, each holding a reference: the connection until the request is over, the answerer until it has answered, and
 * the response of a piecewise answer. `lock` guards everything below it; what stands above is written by the lane's
 * thread before `handle` only. Lock order: the lane's, an exchange's, libmicrohttpd's.
 */
struct http_exchange {
	struct http_lane *lane;
	struct MHD_Connection *connection; /* valid while not over */
	const char *method, *path;
	char *target; /* as it came */
	struct buf body;
	size_t body_bytes; /* received, also what was thrown away */
	int fd;
	bool begun, handled;
	bool piecewise;
	struct http_exchange *next, *prev; /* all that the lane has open, under its lock */
	atomic_int references;

	pthread_mutex_t lock;
	bool later, suspended, stopping; /* stopping: never suspend again */
	bool over;                       /* the connection is done with it */
	bool answered, ended, cut;
	struct MHD_Response *response; /* until it is queued */
	int status;
	struct buf headers; /* name NUL value NUL, to be put on the response */
	struct buf out;     /* of a piecewise answer: what the connection has not taken begins at `taken` */
	size_t taken;
};

/* For the lane's thread. NULL when memory is out. */
struct http_exchange *exchange_new(struct http_lane *lane, const char *target);
void exchange_begin(struct http_exchange *x, struct MHD_Connection *connection, const char *method, const char *path);
void exchange_unref(struct http_exchange *x);
/* After the handler: a request it neither answered nor kept for later is answered with 500. */
void exchange_settle(struct http_exchange *x);
/* What the connection does next: answers when there is an answer, sleeps until there is one. MHD_NO closes it. */
enum MHD_Result exchange_proceed(struct http_exchange *x);
/* The connection is done with it. */
void exchange_over(struct http_exchange *x);
/* Ends it however far it is; any thread. */
void exchange_stop(struct http_exchange *x);

#endif
