/* gannet usage: say what was used: jobs and tokens. */
#include "services/cli/usage.h"

static struct usage_options config;
static const struct option options[] = {USAGE_OPTIONS};

static const struct usage_column columns[] = {
    {"JOBS", "jobs", SHOW_COUNT, false},
    {"COMPLETED", "completed", SHOW_COUNT, false},
    {"FAILED", "failed", SHOW_COUNT, false},
    {"RETRIES", "retries", SHOW_COUNT, true},
    {"INPUT", "input_tokens", SHOW_COUNT, false},
    {"CACHED", "cache_read_tokens", SHOW_COUNT, true},
    {"OUTPUT", "output_tokens", SHOW_COUNT, false},
    {"TOKENS", "total_tokens", SHOW_COUNT, false},
    {"COST", "cost_nanousd", SHOW_COST, false},
};

static enum outcome run(struct cli *c, char **arguments, size_t n)
{
	(void)arguments, (void)n;
	return usage_run(c, "usage", &config, columns, countof(columns));
}

const struct command command_usage = {
    .name = "usage",
    .summary = "say what was used: jobs and tokens",
    .details = "Examples:\n  gannet usage --by model --by day --from 7d\n"
               "  gannet usage --by user_id --status failed --csv >failed.csv\n",
    .options = options,
    .options_n = countof(options),
    .config = &config,
    .run = run,
};
