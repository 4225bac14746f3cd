/* Snapshots, reasonings and plans for reading. */
#ifndef GANNET_CLI_HEALTH_H
#define GANNET_CLI_HEALTH_H

#include "json/json.h"
#include "services/cli/grid.h"

/* The style of a health or of an urgency: excellent green, critical red … */
enum style health_style(struct span name);

void snapshot_print(struct json snapshot, struct arena *a, struct buf *out, size_t width, bool colour);
/* Health, score and its explanation, insights, concerns, recommendations, and the plan in short. */
void reasoning_print(struct json reasoning, struct arena *a, struct buf *out, size_t width, bool colour);
/* Steps, and what became of those that were approved: `actions` is an actions.list.reply. */
void plan_print(struct json plan, struct json actions, struct arena *a, struct buf *out, size_t width, bool colour);

#endif
