/* Spans: cutting, trimming, comparing, numbers, copies and patterns. */
#include "core/span.h"

#include "tests/lib/test.h"

static const struct span absent;

TEST(an_absent_span_differs_from_an_empty_one_only_in_being_absent)
{
	CHECK(!span_from(NULL).p);
	CHECK(SPAN("").p && SPAN("").n == 0);
	CHECK(span_eq(absent, SPAN("")));
	CHECK(span_starts(absent, SPAN("")) && span_starts(absent, absent) && span_starts(SPAN("a"), absent));
	CHECK(!span_starts(absent, SPAN("a")));
}

TEST(equality_and_prefixes_compare_bytes)
{
	CHECK(span_is(SPAN("abc"), "abc") && !span_is(SPAN("abc"), "abd") && !span_is(SPAN("abc"), "ab"));
	CHECK(span_eq(SPAN("a\0b"), SPAN("a\0b")) && !span_eq(SPAN("a\0b"), SPAN("a\0c")));
	CHECK(span_starts(SPAN("gannet.jobs"), SPAN("gannet.")) && !span_starts(SPAN("gan"), SPAN("gannet")));
}

TEST(cutting_walks_all_parts_and_ends_absent)
{
	struct span rest = SPAN("a..bc.");
	CHECK_SPAN(span_cut(&rest, '.'), "a");
	CHECK_SPAN(span_cut(&rest, '.'), "");
	CHECK_SPAN(span_cut(&rest, '.'), "bc");
	CHECK(rest.p);
	CHECK_SPAN(span_cut(&rest, '.'), "");
	CHECK(!rest.p && !span_cut(&rest, '.').p);
}

TEST(trimming_takes_blanks_off_both_ends)
{
	CHECK_SPAN(span_trim(SPAN(" \t\r\n a b \n")), "a b");
	CHECK_SPAN(span_trim(SPAN(" \n ")), "");
	CHECK(!span_trim(absent).p);
}

TEST(whole_numbers_are_read_exactly_or_not_at_all)
{
	static const struct {
		const char *text;
		int64_t value;
	} good[] = {{"0", 0},
	            {"-0", 0},
	            {"007", 7},
	            {"-1", -1},
	            {"9223372036854775807", INT64_MAX},
	            {"-9223372036854775808", INT64_MIN}};
	for (size_t i = 0; i < countof(good); i++) {
		int64_t v = 42;
		CHECK_MSG(span_i64(span_from(good[i].text), &v) && v == good[i].value, "%s became %lld", good[i].text,
		          (long long)v);
	}
	static const char *const bad[] = {"",
	                                  "-",
	                                  "+1",
	                                  " 1",
	                                  "1 ",
	                                  "1.0",
	                                  "0x1",
	                                  "--1",
	                                  "9223372036854775808",
	                                  "-9223372036854775809",
	                                  "99999999999999999999999"};
	for (size_t i = 0; i < countof(bad); i++) {
		int64_t v = 42;
		CHECK_MSG(!span_i64(span_from(bad[i]), &v) && v == 42, "\"%s\" became %lld", bad[i], (long long)v);
	}
}

TEST(a_copy_fits_whole_or_is_refused)
{
	char out[4] = "zzz";
	CHECK(span_copy(SPAN("abc"), out, sizeof out) && strcmp(out, "abc") == 0);
	CHECK(!span_copy(SPAN("abcd"), out, sizeof out) && out[0] == 0);
	CHECK(span_copy(absent, out, sizeof out) && out[0] == 0);
	CHECK(!span_copy(SPAN(""), out, 0));
}

TEST(a_star_stands_for_any_run)
{
	static const struct {
		const char *text, *pattern;
		bool matches;
	} rows[] = {
	    {"gpt-4o", "gpt-*", true},
	    {"gpt-", "gpt-*", true},
	    {"gpt", "gpt-*", false},
	    {"", "*", true},
	    {"", "", true},
	    {"a", "", false},
	    {"abc", "a*c", true},
	    {"abcb", "a*c", false},
	    {"o1-mini", "o*-mini", true},
	    {"aXbXc", "*X*X*", true},
	    {"aXb", "*X*X*", false},
	    {"a?c", "a?c", true},
	    {"abc", "a?c", false},
	    {"mississippi", "*iss*ippi", true},
	    {"abc", "***", true},
	    {"abc", "abc*", true},
	};
	for (size_t i = 0; i < countof(rows); i++)
		CHECK_MSG(span_glob(span_from(rows[i].text), span_from(rows[i].pattern)) == rows[i].matches,
		          "\"%s\" against \"%s\"", rows[i].text, rows[i].pattern);
	CHECK(span_glob(absent, SPAN("*")) && span_glob(absent, absent));
}

TEST(many_stars_do_not_explode)
{
	char text[4001], pattern[201];
	memset(text, 'a', sizeof text);
	for (size_t i = 0; i < sizeof pattern - 1; i += 2)
		pattern[i] = '*', pattern[i + 1] = 'a';
	pattern[sizeof pattern - 1] = 'b';
	CHECK(!span_glob(span_of(text, sizeof text), span_of(pattern, sizeof pattern)));
}
