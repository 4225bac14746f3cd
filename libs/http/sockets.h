/* Lets a curl multi handle wait on our loop: its sockets and its one timer. */
#ifndef GANNET_HTTP_SOCKETS_H
#define GANNET_HTTP_SOCKETS_H

#include <curl/curl.h>

#include "loop/loop.h"

/*
 * Invariant: watches[fd] is what the loop watches for curl. A socket that curl opened through socket_open() stays
 * watched for reading between transfers, so that a call on a kept connection costs no epoll_ctl(2) at all. It is
 * unwatched when it becomes readable while idle, when curl closes it through socket_close(), and by
 * sockets_forget_idle(). Other descriptors (the resolver's) are unwatched as soon as curl says so.
 */
struct sockets {
	struct loop *loop;
	CURLM *multi;
	struct loop_timer timer;
	struct socket_watch {
		struct loop_fd *watch;
		int wanted; /* what curl asked for last */
		bool ours;
	} * watches;
	size_t watches_n;
	void (*after)(void *arg); /* runs each time curl did some work, outside of curl */
	void *arg;
};

/* Installs itself in `multi`. */
void sockets_init(struct sockets *s, struct loop *l, CURLM *multi, void (*after)(void *arg), void *arg);
/*
 * After every transfer that failed: curl (7.88) closes a socket of which it made no connection without calling
 * socket_close(). What is idle is watched again when it is used.
 */
void sockets_forget_idle(struct sockets *s);
/* After curl_multi_cleanup(). */
void sockets_release(struct sockets *s);
/* For CURLOPT_OPENSOCKETFUNCTION and CURLOPT_CLOSESOCKETFUNCTION; `arg` of the latter is the struct sockets. */
curl_socket_t socket_open(struct sockets *s, const struct curl_sockaddr *address);
int socket_close(void *arg, curl_socket_t fd);

#endif
