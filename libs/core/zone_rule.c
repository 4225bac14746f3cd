/* Parsing and applying the TZ rules of POSIX, with the extensions of RFC 8536. */
#include "core/zone_rule.h"

#include "core/zone.h"

#define DAY_S 86400
#define HOURS_MAX 167 /* of a time in a rule */

static bool take(struct span *s, char c)
{
	if (!s->n || s->p[0] != c)
		return false;
	*s = span_of(s->p + 1, s->n - 1);
	return true;
}

static bool is_letter(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool take_name(struct span *s)
{
	size_t n = 0;
	if (take(s, '<')) {
		while (n < s->n && s->p[n] != '>')
			n++;
		*s = span_of(s->p + n, s->n - n);
		return n > 0 && take(s, '>');
	}
	while (n < s->n && is_letter(s->p[n]))
		n++;
	*s = span_of(s->p + n, s->n - n);
	return n >= 3;
}

static bool take_number(struct span *s, int64_t most, int64_t *ret)
{
	size_t n = 0;
	*ret = 0;
	for (; n < s->n && n < 4 && s->p[n] >= '0' && s->p[n] <= '9'; n++)
		*ret = *ret * 10 + s->p[n] - '0';
	*s = span_of(s->p + n, s->n - n);
	return n > 0 && *ret <= most;
}

/* [+-]h[h[h]][:mm[:ss]] */
static bool take_time(struct span *s, int64_t *ret_s)
{
	int64_t hours, minutes = 0, seconds = 0;
	bool negative = take(s, '-');
	if (!negative)
		take(s, '+');
	if (!take_number(s, HOURS_MAX, &hours) || (take(s, ':') && !take_number(s, 59, &minutes)))
		return false;
	if (take(s, ':') && !take_number(s, 59, &seconds))
		return false;
	*ret_s = (hours * 3600 + minutes * 60 + seconds) * (negative ? -1 : 1);
	return true;
}

static bool take_change(struct span *s, struct zone_change *c)
{
	int64_t a, b, d;
	*c = (struct zone_change){.time_s = 7200};
	if (take(s, 'M')) {
		if (!take_number(s, 12, &a) || !take(s, '.') || !take_number(s, 5, &b) || !take(s, '.') ||
		    !take_number(s, 6, &d))
			return false;
		*c = (struct zone_change){CHANGE_MONTH, (int)a, (int)b, (int)d, 7200};
		if (!a || !b)
			return false;
	} else {
		c->kind = take(s, 'J') ? CHANGE_JULIAN : CHANGE_DAY;
		if (!take_number(s, 365, &a) || (c->kind == CHANGE_JULIAN && !a))
			return false;
		c->day = (int)a;
	}
	return !take(s, '/') || take_time(s, &c->time_s);
}

bool zone_rule_parse(struct span s, struct zone_rule *ret)
{
	struct zone_rule r = {0};
	int64_t west;
	if (!take_name(&s) || !take_time(&s, &west))
		return false;
	r.standard_s = -west;
	if (s.n) {
		r.has_summer = true;
		r.summer_s = r.standard_s + 3600;
		if (!take_name(&s))
			return false;
		if (s.n && s.p[0] != ',') {
			if (!take_time(&s, &west))
				return false;
			r.summer_s = -west;
		}
		if (!take(&s, ',') || !take_change(&s, &r.begin) || !take(&s, ',') || !take_change(&s, &r.end))
			return false;
	}
	if (s.n || r.standard_s > DAY_S || r.standard_s < -DAY_S || r.summer_s > DAY_S || r.summer_s < -DAY_S)
		return false;
	*ret = r;
	return true;
}

static bool is_leap(int64_t year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* Local seconds since 1970 of the change in a year. */
static int64_t change_in(const struct zone_change *c, int64_t year)
{
	int64_t day = date_days(year, 1, 1);
	if (c->kind == CHANGE_DAY)
		return (day + c->day) * DAY_S + c->time_s;
	if (c->kind == CHANGE_JULIAN)
		return (day + c->day - 1 + (c->day >= 60 && is_leap(year))) * DAY_S + c->time_s;
	int64_t first = date_days(year, c->month, 1);
	int64_t next = c->month == 12 ? date_days(year + 1, 1, 1) : date_days(year, c->month + 1, 1);
	int64_t weekday = ((first + 4) % 7 + 7) % 7; /* 1970-01-01 was a Thursday */
	day = first + (c->day - weekday + 7) % 7 + (c->week - 1) * 7;
	while (day >= next)
		day -= 7;
	return day * DAY_S + c->time_s;
}

int64_t zone_rule_offset_s(const struct zone_rule *r, int64_t utc_s)
{
	int64_t local_s = utc_s + r->standard_s, year;
	int month, day;
	if (!r->has_summer)
		return r->standard_s;
	date_of_days((local_s >= 0 ? local_s : local_s - DAY_S + 1) / DAY_S, &year, &month, &day);
	/* A change may lie beyond the end of the year that it belongs to. */
	bool summer = false;
	int64_t latest = INT64_MIN;
	for (int64_t y = year - 1; y <= year + 1; y++) {
		int64_t begin = change_in(&r->begin, y) - r->standard_s, end = change_in(&r->end, y) - r->summer_s;
		if (begin <= utc_s && begin > latest) {
			latest = begin;
			summer = true;
		}
		if (end <= utc_s && end > latest) {
			latest = end;
			summer = false;
		}
	}
	return summer ? r->summer_s : r->standard_s;
}
