/* From a message of EVENTS to a record. */
#ifndef GANNET_JOBS_EVENTS_H
#define GANNET_JOBS_EVENTS_H

#include "bus/pull.h"
#include "contract/job.h"
#include "record.h"

/* What the projection needs of an event besides its record, for measuring. */
struct event_facts {
	bool is_final, is_completed;
	int64_t processing_time_ms; /* STORE_NULL: unknown */
};

/*
 * Fills `ret` with what the message tells; texts point into the message and `a`. Tenant, job id and state are the
 * subject's: a publisher who may not write on another tenant's subjects cannot touch its records. INVALID: nothing can
 * be made of it, now or later.
 */
enum status event_decode(const struct bus_delivery *d, int64_t jobs_created_ms, struct arena *a, struct record *ret,
                         struct event_facts *ret_facts, struct err *err) must_check;
/* Whether the subject is a job event at all; EVENTS holds other messages too. */
bool event_is_job(struct span subject);

/* gannet.<tenant>.jobs.event.queued.<kind>.<priority>: the submission itself, republished by the server or announced by
 * `create`. */
enum status queued_decode(const struct bus_delivery *d, struct span tenant, struct span kind, struct span priority,
                          int64_t jobs_created_ms, struct arena *a, struct record *ret, struct err *err) must_check;
/* A header that holds a whole number from 0 on; `fallback` when it is missing or anything else. */
int64_t header_number(const struct bus_in *in, const char *name, int64_t fallback);

/* How a submission is decoded: llm jobs need template and model. */
const struct json_table *submission_table(struct span kind);
/* Members of a submission that have no column of their own and live together in ai_config. */
extern const struct json_table ai_config_table;

#endif
