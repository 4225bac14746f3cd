/* A queue between the client's threads and ours, with a descriptor to wait on. */
#include "services/cli/inbox.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "contract/job.h"

enum status inbox_open(struct inbox *in, struct err *err)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (fd < 0)
		return err_set(err, STATUS_INTERNAL, "no event descriptor: %s", strerror(errno));
	*in = (struct inbox){.fd = fd, .last = &in->first};
	pthread_mutex_init(&in->lock, NULL);
	return STATUS_OK;
}

static struct span keep(char **at, struct span s)
{
	if (!s.p)
		return s;
	char *p = *at;
	if (s.n)
		memcpy(p, s.p, s.n);
	*at += s.n;
	return span_of(p, s.n);
}

static struct note *copy_message(const struct bus_in *m)
{
	struct span job_id = bus_in_header(m, HEADER_JOB_ID), sequence = bus_in_header(m, "Nats-Sequence");
	size_t bytes = sizeof(struct note) + m->subject.n + m->data.n + job_id.n + sequence.n;
	struct note *n = malloc(bytes);
	if (!n)
		abort();
	char *at = (char *)(n + 1);
	*n = (struct note){.bytes = bytes};
	n->subject = keep(&at, m->subject);
	n->data = keep(&at, m->data);
	n->job_id = keep(&at, job_id);
	n->sequence = keep(&at, sequence);
	return n;
}

static void receive(void *arg, const struct bus_in *m)
{
	struct inbox *in = arg;
	struct note *n = copy_message(m);
	pthread_mutex_lock(&in->lock);
	bool fits = in->bytes + n->bytes <= INBOX_MAX_BYTES;
	if (fits) {
		*in->last = n;
		in->last = &n->next;
		in->bytes += n->bytes;
	} else {
		in->dropped++;
	}
	pthread_mutex_unlock(&in->lock);
	if (!fits)
		free(n);
	eventfd_write(in->fd, 1);
}

enum status inbox_subscribe(struct inbox *in, struct bus *b, const char *subject, struct err *err)
{
	if (in->subs_n == INBOX_SUBSCRIPTIONS_MAX)
		return err_set(err, STATUS_INTERNAL, "more than %d subscriptions", INBOX_SUBSCRIPTIONS_MAX);
	enum status s = bus_subscribe(b, subject, NULL, receive, in, &in->subs[in->subs_n], err);
	in->subs_n += s == STATUS_OK;
	return s;
}

struct note *inbox_take(struct inbox *in)
{
	pthread_mutex_lock(&in->lock);
	struct note *n = in->first;
	if (n) {
		in->first = n->next;
		if (!in->first)
			in->last = &in->first;
		in->bytes -= n->bytes;
	} else {
		/* Under the lock, so that a message which comes now makes the descriptor readable again. */
		eventfd_t drop;
		(void)eventfd_read(in->fd, &drop);
	}
	pthread_mutex_unlock(&in->lock);
	return n;
}

uint64_t inbox_dropped(struct inbox *in)
{
	pthread_mutex_lock(&in->lock);
	uint64_t n = in->dropped;
	in->dropped = 0;
	pthread_mutex_unlock(&in->lock);
	return n;
}

void inbox_close(struct inbox *in)
{
	if (!in->last)
		return;
	for (size_t i = 0; i < in->subs_n; i++)
		bus_unsubscribe(in->subs[i]);
	for (struct note *n; (n = inbox_take(in));)
		free(n);
	pthread_mutex_destroy(&in->lock);
	close(in->fd);
	*in = (struct inbox){0};
}
