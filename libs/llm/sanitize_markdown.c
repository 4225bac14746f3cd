/* Takes raw HTML, images and unsafe links out of markdown's syntax tree, and checks the outcome by parsing it again. */
#include "llm/sanitize.h"

#include <cmark.h>
#include <stdlib.h>

#include "llm/llm.h"

/* Limits for what cmark does in more than linear time. */
#define SOURCE_MAX ((size_t)1 << 20)
#define BRACKETS_MAX 20000  /* '[' in the document: matching them is quadratic in cmark 0.30 */
#define LIST_ITEMS_MAX 4096 /* in one ordered list: numbering them is quadratic when rendering */
#define ROUNDS_MAX 3

static void node_free(cmark_node **n)
{
	if (*n)
		cmark_node_free(*n);
}
#define scoped_node __attribute__((cleanup(node_free))) cmark_node

static void iter_free(cmark_iter **it)
{
	cmark_iter_free(*it);
}
#define scoped_iter __attribute__((cleanup(iter_free))) cmark_iter

static void text_free(char **s)
{
	free(*s);
}
#define scoped_text __attribute__((cleanup(text_free))) char

static cmark_node *parse(struct span s)
{
	return cmark_parse_document(s.p, s.n, CMARK_OPT_VALIDATE_UTF8);
}

static bool is_leaf(cmark_node_type t)
{
	switch (t) {
	case CMARK_NODE_HTML_BLOCK:
	case CMARK_NODE_THEMATIC_BREAK:
	case CMARK_NODE_CODE_BLOCK:
	case CMARK_NODE_TEXT:
	case CMARK_NODE_SOFTBREAK:
	case CMARK_NODE_LINEBREAK:
	case CMARK_NODE_CODE:
	case CMARK_NODE_HTML_INLINE:
		return true;
	default:
		return false;
	}
}

enum verdict { CLEAN, DIRTY, HOPELESS /* too deep or too long to be rendered in bounded time */ };

static bool link_is_clean(cmark_node *n)
{
	scoped_buf url = {0};
	struct span before = span_from(cmark_node_get_url(n));
	return sanitize_url(before, &url) && span_eq(before, buf_span(&url));
}

/* `cautious`: text that another reader of markdown might take for HTML or a link counts as dirty too. */
static bool node_is_clean(cmark_node *n, bool cautious)
{
	const char *text;
	switch (cmark_node_get_type(n)) {
	case CMARK_NODE_HTML_BLOCK:
	case CMARK_NODE_HTML_INLINE:
	case CMARK_NODE_IMAGE:
		return false;
	case CMARK_NODE_LINK:
		return link_is_clean(n);
	case CMARK_NODE_TEXT:
		text = cmark_node_get_literal(n);
		return !cautious || !(strchr(text, '<') || strstr(text, "]("));
	default:
		return true;
	}
}

static enum verdict check(cmark_node *doc, bool cautious)
{
	scoped_iter *it = cmark_iter_new(doc);
	size_t depth = 0;
	enum verdict v = CLEAN;
	for (cmark_event_type e; (e = cmark_iter_next(it)) != CMARK_EVENT_DONE;) {
		cmark_node *n = cmark_iter_get_node(it);
		bool leaf = is_leaf(cmark_node_get_type(n));
		if (e == CMARK_EVENT_EXIT) {
			depth--;
			continue;
		}
		depth += !leaf;
		if (depth > SANITIZE_DEPTH_MAX)
			return HOPELESS;
		if (!node_is_clean(n, cautious))
			v = DIRTY;
	}
	return v;
}

/* Puts the children in the node's place. */
static void unwrap(cmark_node *n)
{
	for (cmark_node *c; (c = cmark_node_first_child(n));)
		if (!cmark_node_insert_before(n, c))
			cmark_node_free(c);
	cmark_node_free(n);
}

static bool has_link_above(cmark_node *n)
{
	while ((n = cmark_node_parent(n)))
		if (cmark_node_get_type(n) == CMARK_NODE_LINK)
			return true;
	return false;
}

/* Titles go, as they may hold whole paragraphs; what stays of a URL cannot end it. */
static void clean_link(cmark_node *n)
{
	scoped_buf url = {0};
	if (!sanitize_url(span_from(cmark_node_get_url(n)), &url) || has_link_above(n)) {
		unwrap(n);
		return;
	}
	cmark_node *link = n;
	if (cmark_node_get_type(n) == CMARK_NODE_IMAGE) {
		link = cmark_node_new(CMARK_NODE_LINK);
		cmark_node_insert_before(n, link);
		for (cmark_node *c; (c = cmark_node_first_child(n));)
			if (!cmark_node_append_child(link, c))
				cmark_node_free(c);
		cmark_node_free(n);
	}
	cmark_node_set_url(link, url.data);
	cmark_node_set_title(link, "");
}

/* Only the language's name stays: an info string with a backtick would be written as one that opens no fence. */
static void clean_info(cmark_node *n)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+#._-";
	const char *info = cmark_node_get_fence_info(n);
	char kept[33] = "text";
	size_t len = strspn(info, allowed);
	if (len > 0 && len < sizeof kept) {
		memcpy(kept, info, len);
		kept[len] = 0;
	}
	cmark_node_set_fence_info(n, kept);
}

/* Between two lists the renderer would write an HTML comment. */
static void part_lists(cmark_node *list)
{
	cmark_node *before = cmark_node_previous(list);
	if (!before || cmark_node_get_type(before) != CMARK_NODE_LIST)
		return;
	cmark_node *gap = cmark_node_new(CMARK_NODE_CUSTOM_BLOCK);
	cmark_node_set_on_enter(gap, "");
	cmark_node_set_on_exit(gap, "");
	cmark_node_insert_before(list, gap);
}

static bool list_is_long(cmark_node *list)
{
	size_t n = 0;
	if (cmark_node_get_list_type(list) == CMARK_ORDERED_LIST)
		for (cmark_node *c = cmark_node_first_child(list); c && n <= LIST_ITEMS_MAX; c = cmark_node_next(c))
			n++;
	return n > LIST_ITEMS_MAX;
}

/* False when there is something that cannot be rendered in bounded time. */
static bool clean(cmark_node *doc)
{
	scoped_iter *it = cmark_iter_new(doc);
	/* The iterator has looked ahead when a leaf is entered or a node left, so that one may go then. */
	for (cmark_event_type e; (e = cmark_iter_next(it)) != CMARK_EVENT_DONE;) {
		cmark_node *n = cmark_iter_get_node(it);
		cmark_node_type t = cmark_node_get_type(n);
		if (e == CMARK_EVENT_ENTER) {
			if (t == CMARK_NODE_HTML_BLOCK || t == CMARK_NODE_HTML_INLINE)
				cmark_node_free(n);
			else if (t == CMARK_NODE_CODE_BLOCK)
				clean_info(n);
		} else if (t == CMARK_NODE_LINK || t == CMARK_NODE_IMAGE) {
			clean_link(n);
		} else if (t == CMARK_NODE_LIST) {
			if (list_is_long(n))
				return false;
			part_lists(n);
		}
	}
	return true;
}

static struct span as_code(struct span s, struct arena *a)
{
	size_t run = 0, longest = 2;
	for (size_t i = 0; i < s.n; i++) {
		run = s.p[i] == '`' ? run + 1 : 0;
		longest = run > longest ? run : longest;
	}
	char *out = arena_alloc(a, s.n + 2 * longest + 16), *p = out;
	p = (char *)memset(p, '`', longest + 1) + longest + 1;
	p = mempcpy(p, "text\n", 5);
	p = mempcpy(p, s.p, s.n);
	p = mempcpy(p, "\n", 1);
	p = (char *)memset(p, '`', longest + 1) + longest + 1;
	return span_of(out, (size_t)(p - out));
}

struct span sanitize_markdown(struct span markdown, struct arena *a)
{
	size_t brackets = 0;
	for (size_t i = 0; i < markdown.n && markdown.n <= SOURCE_MAX; i++)
		brackets += markdown.p[i] == '[';
	if (markdown.n > SOURCE_MAX || brackets > BRACKETS_MAX)
		return as_code(markdown, a);

	/* Definitions of links are not in the tree, but another reader may see uses where this one sees none. */
	bool definitions = memmem(markdown.p, markdown.n, "]:", 2);
	struct span text = markdown;
	for (int round = 0; round <= ROUNDS_MAX; round++) {
		scoped_node *doc = parse(text);
		enum verdict v = check(doc, round == 0);
		if (v == CLEAN && (round > 0 || !definitions))
			return text;
		if (v == HOPELESS || !clean(doc))
			break;
		scoped_text *rendered = cmark_render_commonmark(doc, CMARK_OPT_DEFAULT, 0);
		struct span lines = span_from(rendered);
		while (lines.n && lines.p[lines.n - 1] == '\n')
			lines.n--;
		text = arena_dup(a, lines);
		if (text.n > LLM_ANSWER_MAX)
			break;
	}
	return as_code(markdown, a);
}
