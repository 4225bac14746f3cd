/* Turns a raw answer into the output its job asked for. */
#include "llm/llm.h"
#include "llm/wire.h"

#define CANDIDATES_MAX 32 /* brackets at which a JSON value is looked for in prose */

/* ---- fences */

/* What a ``` fence that opens at the start of `s` holds, and the language after it; false when there is none or it is
   never closed. `close_last`: the fence is the whole of `s`, so that its last ``` closes it. */
static bool fenced(struct span s, bool close_last, struct span *ret_language, struct span *ret_inner)
{
	if (!span_starts(s, SPAN("```")))
		return false;
	struct span inner = span_of(s.p + 3, s.n - 3), language = span_cut(&inner, '\n');
	if (!inner.p)
		return false;
	const char *end;
	if (close_last)
		end = inner.n >= 3 && memcmp(inner.p + inner.n - 3, "```", 3) == 0 ? inner.p + inner.n - 3 : NULL;
	else
		end = memmem(inner.p, inner.n, "```", 3);
	if (!end)
		return false;
	*ret_language = span_trim(language);
	*ret_inner = span_trim(span_of(inner.p, (size_t)(end - inner.p)));
	return true;
}

/* Models like to wrap a whole document in a fence of its own language. */
static struct span unfence(struct span s, const char *language, const char *short_name)
{
	struct span named, inner;
	if (fenced(s, true, &named, &inner) && (span_is(named, language) || span_is(named, short_name)))
		return inner;
	return s;
}

/* ---- JSON among prose */

/* The end of the bracketed text that begins at s.p[0]; 0 when it is not closed. Strings are skipped, that is all. */
static size_t bracketed(struct span s)
{
	size_t depth = 0;
	bool in_string = false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (in_string) {
			i += c == '\\';
			in_string = c != '"';
		} else if (c == '"') {
			in_string = true;
		} else if (c == '{' || c == '[') {
			depth++;
		} else if ((c == '}' || c == ']') && --depth == 0) {
			return i + 1;
		}
	}
	return 0;
}

/* The longest value among the outermost arrays and objects in `s`. */
static bool find_value(struct span s, struct json *ret)
{
	struct json longest = {0};
	struct err ignored;
	for (size_t i = 0, tried = 0; i < s.n && tried < CANDIDATES_MAX; i++) {
		if (s.p[i] != '{' && s.p[i] != '[')
			continue;
		tried++;
		size_t n = bracketed(span_of(s.p + i, s.n - i));
		struct json v;
		if (!n || json_parse(span_of(s.p + i, n), &v, &ignored) != STATUS_OK)
			continue;
		if (v.text.n > longest.text.n)
			longest = v;
		i += n - 1;
	}
	*ret = longest;
	return longest.type != JSON_ABSENT;
}

static bool find_fenced_value(struct span s, struct json *ret)
{
	struct span language, inner;
	struct err ignored;
	const char *fence = memmem(s.p, s.n, "```", 3);
	return fence && fenced(span_of(fence, s.n - (size_t)(fence - s.p)), false, &language, &inner) &&
	       json_parse(inner, ret, &ignored) == STATUS_OK;
}

static enum status parse_json(struct span raw, struct span finish_reason, struct json *ret, struct err *err)
{
	struct err why = {0};
	struct json v;
	if (raw.n && (json_parse(raw, &v, &why) == STATUS_OK || find_fenced_value(raw, &v) || find_value(raw, &v))) {
		*ret = v;
		return STATUS_OK;
	}
	if (span_is(finish_reason, "length"))
		return err_field(err, STATUS_UNPROCESSABLE, "max_tokens",
		                 "the answer reached its token limit before its JSON was whole");
	if (!wire_has_text(finish_reason))
		return err_field(err, STATUS_UNPROCESSABLE, "format", "the answer is no JSON: it ended with %.*s",
		                 SPAN_ARG(finish_reason));
	err_field(err, STATUS_PROVIDER, "format", "the answer is no JSON: %s", raw.n ? why.msg : "it is empty");
	err->retryable = true;
	return STATUS_PROVIDER;
}

/* ---- formats */

static struct json as_string(struct span text, struct arena *a)
{
	scoped_buf quoted = {0};
	json_quote(&quoted, text);
	return (struct json){arena_dup(a, buf_span(&quoted)), JSON_STRING};
}

enum status format_parse(unsigned format, struct span raw, struct span finish_reason, struct arena *a, struct json *ret,
                         struct err *err)
{
	raw = span_trim(raw);
	if (format == FORMAT_JSON)
		return parse_json(raw, finish_reason, ret, err);
	if (!raw.p)
		*ret = (struct json){0};
	else if (format == FORMAT_HTML)
		*ret = as_string(sanitize_html(unfence(raw, "html", "HTML"), a), a);
	else if (format == FORMAT_MARKDOWN)
		*ret = as_string(sanitize_markdown(unfence(raw, "markdown", "md"), a), a);
	else
		*ret = as_string(raw, a);
	return STATUS_OK;
}
