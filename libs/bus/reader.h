/* Reading a stream in order and in batches, from a position that the reader itself keeps. */
#ifndef GANNET_BUS_READER_H
#define GANNET_BUS_READER_H

#include "bus/pull.h"

/*
 * For services that turn a stream into something stored elsewhere. No acknowledgements: whoever reads keeps its position
 * where its work goes, in the same transaction (store/position.h), and opens a reader behind it. So nothing is lost and
 * nothing is done twice, and the broker has one message less to deal with for each that is read.
 *
 * A thread of the client's fills a bounded inbox; when it is full the server is held back, and after a while its consumer
 * is given up and made anew when there is room. Gaps, silence and reconnections do the same. Messages come in the order of
 * their sequences, each once in the life of a reader. One thread may wait and take; any may wake it.
 *
 * A stream that was deleted and made again begins at 1: compare its created_ms (bus_stream_state) now and then.
 */
struct bus_reader;

struct bus_reader_options {
	const char *stream, *filter;    /* filter NULL: everything, which costs the server least */
	uint64_t after;                 /* begin behind this sequence; 0: at the first message */
	size_t messages_max, bytes_max; /* held at most (BUS_READER_MESSAGES, BUS_READER_BYTES when 0) */
};
#define BUS_READER_MESSAGES 8192
#define BUS_READER_BYTES ((size_t)8 << 20) /* one more message may go past it; the client holds up to 32 MiB more */

enum status bus_reader_open(struct bus *b, const struct bus_reader_options *o, struct bus_reader **ret,
                            struct err *err) must_check;
/* How many messages wait, once there are `at_least` (not more than messages_max), the inbox is full, or time is over. */
size_t bus_reader_wait(struct bus_reader *r, size_t at_least, int64_t at_most_ms);
/* Up to `n` messages, and no more once they have `bytes` of payload. The caller frees each by bus_delivery_free(). */
size_t bus_reader_take(struct bus_reader *r, struct bus_delivery *out, size_t n, size_t bytes);
/* Ends a wait, and every later one at once. */
void bus_reader_wake(struct bus_reader *r);
void bus_reader_close(struct bus_reader *r);

#endif
