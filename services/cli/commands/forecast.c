/* gannet forecast: what the month will come to. */
#include "services/cli/field.h"
#include "services/cli/usage.h"

struct forecast_options {
	const char *zone;
};
static struct forecast_options config;
static const struct option options[] = {
    {"zone", "z", "ZONE", option_text, offsetof(struct forecast_options, zone), .help = "whose month it is (the tenant's)"},
};

static void put_dollars(struct buf *out, const char *label, struct json object, const char *key)
{
	double v;
	if (json_f64(field(object, key), &v))
		buf_printf(out, "%-12s $%.2f\n", label, v);
}

static void put_list(struct buf *out, struct json list, struct arena *a)
{
	struct json key, one;
	for (struct json_iter it = json_iter(list); json_next(&it, &key, &one);)
		buf_printf(out, "  %.*s %.*s: %.*s\n", SPAN_ARG(field_text(one, "type", a)), SPAN_ARG(field_text(one, "service", a)),
		           SPAN_ARG(field_text(one, "reason", a)));
}

static void put_services(struct buf *out, struct json list, struct arena *a)
{
	struct json key, one;
	double spend, share;
	for (struct json_iter it = json_iter(list); json_next(&it, &key, &one);)
		if (json_f64(field(one, "current_spend"), &spend) && json_f64(field(one, "share_percent"), &share))
			buf_printf(out, "  %-14.*s $%.2f  %.1f %%\n", SPAN_ARG(field_text(one, "service", a)), spend, share);
}

static void print(struct cli *c, struct json answer)
{
	scoped_buf out = {0}, clean = {0};
	struct json p = field(answer, "prediction");
	struct arena *a = &c->arena;
	double low, high, deviation;
	buf_printf(&out, "%-12s %.*s (%.*s)\n", "month", SPAN_ARG(field_text(answer, "month", a)),
	           SPAN_ARG(field_text(answer, "time_zone", a)));
	put_dollars(&out, "spent", p, "current_spend");
	put_dollars(&out, "projected", p, "projected_monthly");
	if (json_f64(field(answer, "low"), &low) && json_f64(field(answer, "high"), &high))
		buf_printf(&out, "%-12s $%.2f to $%.2f\n", "between", low, high);
	put_dollars(&out, "budget", p, "budget");
	if (json_f64(field(p, "deviation_percent"), &deviation))
		buf_printf(&out, "%-12s %+.1f %%\n", "deviation", deviation);
	buf_printf(&out, "%-12s %.*s\n%.*s\n", "trend", SPAN_ARG(field_text(p, "trend", a)),
	           SPAN_ARG(field_text(p, "recommendation", a)));
	put_list(&out, field(answer, "actions"), a);
	put_services(&out, field(answer, "services"), a);
	text_clean(&clean, buf_span(&out));
	cli_print(buf_span(&clean));
}

static enum outcome run(struct cli *c, char **arguments, size_t n)
{
	(void)arguments, (void)n;
	scoped_buf body = {0}, reply = {0};
	struct json_writer w = {.out = &body};
	struct json answer;
	struct err err;
	json_begin_object(&w);
	if (config.zone)
		json_kv_cstr(&w, "time_zone", config.zone);
	json_end_object(&w);
	if (usage_ask(c, "forecast", buf_span(&body), &reply, &answer, &err) != STATUS_OK)
		return cli_fail(c, &err);
	if (c->global.json) {
		cli_print(buf_span(&reply));
		cli_print(SPAN("\n"));
	} else {
		print(c, answer);
	}
	return OUTCOME_OK;
}

const struct command command_forecast = {
    .name = "forecast",
    .summary = "say what the month will cost",
    .options = options,
    .options_n = countof(options),
    .config = &config,
    .run = run,
};
