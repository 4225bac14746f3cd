/* gannet retry: runs failed or cancelled jobs again, under the same ids. */
#include "contract/requests.h"
#include "services/cli/command.h"
#include "services/cli/connect.h"
#include "services/cli/each.h"
#include "services/cli/field.h"
#include "services/cli/filter.h"

struct retry {
	struct filter filter;
	bool all_failed;
};
static struct retry config;

static const struct option options[] = {
    {"all-failed", NULL, NULL, option_flag, offsetof(struct retry, all_failed),
     .help = "instead of ids: every failed job that is"},
    FILTER_OPTIONS(struct retry),
    {"limit", "n", "N", option_i64, offsetof(struct retry, filter.limit), .min = 1, .max = BULK_LIMIT_MAX,
     .help = "and at most so many"},
};

static bool is_filtered(const struct filter *f)
{
	return f->kind || f->model || f->user || f->template || f->since.ms || f->before.ms || f->limit.set;
}

static enum outcome retry_failed(struct cli *c)
{
	scoped_buf body = {0}, reply = {0}, out = {0};
	struct json_writer w = {.out = &body};
	struct err err;
	struct json v, key, id;
	if (!config.filter.limit.set)
		config.filter.limit = (struct opt_i64){true, BULK_LIMIT_MAX};
	json_begin_object(&w);
	filter_write(&config.filter, &w);
	json_end_object(&w);
	if (cli_request(c, "bulk_retry", buf_span(&body), &reply, &err) != STATUS_OK ||
	    json_parse(buf_span(&reply), &v, &err) != STATUS_OK)
		return cli_fail(c, &err);
	if (c->global.json) {
		buf_addspan(&out, buf_span(&reply));
		buf_addc(&out, '\n');
	} else {
		struct json_iter it = json_iter(field(v, "job_ids"));
		while (json_next(&it, &key, &id))
			buf_printf(&out, "%.*s\n", SPAN_ARG(json_text(id, &c->arena)));
	}
	cli_print(buf_span(&out));
	int64_t retried = field_i64_or(v, "retried", 0);
	if (!c->global.json)
		cli_say(c, "%lld jobs queued again%s", (long long)retried,
		        retried == config.filter.limit.v ? "; there may be more" : "");
	return OUTCOME_OK;
}

static enum outcome run(struct cli *c, char **arguments, size_t n)
{
	if (config.all_failed && n)
		return cli_usage(c, "--all-failed takes no ids");
	if (!config.all_failed && is_filtered(&config.filter))
		return cli_usage(c, "filters need --all-failed");
	if (!config.all_failed && !n)
		return cli_usage(c, "gannet retry needs ID… or --all-failed");
	return config.all_failed ? retry_failed(c) : each_job(c, "retry", arguments, n, NULL);
}

const struct command command_retry = {
    .name = "retry",
    .summary = "run failed or cancelled jobs again",
    .arguments = "ID…",
    .arguments_max = SIZE_MAX,
    .options = options,
    .options_n = countof(options),
    .config = &config,
    .run = run,
};
