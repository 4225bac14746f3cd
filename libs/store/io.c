/* Sending to the server and waiting for it, never longer than its time-out and a little more. */
#include <poll.h>

#include "core/clock.h"
#include "store/internal.h"

/* True when the socket can go on; false when the time is over. */
static bool wait_for(struct store *s, short events, int64_t until_ms)
{
	struct pollfd p = {.fd = PQsocket(s->conn), .events = events};
	int64_t left_ms = until_ms - clock_mono_ms(&clock_system);
	if (s->answer_timeout_ms && left_ms <= 0)
		return false;
	return poll(&p, 1, s->answer_timeout_ms ? (int)left_ms : -1) != 0;
}

static int64_t deadline(const struct store *s)
{
	return clock_mono_ms(&clock_system) + s->answer_timeout_ms;
}

bool store_flush(struct store *s)
{
	int64_t until_ms = deadline(s);
	int left;
	while ((left = PQflush(s->conn)) > 0)
		if (!(s->answered = wait_for(s, POLLIN | POLLOUT, until_ms)) || !PQconsumeInput(s->conn))
			return false;
	return left == 0;
}

/* False when the connection or its time is at an end; *ret NULL when no result follows. */
static bool next_result(struct store *s, int64_t until_ms, PGresult **ret)
{
	while (PQisBusy(s->conn))
		if (!(s->answered = wait_for(s, POLLIN, until_ms)) || !PQconsumeInput(s->conn))
			return false;
	*ret = PQgetResult(s->conn);
	return true;
}

PGresult *store_collect(struct store *s, int sent)
{
	PGresult *last = NULL, *r;
	s->answered = true;
	if (!sent || !store_flush(s))
		return NULL;
	int64_t until_ms = deadline(s);
	for (;;) {
		if (!next_result(s, until_ms, &r)) {
			PQclear(last);
			return NULL;
		}
		if (!r)
			return last;
		PQclear(last);
		last = r;
		if (PQresultStatus(r) == PGRES_COPY_IN)
			return last;
	}
}
