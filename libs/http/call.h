/* The inside of the HTTP client and of its calls. */
#ifndef GANNET_HTTP_CALL_H
#define GANNET_HTTP_CALL_H

#include "http/client.h"
#include "http/sockets.h"

#define CALL_LINES_MAX (HTTP_HEADERS_MAX + 2)

struct http_call {
	struct http_client *client;
	CURL *easy;
	struct http_call *next, *prev; /* in one of the client's lists */
	struct buf head;               /* text of the header lines */
	struct curl_slist lines[CALL_LINES_MAX];
	struct buf body;
	size_t body_max, streamed;
	bool (*data)(void *arg, struct span bytes);
	void (*done)(void *arg, const struct http_response *r);
	void *arg;
	int64_t idle_timeout_ms, moved_at_ms; /* when the count of bytes was seen to change last */
	curl_off_t moved_bytes;
	enum status failed; /* our own reason to end it, OK while there is none */
	bool refused;       /* one of the host's addresses is forbidden; another may still serve */
	const char *reason;
	char error[CURL_ERROR_SIZE];
};

struct http_client {
	struct loop *loop;
	CURLM *multi;
	struct sockets sockets;
	char *user_agent, *ca_file;
	long connect_timeout_ms, max_connections;
	bool forbid_link_local, closing, sweeping;
	struct http_call *running, *idle;
	size_t running_n, idle_n;
	struct loop_timer abort_timer, sweep_timer;
};

/* Ends the call with `status` when curl next gives it back; the first reason counts. `reason` must be static. */
void call_fail(struct http_call *c, enum status status, const char *reason);
enum status call_check_request(const struct http_request *r, struct err *err) must_check;
/* An easy handle with all that is the same for every call. NULL without memory. */
CURL *call_new_easy(struct http_call *c);
/* All that differs from call to call, so that a pooled handle needs no reset. */
void call_set_options(struct http_call *c, const struct http_request *r);

#endif
