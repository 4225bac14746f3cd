/* Writing a batch of records: one COPY, one statement, one transaction. */
#ifndef GANNET_JOBS_WRITE_H
#define GANNET_JOBS_WRITE_H

#include "record.h"

/* Settings and the temporary table of the writing connection; for store_options.session_sql. Needs the migrated schema.
 */
extern const char write_session_sql[];

/*
 * Merges records, each job at most once, into ai_jobs. All of them or, on error, none. `rows` is scratch memory to be
 * reused. Orders them by key, so that several writers never wait for each other in a circle.
 */
enum status write_records(struct store *s, struct record **records, size_t n, struct buf *rows,
                          struct err *err) must_check;

#endif
