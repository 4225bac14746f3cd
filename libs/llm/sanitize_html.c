/* Rebuilds HTML from an allow-list: gumbo reads it as a browser would, only what is known to be harmless is written. */
#include "llm/sanitize.h"

#include <gumbo.h>
#include <setjmp.h>
#include <strings.h>

#include "llm/llm.h"

/* Gumbo needs time quadratic in the depth of open elements and in the attributes of a tag, and has no limits itself. */
#define TAGS_MAX 10000                      /* '<' in the document */
#define ATTRIBUTES_MAX 512                  /* between two elements */
#define PARSE_MEMORY_MAX ((size_t)64 << 20) /* measured: 36 times the size of dense markup */

/* ---- what may stay */

enum rule { UNWRAP, KEEP, KEEP_VOID, DROP };

static const char kept[] =
    " a abbr address article aside b bdi bdo blockquote br caption cite code col colgroup dd del details dfn div dl dt"
    " em figcaption figure footer h1 h2 h3 h4 h5 h6 header hr i ins kbd li main mark nav ol p pre q s samp section"
    " small span strong sub summary sup table tbody td tfoot th thead time tr u ul var wbr ";
static const char empty[] = " br col hr wbr ";
/* Their content is no text for people; all others only lose their tags. */
static const char dropped[] =
    " applet audio button canvas embed iframe input link map math meta noembed noframes noscript object script select"
    " style svg template textarea title video ";

static bool is_among(const char *list, const char *name)
{
	size_t n = strlen(name);
	for (const char *at = list; n && (at = strstr(at, name)); at += n)
		if (at[-1] == ' ' && at[n] == ' ')
			return true;
	return false;
}

enum value { TEXT, NUMBER, WORD, URL };

static const struct attribute_rule {
	GumboTag tag; /* GUMBO_TAG_LAST: every element */
	const char *name;
	enum value value;
} attribute_rules[] = {
    {GUMBO_TAG_LAST, "title", TEXT},   {GUMBO_TAG_LAST, "lang", WORD},    {GUMBO_TAG_LAST, "dir", WORD},
    {GUMBO_TAG_A, "href", URL},        {GUMBO_TAG_TD, "colspan", NUMBER}, {GUMBO_TAG_TD, "rowspan", NUMBER},
    {GUMBO_TAG_TH, "colspan", NUMBER}, {GUMBO_TAG_TH, "rowspan", NUMBER}, {GUMBO_TAG_TH, "scope", WORD},
    {GUMBO_TAG_COL, "span", NUMBER},   {GUMBO_TAG_OL, "start", NUMBER},   {GUMBO_TAG_LI, "value", NUMBER},
};

/* ---- escaping */

bool sanitize_url(struct span url, struct buf *out)
{
	static const char *const schemes[] = {"http://", "https://", "mailto:"};
	static const char hex[] = "0123456789ABCDEF";
	while (url.n && (unsigned char)url.p[0] <= ' ')
		url.p++, url.n--;
	while (url.n && (unsigned char)url.p[url.n - 1] <= ' ')
		url.n--;
	bool known = false;
	for (size_t i = 0; i < countof(schemes); i++)
		known |= url.n > strlen(schemes[i]) && strncasecmp(url.p, schemes[i], strlen(schemes[i])) == 0;
	if (!known)
		return false;
	for (size_t i = 0; i < url.n; i++)
		if ((unsigned char)url.p[i] < ' ' || url.p[i] == 0x7f)
			return false;
	for (size_t i = 0; i < url.n; i++) {
		unsigned char c = (unsigned char)url.p[i];
		if (strchr(" \"'<>\\^`{|}", c))
			buf_add(out, (char[]){'%', hex[c >> 4], hex[c & 15]}, 3);
		else
			buf_addc(out, (char)c);
	}
	return true;
}

static const char *entity_of(char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default:
		return NULL;
	}
}

void sanitize_escape(struct span text, struct buf *out)
{
	size_t from = 0;
	for (size_t i = 0; i < text.n; i++) {
		const char *entity = entity_of(text.p[i]);
		if (!entity)
			continue;
		buf_add(out, text.p + from, i - from);
		buf_adds(out, entity);
		from = i + 1;
	}
	buf_add(out, text.p + from, text.n - from);
}

/* ---- reading */

struct guard {
	struct arena memory; /* everything gumbo allocates: freed at once, as its own freeing recurses */
	unsigned attributes;
	jmp_buf give_up;
};

static void guard_free(struct guard *g)
{
	arena_free(&g->memory);
}

_Static_assert(sizeof(GumboNode) != sizeof(GumboAttribute), "told apart by their sizes");

static void *guarded_alloc(void *arg, size_t bytes)
{
	struct guard *g = arg;
	if (bytes == sizeof(GumboNode))
		g->attributes = 0;
	else if (bytes == sizeof(GumboAttribute))
		g->attributes++;
	if (g->attributes > ATTRIBUTES_MAX || bytes > PARSE_MEMORY_MAX - g->memory.used_bytes)
		longjmp(g->give_up, 1);
	return arena_alloc(&g->memory, bytes);
}

static void guarded_free(void *arg, void *p)
{
	(void)arg, (void)p;
}

/* The tree, in the guard's memory; NULL when a limit was passed. */
static const GumboNode *parse(struct guard *g, struct span html)
{
	size_t tags = 0;
	for (size_t i = 0; i < html.n; i++)
		tags += html.p[i] == '<';
	if (tags > TAGS_MAX)
		return NULL;
	GumboOptions options = kGumboDefaultOptions;
	options.allocator = guarded_alloc;
	options.deallocator = guarded_free;
	options.userdata = g;
	options.max_errors = 0;
	options.fragment_context = GUMBO_TAG_DIV;
	if (setjmp(g->give_up))
		return NULL;
	return gumbo_parse_with_options(&options, html.p, html.n)->root;
}

/* ---- writing */

static bool is_made_of(const char *s, size_t max, const char *allowed)
{
	size_t n = strlen(s);
	return n >= 1 && n <= max && strspn(s, allowed) == n;
}

static void put_attribute(const struct attribute_rule *r, const char *value, struct buf *out)
{
	size_t before = out->len;
	buf_printf(out, " %s=\"", r->name);
	bool good = true;
	switch (r->value) {
	case TEXT:
		sanitize_escape(span_from(value), out);
		break;
	case NUMBER:
		good = is_made_of(value, 4, "0123456789");
		buf_adds(out, value);
		break;
	case WORD:
		good = is_made_of(value, 32, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-");
		buf_adds(out, value);
		break;
	case URL: {
		scoped_buf url = {0};
		good = sanitize_url(span_from(value), &url);
		sanitize_escape(buf_span(&url), out);
		break;
	}
	}
	buf_adds(out, r->value == URL ? "\" rel=\"nofollow noopener noreferrer\"" : "\"");
	if (!good)
		out->len = before;
}

static void open_tag(const GumboElement *e, struct buf *out)
{
	buf_printf(out, "<%s", gumbo_normalized_tagname(e->tag));
	for (size_t i = 0; i < countof(attribute_rules); i++) {
		const struct attribute_rule *r = &attribute_rules[i];
		if (r->tag != GUMBO_TAG_LAST && r->tag != e->tag)
			continue;
		const GumboAttribute *a = gumbo_get_attribute(&e->attributes, r->name);
		if (a)
			put_attribute(r, a->value, out);
	}
	buf_addc(out, '>');
}

static enum rule rule_of(const GumboNode *n, size_t depth)
{
	if (n->type == GUMBO_NODE_TEMPLATE || n->v.element.tag_namespace != GUMBO_NAMESPACE_HTML)
		return DROP;
	const char *name = gumbo_normalized_tagname(n->v.element.tag);
	if (is_among(dropped, name))
		return DROP;
	if (!is_among(kept, name) || depth > SANITIZE_DEPTH_MAX)
		return UNWRAP;
	return is_among(empty, name) ? KEEP_VOID : KEEP;
}

/* Writes the node's beginning; true when its children come next. */
static bool enter(const GumboNode *n, size_t depth, struct buf *out)
{
	switch (n->type) {
	case GUMBO_NODE_TEXT:
	case GUMBO_NODE_WHITESPACE:
	case GUMBO_NODE_CDATA:
		sanitize_escape(span_from(n->v.text.text), out);
		return false;
	case GUMBO_NODE_ELEMENT:
	case GUMBO_NODE_TEMPLATE:
		break;
	default:
		return false;
	}
	enum rule r = rule_of(n, depth);
	if (r == KEEP || r == KEEP_VOID)
		open_tag(&n->v.element, out);
	const GumboAttribute *alt = gumbo_get_attribute(&n->v.element.attributes, "alt");
	if (r == UNWRAP && n->v.element.tag == GUMBO_TAG_IMG && alt)
		sanitize_escape(span_from(alt->value), out);
	return r == KEEP || r == UNWRAP;
}

static void leave(const GumboNode *n, size_t depth, struct buf *out)
{
	if (rule_of(n, depth) == KEEP)
		buf_printf(out, "</%s>", gumbo_normalized_tagname(n->v.element.tag));
}

/* Walks without recursion, as the tree may be deep. */
static void write_children(const GumboNode *root, struct buf *out)
{
	const GumboNode *parent = root;
	size_t depth = 1, next = 0; /* `next`: which child of `parent` comes next */
	for (;;) {
		if (next < parent->v.element.children.length) {
			const GumboNode *n = parent->v.element.children.data[next];
			if (!enter(n, depth, out)) {
				next++;
				continue;
			}
			parent = n;
			depth++;
			next = 0;
		} else if (parent == root) {
			return;
		} else {
			leave(parent, --depth, out);
			next = parent->index_within_parent + 1;
			parent = parent->parent;
		}
	}
}

struct span sanitize_html(struct span html, struct arena *a)
{
	__attribute__((cleanup(guard_free))) struct guard g = {0};
	scoped_buf out = {0};
	const GumboNode *root = parse(&g, html);
	if (root) {
		write_children(root, &out);
	} else {
		buf_adds(&out, "<pre>");
		sanitize_escape(html, &out);
		buf_adds(&out, "</pre>");
	}
	return arena_dup(a, buf_span(&out));
}
