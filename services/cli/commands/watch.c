/* gannet watch: the events of one job, or of all, as they happen; and the watches of gannet-watchers. */
#include <stdio.h>
#include <stdlib.h>

#include "bus/topology.h"
#include "services/cli/command.h"
#include "services/cli/connect.h"
#include "services/cli/event.h"
#include "services/cli/follow.h"
#include "services/cli/watches.h"

#define ID_COLUMNS 22

struct watch {
	bool all;
};
static struct watch config;

static const struct option options[] = {
    {"all", "a", NULL, option_flag, offsetof(struct watch, all),
     .help = "every job of the tenant; the same as giving no ID"},
};

static void print_note(struct cli *c, const struct note *n, int64_t jobs_created_ms)
{
	scoped_arena a = {0};
	scoped_buf line = {0};
	struct job_event ev;
	struct json v;
	struct err err;
	bool queued = event_is_queued(n->subject);
	if (queued && c->global.json)
		queued_json(n, jobs_created_ms, &a, &line);
	else if (queued)
		queued_line(n, jobs_created_ms, clock_wall_ms(&clock_system), ID_COLUMNS, &a, &line, term_has_colour(1));
	else if (c->global.json && json_parse(n->data, &v, &err) == STATUS_OK)
		json_compact(v, &line);
	else if (!c->global.json && event_decode(n, &a, &ev))
		event_line(&ev, ID_COLUMNS, &a, &line, term_has_colour(1));
	if (c->global.json && line.len)
		buf_addc(&line, '\n');
	cli_print(buf_span(&line));
}

static enum outcome print_until_told(struct cli *c, struct inbox *in, int64_t jobs_created_ms)
{
	int64_t started_ms = clock_mono_ms(&clock_system);
	term_catch_signals();
	for (;;) {
		for (struct note *n; !term_interrupted() && (n = inbox_take(in)); free(n))
			print_note(c, n, jobs_created_ms);
		uint64_t dropped = inbox_dropped(in);
		if (dropped)
			cli_say(c, "gannet: %llu events came too fast to be shown", (unsigned long long)dropped);
		if (term_interrupted())
			return OUTCOME_INTERRUPTED;
		int64_t left_ms = -1;
		if (c->global.timeout_ms.set)
			left_ms = started_ms + c->global.timeout_ms.v - clock_mono_ms(&clock_system);
		if (c->global.timeout_ms.set && left_ms <= 0)
			return OUTCOME_TIMED_OUT;
		(void)term_wait(in->fd, false, left_ms);
	}
}

static enum outcome watch_all(struct cli *c)
{
	char subject[96];
	struct inbox in = {0};
	struct err err;
	struct bus_stream_state jobs = {0};
	snprintf(subject, sizeof subject, "gannet.%s.jobs.event.>", c->global.tenant);
	if (cli_connect(c, &err) != STATUS_OK || inbox_open(&in, &err) != STATUS_OK)
		return cli_fail(c, &err);
	enum outcome outcome;
	/* The stream's birth is part of ids that are derived; who may not ask for it sees "?" instead of those. */
	struct err ignored;
	if (bus_stream_state(c->bus, STREAM_JOBS, &jobs, &ignored) != STATUS_OK)
		jobs.created_ms = 0;
	if (inbox_subscribe(&in, c->bus, subject, &err) != STATUS_OK) {
		outcome = cli_fail(c, &err);
	} else {
		cli_say(c, "watching the jobs of tenant %s; Ctrl-C ends", c->global.tenant);
		outcome = print_until_told(c, &in, jobs.created_ms);
	}
	inbox_close(&in);
	return outcome;
}

static enum outcome run(struct cli *c, char **arguments, size_t n)
{
	struct span job_id;
	struct err err;
	if (n && watches_is_verb(arguments[0]))
		return watches_run(c, arguments[0], arguments + 1, n - 1);
	if (n > 1)
		return cli_usage(c, "one ID at most");
	if (config.all && n)
		return cli_usage(c, "either an ID or --all");
	if (!n)
		return watch_all(c);
	if (cli_job_id(arguments[0], &job_id, &err) != STATUS_OK)
		return cli_usage(c, "%s", err.msg);
	return follow_existing(c, job_id, 1, true);
}

const struct command command_watch = {
    .name = "watch",
    .summary = "show events as they happen: one job's until it ends, or all; run watches",
    .arguments = "[ID | list | run NAME | history [NAME]]",
    .details = "With list, run or history it is about the watches of gannet-watchers instead of jobs: what is watched "
               "and when,\n"
               "running one now and waiting for what it finds, and past runs. A job called so is watched as out-list "
               "and the like.\n",
    .arguments_max = 2,
    .options = options,
    .options_n = countof(options),
    .config = &config,
    .run = run,
};
