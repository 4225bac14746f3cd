/* The provider without a model: answers at once, always the same to the same prompt, and says in every answer what it
 * is. */
#include "core/utf8.h"
#include "llm/sanitize.h"
#include "llm/wire.h"

#define EXCERPT_MAX 200 /* bytes of the prompt that an answer repeats */

#define NOTE "This is a simulated answer: no model was called."

/* The prompt's beginning on one line. */
static struct span excerpt_of(struct span prompt, struct arena *a)
{
	struct span cut = utf8_cut(prompt, EXCERPT_MAX);
	char *line = arena_alloc(a, cut.n);
	for (size_t i = 0; i < cut.n; i++)
		line[i] = (unsigned char)cut.p[i] < ' ' ? ' ' : cut.p[i];
	return span_trim(span_of(line, cut.n));
}

static void put_answer(unsigned format, struct span excerpt, struct buf *out)
{
	struct json_writer w = {out};
	switch (format) {
	case FORMAT_JSON:
		json_begin_object(&w);
		json_kv_bool(&w, "simulated", true);
		json_kv_cstr(&w, "note", NOTE);
		json_kv_text(&w, "prompt", excerpt);
		json_end_object(&w);
		break;
	case FORMAT_MARKDOWN:
		/* Indented code takes any text as it is. */
		buf_adds(out, "**" NOTE "** The prompt began:\n\n    ");
		buf_addspan(out, excerpt);
		break;
	case FORMAT_HTML:
		buf_adds(out, "<p><strong>" NOTE "</strong> The prompt began:</p><pre>");
		sanitize_escape(excerpt, out);
		buf_adds(out, "</pre>");
		break;
	default:
		buf_adds(out, NOTE " The prompt began: ");
		buf_addspan(out, excerpt);
	}
}

static enum status answer(const struct llm_call *call, struct arena *a, struct llm_answer *ret, struct err *err)
{
	(void)err;
	scoped_buf text = {0};
	put_answer(call->format, excerpt_of(call->prompt, a), &text);
	*ret = (struct llm_answer){
	    .text = arena_dup(a, buf_span(&text)),
	    .model = call->model,
	    .finish_reason = SPAN("stop"),
	    .usage_known = true,
	    .simulated = true,
	};
	ret->usage = usage_estimate(call->system, call->prompt, ret->text);
	return STATUS_OK;
}

static const char *const models[] = {"simulated", "simulated-*", NULL};

const struct provider provider_simulated = {
    .name = "simulated",
    .models = models,
    .answer = answer,
};
