/* All event streams of the process: how many there may be, and the thread that opens, tends and closes them. */
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "core/wait.h"
#include "services/gateway/events/stream.h"

#define TURN_MS 100
#define FAREWELL_MS 200 /* for the last words to reach clients */

struct streams {
	struct gateway *gateway;
	pthread_t keeper;
	pthread_mutex_t lock; /* guards all below; not held while one is opened or closed */
	pthread_cond_t changed;
	struct stream *first; /* only the keeper takes out of it */
	size_t n;
	bool ends;
};

static size_t count_of_user(const struct streams *all, const struct auth_identity *who)
{
	size_t n = 0;
	for (const struct stream *s = all->first; s; s = s->next)
		n += strcmp(s->call->who.user, who->user) == 0 && strcmp(s->call->who.tenant, who->tenant) == 0;
	return n;
}

/* Under the lock. */
static enum status check_room(const struct streams *all, const struct auth_identity *who, struct err *err)
{
	const struct gateway_config *c = all->gateway->config;
	if (all->ends)
		return err_retry(err, STATUS_UNAVAILABLE, "the gateway is ending");
	if (all->n >= (size_t)c->streams_max)
		return err_retry(err, STATUS_UNAVAILABLE, "%zu event streams are open, which is all that there may be", all->n);
	if (count_of_user(all, who) >= (size_t)c->streams_per_user)
		return err_retry(err, STATUS_RATE_LIMITED, "%lld event streams of one user are open, which is all that there may be",
		                 (long long)c->streams_per_user);
	return STATUS_OK;
}

static struct stream *new_stream(struct call *c, struct err *err)
{
	struct stream *s = calloc(1, sizeof *s);
	if (!s)
		abort();
	s->all = c->gateway->streams;
	s->call = c;
	s->x = c->x;
	s->expires_ms = c->who.expires_ms;
	pthread_mutex_init(&s->lock, NULL);
	if (stream_filters(c, s, err) == STATUS_OK)
		return s;
	pthread_mutex_destroy(&s->lock);
	free(s);
	return NULL;
}

static void begin(struct call *c)
{
	struct streams *all = c->gateway->streams;
	struct err err = {0};
	struct stream *s = new_stream(c, &err);
	if (!s) {
		call_refuse(c, &err);
		return;
	}
	pthread_mutex_lock(&all->lock);
	enum status e = check_room(all, &c->who, &err);
	if (e == STATUS_OK) {
		s->next = all->first;
		all->first = s;
		all->n++;
		pthread_cond_signal(&all->changed);
	}
	pthread_mutex_unlock(&all->lock);
	if (e != STATUS_OK) {
		pthread_mutex_destroy(&s->lock);
		free(s);
		call_refuse(c, &err);
	}
}

bool events_handle(struct call *c)
{
	struct err err;
	if (span_is(c->method, "HEAD")) {
		call_answer(c, 200, "text/event-stream", SPAN(""));
	} else if (!bus_is_connected(c->gateway->bus)) {
		err_retry(&err, STATUS_UNAVAILABLE, "not connected to the broker");
		call_refuse(c, &err);
	} else {
		begin(c);
	}
	return true;
}

/* ---- the keeper */

static void unlink_stream(struct streams *all, struct stream *s)
{
	for (struct stream **at = &all->first; *at; at = &(*at)->next)
		if (*at == s) {
			*at = s->next;
			all->n--;
			return;
		}
}

/* The next one that needs opening or closing, taken out of the list for the latter; all others are tended. Under the lock. */
static struct stream *next_task(struct streams *all)
{
	const struct clock *clock = all->gateway->clock;
	int64_t mono_ms = clock_mono_ms(clock), wall_ms = clock_wall_ms(clock);
	for (struct stream *s = all->first, *next; s; s = next) {
		next = s->next;
		if (all->ends)
			stream_finish(s, STREAM_ENDING);
		else if (s->opened)
			stream_tend(s, mono_ms, wall_ms);
		bool over = stream_end(s) != STREAM_GOES_ON;
		if (over)
			unlink_stream(all, s);
		if (over || !s->opened)
			return s;
	}
	return NULL;
}

static void wait_turn(struct streams *all)
{
	struct timespec until = wait_until(TURN_MS);
	pthread_cond_timedwait(&all->changed, &all->lock, &until);
}

static void *keep(void *arg)
{
	struct streams *all = arg;
	pthread_mutex_lock(&all->lock);
	while (!all->ends || all->first) {
		struct stream *s = next_task(all);
		if (!s) {
			wait_turn(all);
			continue;
		}
		bool over = stream_end(s) != STREAM_GOES_ON;
		pthread_mutex_unlock(&all->lock);
		if (over)
			stream_close(s);
		else
			stream_open(s);
		pthread_mutex_lock(&all->lock);
	}
	pthread_mutex_unlock(&all->lock);
	return NULL;
}

enum status streams_start(struct gateway *g, struct streams **ret, struct err *err)
{
	struct streams *all = calloc(1, sizeof *all);
	sigset_t signals, before;
	if (!all)
		abort();
	stream_metrics_register();
	all->gateway = g;
	pthread_mutex_init(&all->lock, NULL);
	wait_cond_init(&all->changed);
	sigfillset(&signals);
	pthread_sigmask(SIG_SETMASK, &signals, &before);
	int e = pthread_create(&all->keeper, NULL, keep, all);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (e) {
		free(all);
		return err_set(err, STATUS_INTERNAL, "cannot start a thread: %s", strerror(e));
	}
	*ret = all;
	return STATUS_OK;
}

void streams_end(struct streams *all)
{
	if (!all)
		return;
	pthread_mutex_lock(&all->lock);
	bool any = all->n > 0;
	all->ends = true;
	pthread_cond_signal(&all->changed);
	pthread_mutex_unlock(&all->lock);
	pthread_join(all->keeper, NULL);
	if (any)
		nanosleep(&(struct timespec){.tv_nsec = FAREWELL_MS * 1000000L}, NULL);
}

void streams_free(struct streams *all)
{
	if (!all)
		return;
	pthread_mutex_destroy(&all->lock);
	pthread_cond_destroy(&all->changed);
	free(all);
}
