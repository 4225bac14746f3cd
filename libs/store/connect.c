/* Getting a connection, noticing that it is gone, and turning the server's answers into errors. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "store/internal.h"

static char *copy_or_null(const char *s)
{
	char *copy = s ? strdup(s) : NULL;
	if (s && !copy)
		abort();
	return copy;
}

static char *session_text(const struct store_options *o)
{
	scoped_buf b = {0};
	if (o->statement_timeout_ms)
		buf_printf(&b, "SET statement_timeout = %lld;", (long long)o->statement_timeout_ms);
	if (o->read_only)
		buf_adds(&b, "SET default_transaction_read_only = on;");
	if (o->session_sql)
		buf_adds(&b, o->session_sql);
	return b.len ? copy_or_null(b.data) : NULL;
}

enum status store_new(const struct store_options *o, struct store **ret, struct err *err)
{
	char *problem = NULL;
	PQconninfoOption *parsed = PQconninfoParse(o->url, &problem);
	if (!parsed) {
		/* libpq's message may quote the password. */
		PQfreemem(problem);
		return err_field(err, STATUS_INVALID, "DATABASE_URL",
		                 "DATABASE_URL: not a postgresql:// URL or keyword string");
	}
	PQconninfoFree(parsed);
	struct store *s = calloc(1, sizeof *s);
	if (!s)
		abort();
	s->url = copy_or_null(o->url);
	s->application = copy_or_null(o->application);
	s->session_sql = session_text(o);
	s->connect_timeout_ms = o->connect_timeout_ms ? o->connect_timeout_ms : 5000;
	s->answer_timeout_ms = o->statement_timeout_ms ? o->statement_timeout_ms + STORE_ANSWER_GRACE_MS : 0;
	s->answered = true;
	*ret = s;
	return STATUS_OK;
}

static void disconnect(struct store *s)
{
	if (s->conn)
		PQfinish(s->conn);
	s->conn = NULL;
	s->in_transaction = false;
	map_free(&s->prepared);
}

void store_free(struct store *s)
{
	if (!s)
		return;
	disconnect(s);
	free(s->url);
	free(s->application);
	free(s->session_sql);
	free(s);
}

/* One line without what the server quotes from the data. */
static void first_line(const char *text, char out[200])
{
	const char *quoted = strstr(text, ": \"");
	size_t n = strcspn(text, "\r\n");
	if (quoted && (size_t)(quoted - text) < n)
		n = (size_t)(quoted - text);
	snprintf(out, 200, "%.*s", (int)(n < 199 ? n : 199), text);
}

/* SQLSTATE classes: PostgreSQL manual, appendix A. */
static enum status from_sqlstate(const char *state, const char *message, struct err *err)
{
	static const struct {
		const char *prefix;
		enum status status;
		bool retryable;
	} rows[] = {
	    {"57014", STATUS_TIMEOUT, true},   {"25006", STATUS_UNAVAILABLE, true}, {"57P", STATUS_UNAVAILABLE, true},
	    {"55P", STATUS_UNAVAILABLE, true}, {"08", STATUS_UNAVAILABLE, true},    {"53", STATUS_UNAVAILABLE, true},
	    {"40", STATUS_UNAVAILABLE, true},  {"23", STATUS_CONFLICT, false},      {"22", STATUS_INVALID, false},
	    {"54", STATUS_TOO_LARGE, false},
	};
	char line[200];
	first_line(message, line);
	enum status status = STATUS_INTERNAL;
	bool retryable = false;
	for (size_t i = 0; i < countof(rows); i++) {
		if (strncmp(state, rows[i].prefix, strlen(rows[i].prefix)) != 0)
			continue;
		status = rows[i].status;
		retryable = rows[i].retryable;
		break;
	}
	err_set(err, status, "PostgreSQL: %s (SQLSTATE %s)", line, state);
	err->retryable = retryable;
	return status;
}

/* Fills `err` and gives the connection up; what comes next begins with a new one. */
static enum status lost(struct store *s, struct err *err)
{
	char line[200];
	bool answered = s->answered;
	first_line(s->conn ? PQerrorMessage(s->conn) : "out of memory", line);
	disconnect(s);
	if (!answered)
		return err_retry(err, STATUS_UNAVAILABLE, "PostgreSQL is away: no answer within %lld ms",
		                 (long long)s->answer_timeout_ms);
	return err_retry(err, STATUS_UNAVAILABLE, "PostgreSQL is away: %s", line[0] ? line : "the connection was closed");
}

enum status store_take(struct store *s, PGresult *r, PGresult **ret, struct err *err)
{
	bool bad = !r || PQstatus(s->conn) == CONNECTION_BAD;
	ExecStatusType kind = PQresultStatus(r);
	bool fine =
	    kind == PGRES_COMMAND_OK || kind == PGRES_TUPLES_OK || kind == PGRES_COPY_IN || kind == PGRES_EMPTY_QUERY;
	if (fine && !bad) {
		s->in_transaction = PQtransactionStatus(s->conn) != PQTRANS_IDLE;
		*ret = r;
		return STATUS_OK;
	}
	const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
	enum status status;
	if (state) {
		const char *message = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
		status = from_sqlstate(state, message ? message : "", err);
		if (bad)
			disconnect(s);
		else
			s->in_transaction = PQtransactionStatus(s->conn) != PQTRANS_IDLE;
	} else {
		status = lost(s, err);
	}
	PQclear(r);
	return status;
}

/* Instead of libpq's own, which prints on standard error. */
static void ignore_notice(void *arg, const PGresult *r)
{
	(void)arg;
	(void)r;
}

static enum status connect_now(struct store *s, struct err *err)
{
	char timeout[24];
	snprintf(timeout, sizeof timeout, "%lld", (long long)((s->connect_timeout_ms + 999) / 1000));
	/* What stands before dbname is a default that the URL may override. */
	const char *keys[] = {"fallback_application_name",
	                      "keepalives_idle",
	                      "keepalives_interval",
	                      "keepalives_count",
	                      "tcp_user_timeout",
	                      "connect_timeout",
	                      "dbname",
	                      "client_encoding",
	                      NULL};
	const char *values[] = {
	    s->application ? s->application : "gannet", "10", "5", "3", "20000", timeout, s->url, "UTF8", NULL};
	s->answered = true;
	s->conn = PQconnectdbParams(keys, values, 1);
	if (!s->conn || PQstatus(s->conn) != CONNECTION_OK)
		return lost(s, err);
	PQsetNoticeReceiver(s->conn, ignore_notice, NULL);
	PQsetnonblocking(s->conn, 1);
	if (!s->session_sql)
		return STATUS_OK;
	PGresult *r;
	enum status status = store_take(s, store_collect(s, PQsendQuery(s->conn, s->session_sql)), &r, err);
	if (status == STATUS_OK)
		PQclear(r);
	else
		disconnect(s); /* half set up is worse than none */
	return status;
}

/* A server that went away closed the socket: an idle connection with something to read is told apart before anything is
 * sent. */
static bool closed_by_server(struct store *s)
{
	struct pollfd p = {.fd = PQsocket(s->conn), .events = POLLIN};
	if (PQstatus(s->conn) != CONNECTION_OK || p.fd < 0)
		return true;
	/* First may come a farewell, then the end. */
	while (poll(&p, 1, 0) > 0)
		if (!PQconsumeInput(s->conn) || PQstatus(s->conn) != CONNECTION_OK)
			return true;
	return false;
}

enum status store_ready(struct store *s, struct err *err)
{
	if (s->conn && closed_by_server(s)) {
		bool inside = s->in_transaction;
		disconnect(s);
		if (inside)
			return err_retry(err, STATUS_UNAVAILABLE,
			                 "PostgreSQL is away: the connection was lost inside a transaction");
	}
	return s->conn ? STATUS_OK : connect_now(s, err);
}
