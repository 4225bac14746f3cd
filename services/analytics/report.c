/* The measures of each report, and writing them as JSON or CSV. */
#include "report.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/clock.h"
#include "percentile.h"

enum measure_kind {
	MEASURE_INTEGER,
	MEASURE_NUMBER,
	MEASURE_PERCENTILE, /* `metric` and `percentile` */
};

/* `sql` is over the rows of query_from(). NULL where nothing can be said: it is left out of the answer. */
struct measure {
	const char *name;
	enum measure_kind kind;
	const char *sql;
	enum bins_metric metric;
	int percentile;
};

struct report {
	const struct measure *measures;
	size_t n;
	const char *order; /* SQL: the biggest first */
	bool percentiles;
};

#define SUM(column) {#column, MEASURE_INTEGER, "coalesce(sum(" #column "), 0)"}
#define RATIO(part, whole) "round((" part ") / nullif((" whole "), 0)::numeric, 6)::float8"
#define TIMES(name, metric)                                                                                            \
	{"p50_" name, MEASURE_PERCENTILE, NULL, metric, 0}, {"p95_" name, MEASURE_PERCENTILE, NULL, metric, 1},            \
	{                                                                                                                  \
		"p99_" name, MEASURE_PERCENTILE, NULL, metric, 2                                                               \
	}

static const struct measure usage_measures[] = {
    SUM(jobs),
    SUM(completed),
    SUM(failed),
    SUM(cancelled),
    SUM(rejected),
    SUM(retries),
    SUM(cached),
    SUM(input_tokens),
    SUM(cache_read_tokens),
    SUM(cache_write_tokens),
    SUM(output_tokens),
    SUM(reasoning_tokens),
    SUM(total_tokens),
    SUM(cost_nanousd),
    {"cost_cents", MEASURE_NUMBER, "(coalesce(sum(cost_nanousd), 0) / 10000000.0)::float8"},
};
const struct report report_usage = {usage_measures, countof(usage_measures), "sum(total_tokens) DESC, sum(jobs) DESC"};

#define COMPLETED "sum(completed)"
static const struct measure costs_measures[] = {
    SUM(jobs),
    SUM(total_tokens),
    SUM(cost_nanousd),
    {"cost_cents", MEASURE_NUMBER, "(coalesce(sum(cost_nanousd), 0) / 10000000.0)::float8"},
    SUM(unpriced),
    SUM(saved_nanousd),
    SUM(prompt_saved_nanousd),
    {"cost_per_job_nanousd", MEASURE_NUMBER, RATIO("sum(cost_nanousd)", "sum(jobs)")},
    {"cost_per_success_nanousd", MEASURE_NUMBER, RATIO("sum(cost_nanousd)", COMPLETED)},
    {"cost_per_1k_tokens_nanousd", MEASURE_NUMBER, RATIO("sum(cost_nanousd) * 1000", "sum(total_tokens)")},
};
const struct report report_costs = {costs_measures, countof(costs_measures), "sum(cost_nanousd) DESC, sum(jobs) DESC"};

static const struct measure performance_measures[] = {
    SUM(jobs),
    SUM(completed),
    SUM(failed),
    {"error_rate", MEASURE_NUMBER, RATIO("sum(failed) + sum(rejected)", "sum(jobs)")},
    SUM(retries),
    {"retry_rate", MEASURE_NUMBER, RATIO("sum(retries)", "sum(jobs)")},
    {"cache_hit_rate", MEASURE_NUMBER, RATIO("sum(cached)", COMPLETED)},
    SUM(saved_nanousd),
    SUM(prompt_saved_nanousd),
    {"fallback_rate", MEASURE_NUMBER, RATIO("sum(fallbacks)", COMPLETED)},
    {"average_processing_ms", MEASURE_NUMBER, RATIO("sum(processing_ms)", "sum(processing_n)")},
    TIMES("processing_ms", BINS_PROCESSING),
    {"average_first_token_ms", MEASURE_NUMBER, RATIO("sum(first_token_ms)", "sum(first_token_n)")},
    TIMES("first_token_ms", BINS_FIRST_TOKEN),
    {"average_queue_ms", MEASURE_NUMBER, RATIO("sum(queue_ms)", "sum(queue_n)")},
    TIMES("queue_ms", BINS_QUEUE),
    {"tokens_per_second", MEASURE_NUMBER, RATIO("sum(speed_tokens) * 1000", "sum(speed_ms)")},
    {"tokens_per_job", MEASURE_NUMBER, RATIO("sum(total_tokens)", COMPLETED)},
    {"cost_per_success_nanousd", MEASURE_NUMBER, RATIO("sum(cost_nanousd)", COMPLETED)},
};
const struct report report_performance = {performance_measures, countof(performance_measures), "sum(jobs) DESC",
                                          .percentiles = true};

/* ---- asking: column 0 tells the totals' row, column 1 is the place on the axis, then dimensions, then measures */

#define FIRST_GROUP 1

static void write_sql(const struct report *r, const struct query *q, const struct query_sql *from, struct buf *out)
{
	scoped_buf groups = {0};
	query_group_columns(q, &groups);
	struct span g = buf_span(&groups);
	buf_printf(out, "SELECT grouping(i), i%.*s", SPAN_ARG(g));
	for (size_t i = 0; i < r->n; i++)
		if (r->measures[i].sql)
			buf_printf(out, ", %s", r->measures[i].sql);
	buf_addspan(out, buf_span(&from->text));
	buf_printf(out, " GROUP BY GROUPING SETS ((i%.*s), ()) HAVING grouping(i) = 1 OR sum(jobs) <> 0 ORDER BY 1 DESC%s, %s%.*s LIMIT %lld", SPAN_ARG(g),
	           q->unit == UNIT_NONE ? "" : ", i", r->order, SPAN_ARG(g), (long long)q->limit + 2);
}

/* One answer being written: JSON members or CSV fields. */
struct writing {
	const struct report *report;
	const struct query *query;
	const struct axis *axis;
	const struct group_percentiles *percentiles;
	const struct store_result *result;
};

static void put_csv(struct buf *out, struct span text)
{
	bool quote = false;
	for (size_t i = 0; i < text.n && !quote; i++)
		quote = text.p[i] == ',' || text.p[i] == '"' || text.p[i] == '\n' || text.p[i] == '\r';
	/* What a spreadsheet would take for a formula is made text. */
	bool formula = text.n && strchr("=+-@\t", text.p[0]);
	quote |= formula;
	if (quote)
		buf_addc(out, '"');
	if (formula)
		buf_addc(out, '\'');
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '"')
			buf_addc(out, '"');
		buf_addc(out, text.p[i]);
	}
	if (quote)
		buf_addc(out, '"');
}

static struct group_times times_of(const struct writing *w, int row, bool total)
{
	scoped_buf key = {0};
	if (!w->percentiles)
		return (struct group_times){0};
	if (total)
		return percentiles_total(w->percentiles);
	percentile_key(w->result, row, FIRST_GROUP, w->query->groups_n + 1, &key);
	return percentiles_of(w->percentiles, buf_span(&key));
}

/* Milliseconds with up to one place: bins are not finer. */
static double shown_ms(double ms)
{
	return ms < 100 ? (double)(int64_t)(ms * 10 + 0.5) / 10 : (double)(int64_t)(ms + 0.5);
}

/* Calls `put` with the text of each measure, as SQL gave it or as a number; absent where there is none. */
static void each_measure(const struct writing *w, int row, bool total,
                         void (*put)(void *arg, const struct measure *m, struct span text), void *arg)
{
	struct group_times times = times_of(w, row, total);
	int column = FIRST_GROUP + 1 + (int)w->query->groups_n;
	for (size_t i = 0; i < w->report->n; i++) {
		const struct measure *m = &w->report->measures[i];
		if (m->kind != MEASURE_PERCENTILE) {
			put(arg, m, store_value(w->result, row, column++));
			continue;
		}
		double ms = times.of[m->metric][m->percentile];
		scoped_buf text = {0};
		if (ms >= 0)
			json_put_f64(&(struct json_writer){.out = &text}, shown_ms(ms));
		put(arg, m, ms >= 0 ? buf_span(&text) : (struct span){0});
	}
}

static void put_json_measure(void *arg, const struct measure *m, struct span text)
{
	if (text.p)
		json_kv(arg, m->name, (struct json){text, JSON_NUMBER});
}

static struct span label_of(const struct writing *w, int row)
{
	int64_t i = 0;
	bool known = span_i64(store_value(w->result, row, FIRST_GROUP), &i) && i >= 0 && (size_t)i < w->axis->n;
	return known ? w->axis->labels[i] : SPAN("");
}

static void put_json_row(const struct writing *w, int row, bool total, struct json_writer *out)
{
	json_begin_object(out);
	if (!total && w->query->unit != UNIT_NONE)
		json_kv_text(out, unit_names[w->query->unit], label_of(w, row));
	for (size_t i = 0; !total && i < w->query->groups_n; i++)
		json_kv_text(out, dimension_names[w->query->groups[i]], store_value(w->result, row, FIRST_GROUP + 1 + (int)i));
	each_measure(w, row, total, put_json_measure, out);
	json_end_object(out);
}

static void put_csv_measure(void *arg, const struct measure *m, struct span text)
{
	struct buf *out = arg;
	(void)m;
	buf_addc(out, ',');
	buf_addspan(out, text);
}

/* Every field is followed by a comma, the measures' are preceded by one: the first comma of a line goes. */
static void put_csv_line(const struct writing *w, int row, struct buf *out)
{
	scoped_buf line = {0};
	if (w->query->unit != UNIT_NONE) {
		buf_addc(&line, ',');
		buf_addspan(&line, label_of(w, row));
	}
	for (size_t i = 0; i < w->query->groups_n; i++) {
		buf_addc(&line, ',');
		put_csv(&line, store_value(w->result, row, FIRST_GROUP + 1 + (int)i));
	}
	each_measure(w, row, false, put_csv_measure, &line);
	buf_add(out, line.data + 1, line.len - 1);
	buf_adds(out, "\r\n");
}

static void put_csv_head(const struct writing *w, struct buf *out)
{
	size_t at = out->len;
	if (w->query->unit != UNIT_NONE)
		buf_printf(out, ",%s", unit_names[w->query->unit]);
	for (size_t i = 0; i < w->query->groups_n; i++)
		buf_printf(out, ",%s", dimension_names[w->query->groups[i]]);
	for (size_t i = 0; i < w->report->n; i++)
		buf_printf(out, ",%s", w->report->measures[i].name);
	memmove(out->data + at, out->data + at + 1, out->len - at - 1);
	out->len--;
	buf_adds(out, "\r\n");
}

static void write_answer(const struct writing *w, struct arena *a, struct analytics_report *ret)
{
	scoped_buf rows = {0}, totals = {0};
	struct json_writer out = {&rows, false}, total_out = {&totals, false};
	const struct store_result *r = w->result;
	int last = r->rows, limit = (int)w->query->limit + 1; /* the totals' row is the first */
	if (last > limit) {
		ret->truncated = (struct opt_bool){true, true};
		last = limit;
	}
	if (w->query->csv) {
		put_csv_head(w, &rows);
		for (int row = 1; row < last; row++)
			put_csv_line(w, row, &rows);
		ret->csv = arena_dup(a, buf_span(&rows));
		return;
	}
	json_begin_array(&out);
	for (int row = 1; row < last; row++)
		put_json_row(w, row, false, &out);
	json_end_array(&out);
	put_json_row(w, 0, true, &total_out);
	ret->rows = (struct json){arena_dup(a, buf_span(&rows)), JSON_ARRAY};
	ret->totals = (struct json){arena_dup(a, buf_span(&totals)), JSON_OBJECT};
}

enum status report_run(const struct report *r, const struct query *q, struct store *s, struct arena *a,
                       struct analytics_report *ret, struct err *err)
{
	scoped_query_sql from = {0};
	scoped_buf text = {0};
	scoped_result result = {0};
	struct axis axis;
	struct group_percentiles *percentiles = NULL;
	enum status status = query_axis(q, s, a, &axis, err);
	if (status != STATUS_OK)
		return status;
	query_from(q, &axis, a, &from);
	write_sql(r, q, &from, &text);
	status = store_query(s, text.data, from.params, from.n, &result, err);
	if (status == STATUS_OK && r->percentiles)
		status = percentiles_ask(q, &axis, s, a, &percentiles, err);
	if (status != STATUS_OK)
		return status;
	*ret = (struct analytics_report){.from = {q->from_ms},
	                                 .to = {q->to_ms},
	                                 .time_zone = q->zone,
	                                 .source = from.ledger ? from.rollup ? SPAN("both") : SPAN("ledger") : SPAN("rollup")};
	write_answer(&(struct writing){r, q, &axis, percentiles, &result}, a, ret);
	return STATUS_OK;
}
