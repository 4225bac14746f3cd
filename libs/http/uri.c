/* Cuts request targets into their parts. */
#include "http/uri.h"

#include "core/utf8.h"

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* False for broken encoding, controls, and bytes that are no UTF-8. */
static bool decode(struct span s, bool plus_is_space, struct arena *a, struct span *ret)
{
	char *out = arena_alloc(a, s.n + 1);
	size_t n = 0;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (c == '%') {
			int high = i + 2 < s.n ? hex(s.p[i + 1]) : -1, low = high >= 0 ? hex(s.p[i + 2]) : -1;
			if (low < 0)
				return false;
			c = (char)(high << 4 | low);
			i += 2;
			if (c == 0)
				return false;
		} else if (c == '+' && plus_is_space) {
			c = ' ';
		} else if ((unsigned char)c <= ' ' || c == 0x7f) {
			return false;
		}
		out[n++] = c;
	}
	*ret = span_of(out, n);
	return utf8_valid(*ret);
}

static bool has_control(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f)
			return true;
	return false;
}

static bool segment_is_plain(struct span s)
{
	return s.n > 0 && !span_is(s, ".") && !span_is(s, "..") && !memchr(s.p, '/', s.n) && !memchr(s.p, '\\', s.n) &&
	       !has_control(s);
}

static enum status parse_path(struct span path, struct arena *a, struct http_target *ret, struct err *err)
{
	if (path.n > 1 && path.p[path.n - 1] == '/')
		path.n--;
	if (path.n == 0 || path.p[0] != '/')
		return err_field(err, STATUS_INVALID, "path", "the path does not begin with /");
	struct span rest = span_of(path.p + 1, path.n - 1);
	while (rest.p && path.n > 1) {
		if (ret->segments_n == HTTP_SEGMENTS_MAX)
			return err_field(err, STATUS_INVALID, "path", "the path has more than %d segments", HTTP_SEGMENTS_MAX);
		struct span *to = &ret->segments[ret->segments_n];
		if (!decode(span_cut(&rest, '/'), false, a, to) || !segment_is_plain(*to))
			return err_field(err, STATUS_INVALID, "path",
			                 "segment %zu of the path is empty, a dot segment, or not percent-encoded UTF-8 without / and \\",
			                 ret->segments_n + 1);
		ret->segments_n++;
	}
	return STATUS_OK;
}

static enum status parse_query(struct span query, struct arena *a, struct http_target *ret, struct err *err)
{
	for (struct span rest = query; rest.p;) {
		struct span value = span_cut(&rest, '&'), name = {0};
		if (!value.n)
			continue;
		if (ret->pairs_n == HTTP_PAIRS_MAX)
			return err_field(err, STATUS_INVALID, "query", "the query has more than %d parameters", HTTP_PAIRS_MAX);
		struct http_pair *to = &ret->pairs[ret->pairs_n++];
		name = span_cut(&value, '=');
		if (!decode(name, true, a, &to->name) || !decode(value.p ? value : SPAN(""), true, a, &to->value) || !to->name.n)
			return err_field(err, STATUS_INVALID, "query", "parameter %zu of the query is not percent-encoded UTF-8",
			                 ret->pairs_n);
	}
	return STATUS_OK;
}

enum status http_target_parse(struct span target, struct arena *a, struct http_target *ret, struct err *err)
{
	ret->segments_n = ret->pairs_n = 0;
	size_t scheme = span_starts(target, SPAN("http://")) ? 7 : span_starts(target, SPAN("https://")) ? 8 : 0;
	if (scheme) {
		struct span rest = span_of(target.p + scheme, target.n - scheme);
		const char *slash = rest.n ? memchr(rest.p, '/', rest.n) : NULL;
		target = slash ? span_of(slash, (size_t)(rest.p + rest.n - slash)) : SPAN("/");
	}
	struct span query = target, path = span_cut(&query, '?');
	if (memchr(target.p, '#', target.n))
		return err_field(err, STATUS_INVALID, "path", "a fragment (#…) is not for servers");
	enum status s = parse_path(path, a, ret, err);
	return s == STATUS_OK ? parse_query(query, a, ret, err) : s;
}
