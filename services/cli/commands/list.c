/* gannet list: jobs in a table, newest first, page by page. */
#include "contract/requests.h"
#include "core/clock.h"
#include "services/cli/command.h"
#include "services/cli/connect.h"
#include "services/cli/ending.h"
#include "services/cli/field.h"
#include "services/cli/filter.h"
#include "services/cli/grid.h"
#include "services/cli/show.h"

struct list {
	struct filter filter;
	bool all;
	const char *cursor;
};
static struct list config;

static const struct option options[] = {
    {"status", "s", "NAME", option_choice, offsetof(struct list, filter.status), .names = job_status_names,
     .help = "in this state"},
    FILTER_OPTIONS(struct list),
    {"limit", "n", "N", option_i64, offsetof(struct list, filter.limit), .min = 1, .max = LIST_LIMIT_MAX,
     .help = "jobs of a page (50)"},
    {"all", "a", NULL, option_flag, offsetof(struct list, all), .help = "every page"},
    {"cursor", NULL, "TEXT", option_text, offsetof(struct list, cursor), .help = "the page that the last one named"},
};

static const struct grid_column columns[] = {
    {"ID", ALIGN_LEFT, 22, false},  {"STATUS", ALIGN_LEFT, 0, false}, {"MODEL", ALIGN_LEFT, 12, false},
    {"AGE", ALIGN_RIGHT, 0, false}, {"TIME", ALIGN_RIGHT, 0, false},  {"TOKENS", ALIGN_RIGHT, 0, true},
    {"COST", ALIGN_RIGHT, 0, true}, {"USER", ALIGN_LEFT, 6, true},    {"TEMPLATE", ALIGN_LEFT, 10, true},
};

static struct span first_of(struct json r, struct arena *a, const char *const *keys)
{
	struct span v = {0};
	for (; !v.n && *keys; keys++)
		v = field_text(r, *keys, a);
	return v;
}

static void add_row(struct grid *g, struct json r, struct arena *a)
{
	static const char *const model[] = {"result_model", "model_name", "kind", NULL}, *const template[] = {
	                                                                                     "template_name",
	                                                                                     "prompt_template", NULL};
	scoped_buf b = {0};
	struct ending e;
	ending_from_record(r, a, &e);
	grid_add(g, e.job_id, STYLE_PLAIN);
	grid_add(g, e.status, style_of_status(e.status));
	grid_add(g, first_of(r, a, model), STYLE_PLAIN);
	show_age(&b, field_time_ms(r, "created_at"), clock_wall_ms(&clock_system));
	grid_add_buf(g, &b, STYLE_PLAIN);
	if (e.processing_ms >= 0)
		show_duration(&b, e.processing_ms);
	grid_add_buf(g, &b, STYLE_PLAIN);
	if (e.total_tokens >= 0)
		show_count(&b, e.total_tokens);
	grid_add_buf(g, &b, STYLE_PLAIN);
	if (e.cost_nanousd >= 0)
		show_cost(&b, e.cost_nanousd);
	grid_add_buf(g, &b, STYLE_PLAIN);
	grid_add(g, field_text(r, "user_id", a), STYLE_PLAIN);
	grid_add(g, first_of(r, a, template), STYLE_DIM);
}

static void print_page(struct cli *c, struct json jobs, struct arena *a)
{
	scoped_buf out = {0};
	struct json_iter it = json_iter(jobs);
	struct json key, r;
	struct grid g = {.columns = columns, .n = countof(columns), .arena = a};
	while (json_next(&it, &key, &r)) {
		if (c->global.quiet)
			buf_printf(&out, "%.*s\n", SPAN_ARG(field_text(r, "job_id", a)));
		else
			add_row(&g, r, a);
	}
	grid_print(&g, &out, grid_width(), term_has_colour(1));
	cli_print(buf_span(&out));
}

/* Every page asked for with --all is one line of JSON. */
static void print_json(struct span reply)
{
	cli_print(reply);
	cli_print(SPAN("\n"));
}

static enum status fetch(struct cli *c, struct span cursor, struct buf *reply, struct err *err)
{
	scoped_buf body = {0};
	struct json_writer w = {.out = &body};
	json_begin_object(&w);
	filter_write(&config.filter, &w);
	if (cursor.n)
		json_kv_text(&w, "cursor", cursor);
	json_end_object(&w);
	return cli_request(c, "list", buf_span(&body), reply, err);
}

static enum outcome run(struct cli *c, char **arguments, size_t n)
{
	(void)arguments, (void)n;
	struct span cursor = span_from(config.cursor);
	if (config.all && !config.filter.limit.set)
		config.filter.limit = (struct opt_i64){true, LIST_LIMIT_MAX};
	for (;;) {
		scoped_arena a = {0};
		scoped_buf reply = {0};
		struct err err;
		struct json page;
		if (fetch(c, cursor, &reply, &err) != STATUS_OK || json_parse(buf_span(&reply), &page, &err) != STATUS_OK)
			return cli_fail(c, &err);
		struct json jobs = field(page, "jobs");
		if (c->global.json)
			print_json(buf_span(&reply));
		else
			print_page(c, jobs, &a);
		cursor = arena_dup(&c->arena, field_text(page, "next_cursor", &a));
		if (!json_count(jobs) && !c->global.json)
			cli_say(c, "no jobs in tenant %s%s", c->global.tenant, config.filter.status ? " in this state" : "");
		if (cursor.n && !config.all && !c->global.json)
			cli_say(c, "there are more: --cursor %.*s, or --all", SPAN_ARG(cursor));
		if (!cursor.n || !config.all)
			return OUTCOME_OK;
	}
}

const struct command command_list = {
    .name = "list",
    .summary = "list jobs, newest first",
    .options = options,
    .options_n = countof(options),
    .config = &config,
    .run = run,
};
