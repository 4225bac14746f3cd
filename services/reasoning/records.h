/* The records of actions in the bucket `actions`. */
#ifndef GANNET_REASONING_RECORDS_H
#define GANNET_REASONING_RECORDS_H

#include "contract/action.h"
#include "reasoner.h"

/* NOT_FOUND when there is none. Text lives in `a`. */
enum status record_load(struct reasoner *r, struct span tenant, struct span action_id, struct arena *a,
                        struct action_record *ret, uint64_t *ret_revision, struct err *err) must_check;
/* CONFLICT when it has changed since `revision` (0: when there is one). */
enum status record_store(struct reasoner *r, struct span tenant, const struct action_record *record, uint64_t revision,
                         struct err *err) must_check;
/*
 * Writes an outcome into the record and publishes it on gannet.<tenant>.actions.completed. The first outcome counts: a
 * later one changes nothing, and *record is what counts.
 */
enum status record_finish(struct reasoner *r, struct span tenant, struct action_record *record, unsigned status,
                          struct span message, struct json output, struct arena *a, struct err *err) must_check;

#endif
