/* A few connections, lent one at a time. */
#include "db.h"

#include <pthread.h>
#include <stdlib.h>

/* As many as threads ask at once: requests, maintenance, health. More are opened when needed and closed when given
 * back. */
#define KEEP 4
#define STATEMENT_TIMEOUT_MS 5000
#define CONNECT_TIMEOUT_MS 2000

struct db {
	struct store_options options;
	pthread_mutex_t lock;
	struct store *idle[KEEP];
	size_t idle_n;
	bool open;
};

enum status db_new(const char *url, struct db **ret, struct err *err)
{
	struct db *d = calloc(1, sizeof *d);
	if (!d)
		abort();
	d->options = (struct store_options){.url = url,
	                                    .application = "gannet-jobs requests",
	                                    .connect_timeout_ms = CONNECT_TIMEOUT_MS,
	                                    .statement_timeout_ms = STATEMENT_TIMEOUT_MS};
	pthread_mutex_init(&d->lock, NULL);
	enum status status = store_new(&d->options, &d->idle[0], err);
	if (status != STATUS_OK) {
		db_free(d);
		return status;
	}
	d->idle_n = 1;
	*ret = d;
	return STATUS_OK;
}

void db_free(struct db *d)
{
	if (!d)
		return;
	while (d->idle_n)
		store_free(d->idle[--d->idle_n]);
	pthread_mutex_destroy(&d->lock);
	free(d);
}

void db_open(struct db *d)
{
	pthread_mutex_lock(&d->lock);
	d->open = true;
	pthread_mutex_unlock(&d->lock);
}

enum status db_take(struct db *d, struct store **ret, struct err *err)
{
	pthread_mutex_lock(&d->lock);
	bool open = d->open;
	struct store *s = open && d->idle_n ? d->idle[--d->idle_n] : NULL;
	pthread_mutex_unlock(&d->lock);
	if (!open)
		return err_retry(err, STATUS_UNAVAILABLE, "PostgreSQL is away, or its schema is not up to date yet");
	if (!s) {
		enum status status = store_new(&d->options, &s, err);
		if (status != STATUS_OK)
			return status;
	}
	*ret = s;
	return STATUS_OK;
}

void db_give(struct db *d, struct store *s)
{
	pthread_mutex_lock(&d->lock);
	if (d->idle_n < KEEP) {
		d->idle[d->idle_n++] = s;
		s = NULL;
	}
	pthread_mutex_unlock(&d->lock);
	store_free(s);
}

enum status db_check(void *arg, struct err *err)
{
	struct db *d = arg;
	struct store *s;
	enum status status = db_take(d, &s, err);
	if (status != STATUS_OK)
		return status;
	status = store_ping(s, err);
	db_give(d, s);
	return status;
}
