/* The micro service `analytics`: its endpoints, and what their handlers share. */
#ifndef GANNET_ANALYTICS_REQUESTS_H
#define GANNET_ANALYTICS_REQUESTS_H

#include "analytics.h"

#define ANALYTICS_ENDPOINTS 9
extern const struct micro_endpoint analytics_endpoints[ANALYTICS_ENDPOINTS];
enum status requests_start(struct analytics *a, struct err *err) must_check;

enum status request_reply(const struct json_table *t, const void *object, struct buf *reply);
/* INVALID with field "time_zone" when PostgreSQL does not know it. */
enum status request_check_zone(struct store *s, struct span zone, struct err *err) must_check;

/* One per verb. `arg` is the struct analytics. */
enum status handle_usage(void *arg, const struct micro_request *r, struct buf *reply, struct err *err);
enum status handle_costs(void *arg, const struct micro_request *r, struct buf *reply, struct err *err);
enum status handle_performance(void *arg, const struct micro_request *r, struct buf *reply, struct err *err);
enum status handle_feedback(void *arg, const struct micro_request *r, struct buf *reply, struct err *err);
enum status handle_budget(void *arg, const struct micro_request *r, struct buf *reply, struct err *err);
enum status handle_forecast(void *arg, const struct micro_request *r, struct buf *reply, struct err *err);
enum status handle_settings(void *arg, const struct micro_request *r, struct buf *reply, struct err *err);
enum status handle_rebuild(void *arg, const struct micro_request *r, struct buf *reply, struct err *err);
enum status handle_reconcile(void *arg, const struct micro_request *r, struct buf *reply, struct err *err);

#endif
