/* gannet reconcile: a provider's own export against the ledger. */
#include "services/cli/field.h"
#include "services/cli/input.h"
#include "services/cli/show.h"
#include "services/cli/usage.h"

struct reconcile_options {
	const char *provider;
};
static struct reconcile_options config;
static const struct option options[] = {
    {"provider", NULL, "NAME", option_choice, offsetof(struct reconcile_options, provider), .names = analytics_export_names,
     .help = "whose export it is (found out from its form)"},
};

static const struct grid_column columns[] = {
    {"DAY", ALIGN_LEFT, 0, false},        {"MODEL", ALIGN_LEFT, 12, false}, {"PROVIDER SAYS", ALIGN_RIGHT, 0, false},
    {"LEDGER SAYS", ALIGN_RIGHT, 0, false}, {"DIFFERENCE", ALIGN_RIGHT, 0, false}, {"%", ALIGN_RIGHT, 0, false},
};

static void add_amount(struct grid *g, struct json row, const char *money, const char *tokens)
{
	scoped_buf b = {0};
	int64_t n;
	if (field_i64(row, money, &n))
		show_cost(&b, n);
	else if (field_i64(row, tokens, &n))
		show_count(&b, n);
	grid_add(g, buf_span(&b), STYLE_PLAIN);
}

static void add_row(struct grid *g, struct json row, struct span day, struct span model)
{
	scoped_buf b = {0};
	double percent;
	grid_add(g, day, STYLE_PLAIN);
	grid_add(g, model, STYLE_PLAIN);
	add_amount(g, row, "provider_nanousd", "provider_tokens");
	add_amount(g, row, "ledger_nanousd", "ledger_tokens");
	add_amount(g, row, "difference_nanousd", "difference_tokens");
	if (json_f64(field(row, "difference_percent"), &percent))
		buf_printf(&b, "%+.2f", percent);
	grid_add_buf(g, &b, STYLE_PLAIN);
}

static void print(struct cli *c, struct json answer)
{
	scoped_buf out = {0};
	struct grid g = {.columns = columns, .n = countof(columns), .arena = &c->arena};
	struct json key, row;
	for (struct json_iter it = json_iter(field(answer, "rows")); json_next(&it, &key, &row);)
		add_row(&g, row, field_text(row, "day", &c->arena), field_text(row, "model", &c->arena));
	add_row(&g, field(answer, "totals"), SPAN("total"), SPAN(""));
	grid_print(&g, &out, grid_width(), term_has_colour(1));
	cli_print(buf_span(&out));
}

static enum outcome run(struct cli *c, char **arguments, size_t n)
{
	(void)n;
	scoped_buf body = {0}, reply = {0};
	struct json_writer w = {.out = &body};
	struct json export, answer;
	struct span text;
	struct err err;
	if (input_file(&c->arena, "FILE", arguments[0], ANALYTICS_EXPORT_MAX, &text, &err) != STATUS_OK ||
	    json_parse(text, &export, &err) != STATUS_OK)
		return cli_fail(c, &err);
	json_begin_object(&w);
	if (config.provider)
		json_kv_cstr(&w, "provider", config.provider);
	json_kv(&w, "export", export);
	json_end_object(&w);
	if (usage_ask(c, "reconcile", buf_span(&body), &reply, &answer, &err) != STATUS_OK)
		return cli_fail(c, &err);
	if (c->global.json) {
		cli_print(buf_span(&reply));
		cli_print(SPAN("\n"));
	} else {
		print(c, answer);
	}
	return OUTCOME_OK;
}

static const char *const words[] = {NULL};

const struct command command_reconcile = {
    .name = "reconcile",
    .summary = "compare a provider's own usage or cost export with the ledger",
    .arguments = "FILE",
    .details = "FILE is an answer of OpenAI's /v1/organization/costs or /usage/completions, or of Anthropic's\n"
               "/v1/organizations/cost_report or /usage_report/messages, by day and model; - is standard input.\n",
    .words = words,
    .options = options,
    .options_n = countof(options),
    .config = &config,
    .arguments_min = 1,
    .arguments_max = 1,
    .run = run,
};
