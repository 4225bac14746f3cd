/*
 * What a series of daily costs will come to: a line with weekdays, wild days and changes of regime, mixed with simpler
 * candidates by how well each would have foreseen this history, with an interval.
 */
#ifndef GANNET_STATS_FORECAST_H
#define GANNET_STATS_FORECAST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FORECAST_HISTORY_MAX 182 /* days that count; earlier ones are left out */
#define FORECAST_FIT_MIN 8       /* days that a fit needs */
#define FORECAST_WEEKDAYS_MIN 21 /* days that weekday terms need */
#define FORECAST_HORIZON_MAX 62  /* days */
#define FORECAST_CONFIDENCE 0.95

/*
 * `daily[i]` is the cost of the i-th whole day, with a 0 for a day without any; `first_weekday` 0…6 is that of day 0,
 * counted from any day. The horizon begins with the day after the last; `first_share` 0…1 of that one is wanted (what is
 * left of today), all of the following `days - 1`.
 */
struct forecast_input {
	const double *daily;
	size_t n;
	unsigned first_weekday;
	size_t days;
	double first_share;
};

struct forecast {
	double sum, low, high; /* of the horizon; never below 0 */
	double daily[FORECAST_HORIZON_MAX];
	double level, slope; /* the line's, per day, at the end of the history */
	double slope_t;      /* the slope in its standard errors */
	size_t used;         /* days that the fit stands on */
	size_t outliers;     /* days left out of it */
	size_t since;        /* index of the day the fit begins with: 0, or where a change of regime restarted it */
	bool weekdays;       /* weekday terms were used */
};

/* False with fewer than FORECAST_FIT_MIN days or a horizon that is too long. */
bool forecast_fit(const struct forecast_input *in, struct forecast *ret);

/*
 * Where the last change of regime begins: an index, 0 for none. A change is where two lines explain the values so much
 * better than one that chance would do it once in a hundred series (Andrews' sup-Wald test at 1 %, 15 % trimmed).
 */
size_t forecast_change(const double *values, size_t n);

#endif
