/* What usage, costs and performance have in common: options, the request, and the table of its answer. */
#ifndef GANNET_CLI_USAGE_H
#define GANNET_CLI_USAGE_H

#include "contract/analytics.h"
#include "services/cli/command.h"
#include "services/cli/grid.h"

struct usage_options {
	struct texts by;
	struct json_time from, to;
	const char *zone, *model, *provider, *user, *operation, *pipeline, *field, *status;
	struct opt_i64 limit;
	bool csv;
};

/* A measure of the answer as a column. */
struct usage_column {
	const char *title, *key;
	enum { SHOW_COUNT, SHOW_COST, SHOW_PERCENT, SHOW_MS, SHOW_NUMBER } how;
	bool spare; /* left out where the terminal is narrow */
};

#define USAGE_OPTION(member, short_name, what, parser, text)                                                           \
	{                                                                                                                  \
		.name = #member, .letter = short_name, .value = what, .parse = parser,                                         \
		.offset = offsetof(struct usage_options, member), .help = text                                                 \
	}
#define USAGE_OPTIONS                                                                                                  \
	USAGE_OPTION(by, "b", "NAME", option_texts,                                                                        \
	             "group by model, provider, user_id, operation, pipeline, field_name, status, minute, hour, day, week or " \
	             "month; several with commas, or given again"),                                                                         \
	    USAGE_OPTION(from, NULL, "TIME", option_past, "from then on: 7d ago, or 2026-01-31T08:00:00Z (30 days before --to)"), \
	    USAGE_OPTION(to, NULL, "TIME", option_past, "before then (now)"),                                              \
	    USAGE_OPTION(zone, "z", "ZONE", option_text, "time zone of days and months, such as Europe/Berlin (the tenant's)"), \
	    USAGE_OPTION(model, "m", "NAME", option_text, "of this model"),                                                \
	    USAGE_OPTION(provider, NULL, "NAME", option_text, "of this provider"),                                         \
	    USAGE_OPTION(user, "u", "ID", option_text, "of this user"),                                                    \
	    USAGE_OPTION(operation, NULL, "NAME", option_text, "of this job_type, or kind"),                               \
	    USAGE_OPTION(pipeline, NULL, "NAME", option_text, "of this pipeline"),                                         \
	    USAGE_OPTION(field, NULL, "NAME", option_text, "of this field"),                                               \
	{                                                                                                                  \
		.name = "status", .letter = "s", .value = "NAME", .parse = option_choice,                                      \
		.offset = offsetof(struct usage_options, status), .names = analytics_status_names, .help = "that ended so"     \
	}                                                                                                                  \
	, {.name = "limit",                                                                                                \
	   .letter = "n",                                                                                                  \
	   .value = "N",                                                                                                   \
	   .parse = option_i64,                                                                                            \
	   .offset = offsetof(struct usage_options, limit),                                                                \
	   .min = 1,                                                                                                       \
	   .max = ANALYTICS_ROWS_MAX,                                                                                      \
	   .help = "groups at most (1000)"},                                                                               \
	    USAGE_OPTION(csv, NULL, NULL, option_flag, "print comma separated values")

/* Asks gannet.<tenant>.analytics.<verb> and prints the answer: as a table with a line of totals, as CSV, or with --json. */
enum outcome usage_run(struct cli *c, const char *verb, const struct usage_options *given, const struct usage_column *columns,
                       size_t n);

/* Asks analytics; `body` is the whole request. */
enum status usage_ask(struct cli *c, const char *verb, struct span body, struct buf *reply, struct json *ret,
                      struct err *err) must_check;

#endif
