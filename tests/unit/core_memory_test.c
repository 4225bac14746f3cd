/* Buffers and arenas: growth, ceilings, alignment, reuse. */
#include "core/arena.h"
#include "core/buf.h"

#include "tests/lib/test.h"

TEST(a_buffer_holds_what_was_added_and_a_nul)
{
	scoped_buf b = {0};
	CHECK_SPAN(buf_span(&b), "");
	buf_add(&b, NULL, 0);
	CHECK(b.data && b.data[0] == 0);
	buf_adds(&b, "ab");
	buf_addc(&b, '\0');
	buf_addspan(&b, SPAN("cd"));
	buf_addspan(&b, (struct span){0});
	buf_printf(&b, "%d-%s", 42, "x");
	CHECK(span_eq(buf_span(&b), SPAN("ab\0cd42-x")));
	CHECK_INT(b.data[b.len], 0);
	buf_reset(&b);
	CHECK(b.len == 0 && b.data[0] == 0 && b.cap > 0);
}

TEST(integers_are_written_in_full)
{
	static const int64_t values[] = {0, 1, -1, 10, INT64_MAX, INT64_MIN};
	scoped_buf b = {0};
	for (size_t i = 0; i < countof(values); i++) {
		buf_addi64(&b, values[i]);
		buf_addc(&b, ' ');
	}
	CHECK_SPAN(buf_span(&b), "0 1 -1 10 9223372036854775807 -9223372036854775808 ");
}

TEST(a_buffer_stops_at_its_ceiling_and_stays_stopped)
{
	scoped_buf b = {.max_bytes = 10};
	buf_adds(&b, "1234567890");
	CHECK(!b.overflow && b.len == 10);
	buf_addc(&b, 'x');
	CHECK(b.overflow && b.len == 10);
	buf_reset(&b);
	buf_adds(&b, "12345");
	buf_adds(&b, "678901");
	CHECK(b.overflow);
	buf_adds(&b, "6");
	CHECK_SPAN(buf_span(&b), "12345");
	CHECK(!buf_reserve(&b, 0));
	buf_reset(&b);
	CHECK(!buf_reserve(&b, SIZE_MAX) && b.overflow);
	buf_reset(&b);
	buf_printf(&b, "%011d", 1);
	CHECK(b.overflow && b.len == 0);
	buf_free(&b);
	CHECK(b.max_bytes == 10 && !b.data && !b.overflow);
}

TEST(a_buffer_grows_through_many_sizes)
{
	scoped_buf b = {0};
	for (int i = 0; i < 100000; i++)
		buf_addc(&b, (char)('a' + i % 26));
	CHECK_INT(b.len, 100000);
	for (int i = 0; i < 100000; i++)
		CHECK(b.data[i] == 'a' + i % 26);
	char *at = buf_reserve(&b, 1 << 20);
	CHECK(at == b.data + 100000);
	memset(at, 'z', 1 << 20);
	buf_commit(&b, 1 << 20);
	CHECK_INT(b.len, 100000 + (1 << 20));
}

TEST(allocations_are_aligned_and_do_not_overlap)
{
	scoped_arena a = {0};
	char *last = NULL;
	size_t last_n = 0;
	for (size_t n = 0; n < 3000; n += 7) {
		char *p = arena_alloc(&a, n);
		CHECK((uintptr_t)p % 16 == 0);
		memset(p, (int)n, n);
		for (size_t i = 0; i < last_n; i++)
			CHECK(last[i] == (char)(n - 7));
		last = p, last_n = n;
	}
	char *zeros = arena_zalloc(&a, 5000);
	for (int i = 0; i < 5000; i++)
		CHECK(zeros[i] == 0);
	CHECK(arena_alloc(&a, (size_t)20 << 20));
}

TEST(copies_keep_bytes_and_absence)
{
	scoped_arena a = {0};
	CHECK(span_eq(arena_dup(&a, SPAN("a\0b")), SPAN("a\0b")));
	CHECK_SPAN(arena_dup(&a, SPAN("")), "");
	CHECK(!arena_dup(&a, (struct span){0}).p);
	CHECK(strcmp(arena_cstr(&a, span_of("abcdef", 3)), "abc") == 0);
	CHECK(arena_cstr(&a, (struct span){0})[0] == 0);
	CHECK_SPAN(arena_printf(&a, "%s/%d", "jobs", 7), "jobs/7");
}

TEST(a_reset_arena_keeps_one_block_but_no_huge_one)
{
	scoped_arena a = {0};
	for (int i = 0; i < 300; i++)
		arena_alloc(&a, 1000);
	CHECK(a.used_bytes >= 300000);
	arena_reset(&a);
	CHECK_INT(a.used_bytes, 0);
	struct arena_block *kept = a.head;
	CHECK(kept);
	arena_alloc(&a, 100000);
	CHECK(a.head == kept);

	arena_free(&a);
	CHECK(!a.head);
	arena_alloc(&a, (size_t)5 << 20);
	arena_reset(&a);
	CHECK(!a.head);
	arena_reset(&a);
}
