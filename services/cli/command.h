/* What a command of the gannet program is, and what all commands share. */
#ifndef GANNET_CLI_COMMAND_H
#define GANNET_CLI_COMMAND_H

#include "core/arena.h"
#include "core/buf.h"
#include "services/cli/options.h"

struct bus;

/* Exit codes; the texts appear in --help. */
#define OUTCOME_LIST(X)                                                                                                \
	X(OK, 0, "done")                                                                                                   \
	X(ERROR, 1, "something failed; standard error says what")                                                          \
	X(USAGE, 2, "the command line is wrong")                                                                           \
	X(JOB_FAILED, 3, "the job failed")                                                                                 \
	X(JOB_CANCELLED, 4, "the job was cancelled")                                                                       \
	X(TIMED_OUT, 5, "--timeout passed")                                                                                \
	X(NOT_FOUND, 6, "there is no such job, snapshot, reasoning, plan or finding")       \
	X(UNREACHABLE, 7, "NATS or the service behind it cannot be reached")                                               \
	X(FOUND, 8, "there is what --fail-on asks for")                                                                      \
	X(INTERRUPTED, 130, "stopped by Ctrl-C")

enum outcome {
#define X(name, code, text) OUTCOME_##name = code,
	OUTCOME_LIST(X)
#undef X
};

/* Options that every command has. */
struct globals {
	const char *tenant, *nats, *creds;
	const char *ca, *cert, *key, *inbox_prefix;
	struct opt_i64 timeout_ms;
	bool json, no_color, quiet, version, help;
};
extern const struct option global_options[];
extern const size_t global_options_n;

/* One run of the program. */
struct cli {
	struct globals global;
	const struct command *command;
	struct bus *bus;        /* opened by cli_connect() */
	struct arena arena;     /* lives as long as the run */
	const char *nats_shown; /* the URL without its password */
};

/*
 * A command is one file in commands/, named after it, that defines `const struct command command_<name>`; make gathers
 * them from the folder's listing.
 */
struct command {
	const char *name;
	const char *summary;      /* one line, in the list of commands */
	const char *arguments;    /* "ID…", shown in the usage line; NULL when there are none */
	const char *details;      /* paragraphs and examples after the options; or NULL */
	const char *const *words; /* arguments that bash may complete; NULL: job ids if there are arguments */
	const struct option *options;
	size_t options_n;
	void *config; /* filled from `options` */
	size_t arguments_min, arguments_max;
	enum outcome (*run)(struct cli *c, char **arguments, size_t n);
};
extern const struct command *const commands[];
extern const size_t commands_n;

const struct command *command_find(const char *name); /* NULL when there is none */

/* Says on standard error what went wrong and what to do, as text or with --json as {"error":{…}}; returns the exit code
 * for it. */
enum outcome cli_fail(struct cli *c, const struct err *e);
/* A usage error: the text, and where the help is. */
enum outcome cli_usage(struct cli *c, const char *fmt, ...) printf_like(2, 3);
/* A remark on standard error; nothing with --quiet. */
void cli_say(const struct cli *c, const char *fmt, ...) printf_like(2, 3);
/* Writes bytes to standard output; ends the process when nobody reads any more. */
void cli_print(struct span text);
/* The same, and the end of the line. */
void cli_print_line(struct buf *text);

#endif
