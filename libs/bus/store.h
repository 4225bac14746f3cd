/* Publishing into a stream, with the server's acknowledgements pipelined. */
#ifndef GANNET_BUS_STORE_H
#define GANNET_BUS_STORE_H

#include "bus/bus.h"

/*
 * bus_store() sends at once and returns; the acknowledgement arrives on one inbox shared by all messages in flight. Not
 * acknowledged within BUS_STORE_ATTEMPT_MS, refused with 503, or connection lost: sent again (250 ms doubling to 4 s)
 * until `deadline_ms` has passed. Give messages a Nats-Msg-Id, so that sending again never stores twice. Back-pressure:
 * at most `BUS_STORE_WINDOW` messages or BUS_STORE_WINDOW_BYTES are in flight; past that bus_store() waits (BUS_BLOCK)
 * or returns RATE_LIMITED, retryable. On the threads that call bus_stored_fn it never waits.
 */
#define BUS_STORE_WINDOW 8192
#define BUS_STORE_WINDOW_BYTES ((size_t)32 << 20)
#define BUS_STORE_ATTEMPT_MS 5000
#define BUS_STORE_DEADLINE_MS 60000 /* outlasts a leader election (4–8 s) many times over */

struct bus_stored {
	enum status status; /* OK: the server has it. Anything else: `err` says why, and it may or may not be stored. */
	struct span stream; /* valid in the callback; absent after bus_store_wait() */
	uint64_t sequence;
	bool duplicate; /* the server already had this Nats-Msg-Id */
	const struct err *err;
};
/* Called exactly once per accepted message, on a client thread or, after bus_close() began, on the closing one. */
typedef void (*bus_stored_fn)(void *arg, const struct bus_stored *s);

enum bus_store_flags { BUS_BLOCK = 1 };
/* `fn` may be NULL: stored as well as can be, nobody told. `deadline_ms` 0 means BUS_STORE_DEADLINE_MS. */
enum status bus_store(struct bus *b, const struct bus_out *m, int64_t deadline_ms, unsigned flags, bus_stored_fn fn,
                      void *arg, struct err *err) must_check;
/* The same, waiting for the answer; not from a bus_stored_fn. `ret` may be NULL. */
enum status bus_store_wait(struct bus *b, const struct bus_out *m, int64_t deadline_ms, struct bus_stored *ret,
                           struct err *err) must_check;
size_t bus_store_in_flight(struct bus *b);
/* Waits until nothing is in flight; TIMEOUT otherwise. */
enum status bus_store_drain(struct bus *b, int timeout_ms, struct err *err) must_check;

#endif
