/* Merging what events tell of a job. */
#include "record.h"

static int64_t at_most(uint64_t v, int64_t max)
{
	return v > (uint64_t)max ? max : (int64_t)v;
}

uint64_t record_rank_sequence(int64_t rank)
{
	return rank < RECORD_RANK_FINAL ? (uint64_t)rank >> 17 : 0;
}

int64_t record_rank(uint64_t jobs_sequence, uint64_t delivery, enum record_step step)
{
	return at_most(jobs_sequence, RECORD_SEQUENCE_MAX) << 17 | at_most(delivery, RECORD_DELIVERY_MAX) << 3 |
	       (int64_t)step;
}

int64_t record_rank_final(uint64_t events_sequence)
{
	return RECORD_RANK_FINAL | (RECORD_SEQUENCE_MAX - at_most(events_sequence, RECORD_SEQUENCE_MAX));
}

void record_init(struct record *r)
{
	*r = (struct record){0};
	r->submission.submission_seq = STORE_NULL;
	r->state.processing_time_ms = r->state.tokens_used = r->state.cost_nanousd = STORE_NULL;
}

/* Keep in step with MERGE_SQL in write.c, which says the same of a stored row. */
void record_merge(struct record *into, const struct record *other)
{
	int64_t ours = into->submission.submission_seq, theirs = other->submission.submission_seq;
	bool earlier = theirs != STORE_NULL && (ours == STORE_NULL || theirs < ours);
	bool newer = other->state.run != into->state.run ? other->state.run > into->state.run
	                                                 : other->state.state_rank > into->state.state_rank;
	if (earlier) {
		into->submission = other->submission;
		into->created = other->created;
	} else if (ours == STORE_NULL && other->created.created_at < into->created.created_at) {
		into->created = other->created;
	}
	if (earlier || (ours == STORE_NULL && newer))
		into->identity = other->identity;
	if (newer)
		into->state = other->state;
}

#define COLUMN(group, name, kind) {kind, offsetof(struct record, group.name)},
const struct store_column record_columns[] = {COLUMN(key, tenant, STORE_TEXT) RECORD_COLUMNS(COLUMN)};
const size_t record_columns_n = countof(record_columns);
