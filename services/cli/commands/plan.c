/* gannet plan: the present plan; approves a step of it and says what came of it. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/clock.h"
#include "services/cli/command.h"
#include "services/cli/connect.h"
#include "services/cli/field.h"
#include "services/cli/health.h"

#define LOOK_EVERY_MS 50
#define PROGRAM "gannet-reasoning"

struct plan_config {
	struct opt_i64 approve;
	const char *plan, *by;
	bool no_wait;
};
static struct plan_config config;

static const struct option options[] = {
    {"approve", NULL, "STEP", option_i64, offsetof(struct plan_config, approve), .min = 1, .max = 16, .help = "approve a step, which runs it"},
    {"plan", NULL, "ID", option_text, offsetof(struct plan_config, plan), .help = "of this plan instead of the present one"},
    {"by", NULL, "NAME", option_text, offsetof(struct plan_config, by), .env = "GANNET_USER", .help = "who approves it (the system's user)"},
    {"no-wait", NULL, NULL, option_flag, offsetof(struct plan_config, no_wait), .help = "do not wait for what comes of it"},
};

static enum status ask(struct cli *c, const char *what, struct span body, struct arena *a, struct json *ret, struct err *err)
{
	scoped_buf reply = {0};
	enum status s = cli_ask(c, PROGRAM, what, body, &reply, err);
	return s == STATUS_OK ? json_parse(arena_dup(a, buf_span(&reply)), ret, err) : s;
}

static enum outcome show(struct cli *c)
{
	scoped_buf out = {0};
	struct json plan, actions = {0};
	struct err err, ignored;
	if (ask(c, "reasoning.action_plan", SPAN("{}"), &c->arena, &plan, &err) != STATUS_OK)
		return cli_fail(c, &err);
	if (c->global.json) {
		buf_printf(&out, "%.*s\n", SPAN_ARG(plan.text));
	} else {
		if (ask(c, "actions.list", SPAN("{}"), &c->arena, &actions, &ignored) != STATUS_OK)
			actions = (struct json){0};
		plan_print(plan, actions, &c->arena, &out, grid_width(), term_has_colour(1));
	}
	cli_print(buf_span(&out));
	return OUTCOME_OK;
}

/* Until it has an outcome or the time is up; an action of the application may take hours. */
static enum status wait_outcome(struct cli *c, struct json *action, struct err *err)
{
	int64_t until_ms = clock_mono_ms(&clock_system) + cli_timeout_ms(c);
	scoped_buf body = {0};
	struct json_writer w = {.out = &body};
	json_begin_object(&w);
	json_kv_text(&w, "action_id", field_text(*action, "action_id", &c->arena));
	json_end_object(&w);
	while (span_is(field_text(*action, "status", &c->arena), "approved") && clock_mono_ms(&clock_system) < until_ms) {
		nanosleep(&(struct timespec){.tv_nsec = LOOK_EVERY_MS * 1000000l}, NULL);
		struct err soon; /* the record is there a moment after the approval */
		struct json now;
		enum status s = ask(c, "actions.get", buf_span(&body), &c->arena, &now, &soon);
		if (s == STATUS_OK)
			*action = now;
		else if (s != STATUS_NOT_FOUND) {
			*err = soon;
			return s;
		}
	}
	return STATUS_OK;
}

static enum outcome print_action(struct cli *c, struct json action)
{
	scoped_buf out = {0};
	struct arena *a = &c->arena;
	struct span status = field_text(action, "status", a), message = field_text(action, "message", a);
	if (c->global.json) {
		buf_printf(&out, "%.*s\n", SPAN_ARG(action.text));
	} else {
		style_begin(&out, health_style(status), term_has_colour(1));
		text_line(&out, status);
		style_end(&out, health_style(status), term_has_colour(1));
		buf_adds(&out, "  ");
		text_line(&out, field_text(action, "action_type", a));
		if (message.n) {
			buf_adds(&out, ": ");
			text_line(&out, message);
		}
		buf_addc(&out, '\n');
	}
	cli_print(buf_span(&out));
	if (field_true(action, "already"))
		cli_say(c, "it had been approved before; nothing new was run");
	if (span_is(status, "approved") && !config.no_wait)
		cli_say(c, "no outcome yet; gannet plan shows it when it is there");
	return span_is(status, "failed") ? OUTCOME_ERROR : OUTCOME_OK;
}

static enum outcome approve(struct cli *c)
{
	scoped_buf body = {0};
	struct json_writer w = {.out = &body};
	struct json plan, action;
	struct err err;
	const char *by = config.by ? config.by : getenv("USER");
	struct span plan_id = span_from(config.plan);
	if (!plan_id.p) {
		if (ask(c, "reasoning.action_plan", SPAN("{}"), &c->arena, &plan, &err) != STATUS_OK)
			return cli_fail(c, &err);
		plan_id = field_text(plan, "plan_id", &c->arena);
	}
	json_begin_object(&w);
	json_kv_text(&w, "plan_id", plan_id);
	json_kv_i64(&w, "step", config.approve.v);
	json_kv_cstr(&w, "by", by && *by ? by : "gannet");
	json_end_object(&w);
	if (ask(c, "actions.approve", buf_span(&body), &c->arena, &action, &err) != STATUS_OK)
		return cli_fail(c, &err);
	struct json asked = action;
	if (!config.no_wait && wait_outcome(c, &action, &err) != STATUS_OK)
		return cli_fail(c, &err);
	enum outcome o = print_action(c, action);
	if (field_true(asked, "already") && !field_true(action, "already"))
		cli_say(c, "it had been approved before; nothing new was run");
	return o;
}

static enum outcome run(struct cli *c, char **arguments, size_t n)
{
	(void)arguments, (void)n;
	return config.approve.set ? approve(c) : show(c);
}

const struct command command_plan = {
    .name = "plan",
    .summary = "show the plan that the last reasoning made; approve its steps",
    .options = options,
    .options_n = countof(options),
    .config = &config,
    .details = "Nothing of a plan runs before it is approved. Approving a step twice runs it once.\n",
    .run = run,
};
