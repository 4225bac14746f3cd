/* One row of the ledger: what a job's final event says of its use of models. */
#ifndef GANNET_ANALYTICS_USAGE_H
#define GANNET_ANALYTICS_USAGE_H

#include "contract/job.h"
#include "llm/llm.h"
#include "store/store.h"

#define USAGE_TEXT_MAX JOB_NAME_MAX          /* bytes of any text of a row; more is cut */
#define USAGE_CLOCK_SKEW_MS (3600ll * 1000)  /* a worker's time further from the broker's than this is not believed */

/* X(name, kind): the columns of ai_usage_metrics, each a member of the same name. */
#define USAGE_COLUMNS(X)                                                                                               \
	X(at, STORE_TIME)                                                                                                  \
	X(event_seq, STORE_I64)                                                                                            \
	X(stream_id, STORE_I32)                                                                                            \
	X(run, STORE_I32)                                                                                                  \
	X(attempt, STORE_I32)                                                                                              \
	X(input_tokens, STORE_I64)                                                                                         \
	X(cache_read_tokens, STORE_I64)                                                                                    \
	X(cache_write_tokens, STORE_I64)                                                                                   \
	X(output_tokens, STORE_I64)                                                                                        \
	X(reasoning_tokens, STORE_I64)                                                                                     \
	X(total_tokens, STORE_I64)                                                                                         \
	X(cost_nanousd, STORE_I64)                                                                                         \
	X(saved_nanousd, STORE_I64)                                                                                        \
	X(prompt_saved_nanousd, STORE_I64)                                                                                 \
	X(processing_ms, STORE_I64)                                                                                        \
	X(queue_ms, STORE_I64)                                                                                             \
	X(first_token_ms, STORE_I64)                                                                                       \
	X(priced, STORE_BOOL)                                                                                              \
	X(cached, STORE_BOOL)                                                                                              \
	X(fallback, STORE_BOOL)                                                                                            \
	X(estimated, STORE_BOOL)                                                                                           \
	X(simulated, STORE_BOOL)                                                                                           \
	X(tenant, STORE_TEXT)                                                                                              \
	X(job_id, STORE_TEXT)                                                                                              \
	X(status, STORE_TEXT)                                                                                              \
	X(kind, STORE_TEXT)                                                                                                \
	X(operation, STORE_TEXT)                                                                                           \
	X(user_id, STORE_TEXT)                                                                                             \
	X(agent_id, STORE_TEXT)                                                                                            \
	X(provider, STORE_TEXT)                                                                                            \
	X(model, STORE_TEXT)                                                                                               \
	X(requested_model, STORE_TEXT)                                                                                     \
	X(pipeline, STORE_TEXT)                                                                                            \
	X(record_id, STORE_TEXT)                                                                                           \
	X(field_name, STORE_TEXT)                                                                                          \
	X(price_id, STORE_TEXT)                                                                                            \
	X(error_code, STORE_TEXT)

#define USAGE_TYPE_STORE_TIME int64_t
#define USAGE_TYPE_STORE_I32 int64_t
#define USAGE_TYPE_STORE_I64 int64_t
#define USAGE_TYPE_STORE_BOOL bool
#define USAGE_TYPE_STORE_TEXT struct span
#define USAGE_MEMBER(name, kind) USAGE_TYPE_##kind name;
struct usage_row {
	USAGE_COLUMNS(USAGE_MEMBER)
};
#undef USAGE_MEMBER

#define USAGE_NAME(name, kind) "," #name
extern const struct store_column usage_columns[];
extern const size_t usage_columns_n;

/* Whether an event of this subject has a row: the final states of jobs. Tenant, state and job id are the subject's. */
struct usage_subject {
	struct span tenant, job_id;
	enum job_state state;
};
bool usage_subject_parse(struct span subject, struct usage_subject *ret);

/*
 * Texts of the row lie in `a`; what lies in `scratch` is not needed afterwards. `stored_ms` is the broker's time. INVALID: nothing can be made of it,
 * now or later.
 */
enum status usage_decode(const struct usage_subject *s, struct span data, int64_t stored_ms,
                         const struct price_table *prices, struct arena *scratch, struct arena *a,
                         struct usage_row *ret, struct err *err) must_check;

#endif
