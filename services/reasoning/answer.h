/* A model's answer as it comes out of a job's event, and the last one as it is kept. */
#ifndef GANNET_REASONING_ANSWER_H
#define GANNET_REASONING_ANSWER_H

#include "reasoner.h"

#define ANSWER_MAX 131072 /* bytes */

/*
 * Reads the final event of a job that asked a model. False when it is no such event. `reason` says why there is no answer;
 * "" when there is one.
 */
bool answer_read(struct span event, struct arena *a, struct span *ret_job_id, struct model_answer *ret, char reason[320]);
/* The final event of a job, should its message to us have been lost; false when there is none. */
bool answer_find(struct reasoner *r, struct span tenant, const char *job_id, struct arena *a, struct model_answer *ret,
                 char reason[320]);

/* The last answer of a tenant, in the bucket `latest`, with the fingerprint of what it was an answer to. */
enum status answer_keep(struct reasoner *r, struct span tenant, const char *fingerprint, const struct model_answer *answer,
                        struct err *err) must_check;
/* False unless what is kept is an answer to `fingerprint`. Lives in `kept` and `a`. */
bool answer_kept(struct reasoner *r, struct span tenant, const char *fingerprint, struct buf *kept, struct arena *a,
                 struct model_answer *ret);

#endif
