/* Writing a batch of records: one COPY, one statement, one transaction. */
#ifndef GANNET_JOBS_WRITE_H
#define GANNET_JOBS_WRITE_H

#include "record.h"
#include "store/position.h"

/* Settings and the temporary table of the writing connection; for store_options.session_sql. Needs the migrated schema.
 */
extern const char write_session_sql[];

/*
 * Merges records, each job at most once, into ai_jobs, and moves `position` (or NULL) to `sequence` in the same transaction. All of it or,
 * on error, nothing. `rows` is scratch memory to be reused. Orders them by key, so that several writers never wait for each other in a
 * circle.
 */
enum status write_records(struct store *s, struct record **records, size_t n, struct buf *rows,
                          const struct store_position *position, uint64_t sequence, struct err *err) must_check;

#endif
