/* One thread of the server: its epoll loop, its connections and how long they may take. */
#ifndef GANNET_HTTP_LANE_H
#define GANNET_HTTP_LANE_H

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

#include "core/clock.h"
#include "http/server.h"

struct http_exchange;
struct http_lane {
	const struct http_server_options *options; /* with the defaults filled in */
	struct MHD_Daemon *daemon;
	pthread_t thread;
	bool runs;
	int wake_fd;             /* readable: look at the two below */
	atomic_bool woken, ends; /* connections were resumed; the thread is to end */
	bool closed;             /* a connection; on the thread */
	struct connection *connections; /* on the thread */
	int64_t swept_ms;
	pthread_mutex_t lock; /* guards all below */
	bool stopping;
	struct http_exchange *open;
};

/* errno says why when it fails. `port` is what the socket's address in `address` has. */
bool lane_start(struct http_lane *l, const struct http_server_options *o, const struct sockaddr *address, uint16_t port);
uint16_t lane_port(const struct http_lane *l);
/* Ends the thread, cuts what is open. */
void lane_stop(struct http_lane *l);
/* Makes the thread look at what was resumed; any thread. */
void lane_wake(struct http_lane *l);
/* An answer begins to be sent; on the thread. */
void lane_answering(struct MHD_Connection *connection, struct http_lane *l, bool piecewise);

#endif
