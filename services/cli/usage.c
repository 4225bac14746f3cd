/* Asks the analytics service and prints tables of measures. */
#include "services/cli/usage.h"

#include <stdio.h>

#include "core/clock.h"
#include "services/cli/connect.h"
#include "services/cli/field.h"
#include "services/cli/show.h"

#define GROUPS_MAX 8

enum status usage_ask(struct cli *c, const char *verb, struct span body, struct buf *reply, struct json *ret,
                      struct err *err)
{
	char what[64];
	snprintf(what, sizeof what, "analytics.%s", verb);
	enum status status = cli_ask(c, "gannet-analytics", what, body, reply, err);
	return status == STATUS_OK ? json_parse(buf_span(reply), ret, err) : status;
}

static void write_request(const struct usage_options *o, struct json_writer *w)
{
	char at[RFC3339_BYTES];
	const struct {
		const char *key, *text;
		int64_t ms;
	} rows[] = {{"from", NULL, o->from.ms},     {"to", NULL, o->to.ms},     {"time_zone", o->zone},
	            {"model", o->model},            {"provider", o->provider},  {"user_id", o->user},
	            {"operation", o->operation},    {"pipeline", o->pipeline},  {"field_name", o->field},
	            {"status", o->status},          {"format", o->csv ? "csv" : NULL}};
	json_begin_object(w);
	for (size_t i = 0; i < countof(rows); i++) {
		const char *text = rows[i].ms ? rfc3339_format(rows[i].ms, at) : rows[i].text;
		if (text)
			json_kv_cstr(w, rows[i].key, text);
	}
	if (o->limit.set)
		json_kv_i64(w, "limit", o->limit.v);
	if (o->by.n) {
		scoped_buf groups = {0};
		for (size_t i = 0; i < o->by.n; i++)
			buf_printf(&groups, "%s%s", i ? "," : "", o->by.items[i]);
		json_kv_text(w, "group_by", buf_span(&groups));
	}
	json_end_object(w);
}

static void put_value(struct buf *out, const struct usage_column *column, struct json row)
{
	double v;
	struct json member = field(row, column->key);
	if (!json_f64(member, &v))
		return;
	if (column->how == SHOW_COUNT)
		show_count(out, (int64_t)v);
	else if (column->how == SHOW_COST)
		show_cost(out, (int64_t)v);
	else if (column->how == SHOW_PERCENT)
		buf_printf(out, "%.2f %%", v * 100);
	else if (column->how == SHOW_MS)
		show_duration(out, (int64_t)(v + 0.5));
	else
		buf_printf(out, "%.1f", v);
}

static void add_row(struct grid *g, struct json row, const struct usage_options *o, const struct usage_column *columns,
                    size_t n, bool total)
{
	scoped_buf b = {0};
	for (size_t i = 0; i < o->by.n; i++) {
		struct span text = field_text(row, o->by.items[i], g->arena);
		grid_add(g, total ? (i ? SPAN("") : SPAN("total")) : text.n ? text : SPAN("-"), total ? STYLE_DIM : STYLE_PLAIN);
	}
	for (size_t i = 0; i < n; i++) {
		put_value(&b, &columns[i], row);
		grid_add_buf(g, &b, total ? STYLE_DIM : STYLE_PLAIN);
	}
}

static void print_table(struct cli *c, struct json answer, const struct usage_options *o,
                        const struct usage_column *columns, size_t n)
{
	struct grid_column titles[GRID_COLUMNS_MAX];
	scoped_buf out = {0};
	size_t all = 0;
	for (size_t i = 0; i < o->by.n; i++)
		titles[all++] = (struct grid_column){o->by.items[i], ALIGN_LEFT, 8, false};
	for (size_t i = 0; i < n && all < GRID_COLUMNS_MAX; i++)
		titles[all++] = (struct grid_column){columns[i].title, ALIGN_RIGHT, 0, columns[i].spare};
	size_t shown = all - o->by.n;
	struct grid g = {.columns = titles, .n = all, .arena = &c->arena};
	struct json_iter it = json_iter(field(answer, "rows"));
	struct json key, row;
	while (json_next(&it, &key, &row))
		add_row(&g, row, o, columns, shown, false);
	if (o->by.n)
		add_row(&g, field(answer, "totals"), o, columns, shown, true);
	grid_print(&g, &out, grid_width(), term_has_colour(1));
	cli_print(buf_span(&out));
}

/* "--by model,day" is "--by model --by day". */
static bool split_groups(struct cli *c, const struct texts *given, struct texts *ret)
{
	for (size_t i = 0; i < given->n; i++)
		for (struct span rest = span_from(given->items[i]); rest.p;) {
			if (ret->n == GROUPS_MAX)
				return false;
			ret->items[ret->n++] = arena_cstr(&c->arena, span_trim(span_cut(&rest, ',')));
		}
	return true;
}

enum outcome usage_run(struct cli *c, const char *verb, const struct usage_options *given, const struct usage_column *columns,
                       size_t n)
{
	struct usage_options split = *given;
	const struct usage_options *o = &split;
	scoped_buf body = {0}, reply = {0};
	struct json answer;
	struct err err;
	split.by.n = 0;
	if (!split_groups(c, &given->by, &split.by))
		return cli_usage(c, "--by takes %d names at most", GROUPS_MAX);
	write_request(o, &(struct json_writer){.out = &body});
	if (usage_ask(c, verb, buf_span(&body), &reply, &answer, &err) != STATUS_OK)
		return cli_fail(c, &err);
	if (o->csv) {
		cli_print(field_text(answer, "csv", &c->arena));
	} else if (c->global.json) {
		cli_print(buf_span(&reply));
		cli_print(SPAN("\n"));
	} else if (!json_count(field(answer, "rows"))) {
		cli_say(c, "nothing was used in tenant %s from %.*s to %.*s", c->global.tenant,
		        SPAN_ARG(field_text(answer, "from", &c->arena)), SPAN_ARG(field_text(answer, "to", &c->arena)));
	} else {
		print_table(c, answer, o, columns, n);
	}
	if (field_true(answer, "truncated"))
		cli_say(c, "there are more groups: --limit shows up to %d", ANALYTICS_ROWS_MAX);
	return OUTCOME_OK;
}
