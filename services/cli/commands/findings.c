/* gannet findings: what watchers found and who was told; silences and maintenance. */
#include <stdio.h>

#include "contract/notifier.h"
#include "core/clock.h"
#include "services/cli/command.h"
#include "services/cli/connect.h"
#include "services/cli/ending.h"
#include "services/cli/field.h"
#include "services/cli/grid.h"
#include "services/cli/health.h"
#include "services/cli/show.h"

struct findings {
	struct texts sources;
	const char *type, *severity, *fail_on, *reason, *by;
	struct opt_i64 limit, for_ms;
	struct json_time from, until;
};
static struct findings config;

static const struct option options[] = {
    {"source", NULL, "NAME", option_texts, offsetof(struct findings, sources),
     .help = "list: of this source; maintain: of such sources, * and ? allowed, may be given several times (all)"},
    {"type", NULL, "NAME", option_text, offsetof(struct findings, type), .help = "list: of this type"},
    {"severity", "s", "NAME", option_choice, offsetof(struct findings, severity), .names = severity_names,
     .help = "list: at least so severe"},
    {"limit", "n", "N", option_i64, offsetof(struct findings, limit), .min = 1, .max = FINDINGS_LIMIT_MAX,
     .help = "list: at most so many (100)"},
    {"fail-on", NULL, "NAME", option_choice, offsetof(struct findings, fail_on), .names = severity_names,
     .help = "list: exit with 8 when one is listed that is at least so severe and not silenced"},
    {"for", NULL, "TIME", option_ms, offsetof(struct findings, for_ms), .min = 1000, .max = SILENCE_MAX_MS,
     .help = "silence, maintain: how long, from its begin on"},
    {"until", NULL, "TIME", option_future, offsetof(struct findings, until), .help = "silence, maintain: or until when"},
    {"from", NULL, "TIME", option_future, offsetof(struct findings, from), .help = "maintain: its begin (now)"},
    {"reason", "r", "TEXT", option_text, offsetof(struct findings, reason), .help = "silence, maintain: why"},
    {"by", NULL, "NAME", option_text, offsetof(struct findings, by), .env = "GANNET_USER",
     .help = "silence, maintain: who wants it"},
};

/* ---- asking */

static enum status ask(struct cli *c, const char *verb, struct span body, struct buf *reply, struct json *ret, struct err *err)
{
	char what[64];
	snprintf(what, sizeof what, "findings.%s", verb);
	return cli_ask_json(c, "gannet-notifier", what, body, reply, ret, err);
}

static enum status ask_about(struct cli *c, const char *verb, const char *fingerprint, struct buf *reply, struct json *ret,
                             struct err *err)
{
	scoped_buf body = {0};
	struct json_writer w = {.out = &body};
	json_begin_object(&w);
	json_kv_cstr(&w, "fingerprint", fingerprint);
	json_end_object(&w);
	return ask(c, verb, buf_span(&body), reply, ret, err);
}

static void put_text(struct json_writer *w, const char *key, const char *value)
{
	if (value)
		json_kv_cstr(w, key, value);
}

/* ---- list */

/* Who was told, or why nobody was. */
static void put_told(struct json entry, struct buf *out, struct arena *a)
{
	struct json key, told;
	int64_t silenced_ms = field_time_ms(entry, "silenced_until");
	if (silenced_ms) {
		buf_adds(out, "silenced until ");
		show_time(out, silenced_ms);
		return;
	}
	if (field_true(entry, "held_back"))
		buf_adds(out, "maintenance");
	for (struct json_iter it = json_iter(field(entry, "notified")); json_next(&it, &key, &told);)
		buf_printf(out, "%s%.*s", out->len ? ", " : "", SPAN_ARG(field_text(told, "target", a)));
}

static void add_row(struct grid *g, struct json entry, struct arena *a)
{
	struct json f = field(entry, "finding");
	struct span severity = field_text(f, "severity", a);
	scoped_buf b = {0};
	grid_add(g, field_text(f, "fingerprint", a), STYLE_PLAIN);
	grid_add(g, severity, health_style(severity));
	grid_add(g, field_text(f, "source", a), STYLE_PLAIN);
	show_age(&b, field_time_ms(f, "first_seen"), clock_wall_ms(&clock_system));
	grid_add_buf(g, &b, STYLE_PLAIN);
	grid_add(g, field_text(f, "occurrences", a), STYLE_PLAIN);
	put_told(entry, &b, a);
	grid_add_buf(g, &b, STYLE_DIM);
	grid_add(g, field_text(f, "title", a), STYLE_PLAIN);
}

static bool is_severe(struct json entry, const char *least, struct arena *a)
{
	struct span severity = field_text(field(entry, "finding"), "severity", a);
	bool reached = false;
	if (!least || field_time_ms(entry, "silenced_until"))
		return false;
	for (size_t i = 0; severity_names[i]; i++) {
		reached |= strcmp(severity_names[i], least) == 0;
		if (span_is(severity, severity_names[i]))
			return reached;
	}
	return false;
}

static void print_list(struct cli *c, struct json list)
{
	static const struct grid_column columns[] = {{"FINDING", ALIGN_LEFT, 24, false}, {"SEVERITY", ALIGN_LEFT, 0, false},
	                                             {"SOURCE", ALIGN_LEFT, 8, false},   {"AGE", ALIGN_RIGHT, 0, false},
	                                             {"SEEN", ALIGN_RIGHT, 0, true},     {"TOLD", ALIGN_LEFT, 8, true},
	                                             {"TITLE", ALIGN_LEFT, 20, false}};
	scoped_buf out = {0};
	struct json key, entry;
	struct grid g = {.columns = columns, .n = countof(columns), .arena = &c->arena};
	for (struct json_iter it = json_iter(list); json_next(&it, &key, &entry);) {
		if (c->global.quiet)
			buf_printf(&out, "%.*s\n", SPAN_ARG(field_text(field(entry, "finding"), "fingerprint", &c->arena)));
		else
			add_row(&g, entry, &c->arena);
	}
	grid_print(&g, &out, grid_width(), term_has_colour(1));
	cli_print(buf_span(&out));
}

static enum outcome list(struct cli *c)
{
	scoped_buf body = {0}, reply = {0};
	struct json_writer w = {.out = &body};
	struct json v, key, entry;
	struct err err;
	bool found = false;
	if (config.sources.n > 1)
		return cli_usage(c, "gannet findings list takes one --source");
	json_begin_object(&w);
	put_text(&w, "source", config.sources.n ? config.sources.items[0] : NULL);
	put_text(&w, "type", config.type);
	put_text(&w, "min_severity", config.severity);
	if (config.limit.set)
		json_kv_i64(&w, "limit", config.limit.v);
	json_end_object(&w);
	if (ask(c, "list", buf_span(&body), &reply, &v, &err) != STATUS_OK)
		return cli_fail(c, &err);
	struct json findings = field(v, "findings");
	for (struct json_iter it = json_iter(findings); json_next(&it, &key, &entry);)
		found |= is_severe(entry, config.fail_on, &c->arena);
	int64_t left = field_i64_or(v, "total", 0) - (int64_t)json_count(findings);
	if (c->global.json)
		cli_print_line(&reply);
	else
		print_list(c, findings);
	if (!json_count(findings) && !c->global.json)
		cli_say(c, "no open findings in tenant %s", c->global.tenant);
	if (left > 0 && !c->global.json)
		cli_say(c, "there are %lld more; --limit shows more, --severity and --source narrow it down", (long long)left);
	return found ? OUTCOME_FOUND : OUTCOME_OK;
}

/* ---- show */

static void put_paragraph(struct buf *out, const char *title, struct span text)
{
	if (!text.n)
		return;
	buf_addc(out, '\n');
	style_text(out, STYLE_BOLD, term_has_colour(1), title);
	buf_adds(out, *title ? "\n" : "");
	text_wrap(out, text, term_is_tty(1) ? term_columns() : 100, 0);
	buf_addc(out, '\n');
}

static void put_targets(struct buf *out, struct json notified, struct arena *a)
{
	struct json key, told;
	for (struct json_iter it = json_iter(notified); json_next(&it, &key, &told);)
		row(out, "told",
		    arena_printf(a, "%.*s: %.*s %.*s", SPAN_ARG(field_text(told, "target", a)),
		                 SPAN_ARG(field_text(told, "state", a)), SPAN_ARG(field_text(told, "url", a))),
		    term_has_colour(1));
}

static void put_labels(struct buf *out, struct json labels, struct arena *a)
{
	struct json key, v;
	scoped_buf text = {0};
	for (struct json_iter it = json_iter(labels); json_next(&it, &key, &v);)
		buf_printf(&text, "%s%.*s=%.*s", text.len ? " " : "", SPAN_ARG(json_text(key, a)), SPAN_ARG(json_text(v, a)));
	if (text.len)
		row(out, "labels", buf_span(&text), term_has_colour(1));
}

static void print_finding(struct cli *c, struct json v)
{
	scoped_buf out = {0}, b = {0};
	struct arena *a = &c->arena;
	struct json f = field(v, "finding"), evidence = field(f, "evidence");
	bool colour = term_has_colour(1);
	struct span severity = field_text(f, "severity", a);
	style_begin(&out, health_style(severity), colour);
	text_line(&out, field_text(f, "title", a));
	style_end(&out, health_style(severity), colour);
	buf_addc(&out, '\n');
	row(&out, "finding", field_text(f, "fingerprint", a), colour);
	row(&out, "state",
	    arena_printf(a, "%.*s, %.*s", SPAN_ARG(severity), SPAN_ARG(field_text(f, "status", a))), colour);
	row(&out, "from",
	    arena_printf(a, "%.*s / %.*s", SPAN_ARG(field_text(f, "source", a)), SPAN_ARG(field_text(f, "type", a))), colour);
	show_time(&b, field_time_ms(f, "first_seen"));
	buf_printf(&b, ", seen %.*s times, last ", SPAN_ARG(field_text(f, "occurrences", a)));
	show_time(&b, field_time_ms(f, "timestamp"));
	row(&out, "since", buf_span(&b), colour);
	put_labels(&out, field(f, "labels"), a);
	if (field_time_ms(v, "silenced_until")) {
		buf_reset(&b);
		buf_adds(&b, "until ");
		show_time(&b, field_time_ms(v, "silenced_until"));
		row(&out, "silenced", buf_span(&b), colour);
	}
	if (field_true(v, "held_back"))
		row(&out, "held back", SPAN("by maintenance"), colour);
	put_targets(&out, field(v, "notified"), a);
	put_paragraph(&out, "", field_text(f, "description", a));
	put_paragraph(&out, "What to do", field_text(f, "recommendation", a));
	if (json_count(evidence))
		put_paragraph(&out, "Evidence", evidence.text);
	cli_print(buf_span(&out));
}

static enum outcome show(struct cli *c, const char *fingerprint)
{
	scoped_buf reply = {0};
	struct json v;
	struct err err;
	if (ask_about(c, "get", fingerprint, &reply, &v, &err) != STATUS_OK)
		return cli_fail(c, &err);
	if (c->global.json) {
		cli_print_line(&reply);
		return OUTCOME_OK;
	}
	print_finding(c, v);
	return OUTCOME_OK;
}

/* ---- silences and maintenance */

static enum outcome begin_quiet(struct cli *c, const char *verb, const char *fingerprint)
{
	scoped_buf body = {0}, reply = {0}, until = {0};
	struct json_writer w = {.out = &body};
	struct json v;
	struct err err;
	int64_t from_ms = config.from.ms ? config.from.ms : clock_wall_ms(&clock_system);
	if (config.for_ms.set == (config.until.ms != 0))
		return cli_usage(c, "gannet findings %s needs --for or --until, and not both", verb);
	int64_t until_ms = config.for_ms.set ? from_ms + config.for_ms.v : config.until.ms;
	json_begin_object(&w);
	put_text(&w, "fingerprint", fingerprint);
	if (config.from.ms)
		json_kv_time(&w, "from", from_ms);
	json_kv_time(&w, "until", until_ms);
	if (config.sources.n) {
		json_key(&w, SPAN("sources"));
		json_begin_array(&w);
		for (size_t i = 0; i < config.sources.n; i++)
			json_put_text(&w, span_from(config.sources.items[i]));
		json_end_array(&w);
	}
	put_text(&w, "reason", config.reason);
	put_text(&w, "by", config.by);
	json_end_object(&w);
	if (ask(c, verb, buf_span(&body), &reply, &v, &err) != STATUS_OK)
		return cli_fail(c, &err);
	if (c->global.json) {
		cli_print_line(&reply);
		return OUTCOME_OK;
	}
	cli_print(arena_printf(&c->arena, "%.*s\n", SPAN_ARG(field_text(v, "fingerprint", &c->arena))));
	show_time(&until, until_ms);
	cli_say(c, "%s until %.*s; gannet findings unsilence %.*s ends it", fingerprint ? "silenced" : "maintenance",
	        SPAN_ARG(buf_span(&until)), SPAN_ARG(field_text(v, "fingerprint", &c->arena)));
	return OUTCOME_OK;
}

static enum outcome unsilence(struct cli *c, const char *fingerprint)
{
	scoped_buf reply = {0};
	struct json v;
	struct err err;
	if (ask_about(c, "unsilence", fingerprint, &reply, &v, &err) != STATUS_OK)
		return cli_fail(c, &err);
	if (c->global.json)
		cli_print_line(&reply);
	return OUTCOME_OK;
}

static enum outcome maintenance(struct cli *c)
{
	static const struct grid_column columns[] = {{"WINDOW", ALIGN_LEFT, 0, false}, {"FROM", ALIGN_LEFT, 0, false},
	                                             {"UNTIL", ALIGN_LEFT, 0, false},  {"SOURCES", ALIGN_LEFT, 8, false},
	                                             {"BY", ALIGN_LEFT, 4, true},      {"REASON", ALIGN_LEFT, 10, true}};
	scoped_buf reply = {0}, out = {0}, b = {0};
	struct json v, key, one;
	struct err err;
	struct arena *a = &c->arena;
	if (ask(c, "maintenance", SPAN("{}"), &reply, &v, &err) != STATUS_OK)
		return cli_fail(c, &err);
	if (c->global.json) {
		cli_print_line(&reply);
		return OUTCOME_OK;
	}
	struct grid g = {.columns = columns, .n = countof(columns), .arena = a};
	for (struct json_iter it = json_iter(field(v, "windows")); json_next(&it, &key, &one);) {
		struct span name = field_text(one, "fingerprint", a), sources = field_text(one, "sources", a);
		grid_add(&g, name.n ? name : SPAN("(file)"), name.n ? STYLE_BOLD : STYLE_DIM);
		show_time(&b, field_time_ms(one, "from"));
		grid_add_buf(&g, &b, STYLE_PLAIN);
		show_time(&b, field_time_ms(one, "until"));
		grid_add_buf(&g, &b, STYLE_PLAIN);
		grid_add(&g, sources.n ? sources : SPAN("all"), STYLE_PLAIN);
		grid_add(&g, field_text(one, "by", a), STYLE_PLAIN);
		grid_add(&g, field_text(one, "reason", a), STYLE_DIM);
	}
	grid_print(&g, &out, grid_width(), term_has_colour(1));
	cli_print(buf_span(&out));
	if (!json_count(field(v, "windows")))
		cli_say(c, "no maintenance, now or to come");
	return OUTCOME_OK;
}

/* ---- verbs */

enum verb { LIST, SHOW, SILENCE, UNSILENCE, MAINTAIN, MAINTENANCE, VERBS };
static const char *const verbs[] = {"list", "show", "silence", "unsilence", "maintain", "maintenance", NULL};

/* Options that another verb would have minded are a mistake, not nothing. */
static const char *out_of_place(enum verb v)
{
	bool lists = v == LIST, quiets = v == SILENCE || v == MAINTAIN;
	if (config.sources.n && !lists && v != MAINTAIN)
		return "--source";
	if (!lists && (config.type || config.severity || config.limit.set || config.fail_on))
		return config.type ? "--type" : config.severity ? "--severity" : config.fail_on ? "--fail-on" : "--limit";
	if (!quiets && (config.for_ms.set || config.until.ms || config.reason))
		return config.for_ms.set ? "--for" : config.reason ? "--reason" : "--until";
	return config.from.ms && v != MAINTAIN ? "--from" : NULL;
}

static enum outcome run(struct cli *c, char **arguments, size_t n)
{
	enum verb v = LIST;
	while (n && v < VERBS && strcmp(arguments[0], verbs[v]) != 0)
		v++;
	if (v == VERBS)
		return cli_usage(c, "gannet findings has no '%s': list, show, silence, unsilence, maintain or maintenance", arguments[0]);
	bool named = v == SHOW || v == SILENCE || v == UNSILENCE;
	const char *wrong = out_of_place(v), *name = n > 1 ? arguments[1] : NULL;
	if (wrong)
		return cli_usage(c, "gannet findings %s takes no %s", verbs[v], wrong);
	if (named != (name != NULL))
		return cli_usage(c, named ? "gannet findings %s needs a fingerprint; gannet findings shows them" : "gannet findings %s takes no name",
		                 verbs[v]);
	switch (v) {
	case SHOW:
		return show(c, name);
	case UNSILENCE:
		return unsilence(c, name);
	case SILENCE:
	case MAINTAIN:
		return begin_quiet(c, verbs[v], name);
	case MAINTENANCE:
		return maintenance(c);
	default:
		return list(c);
	}
}

const struct command command_findings = {
    .name = "findings",
    .summary = "list what watchers found and who was told; silence it",
    .arguments = "[list | show FINDING | silence FINDING | unsilence FINDING | maintain | maintenance]",
    .details = "list (the default) shows what is open, worst first; show one of them. silence keeps one from being told for a while,\n"
               "maintain everything new, of some sources or all; maintenance shows such windows, those of the notifier's file\n"
               "included, and unsilence ends a silence or a window. What is still so afterwards is told then.\n\n"
               "  gannet findings --severity high --fail-on critical\n"
               "  gannet findings silence 5f0c7a1be29d4c83aa01b7e2 --for 2d --reason 'known, fixed in 2.3'\n"
               "  gannet findings maintain --source integrity --for 2h --reason 'database upgrade'\n",
    .words = verbs,
    .arguments_max = 2,
    .options = options,
    .options_n = countof(options),
    .config = &config,
    .run = run,
};
