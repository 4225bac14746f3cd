/* A few connections, lent one at a time. */
#include "store/pool.h"

#include <pthread.h>
#include <stdlib.h>

struct store_pool {
	struct store_options options;
	pthread_mutex_t lock;
	struct store *idle[STORE_POOL_KEEP];
	size_t idle_n;
	bool open;
};

enum status store_pool_new(const struct store_options *o, struct store_pool **ret, struct err *err)
{
	struct store_pool *p = calloc(1, sizeof *p);
	if (!p)
		abort();
	p->options = *o;
	pthread_mutex_init(&p->lock, NULL);
	enum status status = store_new(&p->options, &p->idle[0], err);
	if (status != STATUS_OK) {
		store_pool_free(p);
		return status;
	}
	p->idle_n = 1;
	*ret = p;
	return STATUS_OK;
}

void store_pool_free(struct store_pool *p)
{
	if (!p)
		return;
	while (p->idle_n)
		store_free(p->idle[--p->idle_n]);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

void store_pool_open(struct store_pool *p)
{
	pthread_mutex_lock(&p->lock);
	p->open = true;
	pthread_mutex_unlock(&p->lock);
}

enum status store_pool_take(struct store_pool *p, struct store **ret, struct err *err)
{
	pthread_mutex_lock(&p->lock);
	bool open = p->open;
	struct store *s = open && p->idle_n ? p->idle[--p->idle_n] : NULL;
	pthread_mutex_unlock(&p->lock);
	if (!open)
		return err_retry(err, STATUS_UNAVAILABLE, "PostgreSQL is away, or its schema is not up to date yet");
	if (!s) {
		enum status status = store_new(&p->options, &s, err);
		if (status != STATUS_OK)
			return status;
	}
	*ret = s;
	return STATUS_OK;
}

void store_pool_give(struct store_pool *p, struct store *s)
{
	pthread_mutex_lock(&p->lock);
	if (p->idle_n < STORE_POOL_KEEP) {
		p->idle[p->idle_n++] = s;
		s = NULL;
	}
	pthread_mutex_unlock(&p->lock);
	store_free(s);
}

enum status store_pool_check(void *arg, struct err *err)
{
	struct store_pool *p = arg;
	struct store *s;
	enum status status = store_pool_take(p, &s, err);
	if (status != STATUS_OK)
		return status;
	status = store_ping(s, err);
	store_pool_give(p, s);
	return status;
}
