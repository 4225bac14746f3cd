/* Receives requests on libmicrohttpd's epoll thread, bounded in every direction, and hands whole ones to the handler.
 */
#include "http/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "http/exchange.h"

#define BODY_MAX_BYTES ((size_t)1 << 20)
#define CONNECTIONS_MAX 256
#define IDLE_TIMEOUT_S 30
#define CONNECTION_POOL_BYTES ((size_t)16 << 10) /* one request's line, headers and parsed values */
#define CONNECTION_POOL_STEP ((size_t)2 << 10)   /* first read buffer, and how it grows */
#define THREAD_STACK_BYTES ((size_t)256 << 10)
#define WAIT_MAX_MS 60000
#define DISCARD_MAX                                                                                                    \
	((size_t)8 << 20) /* of a body that is too large: read and thrown away, so that the client sees the 413 */

struct http_server {
	struct MHD_Daemon *daemon;
	pthread_t thread;
	int wake_fd;             /* readable: look at the two below */
	atomic_bool woken, ends; /* connections were resumed; the thread is to end */
	bool closed;             /* a connection; on the thread */
	struct http_server_options options;
	uint16_t port;
	pthread_mutex_t lock;
	bool stopping;
	struct http_exchange *open;
};

static enum MHD_Result begin(struct http_server *s, struct MHD_Connection *connection, const char *method,
                             const char *path, void **exchange)
{
	struct http_exchange *x = exchange_new(s, connection, method, path);
	if (!x)
		return MHD_NO;
	x->body.max_bytes = s->options.max_body_bytes;
	pthread_mutex_lock(&s->lock);
	x->stopping = s->stopping;
	x->next = s->open;
	if (x->next)
		x->next->prev = x;
	s->open = x;
	pthread_mutex_unlock(&s->lock);
	*exchange = x;
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

static enum MHD_Result receive(struct http_server *s, struct http_exchange *x, const char *bytes, size_t *n)
{
	x->body_bytes += *n;
	if (x->body_bytes > s->options.max_body_bytes + DISCARD_MAX)
		return MHD_NO;
	if (x->body_bytes > s->options.max_body_bytes)
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
	struct http_server *s = arg;
	struct http_exchange *x = *exchange;
	(void)version;
	if (!x)
		return begin(s, connection, method, path, exchange);
	if (*n)
		return receive(s, x, bytes, n);
	if (!x->handled) {
		x->handled = true;
		atomic_fetch_add(&x->references, 1);
		if (x->body_bytes > s->options.max_body_bytes)
			refuse_body(x, s->options.max_body_bytes);
		else
			s->options.handle(s->options.arg, x);
		exchange_settle(x);
	}
	return exchange_proceed(x);
}

static void on_completed(void *arg, struct MHD_Connection *connection, void **exchange,
                         enum MHD_RequestTerminationCode code)
{
	struct http_server *s = arg;
	struct http_exchange *x = *exchange;
	(void)connection;
	(void)code;
	if (!x)
		return;
	pthread_mutex_lock(&s->lock);
	if (x->prev)
		x->prev->next = x->next;
	else
		s->open = x->next;
	if (x->next)
		x->next->prev = x->prev;
	pthread_mutex_unlock(&s->lock);
	exchange_over(x);
	*exchange = NULL;
}

static void on_connection(void *arg, struct MHD_Connection *connection, void **context,
                          enum MHD_ConnectionNotificationCode code)
{
	struct http_server *s = arg;
	(void)connection;
	(void)context;
	s->closed |= code == MHD_CONNECTION_NOTIFY_CLOSED;
}

static bool parse_address(const char *bind, uint16_t port, struct sockaddr_storage *ret)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;
	memset(ret, 0, sizeof *ret);
	if (inet_pton(AF_INET, bind, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		return true;
	}
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(port);
	return inet_pton(AF_INET6, bind, &v6->sin6_addr) == 1;
}

/* The library's own remarks on broken requests are of no use to anybody. */
static void stay_silent(void *arg, const char *format, va_list ap)
{
	(void)arg;
	(void)format;
	(void)ap;
}

/*
 * The library's own epoll thread is not used: when exactly 128 connections are ready at once it sleeps before it serves them
 * (MHD_epoll() of 0.9.75 asks for more events with its full time-out), and stays asleep if all clients wait for answers.
 */
static void *serve(void *arg)
{
	struct http_server *s = arg;
	struct pollfd fds[] = {
	    {.fd = s->wake_fd, .events = POLLIN},
	    {.fd = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd, .events = POLLIN}};
	while (!atomic_load(&s->ends)) {
		MHD_UNSIGNED_LONG_LONG wait_ms;
		eventfd_t n;
		bool limited = MHD_get_timeout(s->daemon, &wait_ms) == MHD_YES;
		poll(fds, 2, !limited ? -1 : wait_ms < WAIT_MAX_MS ? (int)wait_ms : WAIT_MAX_MS);
		if (fds[0].revents) {
			eventfd_read(s->wake_fd, &n);
			atomic_store(&s->woken, false);
		}
		do {
			s->closed = false;
			MHD_run(s->daemon);
		} while (s->closed); /* when connections are at their limit, only the next run accepts again */
	}
	return NULL;
}

void server_wake(struct http_server *s)
{
	if (!atomic_exchange(&s->woken, true))
		eventfd_write(s->wake_fd, 1);
}

/* The service's signals are not for this thread. */
static int start_thread(struct http_server *s)
{
	pthread_attr_t attr;
	sigset_t all, before;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, THREAD_STACK_BYTES);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int e = pthread_create(&s->thread, &attr, serve, s);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	return e;
}

static struct MHD_Daemon *start_daemon(struct http_server *s, struct sockaddr_storage *address)
{
	const struct http_server_options *o = &s->options;
	const struct MHD_OptionItem options[] = {
	    {MHD_OPTION_EXTERNAL_LOGGER, (intptr_t)stay_silent, NULL},
	    {MHD_OPTION_SOCK_ADDR, 0, address},
	    {MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)on_completed, s},
	    {MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)on_connection, s},
	    {MHD_OPTION_CONNECTION_LIMIT, o->max_connections ? o->max_connections : CONNECTIONS_MAX, NULL},
	    {MHD_OPTION_CONNECTION_TIMEOUT, o->idle_timeout_s ? o->idle_timeout_s : IDLE_TIMEOUT_S, NULL},
	    {MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_POOL_BYTES, NULL},
	    {MHD_OPTION_CONNECTION_MEMORY_INCREMENT, CONNECTION_POOL_STEP, NULL},
	    {MHD_OPTION_END, 0, NULL},
	};
	unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | (address->ss_family == AF_INET6 ? MHD_USE_IPv6 : 0);
	return MHD_start_daemon(flags, o->port, NULL, NULL, on_request, s, MHD_OPTION_ARRAY, options, MHD_OPTION_END);
}

static void free_server(struct http_server *s)
{
	if (s->daemon)
		MHD_stop_daemon(s->daemon);
	if (s->wake_fd >= 0)
		close(s->wake_fd);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

enum status http_server_start(const struct http_server_options *o, struct http_server **ret, struct err *err)
{
	const char *bind = o->bind ? o->bind : "127.0.0.1";
	struct sockaddr_storage address;
	if (!parse_address(bind, o->port, &address))
		return err_field(err, STATUS_INVALID, "bind", "%s is not an IPv4 or IPv6 address", bind);
	struct http_server *s = calloc(1, sizeof *s);
	if (!s)
		return err_set(err, STATUS_INTERNAL, "no memory for an HTTP server");
	s->options = *o;
	if (!s->options.max_body_bytes)
		s->options.max_body_bytes = BODY_MAX_BYTES;
	pthread_mutex_init(&s->lock, NULL);
	errno = 0;
	s->wake_fd = eventfd(0, EFD_CLOEXEC);
	s->daemon = start_daemon(s, &address);
	int e = s->daemon ? start_thread(s) : errno;
	if (!s->daemon || e) {
		free_server(s);
		return err_set(err, STATUS_UNAVAILABLE, "cannot listen on %s port %u: %s", bind, o->port,
		               e ? strerror(e) : "unknown reason");
	}
	s->port = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
	*ret = s;
	return STATUS_OK;
}

void http_server_stop(struct http_server *s)
{
	if (!s)
		return;
	atomic_store(&s->ends, true);
	eventfd_write(s->wake_fd, 1);
	pthread_join(s->thread, NULL);
	pthread_mutex_lock(&s->lock);
	s->stopping = true;
	for (struct http_exchange *x = s->open; x; x = x->next)
		exchange_stop(x);
	pthread_mutex_unlock(&s->lock);
	free_server(s);
}

uint16_t http_server_port(const struct http_server *s)
{
	return s->port;
}
