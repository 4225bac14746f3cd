/* gannet costs: say what was spent and saved. */
#include "services/cli/usage.h"

static struct usage_options config;
static const struct option options[] = {USAGE_OPTIONS};

static const struct usage_column columns[] = {
    {"JOBS", "jobs", SHOW_COUNT, false},
    {"COST", "cost_nanousd", SHOW_COST, false},
    {"PER JOB", "cost_per_job_nanousd", SHOW_COST, true},
    {"PER SUCCESS", "cost_per_success_nanousd", SHOW_COST, false},
    {"PER 1K TOKENS", "cost_per_1k_tokens_nanousd", SHOW_COST, true},
    {"SAVED", "saved_nanousd", SHOW_COST, false},
    {"PROMPT CACHE", "prompt_saved_nanousd", SHOW_COST, true},
    {"NO PRICE", "unpriced", SHOW_COUNT, false},
};

static enum outcome run(struct cli *c, char **arguments, size_t n)
{
	(void)arguments, (void)n;
	return usage_run(c, "costs", &config, columns, countof(columns));
}

const struct command command_costs = {
    .name = "costs",
    .summary = "say what was spent and saved",
    .details = "Examples:\n  gannet costs --by provider --by month --from 365d --zone Europe/Berlin\n",
    .options = options,
    .options_n = countof(options),
    .config = &config,
    .run = run,
};
