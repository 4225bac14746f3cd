/* One reasoning: from a snapshot and what is remembered to the message and what is to be remembered. */
#ifndef GANNET_REASONING_REASON_H
#define GANNET_REASONING_REASON_H

#include "core/clock.h"
#include "reasoning/draft.h"

/* A model's answer and where it comes from. */
struct model_answer {
	struct json answer; /* absent: none */
	struct span model, job_id;
	bool cached;
	const struct usage *usage; /* NULL when cached */
	struct opt_i64 cost_nanousd;
};

struct reason_input {
	struct span tenant;
	struct json snapshot; /* as it was published; kept in the message */
	const struct memory *memory;
	const struct surroundings *around;
	const struct tuning *tuning;
	const struct clock *clock;
	int64_t plan_ttl_ms;
	struct model_answer answer;
	struct span fallback_reason; /* why there is no answer of a model where one was wanted */
	bool refines;                /* a second reasoning of this snapshot */
};

struct reason_output {
	struct memory memory; /* what is to be remembered if this is published */
	char reasoning_id[40];
	int64_t snapshot_ms;
	struct snapshot snapshot;
	struct facts facts;
	struct judgement judgement;
	struct draft draft;
	unsigned engine; /* enum reasoning_engine */
	char fallback_reason[320];
	struct buf message; /* a reasoning; freed by the caller */
	struct buf plan;    /* its plan alone */
};

/*
 * Pure but for the time it takes. INVALID when the snapshot is none. An answer that cannot be used is no failure: the
 * rules answer, with the reason.
 */
enum status reason(const struct reason_input *in, struct arena *a, struct reason_output *ret, struct err *err) must_check;
void reason_output_free(struct reason_output *o);

/* "xxxxxxxx-xxxx-8xxx-xxxx-xxxxxxxxxxxx", the same for the same snapshot. */
void reasoning_id_of(struct span tenant, struct span snapshot_id, bool refines, char out[40]);

#define REASONING_MESSAGE_MAX ((size_t)960 * 1024) /* bytes; a snapshot that makes it longer loses its longest parts */

#endif
