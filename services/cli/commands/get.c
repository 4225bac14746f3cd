/* gannet get: one job's record, for reading. */
#include "core/clock.h"
#include "services/cli/command.h"
#include "services/cli/connect.h"
#include "services/cli/ending.h"
#include "services/cli/field.h"
#include "services/cli/show.h"
#include "services/cli/term.h"
#include "services/cli/text.h"

#define TEXT_COLUMNS 100 /* longer lines are hard to read */

static void heading(struct buf *out, struct json r, struct arena *a, bool colour)
{
	struct span status = field_text(r, "status", a);
	row_label(out, "job", colour);
	text_line(out, field_text(r, "job_id", a));
	buf_adds(out, "  ");
	style_begin(out, style_of_status(status), colour);
	text_line(out, status);
	style_end(out, style_of_status(status), colour);
	buf_addc(out, '\n');
}

/* Several members in one row, each with a word before it. */
static void joined_row(struct buf *out, const char *label, struct json r, const char *const *keys,
                       const char *const *words, size_t n, struct arena *a, bool colour)
{
	scoped_buf text = {0};
	for (size_t i = 0; i < n; i++) {
		struct span v = field_text(r, keys[i], a);
		if (!v.n)
			continue;
		if (text.len)
			buf_adds(&text, "  ");
		buf_adds(&text, words[i]);
		buf_addspan(&text, v);
	}
	row(out, label, buf_span(&text), colour);
}
#define JOINED_ROW(label, keys, words) joined_row(out, label, r, keys, words, countof(keys), a, colour)

static void time_row(struct buf *out, const char *label, int64_t ms, bool relative, bool colour)
{
	scoped_buf text = {0};
	if (!ms)
		return;
	show_time(&text, ms);
	if (relative) {
		buf_adds(&text, "  (");
		show_age(&text, ms, clock_wall_ms(&clock_system));
		buf_adds(&text, " ago)");
	}
	row(out, label, buf_span(&text), colour);
}

static void facts(struct buf *out, struct json r, struct arena *a, bool colour)
{
	static const char *const queue[] = {"kind", "priority", "job_type"}, *const queue_words[] = {"", "", "type "};
	static const char *const who[] = {"user_id", "agent_id"}, *const who_words[] = {"", "agent "};
	static const char *const where[] = {"pipeline", "record_id", "field_name"}, *const where_words[] = {"", "record ",
	                                                                                                    "field "};
	static const char *const again[] = {"run", "retry_count"}, *const again_words[] = {"run ", "retries "};
	scoped_buf text = {0};
	struct ending e;
	ending_from_record(r, a, &e);
	heading(out, r, a, colour);
	row(out, "output", field_text(r, "output_id", a), colour);
	JOINED_ROW("queue", queue, queue_words);
	ending_model(&e, &text);
	row(out, "model", buf_span(&text), colour);
	JOINED_ROW("user", who, who_words);
	JOINED_ROW("for", where, where_words);
	time_row(out, "submitted", field_time_ms(r, "created_at"), true, colour);
	time_row(out, "retry at", field_time_ms(r, "retry_at"), false, colour);
	time_row(out, "ended", field_time_ms(r, "completed_at"), true, colour);
	buf_reset(&text);
	ending_times(&e, &text);
	row(out, "time", buf_span(&text), colour);
	buf_reset(&text);
	ending_tokens(&e, &text);
	row(out, "tokens", buf_span(&text), colour);
	buf_reset(&text);
	if (e.cost_nanousd >= 0)
		show_cost(&text, e.cost_nanousd);
	row(out, "cost", buf_span(&text), colour);
	if (field_i64_or(r, "run", 1) > 1 || field_i64_or(r, "retry_count", 0) > 0)
		JOINED_ROW("tries", again, again_words);
	struct span feedback = field_text(r, "feedback", a);
	row(out, "feedback", span_is(feedback, "none") ? (struct span){0} : feedback, colour);
	if (!e.error_code.n && !e.error_message.n)
		return;
	buf_reset(&text);
	ending_error(&e, &text);
	row_label(out, "error", colour);
	style_begin(out, STYLE_RED, colour);
	text_wrap(out, buf_span(&text), term_columns(), ROW_LABEL_COLUMNS);
	style_end(out, STYLE_RED, colour);
	buf_addc(out, '\n');
}

static void section(struct buf *out, const char *title, struct span text, bool colour)
{
	size_t columns = term_columns() < TEXT_COLUMNS ? term_columns() : TEXT_COLUMNS;
	if (!text.n)
		return;
	buf_addc(out, '\n');
	style_text(out, STYLE_BOLD, colour, title);
	buf_adds(out, "\n  ");
	text_wrap(out, text, columns, 2);
	buf_addc(out, '\n');
}

static void print_record(struct cli *c, struct json r)
{
	scoped_buf out = {0};
	bool colour = term_has_colour(1);
	struct arena *a = &c->arena;
	facts(&out, r, a, colour);
	struct span prompt = field_text(r, "prompt", a), answer = field_text(r, "parsed_output", a);
	if (prompt.n) {
		section(&out, "Prompt", prompt, colour);
	} else {
		section(&out, "Template", field_text(r, "prompt_template", a), colour);
		section(&out, "Input", field_text(r, "input_data", a), colour);
	}
	section(&out, "Answer", answer.n ? answer : field_text(r, "output_data", a), colour);
	if (!answer.n)
		section(&out, "Raw response", field_text(r, "raw_response", a), colour);
	cli_print(buf_span(&out));
}

static enum outcome run(struct cli *c, char **arguments, size_t n)
{
	(void)n;
	scoped_buf reply = {0};
	struct err err;
	struct span job_id;
	struct json record;
	if (cli_job_id(arguments[0], &job_id, &err) != STATUS_OK)
		return cli_usage(c, "%s", err.msg);
	if (cli_request_job(c, "get", job_id, &reply, &err) != STATUS_OK ||
	    json_parse(buf_span(&reply), &record, &err) != STATUS_OK)
		return cli_fail(c, &err);
	if (!c->global.json) {
		print_record(c, record);
		return OUTCOME_OK;
	}
	cli_print_line(&reply);
	return OUTCOME_OK;
}

const struct command command_get = {
    .name = "get",
    .summary = "show a job's record: what was asked, what came out, what it cost",
    .arguments = "ID",
    .arguments_min = 1,
    .arguments_max = 1,
    .details = "ID is a job's or an output's id.\n",
    .run = run,
};
