/* gannet feedback: says whether an answer was any good. */
#include "services/cli/command.h"
#include "services/cli/each.h"

struct feedback {
	const char *user, *comment;
};
static struct feedback config;

static const struct option options[] = {
    {"comment", "m", "TEXT", option_text, offsetof(struct feedback, comment), .help = "why"},
    {"user", "u", "ID", option_text, offsetof(struct feedback, user), .env = "GANNET_USER", .help = "whose opinion"},
};

static const char *const words[] = {"up", "down", "none", NULL};
static const char *value;

static void write(struct json_writer *w)
{
	json_kv_cstr(w, "feedback", value);
	if (config.user)
		json_kv_cstr(w, "user_id", config.user);
	if (config.comment)
		json_kv_cstr(w, "comment", config.comment);
}

static enum outcome run(struct cli *c, char **arguments, size_t n)
{
	static const char *const values[] = {"thumbs_up", "thumbs_down", "none"};
	(void)n;
	for (size_t i = 0; i < countof(values); i++)
		if (strcmp(arguments[1], words[i]) == 0 || strcmp(arguments[1], values[i]) == 0)
			value = values[i];
	if (!value)
		return cli_usage(c, "'%.60s' is not one of up, down, none", arguments[1]);
	return each_job(c, "feedback", arguments, 1, write);
}

const struct command command_feedback = {
    .name = "feedback",
    .summary = "rate an answer",
    .arguments = "ID up|down|none",
    .words = words,
    .arguments_min = 2,
    .arguments_max = 2,
    .options = options,
    .options_n = countof(options),
    .config = &config,
    .run = run,
};
