/* gannet performance: say how long calls take and how many fail. */
#include "services/cli/usage.h"

static struct usage_options config;
static const struct option options[] = {USAGE_OPTIONS};

static const struct usage_column columns[] = {
    {"JOBS", "jobs", SHOW_COUNT, false},
    {"ERRORS", "error_rate", SHOW_PERCENT, false},
    {"RETRIES", "retry_rate", SHOW_PERCENT, true},
    {"P50", "p50_processing_ms", SHOW_MS, false},
    {"P95", "p95_processing_ms", SHOW_MS, false},
    {"P99", "p99_processing_ms", SHOW_MS, false},
    {"1ST TOKEN P95", "p95_first_token_ms", SHOW_MS, true},
    {"QUEUE P95", "p95_queue_ms", SHOW_MS, true},
    {"TOKENS/S", "tokens_per_second", SHOW_NUMBER, true},
    {"PER SUCCESS", "cost_per_success_nanousd", SHOW_COST, false},
};

static enum outcome run(struct cli *c, char **arguments, size_t n)
{
	(void)arguments, (void)n;
	return usage_run(c, "performance", &config, columns, countof(columns));
}

const struct command command_performance = {
    .name = "performance",
    .summary = "say how long calls take and how many fail",
    .details = "Examples:\n  gannet performance --by model --from 1d\n",
    .options = options,
    .options_n = countof(options),
    .config = &config,
    .run = run,
};
