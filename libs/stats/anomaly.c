/* Judging a window by median and MAD of earlier ones, with hysteresis. */
#include "stats/anomaly.h"

#include <math.h>
#include <string.h>

#include "stats/stats.h"

const struct anomaly_limits anomaly_limits_default = {
    .deviation = 0.2, .sigmas = 5, .baseline_min = 30, .samples_min = 20, .open_after = 3, .close_after = 3};

static void compare(const struct anomaly_limits *l, const double *baseline, size_t n, const struct anomaly_window *w,
                    struct anomaly_verdict *v)
{
	double sorted[ANOMALY_BASELINE_MAX], scratch[ANOMALY_BASELINE_MAX];
	memcpy(sorted, baseline, n * sizeof *sorted);
	v->baseline = stats_median(sorted, n);
	/* A baseline of few windows knows its own spread badly. */
	v->sigma = STATS_MAD_SIGMA * stats_mad(sorted, n, v->baseline, scratch) * (1 + 4 / (double)n);
	v->sigma = hypot(v->sigma, w->error);
	double over = w->value - v->baseline;
	v->deviation = v->baseline > 0 ? over / v->baseline : over > 0 ? INFINITY : 0;
	v->score = v->sigma > 0 ? over / v->sigma : over > 0 ? INFINITY : 0;
	v->beyond = over > 0 && over >= l->least && v->deviation > l->deviation && v->score > l->sigmas;
}

enum anomaly_change anomaly_judge(const struct anomaly_limits *l, const double *baseline, size_t n,
                                  const struct anomaly_window *w, struct anomaly_state *s, struct anomaly_verdict *ret)
{
	struct anomaly_verdict v = {0};
	if (n > ANOMALY_BASELINE_MAX) {
		baseline += n - ANOMALY_BASELINE_MAX;
		n = ANOMALY_BASELINE_MAX;
	}
	v.judged = n && n >= l->baseline_min && w->samples >= l->samples_min;
	if (v.judged) {
		compare(l, baseline, n, w, &v);
		s->beyond = v.beyond ? s->beyond + 1 : 0;
		s->calm = v.beyond ? 0 : s->calm + 1;
	}
	*ret = v;
	if (v.judged && !s->open && s->beyond >= l->open_after) {
		s->open = true;
		return ANOMALY_OPENED;
	}
	if (v.judged && s->open && s->calm >= l->close_after) {
		s->open = false;
		return ANOMALY_CLOSED;
	}
	return ANOMALY_SAME;
}
