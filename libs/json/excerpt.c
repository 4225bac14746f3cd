/* Values in error messages, cut to what a sentence can hold. */
#include "json/excerpt.h"

#include <stdio.h>

#include "core/utf8.h"

struct excerpt excerpt(struct json v)
{
	struct excerpt e;
	struct span cut = utf8_cut(v.text, EXCERPT_BYTES);
	if (v.type == JSON_OBJECT || v.type == JSON_ARRAY)
		snprintf(e.text, sizeof e.text, "%s", v.type == JSON_OBJECT ? "an object" : "an array");
	else
		snprintf(e.text, sizeof e.text, "%.*s%s", SPAN_ARG(cut), cut.n < v.text.n ? "…" : "");
	return e;
}
