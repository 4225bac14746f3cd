/* The performance of models, window by window, against what is usual for them (A9). */
#ifndef GANNET_ANALYTICS_WATCH_H
#define GANNET_ANALYTICS_WATCH_H

#include "analytics.h"

#define WATCH_BASELINE_DAYS 7
#define WATCH_DELAY_MS 120000   /* events of a window may come so late */
#define WATCH_CATCH_UP 96       /* windows that are judged at once at most; older ones are left out */
#define WATCH_MODELS_MAX 1000   /* of all tenants, in one window */
#define WATCH_ERROR_RATE_MIN 0.05

/* Judges all windows that have ended since the last time, into ai_health_metrics and as findings. */
enum status watch_windows(struct analytics *a, struct store *s, int64_t now_ms, bool (*pause)(void *arg), void *arg,
                          struct err *err) must_check;

#endif
