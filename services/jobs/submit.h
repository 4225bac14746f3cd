/* Putting jobs into the queue, now or for later. */
#ifndef GANNET_JOBS_SUBMIT_H
#define GANNET_JOBS_SUBMIT_H

#include "jobs.h"

#define SUBMIT_DEADLINE_MS 1500 /* a full queue must not hold up other requests for long */

struct submission {
	struct span tenant, kind;
	enum priority priority;
	struct span job_id, body;
	int64_t run;             /* 1 for a new job */
	int64_t submitted_ms;    /* of a job that is run again; 0: now */
	int64_t run_at_ms;       /* 0, or when it is due */
	struct span traceparent; /* or absent */
};

/*
 * Stores a job: into JOBS, or, when it is due later, into DELAYED with an announcement to EVENTS, so that it has a
 * record while it waits. The same job and run stored twice within the de-duplication window is one. UNAVAILABLE when
 * the broker refuses.
 */
enum status submit(struct jobs *j, const struct submission *s, struct err *err) must_check;

/* The submission that a record was made of, without its id and its time; UNPROCESSABLE when the record does not have
 * it. */
enum status submit_rebuild(const struct job_record *r, struct arena *a, struct job *ret, struct err *err) must_check;
/* The body of a submission, in `a`. */
struct span submit_body(struct span kind, const struct job *job, struct arena *a);

#endif
