/* The connection to NATS: plain and stored publishing, subscriptions and requests. */
#ifndef GANNET_BUS_BUS_H
#define GANNET_BUS_BUS_H

#include "core/buf.h"
#include "core/clock.h"

/*
 * One per process, thread-safe. Reconnects for ever with jittered waits; while away, plain publishing is buffered by
 * the client up to its limit, stored publishing is sent again, pulls are asked for again and subscriptions are renewed.
 * Only a server that refuses our credentials twice running when we come back ends the connection for good; `on_state`
 * then has its words. Callbacks run on the client's own threads, one for each subscription, so that those of one
 * subscription never overlap. They must not block and must not call bus_close().
 */
struct bus;

/* Paths of PEM files, each or NULL. Any of these asks for TLS, whatever the address says. */
struct bus_tls {
	const char *ca_file;             /* whom to trust instead of the system's authorities */
	const char *cert_file, *key_file; /* who we are, for servers that ask */
	const char *name; /* what the server's certificate must be for; NULL: the first address's host if that is a name */
};

struct bus_options {
	const char *url;        /* one or more, comma separated; user:password@ or token@ as in NATS_URL */
	const char *name;       /* shown by the server's connection list */
	const char *creds_file; /* or NULL */
	struct bus_tls tls;
	/*
	 * What begins the subjects that answers to us come on; NULL: _INBOX. With one of its own, a client can be kept from
	 * reading the answers of others. At most BUS_INBOX_PREFIX_MAX characters.
	 */
	const char *inbox_prefix;
	const struct clock *clock;
	/*
	 * Gathers what is published while the server is busy instead of sending each at once: less processor time under
	 * load, 0.05 ms more when idle.
	 */
	bool bulk;
	/*
	 * Or NULL. After the first connection: lost, regained, or (connected as before) what the server or the client
	 * complains of.
	 */
	void (*on_state)(void *arg, bool connected, const char *why);
	void *arg;
};

#define BUS_INBOX_PREFIX_MAX 64

/* Waits up to 5 s for the first connection, and a second more for an attempt that is under way to end. */
enum status bus_open(const struct bus_options *o, struct bus **ret, struct err *err) must_check;
/*
 * Flushes for up to 2 s, then closes. No callback runs after it returns. Close pulls, followers and micro services
 * first; plain subscriptions end with it.
 */
void bus_close(struct bus *b);
bool bus_is_connected(struct bus *b);
/* For good: a server has refused our credentials twice running. Also from on_state, which is then told. */
bool bus_is_closed(struct bus *b);
/* How many times the connection was re-established. */
uint64_t bus_reconnects(struct bus *b);
enum status bus_flush(struct bus *b, int timeout_ms, struct err *err) must_check;

#define BUS_HEADERS_MAX 8
/* One with an absent or empty value is not sent; a line end or NUL in it is INVALID. */
struct bus_header {
	const char *name;
	struct span value;
};

/* A message to send; everything is copied before the call returns. */
struct bus_out {
	const char *subject;
	const char *reply; /* or NULL */
	struct span data;
	const struct bus_header *headers;
	size_t headers_n;
};

/* A received message; valid inside the callback, or as long as the delivery or stored message it is part of. */
struct bus_in {
	struct span subject, reply, data; /* reply: absent when none */
	void *impl;
};
/* Absent span when there is no such header. Exact, case-sensitive name. */
struct span bus_in_header(const struct bus_in *m, const char *name);

/* At most once, not stored. UNAVAILABLE (retryable) when the reconnect buffer is full. */
enum status bus_publish(struct bus *b, const struct bus_out *m, struct err *err) must_check;

struct bus_sub;
/* `queue` NULL: every subscriber gets every message. */
enum status bus_subscribe(struct bus *b, const char *subject, const char *queue,
                          void (*fn)(void *arg, const struct bus_in *m), void *arg, struct bus_sub **ret,
                          struct err *err) must_check;
/* Returns when no callback runs any more; must not be called from the callback itself. */
void bus_unsubscribe(struct bus_sub *s);

/*
 * Request and reply, blocking the calling thread. The answer's data is copied into `reply`. An error answer (the
 * Nats-Service-Error headers of ADR-32) becomes `err` with its status and sentence; nobody listening is UNAVAILABLE.
 */
enum status bus_request(struct bus *b, const struct bus_out *m, int timeout_ms, struct buf *reply,
                        struct err *err) must_check;

#endif
