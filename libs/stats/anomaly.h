/* Telling when a measured value has left its usual range: robust, with a least effect, and slow to change its mind. */
#ifndef GANNET_STATS_ANOMALY_H
#define GANNET_STATS_ANOMALY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ANOMALY_BASELINE_MAX 2048

/* What has to hold before a window counts as beyond the usual. */
struct anomaly_limits {
	double deviation;     /* above the baseline by this share: 0.2 */
	double least;         /* and by this much, in the value's own unit */
	double sigmas;        /* and by so many robust standard deviations */
	size_t baseline_min;  /* windows that make a baseline */
	int64_t samples_min;  /* samples that make a window */
	unsigned open_after;  /* windows in a row, to open */
	unsigned close_after; /* and to close again */
};
extern const struct anomaly_limits anomaly_limits_default;

/* `error` is the standard error that the value has by itself, 0 when unknown: a rate of few samples for instance. */
struct anomaly_window {
	double value, error;
	int64_t samples;
};

/* Of one watched value; zeroed to begin, kept between windows. */
struct anomaly_state {
	unsigned beyond, calm; /* windows in a row */
	bool open;
};

enum anomaly_change { ANOMALY_SAME, ANOMALY_OPENED, ANOMALY_CLOSED };

struct anomaly_verdict {
	bool judged; /* false: too few samples or too short a baseline, and the state stays as it is */
	bool beyond;
	double baseline, sigma;
	double deviation; /* share above the baseline; negative below */
	double score;     /* robust standard deviations above it */
};

/* `baseline`: values of earlier windows, in any order, the latest ANOMALY_BASELINE_MAX of them. */
enum anomaly_change anomaly_judge(const struct anomaly_limits *l, const double *baseline, size_t n,
                                  const struct anomaly_window *w, struct anomaly_state *s, struct anomaly_verdict *ret);

#endif
