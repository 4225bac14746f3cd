/* The question to a model: what it is to do, and what it may read of the system. */
#ifndef GANNET_REASONING_PROMPT_H
#define GANNET_REASONING_PROMPT_H

#include "reasoning/reason.h"

#define PROMPT_EVENTS_MAX 20
#define PROMPT_NAME_MAX 64   /* bytes of a name that the system's data brings along */
#define PROMPT_TEXT_MAX 160  /* bytes of a text of an event */
#define PROMPT_DATA_MAX 24576 /* bytes of all data */

/*
 * An `llm` job (proto/job.llm.json) that asks about o->snapshot. What comes out of the system (names, events, error texts) is
 * data of unknown origin: it stands as JSON in one delimited place that is said to hold data only, every text is one
 * visible line of limited length, and no text can contain the delimiter.
 */
struct prompt_options {
	struct span job_id, model, reply_to;
	int64_t timeout_ms;
	int64_t max_tokens;
};
void prompt_job(const struct reason_output *o, const struct prompt_options *p, struct arena *a, struct buf *out);

#endif
