/* Receives requests on libmicrohttpd's epoll, bounded in every direction, and hands whole ones to the handler. */
#include "http/lane.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "http/exchange.h"

#define CONNECTION_POOL_STEP ((size_t)2 << 10) /* first read buffer, and how it grows */
#define THREAD_STACK_BYTES ((size_t)256 << 10)
#define WAIT_MAX_MS 60000
#define SWEEP_EVERY_MS 250 /* how exact the time limits are */
#define DISCARD_MAX                                                                                                    \
	((size_t)8 << 20) /* of a body that is too large: read and thrown away, so that the client sees the 413 */

/* ---- how long a connection may take for what it is about */

struct connection {
	int fd;
	int64_t due_ms; /* closed then; 0: never */
	struct connection *next, *prev;
};

static int64_t now_ms(void)
{
	return clock_mono_ms(&clock_system);
}

static void set_due(struct connection *c, unsigned limit_s, unsigned more_s)
{
	c->due_ms = limit_s ? now_ms() + ((int64_t)limit_s + more_s) * 1000 : 0;
}

static struct connection *connection_of(struct MHD_Connection *m)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(m, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	return info ? info->socket_context : NULL;
}

static bool has_limits(const struct http_lane *l)
{
	return l->options->head_timeout_s || l->options->body_timeout_s || l->options->answer_timeout_s;
}

static void on_connection(void *arg, struct MHD_Connection *m, void **context, enum MHD_ConnectionNotificationCode code)
{
	struct http_lane *l = arg;
	struct connection *c = *context;
	if (code == MHD_CONNECTION_NOTIFY_STARTED && has_limits(l)) {
		const union MHD_ConnectionInfo *info = MHD_get_connection_info(m, MHD_CONNECTION_INFO_CONNECTION_FD);
		*context = c = calloc(1, sizeof *c);
		if (!c || !info)
			return;
		c->fd = info->connect_fd;
		set_due(c, l->options->head_timeout_s, 0);
		c->next = l->connections;
		if (c->next)
			c->next->prev = c;
		l->connections = c;
	} else if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		l->closed = true;
		if (!c)
			return;
		*(c->prev ? &c->prev->next : &l->connections) = c->next;
		if (c->next)
			c->next->prev = c->prev;
		free(c);
		*context = NULL;
	}
}

/* Shutting the socket down makes the library notice and close the connection. */
static void sweep(struct http_lane *l)
{
	int64_t now = now_ms();
	if (!l->connections || now - l->swept_ms < SWEEP_EVERY_MS)
		return;
	l->swept_ms = now;
	for (struct connection *c = l->connections; c; c = c->next)
		if (c->due_ms && now >= c->due_ms) {
			c->due_ms = 0;
			shutdown(c->fd, SHUT_RDWR);
		}
}

void lane_answering(struct MHD_Connection *connection, struct http_lane *l, bool piecewise)
{
	struct connection *c = connection_of(connection);
	if (c)
		set_due(c, piecewise ? 0 : l->options->answer_timeout_s, 0);
}

/* ---- requests */

static void *on_target(void *arg, const char *target, struct MHD_Connection *connection)
{
	(void)connection;
	return exchange_new(arg, target);
}

static enum MHD_Result begin(struct http_lane *l, struct MHD_Connection *connection, const char *method,
                             const char *path, struct http_exchange *x)
{
	struct connection *c = connection_of(connection);
	exchange_begin(x, connection, method, path);
	x->body.max_bytes = l->options->max_body_bytes;
	if (c)
		set_due(c, l->options->body_timeout_s, 0);
	pthread_mutex_lock(&l->lock);
	x->stopping = l->stopping;
	x->next = l->open;
	if (x->next)
		x->next->prev = x;
	l->open = x;
	pthread_mutex_unlock(&l->lock);
	return MHD_YES;
}

static void refuse_body(struct http_exchange *x, size_t max)
{
	char text[160];
	int n = snprintf(text, sizeof text,
	                 "{\"error\":{\"code\":\"too_large\",\"message\":\"the request body may have at most %zu "
	                 "bytes\",\"field\":\"body\"}}",
	                 max);
	http_exchange_answer(x, 413, "application/json", span_of(text, (size_t)n));
}

static enum MHD_Result receive(struct http_lane *l, struct http_exchange *x, const char *bytes, size_t *n)
{
	x->body_bytes += *n;
	if (x->body_bytes > l->options->max_body_bytes + DISCARD_MAX)
		return MHD_NO;
	if (x->body_bytes > l->options->max_body_bytes)
		buf_free(&x->body);
	else
		buf_add(&x->body, bytes, *n);
	*n = 0;
	return MHD_YES;
}

/* Called with the headers, with each piece of the body, at the end of it, and again each time the connection was
 * resumed. */
static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *path, const char *method,
                                  const char *version, const char *bytes, size_t *n, void **exchange)
{
	struct http_lane *l = arg;
	struct http_exchange *x = *exchange;
	(void)version;
	if (!x)
		return MHD_NO;
	if (!x->begun)
		return begin(l, connection, method, path, x);
	if (*n)
		return receive(l, x, bytes, n);
	if (!x->handled) {
		struct connection *c = connection_of(connection);
		if (c)
			c->due_ms = 0;
		x->handled = true;
		atomic_fetch_add(&x->references, 1);
		if (x->body_bytes > l->options->max_body_bytes)
			refuse_body(x, l->options->max_body_bytes);
		else
			l->options->handle(l->options->arg, x);
		exchange_settle(x);
	}
	return exchange_proceed(x);
}

static void on_completed(void *arg, struct MHD_Connection *connection, void **exchange,
                         enum MHD_RequestTerminationCode code)
{
	struct http_lane *l = arg;
	struct http_exchange *x = *exchange;
	struct connection *c = connection_of(connection);
	(void)code;
	if (c)
		set_due(c, l->options->head_timeout_s, l->options->idle_timeout_s);
	if (!x)
		return;
	pthread_mutex_lock(&l->lock);
	if (x->prev)
		x->prev->next = x->next;
	else if (l->open == x)
		l->open = x->next;
	if (x->next)
		x->next->prev = x->prev;
	pthread_mutex_unlock(&l->lock);
	exchange_over(x);
	*exchange = NULL;
}

/* ---- the thread */

/* The library's own remarks on broken requests are of no use to anybody. */
static void stay_silent(void *arg, const char *format, va_list ap)
{
	(void)arg;
	(void)format;
	(void)ap;
}

static int wait_ms(struct http_lane *l)
{
	MHD_UNSIGNED_LONG_LONG ms;
	int most = l->connections ? SWEEP_EVERY_MS : WAIT_MAX_MS;
	if (MHD_get_timeout(l->daemon, &ms) != MHD_YES)
		return l->connections ? most : -1;
	return ms < (MHD_UNSIGNED_LONG_LONG)most ? (int)ms : most;
}

static void tell_turn(const struct http_lane *l, enum http_turn at)
{
	if (l->options->turn)
		l->options->turn(l->options->arg, at);
}

/*
 * The library's own epoll thread is not used: when exactly 128 connections are ready at once it sleeps before it serves them
 * (MHD_epoll() of 0.9.75 asks for more events with its full time-out), and stays asleep if all clients wait for answers.
 */
static void *serve(void *arg)
{
	struct http_lane *l = arg;
	struct pollfd fds[] = {
	    {.fd = l->wake_fd, .events = POLLIN},
	    {.fd = MHD_get_daemon_info(l->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd, .events = POLLIN}};
	tell_turn(l, HTTP_TURN_BEGIN);
	while (!atomic_load(&l->ends)) {
		eventfd_t n;
		poll(fds, 2, wait_ms(l));
		if (fds[0].revents) {
			eventfd_read(l->wake_fd, &n);
			atomic_store(&l->woken, false);
		}
		sweep(l);
		do {
			l->closed = false;
			MHD_run(l->daemon);
		} while (l->closed); /* when connections are at their limit, only the next run accepts again */
		tell_turn(l, HTTP_TURN_DONE);
	}
	tell_turn(l, HTTP_TURN_END);
	return NULL;
}

void lane_wake(struct http_lane *l)
{
	if (!atomic_exchange(&l->woken, true))
		eventfd_write(l->wake_fd, 1);
}

/* The service's signals are not for this thread. */
static int start_thread(struct http_lane *l)
{
	pthread_attr_t attr;
	sigset_t all, before;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, THREAD_STACK_BYTES);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int e = pthread_create(&l->thread, &attr, serve, l);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	return e;
}

static struct MHD_Daemon *start_daemon(struct http_lane *l, const struct sockaddr *address, uint16_t port)
{
	const struct http_server_options *o = l->options;
	const struct MHD_OptionItem options[] = {
	    {MHD_OPTION_EXTERNAL_LOGGER, (intptr_t)stay_silent, NULL},
	    {MHD_OPTION_SOCK_ADDR, 0, (void *)address},
	    {MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)on_target, l},
	    {MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)on_completed, l},
	    {MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)on_connection, l},
	    {MHD_OPTION_CONNECTION_LIMIT, (o->max_connections + o->threads - 1) / o->threads, NULL},
	    {MHD_OPTION_PER_IP_CONNECTION_LIMIT, o->connections_per_ip, NULL},
	    {MHD_OPTION_CONNECTION_TIMEOUT, o->idle_timeout_s, NULL},
	    {MHD_OPTION_CONNECTION_MEMORY_LIMIT, (intptr_t)o->connection_bytes, NULL},
	    {MHD_OPTION_CONNECTION_MEMORY_INCREMENT, CONNECTION_POOL_STEP, NULL},
	    {MHD_OPTION_STRICT_FOR_CLIENT, o->strict ? 1 : 0, NULL},
	    {o->threads > 1 ? MHD_OPTION_LISTENING_ADDRESS_REUSE : MHD_OPTION_END, 1, NULL},
	    {MHD_OPTION_END, 0, NULL},
	};
	unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | (address->sa_family == AF_INET6 ? MHD_USE_IPv6 : 0);
	return MHD_start_daemon(flags, port, NULL, NULL, on_request, l, MHD_OPTION_ARRAY, options, MHD_OPTION_END);
}

bool lane_start(struct http_lane *l, const struct http_server_options *o, const struct sockaddr *address, uint16_t port)
{
	l->options = o;
	pthread_mutex_init(&l->lock, NULL);
	l->wake_fd = eventfd(0, EFD_CLOEXEC);
	if (l->wake_fd < 0)
		return false;
	errno = 0;
	l->daemon = start_daemon(l, address, port);
	if (!l->daemon)
		return false;
	int e = start_thread(l);
	l->runs = e == 0;
	errno = e;
	return l->runs;
}

uint16_t lane_port(const struct http_lane *l)
{
	return MHD_get_daemon_info(l->daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
}

void lane_stop(struct http_lane *l)
{
	if (!l->options)
		return;
	if (l->runs) {
		atomic_store(&l->ends, true);
		eventfd_write(l->wake_fd, 1);
		pthread_join(l->thread, NULL);
	}
	pthread_mutex_lock(&l->lock);
	l->stopping = true;
	for (struct http_exchange *x = l->open; x; x = x->next)
		exchange_stop(x);
	pthread_mutex_unlock(&l->lock);
	if (l->daemon)
		MHD_stop_daemon(l->daemon);
	if (l->wake_fd >= 0)
		close(l->wake_fd);
	pthread_mutex_destroy(&l->lock);
}
