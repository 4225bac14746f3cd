/* Parsing cron expressions, and walking the local times they match. */
#include "core/cron.h"

#include <stdio.h>

#define DAY_S 86400
#define NEAR_S (2 * DAY_S)
#define SEARCH_DAYS (8 * 366 + 8) /* from one February 29 over a year like 2100 to the next */

static const char *const month_names[] = {"jan", "feb", "mar", "apr", "may", "jun", "jul",
                                          "aug", "sep", "oct", "nov", "dec", NULL};
static const char *const weekday_names[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat", NULL};

static const struct part {
	const char *name;
	int low, high;
	const char *const *names; /* the first one stands for `low` */
} parts[] = {
    {"second", 0, 59, NULL}, {"minute", 0, 59, NULL},       {"hour", 0, 23, NULL},
    {"day", 1, 31, NULL},    {"month", 1, 12, month_names}, {"weekday", 0, 7, weekday_names},
};

/* ---- parsing */

static bool same_word(struct span s, const char *word)
{
	if (s.n != strlen(word))
		return false;
	for (size_t i = 0; i < s.n; i++)
		if ((s.p[i] | 0x20) != word[i])
			return false;
	return true;
}

static bool value_of(const struct part *p, struct span s, int *ret)
{
	int64_t v;
	for (int i = 0; p->names && p->names[i]; i++) {
		if (same_word(s, p->names[i])) {
			*ret = p->low + i;
			return true;
		}
	}
	if (!span_i64(s, &v) || v < p->low || v > p->high || s.p[0] == '+' || s.p[0] == '-')
		return false;
	*ret = (int)v;
	return true;
}

/* One of a list: *, a, a-b, each with /step. */
static bool add_item(const struct part *p, struct span item, uint64_t *set)
{
	int low = p->low, high = p->high;
	int64_t step = 1;
	struct span rest = item, range = span_cut(&rest, '/');
	if (rest.p && (!span_i64(rest, &step) || step < 1 || step > p->high || rest.p[0] == '+'))
		return false;
	if (!span_is(range, "*")) {
		struct span to = range, from = span_cut(&to, '-');
		if (!value_of(p, from, &low))
			return false;
		high = rest.p ? p->high : low; /* 5/10 goes on to the end */
		if (to.p && (!value_of(p, to, &high) || high < low))
			return false;
	}
	for (int64_t v = low; v <= high; v += step)
		*set |= 1ull << v;
	return true;
}

static enum status read_part(const struct part *p, struct span text, uint64_t *ret, struct err *err)
{
	*ret = 0;
	for (struct span rest = text; rest.p;) {
		struct span item = span_cut(&rest, ',');
		if (!add_item(p, item, ret))
			return err_set(err, STATUS_INVALID,
			               "'%.*s' is no %s of a cron expression: *, %d to %d, lists, ranges a-b, steps /n",
			               (int)(item.n < 40 ? item.n : 40), item.p ? item.p : "", p->name, p->low,
			               p->names == weekday_names ? 7 : p->high);
	}
	return STATUS_OK;
}

static struct span nickname(struct span text)
{
	static const struct {
		const char *name, *means;
	} all[] = {{"@hourly", "0 * * * *"},  {"@daily", "0 0 * * *"},   {"@midnight", "0 0 * * *"},
	           {"@weekly", "0 0 * * 0"},  {"@monthly", "0 0 1 * *"}, {"@yearly", "0 0 1 1 *"},
	           {"@annually", "0 0 1 1 *"}};
	for (size_t i = 0; i < countof(all); i++)
		if (span_is(text, all[i].name))
			return span_from(all[i].means);
	return text;
}

static size_t split(struct span text, struct span fields[6])
{
	size_t n = 0;
	for (size_t i = 0; i < text.n;) {
		size_t from = i;
		while (i < text.n && text.p[i] != ' ' && text.p[i] != '\t')
			i++;
		if (i > from && n == 6)
			return 7;
		if (i > from)
			fields[n++] = span_of(text.p + from, i - from);
		while (i < text.n && (text.p[i] == ' ' || text.p[i] == '\t'))
			i++;
	}
	return n;
}

static int64_t local_next(const struct cron *c, int64_t local_s);

enum status cron_parse(struct span text, struct cron *ret, struct err *err)
{
	struct span fields[6];
	uint64_t sets[6] = {1};
	if (text.n > CRON_TEXT_MAX)
		return err_set(err, STATUS_INVALID, "a cron expression has at most %d characters", CRON_TEXT_MAX);
	struct span meant = nickname(span_trim(text));
	size_t n = split(meant, fields);
	if (n != 5 && n != 6)
		return err_set(err, STATUS_INVALID,
		               "'%.*s' is no cron expression: minute hour day month weekday, or @daily and the like",
		               SPAN_ARG(text));
	for (size_t i = 0; i < n; i++)
		if (read_part(&parts[i + 6 - n], fields[i], &sets[i + 6 - n], err) != STATUS_OK)
			return err->status;
	struct cron c = {sets[0], sets[1], (uint32_t)sets[2], (uint32_t)sets[3], (uint32_t)sets[4], (uint32_t)sets[5]};
	c.weekdays = (c.weekdays | c.weekdays >> 7) & 127;
	c.any_day = fields[n - 3].p[0] == '*';
	c.any_weekday = fields[n - 1].p[0] == '*';
	c.every_hour = c.hours == (1u << 24) - 1;
	if (local_next(&c, 0) == INT64_MAX)
		return err_set(err, STATUS_INVALID, "'%.*s' never comes true: there is no such day", SPAN_ARG(text));
	*ret = c;
	return STATUS_OK;
}

/* ---- local times */

static bool day_matches(const struct cron *c, int64_t days)
{
	int64_t year;
	int month, day, weekday = (int)(((days + 4) % 7 + 7) % 7);
	date_of_days(days, &year, &month, &day);
	bool by_day = c->days >> day & 1, by_weekday = c->weekdays >> weekday & 1;
	if (!(c->months >> month & 1))
		return false;
	return c->any_day || c->any_weekday ? by_day && by_weekday : by_day || by_weekday;
}

/* The first second of a day that matches, at or after `from`; -1 when there is none. */
static int64_t time_next(const struct cron *c, int64_t from)
{
	for (int64_t h = from / 3600; h < 24; h++) {
		if (!(c->hours >> h & 1))
			continue;
		for (int64_t m = h == from / 3600 ? from / 60 % 60 : 0; m < 60; m++) {
			if (!(c->minutes >> m & 1))
				continue;
			int64_t s = h * 60 + m == from / 60 ? from % 60 : 0;
			while (s < 60 && !(c->seconds >> s & 1))
				s++;
			if (s < 60)
				return h * 3600 + m * 60 + s;
		}
	}
	return -1;
}

/* The last one at or before `from`. */
static int64_t time_last(const struct cron *c, int64_t from)
{
	for (int64_t h = from / 3600; h >= 0; h--) {
		if (!(c->hours >> h & 1))
			continue;
		for (int64_t m = h == from / 3600 ? from / 60 % 60 : 59; m >= 0; m--) {
			if (!(c->minutes >> m & 1))
				continue;
			int64_t s = h * 60 + m == from / 60 ? from % 60 : 59;
			while (s >= 0 && !(c->seconds >> s & 1))
				s--;
			if (s >= 0)
				return h * 3600 + m * 60 + s;
		}
	}
	return -1;
}

static int64_t day_of(int64_t local_s)
{
	return (local_s >= 0 ? local_s : local_s - DAY_S + 1) / DAY_S;
}

static int64_t local_next(const struct cron *c, int64_t local_s)
{
	int64_t day = day_of(local_s), from = local_s - day * DAY_S;
	for (int i = 0; i < SEARCH_DAYS; i++, day++, from = 0) {
		int64_t at = day_matches(c, day) ? time_next(c, from) : -1;
		if (at >= 0)
			return day * DAY_S + at;
	}
	return INT64_MAX;
}

static int64_t local_last(const struct cron *c, int64_t local_s)
{
	int64_t day = day_of(local_s), from = local_s - day * DAY_S;
	for (int i = 0; i < SEARCH_DAYS; i++, day--, from = DAY_S - 1) {
		int64_t at = day_matches(c, day) ? time_last(c, from) : -1;
		if (at >= 0)
			return day * DAY_S + at;
	}
	return INT64_MAX;
}

/* ---- moments */

static size_t moments(const struct cron *c, const struct zone *z, int64_t local_s, int64_t ret[2])
{
	return zone_from_local(z, local_s, ret) == ZONE_TWICE && c->every_hour ? 2 : 1;
}

struct offsets {
	int64_t least, most;
};

static struct offsets offsets_near(const struct zone *z, int64_t utc_s)
{
	int64_t before = zone_offset_s(z, utc_s - NEAR_S), after = zone_offset_s(z, utc_s + NEAR_S);
	return before < after ? (struct offsets){before, after} : (struct offsets){after, before};
}

static int64_t floor_s(int64_t ms)
{
	return (ms >= 0 ? ms : ms - 999) / 1000;
}

/* Clocks that are set back make local times come in another order than moments: all that could be earlier is looked at. */
int64_t cron_next(const struct cron *c, const struct zone *z, int64_t after_ms)
{
	int64_t after_s = floor_s(after_ms), best = INT64_MAX, at[2];
	struct offsets o = offsets_near(z, after_s);
	int64_t local = local_next(c, after_s + o.least);
	while (local != INT64_MAX) {
		struct offsets here = offsets_near(z, local);
		if (best != INT64_MAX && local - here.most >= best)
			break;
		size_t n = moments(c, z, local, at);
		for (size_t i = 0; i < n; i++)
			if (at[i] > after_s && at[i] < best)
				best = at[i];
		local = local_next(c, local + 1);
	}
	return best == INT64_MAX ? best : best * 1000;
}

int64_t cron_last(const struct cron *c, const struct zone *z, int64_t at_ms)
{
	int64_t now_s = floor_s(at_ms), best = INT64_MIN, at[2];
	struct offsets o = offsets_near(z, now_s);
	int64_t local = local_last(c, now_s + o.most);
	while (local != INT64_MAX) {
		struct offsets here = offsets_near(z, local);
		if (best != INT64_MIN && local - here.least <= best)
			break;
		size_t n = moments(c, z, local, at);
		for (size_t i = 0; i < n; i++)
			if (at[i] <= now_s && at[i] > best)
				best = at[i];
		local = local_last(c, local - 1);
	}
	return best == INT64_MIN ? INT64_MAX : best * 1000;
}
