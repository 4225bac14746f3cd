/* A NATS server played by the test, to say what a real one says only on a bad day; one client at a time. */
#ifndef GANNET_TESTS_BUS_PLAYED_SERVER_H
#define GANNET_TESTS_BUS_PLAYED_SERVER_H

#include <arpa/inet.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/integration/bus_helpers.h"

#define PLAYED_SUBS_MAX 64

static struct {
	int listener, fd, port;
	pthread_t thread;
	pthread_mutex_t mu;
	struct played_sub {
		char subject[128];
		long sid;
	} subs[PLAYED_SUBS_MAX];
	size_t subs_n;
	/* Called on the server's thread for every message a client publishes. */
	void (*on_publish)(const char *subject, const char *reply, struct span data);
} played = {.mu = PTHREAD_MUTEX_INITIALIZER};

static inline bool played_matches(const char *pattern, const char *subject)
{
	struct span p = span_from(pattern), s = span_from(subject);
	while (p.p && s.p) {
		struct span pt = span_cut(&p, '.'), st = span_cut(&s, '.');
		if (span_is(pt, ">"))
			return true;
		if (!span_is(pt, "*") && !span_eq(pt, st))
			return false;
	}
	return !p.p && !s.p;
}

static inline void played_write(const void *bytes, size_t n)
{
	CHECK(send(played.fd, bytes, n, MSG_NOSIGNAL) == (ssize_t)n);
}

/*
 * Delivers to the subscription that matches `to`; the client sees `subject`. `headers` is the block after "NATS/1.0" or
 * NULL. The last one given is the one delivered to, as a newer inbox.
 */
static inline void played_send(const char *to, const char *subject, const char *reply, const char *headers,
                               const char *data)
{
	scoped_buf out = {0};
	char block[512] = "";
	long sid = 0;
	if (headers)
		snprintf(block, sizeof block, "NATS/1.0%s\r\n\r\n", headers);
	pthread_mutex_lock(&played.mu);
	for (size_t i = 0; i < played.subs_n; i++)
		if (played_matches(played.subs[i].subject, to))
			sid = played.subs[i].sid;
	CHECK_MSG(sid, "nobody subscribes to %s", to);
	buf_printf(&out, "%s %s %ld %s%s", headers ? "HMSG" : "MSG", subject, sid, reply ? reply : "", reply ? " " : "");
	if (headers)
		buf_printf(&out, "%zu ", strlen(block));
	buf_printf(&out, "%zu\r\n%s%s\r\n", strlen(block) + strlen(data), block, data);
	played_write(out.data, out.len);
	pthread_mutex_unlock(&played.mu);
}

static inline void played_publish(FILE *in, char *line)
{
	char *words[6];
	size_t n = 0;
	for (char *save, *w = strtok_r(line, " \r\n", &save); w && n < countof(words); w = strtok_r(NULL, " \r\n", &save))
		words[n++] = w;
	bool headers = line[0] == 'H';
	size_t fixed = headers ? 4 : 3, total = (size_t)atol(words[n - 1]), skip = headers ? (size_t)atol(words[n - 2]) : 0;
	char *body = malloc(total + 2);
	CHECK(fread(body, 1, total + 2, in) == total + 2);
	if (played.on_publish)
		played.on_publish(words[1], n > fixed ? words[2] : NULL, span_of(body + skip, total - skip));
	free(body);
}

static inline void played_subscribe(char *line)
{
	char *save, *subject = (strtok_r(line, " \r\n", &save), strtok_r(NULL, " \r\n", &save)), *sid = strrchr(save, ' ');
	pthread_mutex_lock(&played.mu);
	CHECK(played.subs_n < PLAYED_SUBS_MAX);
	struct played_sub *s = &played.subs[played.subs_n++];
	snprintf(s->subject, sizeof s->subject, "%s", subject);
	s->sid = atol(sid ? sid : save);
	pthread_mutex_unlock(&played.mu);
}

static inline void *played_serve(void *arg)
{
	static const char info[] =
	    "INFO "
	    "{\"server_id\":\"PLAYED\",\"version\":\"2.9.10\",\"proto\":1,\"headers\":true,\"max_payload\":1048576}\r\n";
	(void)arg;
	while ((played.fd = accept(played.listener, NULL, NULL)) >= 0) {
		char line[1024];
		FILE *in = fdopen(played.fd, "r");
		pthread_mutex_lock(&played.mu);
		played.subs_n = 0;
		played_write(info, sizeof info - 1);
		pthread_mutex_unlock(&played.mu);
		while (fgets(line, sizeof line, in)) {
			pthread_mutex_lock(&played.mu);
			if (strncmp(line, "PING", 4) == 0)
				played_write("PONG\r\n", 6);
			pthread_mutex_unlock(&played.mu);
			if (strncmp(line, "SUB ", 4) == 0)
				played_subscribe(line);
			else if (strncmp(line, "PUB ", 4) == 0 || strncmp(line, "HPUB ", 5) == 0)
				played_publish(in, line);
		}
		fclose(in);
	}
	return NULL;
}

/* A bus connected to it. */
static inline struct bus *played_open(void (*on_publish)(const char *subject, const char *reply, struct span data))
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof at;
	struct bus *b;
	struct err err;
	char url[64];
	played.on_publish = on_publish;
	played.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(bind(played.listener, (void *)&at, sizeof at) == 0 && listen(played.listener, 8) == 0);
	CHECK(getsockname(played.listener, (void *)&at, &n) == 0);
	CHECK(pthread_create(&played.thread, NULL, played_serve, NULL) == 0);
	snprintf(url, sizeof url, "nats://127.0.0.1:%d", ntohs(at.sin_port));
	CHECK_OK(bus_open(&(struct bus_options){.url = url, .name = "test", .clock = &ahead_clock}, &b, &err), err);
	return b;
}

static inline void played_close(struct bus *b)
{
	bus_close(b);
	shutdown(played.listener, SHUT_RDWR);
	pthread_join(played.thread, NULL);
	close(played.listener);
}

#endif
