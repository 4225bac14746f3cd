/* Clocks and RFC 3339, against the C library's calendar. */
#include "core/clock.h"

#include <stdio.h>
#include <time.h>

#include "tests/lib/test.h"

TEST(moments_print_as_the_calendar_says_and_come_back)
{
	/* Steps of a prime number of ms from year 0 to 9999 meet all months, leap years and times of day. */
	for (int64_t ms = INT64_C(-62167219200000); ms <= INT64_C(253402300799999); ms += INT64_C(8640000037)) {
		char got[RFC3339_BYTES], want[64];
		int64_t back = 0, fraction = ((ms % 1000) + 1000) % 1000;
		time_t seconds = (time_t)((ms - fraction) / 1000);
		struct tm tm;
		CHECK(gmtime_r(&seconds, &tm));
		snprintf(want, sizeof want, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
		         tm.tm_hour, tm.tm_min, tm.tm_sec, (int)fraction);
		CHECK_SPAN(span_from(rfc3339_format(ms, got)), want);
		CHECK_MSG(rfc3339_parse(span_from(got), &back) && back == ms, "%s came back as %lld", got, (long long)back);
	}
}

TEST(moments_outside_four_digit_years_print_as_the_nearest_end)
{
	char got[RFC3339_BYTES];
	CHECK_SPAN(span_from(rfc3339_format(INT64_MAX, got)), "9999-12-31T23:59:59.999Z");
	CHECK_SPAN(span_from(rfc3339_format(INT64_C(253402300800000), got)), "9999-12-31T23:59:59.999Z");
	CHECK_SPAN(span_from(rfc3339_format(INT64_C(-62167219200001), got)), "0000-01-01T00:00:00.000Z");
	CHECK_SPAN(span_from(rfc3339_format(INT64_MIN, got)), "0000-01-01T00:00:00.000Z");
}

TEST(all_forms_of_rfc_3339_are_read)
{
	static const struct {
		const char *text;
		int64_t ms;
	} rows[] = {
	    {"1970-01-01T00:00:00Z", 0},
	    {"1970-01-01t00:00:00z", 0},
	    {"1970-01-01 00:00:00Z", 0},
	    {"1970-01-01T00:00:00.1Z", 100},
	    {"1970-01-01T00:00:00.0019Z", 1},
	    {"1970-01-01T00:00:00.123456789Z", 123},
	    {"1970-01-01T02:30:00+02:30", 0},
	    {"1969-12-31T23:00:00.250-01:00", 250},
	    {"2024-02-29T12:00:00Z", INT64_C(1709208000000)},
	    {"2000-02-29T00:00:00Z", INT64_C(951782400000)},
	    {"1990-12-31T23:59:60Z", INT64_C(662687999999)},
	};
	for (size_t i = 0; i < countof(rows); i++) {
		int64_t ms = -1;
		CHECK_MSG(rfc3339_parse(span_from(rows[i].text), &ms) && ms == rows[i].ms, "%s became %lld", rows[i].text,
		          (long long)ms);
	}
}

TEST(what_is_no_moment_is_refused)
{
	static const char *const rows[] = {
	    "",
	    "2024-01-01",
	    "2024-01-01T00:00:00",
	    "2024-01-01T00:00:00.Z",
	    "2024-01-01T00:00:00.",
	    "2024-01-01T00:00:00.1",
	    "2024-01-01T00:00:00,1Z",
	    "2023-02-29T00:00:00Z",
	    "1900-02-29T00:00:00Z",
	    "2024-04-31T00:00:00Z",
	    "2024-00-10T00:00:00Z",
	    "2024-13-10T00:00:00Z",
	    "2024-01-00T00:00:00Z",
	    "2024-01-01T24:00:00Z",
	    "2024-01-01T00:60:00Z",
	    "2024-01-01T00:00:61Z",
	    "2024-01-01T00:00:00+24:00",
	    "2024-01-01T00:00:00+01:60",
	    "2024-01-01T00:00:00+0100",
	    "2024-01-01T00:00:00+01:0",
	    "2024-01-01T00:00:00Zjunk",
	    " 2024-01-01T00:00:00Z",
	    "24-01-01T00:00:00.000Z",
	    "2024/01/01T00:00:00Z",
	    "2024-01-01T0a:00:00Z",
	};
	for (size_t i = 0; i < countof(rows); i++) {
		int64_t ms = 42;
		CHECK_MSG(!rfc3339_parse(span_from(rows[i]), &ms) && ms == 42, "\"%s\" became %lld", rows[i], (long long)ms);
	}
	CHECK(!rfc3339_parse((struct span){0}, &(int64_t){0}));
}

TEST(the_system_clock_is_the_systems)
{
	int64_t wall_s = clock_wall_ms(&clock_system) / 1000, mono_ns = clock_mono_ns(&clock_system);
	CHECK(time(NULL) - wall_s >= 0 && time(NULL) - wall_s < 5);
	CHECK(clock_mono_ns(&clock_system) >= mono_ns);
	CHECK(clock_mono_ms(&clock_system) >= mono_ns / 1000000);
}

static void write_ms(const char *path, int64_t ms)
{
	FILE *f = fopen(path, "r+be");
	CHECK(f && fwrite(&ms, sizeof ms, 1, f) == 1 && fclose(f) == 0);
}

TEST(moved_clock_follows_its_file_and_only_by_the_wall)
{
	char path[512];
	const struct clock *moved;
	struct err err;
	snprintf(path, sizeof path, "%s/clock", test_dir());
	CHECK_STATUS(clock_open_moved(path, &moved, &err), STATUS_INVALID);
	CHECK_HAS(err.msg, path);
	FILE *f = fopen(path, "we");
	CHECK(f && fputs("1234567", f) >= 0 && fclose(f) == 0);
	CHECK_STATUS(clock_open_moved(path, &moved, &err), STATUS_INVALID);
	CHECK_HAS(err.msg, "eight bytes");
	f = fopen(path, "we");
	CHECK(f && fputs("12345678", f) >= 0 && fclose(f) == 0);
	CHECK_OK(clock_open_moved(path, &moved, &err), err);
	static const int64_t jumps[] = {0, 600000, -600000, 0};
	for (size_t i = 0; i < countof(jumps); i++) {
		write_ms(path, jumps[i]);
		int64_t before = clock_wall_ms(&clock_system), got = clock_wall_ms(moved) - jumps[i], after = clock_wall_ms(&clock_system);
		CHECK(before <= got && got <= after);
		int64_t from = clock_mono_ns(&clock_system), mono = clock_mono_ns(moved), to = clock_mono_ns(&clock_system);
		CHECK(from <= mono && mono <= to);
	}
}
