/* The server as a whole: its options, its address, and the threads that serve it. */
#include "http/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/lane.h"

#define BODY_MAX_BYTES ((size_t)1 << 20)
#define CONNECTIONS_MAX 256
#define IDLE_TIMEOUT_S 30
#define CONNECTION_BYTES ((size_t)8 << 10)

struct http_server {
	struct http_server_options options;
	uint16_t port;
	unsigned lanes_n;
	struct http_lane lanes[];
};

static void set_port(struct sockaddr_storage *address, uint16_t port)
{
	if (address->ss_family == AF_INET6)
		((struct sockaddr_in6 *)address)->sin6_port = htons(port);
	else
		((struct sockaddr_in *)address)->sin_port = htons(port);
}

static bool parse_address(const char *bind, uint16_t port, struct sockaddr_storage *ret)
{
	memset(ret, 0, sizeof *ret);
	if (inet_pton(AF_INET, bind, &((struct sockaddr_in *)ret)->sin_addr) == 1) {
		ret->ss_family = AF_INET;
	} else {
		ret->ss_family = AF_INET6;
		if (inet_pton(AF_INET6, bind, &((struct sockaddr_in6 *)ret)->sin6_addr) != 1)
			return false;
	}
	set_port(ret, port);
	return true;
}

static struct http_server *new_server(const struct http_server_options *o)
{
	unsigned lanes = o->threads ? o->threads : 1;
	struct http_server *s = calloc(1, sizeof *s + lanes * sizeof s->lanes[0]);
	if (!s)
		return NULL;
	s->options = *o;
	s->options.threads = s->lanes_n = lanes;
	if (!o->max_body_bytes)
		s->options.max_body_bytes = BODY_MAX_BYTES;
	if (!o->max_connections)
		s->options.max_connections = CONNECTIONS_MAX;
	if (!o->idle_timeout_s)
		s->options.idle_timeout_s = IDLE_TIMEOUT_S;
	if (!o->connection_bytes)
		s->options.connection_bytes = CONNECTION_BYTES;
	return s;
}

/* Why the address cannot be had: libmicrohttpd 1.0 loses errno while it cleans up. `e` where binding it says nothing. */
static int why_not(const struct sockaddr_storage *address, int e)
{
	const int on = 1;
	int fd = socket(address->ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	socklen_t n = address->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
	if (bind(fd, (const struct sockaddr *)address, n) != 0)
		e = errno;
	close(fd);
	return e;
}

enum status http_server_start(const struct http_server_options *o, struct http_server **ret, struct err *err)
{
	const char *bind = o->bind ? o->bind : "127.0.0.1";
	struct sockaddr_storage address;
	if (!parse_address(bind, o->port, &address))
		return err_field(err, STATUS_INVALID, "bind", "%s is not an IPv4 or IPv6 address", bind);
	struct http_server *s = new_server(o);
	if (!s)
		return err_set(err, STATUS_INTERNAL, "no memory for an HTTP server");
	s->port = o->port;
	for (unsigned i = 0; i < s->lanes_n; i++) {
		if (!lane_start(&s->lanes[i], &s->options, (struct sockaddr *)&address, s->port)) {
			int e = why_not(&address, errno);
			http_server_stop(s);
			return err_set(err, STATUS_UNAVAILABLE, "cannot listen on %s port %u: %s", bind, o->port,
			               e ? strerror(e) : "unknown reason");
		}
		s->port = lane_port(&s->lanes[i]); /* what the first one found is for all */
		set_port(&address, s->port);
	}
	*ret = s;
	return STATUS_OK;
}

void http_server_stop(struct http_server *s)
{
	if (!s)
		return;
	for (unsigned i = 0; i < s->lanes_n; i++)
		lane_stop(&s->lanes[i]);
	free(s);
}

uint16_t http_server_port(const struct http_server *s)
{
	return s->port;
}
