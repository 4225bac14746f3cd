/* UTF-8: exactly the sequences of RFC 3629 are valid, and cutting never splits one. */
#include "core/utf8.h"

#include "tests/lib/test.h"

static bool valid(const char *bytes, size_t n)
{
	/* A copy of the exact size lets the address sanitizer see a read past the end. */
	scoped_buf b = {0};
	char *exact = buf_reserve(&b, n + 64);
	memset(exact, 0x80, n + 64);
	char *p = exact + 64;
	memcpy(p, bytes, n);
	return utf8_valid(span_of(p, n));
}
#define VALID(literal) valid(literal, sizeof(literal) - 1)

TEST(every_code_point_but_surrogates_survives_encoding_and_decoding)
{
	for (uint32_t c = 0; c <= 0x110000; c++) {
		char bytes[4];
		uint32_t back = ~c;
		size_t n = utf8_encode(c, bytes);
		bool exists = c <= 0x10FFFF && (c < 0xD800 || c > 0xDFFF);
		CHECK_MSG(n == (!exists ? 0 : c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4), "U+%X in %zu bytes", c, n);
		if (!exists)
			continue;
		CHECK_MSG(utf8_decode(span_of(bytes, n), &back) == n && back == c, "U+%X came back as U+%X", c, back);
		CHECK_MSG(utf8_sequence(span_of(bytes, n - 1)) == 0, "U+%X was accepted without its last byte", c);
	}
}

/* Table 3-7 of the Unicode standard, as counts: the last two bytes matter only by being continuations. */
TEST(no_other_byte_string_decodes)
{
	size_t found[5] = {0};
	for (uint32_t word = 0; word < 0x10000; word++) {
		static const char ends[][2] = {{'\x80', '\x80'}, {'\x80', 'x'}, {'x', 'x'}, {'\xC0', '\x80'}};
		for (size_t i = 0; i < countof(ends); i++) {
			char bytes[4] = {(char)(word >> 8), (char)word, ends[i][0], ends[i][1]};
			found[utf8_sequence(span_of(bytes, 4))]++;
		}
	}
	CHECK_INT(found[1], 4 * 128 * 256);
	CHECK_INT(found[2], 4 * 30 * 64);
	CHECK_INT(found[3], 2 * (32 + 12 * 64 + 32 + 2 * 64)); /* E0 A0–BF, E1–EC, ED 80–9F, EE–EF */
	CHECK_INT(found[4], 48 + 3 * 64 + 16);                 /* F0 90–BF, F1–F3, F4 80–8F */
}

TEST(overlong_surrogate_truncated_and_stray_bytes_are_invalid)
{
	CHECK(!VALID("\xC0\x80"));
	CHECK(!VALID("\xC1\xBF"));
	CHECK(!VALID("\xE0\x9F\xBF"));
	CHECK(!VALID("\xF0\x8F\xBF\xBF"));
	CHECK(!VALID("\xED\xA0\x80"));
	CHECK(!VALID("\xF4\x90\x80\x80"));
	CHECK(!VALID("\xF5\x80\x80\x80"));
	CHECK(!VALID("\xFF"));
	CHECK(!VALID("\x80"));
	CHECK(!VALID("ok \xE2\x82"));
	CHECK(!VALID("\xE2\x82!"));
	CHECK(!VALID("12345678\xFE"));
	CHECK(!VALID("1234567\xE2\x82"));
}

TEST(text_of_all_lengths_and_alignments_is_valid)
{
	CHECK(VALID(""));
	CHECK(utf8_valid((struct span){0}));
	static const char text[] = "grüße, 世界 — 🌍 and a good deal of plain text, then ü again";
	for (size_t n = sizeof text - 1; n > 20; n--)
		CHECK(valid(text + sizeof text - 1 - n, n) == ((text[sizeof text - 1 - n] & 0xC0) != 0x80));
	CHECK(VALID("12345678"));
	CHECK(VALID("1234567ü"));
	CHECK(VALID("\x00\x7F\xC2\x80\xDF\xBF\xE0\xA0\x80\xED\x9F\xBF\xEE\x80\x80\xF0\x90\x80\x80\xF4\x8F\xBF\xBF"));
}

TEST(a_cut_keeps_whole_sequences)
{
	struct span s = SPAN("aü世🌍");
	static const size_t want[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 10};
	for (size_t max = 0; max < countof(want); max++)
		CHECK_INT(utf8_cut(s, max).n, want[max]);
	CHECK_INT(utf8_cut(SPAN("\x80\x80\x80\x80\x80\x80"), 5).n, 2);
	CHECK(!utf8_cut((struct span){0}, 3).p);
}
