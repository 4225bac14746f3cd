/* A gateway with its broker and services played by the test, and HTTP spoken to it in plain bytes. */
#ifndef GANNET_TESTS_GATEWAY_HELPERS_H
#define GANNET_TESTS_GATEWAY_HELPERS_H

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "auth/auth.h"
#include "bus/kv.h"
#include "bus/store.h"
#include "bus/topology.h"
#include "core/clock.h"
#include "json/json.h"
#include "tests/lib/jobs.h"
#include "tests/lib/keys.h"
#include "tests/lib/process.h"
#include "tests/lib/servers.h"

#define ANSWER_WAIT_S 30

static struct arena gw_kept; /* texts that live as long as the test */
static int gw_port;

/* ---- the program */

#define GW_ENV_MAX 24
/* Starts it with the secret of tests; `env` as NAME=value, NULL-terminated, goes before what is here. */
static inline struct test_process *gw_start(const char *const *env)
{
	static char port[48], secret[128];
	const char *all[GW_ENV_MAX] = {0};
	size_t n = 0;
	gw_port = test_free_port();
	snprintf(port, sizeof port, "GANNET_HTTP_PORT=%d", gw_port);
	snprintf(secret, sizeof secret, "GANNET_JWT_SECRET=%s", key_secret);
	for (; env && env[n]; n++)
		all[n] = env[n];
	all[n++] = port;
	all[n++] = secret;
	test_nats_url();
	struct test_process *p = test_spawn("gannet-gateway", all, NULL);
	test_ready(p);
	return p;
}

/* ---- tokens */

static inline const char *gw_sign(const char *key, const char *kid, const char *claims)
{
	scoped_buf out = {0};
	struct err err;
	CHECK_OK(auth_sign(span_from(key), kid, span_from(claims), &out, &err), err);
	return arena_cstr(&gw_kept, buf_span(&out));
}

/* One that holds for an hour. */
static inline const char *gw_token(const char *role, const char *user, const char *tenant)
{
	long long now_s = clock_wall_ms(&clock_system) / 1000;
	char claims[512];
	snprintf(claims, sizeof claims,
	         "{\"sub\":\"%s\",\"tenant\":\"%s\",\"aud\":\"gannet\",\"role\":\"%s\",\"iat\":%lld,\"exp\":%lld}", user, tenant,
	         role, now_s, now_s + 3600);
	return gw_sign(key_secret, NULL, claims);
}

/* ---- HTTP */

static inline int gw_dial(void)
{
	int fd;
	struct timeval wait = {.tv_sec = ANSWER_WAIT_S};
	CHECK(process_listens(gw_port, &fd));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
	return fd;
}

static inline void gw_say(int fd, const char *text)
{
	size_t n = strlen(text);
	CHECK_INT(send(fd, text, n, MSG_NOSIGNAL), n);
}

/* Reads until `part` has come (NULL: until the connection ends), kept for the test. Fails when it does not come. */
static inline const char *gw_hear(int fd, const char *part)
{
	scoped_buf text = {0};
	char byte;
	size_t n_part = part ? strlen(part) : 0;
	buf_adds(&text, "");
	while (!(part && text.len >= n_part && memcmp(text.data + text.len - n_part, part, n_part) == 0)) {
		ssize_t n = read(fd, &byte, 1);
		if (n <= 0)
			break;
		buf_addc(&text, byte);
	}
	const char *kept = arena_cstr(&gw_kept, buf_span(&text));
	CHECK_MSG(!part || strstr(kept, part), "\"%s\" did not come, but: %s", part, kept);
	return kept;
}

struct gw_answer {
	int status;
	const char *head, *body;
};

static inline struct gw_answer gw_parse(const char *text)
{
	struct gw_answer a = {.head = text, .body = ""};
	const char *end = strstr(text, "\r\n\r\n");
	CHECK_MSG(end && sscanf(text, "HTTP/1.1 %d", &a.status) == 1, "no answer: \"%s\"", text);
	a.head = arena_cstr(&gw_kept, span_of(text, (size_t)(end + 2 - text)));
	a.body = end + 4;
	return a;
}

/* Bytes as they are, and the answer up to the connection's end. */
static inline struct gw_answer gw_raw(const char *bytes)
{
	int fd = gw_dial();
	gw_say(fd, bytes);
	struct gw_answer a = gw_parse(gw_hear(fd, NULL));
	close(fd);
	return a;
}

/* `headers`: more lines, each with its line end; `token` and `body` may be NULL. */
static inline struct gw_answer gw_ask(const char *method, const char *target, const char *token, const char *headers, const char *body)
{
	scoped_buf text = {0};
	buf_printf(&text, "%s %s HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n%s", method, target, headers ? headers : "");
	if (token)
		buf_printf(&text, "Authorization: Bearer %s\r\n", token);
	if (body)
		buf_printf(&text, "Content-Type: application/json\r\nContent-Length: %zu\r\n", strlen(body));
	buf_printf(&text, "\r\n%s", body ? body : "");
	return gw_raw(text.data);
}

#define GET(target, token) gw_ask("GET", target, token, NULL, NULL)
#define POST(target, token, body) gw_ask("POST", target, token, NULL, body)

/* An error has its status, its code, the field at fault, and some words. */
static inline void gw_check_error(struct gw_answer a, int status, const char *field, const char *words)
{
	CHECK_MSG(a.status == status, "%d, wanted %d: %s", a.status, status, a.body);
	CHECK_SPAN(span_from(test_json(a.body, "/error/field")), field);
	CHECK_HAS(test_json(a.body, "/error/message"), words);
	CHECK(test_json(a.body, "/error/code")[0]);
	CHECK_HAS(a.head, "Content-Type: application/json\r\n");
	CHECK_HAS(a.head, "X-Request-Id: ");
}

/* ---- services played by the test: one reply or error for each subject */

#define PLAYED_MAX 24
static struct played {
	const char *verb;          /* behind gannet.<tenant>. */
	const char *reply, *error; /* error: "404 sentence"; neither: no answer */
	char subject[128], body[8192];
	char request_id[80], trace[80];
	int asked;
} gw_played[PLAYED_MAX];
static pthread_mutex_t gw_lock = PTHREAD_MUTEX_INITIALIZER;

static inline struct played *gw_find(const char *verb)
{
	size_t i = 0;
	while (i < PLAYED_MAX && gw_played[i].verb && strcmp(gw_played[i].verb, verb) != 0)
		i++;
	CHECK(i < PLAYED_MAX);
	return &gw_played[i];
}

static inline void gw_send(const char *subject, struct span data, const struct bus_header *headers, size_t n)
{
	struct err err;
	const struct bus_out out = {.subject = subject, .data = data, .headers = headers, .headers_n = n};
	CHECK_OK(bus_publish(test_bus(), &out, &err), err);
}

static inline void gw_on_request(void *arg, const struct bus_in *m)
{
	struct played *p = arg;
	char reply[256];
	pthread_mutex_lock(&gw_lock);
	p->asked++;
	snprintf(p->subject, sizeof p->subject, "%.*s", SPAN_ARG(m->subject));
	snprintf(p->body, sizeof p->body, "%.*s", SPAN_ARG(m->data));
	span_copy(bus_in_header(m, "X-Request-Id"), p->request_id, sizeof p->request_id);
	span_copy(bus_in_header(m, "traceparent"), p->trace, sizeof p->trace);
	const char *answer = p->reply, *error = p->error;
	pthread_mutex_unlock(&gw_lock);
	if (!span_copy(m->reply, reply, sizeof reply) || (!answer && !error))
		return;
	if (answer) {
		gw_send(reply, span_from(answer), NULL, 0);
		return;
	}
	scoped_buf body = {0};
	char code[4];
	snprintf(code, sizeof code, "%s", error);
	const struct bus_header headers[] = {{"Nats-Service-Error-Code", span_from(code)},
	                                     {"Nats-Service-Error", span_from(error + 4)}};
	buf_printf(&body, "{\"error\":{\"code\":\"%s\",\"message\":\"%s\",\"field\":\"played\"}}",
	           status_code(status_from_http(atoi(code))), error + 4);
	gw_send(reply, buf_span(&body), headers, 2);
}

static inline void gw_set(const char *verb, const char *reply, const char *error)
{
	struct played *p = gw_find(verb);
	bool fresh = !p->verb;
	pthread_mutex_lock(&gw_lock);
	p->verb = verb;
	p->reply = reply;
	p->error = error;
	pthread_mutex_unlock(&gw_lock);
	if (!fresh)
		return;
	char subject[128];
	struct bus_sub *sub;
	struct err err;
	snprintf(subject, sizeof subject, "gannet.*.%s", verb);
	CHECK_OK(bus_subscribe(test_bus(), subject, NULL, gw_on_request, p, &sub, &err), err);
	CHECK_OK(bus_flush(test_bus(), 5000, &err), err);
}
/* From now on gannet.*.<verb> is answered so. */
static inline void gw_play(const char *verb, const char *reply)
{
	gw_set(verb, reply, NULL);
}
static inline void gw_play_error(const char *verb, const char *error)
{
	gw_set(verb, NULL, error);
}

static inline struct played gw_asked(const char *verb)
{
	pthread_mutex_lock(&gw_lock);
	struct played copy = *gw_find(verb);
	pthread_mutex_unlock(&gw_lock);
	return copy;
}

/* The first example of proto/<title>.json, on one line. */
static inline const char *gw_example(const char *title)
{
	char path[256];
	struct json doc, v;
	struct err err;
	scoped_buf text = {0}, line = {0};
	snprintf(path, sizeof path, "proto/%s.json", title);
	FILE *f = fopen(path, "re");
	CHECK_MSG(f != NULL, "there is no %s", path);
	char *at;
	size_t n;
	while ((at = buf_reserve(&text, 65536)) && (n = fread(at, 1, 65536, f)) > 0)
		buf_commit(&text, n);
	fclose(f);
	CHECK_OK(json_parse(buf_span(&text), &doc, &err), err);
	CHECK(json_pointer(doc, "/examples/0", &v));
	json_compact(v, &line);
	return arena_cstr(&gw_kept, buf_span(&line));
}

static inline void gw_put_latest(const char *key, const char *value)
{
	struct err err;
	CHECK_OK(bus_kv_put(test_bus(), BUCKET_LATEST, key, span_from(value), NULL, &err), err);
}

#endif
