/* Queues mail under a lock, opens it on a thread of its own. */
#include "mailbox.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/wait.h"

#define IDLE_S 1

struct mailbox {
	struct mailbox_options o;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t news;
	struct mail *head, *tail;
	bool stopping;
};

static void *must(void *p)
{
	if (!p) {
		fprintf(stderr, "out of memory\n");
		abort();
	}
	return p;
}

static void mail_free(struct mail *m)
{
	if (m->is_delivery)
		bus_delivery_free(&m->delivery);
	free(m->subject);
	free(m->data);
	free(m);
}

/* The next letter; NULL when a second passed without one, or at the end. */
static struct mail *take(struct mailbox *b, bool *ret_stopping)
{
	struct timespec until = wait_until(IDLE_S * 1000);
	pthread_mutex_lock(&b->lock);
	while (!b->head && !b->stopping && pthread_cond_timedwait(&b->news, &b->lock, &until) == 0)
		;
	struct mail *m = b->stopping ? NULL : b->head;
	if (m) {
		b->head = m->next;
		b->tail = b->head ? b->tail : NULL;
	}
	*ret_stopping = b->stopping;
	pthread_mutex_unlock(&b->lock);
	return m;
}

static void *run(void *arg)
{
	struct mailbox *b = arg;
	struct timespec idled = {0}, now;
	for (bool stopping = false; !stopping;) {
		struct mail *m = take(b, &stopping);
		if (m) {
			b->o.open(b->o.arg, m);
			mail_free(m);
		}
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (b->o.idle && !stopping && now.tv_sec - idled.tv_sec >= IDLE_S) {
			idled = now;
			b->o.idle(b->o.arg);
		}
	}
	return NULL;
}

static void post(struct mailbox *b, struct mail *m)
{
	m->next = NULL;
	pthread_mutex_lock(&b->lock);
	if (b->tail)
		b->tail->next = m;
	else
		b->head = m;
	b->tail = m;
	pthread_cond_signal(&b->news);
	pthread_mutex_unlock(&b->lock);
}

void mailbox_deliver(void *mailbox, struct bus_delivery *d)
{
	struct mail *m = must(calloc(1, sizeof *m));
	m->is_delivery = true;
	m->delivery = *d;
	post(mailbox, m);
}

static char *copy(struct span s)
{
	char *p = must(malloc(s.n + 1));
	if (s.n)
		memcpy(p, s.p, s.n);
	p[s.n] = 0;
	return p;
}

void mailbox_message(void *mailbox, const struct bus_in *in)
{
	struct mail *m = must(calloc(1, sizeof *m));
	m->subject = copy(in->subject);
	m->data = copy(in->data);
	m->data_n = in->data.n;
	post(mailbox, m);
}

static void release(struct mailbox *b)
{
	for (struct mail *m = b->head, *next; m; m = next) {
		next = m->next;
		mail_free(m);
	}
	pthread_mutex_destroy(&b->lock);
	pthread_cond_destroy(&b->news);
	free(b);
}

enum status mailbox_start(const struct mailbox_options *o, struct mailbox **ret, struct err *err)
{
	struct mailbox *b = must(calloc(1, sizeof *b));
	b->o = *o;
	pthread_mutex_init(&b->lock, NULL);
	wait_cond_init(&b->news);
	if (pthread_create(&b->thread, NULL, run, b) != 0) {
		release(b);
		return err_retry(err, STATUS_UNAVAILABLE, "cannot start a thread");
	}
	*ret = b;
	return STATUS_OK;
}

void mailbox_stop(struct mailbox *b)
{
	if (!b)
		return;
	pthread_mutex_lock(&b->lock);
	b->stopping = true;
	pthread_cond_signal(&b->news);
	pthread_mutex_unlock(&b->lock);
	pthread_join(b->thread, NULL);
}

void mailbox_free(struct mailbox *b)
{
	if (b)
		release(b);
}
