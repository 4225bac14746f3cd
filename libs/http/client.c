/* Runs calls as curl easy handles out of a pool, from http_call() to exactly one `done` each. */
#include "http/client.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "http/address.h"
#include "http/sockets.h"

#define CONNECT_TIMEOUT_MS 10000
#define CONNECTIONS_MAX 1024
#define RECEIVE_BUFFER_BYTES 8192L  /* one per handle: most answers fit */
#define KEPT_BODY_BYTES (64u << 10) /* a pooled handle keeps its body buffer up to this size */
#define IDLE_SWEEP_MS 50            /* how late an idle time-out may be noticed */
#define EXPECT_OFF "Expect:"        /* curl would wait up to a second for 100 Continue before a large body */

struct http_call {
	struct http_client *client;
	CURL *easy;
	struct http_call *next, *prev; /* in one of the client's lists */
	struct buf head;               /* text of the header lines */
	struct curl_slist lines[HTTP_HEADERS_MAX + 1];
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

static void list_push(struct http_call **list, struct http_call *c)
{
	c->prev = NULL;
	c->next = *list;
	if (c->next)
		c->next->prev = c;
	*list = c;
}

static void list_take(struct http_call **list, struct http_call *c)
{
	if (c->prev)
		c->prev->next = c->next;
	else
		*list = c->next;
	if (c->next)
		c->next->prev = c->prev;
}

static void fail(struct http_call *c, enum status status, const char *reason)
{
	if (c->failed == STATUS_OK) {
		c->failed = status;
		c->reason = reason;
	}
}

/* ---- callbacks of curl; the client cannot be entered again from them */

static curl_socket_t on_open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct http_call *c = arg;
	(void)purpose;
	if (c->client->forbid_link_local && address_is_link_local(&address->addr)) {
		c->refused = true;
		return CURL_SOCKET_BAD;
	}
	return socket_open(&c->client->sockets, address);
}

static size_t on_body(char *bytes, size_t size, size_t n, void *arg)
{
	struct http_call *c = arg;
	n *= size;
	long http_status = 0;
	if (c->data)
		curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &http_status);
	bool streamed = c->data && http_status >= 200 && http_status < 300;
	if (n > c->body_max - (streamed ? c->streamed : c->body.len)) {
		fail(c, STATUS_TOO_LARGE, "the answer is larger than allowed");
		return CURL_WRITEFUNC_ERROR;
	}
	if (!streamed) {
		buf_add(&c->body, bytes, n);
		return n;
	}
	c->streamed += n;
	if (!c->data(c->arg, span_of(bytes, n)))
		fail(c, STATUS_CANCELLED, "cancelled while the answer was read");
	return c->failed == STATUS_OK ? n : CURL_WRITEFUNC_ERROR;
}

/* ---- from a request to an easy handle */

static CURL *new_easy(struct http_call *c)
{
	struct http_client *client = c->client;
	CURL *e = curl_easy_init();
	if (!e)
		return NULL;
	curl_easy_setopt(e, CURLOPT_PRIVATE, c);
	curl_easy_setopt(e, CURLOPT_ERRORBUFFER, c->error);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, c);
	curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
	curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, c);
	curl_easy_setopt(e, CURLOPT_CLOSESOCKETFUNCTION, socket_close);
	curl_easy_setopt(e, CURLOPT_CLOSESOCKETDATA, &client->sockets);
	curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, client->connect_timeout_ms);
	curl_easy_setopt(e, CURLOPT_BUFFERSIZE, RECEIVE_BUFFER_BYTES);
	curl_easy_setopt(e, CURLOPT_USERAGENT, client->user_agent);
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_NOPROGRESS, 1L);
	curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(e, CURLOPT_PROXY, "");
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
	if (client->ca_file)
		curl_easy_setopt(e, CURLOPT_CAINFO, client->ca_file);
	return e;
}

/* Every option that differs from call to call is set for each, so that a pooled handle needs no reset. */
static void set_method(CURL *e, const struct http_request *r)
{
	bool with_body = r->body.p || strcmp(r->method, "POST") == 0;
	if (with_body) {
		curl_easy_setopt(e, CURLOPT_POST, 1L);
		curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body.n);
		curl_easy_setopt(e, CURLOPT_POSTFIELDS, r->body.p ? r->body.p : "");
	} else {
		curl_easy_setopt(e, CURLOPT_HTTPGET, 1L);
	}
	if (strcmp(r->method, "HEAD") == 0)
		curl_easy_setopt(e, CURLOPT_NOBODY, 1L);
	bool implied = strcmp(r->method, "HEAD") == 0 || strcmp(r->method, with_body ? "POST" : "GET") == 0;
	curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, implied ? NULL : r->method);
}

/* Without a line for it curl would announce a body as a web form. */
static void set_headers(struct http_call *c, const struct http_request *r)
{
	size_t at[HTTP_HEADERS_MAX + 1], n = 0;
	buf_reset(&c->head);
	for (size_t i = 0; i < r->headers_n; i++) {
		at[n++] = c->head.len;
		/* "name;" is how curl is told to send a header without a value. */
		buf_printf(&c->head, r->headers[i].value.n ? "%s: %.*s" : "%s;", r->headers[i].name,
		           SPAN_ARG(r->headers[i].value));
		buf_addc(&c->head, 0);
	}
	at[n++] = c->head.len;
	buf_add(&c->head, EXPECT_OFF, sizeof EXPECT_OFF);
	for (size_t i = 0; i < n; i++)
		c->lines[i] = (struct curl_slist){c->head.data + at[i], i + 1 < n ? &c->lines[i + 1] : NULL};
	curl_easy_setopt(c->easy, CURLOPT_HTTPHEADER, c->lines);
}

static void set_options(struct http_call *c, const struct http_request *r)
{
	CURL *e = c->easy;
	bool tls = strncasecmp(r->url, "https:", 6) == 0;
	curl_easy_setopt(e, CURLOPT_URL, r->url);
	set_method(e, r);
	set_headers(c, r);
	curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)r->timeout_ms);
	curl_easy_setopt(e, CURLOPT_HTTP_VERSION, tls ? (long)CURL_HTTP_VERSION_2TLS : (long)CURL_HTTP_VERSION_1_1);
	/* Rather wait for the first connection to say whether it takes several calls than open one for each. */
	curl_easy_setopt(e, CURLOPT_PIPEWAIT, (long)tls);
}

static bool is_token(const char *s)
{
	return *s && s[strspn(s, "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")] == 0;
}

static bool has_control(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (((unsigned char)s.p[i] < 0x20 && s.p[i] != '\t') || s.p[i] == 0x7f)
			return true;
	return false;
}

/* Header values are secrets: errors name the header only. */
static enum status check_request(const struct http_request *r, struct err *err)
{
	if (!r->method || !is_token(r->method))
		return err_field(err, STATUS_INVALID, "method", "an HTTP method is one word, such as GET or POST");
	if (!r->url || (strncasecmp(r->url, "http://", 7) != 0 && strncasecmp(r->url, "https://", 8) != 0))
		return err_field(err, STATUS_INVALID, "url", "the URL must begin with http:// or https://");
	if (has_control(span_from(r->url)) || strchr(r->url, ' '))
		return err_field(err, STATUS_INVALID, "url", "the URL contains a space or control character");
	if (r->headers_n > HTTP_HEADERS_MAX)
		return err_field(err, STATUS_INVALID, "headers", "%zu headers, at most %d are allowed", r->headers_n,
		                 HTTP_HEADERS_MAX);
	for (size_t i = 0; i < r->headers_n; i++) {
		if (!is_token(r->headers[i].name))
			return err_field(err, STATUS_INVALID, "headers", "header %zu has no valid name", i + 1);
		if (has_control(r->headers[i].value))
			return err_field(err, STATUS_INVALID, "headers", "the value of header %s contains a control character",
			                 r->headers[i].name);
	}
	if (r->timeout_ms < 0 || r->timeout_ms > INT32_MAX)
		return err_field(err, STATUS_INVALID, "timeout_ms", "%lld not in [0, %d]", (long long)r->timeout_ms, INT32_MAX);
	return STATUS_OK;
}

static void free_call(struct http_call *c)
{
	curl_easy_cleanup(c->easy);
	buf_free(&c->head);
	buf_free(&c->body);
	free(c);
}

static struct http_call *take_call(struct http_client *client)
{
	struct http_call *c = client->idle;
	if (c) {
		list_take(&client->idle, c);
		client->idle_n--;
		return c;
	}
	c = calloc(1, sizeof *c);
	if (!c)
		return NULL;
	c->client = client;
	c->easy = new_easy(c);
	if (!c->easy) {
		free(c);
		return NULL;
	}
	return c;
}

static void give_call(struct http_call *c)
{
	struct http_client *client = c->client;
	if ((long)client->idle_n >= client->max_connections || client->closing) {
		free_call(c);
		return;
	}
	if (c->body.cap > KEPT_BODY_BYTES)
		buf_free(&c->body);
	list_push(&client->idle, c);
	client->idle_n++;
}

/* ---- from the end of a transfer to `done` */

static enum status transport_of(const struct http_call *c, CURLcode code, int http_status, bool sent_nothing)
{
	switch (code) {
	case CURLE_OK:
		return STATUS_OK;
	case CURLE_OPERATION_TIMEDOUT:
		return STATUS_TIMEOUT;
	case CURLE_URL_MALFORMAT:
		return STATUS_INVALID;
	case CURLE_WEIRD_SERVER_REPLY:
		return STATUS_PROVIDER;
	case CURLE_UNSUPPORTED_PROTOCOL: /* also what an answer without a status line is called */
		return sent_nothing ? STATUS_INVALID : STATUS_PROVIDER;
	default:
		return http_status || c->body.len || c->streamed ? STATUS_PROVIDER : STATUS_UNAVAILABLE;
	}
}

static void fill_timings(struct http_response *r, CURL *e)
{
	curl_off_t total = 0, first = 0, connect = 0, tls = 0;
	curl_easy_getinfo(e, CURLINFO_TOTAL_TIME_T, &total);
	curl_easy_getinfo(e, CURLINFO_STARTTRANSFER_TIME_T, &first);
	curl_easy_getinfo(e, CURLINFO_CONNECT_TIME_T, &connect);
	curl_easy_getinfo(e, CURLINFO_APPCONNECT_TIME_T, &tls);
	r->total_us = total;
	r->first_byte_us = first;
	r->connect_us = tls ? tls : connect;
}

static void fill_response(struct http_call *c, CURLcode code, struct http_response *r)
{
	long http_status = 0, request_bytes = 0, version = 0;
	curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &http_status);
	curl_easy_getinfo(c->easy, CURLINFO_REQUEST_SIZE, &request_bytes);
	curl_easy_getinfo(c->easy, CURLINFO_HTTP_VERSION, &version);
	*r = (struct http_response){.http_status = (int)http_status, .streamed_bytes = c->streamed, .impl = c};
	r->body = buf_span(&c->body);
	r->http_version = version == CURL_HTTP_VERSION_2_0 ? "2" : version == CURL_HTTP_VERSION_1_0 ? "1.0" : "1.1";
	fill_timings(r, c->easy);
	if (c->refused && code != CURLE_OK && request_bytes == 0)
		fail(c, STATUS_FORBIDDEN, "the host's address is link-local or a metadata service");
	r->transport = c->failed != STATUS_OK ? c->failed : transport_of(c, code, r->http_status, request_bytes == 0);
	r->sent_nothing = r->transport != STATUS_OK && request_bytes == 0;
	if (r->transport != STATUS_OK)
		r->reason = c->reason ? c->reason : c->error[0] ? c->error : curl_easy_strerror(code);
}

static void finish(struct http_call *c, CURLcode code)
{
	struct http_client *client = c->client;
	struct http_response r;
	curl_multi_remove_handle(client->multi, c->easy);
	fill_response(c, code, &r);
	list_take(&client->running, c);
	client->running_n--;
	c->done(c->arg, &r);
	give_call(c);
}

static void finish_done(void *arg)
{
	struct http_client *client = arg;
	CURLMsg *m;
	int left;
	while ((m = curl_multi_info_read(client->multi, &left))) {
		struct http_call *c;
		CURLcode code = m->data.result;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &c);
		finish(c, code);
	}
}

static void finish_aborted(void *arg)
{
	struct http_client *client = arg;
	for (struct http_call *c = client->running, *next; c; c = next) {
		next = c->next;
		if (c->failed != STATUS_OK)
			finish(c, CURLE_ABORTED_BY_CALLBACK);
	}
}

static void end_soon(struct http_call *c, enum status status, const char *reason)
{
	fail(c, status, reason);
	loop_timer_start(c->client->loop, &c->client->abort_timer, 0, finish_aborted, c->client);
}

void http_abort(struct http_call *call)
{
	end_soon(call, STATUS_CANCELLED, "cancelled");
}

/* ---- idle time-outs: counted bytes of all running calls are compared a few times a second, so that bytes themselves
 * cost nothing */

static void sweep(void *arg)
{
	struct http_client *client = arg;
	int64_t now = loop_now_ms(client->loop);
	client->sweeping = false;
	for (struct http_call *c = client->running; c; c = c->next) {
		if (!c->idle_timeout_ms)
			continue;
		curl_off_t up = 0, down = 0;
		long head = 0;
		curl_easy_getinfo(c->easy, CURLINFO_SIZE_UPLOAD_T, &up);
		curl_easy_getinfo(c->easy, CURLINFO_SIZE_DOWNLOAD_T, &down);
		curl_easy_getinfo(c->easy, CURLINFO_HEADER_SIZE, &head);
		if (up + down + head != c->moved_bytes) {
			c->moved_bytes = up + down + head;
			c->moved_at_ms = now;
		} else if (now - c->moved_at_ms >= c->idle_timeout_ms) {
			end_soon(c, STATUS_TIMEOUT, "no byte came or went within the idle time-out");
		}
		client->sweeping = true;
	}
	if (client->sweeping)
		loop_timer_start(client->loop, &client->sweep_timer, IDLE_SWEEP_MS, sweep, client);
}

static void watch_idle(struct http_call *c)
{
	struct http_client *client = c->client;
	c->moved_at_ms = loop_now_ms(client->loop);
	c->moved_bytes = 0;
	if (!c->idle_timeout_ms || client->sweeping)
		return;
	client->sweeping = true;
	loop_timer_start(client->loop, &client->sweep_timer, IDLE_SWEEP_MS, sweep, client);
}

/* ---- interface */

enum status http_call(struct http_client *client, const struct http_request *r, struct http_call **ret, struct err *err)
{
	enum status s = check_request(r, err);
	if (s != STATUS_OK)
		return s;
	if (client->closing)
		return err_set(err, STATUS_UNAVAILABLE, "the HTTP client is shutting down");
	struct http_call *c = take_call(client);
	if (!c)
		return err_retry(err, STATUS_UNAVAILABLE, "no memory for another HTTP call");
	c->body_max = r->max_response_bytes ? r->max_response_bytes : HTTP_BODY_MAX;
	buf_reset(&c->body);
	c->body.max_bytes = c->body_max;
	c->streamed = 0;
	c->data = r->data;
	c->done = r->done;
	c->arg = r->arg;
	c->idle_timeout_ms = r->idle_timeout_ms;
	c->failed = STATUS_OK;
	c->refused = false;
	c->reason = NULL;
	c->error[0] = 0;
	set_options(c, r);
	watch_idle(c);
	CURLMcode code = curl_multi_add_handle(client->multi, c->easy);
	if (code != CURLM_OK) {
		give_call(c);
		return err_set(err, STATUS_INTERNAL, "cannot start an HTTP call: %s", curl_multi_strerror(code));
	}
	list_push(&client->running, c);
	client->running_n++;
	*ret = c;
	return STATUS_OK;
}

struct span http_response_header(const struct http_response *r, const char *name)
{
	const struct http_call *c = r->impl;
	struct curl_header *h;
	if (curl_easy_header(c->easy, name, 0, CURLH_HEADER, -1, &h) != CURLHE_OK)
		return (struct span){0};
	return span_from(h->value);
}

size_t http_calls_running(const struct http_client *c)
{
	return c->running_n;
}

static CURLcode global_status;
static void global_init(void)
{
	global_status = curl_global_init(CURL_GLOBAL_DEFAULT);
}

static char *copy_or_null(const char *s)
{
	return s ? strdup(s) : NULL;
}

enum status http_client_new(struct loop *l, const struct http_client_options *o, struct http_client **ret,
                            struct err *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, global_init);
	CURLM *multi = global_status == CURLE_OK ? curl_multi_init() : NULL;
	struct http_client *c = multi ? calloc(1, sizeof *c) : NULL;
	if (!c) {
		curl_multi_cleanup(multi);
		return err_set(err, STATUS_INTERNAL, "cannot initialise the HTTP client");
	}
	c->loop = l;
	c->multi = multi;
	c->connect_timeout_ms = o->connect_timeout_ms ? (long)o->connect_timeout_ms : CONNECT_TIMEOUT_MS;
	c->max_connections = o->max_connections ? o->max_connections : CONNECTIONS_MAX;
	c->user_agent = strdup(o->user_agent ? o->user_agent : "gannet");
	c->ca_file = copy_or_null(o->ca_file);
	c->forbid_link_local = o->forbid_link_local;
	sockets_init(&c->sockets, l, multi, finish_done, c);
	curl_multi_setopt(multi, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
	curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, c->max_connections);
	curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, c->max_connections);
	curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS,
	                  o->max_host_connections ? o->max_host_connections : CONNECTIONS_MAX);
	*ret = c;
	return STATUS_OK;
}

void http_client_free(struct http_client *c)
{
	if (!c)
		return;
	c->closing = true;
	while (c->running) {
		fail(c->running, STATUS_CANCELLED, "the HTTP client is shutting down");
		finish(c->running, CURLE_ABORTED_BY_CALLBACK);
	}
	while (c->idle) {
		struct http_call *call = c->idle;
		list_take(&c->idle, call);
		free_call(call);
	}
	curl_multi_cleanup(c->multi);
	sockets_release(&c->sockets);
	loop_timer_free(&c->abort_timer);
	loop_timer_free(&c->sweep_timer);
	free(c->user_agent);
	free(c->ca_file);
	free(c);
}
