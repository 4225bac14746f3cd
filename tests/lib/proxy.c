/* One thread moves bytes between pairs of sockets, each piece not before its time. */
#include "tests/lib/proxy.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/clock.h"
#include "tests/lib/process.h"
#include "tests/lib/servers.h"

#define MARKS_MAX 512
#define TURN_MS 2          /* how exact delays and limits are */
#define BURST_NS 100000000 /* a limited connection may catch up on so much idle time */

/* One direction of a connection: a ring of bytes, and for each piece read the moment from which it may pass. */
struct flow {
	char *ring;
	uint64_t taken, given; /* bytes since the connection began */
	struct mark {
		uint64_t end;
		int64_t due_ns;
	} marks[MARKS_MAX];
	size_t mark_first, marks_n;
	double allowance; /* bytes that may pass now */
	int64_t counted_ns;
	bool ended, end_told;
};

struct pair {
	int fd[2];
	struct flow flow[2]; /* flow[i] reads fd[i] and writes the other one */
};

struct proxy {
	int listener, wake, port, target_port;
	pthread_t thread;
	pthread_mutex_t lock; /* guards the next three */
	struct proxy_weather weather;
	uint64_t cuts;
	bool stopping;
	/* the thread's own */
	struct pair *pairs[PROXY_CONNECTIONS_MAX];
	size_t pairs_n;
	uint64_t cuts_done;
};

static struct pair *pair_new(int client, int server)
{
	struct pair *c = calloc(1, sizeof *c);
	CHECK(c);
	c->fd[0] = client;
	c->fd[1] = server;
	for (int i = 0; i < 2; i++) {
		c->flow[i].ring = malloc(PROXY_BUFFER_BYTES);
		CHECK(c->flow[i].ring);
		setsockopt(c->fd[i], IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
		fcntl(c->fd[i], F_SETFL, O_NONBLOCK);
	}
	return c;
}

static void reset(int fd)
{
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){.l_onoff = 1}, sizeof(struct linger));
	close(fd);
}

static void pair_free(struct pair *c, bool harshly)
{
	for (int i = 0; i < 2; i++) {
		harshly ? reset(c->fd[i]) : (void)close(c->fd[i]);
		free(c->flow[i].ring);
	}
	free(c);
}

static bool has_room(const struct flow *f)
{
	return !f->ended && f->taken - f->given < PROXY_BUFFER_BYTES && f->marks_n < MARKS_MAX;
}

/* False when the connection is broken. */
static bool take(struct flow *f, int fd, int64_t due_ns)
{
	size_t at = f->taken % PROXY_BUFFER_BYTES, room = PROXY_BUFFER_BYTES - (size_t)(f->taken - f->given);
	size_t to_wrap = PROXY_BUFFER_BYTES - at;
	ssize_t n = read(fd, f->ring + at, room < to_wrap ? room : to_wrap);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	f->ended = n == 0;
	f->taken += (uint64_t)n;
	if (n)
		f->marks[(f->mark_first + f->marks_n++) % MARKS_MAX] = (struct mark){f->taken, due_ns};
	return true;
}

/* How many bytes may pass now, in one piece. */
static size_t passable(struct flow *f, int64_t now_ns, int64_t bytes_per_s)
{
	uint64_t end = f->given;
	for (size_t i = 0; i < f->marks_n && f->marks[(f->mark_first + i) % MARKS_MAX].due_ns <= now_ns; i++)
		end = f->marks[(f->mark_first + i) % MARKS_MAX].end;
	size_t n = (size_t)(end - f->given), to_wrap = PROXY_BUFFER_BYTES - f->given % PROXY_BUFFER_BYTES;
	if (n > to_wrap)
		n = to_wrap;
	if (!bytes_per_s) {
		f->allowance = 0;
		f->counted_ns = now_ns;
		return n;
	}
	int64_t idle_ns = now_ns - f->counted_ns < BURST_NS ? now_ns - f->counted_ns : BURST_NS;
	double most = (double)bytes_per_s * BURST_NS / 1e9;
	f->allowance += (double)bytes_per_s * (double)idle_ns / 1e9;
	f->allowance = f->allowance < most ? f->allowance : most;
	f->counted_ns = now_ns;
	return n < f->allowance ? n : (size_t)f->allowance;
}

static bool give(struct flow *f, int fd, int64_t now_ns, const struct proxy_weather *w)
{
	size_t n;
	while ((n = passable(f, now_ns, w->bytes_per_s)) > 0) {
		ssize_t sent = send(fd, f->ring + f->given % PROXY_BUFFER_BYTES, n, MSG_NOSIGNAL);
		if (sent < 0)
			return errno == EAGAIN || errno == EINTR;
		f->given += (uint64_t)sent;
		f->allowance -= w->bytes_per_s ? (double)sent : 0;
		while (f->marks_n && f->marks[f->mark_first].end <= f->given) {
			f->mark_first = (f->mark_first + 1) % MARKS_MAX;
			f->marks_n--;
		}
	}
	if (f->ended && !f->end_told && f->taken == f->given) {
		f->end_told = true;
		shutdown(fd, SHUT_WR);
	}
	return true;
}

/* False when it is over. `events` are those of fd[0] and fd[1]. */
static bool pair_turn(struct pair *c, const struct proxy_weather *w, const short events[2])
{
	int64_t now_ns = clock_mono_ns(&clock_system);
	for (int i = 0; i < 2; i++) {
		if ((events[i] & (POLLIN | POLLHUP | POLLERR)) && has_room(&c->flow[i]) &&
		    !take(&c->flow[i], c->fd[i], now_ns + w->delay_ms * 1000000))
			return false;
		if (!give(&c->flow[i], c->fd[!i], now_ns, w))
			return false;
	}
	return !(c->flow[0].end_told && c->flow[1].end_told);
}

static void let_in(struct proxy *p, const struct proxy_weather *w)
{
	int server, client = accept4(p->listener, NULL, NULL, SOCK_CLOEXEC);
	if (client < 0)
		return;
	if (w->refused || p->pairs_n == PROXY_CONNECTIONS_MAX || !process_listens(p->target_port, &server))
		reset(client);
	else
		p->pairs[p->pairs_n++] = pair_new(client, server);
}

/* A connection that both sides have ended is closed, any other one reset. */
static void forget(struct proxy *p, size_t i)
{
	const struct flow *f = p->pairs[i]->flow;
	pair_free(p->pairs[i], !(f[0].end_told && f[1].end_told));
	p->pairs[i] = p->pairs[--p->pairs_n];
}

/* True when bytes wait for their time, not for a socket. */
static bool watch(const struct pair *c, struct pollfd out[2])
{
	bool waits = false;
	for (int i = 0; i < 2; i++) {
		short events = has_room(&c->flow[i]) ? POLLIN : 0;
		waits |= c->flow[i].marks_n > 0;
		/* One that ended is not looked at: it would be ready for ever. */
		out[i] = (struct pollfd){c->flow[i].ended ? -1 : c->fd[i], events, 0};
	}
	return waits;
}

static bool read_commands(struct proxy *p, struct proxy_weather *ret)
{
	pthread_mutex_lock(&p->lock);
	*ret = p->weather;
	bool cut = p->cuts != p->cuts_done, stopping = p->stopping;
	p->cuts_done = p->cuts;
	pthread_mutex_unlock(&p->lock);
	while ((cut || stopping) && p->pairs_n)
		forget(p, 0);
	return !stopping;
}

static void *run(void *arg)
{
	struct proxy *p = arg;
	struct proxy_weather w;
	static _Thread_local struct pollfd fds[2 + 2 * PROXY_CONNECTIONS_MAX];
	while (read_commands(p, &w)) {
		bool waits = false;
		fds[0] = (struct pollfd){p->wake, POLLIN, 0};
		fds[1] = (struct pollfd){w.silent ? -1 : p->listener, POLLIN, 0};
		size_t n = w.silent ? 0 : p->pairs_n;
		for (size_t i = 0; i < n; i++)
			waits |= watch(p->pairs[i], fds + 2 + 2 * i);
		poll(fds, 2 + 2 * n, waits ? TURN_MS : -1);
		if (fds[0].revents) {
			uint64_t ignored;
			if (read(p->wake, &ignored, sizeof ignored) < 0)
				continue;
			continue; /* hear the command before anything passes */
		}
		for (size_t i = n; i-- > 0;)
			if (!pair_turn(p->pairs[i], &w, (short[]){fds[2 + 2 * i].revents, fds[3 + 2 * i].revents}))
				forget(p, i);
		if (fds[1].revents)
			let_in(p, &w);
	}
	return NULL;
}

struct proxy *proxy_start(int target_port)
{
	struct proxy *p = calloc(1, sizeof *p);
	CHECK(p);
	p->port = test_free_port();
	p->target_port = target_port;
	pthread_mutex_init(&p->lock, NULL);
	struct sockaddr_in at = {
	    .sin_family = AF_INET, .sin_port = htons((uint16_t)p->port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
	p->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	p->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	CHECK(p->listener >= 0 && p->wake >= 0);
	setsockopt(p->listener, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
	CHECK(bind(p->listener, (struct sockaddr *)&at, sizeof at) == 0 && listen(p->listener, 128) == 0);
	CHECK(pthread_create(&p->thread, NULL, run, p) == 0);
	return p;
}

int proxy_port(const struct proxy *p)
{
	return p->port;
}

static void tell(struct proxy *p)
{
	pthread_mutex_unlock(&p->lock);
	CHECK(write(p->wake, &(uint64_t){1}, sizeof(uint64_t)) == sizeof(uint64_t));
}

void proxy_weather(struct proxy *p, const struct proxy_weather *w)
{
	pthread_mutex_lock(&p->lock);
	p->weather = *w;
	tell(p);
}

void proxy_cut(struct proxy *p)
{
	pthread_mutex_lock(&p->lock);
	p->cuts++;
	tell(p);
}

void proxy_stop(struct proxy *p)
{
	pthread_mutex_lock(&p->lock);
	p->stopping = true;
	tell(p);
	pthread_join(p->thread, NULL);
	close(p->listener);
	close(p->wake);
	pthread_mutex_destroy(&p->lock);
	free(p);
}
