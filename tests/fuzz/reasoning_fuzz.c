/* A snapshot, what was remembered and a model's answer, all of them anybody's: whatever comes out is a valid reasoning. */
#include <stdlib.h>

#include "core/clock.h"
#include "reasoning/clean.h"
#include "reasoning/prompt.h"
#include "reasoning/reason.h"

static int64_t fixed_wall_ms(const struct clock *c)
{
	(void)c;
	return 1767323070000;
}

static int64_t fixed_mono_ns(const struct clock *c)
{
	(void)c;
	return 1;
}

static void must(bool ok)
{
	if (!ok)
		abort();
}

/* The three parts are separated by a byte that no JSON has. */
static struct span part(struct span *rest)
{
	return rest->p ? span_cut(rest, '\x01') : SPAN("");
}

static void check(const struct reason_output *o, struct arena *a)
{
	struct json v;
	struct err err;
	struct reasoning r;
	scoped_buf prompt = {0}, memory = {0};
	must(json_parse(buf_span(&o->message), &v, &err) == STATUS_OK);
	must(json_decode(&reasoning_table, v, JSON_STRICT, a, &r, &err) == STATUS_OK);
	must(o->draft.score >= 0 && o->draft.score <= 100 && o->draft.insights_n >= 3 && o->draft.insights_n <= 5);
	must(o->draft.confidence >= 0 && o->draft.confidence <= 1 && o->judgement.score >= 0 && o->judgement.score <= 100);
	memory_encode(&o->memory, &memory);
	must(json_parse(buf_span(&memory), &v, &err) == STATUS_OK);
	const struct prompt_options p = {.job_id = SPAN("j"), .model = SPAN("m"), .reply_to = SPAN("gannet.t.reply.x"),
	                                 .timeout_ms = 1000, .max_tokens = 1000};
	prompt_job(o, &p, a, &prompt);
	must(json_parse(buf_span(&prompt), &v, &err) == STATUS_OK);
	struct json data;
	must(json_pointer(v, "/context/data", &data));
	struct span text = json_text(data, a);
	must(!memchr(text.p, '<', text.n) && !memchr(text.p, '>', text.n) && text.n < 2 * PROMPT_DATA_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	static const struct clock clock = {fixed_wall_ms, fixed_mono_ns};
	static struct tuning tuning;
	static struct memory memory;
	static struct reason_output o;
	scoped_arena a = {0};
	struct span rest = span_of(bytes, n), snapshot = part(&rest), remembered = part(&rest), answer = part(&rest);
	struct reason_input in = {.tenant = SPAN("t"), .memory = &memory, .around = &(struct surroundings){0}, .tuning = &tuning,
	                          .clock = &clock, .plan_ttl_ms = 3600000, .refines = n & 1};
	struct err err;
	if (json_parse(snapshot, &in.snapshot, &err) != STATUS_OK)
		return 0;
	(void)!memory_decode(remembered, &memory);
	if (json_parse(answer, &in.answer.answer, &err) == STATUS_OK) {
		in.answer.model = SPAN("m");
		in.answer.job_id = SPAN("j");
	} else {
		in.answer = (struct model_answer){0};
	}
	if (reason(&in, &a, &o, &err) == STATUS_OK)
		check(&o, &a);
	reason_output_free(&o);
	return 0;
}
