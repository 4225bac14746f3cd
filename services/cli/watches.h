/* Watches of gannet-watchers: listing them, running one and waiting for it, looking at past runs. */
#ifndef GANNET_CLI_WATCHES_H
#define GANNET_CLI_WATCHES_H

#include "services/cli/command.h"

/* Whether the word is one of the verbs; a job of such an id is watched by `gannet watch -- ID`, or as out-ID. */
bool watches_is_verb(const char *word);
enum outcome watches_run(struct cli *c, const char *verb, char **arguments, size_t n);

#endif
