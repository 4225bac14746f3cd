/* gannet cancel: stops jobs, waiting or running. */
#include "services/cli/command.h"
#include "services/cli/connect.h"
#include "services/cli/each.h"

struct cancel {
	const char *reason;
};
static struct cancel config;

static const struct option options[] = {
    {"reason", "r", "TEXT", option_text, offsetof(struct cancel, reason), .help = "kept with the record"},
};

static void write(struct json_writer *w)
{
	if (config.reason)
		json_kv_cstr(w, "reason", config.reason);
}

static enum outcome run(struct cli *c, char **arguments, size_t n)
{
	return each_job(c, "cancel", arguments, n, write);
}

const struct command command_cancel = {
    .name = "cancel",
    .summary = "cancel jobs that wait or run",
    .arguments = "ID…",
    .arguments_min = 1,
    .arguments_max = SIZE_MAX,
    .options = options,
    .options_n = countof(options),
    .config = &config,
    .run = run,
};
