/* Asking a model, and what becomes of its answer; no cycle ever waits for one. */
#ifndef GANNET_REASONING_MODEL_H
#define GANNET_REASONING_MODEL_H

#include "reasoner.h"

/* Whether there is an answer to what the snapshot means, whether to ask for one, and why there is none. */
struct model_choice {
	struct model_answer answer; /* given before to a snapshot of the same meaning; lives in `kept` and the arena */
	char fallback_reason[320];
	struct model_memory model; /* for the memory; MODEL_ASKED with a job of this reasoning: model_ask() is to ask */
};
void model_choose(struct reasoner *r, struct span tenant, const struct reason_output *o, struct buf *kept, struct arena *a,
                  struct model_choice *ret);
/* Hands the question in as an ordinary job, if there is one; does not wait. Repeating it asks once. */
enum status model_ask(struct reasoner *r, struct span tenant, const struct reason_output *o, struct err *err) must_check;
/* Mail of gannet.*.reply.reasoning: a job of ours has ended. */
void model_on_answer(struct reasoner *r, struct mail *m);
/* Gives up on questions that took too long. */
void model_look_at_clock(struct reasoner *r);

struct model_waits *model_waits_new(void);
void model_waits_free(struct model_waits *w); /* NULL is fine */

#endif
