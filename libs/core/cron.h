/* Cron expressions in a time zone: which moments they name. */
#ifndef GANNET_CORE_CRON_H
#define GANNET_CORE_CRON_H

#include "core/zone.h"

#define CRON_TEXT_MAX 128

/* A parsed expression; bit n of a set means that n is in it. */
struct cron {
	uint64_t seconds, minutes;
	uint32_t hours, days, months, weekdays; /* weekdays: 0 is Sunday */
	bool any_day, any_weekday, every_hour;
};

/*
 * "minute hour day month weekday" with lists, ranges, steps and English names (mon, jan); 7 is Sunday too. When both day
 * and weekday are limited, either suffices, as in cron(8). A sixth field in front is the second. @hourly, @daily,
 * @weekly, @monthly and @yearly stand for what they say. An expression that never comes true (February 30) is an error.
 */
enum status cron_parse(struct span text, struct cron *ret, struct err *err) must_check;

/*
 * The first moment after `after_ms`, and the last one at or before `at_ms`; INT64_MAX when there is none within eight
 * years. A local time that does not exist because clocks are set forward comes true once, when they are; one that
 * comes twice because they are set back counts once, the first time. Only expressions for every hour (`*`) name a moment
 * in each of the two hours.
 */
int64_t cron_next(const struct cron *c, const struct zone *z, int64_t after_ms);
int64_t cron_last(const struct cron *c, const struct zone *z, int64_t at_ms);

#endif
