/* Stride scheduling over priorities, a ring of tenants in each. */
#include "worker/queue.h"

#include <stdio.h>
#include <stdlib.h>

#include "worker/internal.h"

/* Strides are inverse to the weights; any common multiple of them will do. */
#define STRIDE_ONE 1600

/* Tenants that are idle are forgotten past this many, so that names made up by users do not grow memory. */
#define IDLE_TENANTS_MAX 1024

static const unsigned weights[PRIORITY_COUNT] = QUEUE_WEIGHTS;

static struct tenant_queue *tenant_of(struct job_lane *lane, struct span tenant)
{
	struct tenant_queue *t = map_get(&lane->tenants, tenant);
	if (t)
		return t;
	t = calloc(1, sizeof *t);
	if (!t) {
		fprintf(stderr, "out of memory\n");
		abort();
	}
	map_put(&lane->tenants, tenant, t);
	return t;
}

static void ring_add(struct job_lane *lane, struct tenant_queue *t)
{
	if (!lane->turn) {
		t->prev = t->next = lane->turn = t;
		return;
	}
	t->next = lane->turn; /* behind all others: the ring's end is just before the next turn */
	t->prev = lane->turn->prev;
	t->prev->next = t;
	lane->turn->prev = t;
}

static void ring_remove(struct job_lane *lane, struct tenant_queue *t)
{
	t->prev->next = t->next;
	t->next->prev = t->prev;
	if (lane->turn == t)
		lane->turn = t->next == t ? NULL : t->next;
	t->prev = t->next = NULL;
}

static void forget_idle(struct job_lane *lane)
{
	struct map kept = {0};
	for (struct map_slot *s = map_next(&lane->tenants, NULL); s; s = map_next(&lane->tenants, s)) {
		struct tenant_queue *t = s->value;
		if (t->count)
			map_put(&kept, span_of(s->key, s->key_n), t);
		else
			free(t);
	}
	map_free(&lane->tenants);
	lane->tenants = kept;
}

/* A lane that was empty begins at the present, not with the turns it would have had while idle. */
static void join(const struct job_queue *q, struct job_lane *lane)
{
	if (lane->pass < q->now)
		lane->pass = q->now;
}

void queue_push(struct job_queue *q, enum priority p, struct span tenant, struct worker_entry *e)
{
	struct job_lane *lane = &q->lanes[p];
	if (!lane->count) {
		join(q, lane);
		if (lane->tenants.count > IDLE_TENANTS_MAX)
			forget_idle(lane);
	}
	struct tenant_queue *t = tenant_of(lane, tenant);
	e->next = NULL;
	if (t->tail)
		t->tail->next = e;
	else
		t->head = e;
	t->tail = e;
	if (t->count++ == 0)
		ring_add(lane, t);
	lane->count++;
	q->count++;
}

struct worker_entry *queue_pop(struct job_queue *q)
{
	struct job_lane *lane = NULL;
	size_t best = 0;
	for (size_t i = 0; i < PRIORITY_COUNT; i++)
		if (q->lanes[i].count && !(q->closed & 1u << i) && (!lane || q->lanes[i].pass < lane->pass))
			lane = &q->lanes[best = i];
	if (!lane)
		return NULL;
	struct tenant_queue *t = lane->turn;
	struct worker_entry *e = t->head;
	t->head = e->next;
	if (!t->head)
		t->tail = NULL;
	e->next = NULL;
	lane->turn = t->next;
	if (--t->count == 0)
		ring_remove(lane, t);
	lane->count--;
	q->count--;
	q->now = lane->pass;
	lane->pass += STRIDE_ONE / weights[best];
	return e;
}

size_t queue_tenant_count(const struct job_queue *q, enum priority p, struct span tenant)
{
	const struct tenant_queue *t = map_get(&q->lanes[p].tenants, tenant);
	return t ? t->count : 0;
}

void queue_free(struct job_queue *q)
{
	for (size_t i = 0; i < PRIORITY_COUNT; i++) {
		struct map *m = &q->lanes[i].tenants;
		for (struct map_slot *s = map_next(m, NULL); s; s = map_next(m, s))
			free(s->value);
		map_free(m);
	}
}
