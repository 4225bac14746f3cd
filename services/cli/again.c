/* Asks for a new job after the pattern of an old one. */
#include "services/cli/again.h"

#include "contract/job.h"
#include "services/cli/connect.h"
#include "services/cli/each.h"
#include "services/cli/field.h"
#include "services/cli/follow.h"
#include "services/cli/input.h"

static enum status write_request(struct cli *c, struct json_writer *w, struct span job_id, const struct again *o,
                                 struct err *err)
{
	struct json context = {0};
	json_begin_object(w);
	json_kv_text(w, "job_id", job_id);
	if (o->model)
		json_kv_cstr(w, "model", o->model);
	if (o->context && input_object(&c->arena, "--context", o->context, JOB_PAYLOAD_MAX, &context, err) != STATUS_OK)
		return err->status;
	if (o->context || o->vars.n) {
		json_key(w, SPAN("context"));
		if (input_variables(&c->arena, context, &o->vars, JOB_PAYLOAD_MAX, w, err) != STATUS_OK)
			return err->status;
	}
	json_end_object(w);
	return STATUS_OK;
}

enum outcome again(struct cli *c, const char *verb, const char *given, const struct again *o)
{
	scoped_buf body = {.max_bytes = JOB_PAYLOAD_MAX}, reply = {0};
	struct json_writer w = {.out = &body};
	struct err err;
	struct span job_id;
	struct json v;
	if (cli_job_id(given, &job_id, &err) != STATUS_OK)
		return cli_usage(c, "%s", err.msg);
	if (write_request(c, &w, job_id, o, &err) != STATUS_OK ||
	    cli_request(c, verb, buf_span(&body), &reply, &err) != STATUS_OK ||
	    json_parse(buf_span(&reply), &v, &err) != STATUS_OK)
		return cli_fail(c, &err);
	if (o->wait)
		return follow_existing(c, field_text(v, "job_id", &c->arena), 1, false);
	print_job_reply(c, buf_span(&reply));
	return OUTCOME_OK;
}
