/* From what was spent to what the month will come to, and what to do about it (A3). Pure. */
#ifndef GANNET_ANALYTICS_PROJECTION_H
#define GANNET_ANALYTICS_PROJECTION_H

#include "spend.h"

#define DEVIATION_ALERT 0.20 /* over the budget */

struct projection {
	const char *method; /* regression, run_rate */
	const char *trend;  /* increasing, decreasing, stable */
	double current, projected, low, high; /* dollars */
	struct opt_f64 budget, deviation_percent;
	bool over;    /* even the low end of the interval lies more than DEVIATION_ALERT over the budget */
	bool may_be_over;
	struct forecast fit; /* of regression */
};

/*
 * With fewer than FORECAST_FIT_MIN whole days the month goes on as the average day so far; the interval then begins at what
 * is spent already, which is certain.
 */
void projection_make(const struct spend *s, struct opt_i64 budget_nanousd, struct projection *ret);
/* One sentence. */
struct span projection_recommendation(const struct spend *s, const struct projection *p, struct arena *a);
/* [{"type", "service", "reason"}]: services whose last week cost a quarter more than the one before, and the biggest when
 * the budget is in danger. */
struct json projection_actions(const struct spend *s, const struct projection *p, struct arena *a);
/* [{"service", "current_spend", "share_percent"}] of the month, the biggest first. */
struct json projection_services(const struct spend *s, struct arena *a);

#endif
