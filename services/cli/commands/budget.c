/* gannet budget: how much of the month's budget is used; sets budget, time zone and retention. */
#include "services/cli/field.h"
#include "services/cli/show.h"
#include "services/cli/usage.h"

struct budget_options {
	const char *set, *zone;
	struct opt_i64 ledger_days;
};
static struct budget_options config;
static const struct option options[] = {
    {"set", NULL, "USD", option_text, offsetof(struct budget_options, set), .help = "dollars a month; \"\" takes the budget away"},
    {"zone", "z", "ZONE", option_text, offsetof(struct budget_options, zone), .help = "the tenant's time zone from now on"},
    {"ledger-days", NULL, "N", option_i64, offsetof(struct budget_options, ledger_days), .min = 0,
     .max = ANALYTICS_LEDGER_DAYS_MAX, .help = "days that rows of the ledger are kept; 0 for ever"},
};

static enum status change(struct cli *c, struct err *err)
{
	scoped_buf body = {0}, reply = {0};
	struct json_writer w = {.out = &body};
	struct json answer;
	if (!config.set && !config.zone && !config.ledger_days.set)
		return STATUS_OK;
	json_begin_object(&w);
	if (config.set)
		json_kv_cstr(&w, "monthly_budget_usd", config.set);
	if (config.zone)
		json_kv_cstr(&w, "time_zone", config.zone);
	if (config.ledger_days.set)
		json_kv_i64(&w, "ledger_days", config.ledger_days.v);
	json_end_object(&w);
	return usage_ask(c, "settings", buf_span(&body), &reply, &answer, err);
}

static void put_money(struct buf *out, const char *label, struct json answer, const char *key)
{
	int64_t nanousd;
	if (!field_i64(answer, key, &nanousd))
		return;
	buf_printf(out, "%-10s ", label);
	show_cost(out, nanousd);
	buf_addc(out, '\n');
}

static enum outcome run(struct cli *c, char **arguments, size_t n)
{
	(void)arguments, (void)n;
	scoped_buf reply = {0}, out = {0};
	struct json answer;
	struct err err;
	double used;
	if (change(c, &err) != STATUS_OK || usage_ask(c, "budget", SPAN("{}"), &reply, &answer, &err) != STATUS_OK)
		return cli_fail(c, &err);
	if (c->global.json) {
		buf_addspan(&out, buf_span(&reply));
		buf_addc(&out, '\n');
	} else {
		buf_printf(&out, "%-10s %.*s (%.*s)\n", "month", SPAN_ARG(field_text(answer, "month", &c->arena)),
		           SPAN_ARG(field_text(answer, "time_zone", &c->arena)));
		put_money(&out, "spent", answer, "spent_nanousd");
		put_money(&out, "budget", answer, "budget_nanousd");
		put_money(&out, "left", answer, "remaining_nanousd");
		if (json_f64(field(answer, "used_percent"), &used))
			buf_printf(&out, "%-10s %.1f %%\n", "used", used);
	}
	cli_print(buf_span(&out));
	return OUTCOME_OK;
}

const struct command command_budget = {
    .name = "budget",
    .summary = "say how much of the month's budget is used, or set it",
    .options = options,
    .options_n = countof(options),
    .config = &config,
    .run = run,
};
