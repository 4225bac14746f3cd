/* Time zones, against the C library's; local times where clocks change. */
#include "core/zone.h"

#include <stdlib.h>
#include <time.h>

#include "core/clock.h"
#include "tests/lib/test.h"

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
	return ms / 1000;
}

TEST(offsets_are_those_of_the_c_library_from_1900_to_2100)
{
	static const char *const names[] = {"UTC",           "Europe/Berlin",       "America/New_York", "America/Sao_Paulo",
	                                    "Asia/Kolkata",  "Australia/Lord_Howe", "Pacific/Apia",     "Africa/Casablanca",
	                                    "Europe/Dublin", "America/Nuuk",        "Asia/Kathmandu",   "Antarctica/Troll"};
	for (size_t i = 0; i < countof(names); i++) {
		struct zone *z = load(names[i]);
		setenv("TZ", names[i], 1);
		tzset();
		for (int64_t s = INT64_C(-2208988800); s < INT64_C(4102444800); s += 40009) {
			struct tm tm;
			time_t t = (time_t)s;
			CHECK(localtime_r(&t, &tm));
			CHECK_MSG(zone_offset_s(z, s) == tm.tm_gmtoff, "%s at %lld: %lld, not %ld", names[i], (long long)s,
			          (long long)zone_offset_s(z, s), tm.tm_gmtoff);
		}
		zone_free(z);
	}
}

TEST(local_times_are_found_once_twice_or_never)
{
	struct zone *berlin = load("Europe/Berlin"), *apia = load("Pacific/Apia");
	int64_t at[2];
	CHECK_INT(zone_from_local(berlin, utc("2026-07-01T12:00:00Z"), at), ZONE_ONCE);
	CHECK_INT(at[0], utc("2026-07-01T10:00:00Z"));
	CHECK_INT(zone_from_local(berlin, utc("2026-03-29T02:30:00Z"), at), ZONE_NEVER);
	CHECK_INT(at[0], utc("2026-03-29T01:00:00Z"));
	CHECK_INT(zone_from_local(berlin, utc("2026-10-25T02:30:00Z"), at), ZONE_TWICE);
	CHECK_INT(at[0], utc("2026-10-25T00:30:00Z"));
	CHECK_INT(at[1], utc("2026-10-25T01:30:00Z"));
	CHECK_INT(zone_from_local(berlin, utc("2026-10-25T03:00:00Z"), at), ZONE_ONCE);
	/* Samoa left out a whole day. */
	CHECK_INT(zone_from_local(apia, utc("2011-12-30T12:00:00Z"), at), ZONE_NEVER);
	CHECK_INT(at[0], utc("2011-12-30T10:00:00Z"));
	zone_free(berlin);
	zone_free(apia);
}

TEST(dates_and_days_are_each_others_inverse)
{
	for (int64_t days = -800000; days < 3000000; days += 7) {
		int64_t year;
		int month, day;
		date_of_days(days, &year, &month, &day);
		CHECK(month >= 1 && month <= 12 && day >= 1 && day <= 31);
		CHECK_INT(date_days(year, month, day), days);
	}
	CHECK_INT(date_days(1970, 1, 1), 0);
	CHECK_INT(date_days(2024, 2, 29), 19782);
}

TEST(names_that_are_no_zones_are_refused)
{
	static const char *const names[] = {"",    "Nowhere/Land", "../../etc/passwd", "/etc/passwd", "Europe//Berlin",
	                                    "a b", "zone.tab"};
	for (size_t i = 0; i < countof(names); i++) {
		struct zone *z;
		struct err err = {0};
		CHECK_MSG(zone_load(names[i], &z, &err) != STATUS_OK && err.msg[0], "'%s' was taken", names[i]);
	}
}
