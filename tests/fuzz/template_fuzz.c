/* Any template over any context: rendered within its limit, the same twice, or refused. */
#include <stdlib.h>

#include "llm/llm.h"

#define OUTPUT_MAX 65536

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* The context, a newline, the template. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span template = span_of(data, size), context = span_cut(&template, '\n');
	struct json v = {0};
	struct err err, again;
	if (json_parse(context, &v, &err) != STATUS_OK)
		v = (struct json){0};
	scoped_arena a = {0};
	struct span first = {0}, second = {0};
	enum status s = template_render(template, v, OUTPUT_MAX, &a, &first, &err);
	if (s != template_render(template, v, OUTPUT_MAX, &a, &second, &again) || first.n > OUTPUT_MAX ||
	    !span_eq(first, second))
		abort();
	if (s != STATUS_OK && (err.retryable || !err.msg[0] || !err.field[0]))
		abort();
	return 0;
}
