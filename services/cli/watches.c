/* Asks gannet-watchers, and shows what it says. */
#include "services/cli/watches.h"

#include <stdio.h>
#include <stdlib.h>

#include "bus/bus.h"
#include "contract/watch.h"
#include "core/clock.h"
#include "services/cli/connect.h"
#include "services/cli/field.h"
#include "services/cli/grid.h"
#include "services/cli/inbox.h"
#include "services/cli/show.h"
#include "services/cli/term.h"

#define ASK_EVERY_MS 500

static enum status ask(struct cli *c, const char *verb, struct span body, struct buf *reply, struct json *ret,
                       struct err *err)
{
	char what[64];
	snprintf(what, sizeof what, "watch.%s", verb);
	return cli_ask_json(c, "gannet-watchers", what, body, reply, ret, err);
}

static enum status ask_name(struct cli *c, const char *verb, const char *key, const char *value, struct buf *reply,
                            struct json *ret, struct err *err)
{
	scoped_buf body = {0};
	struct json_writer w = {.out = &body};
	json_begin_object(&w);
	if (value)
		json_kv_cstr(&w, key, value);
	json_end_object(&w);
	return ask(c, verb, buf_span(&body), reply, ret, err);
}

static enum style style_of_run(struct span status)
{
	return span_is(status, "failed") ? STYLE_RED : span_is(status, "completed") ? STYLE_GREEN : STYLE_YELLOW;
}

/* ---- list */

static enum outcome list(struct cli *c)
{
	static const struct grid_column columns[] = {{"WATCH", ALIGN_LEFT, 12, false},   {"WATCHER", ALIGN_LEFT, 8, false},
	                                             {"SCHEDULE", ALIGN_LEFT, 8, false}, {"NEXT", ALIGN_LEFT, 0, false},
	                                             {"LAST", ALIGN_LEFT, 0, false},     {"OPEN", ALIGN_RIGHT, 0, false},
	                                             {"SUMMARY", ALIGN_LEFT, 16, true}};
	scoped_buf reply = {0}, out = {0}, cell = {0};
	struct json v, key, w;
	struct err err;
	if (ask(c, "list", SPAN("{}"), &reply, &v, &err) != STATUS_OK)
		return cli_fail(c, &err);
	if (c->global.json) {
		cli_print_line(&reply);
		return OUTCOME_OK;
	}
	struct grid g = {.columns = columns, .n = countof(columns), .arena = &c->arena};
	for (struct json_iter it = json_iter(field(v, "watches")); json_next(&it, &key, &w);) {
		struct json last = field(w, "last");
		int64_t next_ms = field_time_ms(w, "next_at");
		grid_add(&g, field_text(w, "name", &c->arena), STYLE_BOLD);
		grid_add(&g, field_text(w, "watcher", &c->arena), STYLE_PLAIN);
		grid_add(&g, field_text(w, "schedule", &c->arena), STYLE_PLAIN);
		if (next_ms)
			show_time(&cell, next_ms);
		else
			buf_adds(&cell, field_true(w, "enabled") ? "by hand" : "off");
		grid_add_buf(&g, &cell, STYLE_PLAIN);
		grid_add(&g, last.type == JSON_OBJECT ? field_text(last, "status", &c->arena) : SPAN("never"),
		         style_of_run(field_text(last, "status", &c->arena)));
		grid_add(&g, field_text(last, "open", &c->arena), STYLE_PLAIN);
		struct span said = field_text(last, "error", &c->arena);
		grid_add(&g, said.p ? said : field_text(last, "summary", &c->arena), STYLE_DIM);
	}
	grid_print(&g, &out, grid_width(), term_has_colour(1));
	cli_print(buf_span(&out));
	struct span message = field_text(v, "message", &c->arena);
	if (message.p)
		cli_say(c, "%.*s", SPAN_ARG(message));
	return OUTCOME_OK;
}

/* ---- history */

static enum outcome history(struct cli *c, const char *name)
{
	static const struct grid_column columns[] = {{"RUN", ALIGN_LEFT, 0, false},   {"STATUS", ALIGN_LEFT, 0, false},
	                                             {"BEGAN", ALIGN_LEFT, 0, false}, {"TOOK", ALIGN_RIGHT, 0, false},
	                                             {"NEW", ALIGN_RIGHT, 0, false},  {"RESOLVED", ALIGN_RIGHT, 0, false},
	                                             {"OPEN", ALIGN_RIGHT, 0, false}, {"SUMMARY", ALIGN_LEFT, 16, true}};
	scoped_buf reply = {0}, out = {0}, cell = {0};
	struct json v, key, r;
	struct err err;
	if (ask_name(c, "history", "name", name, &reply, &v, &err) != STATUS_OK)
		return cli_fail(c, &err);
	if (c->global.json) {
		cli_print_line(&reply);
		return OUTCOME_OK;
	}
	struct grid g = {.columns = columns, .n = countof(columns), .arena = &c->arena};
	for (struct json_iter it = json_iter(field(v, "runs")); json_next(&it, &key, &r);) {
		struct span status = field_text(r, "status", &c->arena), error = field_text(r, "error", &c->arena);
		int64_t began_ms = field_time_ms(r, "started_at"), took_ms;
		grid_add(&g, field_text(r, "run_id", &c->arena), STYLE_BOLD);
		grid_add(&g, status, style_of_run(status));
		show_time(&cell, began_ms ? began_ms : field_time_ms(r, "turn_at"));
		grid_add_buf(&g, &cell, STYLE_PLAIN);
		if (field_i64(r, "duration_ms", &took_ms))
			show_duration(&cell, took_ms);
		grid_add_buf(&g, &cell, STYLE_PLAIN);
		grid_add(&g, field_text(r, "opened", &c->arena), STYLE_PLAIN);
		grid_add(&g, field_text(r, "resolved", &c->arena), STYLE_PLAIN);
		grid_add(&g, field_text(r, "open", &c->arena), STYLE_PLAIN);
		grid_add(&g, error.p ? error : field_text(r, "summary", &c->arena), STYLE_DIM);
	}
	grid_print(&g, &out, grid_width(), term_has_colour(1));
	cli_print(buf_span(&out));
	return OUTCOME_OK;
}

/* ---- run */

static enum outcome show_run(struct cli *c, struct json record, struct buf *reply)
{
	scoped_buf out = {0};
	struct span status = field_text(record, "status", &c->arena);
	bool failed = span_is(status, "failed");
	if (c->global.json) {
		cli_print_line(reply);
		return failed ? OUTCOME_JOB_FAILED : OUTCOME_OK;
	}
	style_begin(&out, style_of_run(status), term_has_colour(1));
	text_line(&out, field_text(record, failed ? "error" : "summary", &c->arena));
	style_end(&out, style_of_run(status), term_has_colour(1));
	buf_addc(&out, '\n');
	struct json result = field(record, "result"), key, m;
	if (result.type == JSON_OBJECT) {
		for (struct json_iter it = json_iter(field(result, "metrics")); json_next(&it, &key, &m);) {
			buf_printf(&out, "  %.*s: %.*s (threshold %.*s), %.*s\n", SPAN_ARG(field_text(m, "metric_type", &c->arena)),
			           SPAN_ARG(field_text(m, "value", &c->arena)), SPAN_ARG(field_text(m, "threshold", &c->arena)),
			           SPAN_ARG(field_text(m, "severity", &c->arena)));
		}
		for (struct json_iter it = json_iter(field(result, "patterns")); json_next(&it, &key, &m);) {
			buf_printf(&out, "  %.*s times: ", SPAN_ARG(field_text(m, "occurrences", &c->arena)));
			text_line(&out, field_text(m, "description", &c->arena));
			buf_addc(&out, '\n');
		}
		for (struct json_iter it = json_iter(field(result, "findings")); json_next(&it, &key, &m);) {
			buf_printf(&out, "  %.*s: ", SPAN_ARG(field_text(m, "severity", &c->arena)));
			text_line(&out, field_text(m, "title", &c->arena));
			buf_addc(&out, '\n');
		}
	}
	cli_print(buf_span(&out));
	return failed ? OUTCOME_JOB_FAILED : OUTCOME_OK;
}

static void show_progress(struct cli *c, struct inbox *in)
{
	for (struct note *n; (n = inbox_take(in)); free(n)) {
		struct json v;
		struct err ignored;
		if (term_is_tty(2) && json_parse(n->data, &v, &ignored) == STATUS_OK)
			cli_say(c, "%.*s %% %.*s", SPAN_ARG(field_text(v, "percent", &c->arena)),
			        SPAN_ARG(field_text(v, "step", &c->arena)));
	}
}

/* Progress is only a courtesy: the record says when it is over. */
static enum outcome wait_for(struct cli *c, const char *run_id, struct inbox *in)
{
	scoped_buf reply = {0};
	struct json v;
	struct err err;
	int64_t began_ms = clock_mono_ms(&clock_system);
	term_catch_signals();
	for (;;) {
		show_progress(c, in);
		if (ask_name(c, "get", "run_id", run_id, &reply, &v, &err) != STATUS_OK)
			return cli_fail(c, &err);
		struct span status = field_text(v, "status", &c->arena);
		if (span_is(status, "completed") || span_is(status, "failed"))
			return show_run(c, v, &reply);
		if (c->global.timeout_ms.set && clock_mono_ms(&clock_system) - began_ms > c->global.timeout_ms.v)
			return OUTCOME_TIMED_OUT;
		(void)term_wait(in->fd, false, ASK_EVERY_MS);
		if (term_interrupted())
			return OUTCOME_INTERRUPTED;
	}
}

static enum outcome run_one(struct cli *c, const char *name)
{
	scoped_buf reply = {0};
	struct inbox in = {0};
	struct json v;
	struct err err;
	char subject[96];
	snprintf(subject, sizeof subject, "gannet.%s.watch.progress.*", c->global.tenant);
	if (cli_connect(c, &err) != STATUS_OK || inbox_open(&in, &err) != STATUS_OK)
		return cli_fail(c, &err);
	enum outcome outcome;
	if (inbox_subscribe(&in, c->bus, subject, &err) != STATUS_OK ||
	    ask_name(c, "run", "name", name, &reply, &v, &err) != STATUS_OK)
		outcome = cli_fail(c, &err);
	else
		outcome = wait_for(c, arena_cstr(&c->arena, field_text(v, "run_id", &c->arena)), &in);
	inbox_close(&in);
	return outcome;
}

/* ---- verbs */

bool watches_is_verb(const char *word)
{
	return strcmp(word, "list") == 0 || strcmp(word, "run") == 0 || strcmp(word, "history") == 0;
}

enum outcome watches_run(struct cli *c, const char *verb, char **arguments, size_t n)
{
	if (strcmp(verb, "list") == 0)
		return n ? cli_usage(c, "gannet watch list takes no names") : list(c);
	if (strcmp(verb, "history") == 0)
		return n > 1 ? cli_usage(c, "gannet watch history takes one name at most")
		             : history(c, n ? arguments[0] : NULL);
	return n == 1 ? run_one(c, arguments[0])
	              : cli_usage(c, "gannet watch run needs the name of a watch; gannet watch list shows them");
}
