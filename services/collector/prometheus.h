/* Prometheus text exposition format 0.0.4: lines into samples, and selectors that sum them up. */
#ifndef GANNET_COLLECTOR_PROMETHEUS_H
#define GANNET_COLLECTOR_PROMETHEUS_H

#include "core/arena.h"

#define PROMETHEUS_LABELS_MAX 32 /* of one sample or selector */

struct prometheus_label {
	struct span name, value; /* value: unescaped */
};
struct prometheus_sample {
	struct span name;
	struct prometheus_label labels[PROMETHEUS_LABELS_MAX];
	size_t labels_n;
	double value; /* NaN and infinities, too */
};

/*
 * Calls `fn` for each sample; texts are valid in the call. Comments, types and timestamps are passed over. INVALID with
 * the number of the first line that is none; what came before it was told already.
 */
enum status prometheus_parse(struct span text, void (*fn)(void *arg, const struct prometheus_sample *s), void *arg,
                             struct err *err) must_check;

/* name{label="value",…}, or sum, min, max, avg or count of one; without a function the sum. */
struct prometheus_selector {
	enum { PROMETHEUS_SUM, PROMETHEUS_MIN, PROMETHEUS_MAX, PROMETHEUS_AVG, PROMETHEUS_COUNT } function;
	struct span name;
	struct prometheus_label *labels; /* all of them have to be there, others may */
	size_t labels_n;
};
/* The texts live in `a`. */
enum status prometheus_select(struct span text, struct arena *a, struct prometheus_selector *ret,
                              struct err *err) must_check;

/* Zeroed at first. */
struct prometheus_total {
	double value;
	size_t n;
};
/* Adds the sample if the selector wants it. */
void prometheus_add(const struct prometheus_selector *s, const struct prometheus_sample *sample,
                    struct prometheus_total *t);
/* False when nothing was added and the function needs something. */
bool prometheus_result(const struct prometheus_selector *s, const struct prometheus_total *t, double *ret);

#endif
