/* gannet completion: a script for the shell, made from the tables of commands and options. */
#include "services/cli/command.h"

static void add_words(struct buf *out, const char *const *words)
{
	for (const char *const *w = words; *w; w++)
		buf_printf(out, "%s%s", w == words ? "" : " ", *w);
}

static void add_option_names(struct buf *out, const struct option *options, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_printf(out, " --%s", options[i].name);
}

/* What may follow an option: its names, a file, or something that nobody can guess. */
static void add_values(struct buf *out, const char *command, const struct option *options, size_t n)
{
	for (const struct option *o = options; o < options + n; o++) {
		if (!o->value)
			continue;
		buf_printf(out, "\t%s:--%s", command, o->name);
		if (o->letter)
			buf_printf(out, " | %s:-%s", command, o->letter);
		if (o->names) {
			buf_adds(out, ") COMPREPLY=($(compgen -W '");
			add_words(out, o->names);
			buf_adds(out, "' -- \"$cur\")); return ;;\n");
		} else if (strcmp(o->value, "FILE") == 0) {
			buf_adds(out, ") compopt -o filenames; COMPREPLY=($(compgen -f -- \"$cur\")); return ;;\n");
		} else {
			buf_adds(out, ") return ;;\n");
		}
	}
}

static void add_command_names(struct buf *out, const char *between)
{
	for (size_t i = 0; i < commands_n; i++)
		buf_printf(out, "%s%s", i ? between : "", commands[i]->name);
}

static void add_arguments(struct buf *out, const struct command *cmd)
{
	buf_printf(out, "\t%s) words='", cmd->name);
	if (cmd->words)
		add_words(out, cmd->words);
	buf_printf(out, "' ids=%d ;;\n", cmd->arguments && strstr(cmd->arguments, "ID") != NULL);
}

static void add_options(struct buf *out, const struct command *cmd)
{
	buf_printf(out, "\t%s) words='", cmd->name);
	add_option_names(out, global_options, global_options_n);
	add_option_names(out, cmd->options, cmd->options_n);
	buf_adds(out, "' ;;\n");
}

static void bash(struct buf *out)
{
	buf_adds(out, "# bash completion for gannet: source <(gannet completion bash)\n"
	              "_gannet() {\n"
	              "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command= words= ids=0 i\n"
	              "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	              "\t\tcase ${COMP_WORDS[i]} in\n\t\t");
	add_command_names(out, " | ");
	buf_adds(out, ") command=${COMP_WORDS[i]}; break ;;\n\t\tesac\n\tdone\n\tcase $command:$prev in\n");
	add_values(out, "*", global_options, global_options_n);
	for (size_t i = 0; i < commands_n; i++)
		add_values(out, commands[i]->name, commands[i]->options, commands[i]->options_n);
	buf_adds(out, "\tesac\n\tif [[ $cur == -* ]]; then\n\t\tcase $command in\n");
	for (size_t i = 0; i < commands_n; i++)
		add_options(out, commands[i]);
	buf_adds(out, "\t*) words='");
	add_option_names(out, global_options, global_options_n);
	buf_adds(out, "' ;;\n\t\tesac\n\telse\n\t\tcase $command in\n\t'' | help) words='");
	add_command_names(out, " ");
	buf_adds(out, "' ;;\n");
	for (size_t i = 0; i < commands_n; i++)
		if (commands[i]->arguments && strcmp(commands[i]->name, "help") != 0)
			add_arguments(out, commands[i]);
	buf_adds(out,
	         "\t\tesac\n"
	         "\t\t((ids)) && words+=\" $(\"${COMP_WORDS[0]}\" list --quiet --limit 50 --timeout 1s 2>/dev/null)\"\n"
	         "\tfi\n"
	         "\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
	         "}\n"
	         "complete -F _gannet gannet\n");
}

static const char *const shells[] = {"bash", NULL};

static enum outcome run(struct cli *c, char **arguments, size_t n)
{
	(void)n;
	scoped_buf out = {0};
	if (strcmp(arguments[0], "bash") != 0)
		return cli_usage(c, "'%.60s' is not one of bash", arguments[0]);
	bash(&out);
	cli_print(buf_span(&out));
	return OUTCOME_OK;
}

const struct command command_completion = {
    .name = "completion",
    .summary = "print a completion script for the shell",
    .arguments = "bash",
    .words = shells,
    .arguments_min = 1,
    .arguments_max = 1,
    .details =
        "To have it in every shell:  gannet completion bash > ~/.local/share/bash-completion/completions/gannet\n",
    .run = run,
};
