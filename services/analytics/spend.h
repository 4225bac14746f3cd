/* What a tenant has spent day by day, in its own time zone, and where in the month it is. */
#ifndef GANNET_ANALYTICS_SPEND_H
#define GANNET_ANALYTICS_SPEND_H

#include "query.h"
#include "stats/forecast.h"

#define SPEND_SERVICES_MAX 32 /* providers told apart; what comes behind them is "other" */

struct spend_service {
	struct span name;
	int64_t month_nanousd, week_nanousd, week_before_nanousd; /* weeks: 7 whole days each, up to yesterday */
};

struct spend {
	char month[8];                     /* "2026-11" */
	int64_t month_start_ms, month_end_ms;
	int64_t month_nanousd;             /* up to now */
	double daily[FORECAST_HISTORY_MAX]; /* dollars of whole days, up to yesterday, from the first that cost anything on */
	size_t days;
	unsigned first_weekday; /* of daily[0], 0 is Monday */
	size_t days_left;       /* of the month, today among them */
	double today_left;      /* share of today that is still to come */
	struct spend_service services[SPEND_SERVICES_MAX];
	size_t services_n;
};

/* `minutes_from_ms` as in struct query. */
enum status spend_read(struct store *s, struct span tenant, struct span zone, int64_t now_ms,
                       int64_t minutes_from_ms, struct arena *a, struct spend *ret, struct err *err) must_check;

#endif
