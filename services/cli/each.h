/* One request for each of several jobs. */
#ifndef GANNET_CLI_EACH_H
#define GANNET_CLI_EACH_H

#include "json/json.h"
#include "services/cli/command.h"

/*
 * Asks jobs.<verb> for each id and prints "<id>  <status>" or the reply. `write` adds members to each request. A
 * failure is told and does not stop the others; the exit code is that of the first failure.
 */
enum outcome each_job(struct cli *c, const char *verb, char **ids, size_t n, void (*write)(struct json_writer *w));
/* Prints a reply that names a job and what is its state now. */
void print_job_reply(struct cli *c, struct span reply);

#endif
