/* One line about one event of a job. */
#ifndef GANNET_CLI_EVENT_H
#define GANNET_CLI_EVENT_H

#include "services/cli/inbox.h"
#include "services/cli/term.h"

#include "contract/job.h"

/* The last token but one or the last of an event's subject decide: gannet.<t>.jobs.event.queued.<kind>.<priority> is a
 * submission. */
bool event_is_queued(struct span subject);
/* False when it is not what it should be; `ret` lives in `a` and the note. */
bool event_decode(const struct note *n, struct arena *a, struct job_event *ret);
/* "09:00:05  <id>  completed  213 ms  170 tokens …"; the id is left out when `id_columns` is 0. */
void event_line(const struct job_event *ev, size_t id_columns, struct arena *a, struct buf *out, bool colour);
/* The same for a submission that was queued. `jobs_created_ms`: birth of the JOBS stream, 0 when unknown. */
void queued_line(const struct note *n, int64_t jobs_created_ms, int64_t now_ms, size_t id_columns, struct arena *a,
                 struct buf *out, bool colour);
/* {"job_id":…,"state":"queued","kind":…,"priority":…,"submission":{…}} on one line, since a submission says none of
 * that itself. */
void queued_json(const struct note *n, int64_t jobs_created_ms, struct arena *a, struct buf *out);

#endif
