/* The summary of a week, as an entry like others. */
#ifndef GANNET_NOTIFIER_WEEKLY_H
#define GANNET_NOTIFIER_WEEKLY_H

#include "entry.h"

#define WEEKLY_LATE_MS (24ll * 3600 * 1000) /* so late it is still made up for */

/* The last Monday, 09:00 UTC, at or before `now_ms` (A11). */
int64_t weekly_turn_ms(int64_t now_ms);
/*
 * Appends one entry a tenant to the `n` entries while the turn is at most WEEKLY_LATE_MS old and the target wants
 * summaries; returns the new count. Its key names tenant and date, so that it is told once. Reads the week's findings
 * from their stream when it was not told yet, which blocks for up to some seconds.
 */
size_t weekly_entries(struct bus *bus, struct board *b, const struct target *t, int64_t now_ms, struct arena *a,
                      struct entry **entries, size_t n);

#endif
