/* A few connections, lent one at a time: for requests, apart from the connection that records. */
#ifndef GANNET_STORE_POOL_H
#define GANNET_STORE_POOL_H

#include "store/store.h"

#define STORE_POOL_KEEP 4 /* more are opened when needed and closed when given back */

/* Thread-safe. */
struct store_pool;

/* The options' texts are kept as they are. */
enum status store_pool_new(const struct store_options *o, struct store_pool **ret, struct err *err) must_check;
void store_pool_free(struct store_pool *p); /* NULL is fine; every connection must be back */
/* The schema is there: from now on connections are lent. */
void store_pool_open(struct store_pool *p);
/* A connection of the caller's own until store_pool_give(); UNAVAILABLE before store_pool_open(). */
enum status store_pool_take(struct store_pool *p, struct store **ret, struct err *err) must_check;
void store_pool_give(struct store_pool *p, struct store *s);
/* For /health/ready; `arg` is the pool. */
enum status store_pool_check(void *arg, struct err *err);

#endif
