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
#define FILTER_OPTION(type, member, short_name, what, parser, text)                                                    \
	{                                                                                                                  \
		.name = #member, .letter = short_name, .value = what, .parse = parser,                                         \
		.offset = offsetof(type, filter.member), .help = text                                                          \
	}
#define FILTER_OPTIONS(type)                                                                                           \
	FILTER_OPTION(type, kind, "k", "KIND", option_text, "of this kind"),                                               \
	    FILTER_OPTION(type, model, "m", "NAME", option_text, "of this model"),                                         \
	    FILTER_OPTION(type, user, "u", "ID", option_text, "of this user"),                                             \
	    FILTER_OPTION(type, template, NULL, "TEXT", option_text,                                                       \
	                  "with this template, or these first 80 characters of it"),                                       \
	    FILTER_OPTION(type, since, NULL, "TIME", option_past, "submitted after: 1h ago, or 2026-01-31T08:00:00Z"),     \
	    FILTER_OPTION(type, before, NULL, "TIME", option_past, "submitted before")

/* Writes the members that are set. */
void filter_write(const struct filter *f, struct json_writer *w);

#endif
