/* Runs calls as curl easy handles out of a pool, from http_call() to exactly one `done` each. */
#include "http/call.h"

#include <pthread.h>
#include <stdlib.h>

#define CONNECT_TIMEOUT_MS 10000
#define CONNECTIONS_MAX 1024
#define KEPT_BODY_BYTES (64u << 10) /* a pooled handle keeps its body buffer up to this size */
#define IDLE_SWEEP_MS 50            /* how late an idle time-out may be noticed */

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
	c->easy = call_new_easy(c);
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
	long connects = 0;
	curl_easy_getinfo(e, CURLINFO_TOTAL_TIME_T, &total);
	curl_easy_getinfo(e, CURLINFO_STARTTRANSFER_TIME_T, &first);
	curl_easy_getinfo(e, CURLINFO_CONNECT_TIME_T, &connect);
	curl_easy_getinfo(e, CURLINFO_APPCONNECT_TIME_T, &tls);
	curl_easy_getinfo(e, CURLINFO_NUM_CONNECTS, &connects);
	r->total_us = total;
	r->first_byte_us = first;
	r->connect_us = connects == 0 ? 0 : tls ? tls : connect;
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
		call_fail(c, STATUS_FORBIDDEN, "the host's address is link-local or a metadata service");
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
	if (code != CURLE_OK)
		sockets_forget_idle(&client->sockets);
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
	call_fail(c, status, reason);
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
	enum status s = call_check_request(r, err);
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
	call_set_options(c, r);
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
		call_fail(c->running, STATUS_CANCELLED, "the HTTP client is shutting down");
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
