/* gannet rerun: the same job once more, as a new one. */
#include "services/cli/again.h"

static struct again config;

static const struct option options[] = {AGAIN_OPTIONS(struct again)};

static enum outcome run(struct cli *c, char **arguments, size_t n)
{
	(void)n;
	return again(c, "rerun", arguments[0], &config);
}

const struct command command_rerun = {
    .name = "rerun",
    .summary = "do a job once more, as a new job with the same parameters",
    .arguments = "ID",
    .arguments_min = 1,
    .arguments_max = 1,
    .options = options,
    .options_n = countof(options),
    .config = &config,
    .run = run,
};
