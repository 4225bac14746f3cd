/* Translates curl's socket and timer callbacks into loop watches, and readiness back into curl_multi_socket_action().
 */
#include "http/sockets.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void act(struct sockets *s, curl_socket_t fd, int events)
{
	int running;
	curl_multi_socket_action(s->multi, fd, events, &running);
	s->after(s->arg);
}

static void on_timer(void *arg)
{
	act(arg, CURL_SOCKET_TIMEOUT, 0);
}

static int set_timer(CURLM *multi, long timeout_ms, void *arg)
{
	(void)multi;
	struct sockets *s = arg;
	if (timeout_ms < 0)
		loop_timer_stop(&s->timer);
	else
		loop_timer_start(s->loop, &s->timer, timeout_ms, on_timer, s);
	return 0;
}

static struct socket_watch *watch_of(struct sockets *s, curl_socket_t fd)
{
	if ((size_t)fd >= s->watches_n) {
		size_t n = s->watches_n ? s->watches_n : 64;
		while (n <= (size_t)fd)
			n *= 2;
		struct socket_watch *grown = realloc(s->watches, n * sizeof *grown);
		if (!grown) {
			fprintf(stderr, "out of memory for %zu bytes\n", n * sizeof *grown);
			abort();
		}
		memset(grown + s->watches_n, 0, (n - s->watches_n) * sizeof *grown);
		s->watches = grown;
		s->watches_n = n;
	}
	return &s->watches[fd];
}

static void on_fd(void *arg, int fd, int events)
{
	struct sockets *s = arg;
	struct socket_watch *w = watch_of(s, fd);
	if (!w->wanted) {
		/* The peer closed an idle connection: curl finds out when it wants to use it. */
		loop_fd_change(w->watch, 0);
		return;
	}
	act(s, fd, (events & LOOP_READ ? CURL_CSELECT_IN : 0) | (events & LOOP_WRITE ? CURL_CSELECT_OUT : 0));
}

static void drop(struct socket_watch *w)
{
	loop_fd_unwatch(w->watch);
	w->watch = NULL;
}

static int set_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
	(void)easy;
	(void)socket_arg;
	struct sockets *s = arg;
	struct socket_watch *w = watch_of(s, fd);
	if (what == CURL_POLL_REMOVE) {
		/* One that waited for anything but an answer may be closed already, without a word. */
		if (!w->ours || w->wanted != LOOP_READ)
			drop(w);
		w->wanted = 0;
		return 0;
	}
	w->wanted = (what & CURL_POLL_IN ? LOOP_READ : 0) | (what & CURL_POLL_OUT ? LOOP_WRITE : 0);
	if (!w->watch)
		w->watch = loop_fd_watch(s->loop, fd, w->wanted, on_fd, s);
	else
		loop_fd_change(w->watch, w->wanted);
	return 0;
}

void sockets_forget_idle(struct sockets *s)
{
	for (size_t fd = 0; fd < s->watches_n; fd++)
		if (!s->watches[fd].wanted)
			drop(&s->watches[fd]);
}

curl_socket_t socket_open(struct sockets *s, const struct curl_sockaddr *address)
{
	int fd = socket(address->family, address->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, address->protocol);
	if (fd < 0)
		return CURL_SOCKET_BAD;
	struct socket_watch *w = watch_of(s, fd);
	drop(w);
	*w = (struct socket_watch){.ours = true};
	return fd;
}

int socket_close(void *arg, curl_socket_t fd)
{
	struct socket_watch *w = watch_of(arg, fd);
	drop(w);
	*w = (struct socket_watch){0};
	return close(fd);
}

void sockets_init(struct sockets *s, struct loop *l, CURLM *multi, void (*after)(void *arg), void *arg)
{
	*s = (struct sockets){.loop = l, .multi = multi, .after = after, .arg = arg};
	curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, set_socket);
	curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, s);
	curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, set_timer);
	curl_multi_setopt(multi, CURLMOPT_TIMERDATA, s);
}

void sockets_release(struct sockets *s)
{
	loop_timer_free(&s->timer);
	free(s->watches);
	*s = (struct sockets){0};
}
