/* The HTTP client against a server of ours and against one that answers whatever bytes a test wants. */
#include "http/client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/server.h"
#include "tests/lib/test.h"

/* ---- a server that says exactly what it is told to */

enum ending { CLOSE, RESET, WAIT_FOR_PEER };

static struct raw {
	int listener, port;
	const char *answer;
	enum ending ending;
	pthread_t thread;
	struct buf heard; /* request heads; read after raw_stop() */
	int connections;
} raw;

static void hear_request(int fd)
{
	char byte;
	for (size_t from = raw.heard.len;
	     raw.heard.len - from < 4 || memcmp(raw.heard.data + raw.heard.len - 4, "\r\n\r\n", 4) != 0;) {
		if (read(fd, &byte, 1) != 1)
			return;
		buf_addc(&raw.heard, byte);
	}
}

static void *raw_serve(void *arg)
{
	(void)arg;
	int fd;
	while ((fd = accept(raw.listener, NULL, NULL)) >= 0) {
		raw.connections++;
		hear_request(fd);
		size_t n = strlen(raw.answer);
		if (n)
			CHECK_INT(write(fd, raw.answer, n), n);
		if (raw.ending == RESET)
			setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
		char rest[4096];
		while (raw.ending == WAIT_FOR_PEER && read(fd, rest, sizeof rest) > 0)
			;
		close(fd);
	}
	return NULL;
}

static int listen_anywhere(int *ret_port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&a, n) == 0 && listen(fd, 16) == 0);
	CHECK(getsockname(fd, (struct sockaddr *)&a, &n) == 0);
	*ret_port = ntohs(a.sin_port);
	return fd;
}

static void raw_start(const char *answer, enum ending ending)
{
	raw.answer = answer;
	raw.ending = ending;
	raw.listener = listen_anywhere(&raw.port);
	CHECK_INT(pthread_create(&raw.thread, NULL, raw_serve, NULL), 0);
}

static void raw_stop(void)
{
	shutdown(raw.listener, SHUT_RDWR);
	pthread_join(raw.thread, NULL);
	close(raw.listener);
	buf_free(&raw.heard);
}

/* ---- calls */

struct outcome {
	struct loop *loop;
	int *left;
	int times;
	enum status transport;
	char reason[256], header[64], version[8];
	bool sent_nothing, has_header;
	int http_status;
	struct buf body, streamed;
	int64_t total_us, first_byte_us, connect_us;
};

static void on_done(void *arg, const struct http_response *r)
{
	struct outcome *o = arg;
	struct span header = http_response_header(r, "X-Test");
	o->times++;
	o->transport = r->transport;
	snprintf(o->reason, sizeof o->reason, "%s", r->reason ? r->reason : "");
	snprintf(o->version, sizeof o->version, "%s", r->http_version);
	o->has_header = header.p != NULL;
	snprintf(o->header, sizeof o->header, "%.*s", SPAN_ARG(header));
	o->sent_nothing = r->sent_nothing;
	o->http_status = r->http_status;
	buf_reset(&o->body);
	buf_addspan(&o->body, r->body);
	CHECK_INT(r->streamed_bytes, o->streamed.len);
	o->total_us = r->total_us;
	o->first_byte_us = r->first_byte_us;
	o->connect_us = r->connect_us;
	if (--*o->left == 0)
		loop_stop(o->loop);
}

static struct loop *the_loop;
static struct http_client *client;

static void client_start(const struct http_client_options *o)
{
	struct err err;
	CHECK_OK(loop_new(&the_loop, &err), err);
	CHECK_OK(http_client_new(the_loop, o, &client, &err), err);
}

static void client_stop(void)
{
	http_client_free(client);
	loop_free(the_loop);
}

static struct http_call *begin(struct http_request r, struct outcome *o, int *left)
{
	struct http_call *call;
	struct err err;
	o->loop = the_loop;
	o->left = left;
	r.done = on_done;
	r.arg = o;
	CHECK_OK(http_call(client, &r, &call, &err), err);
	CHECK_INT(o->times, 0);
	return call;
}

static void run(struct http_request r, struct outcome *o)
{
	int left = 1;
	o->times = 0;
	begin(r, o, &left);
	loop_run(the_loop);
	CHECK_INT(o->times, 1);
}

static void outcome_free(struct outcome *o)
{
	buf_free(&o->body);
	buf_free(&o->streamed);
}

static const char *url(int port, const char *path)
{
	static char text[8][128];
	static int i;
	char *t = text[i++ % 8];
	snprintf(t, sizeof text[0], "http://127.0.0.1:%d%s", port, path);
	return t;
}

/* One call to the raw server by a fresh client. */
static void run_raw(const char *answer, enum ending ending, struct http_request r, struct outcome *o)
{
	raw_start(answer, ending);
	client_start(&(struct http_client_options){0});
	r.method = r.method ? r.method : "GET";
	r.url = url(raw.port, "/");
	run(r, o);
	client_stop();
	raw_stop();
}

/* ---- what arrives */

static void tell_back(void *arg, struct http_exchange *x)
{
	(void)arg;
	scoped_buf text = {0};
	struct span authorization = http_exchange_header(x, "authorization"), empty = http_exchange_header(x, "X-Empty");
	buf_printf(&text, "%.*s %.*s auth=%.*s empty=%d body=%.*s", SPAN_ARG(http_exchange_method(x)),
	           SPAN_ARG(http_exchange_path(x)), SPAN_ARG(authorization), empty.p && empty.n == 0,
	           SPAN_ARG(http_exchange_body(x)));
	http_exchange_add_header(x, "X-Test", "found");
	http_exchange_answer(x, 200, "text/plain", buf_span(&text));
}

static struct http_server *serve(void (*handle)(void *arg, struct http_exchange *x))
{
	struct http_server *s;
	struct err err;
	CHECK_OK(http_server_start(&(struct http_server_options){.handle = handle}, &s, &err), err);
	return s;
}

TEST(a_pooled_handle_carries_nothing_over_from_the_call_before)
{
	struct http_server *s = serve(tell_back);
	struct outcome o = {0};
	struct http_header headers[] = {{"Authorization", SPAN("Bearer one")}, {"X-Empty", SPAN("")}};
	client_start(&(struct http_client_options){0});
	const char *at = url(http_server_port(s), "/p");
	run((struct http_request){.method = "POST", .url = at, .headers = headers, .headers_n = 2, .body = SPAN("hello")},
	    &o);
	CHECK_SPAN(buf_span(&o.body), "POST /p auth=Bearer one empty=1 body=hello");
	run((struct http_request){.method = "GET", .url = at}, &o);
	CHECK_SPAN(buf_span(&o.body), "GET /p auth= empty=0 body=");
	run((struct http_request){.method = "HEAD", .url = at}, &o);
	CHECK_INT(o.http_status, 200);
	CHECK_SPAN(span_from(o.header), "found");
	CHECK_INT(o.body.len, 0);
	run((struct http_request){.method = "DELETE", .url = at}, &o);
	CHECK_SPAN(buf_span(&o.body), "DELETE /p auth= empty=0 body=");
	run((struct http_request){.method = "PUT", .url = at, .body = SPAN("x")}, &o);
	CHECK_SPAN(buf_span(&o.body), "PUT /p auth= empty=0 body=x");
	run((struct http_request){.method = "POST", .url = at}, &o);
	CHECK_SPAN(buf_span(&o.body), "POST /p auth= empty=0 body=");
	client_stop();
	http_server_stop(s);
	outcome_free(&o);
}

TEST(a_connection_is_used_again_and_timings_say_so)
{
	struct http_server *s = serve(tell_back);
	struct outcome o = {0};
	client_start(&(struct http_client_options){0});
	struct http_request r = {.method = "GET", .url = url(http_server_port(s), "/")};
	run(r, &o);
	CHECK(o.connect_us > 0 && o.first_byte_us >= o.connect_us && o.total_us >= o.first_byte_us);
	CHECK_SPAN(span_from(o.version), "1.1");
	run(r, &o);
	CHECK_INT(o.connect_us, 0);
	CHECK(o.first_byte_us > 0);
	client_stop();
	http_server_stop(s);
	outcome_free(&o);
}

TEST(an_idle_connection_that_the_server_closed_is_replaced)
{
	struct outcome o = {0};
	raw_start("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", CLOSE);
	client_start(&(struct http_client_options){0});
	struct http_request r = {.method = "GET", .url = url(raw.port, "/")};
	for (int i = 0; i < 3; i++) {
		run(r, &o);
		CHECK_INT(o.transport, STATUS_OK);
		CHECK_SPAN(buf_span(&o.body), "ok");
	}
	client_stop();
	shutdown(raw.listener, SHUT_RDWR);
	pthread_join(raw.thread, NULL);
	CHECK_INT(raw.connections, 3);
	raw_stop();
	outcome_free(&o);
}

static void show_type(void *arg, struct http_exchange *x)
{
	(void)arg;
	struct span type = http_exchange_header(x, "Content-Type"), expect = http_exchange_header(x, "Expect");
	http_exchange_answer(x, 200, "text/plain", expect.p ? SPAN("expects") : type.p ? type : SPAN("none"));
}

TEST(a_body_is_what_the_caller_says_it_is_and_nothing_else)
{
	struct http_server *s = serve(show_type);
	struct outcome o = {0};
	struct http_header json = {"content-type", SPAN("application/json")};
	client_start(&(struct http_client_options){0});
	const char *at = url(http_server_port(s), "/");
	run((struct http_request){.method = "POST", .url = at, .headers = &json, .headers_n = 1, .body = SPAN("{}")}, &o);
	CHECK_SPAN(buf_span(&o.body), "application/json");
	run((struct http_request){.method = "POST", .url = at, .body = SPAN("{}")}, &o);
	CHECK_SPAN(buf_span(&o.body), "none");
	client_stop();
	http_server_stop(s);
	outcome_free(&o);
}

#define MANY 200

TEST(many_calls_run_at_once_over_few_connections_and_each_ends_once)
{
	struct http_server *s = serve(tell_back);
	static struct outcome o[MANY];
	int left = MANY;
	client_start(&(struct http_client_options){.max_connections = 8});
	for (int i = 0; i < MANY; i++)
		begin((struct http_request){.method = "GET", .url = url(http_server_port(s), "/")}, &o[i], &left);
	CHECK_INT(http_calls_running(client), MANY);
	loop_run(the_loop);
	CHECK_INT(http_calls_running(client), 0);
	for (int i = 0; i < MANY; i++) {
		CHECK_INT(o[i].times, 1);
		CHECK_INT(o[i].http_status, 200);
		outcome_free(&o[i]);
	}
	client_stop();
	http_server_stop(s);
}

/* ---- streaming */

static bool keep(void *arg, struct span bytes)
{
	struct outcome *o = arg;
	buf_addspan(&o->streamed, bytes);
	return true;
}

static bool refuse(void *arg, struct span bytes)
{
	struct outcome *o = arg;
	buf_addspan(&o->streamed, bytes);
	return false;
}

TEST(a_streamed_answer_goes_to_data_and_not_to_the_body)
{
	struct outcome o = {0};
	run_raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", CLOSE,
	        (struct http_request){.data = keep}, &o);
	CHECK_INT(o.transport, STATUS_OK);
	CHECK_SPAN(buf_span(&o.streamed), "abcde");
	CHECK_INT(o.body.len, 0);
	outcome_free(&o);
}

TEST(an_error_answer_to_a_streaming_call_is_collected)
{
	struct outcome o = {0};
	run_raw("HTTP/1.1 429 Slow\r\nRetry-After: 3\r\nX-Test:  a b \r\nContent-Length: 4\r\n\r\nwait", CLOSE,
	        (struct http_request){.data = keep}, &o);
	CHECK_INT(o.transport, STATUS_OK);
	CHECK_INT(o.http_status, 429);
	CHECK_SPAN(buf_span(&o.body), "wait");
	CHECK_INT(o.streamed.len, 0);
	CHECK_SPAN(span_from(o.header), "a b");
	outcome_free(&o);
}

TEST(data_can_abort_the_call)
{
	struct outcome o = {0};
	run_raw("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc", WAIT_FOR_PEER, (struct http_request){.data = refuse},
	        &o);
	CHECK_INT(o.transport, STATUS_CANCELLED);
	CHECK_SPAN(buf_span(&o.streamed), "abc");
	outcome_free(&o);
}

/* ---- aborting */

static void abort_call(void *call)
{
	http_abort(call);
}

TEST(an_aborted_call_ends_once_as_cancelled_and_its_connection_is_closed)
{
	struct outcome o = {0};
	struct loop_timer t = {0};
	int left = 1;
	raw_start("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc", WAIT_FOR_PEER);
	client_start(&(struct http_client_options){0});
	struct http_call *call = begin((struct http_request){.method = "GET", .url = url(raw.port, "/")}, &o, &left);
	loop_timer_start(the_loop, &t, 30, abort_call, call);
	loop_run(the_loop);
	CHECK_INT(o.times, 1);
	CHECK_INT(o.transport, STATUS_CANCELLED);
	raw_stop(); /* returns only once the peer has closed */
	loop_timer_free(&t);
	client_stop();
	outcome_free(&o);
}

TEST(aborting_at_once_and_twice_still_ends_the_call_once)
{
	struct outcome o = {0};
	int left = 1;
	raw_start("", WAIT_FOR_PEER);
	client_start(&(struct http_client_options){0});
	struct http_call *call = begin((struct http_request){.method = "GET", .url = url(raw.port, "/")}, &o, &left);
	http_abort(call);
	http_abort(call);
	CHECK_INT(o.times, 0);
	loop_run(the_loop);
	CHECK_INT(o.times, 1);
	CHECK_INT(o.transport, STATUS_CANCELLED);
	CHECK(o.sent_nothing);
	client_stop();
	raw_stop();
	outcome_free(&o);
}

TEST(freeing_the_client_cancels_what_still_runs)
{
	struct outcome o[3] = {0};
	int left = 3;
	raw_start("", WAIT_FOR_PEER);
	client_start(&(struct http_client_options){0});
	for (int i = 0; i < 3; i++)
		begin((struct http_request){.method = "GET", .url = url(raw.port, "/")}, &o[i], &left);
	client_stop();
	for (int i = 0; i < 3; i++) {
		CHECK_INT(o[i].times, 1);
		CHECK_INT(o[i].transport, STATUS_CANCELLED);
		outcome_free(&o[i]);
	}
	raw_stop();
}

/* ---- what goes wrong */

TEST(a_refused_connection_is_unavailable_and_nothing_was_sent)
{
	struct outcome o = {0};
	int port;
	close(listen_anywhere(&port));
	client_start(&(struct http_client_options){0});
	run((struct http_request){.method = "POST", .url = url(port, "/"), .body = SPAN("x")}, &o);
	CHECK_INT(o.transport, STATUS_UNAVAILABLE);
	CHECK(o.sent_nothing);
	CHECK_INT(o.http_status, 0);
	CHECK_HAS(o.reason, "connect");
	client_stop();
	outcome_free(&o);
}

TEST(an_unknown_host_is_unavailable_and_nothing_was_sent)
{
	struct outcome o = {0};
	client_start(&(struct http_client_options){0});
	run((struct http_request){.method = "GET", .url = "http://no-such-host.invalid/"}, &o);
	CHECK_INT(o.transport, STATUS_UNAVAILABLE);
	CHECK(o.sent_nothing);
	CHECK_HAS(o.reason, "resolve");
	client_stop();
	outcome_free(&o);
}

TEST(a_peer_that_never_accepts_ends_as_timeout_with_nothing_sent)
{
	struct outcome o = {0};
	client_start(&(struct http_client_options){.connect_timeout_ms = 50});
	/* Not routed (RFC 5737): where the network says so at once, the call is unavailable instead. */
	run((struct http_request){.method = "GET", .url = "http://192.0.2.1/"}, &o);
	CHECK(o.transport == STATUS_TIMEOUT || o.transport == STATUS_UNAVAILABLE);
	CHECK(o.sent_nothing);
	client_stop();
	outcome_free(&o);
}

TEST(broken_answers_are_told_apart_from_missing_ones)
{
	static const struct {
		const char *answer;
		enum ending ending;
		enum status want;
		int http_status;
	} rows[] = {
	    {"", CLOSE, STATUS_UNAVAILABLE, 0},
	    {"", RESET, STATUS_UNAVAILABLE, 0},
	    {"nonsense that is no HTTP at all\r\n\r\n", CLOSE, STATUS_PROVIDER, 0},
	    {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", CLOSE, STATUS_PROVIDER, 200},
	    {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", RESET, STATUS_PROVIDER, 200},
	    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", CLOSE, STATUS_PROVIDER, 200},
	    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n", CLOSE, STATUS_PROVIDER, 200},
	    {"HTTP/1.1 204 None\r\n\r\n", CLOSE, STATUS_OK, 204},
	    {"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", CLOSE, STATUS_OK, 302},
	};
	for (size_t i = 0; i < countof(rows); i++) {
		struct outcome o = {0};
		run_raw(rows[i].answer, rows[i].ending, (struct http_request){.method = "POST", .body = SPAN("{}")}, &o);
		CHECK_MSG(o.transport == rows[i].want, "row %zu: %s (%s)", i, status_code(o.transport), o.reason);
		CHECK_MSG(o.http_status == rows[i].http_status, "row %zu: HTTP status %d", i, o.http_status);
		CHECK(!o.sent_nothing);
		CHECK_INT(o.reason[0] != 0, o.transport != STATUS_OK);
		outcome_free(&o);
	}
}

TEST(an_answer_past_the_limit_is_too_large_whether_announced_or_not)
{
	static const char *const answers[] = {
	    "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n123456789",
	    "HTTP/1.1 200 OK\r\n\r\n123456789",
	    "HTTP/1.1 500 No\r\nContent-Length: 9\r\n\r\n123456789",
	};
	for (size_t i = 0; i < countof(answers); i++)
		for (int streamed = 0; streamed < 2; streamed++) {
			struct outcome o = {0};
			run_raw(answers[i], CLOSE, (struct http_request){.max_response_bytes = 8, .data = streamed ? keep : NULL},
			        &o);
			CHECK_INT(o.transport, STATUS_TOO_LARGE);
			outcome_free(&o);
		}
	struct outcome fits = {0};
	run_raw(answers[0], CLOSE, (struct http_request){.max_response_bytes = 9}, &fits);
	CHECK_SPAN(buf_span(&fits.body), "123456789");
	outcome_free(&fits);
}

TEST(a_silent_server_ends_in_a_timeout_by_either_clock)
{
	struct outcome o = {0};
	run_raw("", WAIT_FOR_PEER, (struct http_request){.timeout_ms = 300}, &o);
	CHECK_INT(o.transport, STATUS_TIMEOUT);
	CHECK(!o.sent_nothing);
	CHECK(o.total_us >= 299000);
	run_raw("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", WAIT_FOR_PEER,
	        (struct http_request){.idle_timeout_ms = 60}, &o);
	CHECK_INT(o.transport, STATUS_TIMEOUT);
	CHECK_HAS(o.reason, "idle");
	CHECK(o.total_us >= 60000);
	outcome_free(&o);
}

static struct http_exchange *dripping;
static struct loop_timer drip_timer;
static int drips;

static void drip(void *arg)
{
	(void)arg;
	if (http_exchange_stream_send(dripping, SPAN("x")) && ++drips < 12)
		loop_timer_start(the_loop, &drip_timer, 60, drip, NULL);
	else
		http_exchange_stream_end(dripping, false);
}

static pthread_mutex_t drip_lock = PTHREAD_MUTEX_INITIALIZER;

static void begin_dripping(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&drip_lock);
	pthread_mutex_unlock(&drip_lock);
	http_exchange_stream_begin(dripping, 200, "text/plain", -1);
	drip(NULL);
}

static void keep_for_later(void *arg, struct http_exchange *x)
{
	(void)arg;
	http_exchange_later(x);
	pthread_mutex_lock(&drip_lock);
	dripping = x;
	pthread_mutex_unlock(&drip_lock);
	loop_wake(the_loop);
}

TEST(a_slow_answer_is_not_an_idle_one)
{
	struct outcome o = {0};
	client_start(&(struct http_client_options){0});
	loop_on_wake(the_loop, begin_dripping, NULL);
	struct http_server *s = serve(keep_for_later);
	run((struct http_request){.method = "GET", .url = url(http_server_port(s), "/"), .idle_timeout_ms = 500}, &o);
	CHECK_INT(o.transport, STATUS_OK);
	CHECK_SPAN(buf_span(&o.body), "xxxxxxxxxxxx");
	CHECK(o.total_us > 600000);
	client_stop();
	http_server_stop(s);
	outcome_free(&o);
}

TEST(link_local_hosts_are_forbidden_when_asked_for)
{
	struct outcome o = {0};
	client_start(&(struct http_client_options){.forbid_link_local = true});
	run((struct http_request){.method = "GET", .url = "http://169.254.169.254/latest/meta-data"}, &o);
	CHECK_INT(o.transport, STATUS_FORBIDDEN);
	CHECK(o.sent_nothing);
	run((struct http_request){.method = "GET", .url = "http://[::ffff:169.254.169.254]/"}, &o);
	CHECK_INT(o.transport, STATUS_FORBIDDEN);
	run((struct http_request){.method = "GET", .url = "http://0.0.0.0:1/"}, &o);
	CHECK_INT(o.transport, STATUS_FORBIDDEN);
	client_stop();
	outcome_free(&o);
}

TEST(bad_requests_are_refused_naming_the_field_and_no_secret)
{
	struct http_header injected[] = {{"Authorization", SPAN("secret\r\nX-Evil: 1")}},
	                   unnamed[] = {{"Bad Name", SPAN("v")}};
	struct http_header many[HTTP_HEADERS_MAX + 1] = {0};
	const struct {
		struct http_request r;
		const char *field;
	} rows[] = {
	    {{.method = "GET", .url = "ftp://host/"}, "url"},
	    {{.method = "GET", .url = "file:///etc/passwd"}, "url"},
	    {{.method = "GET", .url = "http://host/a b"}, "url"},
	    {{.method = "GET", .url = "http://host/\r\nHost: x"}, "url"},
	    {{.method = "GET", .url = NULL}, "url"},
	    {{.method = "GET / HTTP/1.1\r\n", .url = "http://host/"}, "method"},
	    {{.method = "GET", .url = "http://host/", .headers = injected, .headers_n = 1}, "headers"},
	    {{.method = "GET", .url = "http://host/", .headers = unnamed, .headers_n = 1}, "headers"},
	    {{.method = "GET", .url = "http://host/", .headers = many, .headers_n = countof(many)}, "headers"},
	    {{.method = "GET", .url = "http://host/", .timeout_ms = -1}, "timeout_ms"},
	};
	client_start(&(struct http_client_options){0});
	for (size_t i = 0; i < countof(rows); i++) {
		struct http_call *call;
		struct err err = {0};
		CHECK_STATUS(http_call(client, &rows[i].r, &call, &err), STATUS_INVALID);
		CHECK_SPAN(span_from(err.field), rows[i].field);
		CHECK(!strstr(err.msg, "secret"));
	}
	struct outcome o = {0};
	run((struct http_request){.method = "GET", .url = "http://:80/"}, &o);
	CHECK_INT(o.transport, STATUS_INVALID);
	CHECK(o.sent_nothing);
	client_stop();
	outcome_free(&o);
}

TEST(proxies_of_the_environment_are_not_used)
{
	struct http_server *s = serve(tell_back);
	struct outcome o = {0};
	setenv("http_proxy", "http://127.0.0.1:1", 1);
	setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
	client_start(&(struct http_client_options){0});
	run((struct http_request){.method = "GET", .url = url(http_server_port(s), "/")}, &o);
	CHECK_INT(o.http_status, 200);
	client_stop();
	http_server_stop(s);
	outcome_free(&o);
}

TEST(a_large_body_is_sent_without_waiting_for_permission)
{
	struct outcome o = {0};
	struct http_server *s;
	struct err err;
	struct http_server_options options = {.handle = show_type, .max_body_bytes = 8u << 20};
	CHECK_OK(http_server_start(&options, &s, &err), err);
	char *big = calloc(1, 4u << 20);
	CHECK(big);
	memset(big, 'x', 4u << 20);
	client_start(&(struct http_client_options){0});
	run((struct http_request){.method = "POST", .url = url(http_server_port(s), "/"), .body = {big, 4u << 20}}, &o);
	CHECK_INT(o.http_status, 200);
	CHECK_SPAN(buf_span(&o.body), "none");
	client_stop();
	http_server_stop(s);
	outcome_free(&o);
	free(big);
}

/* ---- fetch */

TEST(fetch_returns_status_and_body_or_the_reason)
{
	struct http_server *s = serve(tell_back);
	struct err err = {0};
	int http_status = 0;
	scoped_buf body = {0};
	struct http_request r = {.method = "GET", .url = url(http_server_port(s), "/f")};
	CHECK_OK(http_fetch(&r, &body, &http_status, &err), err);
	CHECK_INT(http_status, 200);
	CHECK_SPAN(buf_span(&body), "GET /f auth= empty=0 body=");
	CHECK_OK(http_fetch(&r, NULL, &http_status, &err), err);
	http_server_stop(s);
	http_status = 7;
	CHECK_STATUS(http_fetch(&r, &body, &http_status, &err), STATUS_UNAVAILABLE);
	CHECK(err.retryable && err.msg[0]);
	CHECK_INT(http_status, 7);
	r.url = "gopher://x";
	CHECK_STATUS(http_fetch(&r, &body, &http_status, &err), STATUS_INVALID);
}
