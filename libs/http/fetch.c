/* One blocking call: a loop and a client that live as long as it. */
#include <stdio.h>

#include "http/client.h"

struct fetch {
	struct loop *loop;
	const struct http_request *request;
	struct buf *body;
	int http_status;
	enum status status;
	struct err *err;
};

static void on_done(void *arg, const struct http_response *r)
{
	struct fetch *f = arg;
	loop_stop(f->loop);
	f->status = r->transport;
	if (r->transport != STATUS_OK) {
		f->status = err_set(f->err, r->transport, "%s", r->reason);
		f->err->retryable =
		    r->transport == STATUS_TIMEOUT || r->transport == STATUS_UNAVAILABLE || r->transport == STATUS_PROVIDER;
		return;
	}
	f->http_status = r->http_status;
	if (f->request->done)
		f->request->done(f->request->arg, r);
	if (f->body)
		buf_addspan(f->body, r->body);
}

static enum status fetch_on(struct loop *l, const struct http_request *r, struct fetch *f, struct err *err)
{
	struct http_client *client;
	struct http_call *call;
	struct http_request mine = *r;
	mine.data = NULL;
	mine.done = on_done;
	mine.arg = f;
	enum status s = http_client_new(l, &(struct http_client_options){0}, &client, err);
	if (s != STATUS_OK)
		return s;
	s = http_call(client, &mine, &call, err);
	if (s == STATUS_OK) {
		loop_run(l);
		s = f->status;
	}
	http_client_free(client);
	return s;
}

enum status http_fetch(const struct http_request *r, struct buf *body, int *ret_http_status, struct err *err)
{
	struct fetch f = {.request = r, .body = body, .err = err};
	enum status s = loop_new(&f.loop, err);
	if (s != STATUS_OK)
		return s;
	s = fetch_on(f.loop, r, &f, err);
	loop_free(f.loop);
	if (s == STATUS_OK)
		*ret_http_status = f.http_status;
	return s;
}
