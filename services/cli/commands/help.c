/* gannet help: the list of commands, or one command's options. */
#include "services/cli/help.h"

#include "services/cli/term.h"

static enum outcome run(struct cli *c, char **arguments, size_t n)
{
	scoped_buf out = {0};
	const struct command *cmd = n ? command_find(arguments[0]) : NULL;
	if (n && !cmd)
		return cli_usage(c, "no command '%.60s'", arguments[0]);
	if (cmd)
		help_command(&out, cmd, term_has_colour(1));
	else
		help_program(&out, term_has_colour(1));
	cli_print(buf_span(&out));
	return OUTCOME_OK;
}

const struct command command_help = {
    .name = "help",
    .summary = "tell about the program or one command",
    .arguments = "[COMMAND]",
    .arguments_max = 1,
    .run = run,
};
