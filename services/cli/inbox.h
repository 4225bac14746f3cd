/* Messages from subscriptions, queued for the main thread. */
#ifndef GANNET_CLI_INBOX_H
#define GANNET_CLI_INBOX_H

#include <pthread.h>

#include "bus/bus.h"

#define INBOX_MAX_BYTES ((size_t)64 << 20) /* waiting; what comes past it is counted and thrown away */
#define INBOX_SUBSCRIPTIONS_MAX 4

/* A copy of one message; give it back with free(). */
struct note {
	struct note *next;
	struct span subject, data;
	struct span job_id;   /* header Gannet-Job-Id, absent without */
	struct span sequence; /* header Nats-Sequence of what the server republished, absent without */
	size_t bytes;
};

struct inbox {
	pthread_mutex_t lock;
	struct note *first, **last;
	size_t bytes;
	uint64_t dropped;
	int fd; /* readable when there may be something to take */
	struct bus_sub *subs[INBOX_SUBSCRIPTIONS_MAX];
	size_t subs_n;
};

enum status inbox_open(struct inbox *in, struct err *err) must_check;
/* Messages on `subject` come here from now on; nothing published later over the same connection is missed. */
enum status inbox_subscribe(struct inbox *in, struct bus *b, const char *subject, struct err *err) must_check;
/* The oldest message, NULL when there is none. */
struct note *inbox_take(struct inbox *in);
/* How many were thrown away since the last call. */
uint64_t inbox_dropped(struct inbox *in);
/* Before bus_close(). A zeroed inbox may be closed too. */
void inbox_close(struct inbox *in);

#endif
