/* Reading records for answers. */
#ifndef GANNET_JOBS_LOOKUP_H
#define GANNET_JOBS_LOOKUP_H

#include "jobs.h"

/*
 * One record of a tenant, copied into `a`. NOT_FOUND also for a job of another tenant. A job that was submitted a
 * moment ago may not be recorded yet: a miss waits shortly for the projection before it is believed.
 */
enum status lookup(struct jobs *j, struct span tenant, struct span job_id, struct arena *a, struct job_record *ret,
                   struct err *err) must_check;

/* Records that match, newest first. `more` tells that there are further ones behind the last. */
struct lookup_page {
	struct job_record *records;
	size_t n;
	bool more;
};
/* `limit` overrides the request's. `status` NULL: any. */
enum status lookup_page(struct jobs *j, struct span tenant, const struct filter_request *f, const char *status,
                        int64_t limit, struct arena *a, struct lookup_page *ret, struct err *err) must_check;
/* Where the page after `last` begins; NUL-terminated. */
void lookup_cursor(const struct job_record *last, char out[CURSOR_MAX + 1]);

/* Takes column by name into the record; for queries that return columns of records. */
void lookup_fill(const struct store_result *r, int row, struct arena *a, struct job_record *ret);

#endif
