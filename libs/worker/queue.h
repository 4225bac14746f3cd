/* The order in which waiting jobs get their turn: by weighted priority, and within one fairly by tenant. */
#ifndef GANNET_WORKER_QUEUE_H
#define GANNET_WORKER_QUEUE_H

#include "contract/job.h"
#include "core/map.h"

struct worker_entry;

/*
 * Priorities share turns 16:4:1 while all have work (stride scheduling: C. Waldspurger, W. Weihl, MIT/LCS/TM-528,
 * 1995), so `high` goes first and `low` is never starved. Within a priority the tenants take turns, one job each, so
 * one with a thousand waiting jobs delays another's single job by one turn only. Not thread-safe; a zeroed queue is
 * valid.
 */
struct job_queue {
	struct job_lane {
		struct tenant_queue *turn; /* ring of tenants with work; the next to be served */
		struct map tenants;        /* name → struct tenant_queue */
		size_t count;
		uint64_t pass; /* stride scheduling: the lane with the least pass is served */
	} lanes[PRIORITY_COUNT];
	size_t count;
	uint64_t now;    /* pass of the lane served last */
	unsigned closed; /* a bit for each priority that queue_pop() passes over */
};

struct tenant_queue {
	struct worker_entry *head, *tail;
	struct tenant_queue *prev, *next; /* ring, NULL while empty */
	size_t count;
};

#define QUEUE_WEIGHTS                                                                                                  \
	{                                                                                                                  \
		16, 4, 1                                                                                                       \
	}

/* Uses entry->next as its link. */
void queue_push(struct job_queue *q, enum priority p, struct span tenant, struct worker_entry *e);
struct worker_entry *queue_pop(struct job_queue *q); /* NULL when nothing waits but behind closed */
size_t queue_tenant_count(const struct job_queue *q, enum priority p, struct span tenant);
void queue_free(struct job_queue *q); /* must be empty */

#endif
