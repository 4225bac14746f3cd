/* gannet regenerate: the same job with another context or model, as a new one. */
#include "services/cli/again.h"

static struct again config;

static const struct option options[] = {
    {"model", "m", "NAME", option_text, offsetof(struct again, model), .help = "another model"},
    {"context", NULL, "JSON", option_text, offsetof(struct again, context),
     .help = "another context: a JSON object, or @FILE"},
    {"var", "v", "NAME=VALUE", option_texts, offsetof(struct again, vars),
     .help = "a variable of it, NAME=@FILE from a file; repeatable"},
    AGAIN_OPTIONS(struct again),
};

static enum outcome run(struct cli *c, char **arguments, size_t n)
{
	(void)n;
	if (!config.model && !config.context && !config.vars.n)
		return cli_usage(c, "gannet regenerate needs --model, --context or --var; `gannet rerun` changes nothing");
	return again(c, "regenerate", arguments[0], &config);
}

const struct command command_regenerate = {
    .name = "regenerate",
    .summary = "do a job once more with another model or context, as a new job",
    .arguments = "ID",
    .arguments_min = 1,
    .arguments_max = 1,
    .details = "--context and --var replace the whole context of the job.\n",
    .options = options,
    .options_n = countof(options),
    .config = &config,
    .run = run,
};
