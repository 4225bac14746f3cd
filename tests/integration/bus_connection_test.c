/* Connecting, publishing, subscribing and asking, with servers that come, go and refuse. */
#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/integration/bus_helpers.h"
#include "tests/lib/process.h"

static atomic_int heard, states_up, states_down, forbidden, refusals;
static char last[256];

static void hear(void *arg, const struct bus_in *m)
{
	(void)arg;
	snprintf(last, sizeof last, "%.*s=%.*s", SPAN_ARG(m->subject), SPAN_ARG(m->data));
	heard++;
}

static void on_state(void *arg, bool connected, const char *why)
{
	(void)arg;
	forbidden += strstr(why, "secret.plan") != NULL;
	refusals += strstr(why, "Authorization") != NULL;
	if (connected)
		states_up++;
	else
		states_down++;
}

static void publish(struct bus *b, const char *subject, const char *text)
{
	struct err err;
	CHECK_OK(bus_publish(b, &(struct bus_out){.subject = subject, .data = span_from(text)}, &err), err);
}

static struct bus_sub *subscribe(struct bus *b, const char *subject)
{
	struct err err;
	struct bus_sub *s;
	CHECK_OK(bus_subscribe(b, subject, NULL, hear, NULL, &s, &err), err);
	CHECK_OK(bus_flush(b, 2000, &err), err);
	return s;
}

/* A server of this test's own with other rules; killed when the test ends. */
static pid_t start_server(int port, const char *config)
{
	char path[256], program[256], log[256];
	process_path(path, sizeof path, test_dir(), "server.conf");
	process_path(log, sizeof log, test_dir(), "server.log");
	FILE *f = fopen(path, "we");
	CHECK(f && fprintf(f, "listen: 127.0.0.1:%d\n%s\n", port, config) > 0 && fclose(f) == 0);
	process_find("nats-server", program, sizeof program);
	return process_start(
	    &(struct process){.path = program, .argv = (const char *[]){"nats-server", "-c", path, NULL}, .log_path = log});
}

TEST(published_messages_reach_subscribers_with_their_headers)
{
	struct bus *b = open_bus();
	struct err err;
	struct bus_sub *s = subscribe(b, "plain.*");
	publish(b, "plain.a", "one");
	WAIT_FOR(heard == 1, "the message");
	CHECK(strcmp(last, "plain.a=one") == 0);
	bus_unsubscribe(s);
	publish(b, "plain.b", "two");
	CHECK_OK(bus_flush(b, 2000, &err), err);
	CHECK_INT(heard, 1);
	bus_close(b);
}

static struct span seen_trace;
static char trace_text[64], empty_text[64];
static void hear_headers(void *arg, const struct bus_in *m)
{
	(void)arg;
	CHECK(!bus_in_header(m, "Absent").p);
	CHECK(!bus_in_header(m, "traceParent").p);
	CHECK(!bus_in_header(m, "Empty").p);
	CHECK(span_copy(bus_in_header(m, "traceparent"), trace_text, sizeof trace_text));
	CHECK(span_copy(bus_in_header(m, "After"), empty_text, sizeof empty_text));
	CHECK_SPAN(m->reply, "here");
	seen_trace = span_from(trace_text);
	heard++;
}

TEST(headers_are_found_by_their_exact_name_and_empty_ones_are_left_out)
{
	struct bus *b = open_bus();
	struct err err;
	struct bus_sub *s;
	CHECK_OK(bus_subscribe(b, "with.headers", NULL, hear_headers, NULL, &s, &err), err);
	const struct bus_header h[] = {{"traceparent", SPAN("00-ab-cd-01")}, {"Empty", SPAN("")}, {"After", SPAN("x y")}};
	CHECK_OK(bus_publish(b, &(struct bus_out){.subject = "with.headers", .reply = "here", .headers = h, .headers_n = 3},
	                     &err),
	         err);
	WAIT_FOR(heard == 1, "the message");
	CHECK_SPAN(seen_trace, "00-ab-cd-01");
	CHECK(strcmp(empty_text, "x y") == 0);
	bus_close(b);
}

TEST(a_header_that_would_begin_another_line_is_refused)
{
	struct bus *b = open_bus();
	struct err err;
	const struct bus_header h = {"Note", SPAN("a\r\nNats-Msg-Id: forged")};
	CHECK_STATUS(bus_publish(b, &(struct bus_out){.subject = "s", .headers = &h, .headers_n = 1}, &err),
	             STATUS_INVALID);
	CHECK_HAS(err.msg, "Note");
	CHECK_STATUS(bus_store(b, &(struct bus_out){.subject = "s", .headers = &h, .headers_n = 1}, 0, 0, NULL, NULL, &err),
	             STATUS_INVALID);
	CHECK_INT(bus_store_in_flight(b), 0);
	bus_close(b);
}

static void count(void *arg, const struct bus_in *m)
{
	(void)arg, (void)m;
	heard++;
}

TEST(a_queue_group_gets_each_message_once)
{
	struct bus *b = open_bus();
	struct err err;
	struct bus_sub *s;
	CHECK_OK(bus_subscribe(b, "work", "q", count, NULL, &s, &err), err);
	CHECK_OK(bus_subscribe(b, "work", "q", count, NULL, &s, &err), err);
	for (int i = 0; i < 20; i++)
		publish(b, "work", "x");
	CHECK_OK(bus_flush(b, 2000, &err), err);
	WAIT_FOR(heard >= 20, "all of them");
	bus_close(b);
	CHECK_INT(heard, 20);
}

static void answer(void *arg, const struct bus_in *m)
{
	struct bus *b = arg;
	struct err err;
	char reply[128];
	CHECK(span_copy(m->reply, reply, sizeof reply));
	CHECK_OK(bus_publish(b, &(struct bus_out){.subject = reply, .data = m->data}, &err), err);
}

static void answer_error(void *arg, const struct bus_in *m)
{
	struct bus *b = arg;
	struct err err;
	char reply[128];
	const struct bus_header h[] = {{"Nats-Service-Error-Code", SPAN("422")},
	                               {"Nats-Service-Error", SPAN("no such model")}};
	CHECK(span_copy(m->reply, reply, sizeof reply));
	CHECK_OK(bus_publish(
	             b,
	             &(struct bus_out){.subject = reply,
	                               .data = SPAN("{\"error\":{\"code\":\"x\",\"message\":\"y\",\"field\":\"model\"}}"),
	                               .headers = h,
	                               .headers_n = 2},
	             &err),
	         err);
}

TEST(requests_are_answered_with_data_errors_or_the_news_that_nobody_listens)
{
	struct bus *b = open_bus();
	struct err err;
	struct bus_sub *s;
	scoped_buf reply = {0};
	CHECK_OK(bus_subscribe(b, "echo", NULL, answer, b, &s, &err), err);
	CHECK_OK(bus_subscribe(b, "fail", NULL, answer_error, b, &s, &err), err);
	CHECK_OK(bus_subscribe(b, "mute", NULL, hear, NULL, &s, &err), err);
	CHECK_OK(bus_request(b, &(struct bus_out){.subject = "echo", .data = SPAN("hello")}, 2000, &reply, &err), err);
	CHECK_SPAN(buf_span(&reply), "hello");
	CHECK_STATUS(bus_request(b, &(struct bus_out){.subject = "fail"}, 2000, &reply, &err), STATUS_UNPROCESSABLE);
	CHECK_HAS(err.msg, "no such model");
	CHECK(strcmp(err.field, "model") == 0 && !err.retryable);
	CHECK_STATUS(bus_request(b, &(struct bus_out){.subject = "nobody"}, 2000, &reply, &err), STATUS_UNAVAILABLE);
	CHECK_STATUS(bus_request(b, &(struct bus_out){.subject = "mute"}, 50, &reply, &err), STATUS_TIMEOUT);
	CHECK(err.retryable);
	bus_close(b);
}

TEST(what_is_larger_than_the_server_allows_is_refused)
{
	struct bus *b = open_bus();
	struct err err;
	size_t n = (1 << 20) + 1;
	char *big = calloc(1, n);
	const struct bus_out m = {.subject = "big", .data = span_of(big, n)};
	CHECK_STATUS(bus_publish(b, &m, &err), STATUS_TOO_LARGE);
	CHECK_STATUS(bus_store(b, &m, 0, BUS_BLOCK, NULL, NULL, &err), STATUS_TOO_LARGE);
	CHECK_INT(bus_store_in_flight(b), 0);
	free(big);
	bus_close(b);
}

TEST(wrong_credentials_are_unauthorized_and_right_ones_may_hold_any_character)
{
	char url[128];
	struct bus *b;
	struct err err = {0};
	int port = test_free_port();
	start_server(port, "authorization { user: \"us%r\", password: \"p@ss:w/rd\" }");
	WAIT_FOR(process_listens(port, NULL), "the server");
	snprintf(url, sizeof url, "nats://someone:secretword@127.0.0.1:%d", port);
	CHECK_STATUS(bus_open(&(struct bus_options){.url = url, .clock = &clock_system}, &b, &err), STATUS_UNAUTHORIZED);
	CHECK(!strstr(err.msg, "secretword") && !err.retryable);
	snprintf(url, sizeof url, "nats://us%%25r:p%%40ss%%3Aw%%2Frd@127.0.0.1:%d, 127.0.0.1:%d", port, test_free_port());
	CHECK_OK(bus_open(&(struct bus_options){.url = url, .clock = &clock_system}, &b, &err), err);
	bus_close(b);
}

TEST(what_the_server_forbids_is_told)
{
	char url[128];
	struct bus *b;
	struct err err;
	int port = test_free_port();
	start_server(
	    port,
	    "authorization { users: [ { user: u, password: p, permissions: { publish: { deny: \"secret.>\" } } } ] }");
	WAIT_FOR(process_listens(port, NULL), "the server");
	snprintf(url, sizeof url, "nats://u:p@127.0.0.1:%d", port);
	CHECK_OK(bus_open(&(struct bus_options){.url = url, .clock = &clock_system, .on_state = on_state}, &b, &err), err);
	publish(b, "secret.plan", "x");
	WAIT_FOR(forbidden, "the complaint");
	CHECK(bus_is_connected(b));
	bus_close(b);
}

TEST(credentials_that_are_refused_on_return_end_the_connection)
{
	char url[128];
	struct bus *b;
	struct err err;
	int port = test_free_port();
	pid_t server = start_server(port, "authorization { token: \"t0ken\" }");
	WAIT_FOR(process_listens(port, NULL), "the server");
	snprintf(url, sizeof url, "nats://t0ken@127.0.0.1:%d", port);
	CHECK_OK(bus_open(&(struct bus_options){.url = url, .clock = &clock_system, .on_state = on_state}, &b, &err), err);
	kill(server, SIGKILL);
	process_wait(server);
	start_server(port, "authorization { token: \"another\" }");
	WAIT_FOR(refusals, "the news");
	WAIT_FOR(bus_store(b, &(struct bus_out){.subject = "s"}, 0, 0, NULL, NULL, &err) == STATUS_UNAVAILABLE, "the end");
	CHECK_STATUS(bus_publish(b, &(struct bus_out){.subject = "s"}, &err), STATUS_UNAVAILABLE);
	WAIT_FOR(bus_store_in_flight(b) == 0, "what waited to be given up");
	bus_close(b);
}

TEST(a_token_connects)
{
	char url[128];
	struct bus *b;
	struct err err;
	int port = test_free_port();
	start_server(port, "authorization { token: \"t0ken\" }");
	WAIT_FOR(process_listens(port, NULL), "the server");
	snprintf(url, sizeof url, "nats://t0ken@127.0.0.1:%d", port);
	CHECK_OK(bus_open(&(struct bus_options){.url = url, .clock = &clock_system}, &b, &err), err);
	bus_close(b);
}

TEST(addresses_that_make_no_sense_are_refused)
{
	struct bus *b;
	struct err err;
	CHECK_STATUS(bus_open(&(struct bus_options){.url = "", .clock = &clock_system}, &b, &err), STATUS_INVALID);
	CHECK_STATUS(bus_open(&(struct bus_options){.url = "http://127.0.0.1:1", .clock = &clock_system}, &b, &err),
	             STATUS_INVALID);
	CHECK(strcmp(err.field, "NATS_URL") == 0);
}

TEST(opening_gives_up_when_nobody_is_there)
{
	char url[64];
	struct bus *b;
	struct err err;
	snprintf(url, sizeof url, "nats://127.0.0.1:%d", test_free_port());
	CHECK_STATUS(bus_open(&(struct bus_options){.url = url, .clock = &clock_system}, &b, &err), STATUS_UNAVAILABLE);
	CHECK(err.retryable);
}

static void *open_in_thread(void *url)
{
	struct bus *b;
	struct err err;
	CHECK_OK(bus_open(&(struct bus_options){.url = url, .clock = &clock_system}, &b, &err), err);
	return b;
}

TEST(opening_waits_for_a_server_that_is_not_there_yet)
{
	char url[64];
	pthread_t thread;
	void *b;
	int port = test_free_port();
	snprintf(url, sizeof url, "nats://127.0.0.1:%d", port);
	CHECK(pthread_create(&thread, NULL, open_in_thread, url) == 0);
	start_server(port, "");
	CHECK(pthread_join(thread, &b) == 0);
	bus_close(b);
}

TEST(a_server_that_accepts_and_says_nothing_does_not_hold_up_opening)
{
	char url[64];
	struct bus *b;
	struct err err;
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof at;
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(bind(listener, (void *)&at, sizeof at) == 0 && listen(listener, 8) == 0);
	CHECK(getsockname(listener, (void *)&at, &n) == 0);
	snprintf(url, sizeof url, "nats://127.0.0.1:%d", ntohs(at.sin_port));
	int64_t from_ms = clock_mono_ms(&clock_system);
	CHECK_STATUS(bus_open(&(struct bus_options){.url = url, .clock = &clock_system}, &b, &err), STATUS_UNAVAILABLE);
	CHECK(clock_mono_ms(&clock_system) - from_ms < 8000);
	close(listener);
}

TEST(subscriptions_and_publications_survive_a_restart_of_the_server)
{
	struct bus *b;
	struct err err;
	const struct bus_options o = {.url = test_nats_url(), .clock = &clock_system, .on_state = on_state};
	CHECK_OK(bus_open(&o, &b, &err), err);
	subscribe(b, "plain.*");
	test_nats_kill(SIGKILL);
	WAIT_FOR(!bus_is_connected(b), "the loss to be noticed");
	CHECK_INT(states_down, 1);
	publish(b, "plain.a", "while away");
	test_nats_start();
	WAIT_FOR(heard == 1, "the message of the time between");
	CHECK(strcmp(last, "plain.a=while away") == 0);
	WAIT_FOR(bus_reconnects(b) == 1 && states_up == 1, "the reconnection to be told");
	CHECK(bus_is_connected(b));
	bus_close(b);
}

TEST(what_does_not_fit_the_reconnect_buffer_is_unavailable)
{
	struct bus *b = open_bus();
	struct err err;
	char *chunk = calloc(1, 1 << 20);
	test_nats_kill(SIGKILL);
	WAIT_FOR(!bus_is_connected(b), "the loss to be noticed");
	enum status s = STATUS_OK;
	for (int i = 0; i < 10 && s == STATUS_OK; i++)
		s = bus_publish(b, &(struct bus_out){.subject = "s", .data = span_of(chunk, (1 << 20) - 1000)}, &err);
	CHECK_STATUS(s, STATUS_UNAVAILABLE);
	CHECK(err.retryable);
	free(chunk);
	bus_close(b);
}

TEST(bulk_mode_sends_without_being_asked)
{
	struct bus *b;
	struct err err;
	struct bus_sub *s;
	scoped_buf reply = {0};
	const struct bus_options o = {.url = test_nats_url(), .clock = &clock_system, .bulk = true};
	CHECK_OK(bus_open(&o, &b, &err), err);
	CHECK_OK(bus_subscribe(b, "plain.*", NULL, hear, NULL, &s, &err), err);
	CHECK_OK(bus_subscribe(b, "echo", NULL, answer, b, &s, &err), err);
	for (int i = 0; i < 1000; i++)
		publish(b, "plain.a", "x");
	WAIT_FOR(heard == 1000, "all messages");
	CHECK_OK(bus_request(b, &(struct bus_out){.subject = "echo", .data = SPAN("hello")}, 2000, &reply, &err), err);
	CHECK_SPAN(buf_span(&reply), "hello");
	bus_close(b);
}

TEST(a_client_that_idles_burns_no_time)
{
	struct bus *b = open_bus();
	struct timespec from, to;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
	usleep(1000000); /* the measured second */
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
	long used_us = (to.tv_sec - from.tv_sec) * 1000000 + (to.tv_nsec - from.tv_nsec) / 1000;
	CHECK_MSG(used_us < 20000, "%ld µs in an idle second", used_us);
	bus_close(b);
}
