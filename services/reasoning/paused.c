/* Keeps the list of paused queues. */
#include "paused.h"

#include <pthread.h>
#include <stdlib.h>

#include "bus/kv.h"
#include "bus/topology.h"
#include "contract/action.h"

struct paused {
	struct bus_follow *watch;
	pthread_mutex_t lock;
	struct paused_list list;
};

static const char *priority_named(struct span name)
{
	for (size_t i = 0; priority_names[i]; i++)
		if (span_is(name, priority_names[i]))
			return priority_names[i];
	return NULL;
}

static int64_t since_of(struct span value)
{
	scoped_arena a = {0};
	struct json v;
	struct queue_pause pause;
	struct err ignored;
	if (json_parse(value, &v, &ignored) != STATUS_OK ||
	    json_decode(&queue_pause_table, v, JSON_LENIENT, &a, &pause, &ignored) != STATUS_OK)
		return 0;
	return pause.at.ms;
}

static void forget(struct paused_list *l, struct span kind, const char *priority)
{
	for (size_t i = 0; i < l->n; i++)
		if (span_is(kind, l->all[i].kind) && l->all[i].priority == priority) {
			memmove(&l->all[i], &l->all[i + 1], (--l->n - i) * sizeof l->all[0]);
			return;
		}
}

static void on_entry(void *arg, struct span key, struct span value, uint64_t revision)
{
	(void)revision;
	struct paused *p = arg;
	struct span rest = key, kind = span_cut(&rest, '.');
	const char *priority = rest.p ? priority_named(rest) : NULL;
	struct paused_queue q = {.priority = priority};
	if (!priority || !span_copy(kind, q.kind, sizeof q.kind))
		return;
	pthread_mutex_lock(&p->lock);
	struct paused_list *l = &p->list;
	forget(l, kind, priority);
	if (value.p && l->n < PAUSED_MAX) {
		q.since_ms = since_of(value);
		size_t at = l->n++;
		for (; at && l->all[at - 1].since_ms > q.since_ms; at--)
			l->all[at] = l->all[at - 1];
		l->all[at] = q;
	}
	pthread_mutex_unlock(&p->lock);
}

enum status paused_start(struct bus *b, struct paused **ret, struct err *err)
{
	struct paused *p = calloc(1, sizeof *p);
	if (!p)
		abort();
	pthread_mutex_init(&p->lock, NULL);
	const struct bus_watch_options o = {.bucket = BUCKET_PAUSED, .entry = on_entry, .arg = p};
	if (bus_watch_open(b, &o, &p->watch, err) != STATUS_OK) {
		paused_stop(p);
		return err->status;
	}
	*ret = p;
	return STATUS_OK;
}

void paused_stop(struct paused *p)
{
	if (!p)
		return;
	if (p->watch)
		bus_follow_close(p->watch);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

void paused_list(struct paused *p, struct paused_list *ret)
{
	pthread_mutex_lock(&p->lock);
	*ret = p->list;
	pthread_mutex_unlock(&p->lock);
}
