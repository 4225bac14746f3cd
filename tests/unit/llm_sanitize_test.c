/* Sanitisers against known attacks: whatever goes in, what comes out reads as harmless to a reader of our own. */
#include "llm/llm.h"
#include "tests/lib/safe_html.h"
#include "tests/lib/test.h"

static struct span sane(const char *html, struct arena *a)
{
	struct span out = sanitize_html(span_from(html), a);
	const char *flaw = safe_html_flaw(out);
	CHECK_MSG(!flaw, "%s in \"%.*s\" from \"%s\"", flaw, SPAN_ARG(out), html);
	return out;
}

static void check_html(const char *html, const char *want)
{
	scoped_arena a = {0};
	CHECK_SPAN(sane(html, &a), want);
}

/* ---- html */

static const char *const attacks[] = {
    "<script>alert(1)</script>",
    "<SCRIPT SRC=http://evil.example/x.js></SCRIPT>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<script\x0c>alert(1)</script>",
    "<script/xss src=//evil.example></script>",
    "<<script>alert(1);//<</script>",
    "<img src=x onerror=alert(1)>",
    "<img src=\"javascript:alert(1)\">",
    "<IMG \"\"\"><SCRIPT>alert(1)</SCRIPT>\">",
    "<img src=`x`onerror=alert(1)>",
    "<image src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<svg><a xlink:href=\"javascript:alert(1)\"><text>x</text></a></svg>",
    "<svg><foreignObject><body onload=alert(1)></foreignObject></svg>",
    "<svg><animate onbegin=alert(1) attributeName=x dur=1s>",
    "<svg><style><img src=x onerror=alert(1)></style></svg>",
    "<math><mtext><table><mglyph><style><!--</style><img title=\"--&gt;&lt;img src=1 onerror=alert(1)&gt;\">",
    "<math><mi//xlink:href=\"data:x,<script>alert(1)</script>\">",
    "<form><math><mtext></form><form><mglyph><svg><mtext><style><path id=</style><img onerror=alert(1) src>",
    "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">",
    "<iframe src=javascript:alert(1)></iframe>",
    "<iframe srcdoc=\"<script>alert(1)</script>\">",
    "<object data=javascript:alert(1)></object>",
    "<embed src=javascript:alert(1)>",
    "<applet code=x></applet>",
    "<base href=javascript:alert(1)//>",
    "<link rel=stylesheet href=http://evil.example/x.css>",
    "<meta http-equiv=refresh content=\"0;url=javascript:alert(1)\">",
    "<style>@import 'http://evil.example/x.css';</style>",
    "<p style=\"background:url(javascript:alert(1))\">x</p>",
    "<a href=javascript:alert(1)>x</a>",
    "<a href=\"JaVaScRiPt:alert(1)\">x</a>",
    "<a href=\"java\tscript:alert(1)\">x</a>",
    "<a href=\"java&#10;script:alert(1)\">x</a>",
    "<a href=\"&#106;&#97;vascript:alert(1)\">x</a>",
    "<a href=\"&#x6A;avascript&colon;alert(1)\">x</a>",
    "<a href=\" \x01 javascript:alert(1)\">x</a>",
    "<a href=\"vbscript:msgbox(1)\">x</a>",
    "<a href=\"data:text/html;base64,PHNjcmlwdD4=\">x</a>",
    "<a href=\"//evil.example\">x</a>",
    "<a href=\"/admin/delete?all=1\">x</a>",
    "<a href=\"http://ok.example\" onclick=alert(1) style=x id=y class=z target=_blank>x</a>",
    "<a href=\"http://x.example/\"onmouseover=\"alert(1)\">x</a>",
    "<a href='http://x.example/\"><script>alert(1)</script>'>x</a>",
    "<a title='\"><script>alert(1)</script>' href=https://x.example>x</a>",
    "<form action=javascript:alert(1)><input type=submit><button formaction=javascript:alert(1)>x</button></form>",
    "<isindex type=image src=1 onerror=alert(1)>",
    "<input onfocus=alert(1) autofocus>",
    "<select onfocus=alert(1) autofocus><option>x</select>",
    "<textarea onfocus=alert(1) autofocus></textarea>",
    "<details open ontoggle=alert(1)>x</details>",
    "<video><source onerror=alert(1)></video>",
    "<audio src=x onerror=alert(1)>",
    "<body onload=alert(1)>",
    "<html onmouseover=alert(1)>x",
    "<table background=javascript:alert(1)><td background=x onclick=y colspan=\"1 onclick=z\">x</table>",
    "<div onclick=alert(1)>x</div>",
    "<marquee onstart=alert(1)>x</marquee>",
    "<xss onclick=alert(1)>x</xss>",
    "<!--[if gte IE 4]><script>alert(1)</script><![endif]-->",
    "<!-- --!><img src=x onerror=alert(1)> -->",
    "<!--><img src=x onerror=alert(1)>-->",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<?xml version=\"1.0\"?><x onload=y>",
    "<template><script>alert(1)</script></template>",
    "<title><img src=x onerror=alert(1)></title>",
    "<xmp><img src=x onerror=alert(1)></xmp>",
    "<plaintext><img src=x onerror=alert(1)>",
    "<noembed><img src=x onerror=alert(1)></noembed>",
    "<frameset onload=alert(1)><frame src=x></frameset>",
    "<p title=\"a&quot; onclick=&quot;b\">x</p>",
    "<ol start=\"1' onclick='x\"><li value=-9><li value=99999>x</ol>",
    "<b lang=\"en' onclick='x\" dir=\"rtl\">x</b>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "<a href=\"https://x.example/?a=b&c=d'\\ {}\">x</a>",
    "<",
    "<a",
    "<a href=\"",
    "</",
    "</p",
    "<a href=http://x.example/`>x",
    "\xff<\xfe>b",
};

TEST(no_attack_survives_in_html)
{
	CHECK(countof(attacks) >= 40);
	for (size_t i = 0; i < countof(attacks); i++) {
		scoped_arena a = {0};
		struct span once = sane(attacks[i], &a);
		sane(arena_cstr(&a, once), &a);
		CHECK_MSG(!memmem(once.p, once.n, "onerror=alert", 13) || memmem(once.p, once.n, "&lt;img", 7),
		          "\"%.*s\" from \"%s\"", SPAN_ARG(once), attacks[i]);
	}
}

TEST(no_attack_survives_inside_another)
{
	for (size_t i = 0; i < countof(attacks); i++) {
		for (size_t j = 0; j < countof(attacks); j++) {
			scoped_arena a = {0};
			sane(arena_printf(&a, "<div>%s<table>%s", attacks[i], attacks[j]).p, &a);
		}
	}
}

TEST(ordinary_documents_stay_what_they_are)
{
	static const char *const rows[] = {
	    "<h1>Title</h1><p>Some <em>text</em>, <strong>bold</strong> &amp; <code>x &lt; y</code>.</p>",
	    "<ul><li>one</li><li>two<ol start=\"3\"><li>x</li></ol></li></ul>",
	    "<table><thead><tr><th scope=\"col\">a</th></tr></thead></table>",
	    "<table><tbody><tr><td colspan=\"2\">b</td></tr></tbody></table>",
	    "<pre><code>line 1\nline 2</code></pre><hr><p>a<br>b</p>",
	    "<p title=\"T\" lang=\"de\" dir=\"ltr\">ü 漢字 🙂</p>",
	    "<blockquote><p>x</p></blockquote><details><summary>s</summary>d</details>",
	};
	for (size_t i = 0; i < countof(rows); i++)
		check_html(rows[i], rows[i]);
}

TEST(links_keep_safe_targets_only)
{
	check_html("<a href=\" HTTPS://x.example/a b?q='1'&amp;r=2 \">x</a>",
	           "<a href=\"HTTPS://x.example/a%20b?q=%271%27&amp;r=2\" rel=\"nofollow noopener noreferrer\">x</a>");
	check_html("<a href=mailto:a@b.example>x</a>",
	           "<a href=\"mailto:a@b.example\" rel=\"nofollow noopener noreferrer\">x</a>");
	check_html("<a href=ftp://x.example>x</a>", "<a>x</a>");
	check_html("<a href=\"http://x.example/\ny\">x</a>", "<a>x</a>");
	check_html("<a href=http://>x</a>", "<a>x</a>");
}

TEST(removed_elements_take_along_only_what_is_no_text)
{
	check_html("<!DOCTYPE html><html><head><title>t</title><style>s</style></head><body><p>x</p></body></html>",
	           "<p>x</p>");
	check_html("<center><font color=red>x</font></center>", "x");
	check_html("a<script>b</script>c<svg><text>d</text></svg>e", "ace");
	check_html("<p>see <img src=http://x.example/t.gif alt=\"a <b>\">.</p>", "<p>see a &lt;b&gt;.</p>");
	check_html("<form><input value=a>text</form>", "text");
}

TEST(broken_html_is_read_as_a_browser_reads_it)
{
	check_html("<p>a<p>b", "<p>a</p><p>b</p>");
	check_html("<b><i>x</b>y</i>", "<b><i>x</i></b><i>y</i>");
	check_html("1 < 2 & 3 > 2", "1 &lt; 2 &amp; 3 &gt; 2");
	check_html("", "");
}

static struct span repeated(const char *piece, size_t bytes, struct arena *a)
{
	size_t n = strlen(piece), times = bytes / n;
	char *out = arena_alloc(a, n * times);
	for (size_t i = 0; i < times; i++)
		memcpy(out + i * n, piece, n);
	return span_of(out, n * times);
}

TEST(deep_and_huge_html_ends_in_bounded_time_and_depth)
{
	static const char *const pieces[] = {
	    "<div>", "<p>",  "<b>",  "<b x=1><p>", "<table><tr><td>", "<a><div>", "</p>", "</x y>", "<svg>",
	    "<b a",  " a=b", "<!--", "&lt;",       "<font size=",     "<ul><li>", "<x ",  "\xf0"};
	for (size_t i = 0; i < countof(pieces); i++) {
		static const size_t sizes[] = {40000, 400000};
		for (size_t j = 0; j < countof(sizes); j++) {
			scoped_arena a = {0};
			struct span out = sanitize_html(repeated(pieces[i], sizes[j], &a), &a);
			const char *flaw = safe_html_flaw(out);
			CHECK_MSG(!flaw, "%s from \"%s\"", flaw, pieces[i]);
		}
	}
	scoped_arena a = {0};
	struct span out = sanitize_html(repeated("<div>", 5 * 1000, &a), &a);
	CHECK_INT(out.n, 32 * strlen("<div></div>"));
	scoped_buf many = {0};
	buf_adds(&many, "<b ");
	for (int i = 0; i < 50000; i++)
		buf_printf(&many, "a%d=1 ", i);
	buf_adds(&many, ">x");
	out = sanitize_html(buf_span(&many), &a);
	CHECK(span_starts(out, SPAN("<pre>&lt;b a0=1 ")));
}

/* ---- markdown */

static void check_markdown(const char *markdown, const char *want)
{
	scoped_arena a = {0};
	struct span out = sanitize_markdown(span_from(markdown), &a);
	CHECK_SPAN(out, want);
	CHECK_SPAN(sanitize_markdown(out, &a), want);
}

TEST(harmless_markdown_is_left_alone)
{
	static const char *const rows[] = {
	    "# Title\n\nText with *emphasis*, **bold**, `<code>` and [a link](https://x.example/a?b=c \"title\").",
	    "| a | b |\n|---|---|\n| 1 | ~~2~~ |\n\n- [x] done\n- [ ] to do",
	    "```html\n<script>alert(1)</script>\n```\n\n    <b>indented</b>\n",
	    "$x_1 * y_2$ & snake_case, 2 > 1!\n\n1. a\n2. b\n\n* c\n\n- d",
	    "<https://x.example> and <a@x.example>",
	    "",
	};
	for (size_t i = 0; i < countof(rows); i++)
		check_markdown(rows[i], rows[i]);
}

TEST(raw_html_images_and_unsafe_links_leave_markdown)
{
	check_markdown("a <b>c</b> <script>d</script>", "a c d");
	check_markdown("<div onclick=x>\nhidden\n</div>\n\nshown", "shown");
	check_markdown("a <!-- b --> c", "a  c");
	check_markdown("- a\n- b\n\n<!-- -->\n\n1. c\n   - d", "  - a\n  - b\n\n1.  c\n      - d");
	check_markdown("![alt *x*](http://x.example/track.gif \"t\")", "[alt *x*](http://x.example/track.gif)");
	check_markdown("![alt](javascript:x)", "alt");
	check_markdown("[![alt](http://x.example/i)](http://x.example/l)", "[alt](http://x.example/l)");
	check_markdown("[x](javascript:alert(1))", "x");
	check_markdown("[x](data:text/html,y) [z](/relative) [w](#anchor)", "x z w");
	check_markdown("[x](<java\tscript:alert(1)>)", "x");
	check_markdown("<javascript:alert(1)>", "javascript:alert(1)");
	check_markdown("[x][1]\n\n[1]: vbscript:y", "x");
	check_markdown("[x](http://x.example/a%20b<c>)", "[x](http://x.example/a%20b%3Cc%3E)");
	check_markdown("![a][b]\n\n[b]: https://x.example/i.png 'a title'", "[a](https://x.example/i.png)");
}

/* Each of these becomes raw HTML or an image when the tree is simply written out again. */
TEST(what_rendering_would_bring_back_stays_out)
{
	static const char *const rows[] = {
	    "~~~ a`b\n<script>alert(1)</script>\n~~~\n\n<i>",
	    "[http://x.example/ <script>alert\\(1)</script>](<http://x.example/ \\<script\\>alert\\(1)\\</script\\>>)<i>",
	    "[x](http://x.example '\n\n![y](http://x.example/i)\n\n')<i>",
	    "[x](http://x.example \"a&#10;&#10;![y](http://x.example/i)\")<i>",
	    "a&#10;&#10;![y](http://x.example/i)&#10;&#10;<i>",
	    "- a\n\n<!-- -->\n\n- b",
	    "- a\n\n<!-- -->\n\n1. b\n\n<!-- -->\n\n        <script>",
	    "&lt;script&gt;alert(1)&lt;/script&gt;<i>",
	    "<b>[x</b>](javascript:y)",
	    "![x<b>](y)](http://x.example)<b>",
	    "\\<script>alert(1)\\</script><i>",
	    "`` `<script> ``<i>",
	    "<i>\\![x](http://x.example)",
	    "!<i>[x](http://x.example)",
	    "<<i>script>",
	    "&<i>lt;",
	    "[x]<i>: javascript:y\n\n[x]",
	    "[x]<i>(javascript:y)",
	    "<i>```\n<script>\n```",
	};
	for (size_t i = 0; i < countof(rows); i++) {
		scoped_arena a = {0};
		struct span out = sanitize_markdown(span_from(rows[i]), &a);
		const char *text = arena_cstr(&a, out);
		CHECK_MSG(span_eq(sanitize_markdown(out, &a), out) || !strstr(text, "<"), "\"%s\" from \"%s\"", text, rows[i]);
		for (const char *image = text; (image = strstr(image, "![")); image++)
			CHECK_MSG(image > text && image[-1] == '\\', "\"%s\" from \"%s\"", text, rows[i]);
		for (const char *link = text; (link = strstr(link, "](java")); link++)
			CHECK_MSG(link > text && link[-1] == '\\', "\"%s\" from \"%s\"", text, rows[i]);
		CHECK_MSG(!strstr(text, "<!--"), "\"%s\" from \"%s\"", text, rows[i]);
		for (const char *lt = text; (lt = strchr(lt, '<')); lt++)
			CHECK_MSG(lt > text && (lt[-1] == '\\' || strstr(text, "```") || strstr(text, "``")), "\"%s\" from \"%s\"",
			          text, rows[i]);
	}
}

TEST(every_html_attack_leaves_markdown_too)
{
	for (size_t i = 0; i < countof(attacks); i++) {
		scoped_arena a = {0};
		struct span out = sanitize_markdown(span_from(attacks[i]), &a);
		const char *text = arena_cstr(&a, out);
		for (const char *lt = text; (lt = strchr(lt, '<')); lt++)
			CHECK_MSG(lt > text && lt[-1] == '\\', "\"%s\" from \"%s\"", text, attacks[i]);
	}
}

TEST(deep_and_huge_markdown_ends_in_bounded_time_and_as_code)
{
	static const char *const pieces[] = {">",   "- ",     "[", "![",  "![[]()", "*a **a", "1. a\n", "> a\n",
	                                     "<b>", "[a](<b", "`", "~~~", "_a*",    "<!--",   "&#10;",  "[a]:b\n"};
	for (size_t i = 0; i < countof(pieces); i++) {
		scoped_arena a = {0};
		struct span source = repeated(pieces[i], 300000, &a);
		struct span out = sanitize_markdown(source, &a);
		CHECK_MSG(out.n <= source.n * 4 + 64, "%zu bytes from \"%s\"", out.n, pieces[i]);
	}
	scoped_arena a = {0};
	struct span deep = repeated(">", 100, &a);
	CHECK(span_starts(sanitize_markdown(deep, &a), SPAN("```text\n>>>")));
	scoped_buf fence = {0};
	for (int i = 0; i < 100; i++)
		buf_adds(&fence, "> ");
	buf_adds(&fence, "`````");
	CHECK(span_starts(sanitize_markdown(buf_span(&fence), &a), SPAN("``````text\n> >")));
	CHECK(span_starts(sanitize_markdown(repeated("x", (1 << 20) + 1, &a), &a), SPAN("```text\nxxx")));
}
