/* A strict reader of sanitised HTML, which shares nothing with the sanitiser: what it does not know is a flaw. */
#ifndef GANNET_TESTS_SAFE_HTML_H
#define GANNET_TESTS_SAFE_HTML_H

#include <strings.h>

#include "core/span.h"

static const char safe_elements[] =
    " a abbr address article aside b bdi bdo blockquote br caption cite code col colgroup dd del "
    "details dfn div dl dt em figcaption figure footer h1 h2 h3 h4 h5 h6 header hr i ins kbd li "
    "main mark nav ol p pre q s samp section small span strong sub summary sup table tbody td "
    "tfoot th thead time tr u ul var wbr ";
static const char safe_attributes[] = " title lang dir href rel colspan rowspan scope span start value ";

static inline bool safe_html_lists(const char *list, struct span name)
{
	char text[64];
	if (!name.n || name.n > sizeof text - 3)
		return false;
	text[0] = ' ';
	memcpy(text + 1, name.p, name.n);
	memcpy(text + 1 + name.n, " ", 2);
	return strstr(list, text);
}

static inline struct span safe_html_name(struct span *s)
{
	size_t n = 0;
	while (n < s->n && ((s->p[n] >= 'a' && s->p[n] <= 'z') || (n && s->p[n] >= '0' && s->p[n] <= '9')))
		n++;
	struct span name = span_of(s->p, n);
	*s = span_of(s->p + n, s->n - n);
	return name;
}

static inline bool safe_html_take(struct span *s, const char *literal)
{
	if (!span_starts(*s, span_from(literal)))
		return false;
	*s = span_of(s->p + strlen(literal), s->n - strlen(literal));
	return true;
}

static inline const char *safe_html_attribute(struct span *s)
{
	struct span name = safe_html_name(s);
	if (!safe_html_lists(safe_attributes, name))
		return "an attribute that is not allowed";
	if (!safe_html_take(s, "=\""))
		return "an attribute without a quoted value";
	const char *quote = memchr(s->p, '"', s->n);
	if (!quote)
		return "an attribute that does not end";
	struct span value = span_of(s->p, (size_t)(quote - s->p));
	*s = span_of(quote + 1, s->n - value.n - 1);
	if (memchr(value.p, '<', value.n) || memchr(value.p, '>', value.n) || memchr(value.p, '\'', value.n))
		return "a bare character in an attribute";
	if (span_is(name, "href") && strncasecmp(value.p, "http://", 7) != 0 && strncasecmp(value.p, "https://", 8) != 0 &&
	    strncasecmp(value.p, "mailto:", 7) != 0)
		return "a link of another scheme";
	for (size_t i = 0; i < value.n && span_is(name, "href"); i++)
		if ((unsigned char)value.p[i] <= ' ')
			return "a blank in a link";
	return NULL;
}

/* NULL when every tag of `html` is allowed, with allowed attributes, and there is no other '<' or '>'. */
static inline const char *safe_html_flaw(struct span html)
{
	while (html.n) {
		if (html.p[0] == '>' || html.p[0] == '"' || html.p[0] == '\'')
			return "an unescaped character";
		if (html.p[0] != '<') {
			html = span_of(html.p + 1, html.n - 1);
			continue;
		}
		bool closing = safe_html_take(&html, "</");
		if (!closing)
			safe_html_take(&html, "<");
		if (!safe_html_lists(safe_elements, safe_html_name(&html)))
			return "an element that is not allowed";
		while (!closing && safe_html_take(&html, " ")) {
			const char *flaw = safe_html_attribute(&html);
			if (flaw)
				return flaw;
		}
		if (!safe_html_take(&html, ">"))
			return "a tag that does not end";
	}
	return NULL;
}

#endif
