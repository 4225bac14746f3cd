/* Writes --help. */
#include "services/cli/help.h"

#include "services/cli/term.h"
#include "services/cli/text.h"

#define HELP_COLUMNS 100 /* longer lines are hard to read */

static size_t columns(void)
{
	size_t n = term_columns();
	return n < HELP_COLUMNS ? n : HELP_COLUMNS;
}

static void heading(struct buf *out, const char *text, bool colour)
{
	buf_addc(out, '\n');
	style_text(out, STYLE_BOLD, colour, text);
	buf_addc(out, '\n');
}

/* "  left      right, wrapped in its column" */
static void entry(struct buf *out, struct span left, size_t left_columns, struct span right)
{
	buf_adds(out, "  ");
	text_fit(out, left, left_columns, ALIGN_LEFT);
	buf_adds(out, "  ");
	text_wrap(out, right, columns(), left_columns + 4);
	buf_addc(out, '\n');
}

static void option_left(const struct option *o, struct buf *out)
{
	buf_printf(out, "--%s%s%s", o->name, o->value ? " " : "", o->value ? o->value : "");
	if (o->letter)
		buf_printf(out, ", -%s", o->letter);
}

static void option_right(const struct option *o, struct buf *out)
{
	buf_adds(out, o->help);
	if (o->names) {
		buf_adds(out, ": ");
		for (const char *const *name = o->names; *name; name++)
			buf_printf(out, "%s%s", name == o->names ? "" : ", ", *name);
	}
	if (o->fallback)
		buf_printf(out, " (%s)", o->fallback);
	if (o->env)
		buf_printf(out, " [%s]", o->env);
}

static void option_list(struct buf *out, const struct option *options, size_t n)
{
	scoped_buf left = {0}, right = {0};
	size_t wide = 0;
	for (size_t i = 0; i < n; i++) {
		buf_reset(&left);
		option_left(&options[i], &left);
		size_t width = text_width(buf_span(&left));
		wide = width > wide ? width : wide;
	}
	for (size_t i = 0; i < n; i++) {
		buf_reset(&left);
		buf_reset(&right);
		option_left(&options[i], &left);
		option_right(&options[i], &right);
		entry(out, buf_span(&left), wide, buf_span(&right));
	}
}

static void exit_codes(struct buf *out)
{
	static const struct {
		const char *code, *text;
	} rows[] = {
#define X(name, number, words) {#number, words},
	    OUTCOME_LIST(X)
#undef X
	};
	for (size_t i = 0; i < countof(rows); i++)
		entry(out, span_from(rows[i].code), 3, span_from(rows[i].text));
}

void help_program(struct buf *out, bool colour)
{
	style_text(out, STYLE_BOLD, colour, "gannet");
	buf_adds(out, " submits AI jobs to NATS, follows them and looks after them.\n\n"
	              "usage: gannet [OPTION…] COMMAND [OPTION…] [ARGUMENT…]\n");
	heading(out, "Commands", colour);
	size_t wide = 0;
	for (size_t i = 0; i < commands_n; i++)
		wide = strlen(commands[i]->name) > wide ? strlen(commands[i]->name) : wide;
	for (size_t i = 0; i < commands_n; i++)
		entry(out, span_from(commands[i]->name), wide, span_from(commands[i]->summary));
	heading(out, "Options of every command", colour);
	option_list(out, global_options, global_options_n);
	heading(out, "Exit codes", colour);
	exit_codes(out);
	buf_adds(out,
	         "\n`gannet help COMMAND` tells about a command, `gannet completion bash` prints a completion script.\n");
}

void help_command(struct buf *out, const struct command *cmd, bool colour)
{
	style_begin(out, STYLE_BOLD, colour);
	buf_printf(out, "gannet %s", cmd->name);
	style_end(out, STYLE_BOLD, colour);
	buf_printf(out, ": %s\n\nusage: gannet %s [OPTION…]", cmd->summary, cmd->name);
	if (cmd->arguments)
		buf_printf(out, " %s", cmd->arguments);
	buf_addc(out, '\n');
	if (cmd->options_n) {
		heading(out, "Options", colour);
		option_list(out, cmd->options, cmd->options_n);
	}
	heading(out, "Options of every command", colour);
	option_list(out, global_options, global_options_n);
	if (cmd->details)
		buf_printf(out, "\n%s", cmd->details);
}
