/* The help texts, made from the tables of commands and options. */
#ifndef GANNET_CLI_HELP_H
#define GANNET_CLI_HELP_H

#include "services/cli/command.h"

void help_program(struct buf *out, bool colour);
void help_command(struct buf *out, const struct command *cmd, bool colour);

#endif
