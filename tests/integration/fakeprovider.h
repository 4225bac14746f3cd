/* The fake provider as a test's peer: started, asked, and its log read. */
#ifndef GANNET_TESTS_FAKEPROVIDER_H
#define GANNET_TESTS_FAKEPROVIDER_H

#include <stdio.h>

#include "http/client.h"
#include "json/json.h"
#include "tests/lib/servers.h"

#define CHAT "/v1/chat/completions"
#define MESSAGES "/v1/messages"
#define OLLAMA "/api/chat"

static int fake_port;
static struct test_process *fake;

/* `more` are further variables, NULL-terminated, or NULL. */
static inline void fake_start(const char *const *more)
{
	const char *env[16];
	size_t n = 0;
	char variable[32];
	scoped_buf body = {0};
	fake_port = test_free_port();
	snprintf(variable, sizeof variable, "PORT=%d", fake_port);
	env[n++] = variable;
	while (more && *more)
		env[n++] = *more++;
	env[n] = NULL;
	fake = test_spawn("gannet-fakeprovider", env, NULL);
	WAIT_FOR(test_http_get(fake_port, "/health", &body) == 200, "the fake provider");
}

struct reply {
	struct loop *loop;
	enum status transport;
	int http_status;
	char content_type[64], retry_after[64], retry_after_ms[32];
	struct buf body; /* everything that came, streamed or not */
	int64_t total_us, first_byte_us;
	struct arena memory;
};

static inline void reply_free(struct reply *r)
{
	buf_free(&r->body);
	arena_free(&r->memory);
}
#define scoped_reply __attribute__((cleanup(reply_free))) struct reply

static inline bool reply_data(void *arg, struct span bytes)
{
	struct reply *r = arg;
	buf_addspan(&r->body, bytes);
	return true;
}

static inline void reply_done(void *arg, const struct http_response *h)
{
	struct reply *r = arg;
	r->transport = h->transport;
	r->http_status = h->http_status;
	r->total_us = h->total_us;
	r->first_byte_us = h->first_byte_us;
	snprintf(r->content_type, sizeof r->content_type, "%.*s", SPAN_ARG(http_response_header(h, "content-type")));
	snprintf(r->retry_after, sizeof r->retry_after, "%.*s", SPAN_ARG(http_response_header(h, "retry-after")));
	snprintf(r->retry_after_ms, sizeof r->retry_after_ms, "%.*s", SPAN_ARG(http_response_header(h, "retry-after-ms")));
	buf_addspan(&r->body, h->body);
	loop_stop(r->loop);
}

struct ask {
	const char *path, *body;
	const char *key, *authorization; /* headers, if given */
	int64_t timeout_ms;
	size_t max_bytes;
};

struct asking {
	struct reply *reply;
	struct http_client *client;
	struct http_call *call;
	struct loop_timer timer;
	const char *until;
};

static inline void ask_begin(struct asking *k, const struct ask *a, struct reply *r)
{
	struct http_header headers[2];
	size_t n = 0;
	struct err err;
	char url[160];
	snprintf(url, sizeof url, "http://127.0.0.1:%d%s", fake_port, a->path);
	if (a->key)
		headers[n++] = (struct http_header){"Fake-Key", span_from(a->key)};
	if (a->authorization)
		headers[n++] = (struct http_header){"Authorization", span_from(a->authorization)};
	buf_reset(&r->body);
	k->reply = r;
	CHECK_OK(loop_new(&r->loop, &err), err);
	CHECK_OK(http_client_new(r->loop, &(struct http_client_options){0}, &k->client, &err), err);
	const struct http_request request = {.method = a->body ? "POST" : "GET",
	                                     .url = url,
	                                     .headers = headers,
	                                     .headers_n = n,
	                                     .body = span_from(a->body),
	                                     .timeout_ms = a->timeout_ms,
	                                     .max_response_bytes = a->max_bytes,
	                                     .data = reply_data,
	                                     .done = reply_done,
	                                     .arg = r};
	CHECK_OK(http_call(k->client, &request, &k->call, &err), err);
}

static inline void ask_end(struct asking *k)
{
	loop_run(k->reply->loop);
	loop_timer_free(&k->timer);
	http_client_free(k->client);
	loop_free(k->reply->loop);
}

/* One call, with a client of its own. */
static inline void ask(const struct ask *a, struct reply *r)
{
	struct asking k = {0};
	ask_begin(&k, a, r);
	ask_end(&k);
}

/* A request of each face for a model; `more` are further members: ,"stream":true */
static inline const char *chat_body(const char *model, const char *more)
{
	static char text[4][2048];
	static int i;
	char *t = text[i++ % 4];
	snprintf(t, sizeof text[0],
	         "{\"model\":\"%s\",\"max_tokens\":1000,\"messages\":[{\"role\":\"user\",\"content\":\"say it\"}]%s}",
	         model, more);
	return t;
}

/* The value at `pointer` of the reply's body, which must be JSON. */
static inline struct json at(struct reply *r, const char *pointer)
{
	struct json document, v;
	struct err err;
	CHECK_OK(json_parse(buf_span(&r->body), &document, &err), err);
	CHECK_MSG(json_pointer(document, pointer, &v), "no %s in %s", pointer, r->body.data);
	return v;
}

static inline int64_t number_at(struct reply *r, const char *pointer)
{
	int64_t n;
	CHECK(json_i64(at(r, pointer), &n));
	return n;
}

static inline struct span text_at(struct reply *r, const char *pointer)
{
	return json_text(at(r, pointer), &r->memory);
}

static inline void get(const char *path, struct reply *r)
{
	ask(&(struct ask){.path = path}, r);
	CHECK_INT(r->http_status, 200);
}

static inline int64_t stat_of(const char *pointer)
{
	scoped_reply r = {0};
	get("/stats", &r);
	return number_at(&r, pointer);
}

static inline void leave_when_seen(void *arg)
{
	struct asking *k = arg;
	struct buf *body = &k->reply->body;
	if (k->until ? body->len && strstr(body->data, k->until) : stat_of("/running") > 0)
		http_abort(k->call);
	else
		loop_timer_start(k->reply->loop, &k->timer, 5, leave_when_seen, k);
}

/* Gives the call up once its answer has begun with `until`, or when NULL, once the fake provider has the request. */
static inline void ask_and_leave(const struct ask *a, const char *until, struct reply *r)
{
	struct asking k = {.until = until};
	ask_begin(&k, a, r);
	loop_timer_start(r->loop, &k.timer, 0, leave_when_seen, &k);
	ask_end(&k);
}

#endif
