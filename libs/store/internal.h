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
};

/* Makes sure that there is a connection to send on. */
enum status store_ready(struct store *s, struct err *err) must_check;
/* Takes `r` (NULL allowed): OK and *ret, or its error with everything given back. Every answer of the server passes
 * here. */
enum status store_take(struct store *s, PGresult *r, PGresult **ret, struct err *err) must_check;

#endif
