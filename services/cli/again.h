/* Doing a job once more as a new one: what rerun and regenerate share. */
#ifndef GANNET_CLI_AGAIN_H
#define GANNET_CLI_AGAIN_H

#include "services/cli/command.h"

struct again {
	const char *model, *context;
	struct texts vars;
	bool wait;
};

#define AGAIN_OPTIONS(type)                                                                                            \
	{                                                                                                                  \
		"wait", "w", NULL, option_flag, offsetof(type, wait), .help = "wait for the end and print the answer"          \
	}

enum outcome again(struct cli *c, const char *verb, const char *given, const struct again *options);

#endif
