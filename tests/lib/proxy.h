/* A TCP proxy between two programs on this machine that can be told to behave like a bad network. */
#ifndef GANNET_TESTS_PROXY_H
#define GANNET_TESTS_PROXY_H

#include <stdbool.h>
#include <stdint.h>

/*
 * One listening port, one target, one thread. Bytes are never changed, reordered or lost inside a connection: as with
 * TCP, a connection is slow, silent or dead. Commands may come from any thread and apply at once, also to connections that are open.
 */
struct proxy;

#define PROXY_CONNECTIONS_MAX 256
#define PROXY_BUFFER_BYTES (256 << 10) /* on their way in one direction of one connection; more is not read */

/* Listens on a free port of 127.0.0.1; fails the test when it cannot. */
struct proxy *proxy_start(int target_port);
int proxy_port(const struct proxy *p);
/* Ends all connections, too. */
void proxy_stop(struct proxy *p);

/* Zeroed: a perfect network. */
struct proxy_weather {
	int64_t delay_ms;    /* each way */
	int64_t bytes_per_s; /* each way of each connection; 0: no limit */
	bool silent;         /* nothing passes and nobody is let in or told so; what came meanwhile passes afterwards */
	bool refused;        /* new connections are reset */
};
void proxy_weather(struct proxy *p, const struct proxy_weather *w);
/* Resets every connection that is open now. */
void proxy_cut(struct proxy *p);

#endif
