/* How we connect, and what the client tells about the connection afterwards. */
#include <stdio.h>
#include <string.h>

#include "bus/internal.h"

static void tell(struct bus *b, bool connected, const char *why)
{
	pthread_mutex_lock(&b->mu);
	bool closing = b->stage == BUS_CLOSING;
	pthread_mutex_unlock(&b->mu);
	if (b->on_state && !closing)
		b->on_state(b->arg, connected, why);
}

static void on_disconnected(natsConnection *nc, void *arg)
{
	struct bus *b = arg;
	(void)nc;
	atomic_store(&b->connected, false);
	tell(b, false, "connection lost");
}

static void on_reconnected(natsConnection *nc, void *arg)
{
	struct bus *b = arg;
	(void)nc;
	atomic_fetch_add(&b->epoch, 1);
	atomic_store(&b->connected, true);
	bus_wake(b);
	tell(b, true, "reconnected");
}

/* Only bus_close() and a server that refuses our credentials twice running close the client's connection. */
static void on_closed(natsConnection *nc, void *arg)
{
	struct bus *b = arg;
	const char *why = NULL;
	natsConnection_GetLastError(nc, &why);
	atomic_store(&b->connected, false);
	atomic_store(&b->closed, true);
	bus_wake(b);
	tell(b, false, why && *why ? why : "closed");
	pthread_mutex_lock(&b->mu);
	b->client_closed = true;
	pthread_cond_broadcast(&b->changed);
	pthread_mutex_unlock(&b->mu);
}

/* The subscription may be gone already (nats.c before 3.6.1 does not hold it): it is not looked at. */
static void on_error(natsConnection *nc, natsSubscription *sub, natsStatus s, void *arg)
{
	struct bus *b = arg;
	const char *words = NULL;
	(void)sub;
	if (s != NATS_SLOW_CONSUMER)
		natsConnection_GetLastError(nc, &words);
	char why[256];
	snprintf(why, sizeof why, "%s%s%s", natsStatus_GetText(s), words && *words ? ": " : "", words ? words : "");
	tell(b, atomic_load(&b->connected), why);
}

/* Doubles from 100 ms to 2 s, times 0.5 to 1.5, so that a fleet does not return all at once. */
static int64_t reconnect_delay(natsConnection *nc, int attempts, void *arg)
{
	const struct bus *b = arg;
	(void)nc;
	int64_t ms = attempts < 5 ? (int64_t)100 << attempts : 2000;
	int64_t permille = 500 + clock_mono_ns(b->clock) / 1000 % 1000;
	return ms * permille / 1000;
}

/*
 * The handshake's time-out is a compromise: during a handshake whoever publishes waits; but before 3.8.0, once a server
 * has greeted and then lets the time-out pass, the client spins, eating memory, until the server goes on or hangs up.
 * bus_open() does not depend on it.
 */
static natsStatus set_options(struct bus *b, const struct bus_options *o)
{
	natsOptions *c = b->options;
	natsStatus s = natsOptions_SetTimeout(c, BUS_HANDSHAKE_MS);
	if (s == NATS_OK && o->name)
		s = natsOptions_SetName(c, o->name);
	if (s == NATS_OK && o->creds_file)
		s = natsOptions_SetUserCredentialsFromFiles(c, o->creds_file, NULL);
	if (s == NATS_OK && o->inbox_prefix)
		s = natsOptions_SetCustomInboxPrefix(c, o->inbox_prefix);
	if (s == NATS_OK)
		s = natsOptions_SetMaxReconnect(c, -1);
	if (s == NATS_OK)
		s = natsOptions_SetCustomReconnectDelay(c, reconnect_delay, b);
	if (s == NATS_OK)
		s = natsOptions_SetReconnectBufSize(c, BUS_RECONNECT_BUFFER_BYTES);
	if (s == NATS_OK)
		s = natsOptions_SetIOBufSize(c, BUS_IO_BUFFER_BYTES);
	if (s == NATS_OK)
		s = natsOptions_SetPingInterval(c, BUS_PING_MS);
	if (s == NATS_OK)
		s = natsOptions_SetWriteDeadline(c, BUS_WRITE_DEADLINE_MS);
	if (s == NATS_OK)
		s = natsOptions_SetMaxPendingMsgs(c, BUS_SUB_PENDING_MAX);
	if (s == NATS_OK)
		s = natsOptions_SetFailRequestsOnDisconnect(c, true);
	if (s == NATS_OK)
		s = natsOptions_SetSendAsap(c, !o->bulk);
	if (s == NATS_OK)
		s = natsOptions_SetDisconnectedCB(c, on_disconnected, b);
	if (s == NATS_OK)
		s = natsOptions_SetReconnectedCB(c, on_reconnected, b);
	if (s == NATS_OK)
		s = natsOptions_SetClosedCB(c, on_closed, b);
	if (s == NATS_OK)
		s = natsOptions_SetErrorHandler(c, on_error, b);
	return s;
}

/* Tokens without wildcards, joined by dots. */
static bool is_prefix(const char *p)
{
	size_t n = strlen(p);
	return n && n <= BUS_INBOX_PREFIX_MAX && p[0] != '.' && p[n - 1] != '.' && !strstr(p, "..") &&
	       strspn(p, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.") == n;
}

enum status bus_connection_options(struct bus *b, const struct bus_options *o, struct err *err)
{
	if (o->inbox_prefix && !is_prefix(o->inbox_prefix))
		return err_field(err, STATUS_INVALID, "NATS_INBOX_PREFIX",
		                 "NATS_INBOX_PREFIX: \"%.80s\" is not tokens of A-Z a-z 0-9 _ - joined by dots, at most %d characters",
		                 o->inbox_prefix, BUS_INBOX_PREFIX_MAX);
	snprintf(b->inbox_prefix, sizeof b->inbox_prefix, "%s", o->inbox_prefix ? o->inbox_prefix : "_INBOX");
	natsStatus s = natsOptions_Create(&b->options);
	if (s == NATS_OK)
		s = set_options(b, o);
	if (s != NATS_OK)
		return bus_client_err(err, s, o->creds_file ? o->creds_file : "options");
	if (bus_tls_apply(b->options, o, err) != STATUS_OK)
		return err->status;
	return bus_address_apply(b->options, o->url, err);
}

enum status bus_client_err(struct err *err, natsStatus s, const char *what)
{
	const char *text = natsStatus_GetText(s);
	switch (s) {
	case NATS_TIMEOUT:
		return err_retry(err, STATUS_TIMEOUT, "%s: no answer in time", what);
	case NATS_NO_RESPONDERS:
		return err_retry(err, STATUS_UNAVAILABLE, "%s: nobody listens", what);
	case NATS_CONNECTION_AUTH_FAILED:
	case NATS_NOT_PERMITTED:
		return err_set(err, STATUS_UNAUTHORIZED, "%s: NATS refuses the credentials (%s)", what, text);
	case NATS_MAX_PAYLOAD:
		return err_set(err, STATUS_TOO_LARGE, "%s: more than the server's maximum payload", what);
	case NATS_INVALID_ARG:
	case NATS_INVALID_SUBJECT:
	case NATS_INVALID_QUEUE_NAME:
	case NATS_NO_SERVER_SUPPORT:
		return err_set(err, STATUS_INVALID, "%s: %s", what, text);
	case NATS_CONNECTION_CLOSED:
	case NATS_CONNECTION_DISCONNECTED:
	case NATS_NOT_YET_CONNECTED:
	case NATS_NO_SERVER:
	case NATS_STALE_CONNECTION:
	case NATS_IO_ERROR:
	case NATS_INSUFFICIENT_BUFFER:
	case NATS_DRAINING:
		return err_retry(err, STATUS_UNAVAILABLE, "%s: %s", what, text);
	default:
		return err_set(err, STATUS_INTERNAL, "%s: %s", what, text);
	}
}
