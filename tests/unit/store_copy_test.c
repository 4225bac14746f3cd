/* COPY's binary format, byte for byte, and what needs no server: options and errors. */
#include "store/store.h"
#include "tests/lib/test.h"

struct row {
	struct span text;
	int64_t small, medium, big, when;
	bool flag;
};

static const struct store_column columns[] = {
    {STORE_TEXT, offsetof(struct row, text)},  {STORE_I16, offsetof(struct row, small)},
    {STORE_I32, offsetof(struct row, medium)}, {STORE_I64, offsetof(struct row, big)},
    {STORE_TIME, offsetof(struct row, when)},  {STORE_BOOL, offsetof(struct row, flag)},
};

TEST(rows_are_written_in_network_order_with_lengths)
{
	scoped_buf out = {0};
	const struct row row = {SPAN("ab"), 258, -2, 1, 946684800001, true};
	store_copy_begin(&out);
	store_copy_row(&out, columns, countof(columns), &row);
	store_copy_end(&out);
	static const char want[] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0"
	                           "\0\6\0\0\0\2ab\0\0\0\2\1\2\0\0\0\4\377\377\377\376"
	                           "\0\0\0\10\0\0\0\0\0\0\0\1\0\0\0\10\0\0\0\0\0\0\3\350\0\0\0\1\1"
	                           "\377\377";
	CHECK_INT(out.len, sizeof want - 1);
	CHECK(memcmp(out.data, want, out.len) == 0);
}

TEST(absent_values_are_null_and_empty_text_is_not)
{
	scoped_buf out = {0};
	const struct row row = {{0}, STORE_NULL, STORE_NULL, STORE_NULL, 0, false};
	store_copy_row(&out, columns, countof(columns), &row);
	CHECK_INT(out.len, 2 + 5 * 4 + 5);
	for (int i = 0; i < 5 * 4; i++)
		CHECK_INT((unsigned char)out.data[2 + i], 0xff);
	buf_reset(&out);
	const struct row empty = {SPAN(""), 0, 0, 0, 1, false};
	store_copy_row(&out, columns, countof(columns), &empty);
	CHECK(memcmp(out.data, "\0\6\0\0\0\0", 6) == 0);
}

TEST(more_than_the_ceiling_stays_visible)
{
	scoped_buf out = {.max_bytes = 40};
	const struct row row = {SPAN("a text that takes the row past forty bytes"), 1, 1, 1, 1, true};
	store_copy_begin(&out);
	store_copy_row(&out, columns, countof(columns), &row);
	CHECK(out.overflow);
}

TEST(bad_url_is_refused_without_repeating_it)
{
	struct err err = {0};
	struct store *s = NULL;
	const struct store_options o = {.url = "postgresql://user:geheim@[::1/x"};
	CHECK_STATUS(store_new(&o, &s, &err), STATUS_INVALID);
	CHECK(!s);
	CHECK(!strstr(err.msg, "geheim"));
	CHECK_HAS(err.msg, "DATABASE_URL");
}
