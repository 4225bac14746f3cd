/* Any bytes as a stream: fed in slices they come to the same as fed whole. */
#include <stdlib.h>

#include "llm/llm.h"

struct outcome {
	enum status status;
	struct llm_answer answer;
	struct err err;
	struct span text;
};

static struct outcome run(const struct provider *p, struct span bytes, unsigned seed, struct arena *a)
{
	struct llm_stream s = {0};
	struct outcome o = {0};
	for (size_t at = 0, n; at < bytes.n && o.status == STATUS_OK; at += n) {
		seed = seed * 1103515245 + 12345;
		n = seed % 2 ? bytes.n : 1 + (seed >> 16) % 9;
		if (n > bytes.n - at)
			n = bytes.n - at;
		o.status = llm_stream_feed(&s, p, span_of(bytes.p + at, n), a, &o.err);
	}
	if (o.status == STATUS_OK)
		o.status = llm_stream_end(&s, p, a, &o.answer, &o.err);
	o.text = arena_dup(a, buf_span(&s.text));
	llm_stream_free(&s);
	return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* A byte that chooses the provider, one that chooses the slices, then the stream. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct provider *p = providers[size ? data[0] % providers_n : 0];
	if (size < 2 || !p->stream_event)
		return 0;
	scoped_arena a = {0};
	struct span bytes = span_of(data + 2, size - 2);
	struct outcome whole = run(p, bytes, 1, &a), sliced = run(p, bytes, data[1] * 2u, &a);
	if (whole.status != sliced.status || !span_eq(whole.text, sliced.text) ||
	    whole.err.retryable != sliced.err.retryable)
		abort();
	if (!span_eq(whole.answer.finish_reason, sliced.answer.finish_reason) ||
	    !span_eq(whole.answer.model, sliced.answer.model) ||
	    memcmp(&whole.answer.usage, &sliced.answer.usage, sizeof whole.answer.usage) != 0)
		abort();
	if (whole.status == STATUS_OK && !whole.answer.finish_reason.p)
		abort();
	return 0;
}
