/* Reads and prints how a job ended. */
#include "services/cli/ending.h"

#include "services/cli/field.h"
#include "services/cli/show.h"
#include "services/cli/term.h"
#include "services/cli/text.h"

static struct ending nothing_known(void)
{
	return (struct ending){.input_tokens = -1,
	                       .output_tokens = -1,
	                       .total_tokens = -1,
	                       .cost_nanousd = -1,
	                       .queue_ms = -1,
	                       .processing_ms = -1,
	                       .total_ms = -1};
}

static struct span value_text(struct json v, struct arena *a)
{
	return v.type == JSON_STRING ? json_text(v, a) : v.type == JSON_NULL ? (struct span){0} : v.text;
}

void ending_from_event(const struct job_event *ev, struct arena *a, struct ending *ret)
{
	struct ending e = nothing_known();
	e.job_id = ev->job_id;
	e.status = span_from(job_state_names[ev->state]);
	e.model = ev->model;
	e.attempts = ev->attempt;
	e.answer = value_text(ev->output_data, a);
	if (ev->queue_time_ms.set)
		e.queue_ms = ev->queue_time_ms.v;
	if (ev->processing_time_ms.set)
		e.processing_ms = ev->processing_time_ms.v;
	if (ev->submitted_at.ms && ev->timestamp.ms)
		e.total_ms = ev->timestamp.ms - ev->submitted_at.ms;
	const struct llm_result *r = ev->result;
	if (r) {
		e.answer = value_text(r->parsed_output, a);
		e.raw_response = r->raw_response;
		e.model = r->model;
		e.provider = r->provider;
		e.simulated = r->simulated.v;
		e.cached = r->cached.v;
		if (r->cost_nanousd.set)
			e.cost_nanousd = r->cost_nanousd.v;
	}
	if (r && r->usage) {
		e.input_tokens = r->usage->input_tokens + r->usage->cache_read_tokens + r->usage->cache_write_tokens;
		e.output_tokens = r->usage->output_tokens;
		e.total_tokens = r->usage->total_tokens;
		e.estimated = r->usage->estimated.v;
	}
	if (ev->error) {
		e.error_code = ev->error->code;
		e.error_message = ev->error->message;
		e.error_field = ev->error->field;
	}
	*ret = e;
}

void ending_from_record(struct json record, struct arena *a, struct ending *ret)
{
	struct ending e = nothing_known();
	struct json usage = field(record, "usage");
	int64_t created_ms = field_time_ms(record, "created_at"), started_ms = field_time_ms(record, "started_at");
	int64_t completed_ms = field_time_ms(record, "completed_at");
	e.job_id = field_text(record, "job_id", a);
	e.status = field_text(record, "status", a);
	e.answer = field_text(record, "parsed_output", a);
	if (!e.answer.p)
		e.answer = field_text(record, "output_data", a);
	e.raw_response = field_text(record, "raw_response", a);
	e.model = field_text(record, "result_model", a);
	if (!e.model.p)
		e.model = field_text(record, "model_name", a);
	e.provider = field_text(record, "ai_provider", a);
	e.simulated = field_true(record, "simulated");
	e.cached = field_true(record, "cached");
	e.cost_nanousd = field_i64_or(record, "cost_nanousd", -1);
	e.attempts = field_i64_or(record, "retry_count", 0) + 1;
	e.processing_ms = field_i64_or(record, "processing_time_ms", -1);
	if (usage.type == JSON_OBJECT) {
		e.input_tokens = field_i64_or(usage, "input_tokens", 0) + field_i64_or(usage, "cache_read_tokens", 0) +
		                 field_i64_or(usage, "cache_write_tokens", 0);
		e.output_tokens = field_i64_or(usage, "output_tokens", 0);
		e.estimated = field_true(usage, "estimated");
	}
	e.total_tokens = field_i64_or(record, "tokens_used", -1);
	if (created_ms && started_ms)
		e.queue_ms = started_ms > created_ms ? started_ms - created_ms : 0;
	if (created_ms && completed_ms)
		e.total_ms = completed_ms - created_ms;
	e.error_code = field_text(record, "error_code", a);
	e.error_message = field_text(record, "error_message", a);
	e.error_field = field_text(record, "error_field", a);
	*ret = e;
}

enum outcome ending_outcome(const struct ending *e)
{
	if (span_is(e->status, "completed"))
		return OUTCOME_OK;
	return span_is(e->status, "cancelled") ? OUTCOME_JOB_CANCELLED : OUTCOME_JOB_FAILED;
}

void ending_error(const struct ending *e, struct buf *out)
{
	bool repeated = e->error_field.n && span_starts(e->error_message, e->error_field);
	if (e->error_code.n)
		buf_printf(out, "%.*s: ", SPAN_ARG(e->error_code));
	if (e->error_field.n && !repeated)
		buf_printf(out, "%.*s: ", SPAN_ARG(e->error_field));
	text_line(out, e->error_message.n ? e->error_message : SPAN("no reason was given"));
}

void ending_model(const struct ending *e, struct buf *out)
{
	text_line(out, e->model);
	if (e->provider.n && !span_eq(e->provider, e->model)) {
		buf_adds(out, " by ");
		text_line(out, e->provider);
	}
	if (e->simulated)
		buf_adds(out, " (simulated answer)");
	if (e->cached)
		buf_adds(out, " (from the cache)");
}

void ending_tokens(const struct ending *e, struct buf *out)
{
	if (e->total_tokens < 0)
		return;
	show_count(out, e->total_tokens);
	if (e->input_tokens >= 0) {
		buf_adds(out, " = ");
		show_count(out, e->input_tokens);
		buf_adds(out, " in + ");
		show_count(out, e->output_tokens);
		buf_adds(out, " out");
	}
	if (e->estimated)
		buf_adds(out, " (estimated)");
}

static void time_piece(struct buf *out, size_t start, int64_t ms, const char *what)
{
	if (ms < 0)
		return;
	if (out->len > start)
		buf_adds(out, " · ");
	show_duration(out, ms);
	buf_printf(out, " %s", what);
}

void ending_times(const struct ending *e, struct buf *out)
{
	size_t start = out->len;
	time_piece(out, start, e->queue_ms, "queued");
	time_piece(out, start, e->processing_ms, "processing");
	time_piece(out, start, e->total_ms, "in all");
}

void row_label(struct buf *out, const char *label, bool colour)
{
	style_begin(out, STYLE_DIM, colour);
	text_fit(out, span_from(label), ROW_LABEL_COLUMNS, ALIGN_LEFT);
	style_end(out, STYLE_DIM, colour);
}

void row(struct buf *out, const char *label, struct span text, bool colour)
{
	if (!text.n)
		return;
	row_label(out, label, colour);
	text_line(out, text);
	buf_addc(out, '\n');
}

void ending_summary(const struct ending *e, struct buf *out, bool colour)
{
	scoped_buf text = {0};
	row_label(out, "job", colour);
	text_line(out, e->job_id);
	buf_adds(out, "  ");
	style_begin(out, style_of_status(e->status), colour);
	text_line(out, e->status);
	style_end(out, style_of_status(e->status), colour);
	if (e->attempts > 1)
		buf_printf(out, " at attempt %lld", (long long)e->attempts);
	buf_addc(out, '\n');
	ending_model(e, &text);
	row(out, "model", buf_span(&text), colour);
	buf_reset(&text);
	ending_tokens(e, &text);
	row(out, "tokens", buf_span(&text), colour);
	buf_reset(&text);
	if (e->cost_nanousd >= 0)
		show_cost(&text, e->cost_nanousd);
	row(out, "cost", buf_span(&text), colour);
	buf_reset(&text);
	ending_times(e, &text);
	row(out, "time", buf_span(&text), colour);
}
