/* gannet snapshot: what the system is like, as last seen or now. */
#include "services/cli/command.h"
#include "services/cli/connect.h"
#include "services/cli/health.h"

struct snapshot_config {
	bool take;
};
static struct snapshot_config config;

static const struct option options[] = {
    {"take", NULL, NULL, option_flag, offsetof(struct snapshot_config, take), .help = "take a fresh one instead of showing the last"},
};

static enum outcome run(struct cli *c, char **arguments, size_t n)
{
	(void)arguments, (void)n;
	scoped_buf reply = {0}, out = {0};
	struct json s;
	struct err err;
	const char *what = config.take ? "snapshot.take" : "snapshot.get";
	if (cli_ask(c, "gannet-collector", what, SPAN("{}"), &reply, &err) != STATUS_OK || json_parse(buf_span(&reply), &s, &err) != STATUS_OK)
		return cli_fail(c, &err);
	if (c->global.json)
		buf_printf(&out, "%.*s\n", SPAN_ARG(s.text));
	else
		snapshot_print(s, &c->arena, &out, grid_width(), term_has_colour(1));
	cli_print(buf_span(&out));
	return OUTCOME_OK;
}

const struct command command_snapshot = {
    .name = "snapshot",
    .summary = "show what the system is like: queues, publications, clips, campaigns, alerts, workers",
    .options = options,
    .options_n = countof(options),
    .config = &config,
    .run = run,
};
