/* Terminal text of the gannet command: widths, cutting, wrapping, tables, numbers. */
#include "tests/lib/test.h"

#include "services/cli/grid.c"
#include "services/cli/show.c"
#include "services/cli/term.c"
#include "services/cli/text.c"

static const char *fitted(const char *text, size_t columns, enum align align)
{
	static struct buf out;
	text_init();
	buf_reset(&out);
	buf_add(&out, "", 0);
	text_fit(&out, span_from(text), columns, align);
	return out.data;
}

static const char *wrapped(const char *text, size_t columns, size_t indent)
{
	static struct buf out;
	text_init();
	buf_reset(&out);
	buf_add(&out, "", 0);
	text_wrap(&out, span_from(text), columns, indent);
	return out.data;
}

static const char *shown(void (*show)(struct buf *out, int64_t v), int64_t v)
{
	static struct buf out;
	buf_reset(&out);
	show(&out, v);
	return out.data;
}

TEST(text_is_padded_or_cut_to_its_column)
{
	CHECK_SPAN(span_from(fitted("abc", 5, ALIGN_LEFT)), "abc  ");
	CHECK_SPAN(span_from(fitted("abc", 5, ALIGN_RIGHT)), "  abc");
	CHECK_SPAN(span_from(fitted("abcdef", 4, ALIGN_LEFT)), "abc…");
	CHECK_SPAN(span_from(fitted("abcd", 4, ALIGN_LEFT)), "abcd");
	CHECK_SPAN(span_from(fitted("abcd", 0, ALIGN_LEFT)), "");
}

TEST(wide_and_combining_characters_count_by_their_columns)
{
	text_init();
	CHECK_INT(text_width(SPAN("日本")), 4);
	CHECK_INT(text_width(SPAN("e\u0301")), 1);
	CHECK_SPAN(span_from(fitted("日本語", 5, ALIGN_LEFT)), "日本…");
	CHECK_SPAN(span_from(fitted("日本語", 4, ALIGN_LEFT)), "日… ");
}

TEST(text_cannot_command_the_terminal)
{
	CHECK_SPAN(span_from(fitted("a\x1b[31mb", 7, ALIGN_LEFT)), "a\uFFFD[31mb");
	CHECK_SPAN(span_from(fitted("a\nb\tc", 5, ALIGN_LEFT)), "a b c");
	CHECK_SPAN(span_from(fitted("\xff\xfe", 2, ALIGN_LEFT)), "\uFFFD\uFFFD");
	CHECK_SPAN(span_from(fitted("\xc2\x9b", 1, ALIGN_LEFT)), "\uFFFD"); /* CSI as one C1 character */
	scoped_buf out = {0};
	text_clean(&out, SPAN("line\r\n\tnext\x07"));
	CHECK_SPAN(buf_span(&out), "line\uFFFD\n\tnext\uFFFD");
}

TEST(paragraphs_wrap_at_spaces_and_stay_in_their_column)
{
	CHECK_SPAN(span_from(wrapped("one two three four", 12, 2)), "one two\n  three four");
	CHECK_SPAN(span_from(wrapped("one\n\ntwo", 20, 2)), "one\n\n  two");
	CHECK_SPAN(span_from(wrapped("abcdefghijkl", 10, 2)), "abcdefgh\n  ijkl");
	CHECK_SPAN(span_from(wrapped("", 10, 2)), "");
	CHECK_SPAN(span_from(wrapped("日本語 日本語", 10, 0)), "日本語\n日本語");
}

TEST(money_is_exact)
{
	CHECK_SPAN(span_from(shown(show_cost, 0)), "$0.00");
	CHECK_SPAN(span_from(shown(show_cost, 125000)), "$0.000125");
	CHECK_SPAN(span_from(shown(show_cost, 1500000000)), "$1.50");
	CHECK_SPAN(span_from(shown(show_cost, 1)), "$0.000000001");
	CHECK_SPAN(span_from(shown(show_cost, 9007199254740993)), "$9007199.254740993");
}

TEST(durations_and_counts_read_easily)
{
	CHECK_SPAN(span_from(shown(show_duration, 7)), "7 ms");
	CHECK_SPAN(span_from(shown(show_duration, 1420)), "1.42 s");
	CHECK_SPAN(span_from(shown(show_duration, 42100)), "42.1 s");
	CHECK_SPAN(span_from(shown(show_duration, 185000)), "3m 05s");
	CHECK_SPAN(span_from(shown(show_duration, 7800000)), "2h 10m");
	CHECK_SPAN(span_from(shown(show_duration, 90000000)), "1d 1h");
	CHECK_SPAN(span_from(shown(show_count, 999)), "999");
	CHECK_SPAN(span_from(shown(show_count, 1234567)), "1,234,567");
	CHECK_SPAN(span_from(shown(show_count, -123456)), "-123,456");
}

static const char *table(size_t width)
{
	static const struct grid_column two[] = {
	    {"ID", ALIGN_LEFT, 4, false}, {"N", ALIGN_RIGHT, 0, false}, {"NOTE", ALIGN_LEFT, 4, true}};
	static struct buf out;
	scoped_arena a = {0};
	struct grid g = {.columns = two, .n = countof(two), .arena = &a};
	text_init();
	buf_reset(&out);
	grid_add(&g, SPAN("abcdefgh"), STYLE_PLAIN);
	grid_add(&g, SPAN("12"), STYLE_PLAIN);
	grid_add(&g, SPAN("a remark"), STYLE_PLAIN);
	grid_add(&g, SPAN("x"), STYLE_RED);
	grid_add(&g, SPAN("3"), STYLE_PLAIN);
	grid_add(&g, SPAN(""), STYLE_PLAIN);
	grid_print(&g, &out, width, false);
	return out.data;
}

TEST(tables_are_as_wide_as_their_content)
{
	CHECK_SPAN(span_from(table(GRID_UNLIMITED)), "ID         N  NOTE\nabcdefgh  12  a remark\nx          3\n");
}

TEST(tables_shrink_with_the_terminal_and_lose_spare_columns_last)
{
	CHECK_SPAN(span_from(table(18)), "ID       N  NOTE\nabcde…  12  a rem…\nx        3\n");
	CHECK_SPAN(span_from(table(10)), "ID       N\nabcde…  12\nx        3\n");
}

TEST(styles_are_written_only_where_there_are_colours)
{
	scoped_buf out = {0};
	style_text(&out, STYLE_RED, false, "a");
	style_text(&out, STYLE_RED, true, "b");
	style_text(&out, STYLE_PLAIN, true, "c");
	CHECK_SPAN(buf_span(&out), "a\x1b[31mb\x1b[0mc");
}
