/* Any body as a provider's answer or error: read, or refused with a message fit for a log. */
#include <stdlib.h>

#include "core/utf8.h"
#include "llm/llm.h"

static void check_error(const struct err *e)
{
	if (e->status == STATUS_OK || !e->msg[0] || !utf8_valid(span_from(e->msg)))
		abort();
	for (const char *p = e->msg; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			abort();
}

static void check_answer(const struct llm_answer *r)
{
	static const char *const reasons[] = {"stop", "length", "content_filter", "refusal", "tool_calls"};
	const struct usage *u = &r->usage;
	bool known = false;
	for (size_t i = 0; i < countof(reasons); i++)
		known |= span_is(r->finish_reason, reasons[i]);
	if (!known || u->input_tokens < 0 || u->cache_read_tokens < 0 || u->cache_write_tokens < 0 ||
	    u->output_tokens < 0 ||
	    u->total_tokens != u->input_tokens + u->cache_read_tokens + u->cache_write_tokens + u->output_tokens)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* A byte that chooses the provider and the format, then the body. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct provider *p = providers[size ? data[0] % providers_n : 0];
	if (size < 1 || !p->response)
		return 0;
	scoped_arena a = {0};
	struct span body = span_of(data + 1, size - 1);
	struct llm_call call = {.model = SPAN("m"), .format = data[0] / providers_n % 4};
	struct llm_answer answer = {0};
	struct json parsed;
	struct err err = {0};
	bool money;
	if (p->response(&call, body, &a, &answer, &err) != STATUS_OK) {
		check_error(&err);
	} else {
		check_answer(&answer);
		if (format_parse(call.format, answer.text, answer.finish_reason, &a, &parsed, &err) != STATUS_OK)
			check_error(&err);
		else if (parsed.type != JSON_ABSENT && json_parse(parsed.text, &parsed, &err) != STATUS_OK)
			abort();
	}
	p->failure(400 + data[0], body, &a, &err, &money);
	check_error(&err);
	return 0;
}
