/* gannet version: which build this is. */
#include "service/service.h"
#include "services/cli/command.h"

static enum outcome run(struct cli *c, char **arguments, size_t n)
{
	(void)arguments, (void)n;
	scoped_buf out = {0};
	if (c->global.json)
		buf_adds(&out, "{\"version\":\"" GANNET_VERSION "\",\"commit\":\"" GANNET_COMMIT "\"}\n");
	else
		buf_adds(&out, "gannet " GANNET_VERSION " (" GANNET_COMMIT ")\n");
	cli_print(buf_span(&out));
	return OUTCOME_OK;
}

const struct command command_version = {
    .name = "version",
    .summary = "say which build this is",
    .run = run,
};
