/* Renders {{variables}} out of a JSON object: finds them all, walks the object once to resolve them, writes the text.
 */
#include "llm/llm.h"

#include <stdio.h>
#include <stdlib.h>

#define MISSING_NAMED 8 /* missing variables that an error names */

struct variable {
	size_t from, to;   /* where it stands in the template, braces included */
	struct span name;  /* absent: an escaped {{ */
	struct span value; /* as it will be written; absent: not found */
};

/* ---- finding */

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_name(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_letter(s.p[i]) && (i == 0 || !((s.p[i] >= '0' && s.p[i] <= '9') || s.p[i] == '.' || s.p[i] == '-')))
			return false;
	return s.n > 0;
}

/* The place of the first `pair` at or after `from`; the template's length when there is none. */
static size_t find_pair(struct span t, size_t from, const char *pair)
{
	const char *at = t.n - from >= 2 ? memmem(t.p + from, t.n - from, pair, 2) : NULL;
	return at ? (size_t)(at - t.p) : t.n;
}

/* Reads the variable that begins at `at`. */
static enum status read_variable(struct span t, size_t at, struct variable *ret, struct err *err)
{
	*ret = (struct variable){.from = at};
	if (span_starts(span_of(t.p + at, t.n - at), SPAN("{{{{"))) {
		ret->to = at + 4;
		return STATUS_OK;
	}
	size_t end = find_pair(t, at + 2, "}}");
	if (end == t.n)
		return err_field(err, STATUS_INVALID, "template", "{{ at byte %zu is never closed by }}", at);
	ret->to = end + 2;
	ret->name = span_trim(span_of(t.p + at + 2, end - at - 2));
	if (!is_name(ret->name))
		return err_field(
		    err, STATUS_INVALID, "template",
		    "the name after {{ at byte %zu is not of the form [A-Za-z_][A-Za-z0-9_.-]*; write {{{{ for a literal {{",
		    at);
	return STATUS_OK;
}

static size_t count_pairs(struct span t)
{
	size_t n = 0;
	for (size_t at = 0; (at = find_pair(t, at, "{{")) < t.n; at += 2)
		n++;
	return n;
}

static enum status find_variables(struct span t, struct arena *a, struct variable **ret, size_t *ret_n, struct err *err)
{
	struct variable *v = arena_alloc(a, count_pairs(t) * sizeof *v);
	size_t n = 0;
	for (size_t at = 0; (at = find_pair(t, at, "{{")) < t.n; at = v[n++].to) {
		enum status s = read_variable(t, at, &v[n], err);
		if (s != STATUS_OK)
			return s;
	}
	*ret = v;
	*ret_n = n;
	return STATUS_OK;
}

/* ---- values as text */

/* Bytes of the invisible character at s.p[0] (U+200B–D, 2060, FEFF, E0000–E007F), 0 if it is none. */
static size_t invisible(struct span s)
{
	const unsigned char *c = (const unsigned char *)s.p;
	if (s.n >= 3 && c[0] == 0xe2 && c[1] == 0x80 && c[2] >= 0x8b && c[2] <= 0x8d)
		return 3;
	if (s.n >= 3 && ((c[0] == 0xe2 && c[1] == 0x81 && c[2] == 0xa0) || (c[0] == 0xef && c[1] == 0xbb && c[2] == 0xbf)))
		return 3;
	if (s.n >= 4 && c[0] == 0xf3 && c[1] == 0xa0 && (c[2] == 0x80 || c[2] == 0x81))
		return 4;
	return 0;
}

/* The text itself when there is nothing to remove. */
static struct span visible(struct span s, struct arena *a)
{
	char *kept = NULL;
	size_t n = 0;
	for (size_t i = 0; i < s.n;) {
		size_t skip = (unsigned char)s.p[i] >= 0xe2 ? invisible(span_of(s.p + i, s.n - i)) : 0;
		if (skip && !kept) {
			kept = arena_alloc(a, s.n);
			memcpy(kept, s.p, i);
		}
		if (kept && !skip)
			kept[n] = s.p[i];
		n += !skip;
		i += skip ? skip : 1;
	}
	return kept ? span_of(kept, n) : s;
}

static struct span as_text(struct json value, struct arena *a)
{
	scoped_buf compact = {0};
	switch (value.type) {
	case JSON_STRING:
		return visible(json_text(value, a), a);
	case JSON_ARRAY:
	case JSON_OBJECT:
		json_compact(value, &compact);
		return visible(arena_dup(a, buf_span(&compact)), a);
	case JSON_NULL:
		return SPAN("");
	default:
		return value.text;
	}
}

/* ---- resolving */

/* Order of names by their segments: a dot sorts before everything else, so that names with a common path are
 * neighbours. */
static int compare_names(struct span a, struct span b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	for (size_t i = 0; i < n; i++)
		if (a.p[i] != b.p[i])
			return a.p[i] == '.' ? -1 : b.p[i] == '.' ? 1 : a.p[i] < b.p[i] ? -1 : 1;
	return a.n < b.n ? -1 : a.n > b.n;
}

static int compare_variables(const void *a, const void *b)
{
	const struct variable *const *x = a, *const *y = b;
	return compare_names((*x)->name, (*y)->name);
}

static struct span segment_at(struct span name, size_t from)
{
	struct span rest = span_of(name.p + from, name.n - from);
	return span_cut(&rest, '.');
}

/* The first of the sorted v[0..n) whose segment at `from` is not before `key`, or with `after` the first that comes
 * behind it. */
static size_t bound(struct variable **v, size_t n, size_t from, struct span key, bool after)
{
	size_t low = 0;
	while (low < n) {
		size_t mid = low + (n - low) / 2;
		int order = compare_names(segment_at(v[mid]->name, from), key);
		if (order < 0 || (after && order == 0)) {
			low = mid + 1;
		} else {
			n = mid;
		}
	}
	return low;
}

/*
 * Gives the sorted v[0..n), whose names agree up to `from`, their values below `value`. One walk serves all names and a
 * value is written out once, so that no template can make a big context be read again and again. The recursion is no
 * deeper than the checked document.
 */
static void resolve(struct variable **v, size_t n, size_t from, struct json value, struct arena *a)
{
	struct json_iter it = json_iter(value);
	struct json key, member;
	for (int64_t index = 0; json_next(&it, &key, &member); index++) {
		char digits[24];
		struct span segment = key.type == JSON_STRING
		                          ? json_text(key, a)
		                          : span_of(digits, (size_t)snprintf(digits, sizeof digits, "%lld", (long long)index));
		size_t first = bound(v, n, from, segment, false), end = bound(v, n, from, segment, true);
		if (first == end)
			continue;
		if (v[first]->name.n == from + segment.n) {
			struct span text = as_text(member, a);
			for (; first < end && v[first]->name.n == from + segment.n; first++)
				v[first]->value = text;
		}
		if (first < end)
			resolve(v + first, end - first, from + segment.n + 1, member, a);
	}
}

static void resolve_all(struct variable *v, size_t n, struct json context, struct arena *a)
{
	struct variable **sorted = arena_alloc(a, n * sizeof *sorted);
	size_t named = 0;
	for (size_t i = 0; i < n; i++)
		if (v[i].name.p)
			sorted[named++] = &v[i];
	qsort(sorted, named, sizeof *sorted, compare_variables);
	resolve(sorted, named, 0, context, a);
}

static enum status check_missing(const struct variable *v, size_t n, struct err *err)
{
	struct span named[MISSING_NAMED];
	size_t missing = 0;
	scoped_buf list = {0};
	for (size_t i = 0; i < n && missing < MISSING_NAMED; i++) {
		bool known = !v[i].name.p || v[i].value.p;
		for (size_t j = 0; j < missing && !known; j++)
			known = span_eq(named[j], v[i].name);
		if (known)
			continue;
		named[missing++] = v[i].name;
		buf_printf(&list, "%s%.*s", missing > 1 ? ", " : "", SPAN_ARG(v[i].name));
	}
	if (!missing)
		return STATUS_OK;
	return err_field(err, STATUS_UNPROCESSABLE, "context", "the template's variables are missing: %s", list.data);
}

/* ---- writing */

enum status template_render(struct span template, struct json context, size_t max_bytes, struct arena *a,
                            struct span *ret, struct err *err)
{
	struct variable *v;
	size_t n, from = 0;
	if (!template.p)
		template = SPAN("");
	enum status s = find_variables(template, a, &v, &n, err);
	if (s != STATUS_OK)
		return s;
	resolve_all(v, n, context, a);
	if ((s = check_missing(v, n, err)) != STATUS_OK)
		return s;
	scoped_buf out = {.max_bytes = max_bytes};
	for (size_t i = 0; i < n && !out.overflow; i++) {
		buf_add(&out, template.p + from, v[i].from - from);
		buf_addspan(&out, v[i].name.p ? v[i].value : SPAN("{{"));
		from = v[i].to;
	}
	buf_add(&out, template.p + from, template.n - from);
	if (out.overflow)
		return err_field(err, STATUS_TOO_LARGE, "template", "the rendered prompt is over %zu bytes", max_bytes);
	*ret = arena_dup(a, buf_span(&out));
	return STATUS_OK;
}
