/* Request targets: what they are cut into, and the tricks that are refused. */
#include "http/uri.h"

#include "tests/lib/test.h"

static struct arena memory;

static struct http_target parsed(const char *target)
{
	struct http_target t;
	struct err err;
	CHECK_OK(http_target_parse(span_from(target), &memory, &t, &err), err);
	return t;
}

TEST(paths_are_cut_into_decoded_segments)
{
	struct http_target t = parsed("/api/v1/ai-jobs/a%20b%2Bc/?x=1");
	CHECK_INT(t.segments_n, 4);
	CHECK_SPAN(t.segments[0], "api");
	CHECK_SPAN(t.segments[3], "a b+c");
	CHECK_INT(parsed("/").segments_n, 0);
	CHECK_INT(parsed("/a").segments_n, 1);
	CHECK_INT(parsed("/a/").segments_n, 1);
	CHECK_SPAN(parsed("/a+b").segments[0], "a+b");
	CHECK_SPAN(parsed("/%c3%BC").segments[0], "\xc3\xbc");
	CHECK_SPAN(parsed("http://host:80/a?b=c").segments[0], "a");
	CHECK_INT(parsed("http://host").segments_n, 0);
	CHECK_INT(parsed("http://").segments_n, 0);
}

TEST(queries_are_cut_into_decoded_pairs)
{
	struct http_target t = parsed("/?a=1&b=x+y%26z&c&d=&&e==");
	CHECK_INT(t.pairs_n, 5);
	CHECK_SPAN(t.pairs[1].name, "b");
	CHECK_SPAN(t.pairs[1].value, "x y&z");
	CHECK_SPAN(t.pairs[2].name, "c");
	CHECK_SPAN(t.pairs[2].value, "");
	CHECK_SPAN(t.pairs[3].value, "");
	CHECK_SPAN(t.pairs[4].value, "=");
	CHECK_INT(parsed("/?").pairs_n, 0);
}

TEST(what_others_may_read_differently_is_refused)
{
	static const char *const bad[] = {
	    "",         "a",         "*",          "/a//b",       "//a",      "/a//",      "/./a",     "/a/..",
	    "/%2e%2e",  "/.%2E/a",   "/a%2fb",     "/a%2Fb",      "/a%5cb",   "/a%00",     "/a%0ab",   "/a%",
	    "/a%2",     "/a%g0",     "/%ff",       "/%c3",        "/%ed%a0%80", "/a\x01",  "/a b",     "/a#b",
	    "/?a=%",    "/?a=%00",   "/?=1",       "/?a=%ff",     "/?a#b",    "http:/a",   "ftp://h/a", "/a\\b",
	    "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17",
	    "/?1&2&3&4&5&6&7&8&9&10&11&12&13&14&15&16&17&18&19&20&21&22&23&24&25&26&27&28&29&30&31&32&33",
	};
	for (size_t i = 0; i < countof(bad); i++) {
		struct http_target t;
		struct err err = {0};
		CHECK_MSG(http_target_parse(span_from(bad[i]), &memory, &t, &err) == STATUS_INVALID, "\"%s\" is taken", bad[i]);
		CHECK(err.field[0] && err.msg[0]);
	}
}
