/* The order of waiting jobs: priorities by weight, tenants by turns, nobody starved. */
#include "worker/internal.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/lib/test.h"

#define A SPAN("a")
#define B SPAN("b")

static struct worker_entry *entry(int64_t mark)
{
	struct worker_entry *e = calloc(1, sizeof *e);
	CHECK(e != NULL);
	e->job.attempt = mark;
	return e;
}

static int64_t pop(struct job_queue *q)
{
	struct worker_entry *e = queue_pop(q);
	if (!e)
		return -1;
	int64_t mark = e->job.attempt;
	free(e);
	return mark;
}

TEST(empty_queue_has_no_job)
{
	struct job_queue q = {0};
	CHECK(queue_pop(&q) == NULL);
	queue_free(&q);
}

TEST(one_tenant_of_one_priority_is_served_in_order)
{
	struct job_queue q = {0};
	for (int i = 0; i < 100; i++)
		queue_push(&q, PRIORITY_DEFAULT, A, entry(i));
	for (int i = 0; i < 100; i++)
		CHECK_INT(pop(&q), i);
	CHECK_INT(q.count, 0);
	queue_free(&q);
}

TEST(high_goes_before_default_before_low)
{
	struct job_queue q = {0};
	queue_push(&q, PRIORITY_LOW, A, entry(PRIORITY_LOW));
	queue_push(&q, PRIORITY_DEFAULT, A, entry(PRIORITY_DEFAULT));
	queue_push(&q, PRIORITY_HIGH, A, entry(PRIORITY_HIGH));
	CHECK_INT(pop(&q), PRIORITY_HIGH);
	CHECK_INT(pop(&q), PRIORITY_DEFAULT);
	CHECK_INT(pop(&q), PRIORITY_LOW);
	queue_free(&q);
}

TEST(busy_priorities_share_turns_by_weight_and_low_is_not_starved)
{
	struct job_queue q = {0};
	int served[PRIORITY_COUNT] = {0};
	for (int i = 0; i < 1000; i++)
		for (int p = 0; p < PRIORITY_COUNT; p++)
			queue_push(&q, (enum priority)p, A, entry(p));
	for (int i = 0; i < 210; i++)
		served[pop(&q)]++;
	CHECK_INT(served[PRIORITY_HIGH], 160);
	CHECK_INT(served[PRIORITY_DEFAULT], 40);
	CHECK_INT(served[PRIORITY_LOW], 10);
	while (pop(&q) >= 0)
		;
	queue_free(&q);
}

TEST(an_idle_priority_saves_up_no_turns)
{
	struct job_queue q = {0};
	for (int i = 0; i < 500; i++)
		queue_push(&q, PRIORITY_HIGH, A, entry(PRIORITY_HIGH));
	for (int i = 0; i < 400; i++)
		CHECK_INT(pop(&q), PRIORITY_HIGH);
	for (int i = 0; i < 100; i++)
		queue_push(&q, PRIORITY_LOW, A, entry(PRIORITY_LOW));
	int low = 0;
	for (int i = 0; i < 34; i++)
		low += pop(&q) == PRIORITY_LOW;
	CHECK_MSG(low >= 1 && low <= 3, "low got %d of 34 turns, want about 2", low);
	while (pop(&q) >= 0)
		;
	queue_free(&q);
}

TEST(a_tenant_with_many_jobs_delays_anothers_by_one_turn_only)
{
	struct job_queue q = {0};
	for (int i = 0; i < 1000; i++)
		queue_push(&q, PRIORITY_DEFAULT, A, entry(1));
	queue_push(&q, PRIORITY_DEFAULT, B, entry(2));
	CHECK_INT(queue_tenant_count(&q, PRIORITY_DEFAULT, A), 1000);
	CHECK_INT(pop(&q), 1);
	CHECK_INT(pop(&q), 2);
	CHECK_INT(pop(&q), 1);
	while (pop(&q) >= 0)
		;
	queue_free(&q);
}

TEST(tenants_take_turns_whatever_the_order_of_arrival)
{
	struct job_queue q = {0};
	char name[16];
	for (int t = 0; t < 10; t++)
		for (int i = 0; i < 50; i++) {
			snprintf(name, sizeof name, "t%d", t);
			queue_push(&q, PRIORITY_DEFAULT, span_from(name), entry(t));
		}
	for (int round = 0; round < 50; round++) {
		unsigned seen = 0;
		for (int t = 0; t < 10; t++)
			seen |= 1u << pop(&q);
		CHECK_INT(seen, 0x3ff);
	}
	CHECK_INT(pop(&q), -1);
	queue_free(&q);
}

TEST(names_of_idle_tenants_do_not_pile_up)
{
	struct job_queue q = {0};
	char name[32];
	for (int i = 0; i < 5000; i++) {
		snprintf(name, sizeof name, "tenant%d", i);
		queue_push(&q, PRIORITY_LOW, span_from(name), entry(i));
		CHECK_INT(pop(&q), i);
	}
	CHECK(q.lanes[PRIORITY_LOW].tenants.count < 2000);
	queue_free(&q);
}
