/* Answers: whole or in pieces, at once or later, handed from the answering thread to the server's by suspending and
 * resuming. */
#include "http/exchange.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define STREAM_BLOCK_BYTES 4096

struct http_exchange *exchange_new(struct http_lane *lane, const char *target)
{
	struct http_exchange *x = calloc(1, sizeof *x);
	if (!x)
		return NULL;
	x->target = strdup(target);
	if (!x->target) {
		free(x);
		return NULL;
	}
	x->lane = lane;
	x->fd = -1;
	x->out.max_bytes = HTTP_SERVER_STREAM_MAX;
	atomic_init(&x->references, 1);
	pthread_mutex_init(&x->lock, NULL);
	return x;
}

void exchange_begin(struct http_exchange *x, struct MHD_Connection *connection, const char *method, const char *path)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	x->begun = true;
	x->connection = connection;
	x->method = method;
	x->path = path;
	x->fd = info ? info->connect_fd : -1;
}

void exchange_unref(struct http_exchange *x)
{
	if (atomic_fetch_sub(&x->references, 1) != 1)
		return;
	pthread_mutex_destroy(&x->lock);
	buf_free(&x->body);
	buf_free(&x->headers);
	buf_free(&x->out);
	free(x->target);
	free(x);
}

static void wake(struct http_exchange *x)
{
	if (!x->suspended)
		return;
	x->suspended = false;
	MHD_resume_connection(x->connection);
	lane_wake(x->lane);
}

static bool sleep_until_woken(struct http_exchange *x)
{
	if (x->stopping)
		return false;
	x->suspended = true;
	MHD_suspend_connection(x->connection);
	return true;
}

/* The response has a lock of its own, under which pieces are asked for: it is not touched under ours. */
enum MHD_Result exchange_proceed(struct http_exchange *x)
{
	pthread_mutex_lock(&x->lock);
	struct MHD_Response *response = x->response;
	x->response = NULL;
	enum MHD_Result r = response || (!x->ended && sleep_until_woken(x)) ? MHD_YES : MHD_NO;
	pthread_mutex_unlock(&x->lock);
	if (response) {
		lane_answering(x->connection, x->lane, x->piecewise);
		r = MHD_queue_response(x->connection, (unsigned)x->status, response);
		MHD_destroy_response(response);
	}
	return r;
}

void exchange_settle(struct http_exchange *x)
{
	pthread_mutex_lock(&x->lock);
	bool forgotten = !x->answered && !x->later;
	pthread_mutex_unlock(&x->lock);
	if (forgotten)
		http_exchange_answer(x, 500, "text/plain", SPAN("no answer\n"));
}

void exchange_over(struct http_exchange *x)
{
	pthread_mutex_lock(&x->lock);
	x->over = true;
	struct MHD_Response *unused = x->response;
	x->response = NULL;
	pthread_mutex_unlock(&x->lock);
	if (unused)
		MHD_destroy_response(unused);
	exchange_unref(x);
}

void exchange_stop(struct http_exchange *x)
{
	pthread_mutex_lock(&x->lock);
	x->stopping = true;
	wake(x);
	pthread_mutex_unlock(&x->lock);
}

/* ---- what the request says */

struct span http_exchange_method(const struct http_exchange *x)
{
	return span_from(x->method);
}

struct span http_exchange_path(const struct http_exchange *x)
{
	return span_from(x->path);
}

static struct span look_up(const struct http_exchange *x, enum MHD_ValueKind kind, const char *name)
{
	const char *value = NULL;
	size_t n = 0;
	if (MHD_lookup_connection_value_n(x->connection, kind, name, strlen(name), &value, &n) != MHD_YES)
		return (struct span){0};
	return span_of(value ? value : "", n);
}

struct span http_exchange_header(const struct http_exchange *x, const char *name)
{
	return look_up(x, MHD_HEADER_KIND, name);
}

struct span http_exchange_query(const struct http_exchange *x, const char *name)
{
	return look_up(x, MHD_GET_ARGUMENT_KIND, name);
}

struct span http_exchange_body(const struct http_exchange *x)
{
	return buf_span(&x->body);
}

struct span http_exchange_target(const struct http_exchange *x)
{
	return span_from(x->target);
}

struct each_header {
	void (*fn)(void *arg, struct span name, struct span value);
	void *arg;
};

static enum MHD_Result on_header(void *arg, enum MHD_ValueKind kind, const char *name, size_t name_n, const char *value,
                                 size_t value_n)
{
	const struct each_header *e = arg;
	(void)kind;
	e->fn(e->arg, span_of(name, name_n), span_of(value ? value : "", value_n));
	return MHD_YES;
}

void http_exchange_each_header(const struct http_exchange *x, void (*fn)(void *arg, struct span name, struct span value),
                               void *arg)
{
	struct each_header e = {fn, arg};
	MHD_get_connection_values_n(x->connection, MHD_HEADER_KIND, on_header, &e);
}

void http_exchange_peer(const struct http_exchange *x, char out[HTTP_PEER_BYTES])
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(x->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	const struct sockaddr *a = info ? info->client_addr : NULL;
	const void *bytes = !a                          ? NULL
	                    : a->sa_family == AF_INET6 ? (const void *)&((const struct sockaddr_in6 *)a)->sin6_addr
	                                                : (const void *)&((const struct sockaddr_in *)a)->sin_addr;
	if (!bytes || !inet_ntop(a->sa_family, bytes, out, HTTP_PEER_BYTES))
		snprintf(out, HTTP_PEER_BYTES, "unknown");
}

/* ---- the answer */

void http_exchange_later(struct http_exchange *x)
{
	x->later = true;
}

void http_exchange_add_header(struct http_exchange *x, const char *name, const char *value)
{
	buf_add(&x->headers, name, strlen(name) + 1);
	buf_add(&x->headers, value, strlen(value) + 1);
}

static void put_headers(struct http_exchange *x, struct MHD_Response *response, const char *content_type)
{
	if (content_type)
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
	for (const char *p = x->headers.data, *end = p + x->headers.len; p < end;) {
		const char *value = p + strlen(p) + 1;
		MHD_add_response_header(response, p, value);
		p = value + strlen(value) + 1;
	}
}

static struct MHD_Response *must(struct MHD_Response *response)
{
	if (!response) {
		fprintf(stderr, "out of memory for an HTTP answer\n");
		abort();
	}
	return response;
}

static void hand_over(struct http_exchange *x, int status, struct MHD_Response *response)
{
	pthread_mutex_lock(&x->lock);
	bool unwanted = x->over;
	if (!unwanted) {
		x->status = status;
		x->response = response;
		wake(x);
	}
	x->answered = true;
	pthread_mutex_unlock(&x->lock);
	if (unwanted)
		MHD_destroy_response(response);
}

void http_exchange_answer(struct http_exchange *x, int status, const char *content_type, struct span body)
{
	struct MHD_Response *response =
	    must(MHD_create_response_from_buffer(body.n, (void *)body.p, MHD_RESPMEM_MUST_COPY));
	put_headers(x, response, content_type);
	hand_over(x, status, response);
	exchange_unref(x);
}

/* ---- bytes that answers share */

struct http_body {
	atomic_int references;
	size_t n;
	char bytes[];
};

struct http_body *http_body_new(struct span bytes)
{
	struct http_body *b = malloc(sizeof *b + bytes.n);
	if (!b)
		abort();
	atomic_init(&b->references, 1);
	b->n = bytes.n;
	if (bytes.n)
		memcpy(b->bytes, bytes.p, bytes.n);
	return b;
}

struct http_body *http_body_ref(struct http_body *b)
{
	atomic_fetch_add_explicit(&b->references, 1, memory_order_relaxed);
	return b;
}

void http_body_unref(struct http_body *b)
{
	if (b && atomic_fetch_sub_explicit(&b->references, 1, memory_order_acq_rel) == 1)
		free(b);
}

struct span http_body_bytes(const struct http_body *b)
{
	return span_of(b->bytes, b->n);
}

static void drop_body(void *arg)
{
	http_body_unref(arg);
}

void http_exchange_answer_body(struct http_exchange *x, int status, const char *content_type, struct http_body *b)
{
	struct MHD_Response *response =
	    must(MHD_create_response_from_buffer_with_free_callback_cls(b->n, b->bytes, drop_body, http_body_ref(b)));
	put_headers(x, response, content_type);
	hand_over(x, status, response);
	exchange_unref(x);
}

bool http_exchange_gone(struct http_exchange *x)
{
	char byte;
	pthread_mutex_lock(&x->lock);
	bool gone = x->over || x->stopping;
	if (!gone) {
		ssize_t n = recv(x->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
		gone = n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
	}
	pthread_mutex_unlock(&x->lock);
	return gone;
}

/* ---- piecewise */

static ssize_t next_piece(void *arg, uint64_t position, char *to, size_t max)
{
	struct http_exchange *x = arg;
	(void)position;
	pthread_mutex_lock(&x->lock);
	ssize_t n = (ssize_t)(x->out.len - x->taken);
	if (n > 0) {
		n = (size_t)n < max ? n : (ssize_t)max;
		memcpy(to, x->out.data + x->taken, (size_t)n);
		x->taken += (size_t)n;
	} else if (x->ended) {
		n = x->cut ? MHD_CONTENT_READER_END_WITH_ERROR : MHD_CONTENT_READER_END_OF_STREAM;
	} else if (!sleep_until_woken(x)) {
		n = MHD_CONTENT_READER_END_WITH_ERROR;
	}
	pthread_mutex_unlock(&x->lock);
	return n;
}

static void drop_response(void *arg)
{
	exchange_unref(arg);
}

void http_exchange_stream_begin(struct http_exchange *x, int status, const char *content_type, int64_t length)
{
	atomic_fetch_add(&x->references, 1);
	struct MHD_Response *response = must(MHD_create_response_from_callback(
	    length < 0 ? MHD_SIZE_UNKNOWN : (uint64_t)length, STREAM_BLOCK_BYTES, next_piece, x, drop_response));
	put_headers(x, response, content_type);
	x->piecewise = true;
	hand_over(x, status, response);
}

bool http_exchange_stream_send(struct http_exchange *x, struct span bytes)
{
	pthread_mutex_lock(&x->lock);
	bool wanted = !x->over && !x->stopping;
	if (wanted) {
		if (x->taken) {
			x->out.len -= x->taken;
			memmove(x->out.data, x->out.data + x->taken, x->out.len);
			x->taken = 0;
		}
		buf_addspan(&x->out, bytes);
		wanted = !x->out.overflow;
		wake(x);
	}
	pthread_mutex_unlock(&x->lock);
	return wanted;
}

size_t http_exchange_stream_backlog(struct http_exchange *x)
{
	pthread_mutex_lock(&x->lock);
	size_t n = x->out.len - x->taken;
	pthread_mutex_unlock(&x->lock);
	return n;
}

void http_exchange_stream_end(struct http_exchange *x, bool cut)
{
	pthread_mutex_lock(&x->lock);
	x->ended = x->answered = true;
	x->cut = cut || x->out.overflow;
	if (!x->over)
		wake(x);
	pthread_mutex_unlock(&x->lock);
	exchange_unref(x);
}
