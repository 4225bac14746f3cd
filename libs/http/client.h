/* Many HTTP calls at once on one event loop, over curl's multi interface. */
#ifndef GANNET_HTTP_CLIENT_H
#define GANNET_HTTP_CLIENT_H

#include "core/buf.h"
#include "loop/loop.h"

/* Belongs to its loop's thread. Reuses connections; HTTP/2 by ALPN where the server offers it, several calls on one
 * connection. */
struct http_client;

struct http_client_options {
	int64_t connect_timeout_ms; /* 0: 10 s */
	long max_connections;       /* 0: 1024, all hosts together */
	long max_host_connections;  /* 0: 1024 */
	const char *user_agent;     /* NULL: gannet/<version> */
	const char *ca_file;        /* NULL: the system's */
	bool forbid_link_local;     /* refuse 169.254.0.0/16, fe80::/10 and the metadata names after resolving */
};
enum status http_client_new(struct loop *l, const struct http_client_options *o, struct http_client **ret,
                            struct err *err) must_check;
/* Calls still running end with CANCELLED first. */
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
	int64_t timeout_ms;        /* whole call */
	int64_t idle_timeout_ms;   /* no byte for so long: TIMEOUT; 0: none */
	size_t max_response_bytes; /* 0: HTTP_BODY_MAX; more is TOO_LARGE */
	/* Called as body bytes of a 2xx answer arrive, if given; returning false aborts with CANCELLED. The body is then
	   not collected in response.body. */
	bool (*data)(void *arg, struct span bytes);
	/* Called exactly once, from the loop, never from within http_call(). */
	void (*done)(void *arg, const struct http_response *r);
	void *arg;
};

struct http_response {
	enum status transport; /* OK: an HTTP answer came, whole. TIMEOUT, UNAVAILABLE, TOO_LARGE, CANCELLED, PROVIDER
	                          (broken answer) */
	const char *reason;    /* one sentence for transport != OK */
	bool sent_nothing; /* the failure came before any byte of the request was sent (refused, DNS): surely not processed
	                    */
	int http_status;   /* 0 without an answer */
	struct span body;  /* what was collected; for non-2xx always */
	size_t streamed_bytes; /* what `data` got */
	int64_t total_us, first_byte_us, connect_us;
	const char *http_version; /* "1.1", "2" */
	const void *impl;
};
/* Header of the final answer, case-insensitive; absent span if missing. Inside `done` only. */
struct span http_response_header(const struct http_response *r, const char *name);

struct http_call;
/* Copies what it needs but the body. The handle is valid until `done` returns. */
enum status http_call(struct http_client *c, const struct http_request *r, struct http_call **ret,
                      struct err *err) must_check;
/* Aborts the transfer; `done` comes with CANCELLED on a later turn of the loop. */
void http_abort(struct http_call *call);
size_t http_calls_running(const struct http_client *c);

/* One blocking call on a connection of its own, for tools and background threads. */
enum status http_fetch(const struct http_request *r, struct buf *body, int *ret_http_status,
                       struct err *err) must_check;

#endif
