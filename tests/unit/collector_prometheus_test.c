/* Prometheus text: what is a sample, what is none, and what selectors make of samples. */
#include <math.h>
#include <stdio.h>

#include "services/collector/prometheus.c"
#include "tests/lib/test.h"

static struct prometheus_sample last;
static size_t samples;

static void on_sample(void *arg, const struct prometheus_sample *s)
{
	(void)arg;
	last = *s;
	samples++;
}

static enum status parse(const char *text, struct err *err)
{
	samples = 0;
	return prometheus_parse(span_from(text), on_sample, NULL, err);
}

TEST(samples_are_found_between_comments_and_empty_lines)
{
	struct err err;
	CHECK_OK(parse("# HELP a b\n# TYPE a counter\n\na 1\n  b 2 \r\nc:d_e{} 3\n# end", &err), err);
	CHECK_INT(samples, 3);
	CHECK_SPAN(last.name, "c:d_e");
	CHECK(last.value == 3);
	CHECK_OK(parse("", &err), err);
	CHECK_INT(samples, 0);
}

TEST(labels_have_escapes_blanks_and_a_last_comma)
{
	struct err err;
	scoped_arena a = {0};
	struct prometheus_sample s;
	CHECK(parse_line(SPAN("m{ a = \"x\\\\y\\\"z\\n\" , b=\"}, \" ,} 4 1700000000000"), &a, &s));
	CHECK_INT(s.labels_n, 2);
	CHECK_SPAN(s.labels[0].value, "x\\y\"z\n");
	CHECK_SPAN(s.labels[1].value, "}, ");
	CHECK(s.value == 4);
	CHECK_OK(parse("m{a=\"\"} 1", &err), err);
}

TEST(numbers_are_read_in_all_their_forms)
{
	static const struct {
		const char *line;
		double value;
	} rows[] = {{"a 1e3", 1000}, {"a -0.5", -0.5}, {"a +2", 2}, {"a .5", 0.5}, {"a 1E-2", 0.01}, {"a +Inf", INFINITY}, {"a -inf", -INFINITY}};
	struct err err;
	for (size_t i = 0; i < countof(rows); i++) {
		CHECK_OK(parse(rows[i].line, &err), err);
		CHECK_MSG(last.value == rows[i].value, "%s is %g", rows[i].line, last.value);
	}
	CHECK_OK(parse("a NaN", &err), err);
	CHECK(isnan(last.value));
}

TEST(a_line_that_is_none_is_named_by_its_number)
{
	static const char *const lines[] = {"1a 1",       "a",        "a b",          "a 1 b",     "a 1 2 3",      "a{b} 1",       "a{b=c} 1",
	                                    "a{b=\"c} 1", "a{=\"\"} 1", "a{b=\"c\"", "a{b=\"c\"d=\"e\"} 1", "a 0x10", "a 1_000", "{a=\"b\"} 1"};
	for (size_t i = 0; i < countof(lines); i++) {
		char text[100];
		struct err err = {0};
		snprintf(text, sizeof text, "fine 1\n%s\nfine 2\n", lines[i]);
		CHECK_MSG(parse(text, &err) == STATUS_INVALID, "%s", lines[i]);
		CHECK_HAS(err.msg, "line 2 is not");
		CHECK_INT(samples, 1);
	}
}

static double total(const char *selector, const char *text, bool *ret_there)
{
	scoped_arena a = {0};
	struct prometheus_selector s;
	struct prometheus_total t = {0};
	struct err err;
	double value = -1;
	CHECK_OK(prometheus_select(span_from(selector), &a, &s, &err), err);
	scoped_buf copy = {0};
	buf_adds(&copy, text);
	struct span rest = buf_span(&copy);
	while (rest.p) {
		struct span line = span_cut(&rest, '\n');
		struct prometheus_sample sample;
		CHECK(parse_line(line, &a, &sample));
		prometheus_add(&s, &sample, &t);
	}
	*ret_there = prometheus_result(&s, &t, &value);
	return value;
}

TEST(selectors_sum_up_the_series_they_name)
{
	static const char text[] = "r{code=\"200\",host=\"a\"} 5\nr{code=\"500\",host=\"a\"} 2\nr{host=\"b\",code=\"500\"} 3\nother 9";
	static const struct {
		const char *selector;
		double value;
	} rows[] = {
	    {"r", 10},  {"sum(r)", 10}, {"r{code=\"500\"}", 5}, {"max( r{ code = \"500\" } )", 3}, {"min(r)", 2}, {"avg(r)", 10 / 3.0},
	    {"count(r{host=\"a\"})", 2}, {"count(none)", 0}, {" other ", 9}, {"r{code=\"500\",host=\"b\"}", 3},
	};
	bool there;
	for (size_t i = 0; i < countof(rows); i++) {
		double value = total(rows[i].selector, text, &there);
		CHECK_MSG(there && value == rows[i].value, "%s is %g", rows[i].selector, value);
	}
	total("r{code=\"404\"}", text, &there);
	CHECK(!there);
}

TEST(one_value_that_is_no_number_spoils_a_total)
{
	bool there;
	CHECK(isnan(total("sum(a)", "a{b=\"1\"} 1\na{b=\"2\"} NaN", &there)));
	CHECK(isnan(total("max(a)", "a{b=\"1\"} 1\na{b=\"2\"} NaN", &there)));
	CHECK(isnan(total("min(a)", "a{b=\"2\"} NaN\na{b=\"1\"} 1", &there)));
}

TEST(a_selector_that_is_none_is_an_error)
{
	static const char *const wrong[] = {"", "a b", "a{", "a{b}", "sum", "sum(", "sum()", "sum(a", "sum(a))", "median(a)", "a{b=\"c\"} 1", "1a"};
	for (size_t i = 0; i < countof(wrong); i++) {
		scoped_arena a = {0};
		struct prometheus_selector s;
		struct err err;
		/* "sum" alone is a series of that name. */
		bool fine = prometheus_select(span_from(wrong[i]), &a, &s, &err) == STATUS_OK;
		CHECK_MSG(fine == (strcmp(wrong[i], "sum") == 0), "%s", wrong[i]);
	}
}
