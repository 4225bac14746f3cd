/* One row of ai_jobs as events tell it, and the one rule by which two such rows of the same job become one. */
#ifndef GANNET_JOBS_RECORD_H
#define GANNET_JOBS_RECORD_H

#include "core/arena.h"
#include "store/store.h"

/*
 * Every event becomes a struct record that holds what this event knows, and records of a job are merged. Merging is
 * commutative, associative and idempotent, in C within a batch and in SQL with what is stored, so the order and
 * repetition of events do not matter:
 * - the submission with the lowest place in JOBS says what the job is (identity, submission, created_at); until one is
 * known, identity is that of the latest event and created_at the earliest said;
 * - the state is that of the event with the highest (run, state_rank).
 *
 * state_rank, within a run: a final event outranks every other, and of two final events the earlier in EVENTS wins (a
 * final state never changes). Others are ordered by the submission's place in JOBS (a job that waited in DELAYED comes
 * back with a higher one), then by how often the queue had handed it out, then by state.
 */
#define RECORD_RANK_FINAL ((int64_t)1 << 61)
#define RECORD_SEQUENCE_MAX (((int64_t)1 << 44) - 1) /* 14 years of 40,000 a second */
#define RECORD_DELIVERY_MAX (((int64_t)1 << 14) - 1)
enum record_step { RECORD_QUEUED, RECORD_STARTED, RECORD_PROGRESSED, RECORD_RETRYING };
int64_t record_rank(uint64_t jobs_sequence, uint64_t delivery, enum record_step step);
/* The place in JOBS that a rank of a state that is not final speaks of; 0: of none. */
uint64_t record_rank_sequence(int64_t rank);
int64_t record_rank_final(uint64_t events_sequence);

/* X(group, name, kind): the columns written after `tenant`, each a member of its group and a column of ai_jobs of the
 * same name. */
#define RECORD_COLUMNS(X)                                                                                              \
	X(key, job_id, STORE_TEXT)                                                                                         \
	X(created, created_at, STORE_TIME)                                                                                 \
	X(identity, kind, STORE_TEXT)                                                                                      \
	X(identity, priority, STORE_TEXT)                                                                                  \
	X(identity, user_id, STORE_TEXT)                                                                                   \
	X(identity, agent_id, STORE_TEXT)                                                                                  \
	X(identity, model_name, STORE_TEXT)                                                                                \
	X(identity, format, STORE_TEXT)                                                                                    \
	X(identity, metadata, STORE_TEXT)                                                                                  \
	X(submission, submission_seq, STORE_I64)                                                                           \
	X(submission, job_type, STORE_TEXT)                                                                                \
	X(submission, pipeline, STORE_TEXT)                                                                                \
	X(submission, record_id, STORE_TEXT)                                                                               \
	X(submission, field_name, STORE_TEXT)                                                                              \
	X(submission, prompt_template, STORE_TEXT)                                                                         \
	X(submission, ai_config, STORE_TEXT)                                                                               \
	X(submission, input_data, STORE_TEXT)                                                                              \
	X(submission, context, STORE_TEXT)                                                                                 \
	X(state, run, STORE_I32)                                                                                           \
	X(state, state_rank, STORE_I64)                                                                                    \
	X(state, attempt, STORE_I32)                                                                                       \
	X(state, retry_count, STORE_I32)                                                                                   \
	X(state, status, STORE_TEXT)                                                                                       \
	X(state, updated_at, STORE_TIME)                                                                                   \
	X(state, started_at, STORE_TIME)                                                                                   \
	X(state, completed_at, STORE_TIME)                                                                                 \
	X(state, retry_at, STORE_TIME)                                                                                     \
	X(state, processing_time_ms, STORE_I64)                                                                            \
	X(state, tokens_used, STORE_I64)                                                                                   \
	X(state, cost_nanousd, STORE_I64)                                                                                  \
	X(state, simulated, STORE_BOOL)                                                                                    \
	X(state, ai_provider, STORE_TEXT)                                                                                  \
	X(state, result_model, STORE_TEXT)                                                                                 \
	X(state, error_code, STORE_TEXT)                                                                                   \
	X(state, error_field, STORE_TEXT)                                                                                  \
	X(state, error_message, STORE_TEXT)                                                                                \
	X(state, usage, STORE_TEXT)                                                                                        \
	X(state, prompt, STORE_TEXT)                                                                                       \
	X(state, raw_response, STORE_TEXT)                                                                                 \
	X(state, parsed_output, STORE_TEXT)                                                                                \
	X(state, output_data, STORE_TEXT)

/* Texts point into messages and the batch's arena. JSON columns hold JSON text. Times are UTC milliseconds, 0 = none.
 */
struct record {
	struct {
		struct span tenant, job_id;
	} key;
	struct {
		int64_t created_at;
	} created;
	struct {
		struct span kind, priority, user_id, agent_id, model_name, format, metadata;
	} identity;
	struct {
		int64_t submission_seq; /* STORE_NULL: none known */
		struct span job_type, pipeline, record_id, field_name, prompt_template, ai_config, input_data, context;
	} submission;
	struct {
		int64_t run, state_rank, attempt, retry_count;
		struct span status;
		int64_t updated_at, started_at, completed_at, retry_at;
		int64_t processing_time_ms, tokens_used, cost_nanousd; /* STORE_NULL: unknown */
		bool simulated;
		struct span ai_provider, result_model, error_code, error_field, error_message, usage, prompt, raw_response,
		    parsed_output, output_data;
	} state;
};

/* A record that knows nothing yet. */
void record_init(struct record *r);
/* Makes `into` what both tell. Both have the same key. */
void record_merge(struct record *into, const struct record *other);

extern const struct store_column record_columns[];
extern const size_t record_columns_n;

#endif
