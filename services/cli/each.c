/* Repeats a request for a list of job ids. */
#include "services/cli/each.h"

#include "services/cli/connect.h"
#include "services/cli/ending.h"
#include "services/cli/field.h"
#include "services/cli/term.h"
#include "services/cli/text.h"

void print_job_reply(struct cli *c, struct span reply)
{
	scoped_buf out = {0};
	scoped_arena a = {0};
	struct json v;
	struct err err;
	if (c->global.json || json_parse(reply, &v, &err) != STATUS_OK) {
		buf_addspan(&out, reply);
	} else if (c->global.quiet) {
		text_line(&out, field_text(v, "job_id", &a));
	} else {
		struct span state = field_text(v, field(v, "status").type ? "status" : "feedback", &a);
		bool colour = term_has_colour(1);
		text_line(&out, field_text(v, "job_id", &a));
		buf_adds(&out, "  ");
		style_begin(&out, style_of_status(state), colour);
		text_line(&out, state);
		style_end(&out, style_of_status(state), colour);
		if (field_i64_or(v, "run", 1) > 1)
			buf_printf(&out, "  run %lld", (long long)field_i64_or(v, "run", 1));
	}
	buf_addc(&out, '\n');
	cli_print(buf_span(&out));
}

static enum outcome one_job(struct cli *c, const char *verb, const char *given, void (*write)(struct json_writer *w))
{
	scoped_buf body = {0}, reply = {0};
	struct json_writer w = {.out = &body};
	struct span job_id;
	struct err err;
	if (cli_job_id(given, &job_id, &err) != STATUS_OK)
		return cli_usage(c, "%s", err.msg);
	json_begin_object(&w);
	json_kv_text(&w, "job_id", job_id);
	if (write)
		write(&w);
	json_end_object(&w);
	if (cli_request(c, verb, buf_span(&body), &reply, &err) != STATUS_OK)
		return cli_fail(c, &err);
	print_job_reply(c, buf_span(&reply));
	return OUTCOME_OK;
}

enum outcome each_job(struct cli *c, const char *verb, char **ids, size_t n, void (*write)(struct json_writer *w))
{
	enum outcome first = OUTCOME_OK;
	for (size_t i = 0; i < n && first != OUTCOME_UNREACHABLE; i++) {
		enum outcome o = one_job(c, verb, ids[i], write);
		if (first == OUTCOME_OK)
			first = o;
	}
	return first;
}
