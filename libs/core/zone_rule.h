/* The rule behind a zone's last transition, as POSIX writes it in TZ; for the files of this library only. */
#ifndef GANNET_CORE_ZONE_RULE_H
#define GANNET_CORE_ZONE_RULE_H

#include "core/span.h"

/* When in a year clocks are set, in local time before the change. */
struct zone_change {
	enum { CHANGE_MONTH /* M3.5.0 */, CHANGE_JULIAN /* J60, without February 29 */, CHANGE_DAY /* 59, with it */ } kind;
	int month, week, day;
	int64_t time_s; /* of that day; may lie outside of it */
};

struct zone_rule {
	int64_t standard_s, summer_s; /* east of UTC */
	bool has_summer;
	struct zone_change begin, end;
};

/* "CET-1CEST,M3.5.0,M10.5.0/3", "<+03>-3"; false when it is none. */
bool zone_rule_parse(struct span text, struct zone_rule *ret);
int64_t zone_rule_offset_s(const struct zone_rule *r, int64_t utc_s);

#endif
