/* The HTTP server, spoken to over plain sockets. */
#include "http/server.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/clock.h"
#include "tests/lib/test.h"

/* ---- a client that says and reads plain bytes */

static int dial(const struct http_server *s)
{
	struct sockaddr_in a = {
	    .sin_family = AF_INET, .sin_port = htons(http_server_port(s)), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	CHECK(fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) == 0);
	return fd;
}

static void say(int fd, const char *text)
{
	size_t n = strlen(text);
	CHECK_INT(send(fd, text, n, MSG_NOSIGNAL), n);
}

/* Reads until `part` has come or the connection has ended; the text stays valid until the next call. */
static const char *hear(int fd, const char *part)
{
	static char text[1 << 16];
	size_t n = 0;
	text[0] = 0;
	while (n < sizeof text - 1 && !(part && strstr(text, part))) {
		ssize_t got = read(fd, text + n, 1);
		if (got <= 0)
			break;
		text[++n] = 0;
	}
	return text;
}

static const char *hear_all(int fd)
{
	return hear(fd, NULL);
}

static const char *ask(const struct http_server *s, const char *request)
{
	int fd = dial(s);
	say(fd, request);
	const char *text = hear_all(fd);
	close(fd);
	return text;
}

static struct http_server *serve(struct http_server_options o)
{
	struct http_server *s;
	struct err err;
	CHECK_OK(http_server_start(&o, &s, &err), err);
	return s;
}

#define CLOSING "Host: h\r\nConnection: close\r\n"

/* ---- whole answers */

static void tell_back(void *arg, struct http_exchange *x)
{
	(void)arg;
	scoped_buf text = {0};
	struct span q = http_exchange_query(x, "q");
	buf_printf(&text, "[%.*s %.*s q=%.*s body=%.*s]", SPAN_ARG(http_exchange_method(x)),
	           SPAN_ARG(http_exchange_path(x)), SPAN_ARG(q), SPAN_ARG(http_exchange_body(x)));
	http_exchange_add_header(x, "X-One", "1");
	http_exchange_answer(x, 201, "text/plain", buf_span(&text));
}

TEST(a_request_is_handed_over_whole_and_answered_with_headers)
{
	struct http_server *s = serve((struct http_server_options){.handle = tell_back});
	const char *text = ask(s, "POST /a%20b?q=x%26y&r=2 HTTP/1.1\r\n" CLOSING "Content-Length: 5\r\n\r\nhello");
	CHECK_HAS(text, "HTTP/1.1 201 Created\r\n");
	CHECK_HAS(text, "Content-Type: text/plain\r\n");
	CHECK_HAS(text, "X-One: 1\r\n");
	CHECK_HAS(text, "[POST /a b q=x&y body=hello]");
	CHECK_HAS(ask(s, "POST /c HTTP/1.1\r\n" CLOSING "Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n1\r\ny\r\n0\r\n\r\n"),
	          "[POST /c q= body=hey]");
	http_server_stop(s);
}

TEST(a_connection_carries_one_request_after_the_other)
{
	struct http_server *s = serve((struct http_server_options){.handle = tell_back});
	int fd = dial(s);
	say(fd, "GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n");
	hear(fd, "[GET /1 q= body=]");
	CHECK_HAS(hear(fd, "[GET /2 q= body=]"), "/2");
	say(fd, "GET /3 HTTP/1.1\r\nHost: h\r\n\r\n");
	CHECK_HAS(hear(fd, "[GET /3 q= body=]"), "/3");
	close(fd);
	http_server_stop(s);
}

TEST(head_gets_the_headers_without_the_body)
{
	struct http_server *s = serve((struct http_server_options){.handle = tell_back});
	const char *text = ask(s, "HEAD / HTTP/1.1\r\n" CLOSING "\r\n");
	CHECK_HAS(text, "201");
	CHECK_HAS(text, "Content-Length: 17\r\n");
	CHECK(!strstr(text, "[HEAD"));
	http_server_stop(s);
}

static void forget(void *arg, struct http_exchange *x)
{
	(void)arg;
	(void)x;
}

TEST(a_request_that_the_handler_forgot_is_an_internal_error)
{
	struct http_server *s = serve((struct http_server_options){.handle = forget});
	CHECK_HAS(ask(s, "GET / HTTP/1.1\r\n" CLOSING "\r\n"), "500");
	http_server_stop(s);
}

/* ---- limits */

TEST(a_body_past_the_limit_is_refused_and_one_at_the_limit_is_not)
{
	struct http_server *s = serve((struct http_server_options){.handle = tell_back, .max_body_bytes = 4});
	CHECK_HAS(ask(s, "POST / HTTP/1.1\r\n" CLOSING "Content-Length: 4\r\n\r\nabcd"), "body=abcd]");
	const char *text = ask(s, "POST / HTTP/1.1\r\n" CLOSING "Content-Length: 5\r\n\r\nabcde");
	CHECK_HAS(text, "HTTP/1.1 413 ");
	CHECK_HAS(text, "at most 4 bytes");
	CHECK_HAS(
	    ask(s, "POST / HTTP/1.1\r\n" CLOSING "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"),
	    " 413 ");
	int fd = dial(s);
	say(fd, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nabcdef");
	CHECK_HAS(hear(fd, "}}"), " 413 ");
	say(fd, "GET /still HTTP/1.1\r\nHost: h\r\n\r\n");
	CHECK_HAS(hear(fd, "]"), "/still");
	close(fd);
	http_server_stop(s);
}

TEST(headers_past_the_limit_are_refused)
{
	struct http_server *s = serve((struct http_server_options){.handle = tell_back});
	scoped_buf request = {0};
	buf_adds(&request, "GET / HTTP/1.1\r\n" CLOSING "X-Long: ");
	for (int i = 0; i < 20000; i++)
		buf_addc(&request, 'a');
	buf_adds(&request, "\r\n\r\n");
	CHECK_HAS(ask(s, request.data), " 431 ");
	http_server_stop(s);
}

TEST(nonsense_is_answered_or_closed_and_harms_nobody)
{
	static const char *const rows[] = {
	    "\r\n\r\n\r\n",
	    "GET\r\n\r\n",
	    "GET / HTTP/9.9\r\n" CLOSING "\r\n",
	    "POST / HTTP/1.1\r\n" CLOSING "Content-Length: -1\r\n\r\n",
	    "POST / HTTP/1.1\r\n" CLOSING "Content-Length: 99999999999999999999\r\n\r\n",
	    "POST / HTTP/1.1\r\n" CLOSING "Transfer-Encoding: chunked\r\n\r\nnot hex\r\n",
	    "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
	};
	struct http_server *s = serve((struct http_server_options){.handle = tell_back, .idle_timeout_s = 1});
	for (size_t i = 0; i < countof(rows); i++)
		CHECK_MSG(!strstr(ask(s, rows[i]), " 500 "), "row %zu", i);
	CHECK_HAS(ask(s, "GET /alive HTTP/1.1\r\n" CLOSING "\r\n"), "/alive");
	http_server_stop(s);
}

TEST(a_silent_connection_is_closed_after_the_idle_time)
{
	struct http_server *s = serve((struct http_server_options){.handle = tell_back, .idle_timeout_s = 1});
	int fd = dial(s);
	say(fd, "GET / HTT");
	hear_all(fd); /* returns because the server closes */
	close(fd);
	http_server_stop(s);
}

TEST(connections_past_the_limit_wait_for_their_turn)
{
	struct http_server *s = serve((struct http_server_options){.handle = tell_back, .max_connections = 1});
	int first = dial(s), second = dial(s);
	char byte;
	say(first, "GET /1 HTTP/1.1\r\nHost: h\r\n\r\n");
	hear(first, "]");
	say(second, "GET /2 HTTP/1.1\r\nHost: h\r\n\r\n");
	struct timeval wait = {.tv_usec = 50000};
	setsockopt(second, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
	CHECK(recv(second, &byte, 1, 0) < 0);
	wait = (struct timeval){.tv_sec = 20};
	setsockopt(second, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
	close(first);
	CHECK_HAS(hear(second, "]"), "/2");
	close(second);
	http_server_stop(s);
}

TEST(a_taken_port_and_a_bad_address_are_named)
{
	struct http_server *s = serve((struct http_server_options){.handle = tell_back}), *other;
	struct err err = {0};
	struct http_server_options o = {.handle = tell_back, .port = http_server_port(s)};
	CHECK_STATUS(http_server_start(&o, &other, &err), STATUS_UNAVAILABLE);
	CHECK_HAS(err.msg, "in use");
	o = (struct http_server_options){.handle = tell_back, .bind = "localhost"};
	CHECK_STATUS(http_server_start(&o, &other, &err), STATUS_INVALID);
	CHECK_HAS(err.msg, "localhost");
	http_server_stop(s);
}

/* ---- later answers */

#define WAITING_MAX 64

static struct {
	pthread_mutex_t lock;
	struct http_exchange *x[WAITING_MAX];
	int n;
} waiting = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void keep(void *arg, struct http_exchange *x)
{
	(void)arg;
	http_exchange_later(x);
	pthread_mutex_lock(&waiting.lock);
	CHECK(waiting.n < WAITING_MAX);
	waiting.x[waiting.n++] = x;
	pthread_mutex_unlock(&waiting.lock);
}

static int kept(void)
{
	pthread_mutex_lock(&waiting.lock);
	int n = waiting.n;
	pthread_mutex_unlock(&waiting.lock);
	return n;
}

static struct http_exchange *take(void)
{
	WAIT_FOR(kept() > 0, "a request at the handler");
	pthread_mutex_lock(&waiting.lock);
	struct http_exchange *x = waiting.x[--waiting.n];
	pthread_mutex_unlock(&waiting.lock);
	return x;
}

static int ask_later(const struct http_server *s)
{
	int fd = dial(s), before = kept();
	say(fd, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
	WAIT_FOR(kept() > before, "the request at the handler");
	return fd;
}

TEST(many_requests_wait_while_another_thread_answers_them_in_any_order)
{
	struct http_server *s = serve((struct http_server_options){.handle = keep});
	int fds[WAITING_MAX];
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < WAITING_MAX; i++)
			fds[i] = ask_later(s);
		for (int i = 0; i < WAITING_MAX; i++)
			http_exchange_answer(take(), 200, "text/plain", SPAN("late"));
		for (int i = 0; i < WAITING_MAX; i++) {
			CHECK_HAS(hear(fds[i], "late"), "200 OK");
			close(fds[i]);
		}
	}
	http_server_stop(s);
}

static void *answer_all(void *arg)
{
	for (int *left = arg; *left > 0; --*left)
		http_exchange_answer(take(), 200, "text/plain", SPAN("late"));
	return NULL;
}

TEST(an_answer_may_come_while_the_handler_still_runs)
{
	struct http_server *s = serve((struct http_server_options){.handle = keep});
	int left = 300, fd = dial(s);
	pthread_t thread;
	CHECK_INT(pthread_create(&thread, NULL, answer_all, &left), 0);
	for (int i = 0; i < 300; i++) {
		say(fd, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
		CHECK_HAS(hear(fd, "late"), "200 OK");
	}
	pthread_join(thread, NULL);
	close(fd);
	http_server_stop(s);
}

TEST(a_client_that_went_away_is_noticed)
{
	struct http_server *s = serve((struct http_server_options){.handle = keep});
	int fd = ask_later(s);
	struct http_exchange *x = take();
	CHECK(!http_exchange_gone(x));
	close(fd);
	WAIT_FOR(http_exchange_gone(x), "the end of the connection");
	http_exchange_answer(x, 200, "text/plain", SPAN("to nobody"));
	http_server_stop(s);
}

TEST(stopping_cuts_what_waits_and_late_answers_are_harmless)
{
	struct http_server *s = serve((struct http_server_options){.handle = keep});
	int fds[3];
	for (int i = 0; i < 3; i++)
		fds[i] = ask_later(s);
	struct http_exchange *a = take(), *b = take(), *c = take();
	http_exchange_stream_begin(b, 200, "text/plain", -1);
	http_server_stop(s);
	for (int i = 0; i < 3; i++) {
		CHECK(!strstr(hear_all(fds[i]), "\r\n0\r\n"));
		close(fds[i]);
	}
	http_exchange_answer(a, 200, "text/plain", SPAN("too late"));
	CHECK(!http_exchange_stream_send(b, SPAN("too late")));
	http_exchange_stream_end(b, false);
	CHECK(http_exchange_gone(c));
	http_exchange_stream_end(c, true);
}

/* ---- in pieces */

TEST(pieces_arrive_as_they_are_sent)
{
	struct http_server *s = serve((struct http_server_options){.handle = keep});
	int fd = ask_later(s);
	struct http_exchange *x = take();
	http_exchange_add_header(x, "X-Stream", "yes");
	http_exchange_stream_begin(x, 200, "text/event-stream", -1);
	CHECK(http_exchange_stream_send(x, SPAN("one")));
	CHECK_HAS(hear(fd, "one"), "X-Stream: yes\r\n");
	CHECK(http_exchange_stream_send(x, SPAN("two")));
	CHECK_HAS(hear(fd, "two"), "two");
	WAIT_FOR(http_exchange_stream_backlog(x) == 0, "an empty backlog");
	http_exchange_stream_end(x, false);
	CHECK_HAS(hear(fd, "0\r\n\r\n"), "0\r\n\r\n");
	say(fd, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
	http_exchange_answer(take(), 200, "text/plain", SPAN("same connection"));
	CHECK_HAS(hear(fd, "same connection"), "200");
	close(fd);
	http_server_stop(s);
}

TEST(a_cut_answer_ends_the_connection_without_its_end_mark)
{
	struct http_server *s = serve((struct http_server_options){.handle = keep});
	int fd = ask_later(s);
	struct http_exchange *x = take();
	http_exchange_stream_begin(x, 200, "text/plain", -1);
	http_exchange_stream_send(x, SPAN("half"));
	http_exchange_stream_end(x, true);
	const char *text = hear_all(fd);
	CHECK_HAS(text, "half");
	CHECK(!strstr(text, "0\r\n\r\n"));
	close(fd);

	fd = ask_later(s);
	x = take();
	http_exchange_stream_begin(x, 200, "text/plain", 100);
	http_exchange_stream_send(x, SPAN("half"));
	http_exchange_stream_end(x, true);
	text = hear_all(fd);
	CHECK_HAS(text, "Content-Length: 100\r\n");
	CHECK_HAS(text, "\r\n\r\nhalf");
	close(fd);
	http_server_stop(s);
}

TEST(a_cut_without_a_beginning_answers_nothing)
{
	struct http_server *s = serve((struct http_server_options){.handle = keep});
	int fd = ask_later(s);
	http_exchange_stream_end(take(), true);
	CHECK_SPAN(span_from(hear_all(fd)), "");
	close(fd);
	http_server_stop(s);
}

TEST(a_reader_that_is_too_slow_is_dropped_instead_of_filling_memory)
{
	struct http_server *s = serve((struct http_server_options){.handle = keep});
	int fd = ask_later(s);
	struct http_exchange *x = take();
	char *block = calloc(1, 65536);
	CHECK(block);
	memset(block, 'x', 65536);
	http_exchange_stream_begin(x, 200, "text/plain", -1);
	int blocks = 0;
	while (http_exchange_stream_send(x, span_of(block, 65536)))
		CHECK_MSG(++blocks < 4096, "256 MiB were taken without a reader");
	CHECK(http_exchange_stream_backlog(x) <= HTTP_SERVER_STREAM_MAX);
	http_exchange_stream_end(x, false);
	close(fd);
	http_server_stop(s);
	free(block);
}

TEST(a_head_request_for_a_piecewise_answer_ends)
{
	struct http_server *s = serve((struct http_server_options){.handle = keep});
	int fd = dial(s);
	say(fd, "HEAD / HTTP/1.1\r\n" CLOSING "\r\n");
	struct http_exchange *x = take();
	http_exchange_stream_begin(x, 200, "text/plain", -1);
	CHECK_HAS(hear_all(fd), "200 OK");
	WAIT_FOR(!http_exchange_stream_send(x, SPAN("nobody reads")), "the end of the exchange");
	http_exchange_stream_end(x, false);
	close(fd);
	http_server_stop(s);
}

/* ---- clients that are slow on purpose */

static int64_t ms_until_closed(int fd)
{
	int64_t begin = clock_mono_ms(&clock_system);
	hear_all(fd);
	close(fd);
	return clock_mono_ms(&clock_system) - begin;
}

/* Says one byte every 100 ms until the server has had enough. */
static int64_t drip(int fd, const char *text)
{
	int64_t begin = clock_mono_ms(&clock_system);
	for (const char *p = text;; p = p[1] ? p + 1 : p) {
		char byte;
		if (send(fd, p, 1, MSG_NOSIGNAL) != 1 || recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) == 0)
			break;
		usleep(100000);
	}
	close(fd);
	return clock_mono_ms(&clock_system) - begin;
}

TEST(a_head_that_comes_drop_by_drop_is_cut_off)
{
	struct http_server *s = serve((struct http_server_options){.handle = tell_back, .head_timeout_s = 1});
	int64_t took_ms = drip(dial(s), "GET / HTTP/1.1\r\nX: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
	CHECK_MSG(took_ms >= 1000, "after %lld ms", (long long)took_ms);
	CHECK(ms_until_closed(dial(s)) >= 900); /* and one that says nothing, before idle_timeout_s */
	CHECK_HAS(ask(s, "GET /1 HTTP/1.1\r\n" CLOSING "\r\n"), "[GET /1");
	http_server_stop(s);
}

TEST(a_body_that_comes_drop_by_drop_is_cut_off)
{
	struct http_server *s = serve((struct http_server_options){.handle = tell_back, .body_timeout_s = 1});
	int fd = dial(s);
	say(fd, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n");
	CHECK(drip(fd, "x") >= 1000);
	http_server_stop(s);
}

#define LARGE_BYTES ((size_t)32 << 20) /* more than sockets hold */
static void answer_large(void *arg, struct http_exchange *x)
{
	http_exchange_answer_body(x, 200, "text/plain", arg);
}

TEST(an_answer_that_is_taken_drop_by_drop_is_cut_off)
{
	char *bytes = calloc(1, LARGE_BYTES);
	struct http_body *body = http_body_new(span_of(bytes, LARGE_BYTES));
	free(bytes);
	struct http_server *s = serve((struct http_server_options){.handle = answer_large, .arg = body, .answer_timeout_s = 1});
	int fd = dial(s);
	say(fd, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
	size_t got = 0;
	static char some[65536];
	for (ssize_t n = 1; n > 0 && got < LARGE_BYTES; got += n > 0 ? (size_t)n : 0) {
		n = recv(fd, some, got < 100 ? 1 : sizeof some, 0); /* slowly for two seconds, then all that the sockets hold */
		usleep(got < 100 ? 20000 : 0);
	}
	CHECK_MSG(got < LARGE_BYTES, "all of it came");
	close(fd);
	http_server_stop(s);
	http_body_unref(body);
}

TEST(answers_share_a_body_that_outlives_its_owner)
{
	struct http_body *body = http_body_new(SPAN("shared bytes"));
	struct http_server *s = serve((struct http_server_options){.handle = answer_large, .arg = body});
	for (int i = 0; i < 3; i++)
		CHECK_HAS(ask(s, "GET / HTTP/1.1\r\n" CLOSING "\r\n"), "Content-Length: 12\r\n\r\nshared bytes");
	http_server_stop(s);
	http_body_unref(body);
}

/* ---- what came as it came */

static void tell_header(void *arg, struct span name, struct span value)
{
	buf_printf(arg, " %.*s=%.*s", SPAN_ARG(name), SPAN_ARG(value));
}

static void tell_raw(void *arg, struct http_exchange *x)
{
	(void)arg;
	scoped_buf text = {0};
	char peer[HTTP_PEER_BYTES];
	http_exchange_peer(x, peer);
	buf_printf(&text, "[%.*s from %s", SPAN_ARG(http_exchange_target(x)), peer);
	http_exchange_each_header(x, tell_header, &text);
	buf_adds(&text, "]");
	http_exchange_answer(x, 200, "text/plain", buf_span(&text));
}

TEST(the_target_and_every_header_are_there_undecoded)
{
	struct http_server *s = serve((struct http_server_options){.handle = tell_raw});
	CHECK_HAS(ask(s, "GET /a%2fb/../%00?c=%26&d HTTP/1.1\r\nHost: h\r\nX: 1\r\nx: 2\r\nConnection: close\r\n\r\n"),
	          "[/a%2fb/../%00?c=%26&d from 127.0.0.1 Host=h X=1 x=2 Connection=close]");
	http_server_stop(s);
}

TEST(several_threads_serve_one_port)
{
	struct http_server *s = serve((struct http_server_options){.handle = tell_back, .threads = 3});
	for (int i = 0; i < 30; i++)
		CHECK_HAS(ask(s, "GET /t HTTP/1.1\r\n" CLOSING "\r\n"), "[GET /t");
	http_server_stop(s);
}
