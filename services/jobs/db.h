/* Connections for requests: apart from the projection's, so that a slow query never delays recording. */
#ifndef GANNET_JOBS_DB_H
#define GANNET_JOBS_DB_H

#include "store/store.h"

/* Thread-safe. */
struct db;

enum status db_new(const char *url, struct db **ret, struct err *err) must_check;
void db_free(struct db *d); /* NULL is fine; every connection must be back */
/* The schema is there: from now on connections are handed out. */
void db_open(struct db *d);
/* A connection of the caller's own until db_give(); UNAVAILABLE before db_open(). */
enum status db_take(struct db *d, struct store **ret, struct err *err) must_check;
void db_give(struct db *d, struct store *s);
/* For /health/ready. */
enum status db_check(void *arg, struct err *err);

#endif
