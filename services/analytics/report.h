/* What usage, costs and performance answer: lists of measures, worked out for each group. */
#ifndef GANNET_ANALYTICS_REPORT_H
#define GANNET_ANALYTICS_REPORT_H

#include "query.h"

struct report;
extern const struct report report_usage, report_costs, report_performance;

/* Runs the question and fills the answer, whose texts lie in `a`. */
enum status report_run(const struct report *r, const struct query *q, struct store *s, struct arena *a,
                       struct analytics_report *ret, struct err *err) must_check;

#endif
