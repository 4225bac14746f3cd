/* A small HTTP/1.1 server over libmicrohttpd, for health, metrics and the fake provider. */
#ifndef GANNET_HTTP_SERVER_H
#define GANNET_HTTP_SERVER_H

#include "core/buf.h"

struct http_server;
struct http_exchange; /* one request and its answer */

struct http_server_options {
	const char *bind;         /* address, e.g. "127.0.0.1" */
	uint16_t port;            /* 0: any free one, see http_server_port() */
	size_t max_body_bytes;    /* request bodies past it get 413; 0: 1 MiB */
	unsigned max_connections; /* 0: 256 */
	unsigned idle_timeout_s;  /* 0: 30 */
	/* Runs on the server's thread once the whole request is there. Must answer, or suspend and answer later. */
	void (*handle)(void *arg, struct http_exchange *x);
	void *arg;
};
enum status http_server_start(const struct http_server_options *o, struct http_server **ret,
                              struct err *err) must_check;
void http_server_stop(struct http_server *s);
uint16_t http_server_port(const struct http_server *s);

struct span http_exchange_method(const struct http_exchange *x);
struct span http_exchange_path(const struct http_exchange *x);
struct span http_exchange_header(const struct http_exchange *x, const char *name);
struct span http_exchange_query(const struct http_exchange *x, const char *name);
struct span http_exchange_body(const struct http_exchange *x);

/* Call once, before the answer. */
void http_exchange_add_header(struct http_exchange *x, const char *name, const char *value);
/* Whole answer at once. From `handle`, or later from any thread after http_exchange_later(). */
void http_exchange_answer(struct http_exchange *x, int status, const char *content_type, struct span body);
/* Says in `handle` that the answer comes later from another thread. */
void http_exchange_later(struct http_exchange *x);
/*
 * Piecewise answer: begin, any number of sends, end. `cut` true closes the connection without finishing the body, as a
 * crashed server would. False from send: the peer is gone, stop. Any thread.
 */
void http_exchange_stream_begin(struct http_exchange *x, int status, const char *content_type);
bool http_exchange_stream_send(struct http_exchange *x, struct span bytes);
void http_exchange_stream_end(struct http_exchange *x, bool cut);

#endif
