/* What the files of this library share: the connection's insides, its keeper thread and the client's messages. */
#ifndef GANNET_BUS_INTERNAL_H
#define GANNET_BUS_INTERNAL_H

#include <nats/nats.h>
#include <pthread.h>
#include <stdatomic.h>

#include "bus/bus.h"
#include "json/json.h"

#define BUS_CONNECT_MS 5000         /* how long bus_open() waits */
#define BUS_ABANDON_MS 1000         /* how long it then waits for an attempt that is under way to end */
#define BUS_HANDSHAKE_MS 5000       /* see set_options() */
#define BUS_RETRY_MS 250            /* first wait before something refused is tried again; doubles */
#define BUS_RETRY_MAX_MS 4000       /* and at most this */
#define BUS_PING_MS 10000           /* a dead link is noticed after two unanswered pings */
#define BUS_WRITE_DEADLINE_MS 10000 /* a server that takes no bytes for so long is left */
#define BUS_IO_BUFFER_BYTES (64 << 10)
#define BUS_RECONNECT_BUFFER_BYTES (8 << 20) /* plain publishing waits here while away */
#define BUS_SUB_PENDING_MAX 262144           /* messages (and KiB) that may wait for a subscription's callback */
#define BUS_RETIRED_MS 5000                  /* see bus_sub_free() */
#define BUS_TURN_MS 1000                     /* the keeper looks after everything at least this often */
#define BUS_INBOX_BYTES (BUS_INBOX_PREFIX_MAX + 32)

/*
 * Something that needs looking after now and then: unanswered publications, silent pulls. `turn` runs on the keeper
 * thread and returns in how many ms it wants to be called again at the latest; bus_wake() calls all of them soon.
 * `epoch` is another number after every reconnection.
 */
struct bus_task {
	int64_t (*turn)(void *owner, int64_t now_ms, uint64_t epoch);
	void *owner;
	struct bus_task *next;
};
void bus_task_add(struct bus *b, struct bus_task *t);
/* Returns when its turn does not run any more; not to be called from a turn. */
void bus_task_remove(struct bus *b, struct bus_task *t);
void bus_wake(struct bus *b);

struct bus {
	const struct clock *clock;
	bool bulk;
	void (*on_state)(void *arg, bool connected, const char *why);
	void *arg;
	char inbox_prefix[BUS_INBOX_PREFIX_MAX + 1];
	natsOptions *options;
	natsConnection *nc;
	atomic_bool connected;
	atomic_bool closed; /* for good, by us or by a server that refuses us */
	atomic_uint_fast64_t epoch; /* reconnections */
	atomic_bool flush_wanted;   /* bulk only: something was written that nobody sent yet */
	atomic_uint gathered;       /* bulk only: messages since the keeper looked last */

	uint64_t id_key[2]; /* see private_id.h */
	bool has_id_key;

	pthread_t keeper;
	pthread_mutex_t mu;     /* guards the members of this block and the `ended` of all subscriptions */
	pthread_cond_t changed; /* any of them */
	enum { BUS_CONNECTING, BUS_OPEN, BUS_FAILED, BUS_CLOSING } stage;
	bool abandoned; /* bus_open() gave up: the keeper does not try again */
	bool orphaned;  /* and does not wait for it: the keeper frees everything */
	bool woken;
	bool client_closed; /* the client's last callback has run */
	struct err open_err;
	struct bus_sub *subs, *retired;

	pthread_mutex_t tasks_mu; /* held during turns */
	struct bus_task *tasks;

	struct bus_store *store;
};

static inline int64_t bus_now_ms(const struct bus *b)
{
	return clock_mono_ms(b->clock);
}
/* Translates what the client reports; `what` says what was tried, for the sentence. */
enum status bus_client_err(struct err *err, natsStatus s, const char *what);

/* connection.c: options out of bus_options, first connection, callbacks. */
enum status bus_connection_options(struct bus *b, const struct bus_options *o, struct err *err) must_check;
/* address.c */
enum status bus_address_apply(natsOptions *options, const char *url, struct err *err) must_check;
/* tls.c */
enum status bus_tls_apply(natsOptions *options, const struct bus_options *o, struct err *err) must_check;

/* Call after every publication on b->nc: in bulk mode the keeper is told to send. */
void bus_sent(struct bus *b);

/* A client message; `reply` goes before m->reply. The caller destroys it. */
enum status bus_message_new(const struct bus_out *m, const char *reply, natsMsg **ret, struct err *err) must_check;
struct bus_in bus_message_view(natsMsg *m);
/* The number of a status line ("NATS/1.0 503"), 0 for an ordinary message. */
int bus_message_status(natsMsg *m);
/* What ADR-32's error headers say; OK when there are none. */
enum status bus_service_err(const struct bus_in *in, struct err *err);

/* A subject prefix nobody else uses: "_INBOX.<22 characters>", or with the connection's prefix. */
void bus_inbox(const struct bus *b, char out[BUS_INBOX_BYTES]);

/* `fn` gets messages of its own to destroy. */
typedef void (*bus_message_fn)(void *arg, natsMsg *m);
struct bus_sub {
	struct bus *bus;
	natsSubscription *nats;
	bus_message_fn fn;
	void *arg;
	void (*plain_fn)(void *arg, const struct bus_in *m); /* of bus_subscribe() */
	bool ended;
	int64_t retired_ms;
	struct bus_sub *next;
};
enum status bus_sub_open(struct bus *b, const char *subject, const char *queue, bus_message_fn fn, void *arg,
                         struct bus_sub **ret, struct err *err) must_check;
/* Begins to end it: what came already is thrown away, or with `drain_ms` > 0 still delivered within about that time. */
void bus_sub_end(struct bus_sub *s, int64_t drain_ms);
/* No callback runs any more. */
bool bus_sub_has_ended(struct bus_sub *s);
void bus_sub_wait(struct bus_sub *s);
/* Only after it has ended. */
void bus_sub_free(struct bus_sub *s);
void bus_sub_free_retired(struct bus *b, bool all);

enum status bus_store_open(struct bus *b, struct err *err) must_check;
/* After the connection was closed. Ends what is in flight with an error. */
void bus_store_close(struct bus *b);

/* Where a delivered message stands, from its acknowledgement subject; false when it is none (ADR-15, both forms). */
struct bus_place {
	struct span stream, consumer;
	uint64_t delivered, stream_sequence, consumer_sequence, pending;
	int64_t stored_ns;
};
bool bus_place_parse(struct span ack, struct bus_place *ret);

/* follow.c, for reader.c: `take` owns the message and may block, which holds the server back. */
struct bus_follow;
struct bus_follow_options;
typedef void (*bus_follow_take_fn)(void *arg, natsMsg *m, const struct bus_in *in, const struct bus_place *place);
enum status bus_follow_take(struct bus *b, const struct bus_follow_options *o, bus_follow_take_fn take, struct bus_follow **ret,
                            struct err *err) must_check;

/* JetStream's own error codes that we tell apart. */
enum {
	BUS_API_NO_PEERS = 10005,
	BUS_API_MESSAGE_TOO_LARGE = 10054,
	BUS_API_CONSUMER_NOT_FOUND = 10014,
	BUS_API_CONSUMER_EXISTS = 10148,
	BUS_API_STREAM_NOT_FOUND = 10059,
	BUS_API_STREAM_NAME_IN_USE = 10058,
	BUS_API_SUBJECTS_OVERLAP = 10065,
	BUS_API_WRONG_LAST_MSG_ID = 10070,
	BUS_API_WRONG_LAST_SEQUENCE = 10071,
	BUS_API_SEQUENCE_NOT_FOUND = 10043,
	BUS_API_NO_MESSAGE = 10037,
};
/* The error member of a JetStream answer: its status, retryable as it should be, with the server's words. */
enum status bus_api_err(struct err *err, struct json error, const char *what, int *ret_code);
/*
 * A request to the JetStream API, `subject` without "$JS.API.". `answer` holds the bytes that *ret points into. An
 * error answer becomes `err`, its number *ret_code (0 when there was no answer).
 */
enum status bus_api(struct bus *b, const char *subject, struct span body, struct buf *answer, struct json *ret,
                    int *ret_code, struct err *err) must_check;
#define BUS_API_MS 5000
/* Takes the answer to a direct read: it belongs to *ret afterwards, or is gone. */
struct bus_stored_message;
enum status bus_direct_answer(natsMsg *answer, const char *subject, struct bus_stored_message *ret,
                              struct err *err) must_check;
uint64_t bus_api_u64(struct json v, const char *pointer); /* 0 when absent */

#endif
