/* The bucket `latest` as answers ready to send, while nothing can have been missed. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "bus/kv.h"
#include "core/map.h"
#include "core/wait.h"
#include "gateway.h"

#define LOOK_EVERY_MS 100
#define COPIES_BYTES_MAX ((size_t)256 << 20) /* of all values; past that they are asked for */

/*
 * A watch belongs to one connection to the broker: when that was lost, what it knew may be old by the time it is back,
 * so a new watch reads everything anew and until it has, and while away, there is no copy of anything.
 */
struct copies {
	struct bus *bus;
	pthread_t keeper;
	struct bus_follow *watch;    /* the keeper's */
	atomic_uint_fast64_t epoch;  /* bus_reconnects() when the watch began */
	atomic_bool whole;           /* it has delivered all that was there */
	pthread_rwlock_t lock;       /* guards the two below */
	struct map values;           /* key → struct copy */
	size_t bytes;
	pthread_mutex_t end_lock;
	pthread_cond_t ended;
	bool ends;
};

struct copy {
	struct http_body *body;
	uint64_t revision;
};

static void drop(struct copies *c, struct copy *old)
{
	if (!old)
		return;
	c->bytes -= http_body_bytes(old->body).n;
	http_body_unref(old->body);
	free(old);
}

static bool is_wanted(struct span key)
{
	static const char suffix[] = ".reasoning";
	size_t n = sizeof suffix - 1;
	return key.n > n && memcmp(key.p + key.n - n, suffix, n) == 0;
}

static void on_entry(void *arg, struct span key, struct span value, uint64_t revision)
{
	struct copies *c = arg;
	if (!is_wanted(key))
		return;
	struct copy *one = NULL;
	if (value.p && c->bytes + value.n <= COPIES_BYTES_MAX && (one = malloc(sizeof *one)))
		*one = (struct copy){http_body_new(value), revision};
	pthread_rwlock_wrlock(&c->lock);
	struct copy *old = one ? map_put(&c->values, key, one) : map_del(&c->values, key);
	if (one)
		c->bytes += value.n;
	drop(c, old);
	pthread_rwlock_unlock(&c->lock);
}

static void on_caught_up(void *arg)
{
	struct copies *c = arg;
	atomic_store(&c->whole, true);
}

static void forget_all(struct copies *c)
{
	pthread_rwlock_wrlock(&c->lock);
	for (struct map_slot *s = map_next(&c->values, NULL); s; s = map_next(&c->values, s))
		drop(c, s->value);
	map_free(&c->values);
	c->values = (struct map){0};
	pthread_rwlock_unlock(&c->lock);
}

static void end_watch(struct copies *c)
{
	atomic_store(&c->whole, false);
	if (c->watch)
		bus_follow_close(c->watch);
	c->watch = NULL;
	atomic_store(&c->whole, false); /* a last callback may have said otherwise */
	forget_all(c);
}

static enum status begin_watch(struct copies *c, struct err *err)
{
	const struct bus_watch_options o = {BUCKET_LATEST, on_entry, on_caught_up, c};
	atomic_store(&c->epoch, bus_reconnects(c->bus));
	return bus_watch_open(c->bus, &o, &c->watch, err);
}

static void *keep(void *arg)
{
	struct copies *c = arg;
	struct err err;
	pthread_mutex_lock(&c->end_lock);
	while (!c->ends) {
		struct timespec until = wait_until(LOOK_EVERY_MS);
		pthread_cond_timedwait(&c->ended, &c->end_lock, &until);
		if (c->ends || !bus_is_connected(c->bus) || (c->watch && bus_reconnects(c->bus) == atomic_load(&c->epoch)))
			continue;
		pthread_mutex_unlock(&c->end_lock);
		end_watch(c);
		(void)!begin_watch(c, &err); /* tried again in the next turn; meanwhile requests are forwarded */
		pthread_mutex_lock(&c->end_lock);
	}
	pthread_mutex_unlock(&c->end_lock);
	return NULL;
}

enum status copies_start(struct bus *b, struct copies **ret, struct err *err)
{
	struct copies *c = calloc(1, sizeof *c);
	sigset_t all, before;
	if (!c)
		abort();
	c->bus = b;
	pthread_rwlock_init(&c->lock, NULL);
	pthread_mutex_init(&c->end_lock, NULL);
	wait_cond_init(&c->ended);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int e = pthread_create(&c->keeper, NULL, keep, c);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (e) {
		free(c);
		return err_set(err, STATUS_INTERNAL, "cannot start a thread: %s", strerror(e));
	}
	*ret = c;
	return STATUS_OK;
}

void copies_stop(struct copies *c)
{
	if (!c)
		return;
	pthread_mutex_lock(&c->end_lock);
	c->ends = true;
	pthread_cond_signal(&c->ended);
	pthread_mutex_unlock(&c->end_lock);
	pthread_join(c->keeper, NULL);
	end_watch(c);
	pthread_rwlock_destroy(&c->lock);
	pthread_mutex_destroy(&c->end_lock);
	pthread_cond_destroy(&c->ended);
	free(c);
}

struct http_body *copies_get(struct copies *c, const char *key, uint64_t *ret_revision)
{
	struct http_body *body = NULL;
	if (!atomic_load(&c->whole) || !bus_is_connected(c->bus) || bus_reconnects(c->bus) != atomic_load(&c->epoch))
		return NULL;
	pthread_rwlock_rdlock(&c->lock);
	struct copy *one = map_get(&c->values, span_from(key));
	if (one) {
		body = http_body_ref(one->body);
		*ret_revision = one->revision;
	}
	pthread_rwlock_unlock(&c->lock);
	return body;
}
