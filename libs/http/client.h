/* Many HTTP calls at once on one event loop, over curl's multi interface. */
#ifndef GANNET_HTTP_CLIENT_H
#define GANNET_HTTP_CLIENT_H

#include "core/buf.h"
#include "loop/loop.h"

/*
 * Belongs to its loop's thread. Connections are kept and used again; over TLS, HTTP/2 is used where the server offers
 * it (ALPN), with many calls on one connection. Redirects are not followed and proxies not used, whatever the
 * environment says: both would carry keys to other hosts.
 */
struct http_client;

struct http_client_options {
	int64_t connect_timeout_ms; /* 0: 10 s */
	long max_connections;       /* all hosts together; further calls wait for one; 0: 1024 */
	long max_host_connections;  /* 0: 1024 */
	const char *user_agent;     /* NULL: gannet */
	const char *ca_file;        /* NULL: the system's */
	bool forbid_link_local;     /* refuse, after resolving, the addresses of http/address.h: FORBIDDEN */
};
enum status http_client_new(struct loop *l, const struct http_client_options *o, struct http_client **ret,
                            struct err *err) must_check;
/* Calls still running end with CANCELLED first. Not inside `data` or `done`. */
void http_client_free(struct http_client *c);

#define HTTP_HEADERS_MAX 16
#define HTTP_BODY_MAX ((size_t)32 << 20)
struct http_header {
	const char *name;
	struct span value;
};

struct http_response;
struct http_request {
	const char *method, *url;
	const struct http_header *headers;
	size_t headers_n;
	struct span body;          /* must stay valid until `done` was called */
	int64_t timeout_ms;        /* whole call, waiting for a connection included; 0: none */
	int64_t idle_timeout_ms;   /* no byte either way for so long, noticed up to 100 ms late: TIMEOUT; 0: none */
	size_t max_response_bytes; /* more is TOO_LARGE; 0: HTTP_BODY_MAX */
	/*
	 * Called as body bytes of a 2xx answer arrive, if given; they are then not collected in response.body. Returning
	 * false aborts with CANCELLED. May abort calls, but not start any.
	 */
	bool (*data)(void *arg, struct span bytes);
	/* Called exactly once, from the loop, never from within http_call(). May start and abort calls. */
	void (*done)(void *arg, const struct http_response *r);
	void *arg;
};

struct http_response {
	/*
	 * OK: an HTTP answer came, whole. Otherwise TIMEOUT, UNAVAILABLE (no answer), PROVIDER (a broken one), TOO_LARGE,
	 * CANCELLED, FORBIDDEN (address) or INVALID (URL).
	 */
	enum status transport;
	const char *reason;    /* one sentence for transport != OK, else NULL */
	bool sent_nothing;     /* it failed before any byte of the request was sent (refused, DNS): surely not processed */
	int http_status;       /* 0 without an answer */
	struct span body;      /* what was collected; for non-2xx always */
	size_t streamed_bytes; /* what `data` got */
	int64_t total_us;
	int64_t first_byte_us;    /* since the call's start; 0 without an answer */
	int64_t connect_us;       /* TLS included; 0 on a kept connection */
	const char *http_version; /* "1.0", "1.1", "2" */
	const void *impl;
};
/* Header of the final answer, case-insensitive; absent span if missing. Inside `done` only. */
struct span http_response_header(const struct http_response *r, const char *name);

struct http_call;
/* Copies what it needs but the body. The handle is valid until `done` returns. Fails on a bad request, naming the
 * field. */
enum status http_call(struct http_client *c, const struct http_request *r, struct http_call **ret,
                      struct err *err) must_check;
/* Aborts the transfer, closing its connection (over HTTP/2, its stream); `done` comes with CANCELLED on a later turn.
 */
void http_abort(struct http_call *call);
size_t http_calls_running(const struct http_client *c);

/*
 * One blocking call on a connection of its own, for tools and background threads. OK for any HTTP status; `done`, if
 * given, is then called before it returns, for the answer's headers. `data` is not used. `body` may be NULL.
 */
enum status http_fetch(const struct http_request *r, struct buf *body, int *ret_http_status,
                       struct err *err) must_check;

#endif
