/* Records of one job may be merged in any order, grouping and repetition. */
#include <stdio.h>
#include <stdlib.h>

#include "services/jobs/fold.c"
#include "services/jobs/record.c"
#include "tests/lib/test.h"

#define EVENTS 7

/* What a job's life leaves: two submissions under one id, a failed run, a retry that completes, and a second, late
 * final event. */
static void make_events(struct record e[EVENTS])
{
	static const char *const statuses[EVENTS] = {"pending", "processing", "failed",   "pending",
	                                             "pending", "completed",  "cancelled"};
	static const int64_t runs[EVENTS] = {1, 1, 1, 1, 2, 2, 2};
	for (int i = 0; i < EVENTS; i++) {
		record_init(&e[i]);
		e[i].key.tenant = SPAN("acme");
		e[i].key.job_id = SPAN("job");
		e[i].created.created_at = 1000 + i;
		e[i].identity.user_id = span_from(statuses[i]);
		e[i].state.run = runs[i];
		e[i].state.status = span_from(statuses[i]);
		e[i].state.updated_at = 2000 + i;
	}
	e[0].submission.submission_seq = 10;
	e[3].submission.submission_seq = 11;
	e[4].submission.submission_seq = 40;
	e[0].state.state_rank = record_rank(10, 0, RECORD_QUEUED);
	e[1].state.state_rank = record_rank(10, 1, RECORD_STARTED);
	e[2].state.state_rank = record_rank_final(77);
	e[3].state.state_rank = record_rank(11, 0, RECORD_QUEUED);
	e[4].state.state_rank = record_rank(40, 0, RECORD_QUEUED);
	e[5].state.state_rank = record_rank_final(90);
	e[6].state.state_rank = record_rank_final(91);
}

static bool same(const struct record *a, const struct record *b)
{
	return a->created.created_at == b->created.created_at && span_eq(a->identity.user_id, b->identity.user_id) &&
	       a->submission.submission_seq == b->submission.submission_seq && a->state.run == b->state.run &&
	       a->state.state_rank == b->state.state_rank && span_eq(a->state.status, b->state.status) &&
	       a->state.updated_at == b->state.updated_at;
}

static struct record merge_all(const struct record *events, const int *order, int n)
{
	struct record r = events[order[0]];
	for (int i = 1; i < n; i++)
		record_merge(&r, &events[order[i]]);
	return r;
}

static void swap(int *a, int *b)
{
	int t = *a;
	*a = *b;
	*b = t;
}

/* The next one in lexicographic order (Knuth, TAOCP vol. 4A, 7.2.1.2, algorithm L). */
static bool next_permutation(int *order, int n)
{
	int i = n - 2, k = n - 1;
	while (i >= 0 && order[i] > order[i + 1])
		i--;
	if (i < 0)
		return false;
	while (order[k] < order[i])
		k--;
	swap(&order[i], &order[k]);
	for (int a = i + 1, b = n - 1; a < b; a++, b--)
		swap(&order[a], &order[b]);
	return true;
}

TEST(events_in_any_order_give_the_same_record)
{
	struct record events[EVENTS];
	int order[EVENTS] = {0, 1, 2, 3, 4, 5, 6};
	make_events(events);
	struct record want = merge_all(events, order, EVENTS);
	CHECK_SPAN(want.state.status, "completed");
	CHECK_INT(want.state.run, 2);
	CHECK_INT(want.created.created_at, 1000);
	while (next_permutation(order, EVENTS)) {
		struct record got = merge_all(events, order, EVENTS);
		CHECK(same(&got, &want));
	}
}

TEST(events_in_any_split_and_repetition_give_the_same_record)
{
	struct record events[EVENTS];
	int all[EVENTS] = {0, 1, 2, 3, 4, 5, 6};
	make_events(events);
	struct record want = merge_all(events, all, EVENTS);
	srand(7);
	for (int turn = 0; turn < 20000; turn++) {
		struct record stored = {0};
		bool stored_any = false;
		unsigned seen = 0;
		while (seen != (1u << EVENTS) - 1) { /* batch after batch, until every event came at least once */
			int batch[4], n = 1 + rand() % 4;
			for (int i = 0; i < n; i++)
				seen |= 1u << (batch[i] = rand() % EVENTS);
			struct record folded = merge_all(events, batch, n);
			if (stored_any)
				record_merge(&stored, &folded);
			else
				stored = folded;
			stored_any = true;
		}
		CHECK(same(&stored, &want));
	}
}

TEST(final_state_of_a_run_never_changes)
{
	struct record events[EVENTS];
	make_events(events);
	struct record r = events[2];
	record_merge(&r, &events[0]);
	record_merge(&r, &events[1]);
	record_merge(&r, &events[3]);
	CHECK_SPAN(r.state.status, "failed");
}

TEST(a_job_that_comes_back_from_its_delay_ranks_above_the_wait)
{
	CHECK(record_rank(12, 0, RECORD_QUEUED) > record_rank(11, 9, RECORD_RETRYING));
	CHECK(record_rank(11, 2, RECORD_STARTED) > record_rank(11, 1, RECORD_RETRYING));
	CHECK(record_rank_final(1) > record_rank((uint64_t)RECORD_SEQUENCE_MAX, 1u << 20, RECORD_RETRYING));
	CHECK(record_rank_final(5) > record_rank_final(6));
}

TEST(fold_keeps_one_record_per_tenant_and_job)
{
	struct fold f = {0};
	char ids[FOLD_EVENTS_MAX][16];
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < FOLD_EVENTS_MAX; i++) {
			struct record *r = fold_next(&f);
			snprintf(ids[i], sizeof ids[i], "job-%d", i / 2);
			record_init(r);
			r->key.tenant = i % 2 ? SPAN("a") : SPAN("b");
			r->key.job_id = span_from(ids[i]);
			r->state.run = 1 + i;
			CHECK_INT(fold_add(&f), i);
		}
		CHECK_INT(f.count, FOLD_EVENTS_MAX);
		fold_reset(&f);
	}
	for (int i = 0; i < 10; i++) {
		struct record *r = fold_next(&f);
		record_init(r);
		r->key.tenant = SPAN("a");
		r->key.job_id = SPAN("one");
		r->state.run = 1 + i;
		CHECK_INT(fold_add(&f), 0);
	}
	CHECK_INT(f.count, 1);
	CHECK_INT(f.records[0].state.run, 10);
	fold_free(&f);
}
