/* Cron expressions: what they match, in zones whose clocks change, and what is refused. */
#include "core/cron.h"

#include <stdlib.h>

#include "core/clock.h"
#include "tests/lib/test.h"

static struct cron parsed(const char *text)
{
	struct cron c;
	struct err err;
	CHECK_OK(cron_parse(span_from(text), &c, &err), err);
	return c;
}

static struct zone *load(const char *name)
{
	struct zone *z = NULL;
	struct err err;
	CHECK_OK(zone_load(name, &z, &err), err);
	return z;
}

static int64_t utc(const char *text)
{
	int64_t ms = 0;
	CHECK_MSG(rfc3339_parse(span_from(text), &ms), "%s", text);
	return ms;
}

/* The moments from `from` on are these, one after the other, and the same backwards. */
static void follow(const char *text, const char *zone, const char *from, const char *const *want)
{
	struct cron c = parsed(text);
	struct zone *z = load(zone);
	char shown[RFC3339_BYTES];
	int64_t at = utc(from);
	for (size_t i = 0; want[i]; i++) {
		int64_t before = at;
		at = cron_next(&c, z, at);
		CHECK_MSG(at == utc(want[i]), "%s in %s: %s, not %s", text, zone, rfc3339_format(at, shown), want[i]);
		CHECK_INT(cron_last(&c, z, at), at);
		CHECK_MSG(cron_last(&c, z, at - 1) <= before || i, "%s: something between", text);
		if (i)
			CHECK_INT(cron_last(&c, z, at - 1), before);
	}
	zone_free(z);
}
#define FOLLOW(text, zone, from, ...) follow(text, zone, from, (const char *const[]){__VA_ARGS__, NULL})

TEST(expressions_match_as_in_cron)
{
	FOLLOW("0 9 * * 1", "UTC", "2026-01-01T00:00:00Z", "2026-01-05T09:00:00Z", "2026-01-12T09:00:00Z");
	FOLLOW("0 2 * * *", "UTC", "2026-01-01T02:00:00Z", "2026-01-02T02:00:00Z", "2026-01-03T02:00:00Z");
	FOLLOW("*/15 8-9 * jan,feb mon-fri", "UTC", "2026-01-02T09:30:00Z", "2026-01-02T09:45:00Z", "2026-01-05T08:00:00Z");
	FOLLOW("0 0 13 * 5", "UTC", "2026-02-01T00:00:00Z", "2026-02-06T00:00:00Z", "2026-02-13T00:00:00Z",
	       "2026-02-20T00:00:00Z", "2026-02-27T00:00:00Z", "2026-03-06T00:00:00Z", "2026-03-13T00:00:00Z");
	FOLLOW("0 0 29 2 *", "UTC", "2096-03-01T00:00:00Z", "2104-02-29T00:00:00Z");
	FOLLOW("30 4 1,31 * *", "UTC", "2026-01-01T05:00:00Z", "2026-01-31T04:30:00Z", "2026-02-01T04:30:00Z");
	FOLLOW("5/20 * * * *", "UTC", "2026-01-01T00:00:00Z", "2026-01-01T00:05:00Z", "2026-01-01T00:25:00Z");
	FOLLOW("0 12 * * 7", "UTC", "2026-01-01T00:00:00Z", "2026-01-04T12:00:00Z");
	FOLLOW("@weekly", "UTC", "2026-01-01T00:00:00Z", "2026-01-04T00:00:00Z");
	FOLLOW("*/20 * * * * *", "UTC", "2026-01-01T00:00:15Z", "2026-01-01T00:00:20Z", "2026-01-01T00:00:40Z",
	       "2026-01-01T00:01:00Z");
}

TEST(a_time_that_is_left_out_comes_once_right_after)
{
	FOLLOW("30 2 * * *", "Europe/Berlin", "2026-03-28T00:00:00Z", "2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z",
	       "2026-03-30T00:30:00Z");
	FOLLOW("0 0 30 12 *", "Pacific/Apia", "2011-12-01T00:00:00Z", "2011-12-30T10:00:00Z");
	/* Four quarters that are not there, and the first that is: one moment. */
	FOLLOW("*/15 * * * *", "Europe/Berlin", "2026-03-29T00:30:00Z", "2026-03-29T00:45:00Z", "2026-03-29T01:00:00Z",
	       "2026-03-29T01:15:00Z");
}

TEST(a_time_that_comes_twice_counts_once_unless_it_is_of_every_hour)
{
	FOLLOW("30 2 * * *", "Europe/Berlin", "2026-10-24T00:00:00Z", "2026-10-24T00:30:00Z", "2026-10-25T00:30:00Z",
	       "2026-10-26T01:30:00Z");
	FOLLOW("*/30 * * * *", "Europe/Berlin", "2026-10-24T23:45:00Z", "2026-10-25T00:00:00Z", "2026-10-25T00:30:00Z",
	       "2026-10-25T01:00:00Z", "2026-10-25T01:30:00Z", "2026-10-25T02:00:00Z");
	FOLLOW("0 1,2 1 11 *", "America/New_York", "2026-10-30T00:00:00Z", "2026-11-01T05:00:00Z", "2026-11-01T07:00:00Z");
	/* Half an hour only. */
	FOLLOW("45 1 * * *", "Australia/Lord_Howe", "2026-04-04T00:00:00Z", "2026-04-04T14:45:00Z", "2026-04-05T15:15:00Z");
}

/* What matches is told minute by minute: every moment whose local time matches, and the ends of gaps. */
TEST(next_and_last_agree_with_looking_at_every_minute)
{
	static const char *const zones[] = {"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC"};
	static const char *const texts[] = {"*/7 * * * *", "30 2 * * *", "15 */2 * * *", "0 3 * * *", "59 1,2,3 * * *"};
	static const int64_t middles[] = {INT64_C(1774746000), INT64_C(1792890000), INT64_C(1775314800),
	                                  INT64_C(1793512800)};
	for (size_t i = 0; i < countof(zones) * countof(texts) * countof(middles); i++) {
		struct zone *z = load(zones[i % countof(zones)]);
		struct cron c = parsed(texts[i / countof(zones) % countof(texts)]);
		int64_t middle = middles[i / countof(zones) / countof(texts)], last = INT64_MIN;
		for (int64_t s = middle - 90000; s < middle + 90000; s += 60) {
			int64_t local = s + zone_offset_s(z, s), at[2], of_day = (local % 86400 + 86400) % 86400;
			bool first = zone_from_local(z, local, at) != ZONE_TWICE || at[0] == s || c.every_hour;
			bool hit = first && c.hours >> (of_day / 3600) & 1 && c.minutes >> (of_day / 60 % 60) & 1;
			int64_t shift = zone_offset_s(z, s) - zone_offset_s(z, s - 1);
			for (int64_t gone = local - shift; gone < local; gone += 60) {
				int64_t t = (gone % 86400 + 86400) % 86400;
				hit |= c.hours >> (t / 3600) & 1 && c.minutes >> (t / 60 % 60) & 1;
			}
			if (hit) {
				last = s;
				CHECK_MSG(cron_next(&c, z, s * 1000 - 1) == s * 1000, "%s in %s misses %lld",
				          texts[i / countof(zones) % countof(texts)], zones[i % countof(zones)], (long long)s);
			}
			if (last != INT64_MIN)
				CHECK_MSG(cron_last(&c, z, s * 1000 + 59999) == last * 1000, "%s in %s: last of %lld is %lld, not %lld",
				          texts[i / countof(zones) % countof(texts)], zones[i % countof(zones)], (long long)s,
				          (long long)cron_last(&c, z, s * 1000 + 59999) / 1000, (long long)last);
		}
		zone_free(z);
	}
}

TEST(what_is_no_expression_is_refused_with_what_is_allowed)
{
	static const struct {
		const char *text, *part;
	} rows[] = {
	    {"", "minute hour day"},
	    {"* * * *", "minute hour day"},
	    {"60 * * * *", "no minute"},
	    {"* 24 * * *", "no hour"},
	    {"* * 0 * *", "no day"},
	    {"* * * 13 *", "no month"},
	    {"* * * * 8", "no weekday"},
	    {"*/0 * * * *", "no minute"},
	    {"5-1 * * * *", "no minute"},
	    {"a * * * *", "no minute"},
	    {"0 0 30 2 *", "never comes true"},
	    {"1,,2 * * * *", "no minute"},
	    {"* * * * * * *", "minute hour"},
	    {"@never", "minute hour"},
	    {"-1 * * * *", "no minute"},
	};
	for (size_t i = 0; i < countof(rows); i++) {
		struct cron c;
		struct err err = {0};
		CHECK_MSG(cron_parse(span_from(rows[i].text), &c, &err) == STATUS_INVALID, "'%s' was taken", rows[i].text);
		CHECK_HAS(err.msg, rows[i].part);
	}
}
