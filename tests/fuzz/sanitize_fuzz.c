/* Any text as HTML and as markdown: what comes out of the first is harmless to a strict reader, and both take bounded
 * room. */
#include <stdio.h>
#include <stdlib.h>

#include "llm/llm.h"
#include "tests/lib/safe_html.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	scoped_arena a = {0};
	struct span text = span_of(data ? (const char *)data : "", size), html = sanitize_html(text, &a);
	const char *flaw = safe_html_flaw(html);
	if (flaw) {
		fprintf(stderr, "%s: %.*s\n", flaw, SPAN_ARG(html));
		abort();
	}
	struct span markdown = sanitize_markdown(text, &a);
	if (!markdown.p || markdown.n > 256 * size + 1024)
		abort();
	return 0;
}
