/* Where reasonings go: the stream, the bucket of last ones, the bucket of plans, and the memory. */
#ifndef GANNET_REASONING_STORE_H
#define GANNET_REASONING_STORE_H

#include "reasoner.h"

/* Headers of gannet.<tenant>.reasoning.completed. */
#define HEADER_PREVIOUS "Gannet-Previous" /* sequence of the tenant's reasoning before: a list, newest first */
#define HEADER_REASONING_ID "Gannet-Reasoning-Id"
#define HEADER_SNAPSHOT_ID "Gannet-Snapshot-Id"
#define HEADER_SNAPSHOT_MS "Gannet-Snapshot-Ms"

/* NOT_FOUND is OK, with an empty memory and revision 0. */
enum status memory_load(struct reasoner *r, struct span tenant, struct memory *ret, uint64_t *ret_revision,
                        struct err *err) must_check;
/* CONFLICT when somebody else was faster. */
enum status memory_store(struct reasoner *r, struct span tenant, const struct memory *m, uint64_t revision,
                         struct err *err) must_check;

/* A step of this plan has an outcome: the next reasoning makes a new plan, of which it may be approved again. */
enum status memory_plan_acted(struct reasoner *r, struct span tenant, struct span plan_id, struct err *err) must_check;

/* Keeps the plan for approvals; before anybody can see it. */
enum status store_plan(struct reasoner *r, struct span tenant, const struct reason_output *o, struct err *err) must_check;
/*
 * Publishes a reasoning and makes it the last one. One of an older snapshot than the last one's, or that refines one that
 * is not the last any more, is left out: *ret_published says. Whatever is there already is not stored again.
 */
enum status store_reasoning(struct reasoner *r, struct span tenant, const struct reason_output *o, bool refines,
                            bool *ret_published, struct err *err) must_check;

#endif
