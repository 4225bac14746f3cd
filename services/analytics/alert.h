/* Findings of this service: published when they open, matter more or less, or are resolved, and at no other time. */
#ifndef GANNET_ANALYTICS_ALERT_H
#define GANNET_ANALYTICS_ALERT_H

#include "analytics.h"
#include "contract/finding.h"
#include "stats/anomaly.h"

#define ALERT_SOURCE "analytics"

/* What is or is not the matter. Texts are the caller's. */
struct alert {
	const char *type;       /* cost_deviation, unpriced_model, latency_ms … */
	struct span subject;    /* what it is about, told apart by: the month, the model */
	enum severity severity; /* when open */
	bool open;
	struct span title, description, recommendation;
	struct json evidence, labels;
	int64_t at_ms;
};

/* What is remembered of it; the windows in a row are for the caller to keep. */
struct alert_memory {
	struct anomaly_state state;
	bool told;
};
/* Begins a transaction and locks the memory; alert_tell() has to follow. */
enum status alert_recall(struct store *s, struct span tenant, const char *type, struct span subject,
                         struct alert_memory *ret, struct err *err) must_check;
/*
 * Publishes if this is news, stores the memory and commits. The broker has the finding before the commit, under an id that
 * a repetition has too.
 */
enum status alert_tell(struct analytics *a, struct store *s, struct span tenant, const struct alert *what,
                       const struct alert_memory *m, struct err *err) must_check;

#endif
