/* Buckets and direct reads from streams. */
#ifndef GANNET_BUS_KV_H
#define GANNET_BUS_KV_H

#include "bus/bus.h"

/* Keys match [-/_=.a-zA-Z0-9]+ (ADR-8). Blocking, a few hundred microseconds each. NOT_FOUND when there is no value. */
enum status bus_kv_put(struct bus *b, const char *bucket, const char *key, struct span value, uint64_t *ret_revision,
                       struct err *err) must_check;
/* Only if the key's last revision is `revision` (0: only if it has no value); otherwise CONFLICT. */
enum status bus_kv_update(struct bus *b, const char *bucket, const char *key, struct span value, uint64_t revision,
                          uint64_t *ret_revision, struct err *err) must_check;
enum status bus_kv_get(struct bus *b, const char *bucket, const char *key, struct buf *value, uint64_t *ret_revision,
                       struct err *err) must_check;
enum status bus_kv_delete(struct bus *b, const char *bucket, const char *key, struct err *err) must_check;

/*
 * Follows a stream (of limits retention) from its first message on (last per subject only when `last_per_subject`), in
 * order, without acknowledgements; gaps and reconnects restart it where it stopped. `caught_up` is called once when all
 * that existed at the start was delivered, also when that was nothing. `headers_only` leaves payloads out.
 */
struct bus_follow_options {
	const char *stream, *filter; /* filter NULL: everything */
	bool last_per_subject, headers_only;
	bool new_only;  /* start after what is there now */
	uint64_t after; /* start behind this sequence; 0: at the first message */
	void (*message)(void *arg, const struct bus_in *m, uint64_t sequence, int64_t stored_ms);
	void (*caught_up)(void *arg);
	void *arg;
};
struct bus_follow;
enum status bus_follow_open(struct bus *b, const struct bus_follow_options *o, struct bus_follow **ret,
                            struct err *err) must_check;
void bus_follow_close(struct bus_follow *f);

/*
 * A bucket, live: `entry` gets every key's last value and then every change; value absent (p == NULL) when deleted or
 * purged. Built on bus_follow. A key that the bucket's TTL removes is not told.
 */
struct bus_watch_options {
	const char *bucket;
	void (*entry)(void *arg, struct span key, struct span value, uint64_t revision);
	void (*caught_up)(void *arg);
	void *arg;
};
enum status bus_watch_open(struct bus *b, const struct bus_watch_options *o, struct bus_follow **ret,
                           struct err *err) must_check;

/* One stored message, by sequence or the last on a subject. The caller frees *ret with bus_stored_message_free(). */
struct bus_stored_message {
	struct span subject, data;
	uint64_t sequence;
	int64_t stored_ms;
	struct bus_in in; /* for bus_in_header() */
};
enum status bus_get_sequence(struct bus *b, const char *stream, uint64_t sequence, struct bus_stored_message *ret,
                             struct err *err) must_check;
/* The first message from `sequence` on whose subject matches `filter`. */
enum status bus_get_next(struct bus *b, const char *stream, uint64_t sequence, const char *filter, struct bus_stored_message *ret,
                         struct err *err) must_check;
enum status bus_get_last(struct bus *b, const char *stream, const char *subject, struct bus_stored_message *ret,
                         struct err *err) must_check;
void bus_stored_message_free(struct bus_stored_message *m);

/* The last messages on many subjects (exact ones) of a stream, asked for together. */
struct bus_last {
	const char *subject;
	enum status status; /* OK; NOT_FOUND: there is none; anything else: nobody answered */
	struct bus_stored_message message; /* of OK; the caller frees it */
};
struct bus_lookup;
enum status bus_lookup_open(struct bus *b, const char *stream, struct bus_lookup **ret, struct err *err) must_check;
/* Waits for all answers, at most 5 s and not past the end of the connection. One thread at a time. */
void bus_lookup(struct bus_lookup *l, struct bus_last *asked, size_t n);
void bus_lookup_close(struct bus_lookup *l); /* NULL is fine; before bus_close() */

/* Removes one message; NOT_FOUND when it is gone already. */
enum status bus_delete_sequence(struct bus *b, const char *stream, uint64_t sequence, struct err *err) must_check;

#endif
