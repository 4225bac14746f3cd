/* Pulling from a durable JetStream consumer: credits in, deliveries out, acknowledgements by hand. */
#ifndef GANNET_BUS_PULL_H
#define GANNET_BUS_PULL_H

#include "bus/bus.h"

/*
 * The client's own Fetch is not used (it overflows the heap before nats.c 3.9.0 and ignores time-outs): this engine
 * publishes $JS.API.CONSUMER.MSG.NEXT requests with a reply on one plain inbox and reads the place in the stream from
 * the reply subject. Requests expire and are renewed, idle heartbeats detect silence, and a reconnect asks again for
 * what is still wanted: a credit is never asked for twice, so no more messages come than were wanted.
 */
struct bus_pull;

/* A delivered message. Owns the client's message: payload and headers stay valid until bus_delivery_free(). */
struct bus_delivery {
	struct bus_in in; /* in.reply is the acknowledgement subject */
	uint64_t stream_sequence, consumer_sequence;
	uint64_t delivered; /* 1 on first delivery */
	int64_t stored_ms;  /* when the stream took it, UTC */
	uint64_t pending;   /* still waiting in the consumer behind this one */
};
void bus_delivery_free(struct bus_delivery *d);

/* Takes ownership of *d (a struct, moved). Runs on a client thread; hand over and return. */
typedef void (*bus_delivery_fn)(void *arg, struct bus_delivery *d);

/*
 * The consumer should exist (see topology.h): JetStream does not answer for one that does not, and silence takes 12 s
 * to notice.
 */
enum status bus_pull_open(struct bus *b, const char *stream, const char *consumer, bus_delivery_fn fn, void *arg,
                          struct bus_pull **ret, struct err *err) must_check;
/* Asks for `n` more messages, whenever they come. Thread-safe, cheap; requests are merged. */
void bus_pull_want(struct bus_pull *p, size_t n);
/* Credits not yet answered by a delivery. */
size_t bus_pull_wanted(struct bus_pull *p);
/*
 * Stops asking, for good. What the server sends before it has read that may still arrive, for as long as our requests hold
 * (BUS_PULL_EXPIRES_MS): a server that is slow just then must not send to nobody. Usually that is a round trip; without a
 * connection it is BUS_PULL_SETTLE_MS.
 *
 * Messages are best handed back after `left` (may be NULL) was called: nats-server 2.9.10, told to hand one out again while all
 * it has are requests of somebody who left, forgets it until its lease is over and hands out the newest one twice instead.
 * `left` is called once, on any thread: when the broker has noted that we left, when the connection was lost, or on close.
 */
typedef void (*bus_pull_left_fn)(void *arg);
void bus_pull_stop(struct bus_pull *p, bus_pull_left_fn left, void *arg);
/* Stops, and returns when no callback runs any more. */
void bus_pull_close(struct bus_pull *p);

/*
 * As long as a subscription to `>` or `_INBOX.>` exists, the server takes the inbox of a worker that died for alive and hands it
 * messages (seen with 2.9.10): for at most this long. What it has got comes back after the lease.
 */
#define BUS_PULL_EXPIRES_MS 10000
#define BUS_PULL_HEARTBEAT_MS 5000
#define BUS_PULL_SETTLE_MS 2000

/*
 * Acknowledgements, not confirmed by the server: a lost one means a redelivery. Thread-safe. `ack` is
 * delivery.in.reply. While away they are buffered as plain publishing is.
 */
enum status bus_ack(struct bus *b, struct span ack, struct err *err) must_check;
enum status bus_nak(struct bus *b, struct span ack, int64_t delay_ms, struct err *err) must_check;
enum status bus_in_progress(struct bus *b, struct span ack, struct err *err) must_check;
enum status bus_term(struct bus *b, struct span ack, struct err *err) must_check;

#endif
