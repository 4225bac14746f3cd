/* Reading what providers export of usage and costs. */
#ifndef GANNET_ANALYTICS_EXPORT_H
#define GANNET_ANALYTICS_EXPORT_H

#include "contract/analytics.h"

#define EXPORT_LINES_MAX 20000
#define EXPORT_AMOUNT_MAX 400000000000000ll /* nano-dollars and tokens of a line: their sums fit 63 bits */
#define EXPORT_MODEL_MAX 128

/* What one day of one model comes to. */
struct export_line {
	char day[11]; /* "2026-11-25", UTC */
	/* Without the day of its release; "" when the export does not tell models apart. */
	char model[EXPORT_MODEL_MAX + 1];
	int64_t cost_nanousd;
	int64_t input_tokens, cache_read_tokens, cache_write_tokens, output_tokens, requests;
};

struct export {
	const char *provider; /* openai, anthropic */
	bool costs;           /* money; otherwise tokens */
	struct export_line *lines; /* in the arena; day and model told apart, ascending */
	size_t n;
};

/*
 * Known are OpenAI's /v1/organization/costs (grouped by line_item for models) and /v1/organization/usage/completions
 * (grouped by model), and Anthropic's /v1/organizations/cost_report (grouped by description) and
 * /v1/organizations/usage_report/messages (grouped by model): one answer, or several pages joined in `data`. `which` is an
 * index of analytics_export_names. INVALID names what is not as those have it.
 */
enum status export_parse(struct json document, unsigned which, struct arena *a, struct export *ret,
                         struct err *err) must_check;

#endif
