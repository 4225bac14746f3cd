/* The options that choose jobs, shared by the commands that list them and that retry many of them. */
#ifndef GANNET_CLI_FILTER_H
#define GANNET_CLI_FILTER_H

#include "contract/job.h"
#include "services/cli/options.h"

struct filter {
	const char *status, *model, *user, *template, *kind;
	struct json_time since, before;
	struct opt_i64 limit;
};

/* Rows for a config struct that has a `struct filter filter`. */
#define FILTER_OPTIONS(type)                                                                                           \
	{"model", "m", "NAME", option_text, offsetof(type, filter.model), .help = "of this model"},                        \
	    {"user", "u", "ID", option_text, offsetof(type, filter.user), .help = "of this user"},                         \
	    {"template", NULL, "NAME", option_text, offsetof(type, filter.template), .help = "of this template"},          \
	    {"since",                                                                                                      \
	     NULL,                                                                                                         \
	     "TIME",                                                                                                       \
	     option_past,                                                                                                  \
	     offsetof(type, filter.since),                                                                                 \
	     .help = "submitted since: 1h, 2026-01-31T08:00:00Z"},                                                         \
	{                                                                                                                  \
		"before", NULL, "TIME", option_past, offsetof(type, filter.before), .help = "submitted before"                 \
	}

/* Writes the members that are set. */
void filter_write(const struct filter *f, struct json_writer *w);

#endif
