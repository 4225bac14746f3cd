/* Numbers as people read them: money, durations, counts, moments. */
#ifndef GANNET_CLI_SHOW_H
#define GANNET_CLI_SHOW_H

#include "core/buf.h"

void show_cost(struct buf *out, int64_t nanousd);                /* "$0.000125", exact, at least two decimals */
void show_duration(struct buf *out, int64_t ms);                 /* "7 ms", "1.42 s", "3m 05s", "2h 10m", "4d 3h" */
void show_count(struct buf *out, int64_t n);                     /* "1,234,567" */
void show_time(struct buf *out, int64_t wall_ms);                /* "2026-01-31 09:00:05", local */
void show_clock(struct buf *out, int64_t wall_ms);               /* "09:00:05", local */
void show_age(struct buf *out, int64_t wall_ms, int64_t now_ms); /* "12s", "5m", "3h", "2d" */

#endif
