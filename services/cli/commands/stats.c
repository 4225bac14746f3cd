/* gannet stats: how many jobs are where, once. */
#include "services/cli/stats.h"

#include "services/cli/grid.h"

static enum outcome run(struct cli *c, char **arguments, size_t n)
{
	(void)arguments, (void)n;
	scoped_buf reply = {0}, out = {0};
	struct json stats;
	struct err err;
	if (stats_request(c, &reply, &stats, &err) != STATUS_OK)
		return cli_fail(c, &err);
	if (c->global.json) {
		buf_addspan(&out, buf_span(&reply));
		buf_addc(&out, '\n');
	} else {
		stats_print(stats, &c->arena, &out, grid_width(), term_has_colour(1));
	}
	cli_print(buf_span(&out));
	return OUTCOME_OK;
}

const struct command command_stats = {
    .name = "stats",
    .summary = "say how many jobs are in which state, queue and worker",
    .run = run,
};
