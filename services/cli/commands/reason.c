/* gannet reason: how healthy the system is, why, and what should be done. */
#include "services/cli/command.h"
#include "services/cli/connect.h"
#include "services/cli/field.h"
#include "services/cli/health.h"
#include "services/cli/show.h"

struct reason_config {
	bool run, history;
	struct opt_i64 limit;
};
static struct reason_config config;

static const struct option options[] = {
    {"run", NULL, NULL, option_flag, offsetof(struct reason_config, run), .help = "take a fresh snapshot and reason on it"},
    {"history", NULL, NULL, option_flag, offsetof(struct reason_config, history), .help = "earlier ones, newest first"},
    {"limit", "n", "N", option_i64, offsetof(struct reason_config, limit), .min = 1, .max = 100, .help = "how many of them (20)"},
};

static const struct grid_column columns[] = {
    {"AT", ALIGN_LEFT, 0, false}, {"HEALTH", ALIGN_LEFT, 0, false}, {"SCORE", ALIGN_RIGHT, 0, false},
    {"BY", ALIGN_LEFT, 0, true},  {"FIRST CONCERN", ALIGN_LEFT, 20, false},
};

static void history_print(struct json page, struct arena *a, struct buf *out, size_t width, bool colour)
{
	struct grid g = {.columns = columns, .n = countof(columns), .arena = a};
	struct json key, r, first, ignored;
	for (struct json_iter it = json_iter(field(page, "reasonings")); json_next(&it, &key, &r);) {
		scoped_buf text = {0};
		struct json s = field(r, "summary");
		struct span health = field_text(s, "overall_health", a);
		struct json_iter concerns = json_iter(field(s, "concerns"));
		bool any = json_next(&concerns, &ignored, &first);
		show_time(&text, field_time_ms(r, "timestamp"));
		grid_add_buf(&g, &text, STYLE_DIM);
		grid_add(&g, health, health_style(health));
		grid_add(&g, field_text(s, "health_score", a), STYLE_PLAIN);
		grid_add(&g, field_text(r, "engine", a), STYLE_DIM);
		grid_add(&g, any ? json_text(first, a) : SPAN(""), STYLE_PLAIN);
	}
	grid_print(&g, out, width, colour);
}

static enum outcome run(struct cli *c, char **arguments, size_t n)
{
	(void)arguments, (void)n;
	scoped_buf reply = {0}, out = {0}, body = {0};
	struct json r;
	struct err err;
	const char *what = config.history ? "reasoning.history" : config.run ? "reasoning.run" : "reasoning.last";
	if (config.history && config.run)
		return cli_usage(c, "--run and --history cannot be combined");
	if (config.history && config.limit.set)
		buf_printf(&body, "{\"limit\":%lld}", (long long)config.limit.v);
	else
		buf_adds(&body, "{}");
	if (cli_ask(c, "gannet-reasoning", what, buf_span(&body), &reply, &err) != STATUS_OK ||
	    json_parse(buf_span(&reply), &r, &err) != STATUS_OK)
		return cli_fail(c, &err);
	size_t width = grid_width();
	if (c->global.json)
		buf_printf(&out, "%.*s\n", SPAN_ARG(r.text));
	else if (config.history)
		history_print(r, &c->arena, &out, width, term_has_colour(1));
	else
		reasoning_print(r, &c->arena, &out, width, term_has_colour(1));
	cli_print(buf_span(&out));
	return OUTCOME_OK;
}

const struct command command_reason = {
    .name = "reason",
    .summary = "say how healthy the system is, why, and what should be done",
    .options = options,
    .options_n = countof(options),
    .config = &config,
    .run = run,
};
