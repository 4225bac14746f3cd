/* feedback: the jobs service owns the ratings, and is asked. */
#include <stdio.h>

#include "requests.h"

#define TIMEOUT_MS 6000

enum status handle_feedback(void *arg, const struct micro_request *r, struct buf *reply, struct err *err)
{
	struct analytics *a = arg;
	struct analytics_feedback_query asked;
	char subject[96];
	/* Checked here as well, so that a mistake is answered even while the jobs service is away. */
	enum status status = micro_decode(r, &analytics_feedback_query_table, &asked, err);
	if (status != STATUS_OK)
		return status;
	snprintf(subject, sizeof subject, "gannet.%.*s.jobs.feedback_report", SPAN_ARG(r->tenant));
	return bus_request(a->bus, &(struct bus_out){.subject = subject, .data = r->in.data}, TIMEOUT_MS, reply, err);
}
