/* The gannet command: reads the command line, runs one command, says what went wrong. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bus/bus.h"
#include "bus/micro.h"
#include "services/cli/command.h"
#include "services/cli/help.h"
#include "services/cli/term.h"
#include "services/cli/text.h"

#define TIMEOUT_MAX_MS (7 * 86400000LL)

const struct option global_options[] = {
    {"tenant", "t", "NAME", option_tenant, offsetof(struct globals, tenant), .fallback = "default",
     .env = "GANNET_TENANT", .help = "whose jobs"},
    {"nats", NULL, "URL", option_text, offsetof(struct globals, nats), .env = "NATS_URL",
     .help =
         "the NATS server; without it the text of the file NATS_URL_FILE, the NATS_URL in ./var/env (written by `make "
                 "up`), else nats://127.0.0.1:4222"},
    {"creds", NULL, "FILE", option_text, offsetof(struct globals, creds), .env = "NATS_CREDS",
     .help = "a NATS credentials file"},
    {"tlsca", NULL, "FILE", option_text, offsetof(struct globals, ca), .env = "NATS_CA",
     .help = "certificates to trust for the NATS server"},
    {"tlscert", NULL, "FILE", option_text, offsetof(struct globals, cert), .env = "NATS_CERT",
     .help = "our own certificate"},
    {"tlskey", NULL, "FILE", option_text, offsetof(struct globals, key), .env = "NATS_KEY", .help = "its key"},
    {"inbox-prefix", NULL, "TEXT", option_text, offsetof(struct globals, inbox_prefix), .env = "NATS_INBOX_PREFIX",
     .help = "begins the subjects of answers; _INBOX, or what the user at the server may read"},
    {"timeout", NULL, "TIME", option_ms, offsetof(struct globals, timeout_ms), .min = 1, .max = TIMEOUT_MAX_MS,
     .help = "how long to wait, for an answer (5s) or for a job to end (any time)"},
    {"json", "j", NULL, option_flag, offsetof(struct globals, json), .help = "print JSON, errors too"},
    {"quiet", "q", NULL, option_flag, offsetof(struct globals, quiet), .help = "print ids and results only"},
    {"no-color", NULL, NULL, option_flag, offsetof(struct globals, no_color), .env = "NO_COLOR", .help = "no colours"},
    {"version", NULL, NULL, option_flag, offsetof(struct globals, version), .help = "the same as `gannet version`"},
    {"help", "h", NULL, option_flag, offsetof(struct globals, help), .help = "this text"},
};
const size_t global_options_n = countof(global_options);

const struct command *command_find(const char *name)
{
	for (size_t i = 0; i < commands_n; i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	return NULL;
}

void cli_print(struct span text)
{
	while (text.n) {
		ssize_t done = write(1, text.p, text.n);
		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			_exit(OUTCOME_ERROR); /* nobody reads any more: `gannet list | head` */
		text = span_of(text.p + done, text.n - (size_t)done);
	}
}

void cli_print_line(struct buf *text)
{
	buf_addc(text, '\n');
	cli_print(buf_span(text));
}

void cli_say(const struct cli *c, const char *fmt, ...)
{
	va_list ap;
	if (c->global.quiet)
		return;
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

static enum outcome outcome_of(enum status s)
{
	switch (s) {
	case STATUS_OK:
		return OUTCOME_OK;
	case STATUS_NOT_FOUND:
		return OUTCOME_NOT_FOUND;
	case STATUS_UNAVAILABLE:
		return OUTCOME_UNREACHABLE;
	case STATUS_TIMEOUT:
		return OUTCOME_TIMED_OUT;
	default:
		return OUTCOME_ERROR;
	}
}

static void print_error(const struct cli *c, const struct err *e)
{
	scoped_buf out = {0};
	if (c->global.json) {
		err_to_json(e, &out);
	} else {
		bool colour = term_has_colour(2);
		style_text(&out, STYLE_RED, colour, "gannet:");
		buf_addc(&out, ' ');
		/* Many messages begin with the field's name already; a job's id is the command's argument, not a field. */
		if (e->field[0] && strcmp(e->field, "job_id") != 0 && !span_starts(span_from(e->msg), span_from(e->field)))
			buf_printf(&out, "%s: ", e->field);
		text_line(&out, span_from(e->msg));
	}
	fprintf(stderr, "%.*s\n", SPAN_ARG(buf_span(&out)));
}

enum outcome cli_fail(struct cli *c, const struct err *e)
{
	print_error(c, e);
	return outcome_of(e->status);
}

static enum outcome usage_error(struct cli *c, const struct err *e)
{
	print_error(c, e);
	if (!c->global.json)
		fprintf(stderr, "See `gannet %s%s--help`.\n", c->command ? c->command->name : "", c->command ? " " : "");
	return OUTCOME_USAGE;
}

enum outcome cli_usage(struct cli *c, const char *fmt, ...)
{
	struct err e = {.status = STATUS_INVALID};
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(e.msg, sizeof e.msg, fmt, ap);
	va_end(ap);
	return usage_error(c, &e);
}

static enum outcome unknown_command(struct cli *c, const char *name)
{
	struct nearest best = {.word = name};
	for (size_t i = 0; i < commands_n; i++)
		nearest_try(&best, commands[i]->name);
	if (best.name)
		return cli_usage(c, "no command '%.60s'; did you mean `gannet %s`?", name, best.name);
	return cli_usage(c, "no command '%.60s'", name);
}

static void print_help(const struct command *cmd)
{
	scoped_buf out = {0};
	if (cmd)
		help_command(&out, cmd, term_has_colour(1));
	else
		help_program(&out, term_has_colour(1));
	cli_print(buf_span(&out));
}

static enum outcome run_command(struct cli *c, char **argv, int argc, struct option_set *globals)
{
	const struct command *cmd = c->command;
	struct option_set sets[] = {{cmd->options, cmd->options_n, cmd->config}, *globals};
	struct err err = {0};
	size_t n = 0;
	int at = 0;
	if (options_init(&sets[0], &err) != STATUS_OK ||
	    options_read(sets, countof(sets), argv, argc, &at, false, &n, &err) != STATUS_OK)
		return usage_error(c, &err);
	term_init(c->global.no_color);
	if (c->global.help) {
		print_help(cmd);
		return OUTCOME_OK;
	}
	if (n < cmd->arguments_min)
		return cli_usage(c, "gannet %s needs %s", cmd->name, cmd->arguments);
	if (n > cmd->arguments_max)
		return cli_usage(c, "gannet %s: '%.60s' is one argument too many", cmd->name, argv[cmd->arguments_max]);
	enum outcome outcome = cmd->run(c, argv, n);
	if (c->bus)
		bus_close(c->bus);
	return outcome;
}

static enum outcome run(struct cli *c, char **argv, int argc)
{
	struct option_set globals = {global_options, global_options_n, &c->global};
	struct err err = {0};
	size_t none;
	int at = 1;
	if (options_init(&globals, &err) != STATUS_OK ||
	    options_read(&globals, 1, argv, argc, &at, true, &none, &err) != STATUS_OK)
		return usage_error(c, &err);
	term_init(c->global.no_color);
	if (at == argc && c->global.help) {
		print_help(NULL);
		return OUTCOME_OK;
	}
	if (at == argc && !c->global.version)
		return cli_usage(c, "which command?");
	c->command = c->global.version ? command_find("version") : command_find(argv[at]);
	if (!c->command)
		return unknown_command(c, argv[at]);
	return run_command(c, argv + at + 1, at < argc ? argc - at - 1 : 0, &globals);
}

int main(int argc, char **argv)
{
	struct cli c = {0};
	text_init();
	enum outcome outcome = run(&c, argv, argc);
	arena_free(&c.arena);
	return (int)outcome;
}
