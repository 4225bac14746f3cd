/* A small HTTP/1.1 server over libmicrohttpd, for health, metrics, the gateway and the fake provider. */
#ifndef GANNET_HTTP_SERVER_H
#define GANNET_HTTP_SERVER_H

#include "core/buf.h"

struct http_server;
struct http_exchange; /* one request and its answer */

#define HTTP_SERVER_STREAM_MAX ((size_t)1 << 20) /* bytes of a piecewise answer that the peer has not taken yet */

enum http_turn { HTTP_TURN_BEGIN, HTTP_TURN_DONE, HTTP_TURN_END };

struct http_server_options {
	const char *bind;         /* IPv4 or IPv6 address; NULL: 127.0.0.1 */
	uint16_t port;            /* 0: any free one, see http_server_port() */
	size_t max_body_bytes;    /* request bodies past it get 413; 0: 1 MiB */
	size_t connection_bytes;  /* memory of each connection: a request's head must fit into half of it; 0: 8 KiB */
	unsigned max_connections; /* more wait to be accepted; 0: 256 */
	unsigned idle_timeout_s;  /* a connection that is silent for so long is closed; 0: 30 */
	/*
	 * Against clients that are slow on purpose, who are never silent: the connection is closed when a request's head
	 * (on a kept connection: after idle_timeout_s more) or body is not there whole, or a whole answer not taken, after so
	 * long. 0: no limit.
	 */
	unsigned head_timeout_s, body_timeout_s, answer_timeout_s;
	unsigned threads;            /* connections are shared among so many by the kernel; 0: 1 */
	unsigned connections_per_ip; /* in each thread; 0: no limit */
	bool strict;                 /* refuses what RFC 9112 forbids and others let pass */
	/* Runs on one of the server's threads once the whole request is there. Answers, or calls http_exchange_later(). */
	void (*handle)(void *arg, struct http_exchange *x);
	/*
	 * MAY. On each of the server's threads: when it begins, after every turn, when all that was ready is done and before it
	 * waits, and when it ends; for what is better done once for many requests.
	 */
	void (*turn)(void *arg, enum http_turn at);
	void *arg;
};
/* Threads of its own. A request whose head does not fit gets 431. */
enum status http_server_start(const struct http_server_options *o, struct http_server **ret,
                              struct err *err) must_check;
/* Cuts what is not answered yet. Exchanges kept for later must still be answered, to be freed; nothing is sent. */
void http_server_stop(struct http_server *s);
uint16_t http_server_port(const struct http_server *s);

/* All valid until the answer was given (or its stream ended) or the server stopped. Absent span: not there. */
struct span http_exchange_method(const struct http_exchange *x);
struct span http_exchange_path(const struct http_exchange *x); /* percent-decoded, without the query */
struct span http_exchange_header(const struct http_exchange *x, const char *name); /* case-insensitive */
struct span http_exchange_query(const struct http_exchange *x, const char *name);
struct span http_exchange_body(const struct http_exchange *x);
/* The request's target as it came: path and query, nothing decoded. */
struct span http_exchange_target(const struct http_exchange *x);
/* Every header, as often as it came; in `handle` only. */
void http_exchange_each_header(const struct http_exchange *x, void (*fn)(void *arg, struct span name, struct span value),
                               void *arg);
#define HTTP_PEER_BYTES 46
/* The client's address, without the port; in `handle` only. */
void http_exchange_peer(const struct http_exchange *x, char out[HTTP_PEER_BYTES]);

/*
 * The answer. Calls on one exchange come one after another, from `handle`, or after http_exchange_later() from any one
 * thread at a time. The exchange must not be touched after http_exchange_answer() or http_exchange_stream_end(). A HEAD
 * request gets the same headers and no body.
 */
/* Any number, before the answer. */
void http_exchange_add_header(struct http_exchange *x, const char *name, const char *value);
/* Whole answer at once; the body is copied. */
void http_exchange_answer(struct http_exchange *x, int status, const char *content_type, struct span body);
/*
 * The same without a copy: bytes that many answers share, kept until the last of them was sent. A zero-copy answer takes
 * a reference of its own.
 */
struct http_body;
struct http_body *http_body_new(struct span bytes); /* copied once; one reference */
struct http_body *http_body_ref(struct http_body *b);
void http_body_unref(struct http_body *b); /* any thread */
struct span http_body_bytes(const struct http_body *b);
void http_exchange_answer_body(struct http_exchange *x, int status, const char *content_type, struct http_body *b);
/* Says in `handle` that the answer comes later. */
void http_exchange_later(struct http_exchange *x);
/* Whether the client has closed its connection: for answers that take long. Costs a system call. */
bool http_exchange_gone(struct http_exchange *x);
/*
 * Piecewise answer: begin, any number of sends, end. `length` is announced as Content-Length, -1 sends chunks instead.
 * `cut` true closes the connection without finishing the body, as a crashed server would; without a begin before it,
 * nothing is answered at all. False from send: the peer is gone or HTTP_SERVER_STREAM_MAX behind: stop. A sender that
 * can pause looks at the backlog first.
 */
void http_exchange_stream_begin(struct http_exchange *x, int status, const char *content_type, int64_t length);
bool http_exchange_stream_send(struct http_exchange *x, struct span bytes);
size_t http_exchange_stream_backlog(struct http_exchange *x);
void http_exchange_stream_end(struct http_exchange *x, bool cut);

#endif
