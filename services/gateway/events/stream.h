/* An event stream: what it follows, where it stands, and how it ends. */
#ifndef GANNET_GATEWAY_STREAM_H
#define GANNET_GATEWAY_STREAM_H

#include <pthread.h>

#include "bus/kv.h"
#include "services/gateway/gateway.h"

#define FILTERS_MAX 8
#define FILTER_BYTES 256
#define SLOW_MS 5000 /* how long a full backlog is waited for */

enum stream_end { STREAM_GOES_ON, STREAM_GONE, STREAM_SLOW, STREAM_EXPIRED, STREAM_ENDING, STREAM_BROKEN };

/* One filter of a stream. A stored one is read from its place in a JetStream stream, so that nothing is missed. */
struct feed {
	struct stream *stream;
	size_t index;
	const char *stored;         /* the JetStream stream; NULL: plain messages */
	char subject[FILTER_BYTES]; /* the whole one */
	struct bus_follow *follow;
	struct bus_sub *sub;
	uint64_t position; /* sequence that was sent last */
};

struct stream {
	struct streams *all;
	struct call *call;
	struct http_exchange *x;
	struct feed feeds[FILTERS_MAX];
	size_t feeds_n;
	bool resumes; /* positions came with the request */
	bool opened;
	int64_t expires_ms;
	struct stream *next;

	pthread_mutex_t lock; /* guards all below and what is sent */
	enum stream_end end;
	int64_t sent_ms; /* monotonic */
	size_t sent_bytes;
};

/* filter.c: the query's subjects and the place to go on from, checked against what the caller may see. */
enum status stream_filters(struct call *c, struct stream *s, struct err *err) must_check;

/* stream.c */
/* Answers 200 and begins to follow. */
void stream_open(struct stream *s);
/* Says why, ends the answer, frees everything. */
void stream_close(struct stream *s);
/* A comment, if nothing was sent for long; ends it when the token has expired. */
void stream_tend(struct stream *s, int64_t now_mono_ms, int64_t now_wall_ms);
enum stream_end stream_end(struct stream *s);
void stream_finish(struct stream *s, enum stream_end why);
void stream_metrics_register(void);
extern struct metric streams_metric;

#endif
