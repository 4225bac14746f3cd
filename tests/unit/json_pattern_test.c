/* Regular expressions: what they match, what is refused. */
#include "json/pattern.h"
#include "tests/lib/test.h"

static struct arena memory;

static const struct pattern *compiled(const char *source)
{
	const struct pattern *p;
	struct err err;
	enum status s = pattern_compile(span_from(source), &memory, &p, &err);
	CHECK_MSG(s == STATUS_OK, "%s: %s", source, err.msg);
	return p;
}

static void matches(const char *source, const char *const *texts)
{
	const struct pattern *p = compiled(source);
	for (int found = 1; found >= 0; found--, texts++) {
		for (; *texts; texts++) {
			int64_t steps = 1000000;
			bool got = pattern_search(p, span_from(*texts), &memory, &steps);
			CHECK_MSG(got == found && steps >= 0, "\"%s\" against %s: %s", *texts, source, got ? "found" : "not found");
		}
	}
	arena_free(&memory);
}
#define MATCHES(source, ...) matches(source, (const char *const[]){__VA_ARGS__, NULL})

static void refused(const char *source, const char *why)
{
	const struct pattern *p;
	struct err err;
	CHECK_MSG(pattern_compile(span_from(source), &memory, &p, &err) == STATUS_INVALID, "accepted: %s", source);
	CHECK_HAS(err.msg, why);
	arena_free(&memory);
}

TEST(literals_are_found_anywhere)
{
	MATCHES("abc", "abc", "xabcx", "aabc", NULL, "", "ab", "acb", "ABC");
	MATCHES("", "", "x", NULL, NULL);
	MATCHES("caf\xc3\xa9", "un caf\xc3\xa9.", NULL, "cafe");
	MATCHES("a\\.b\\\\\\/\\-", "a.b\\/-", NULL, "axb\\/-");
	MATCHES("\\x41\\u0042\\u{1F600}\\uD83D\\uDE00\\t\\n\\0?$", "AB\xf0\x9f\x98\x80\xf0\x9f\x98\x80\t\n", NULL, "AB");
	MATCHES("{a}", "{a}", NULL, "a");
	MATCHES("x{,3}", "x{,3}", NULL, "xx");
}

TEST(anchors_hold_at_the_ends_only)
{
	MATCHES("^a$", "a", NULL, "", "aa", "ba", "a\n", "\na");
	MATCHES("^$", "", NULL, "a");
	MATCHES("^a|b$", "ax", "xb", NULL, "xa", "bx");
	MATCHES("a^b", NULL, "ab", "a^b");
	MATCHES("\\bcat\\b", "cat", "a cat.", "cat-9", NULL, "cats", "concat", "cat_");
	MATCHES("\\Bat", "cat", NULL, "at", "c at");
}

TEST(dot_stops_at_line_ends)
{
	MATCHES("^a.c$", "abc",
	        "a\xc3\xa9"
	        "c",
	        "a\xf0\x9f\x98\x80"
	        "c",
	        NULL, "ac", "a\nc", "a\rc",
	        "a\xe2\x80\xa8"
	        "c",
	        "abbc");
}

TEST(classes)
{
	MATCHES("^[abc]$", "a", "c", NULL, "d", "", "ab", "^");
	MATCHES("^[^abc]$", "d", "\n", "\xc3\xa9", NULL, "a", "");
	MATCHES("^[a-cx-z-]$", "b", "y", "-", NULL, "d", "w");
	MATCHES("^[-a]$", "-", "a", NULL, "b");
	MATCHES("^[\\]\\\\\\^]$", "]", "\\", "^", NULL, "[");
	MATCHES("^[\\d_]+$", "1_2", NULL, "a");
	MATCHES("^[^\\s\\d]+$", "abc", NULL, "a1", "a b");
	MATCHES("^[\\D]$", "a", "\xf4\x8f\xbf\xbf", NULL, "5");
	MATCHES("^[\\u00e0-\\u00ff]$", "\xc3\xa9", NULL, "e");
	MATCHES("^[\\b]$", "\b", NULL, "b");
	MATCHES("^[a-]$", "a", "-", NULL, "b");
	MATCHES("[]", NULL, "", "a");
	MATCHES("^[^]$", "a", "\n", NULL, "", "ab");
	MATCHES("^[.*+?(){}|$]+$", ".*+?(){}|$", NULL, "a");
}

TEST(class_escapes)
{
	MATCHES("^\\d+$", "0123456789", NULL, "", "1a", "\xd9\xa1");
	MATCHES("^\\D$", "a", NULL, "1");
	MATCHES("^\\w+$", "aZ_09", NULL, "a-b", "\xc3\xa9");
	MATCHES("^\\W$", "-", "\xc3\xa9", NULL, "a", "_");
	MATCHES("^\\s+$", " \t\n\r\f\v\xc2\xa0\xe3\x80\x80\xef\xbb\xbf", NULL, "a", "\xe2\x80\x8b");
	MATCHES("^\\S$", "a", NULL, " ");
}

TEST(repetition)
{
	MATCHES("^ab*c$", "ac", "abc", "abbbc", NULL, "a", "abb");
	MATCHES("^ab+c$", "abc", "abbbc", NULL, "ac");
	MATCHES("^ab?c$", "ac", "abc", NULL, "abbc");
	MATCHES("^a{3}$", "aaa", NULL, "aa", "aaaa");
	MATCHES("^a{2,}$", "aa", "aaaaa", NULL, "a", "");
	MATCHES("^a{2,4}$", "aa", "aaa", "aaaa", NULL, "a", "aaaaa");
	MATCHES("^a{0}b$", "b", NULL, "ab");
	MATCHES("^a{0,2}b$", "b", "ab", "aab", NULL, "aaab");
	MATCHES("^(ab){2}$", "abab", NULL, "ab", "ababab", "aabb");
	MATCHES("^(a{2}){2}$", "aaaa", NULL, "aaa", "aaaaa");
	MATCHES("^a+?b*?c??$", "abbc", "a", NULL, "b");
	MATCHES("^(a*)*$", "", "aaa", NULL, "b");
	MATCHES("^(a|b*)+c$", "abbac", "c", NULL, "abba");
	MATCHES("^(()|a)*$", "", "aa", NULL, "b");
}

TEST(alternatives_and_groups)
{
	MATCHES("^(a|bc|def)$", "a", "bc", "def", NULL, "ab", "bcdef", "");
	MATCHES("^(?:a|b)(?<name>c|d)$", "ac", "bd", NULL, "ab");
	MATCHES("^(a|)$", "a", "", NULL, "b");
	MATCHES("^(|a)b$", "b", "ab", NULL, "a");
	MATCHES("a|b|c|d|e", "xxe", "a", NULL, "xyz");
	MATCHES("^((a|b)(c|d)){2}$", "acbd", NULL, "ac", "acb");
	MATCHES("^(a(b(c)?)?)?$", "", "a", "ab", "abc", NULL, "ac", "b");
}

TEST(patterns_of_contracts)
{
	MATCHES("^[A-Za-z0-9_-]{1,64}$", "welcome-17", "0123456789012345678901234567890123456789012345678901234567890123",
	        NULL, "", "a b", "a.b", "01234567890123456789012345678901234567890123456789012345678901234");
	MATCHES("^[!-)+,/-=?-~-]+(\\.[!-)+,/-=?-~-]+)*$", "_INBOX.a.b", "gannet.acme.reply.x-1", NULL, "a.*", "a.>", "a..b",
	        ".a", "a.", "a b", "");
	MATCHES("^(\\d{4})-(\\d{2})-(\\d{2})$", "2026-01-02", NULL, "2026-1-2", "2026-01-02Z");
	MATCHES("^[\\w.+-]+@[\\w-]+\\.[\\w.-]+$", "ada@example.org", NULL, "ada@", "@example.org");
}

TEST(what_is_not_supported_or_makes_no_sense_is_refused)
{
	refused("(", "( is not closed at byte 1 of the pattern (");
	refused("a)", ") without (");
	refused("[a", "[ is not closed");
	refused("[b-a]", "a range without order");
	refused("[a-\\d]", "a range without order");
	refused("*a", "nothing to repeat");
	refused("a|*", "nothing to repeat");
	refused("a**", "nothing to repeat");
	refused("a{3,2}", "makes no sense");
	refused("a{1001}", "makes no sense");
	refused("(a{100}){100}", "too much repetition");
	refused("((((a{9}){9}){9}){9}){9}", "too much repetition");
	refused("\\", "a backslash without anything behind");
	refused("\\1", "back-references");
	refused("(?=a)", "look-around");
	refused("(?!a)", "look-around");
	refused("(?<=a)b", "look-around");
	refused("(?<!a)b", "look-around");
	refused("\\p{L}", "unsupported escape");
	refused("\\xg0", "expected a hexadecimal digit");
	refused("\\u12", "hexadecimal digits are missing");
	refused("\\u{110000}", "past the last character");
	refused("\\u{}", "\\u{ wants");
	refused("\\ud83d\\u0041", "half of a surrogate pair");
}

TEST(patterns_have_a_largest_size)
{
	scoped_buf source = {0};
	for (int i = 0; i < PATTERN_SOURCE_MAX; i++)
		buf_addc(&source, 'a');
	compiled(source.data);
	buf_addc(&source, 'a');
	refused(source.data, "1025 bytes, at most 1024");
	buf_reset(&source);
	for (int i = 0; i < 500; i++)
		buf_addc(&source, '(');
	refused(source.data, "groups nested too deeply");
}

TEST(a_search_stops_when_its_steps_are_used_up)
{
	const struct pattern *p = compiled("^(a+)+$");
	int64_t steps = 100;
	CHECK(!pattern_search(p, SPAN("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!"),
	                      &memory, &steps));
	CHECK(steps < 0);
	arena_free(&memory);
}
