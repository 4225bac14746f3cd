/* Taking snapshots: gathered, composed, published and kept as the last one. */
#ifndef GANNET_COLLECTOR_PUBLISH_H
#define GANNET_COLLECTOR_PUBLISH_H

#include "services/collector/collector.h"

/* A turn: one snapshot of each tenant, the same one however often the turn is begun. */
enum status snapshot_turn(struct collector *c, const struct schedule_turn *t, struct err *err) must_check;
/* One of a tenant, now; its JSON is added to `out`. NOT_FOUND for a tenant without sources. */
enum status snapshot_take(struct collector *c, struct span tenant, struct buf *out, struct err *err) must_check;
/* The last one of a tenant; NOT_FOUND before the first. */
enum status snapshot_last(struct collector *c, struct span tenant, struct buf *out, struct err *err) must_check;

#endif
