/* The micro service `jobs`: its endpoints, and what their handlers share. */
#ifndef GANNET_JOBS_REQUESTS_H
#define GANNET_JOBS_REQUESTS_H

#include "jobs.h"

#define JOBS_ENDPOINTS 14
extern const struct micro_endpoint jobs_endpoints[JOBS_ENDPOINTS];
enum status requests_start(struct jobs *j, struct err *err) must_check;

enum status request_reply(const struct json_table *t, const void *object, struct buf *reply);

/* One per verb. `arg` is the struct jobs. */
enum status handle_create(void *arg, const struct micro_request *r, struct buf *reply, struct err *err);
enum status handle_get(void *arg, const struct micro_request *r, struct buf *reply, struct err *err);
enum status handle_list(void *arg, const struct micro_request *r, struct buf *reply, struct err *err);
enum status handle_cancel(void *arg, const struct micro_request *r, struct buf *reply, struct err *err);
enum status handle_retry(void *arg, const struct micro_request *r, struct buf *reply, struct err *err);
enum status handle_bulk_retry(void *arg, const struct micro_request *r, struct buf *reply, struct err *err);
enum status handle_queue_pending(void *arg, const struct micro_request *r, struct buf *reply, struct err *err);
enum status handle_rerun(void *arg, const struct micro_request *r, struct buf *reply, struct err *err);
enum status handle_regenerate(void *arg, const struct micro_request *r, struct buf *reply, struct err *err);
enum status handle_feedback(void *arg, const struct micro_request *r, struct buf *reply, struct err *err);
enum status handle_feedback_report(void *arg, const struct micro_request *r, struct buf *reply, struct err *err);
enum status handle_stats(void *arg, const struct micro_request *r, struct buf *reply, struct err *err);
enum status handle_cleanup(void *arg, const struct micro_request *r, struct buf *reply, struct err *err);
enum status handle_retry_failed(void *arg, const struct micro_request *r, struct buf *reply, struct err *err);

#endif
