/* The connection as the files of this library share it. */
#ifndef GANNET_STORE_INTERNAL_H
#define GANNET_STORE_INTERNAL_H

#include <libpq-fe.h>

#include "core/map.h"
#include "store/store.h"

struct store {
	PGconn *conn; /* NULL: not connected */
	bool in_transaction;
	struct map prepared; /* names prepared on `conn` */
	char *url, *application, *session_sql;
	int64_t connect_timeout_ms;
	int64_t answer_timeout_ms; /* 0: for ever */
	bool answered;             /* false: the last answer did not come in time */
};

/* How much longer than its statement time-out an answer may take: a server that hangs cannot keep its own time-out. */
#define STORE_ANSWER_GRACE_MS 2000

/* Waits until everything is sent; false when the connection or its time is at an end. */
bool store_flush(struct store *s);
/* What a PQsend… function was answered (the last result, or the beginning of a COPY); `sent` is what that function returned. */
PGresult *store_collect(struct store *s, int sent);

/* Makes sure that there is a connection to send on. */
enum status store_ready(struct store *s, struct err *err) must_check;
/* Takes `r` (NULL allowed): OK and *ret, or its error with everything given back. Every answer of the server passes
 * here. */
enum status store_take(struct store *s, PGresult *r, PGresult **ret, struct err *err) must_check;

#endif
